//! Every store as its users see it: in memory, filled from the watch and from what validation found.
//!
//! What validation found wins over a status that is watched: the watch may still show the status from before our write.

use std::{
    collections::{BTreeMap, HashMap},
    sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard},
};

use k8s_openapi::jiff::Timestamp;
use tokio::time::Instant;

use super::{
    object::{ControllerClass, StoreObject, kind_name},
    validate::{self, Findings, Settings},
};
use crate::{
    api::{
        SecretStoreStatus,
        external_secret::StoreKind,
        secret_store::{AwsProvider, AwsService, RetrySettings},
    },
    aws::{StoreName, StoreScope},
    operator::{config::Config, schedule::stable_hash},
    sync::{plan::StoreState, spec},
};

/// A store at one moment.
#[derive(Clone, Debug)]
pub struct StoreView {
    /// The store by name.
    pub name: StoreName,
    /// Its uid.
    pub uid: String,
    /// Its generation.
    pub generation: i64,
    /// How its calls are retried.
    pub retry: Option<RetrySettings>,
    /// Its AWS provider, shared with those who read through it.
    pub aws: Option<Arc<AwsProvider>>,
    /// A hash of that: who reads as whom is compared each time that a refresh is placed.
    pub aws_hash: u64,
    /// What the spec means, or what is wrong with it.
    pub settings: Result<Settings, Findings>,
    /// Whether the stored object can be read.
    pub readable: bool,
    /// Whether its class is ours.
    pub class_ok: bool,
    /// Whether it can be used: as validated, or before that as last reported. Nothing where neither is known.
    pub ready: Option<bool>,
}

/// Why an object may not use a store. The texts are those that users look for.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// It belongs to another operator: the object is left alone.
    #[error("can not reference unmanaged store")]
    OtherClass,
    /// It is of another provider: the object is left alone.
    #[error("the store is of another provider than AWS")]
    OtherProvider,
    /// Its conditions do not let this namespace use it.
    #[error(
        "using cluster store \"{store}\" is not allowed from namespace \"{namespace}\": denied by spec.condition"
    )]
    Denied {
        /// Name of the store.
        store: String,
        /// Namespace of the object.
        namespace: String,
    },
    /// Its spec cannot be acted upon.
    #[error("{kind} \"{store}\" is not ready: {findings}")]
    Invalid {
        /// Kind of the store.
        kind: &'static str,
        /// Name of the store.
        store: String,
        /// What is wrong.
        findings: Findings,
    },
    /// It was not found to work.
    #[error("{kind} \"{store}\" is not ready")]
    NotReady {
        /// Kind of the store.
        kind: &'static str,
        /// Name of the store.
        store: String,
    },
}

impl StoreView {
    /// The provider, if an object of `namespace` (with these labels) may use the store. With `gate`, only once it was
    /// found to work.
    pub fn admit(
        &self,
        namespace: &str,
        labels: &BTreeMap<String, String>,
        gate: bool,
    ) -> Result<(&Arc<AwsProvider>, &Settings), Refusal> {
        let Some(aws) = &self.aws else {
            return Err(Refusal::OtherProvider);
        };
        if !self.class_ok {
            return Err(Refusal::OtherClass);
        }
        let (kind, store) = (kind_name(self.name.kind), || self.name.name.clone());
        let settings = match &self.settings {
            Ok(settings) => settings,
            Err(findings) => {
                return Err(Refusal::Invalid {
                    kind,
                    store: store(),
                    findings: findings.clone(),
                });
            }
        };
        let is_cluster = self.name.kind == StoreKind::ClusterSecretStore;
        if is_cluster && !settings.conditions.allows(namespace, labels) {
            return Err(Refusal::Denied {
                store: store(),
                namespace: namespace.to_owned(),
            });
        }
        if gate && self.ready != Some(true) {
            return Err(Refusal::NotReady { kind, store: store() });
        }
        Ok((aws, settings))
    }

    /// The store as an object of a namespace uses it; empty for the store itself.
    pub fn scope<'a>(&'a self, aws: &'a AwsProvider, object_namespace: &'a str) -> StoreScope<'a> {
        StoreScope {
            kind: self.name.kind,
            store_namespace: self.name.namespace.as_deref(),
            name: &self.name.name,
            uid: &self.uid,
            generation: self.generation,
            aws,
            retry: self.retry.as_ref(),
            object_namespace,
        }
    }
}

/// All stores.
#[derive(Debug)]
pub struct Stores {
    class: ControllerClass,
    supported: &'static [AwsService],
    entries: RwLock<HashMap<StoreName, Entry>>,
}

#[derive(Debug)]
struct Entry {
    view: Arc<StoreView>,
    record: Record,
}

/// What we know of a store beyond what is watched.
#[derive(Clone, Debug, Default)]
pub(super) struct Record {
    /// The generation that was last validated.
    pub(super) validated: Option<i64>,
    /// Verdicts in a row that were not "valid".
    pub(super) failures: u32,
    /// When another operator wrote the status after us, and until when we leave it alone.
    pub(super) yielded: Option<(Timestamp, Instant)>,
    /// The status last written, where the API server may keep less of it.
    pub(super) written: Option<SecretStoreStatus>,
    /// Why the store cannot be used: the message of its Ready condition.
    pub(super) trouble: Option<String>,
}

impl Stores {
    /// No store yet.
    pub fn new(class: ControllerClass, supported: &'static [AwsService]) -> Self {
        Self {
            class,
            supported,
            entries: RwLock::default(),
        }
    }

    /// A store by kind and name; the namespace matters to a SecretStore only.
    pub fn lookup(&self, kind: StoreKind, namespace: &str, name: &str) -> Option<Arc<StoreView>> {
        let namespace = (kind == StoreKind::SecretStore).then(|| namespace.to_owned());
        let name = StoreName {
            kind,
            namespace,
            name: name.to_owned(),
        };
        self.read().get(&name).map(|entry| Arc::clone(&entry.view))
    }

    /// A store as an object of a namespace with these labels sees it.
    pub fn state(
        &self,
        config: &Config,
        namespace: &str,
        labels: &BTreeMap<String, String>,
        name: &spec::StoreName,
    ) -> StoreState {
        let served = match name.kind {
            StoreKind::SecretStore => config.secret_stores,
            StoreKind::ClusterSecretStore => config.cluster_stores,
        };
        if !served {
            return StoreState::NotOurs("is of a kind that this operator does not serve");
        }
        let Some(view) = self.lookup(name.kind, namespace, &name.name) else {
            return StoreState::Missing;
        };
        match view.admit(namespace, labels, config.flood_gate) {
            Ok((aws, _)) => {
                let aws = Arc::clone(aws);
                StoreState::Usable(view, aws)
            }
            Err(Refusal::OtherClass) => StoreState::NotOurs("has another spec.controller"),
            Err(Refusal::OtherProvider) => StoreState::NotOurs("has another provider than AWS"),
            Err(Refusal::Denied { .. }) => StoreState::Denied,
            Err(Refusal::Invalid { findings, .. }) => StoreState::NotReady(Some(findings.to_string())),
            Err(Refusal::NotReady { .. }) if view.ready.is_none() => StoreState::Pending,
            Err(Refusal::NotReady { .. }) => StoreState::NotReady(self.trouble(&view)),
        }
    }

    /// Why a store cannot be used, as validation found or, before that, as its status says.
    fn trouble(&self, view: &StoreView) -> Option<String> {
        self.read().get(&view.name)?.record.trouble.clone()
    }

    /// Takes in what the watch shows. Says whether users of the store should look again: it is new, was replaced, has
    /// another spec, or became ready.
    pub fn observe(&self, store: &StoreObject) -> bool {
        let name = store.name();
        let mut entries = self.write();
        let before = entries.get(&name).filter(|entry| entry.view.uid == store.uid());
        let reported = store.reported_ready();
        let (mut record, ready) = match before {
            // What validation found stands until it finds something else.
            Some(Entry { view, record }) if record.validated.is_some() => (record.clone(), view.ready),
            Some(Entry { record, .. }) => (record.clone(), reported),
            None => (Record::default(), reported),
        };
        if record.validated.is_none() {
            record.trouble = store.reported_trouble();
        }
        let readable = store.unreadable.is_none();
        let is_as_before =
            |view: &StoreView| view.generation == store.generation() && view.readable == readable;
        let changed = before.is_none_or(|entry| {
            !is_as_before(&entry.view) || (ready == Some(true) && entry.view.ready != ready)
        });
        let (settings, aws, aws_hash) = match before {
            Some(Entry { view, .. }) if is_as_before(view) => {
                (view.settings.clone(), view.aws.clone(), view.aws_hash)
            }
            _ => {
                let aws = store.spec.provider.aws.clone().map(Arc::new);
                let hash = stable_hash(&format!("{aws:?}"));
                (validate::validate(store, self.supported), aws, hash)
            }
        };
        let view = StoreView {
            aws,
            aws_hash,
            uid: store.uid().to_owned(),
            generation: store.generation(),
            retry: store.spec.retry_settings.clone(),
            settings,
            readable,
            class_ok: self.class.serves(store.spec.controller.as_deref()),
            ready,
            name: name.clone(),
        };
        entries.insert(
            name,
            Entry {
                view: Arc::new(view),
                record,
            },
        );
        changed
    }

    /// A store is gone.
    pub fn forget(&self, name: &StoreName) {
        self.write().remove(name);
    }

    /// After a new list of one kind: what it does not hold is gone.
    pub fn retain(&self, kind: StoreKind, listed: impl Fn(&StoreName) -> bool) {
        self.write().retain(|name, _| name.kind != kind || listed(name));
    }

    /// What we know of a store, if it is still the one with this uid.
    pub(super) fn record(&self, name: &StoreName, uid: &str) -> Option<(Arc<StoreView>, Record)> {
        let entries = self.read();
        let entry = entries.get(name).filter(|entry| entry.view.uid == uid)?;
        Some((Arc::clone(&entry.view), entry.record.clone()))
    }

    /// Takes in what validation of one generation found.
    pub(super) fn decide(&self, name: &StoreName, uid: &str, ready: Option<bool>, record: Record) {
        if let Some(entry) = self.write().get_mut(name).filter(|entry| entry.view.uid == uid) {
            // The watch may have moved on to another spec meanwhile; that one has its own turn.
            if record.validated == Some(entry.view.generation) {
                Arc::make_mut(&mut entry.view).ready = ready;
            }
            entry.record = record;
        }
    }

    // A panic elsewhere leaves whole entries behind: each change is one insert or one removal.
    fn read(&self) -> RwLockReadGuard<'_, HashMap<StoreName, Entry>> {
        self.entries.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, HashMap<StoreName, Entry>> {
        self.entries.write().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests;
