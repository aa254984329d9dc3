//! SecretStore and ClusterSecretStore: is the store ours, is its spec sound, can its credentials be got; and the status
//! that says so.
//!
//! A pass asks AWS's token service at most, never a service that holds secrets. Stores of other classes and providers
//! are not touched, nor is their status. Writes happen only when something changed.

mod conditions;
mod metrics;
mod object;
mod session_tags;
mod validate;
mod verdict;
mod view;

use std::{
    fmt,
    hash::{DefaultHasher, Hash, Hasher},
    sync::Arc,
    time::Duration,
};

use k8s_openapi::{api::core::v1::ObjectReference, jiff::Timestamp};
use kube::{
    Api, Client,
    api::{Patch, PatchParams},
    runtime::events::EventType,
};
use prometheus::IntCounter;
use serde_json::json;
use tokio::time::Instant;

pub use conditions::Conditions;
pub use metrics::Metrics;
pub use object::{ControllerClass, StoreObject, kind_name};
pub use validate::{Finding, Findings, SUPPORTED, Settings, validate};
pub use verdict::Cause;
pub use view::{Refusal, StoreView, Stores};

use crate::{
    api::{ClusterSecretStore, SecretStore, SecretStoreStatus, external_secret::StoreKind, names},
    aws::Broker,
    sync::object::foreign_status_writer,
};
use verdict::Verdict;
use view::Record;

/// One validation may take this long: several hops of STS calls, each tried twice.
const VALIDATION_TIMEOUT: Duration = Duration::from_mins(1);
/// One write of the API server may take this long.
const WRITE_TIMEOUT: Duration = Duration::from_secs(10);
/// How long we leave the status of a store alone that another operator writes too.
const YIELD: Duration = Duration::from_mins(10);
/// When a store is looked at again that could not be written.
const WRITE_RETRY: Duration = Duration::from_secs(1);

/// Something to tell users of a store.
#[derive(Clone, Debug)]
pub struct StoreEvent {
    /// The reporting component: `secret-store` or `cluster-secret-store`.
    pub component: &'static str,
    /// The store.
    pub object: ObjectReference,
    /// Normal or Warning.
    pub type_: EventType,
    /// A condition's reason, such as `Valid`.
    pub reason: &'static str,
    /// What happened.
    pub note: String,
}

/// Where events go. It must not wait.
pub type Events = Arc<dyn Fn(StoreEvent) + Send + Sync>;

/// What a pass needs.
#[derive(Clone)]
pub struct StoreContext {
    /// The API server.
    pub client: Client,
    /// The way to AWS.
    pub broker: Broker,
    /// The stores in memory; the watch fills it before a pass.
    pub stores: Arc<Stores>,
    /// Where events go.
    pub events: Events,
    /// Gauges.
    pub metrics: Metrics,
    /// How often an object was left alone because another operator writes it too.
    pub foreign: IntCounter,
    /// Which stores are ours.
    pub class: ControllerClass,
    /// How often a store is validated that does not say so itself (`--store-requeue-interval`); nothing for only when it
    /// changes.
    pub interval: Option<Duration>,
}

impl fmt::Debug for StoreContext {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StoreContext")
            .field("class", &self.class)
            .finish_non_exhaustive()
    }
}

/// What a pass ended with.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct StoreOutcome {
    /// When the store is due again; nothing where only a change of it helps.
    pub next: Option<Duration>,
    /// Whether it can be used.
    pub ready: bool,
    /// It could not be used before: objects that wait for it should look again.
    pub changed_to_ready: bool,
    /// It cannot be used for another reason than before: objects that wait for it should say so.
    pub other_trouble: bool,
}

/// Validates one store and reports what was found. [`Stores::observe`] must have seen it.
pub async fn reconcile(ctx: &StoreContext, store: &StoreObject) -> StoreOutcome {
    let name = store.name();
    if !store.is_ours(&ctx.class) {
        ctx.metrics.forget(&name);
        return StoreOutcome::default();
    }
    let Some((view, mut record)) = ctx.stores.record(&name, store.uid()) else {
        return StoreOutcome::default();
    };
    if store.is_deleting() {
        return release(ctx, store).await;
    }
    let started = Instant::now();
    if record.validated != Some(store.generation()) {
        ctx.broker
            .store_changed(name.kind, name.namespace.as_deref(), &name.name);
    }
    let verdict = judge(ctx, store, &view).await;
    record.failures = if verdict.ready() == Some(true) {
        0
    } else {
        record.failures.saturating_add(1)
    };

    let same_spec = record
        .validated
        .is_none_or(|generation| generation == store.generation());
    let known_broken = same_spec && view.ready == Some(false);
    let ready = verdict.ready().unwrap_or(!known_broken);
    let yielded = yields(ctx, store, &mut record);
    let last = record.written.as_ref().or(store.status.as_ref());
    let wanted = verdict.status(last, known_broken, store.generation(), now());
    let mut next = verdict.next(
        interval(ctx, &view),
        record.failures,
        spread(store, record.failures),
    );
    if let Some(wait) = yielded {
        next = Some(next.map_or(wait, |next| next.min(wait)));
    } else if let Some(wanted) = wanted {
        match write_status(ctx, store, record.written.as_ref(), &wanted).await {
            Ok(written) => {
                if written && is_news(last, &wanted) {
                    tell(ctx, store, &verdict);
                }
                record.written = Some(wanted);
            }
            Err(error) => {
                tracing::warn!(store = %name.name, namespace = name.namespace, %error, "status not written");
                next = Some(WRITE_RETRY);
            }
        }
    }
    record.validated = Some(store.generation());
    let trouble = verdict
        .trouble()
        .or_else(|| record.trouble.clone().filter(|_| !ready));
    let other_trouble = trouble.is_some() && trouble != record.trouble;
    record.trouble = trouble;
    ctx.stores.decide(&name, store.uid(), Some(ready), record);
    ctx.metrics.validated(&name, Some(ready), started.elapsed());
    StoreOutcome {
        next,
        ready,
        changed_to_ready: ready && view.ready != Some(true),
        other_trouble,
    }
}

async fn judge(ctx: &StoreContext, store: &StoreObject, view: &StoreView) -> Verdict {
    let settings = match &view.settings {
        Ok(settings) => settings,
        Err(findings) => return Verdict::of_findings(findings),
    };
    let Some(aws) = store.aws() else {
        return Verdict::Valid;
    };
    if settings.is_referent {
        // Whose credentials they are is known only for an object that uses the store.
        return Verdict::Valid;
    }
    let own_namespace = store.metadata.namespace.as_deref().unwrap_or_default();
    let scope = view.scope(aws, own_namespace);
    let validated = async {
        ctx.broker.validate(&scope).await?;
        let identity = ctx.broker.identify(&scope).await?;
        Ok(ctx.broker.missing_actions(&identity))
    };
    match tokio::time::timeout(VALIDATION_TIMEOUT, validated).await {
        Ok(Ok(missing)) if !missing.is_empty() => Verdict::ValidWithout(missing),
        Ok(result) => Verdict::of_credentials(result.map(drop)),
        Err(_) => Verdict::timed_out(VALIDATION_TIMEOUT),
    }
}

/// Two operators of one class that judge a store differently would overwrite each other's status for ever: where another
/// wrote after us, ours rests. Gives how long it still does.
fn yields(ctx: &StoreContext, store: &StoreObject, record: &mut Record) -> Option<Duration> {
    let fields = store.metadata.managed_fields.as_deref().unwrap_or_default();
    let (writer, at) = foreign_status_writer(fields)?;
    let until = match record.yielded {
        Some((seen, until)) if seen == at => until,
        _ => {
            ctx.foreign.inc();
            tracing::warn!(
                store = store.metadata.name, namespace = store.metadata.namespace, %writer,
                "another operator writes this store's status; leaving it alone for ten minutes: give one of the two another \
                 --controller-class"
            );
            let until = Instant::now() + YIELD;
            record.yielded = Some((at, until));
            until
        }
    };
    let wait = until.saturating_duration_since(Instant::now());
    (!wait.is_zero()).then_some(wait)
}

fn interval(ctx: &StoreContext, view: &StoreView) -> Option<Duration> {
    let own = view.settings.as_ref().ok().and_then(|settings| settings.refresh);
    own.or(ctx.interval)
}

/// As the API server keeps times: without fractions of a second.
fn now() -> Timestamp {
    let now = Timestamp::now();
    Timestamp::from_second(now.as_second()).unwrap_or(now)
}

/// A number that differs between stores and tries.
fn spread(store: &StoreObject, failures: u32) -> u64 {
    let mut hasher = DefaultHasher::new();
    (store.uid(), failures).hash(&mut hasher);
    hasher.finish()
}

/// Whether users hear something new.
fn is_news(last: Option<&SecretStoreStatus>, wanted: &SecretStoreStatus) -> bool {
    let said = |status: &SecretStoreStatus| {
        let ready = status
            .conditions
            .iter()
            .flatten()
            .find(|condition| condition.type_ == "Ready")?;
        Some((ready.status.clone(), ready.reason.clone(), ready.message.clone()))
    };
    last.and_then(said) != said(wanted)
}

fn tell(ctx: &StoreContext, store: &StoreObject, verdict: &Verdict) {
    let (type_, reason, note) = verdict.event();
    let component = match store.kind {
        StoreKind::SecretStore => "secret-store",
        StoreKind::ClusterSecretStore => "cluster-secret-store",
    };
    (ctx.events)(StoreEvent {
        component,
        object: store.reference(),
        type_,
        reason,
        note,
    });
}

/// Why the API server did not take a write.
#[derive(Debug, thiserror::Error)]
enum WriteError {
    #[error("{0}")]
    Kube(Box<kube::Error>),
    #[error("the API server did not answer in time")]
    Timeout,
}

/// Writes a status unless it stands already. Under CRDs that lack some of our fields, what was written before counts as
/// standing as long as the rest does. Says whether it wrote.
async fn write_status(
    ctx: &StoreContext,
    store: &StoreObject,
    written: Option<&SecretStoreStatus>,
    wanted: &SecretStoreStatus,
) -> Result<bool, WriteError> {
    let stands = store.status.as_ref().is_some_and(|status| {
        let visible = status.conditions == wanted.conditions && status.capabilities == wanted.capabilities;
        status == wanted || (visible && written == Some(wanted))
    });
    if stands {
        return Ok(false);
    }
    let status = json!({
        "conditions": wanted.conditions,
        "capabilities": wanted.capabilities,
        "observedGeneration": wanted.observed_generation,
        "cause": wanted.cause,
    });
    // The resourceVersion keeps the status off a store that was deleted and made anew meanwhile.
    let body =
        json!({ "metadata": { "resourceVersion": store.metadata.resource_version }, "status": status });
    patch(ctx, store, &body, Part::Status).await.map(|()| true)
}

/// A store that is being deleted is let go: the finalizer that another operator may have left would keep it for ever.
async fn release(ctx: &StoreContext, store: &StoreObject) -> StoreOutcome {
    let finalizers = store.metadata.finalizers.as_deref().unwrap_or_default();
    let kept: Vec<_> = finalizers
        .iter()
        .filter(|name| *name != names::ESO_STORE_FINALIZER)
        .collect();
    if kept.len() == finalizers.len() {
        return StoreOutcome::default();
    }
    let version = &store.metadata.resource_version;
    let body = json!({ "metadata": { "resourceVersion": version, "finalizers": kept } });
    match patch(ctx, store, &body, Part::Object).await {
        Ok(()) => StoreOutcome::default(),
        Err(error) => {
            tracing::warn!(store = store.metadata.name, %error, "finalizer not removed");
            StoreOutcome {
                next: Some(WRITE_RETRY),
                ..StoreOutcome::default()
            }
        }
    }
}

#[derive(Clone, Copy)]
enum Part {
    Object,
    Status,
}

/// A JSON merge patch. A store that is gone needs none.
async fn patch(
    ctx: &StoreContext,
    store: &StoreObject,
    body: &serde_json::Value,
    part: Part,
) -> Result<(), WriteError> {
    let name = store.metadata.name.as_deref().unwrap_or_default();
    let params = PatchParams {
        field_manager: Some(names::STATUS_MANAGER.to_owned()),
        ..PatchParams::default()
    };
    let patch = Patch::Merge(body);
    let exchange = async {
        match store.kind {
            StoreKind::SecretStore => {
                let namespace = store.metadata.namespace.as_deref().unwrap_or_default();
                let api: Api<SecretStore> = Api::namespaced(ctx.client.clone(), namespace);
                match part {
                    Part::Object => api.patch(name, &params, &patch).await.map(drop),
                    Part::Status => api.patch_status(name, &params, &patch).await.map(drop),
                }
            }
            StoreKind::ClusterSecretStore => {
                let api: Api<ClusterSecretStore> = Api::all(ctx.client.clone());
                match part {
                    Part::Object => api.patch(name, &params, &patch).await.map(drop),
                    Part::Status => api.patch_status(name, &params, &patch).await.map(drop),
                }
            }
        }
    };
    match tokio::time::timeout(WRITE_TIMEOUT, exchange).await {
        Ok(Ok(())) => Ok(()),
        Ok(Err(kube::Error::Api(status))) if status.code == 404 => Ok(()),
        Ok(Err(error)) => Err(WriteError::Kube(Box::new(error))),
        Err(_) => Err(WriteError::Timeout),
    }
}
