//! A ClusterExternalSecret as the watch keeps it: its spec parsed into what is wanted where.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap, HashSet},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;

use super::{
    failure::{Cause, Failure},
    selection::Selection,
    status::Record,
};
use crate::{
    api::{
        ClusterExternalSecret, ClusterExternalSecretSpec, ClusterExternalSecretStatus, Stored,
        external_secret::ExternalSecretSpec, names,
    },
    sync::{
        self,
        object::spec_digest,
        spec::{self, Rules, Spec, StoreName},
    },
};

/// How often ExternalSecrets are compared where the spec does not say it.
const INTERVAL: Duration = Duration::from_hours(1);
/// A shorter interval would compare without pause.
const SHORTEST_INTERVAL: Duration = Duration::from_secs(1);

/// What is kept in each namespace.
#[derive(Clone, Debug)]
pub(super) struct Wanted {
    /// Name of the ExternalSecrets.
    pub(super) name: Box<str>,
    /// Their labels.
    pub(super) labels: BTreeMap<String, String>,
    /// Their annotations, a request for a sync included.
    pub(super) annotations: BTreeMap<String, String>,
    /// Their spec.
    pub(super) spec: ExternalSecretSpec,
    /// Its digest, to compare with what is watched.
    pub(super) digest: u64,
    /// Where.
    pub(super) namespaces: Selection,
    /// How often it is compared.
    pub(super) interval: Option<Duration>,
}

/// A ClusterExternalSecret.
#[derive(Clone, Debug)]
pub(in crate::operator) struct ClusterObject {
    pub(super) name: Arc<str>,
    pub(super) uid: Box<str>,
    pub(super) generation: i64,
    pub(super) deleting: bool,
    /// Whether ESO left its finalizer.
    pub(super) finalizer_left: bool,
    /// The stores that its ExternalSecrets name.
    pub(in crate::operator) stores: BTreeSet<StoreName>,
    pub(super) wanted: Result<Wanted, Failure>,
    /// What the status said when it was watched last.
    pub(super) status: ClusterExternalSecretStatus,
}

impl ClusterObject {
    pub(super) fn new(watched: Stored<ClusterExternalSecret>, rules: &Rules) -> Self {
        match watched.0 {
            Ok(object) => {
                let stores = spec::stores(&object.spec.external_secret_spec);
                let wanted = wanted(object.spec, &object.metadata, rules);
                Self::build(object.metadata, stores, wanted, object.status.unwrap_or_default())
            }
            Err(unreadable) => {
                let text = format!(
                    "the stored object cannot be read: {}; apply it again",
                    unreadable.why
                );
                let wanted = Err(Failure::new(Cause::Malformed, text));
                let stores = spec::stores_of_unreadable(&unreadable, "/spec/externalSecretSpec");
                let status = unreadable.part("/status").unwrap_or_default();
                Self::build(unreadable.metadata, stores, wanted, status)
            }
        }
    }

    fn build(
        metadata: ObjectMeta,
        stores: BTreeSet<StoreName>,
        wanted: Result<Wanted, Failure>,
        status: ClusterExternalSecretStatus,
    ) -> Self {
        let finalizers = metadata.finalizers.unwrap_or_default();
        Self {
            name: metadata.name.unwrap_or_default().into(),
            uid: metadata.uid.unwrap_or_default().into(),
            generation: metadata.generation.unwrap_or_default(),
            deleting: metadata.deletion_timestamp.is_some(),
            finalizer_left: finalizers.iter().any(|f| f == names::ESO_CLUSTER_FINALIZER),
            stores,
            wanted,
            status,
        }
    }

    /// Whether there is something to do that the other did not ask for. Status is none of it: we write that.
    fn differs(&self, before: &Self) -> bool {
        let asked = |object: &Self| {
            object
                .wanted
                .as_ref()
                .ok()
                .map(|wanted| wanted.annotations.clone())
        };
        self.uid != before.uid
            || self.generation != before.generation
            || self.deleting != before.deleting
            || self.finalizer_left != before.finalizer_left
            || asked(self) != asked(before)
    }

    /// Whether a namespace with these labels is selected.
    pub(in crate::operator) fn selects(&self, namespace: &str, labels: &BTreeMap<String, String>) -> bool {
        self.wanted
            .as_ref()
            .is_ok_and(|wanted| wanted.namespaces.selects(namespace, labels))
    }

    /// Whether its ExternalSecrets have this name.
    pub(in crate::operator) fn is_for(&self, external_secret: &str) -> bool {
        self.wanted
            .as_ref()
            .is_ok_and(|wanted| *wanted.name == *external_secret)
    }
}

fn wanted(spec: ClusterExternalSecretSpec, metadata: &ObjectMeta, rules: &Rules) -> Result<Wanted, Failure> {
    let namespaces = Selection::parse(&spec)?;
    let interval = interval(spec.refresh_time.as_deref())?;
    let name = spec.external_secret_name.filter(|name| !name.is_empty());
    let name = name.or_else(|| metadata.name.clone()).unwrap_or_default();
    if let Err(failure) = Spec::parse(&spec.external_secret_spec, &name, rules)
        && (failure.cause.class() == sync::cause::Class::Spec
            || failure.cause == sync::cause::Cause::TargetTypeRefused)
    {
        let text = format!(
            "the spec inside spec.externalSecretSpec is refused: {}",
            failure.text
        );
        return Err(Failure::new(Cause::InvalidSpec, text));
    }
    let given = spec.external_secret_metadata.unwrap_or_default();
    let mut annotations = given.annotations.unwrap_or_default();
    let own = metadata.annotations.as_ref();
    for asks in names::FORCE_SYNC_ANNOTATIONS {
        if let Some(value) = own.and_then(|own| own.get(asks)) {
            annotations.insert(asks.to_owned(), value.clone());
        }
    }
    Ok(Wanted {
        name: name.into(),
        labels: given.labels.unwrap_or_default(),
        annotations,
        digest: spec_digest(&spec.external_secret_spec),
        spec: spec.external_secret_spec,
        namespaces,
        interval,
    })
}

fn interval(text: Option<&str>) -> Result<Option<Duration>, Failure> {
    let Some(text) = text else {
        return Ok(Some(INTERVAL));
    };
    let parsed = gotext::duration::parse(text).map_err(|_| {
        let text = format!(
            "spec.refreshTime {text:?} is not a duration; write numbers with units, such as 15m or 1h30m"
        );
        Failure::new(Cause::InvalidSpec, text)
    })?;
    let every = parsed.to_std().filter(|every| !every.is_zero());
    Ok(every.map(|every| every.max(SHORTEST_INTERVAL)))
}

/// All ClusterExternalSecrets.
#[derive(Debug, Default)]
pub(in crate::operator) struct ClusterObjects(Mutex<Inner>);

#[derive(Debug, Default)]
struct Inner {
    objects: HashMap<Arc<str>, Arc<ClusterObject>>,
    records: HashMap<Arc<str>, Record>,
    listed: HashSet<Arc<str>>,
}

impl ClusterObjects {
    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(in crate::operator) fn begin_list(&self) {
        self.inner().listed.clear();
    }

    /// A list is complete; what it did not show is gone. Gives its names.
    pub(in crate::operator) fn end_list(&self) -> Vec<Arc<str>> {
        let mut inner = self.inner();
        let listed = std::mem::take(&mut inner.listed);
        let gone: Vec<_> = inner
            .objects
            .keys()
            .filter(|name| !listed.contains(*name))
            .cloned()
            .collect();
        inner.objects.retain(|name, _| listed.contains(name));
        inner.records.retain(|name, _| listed.contains(name));
        gone
    }

    /// An object was listed or changed. Gives its name, and whether that is news.
    pub(in crate::operator) fn apply(
        &self,
        watched: Stored<ClusterExternalSecret>,
        listing: bool,
        rules: &Rules,
    ) -> (Arc<str>, bool) {
        let object = ClusterObject::new(watched, rules);
        let name = Arc::clone(&object.name);
        let mut inner = self.inner();
        if listing {
            inner.listed.insert(Arc::clone(&name));
        }
        let before = inner.objects.get(&name);
        let news = before.is_none_or(|before| object.differs(before));
        inner.objects.insert(Arc::clone(&name), Arc::new(object));
        (name, news)
    }

    pub(in crate::operator) fn delete(&self, name: &str) {
        let mut inner = self.inner();
        inner.objects.remove(name);
        inner.records.remove(name);
    }

    pub(super) fn get(&self, name: &str) -> Option<Arc<ClusterObject>> {
        self.inner().objects.get(name).cloned()
    }

    /// Names of those that fulfil a condition.
    pub(in crate::operator) fn names_where(&self, wanted: impl Fn(&ClusterObject) -> bool) -> Vec<Arc<str>> {
        let inner = self.inner();
        let objects = inner.objects.iter().filter(|(_, object)| wanted(object));
        objects.map(|(name, _)| Arc::clone(name)).collect()
    }

    /// What is remembered of an object; nothing of one that it replaced.
    pub(super) fn record(&self, object: &ClusterObject) -> Record {
        let inner = self.inner();
        let record = inner.records.get(&object.name);
        record
            .filter(|record| record.uid == object.uid)
            .cloned()
            .unwrap_or_else(|| Record::new(&object.uid))
    }

    /// Remembers, unless the object went meanwhile.
    pub(super) fn remember(&self, object: &ClusterObject, record: Record) -> bool {
        let mut inner = self.inner();
        let same = inner
            .objects
            .get(&object.name)
            .is_some_and(|now| now.uid == object.uid);
        if same {
            inner.records.insert(Arc::clone(&object.name), record);
        }
        same
    }
}
