//! ClusterExternalSecret: one ExternalSecret is kept in each namespace that it selects.
//!
//! A turn decides from what is watched and asks the API server only to write. It never reads a secret: the
//! ExternalSecrets that it makes have turns of their own. What it makes goes with it by owner reference; no object and
//! no namespace is ever given a finalizer.

mod failure;
mod object;
mod provision;
mod release;
mod selection;
mod status;
pub(super) mod watch;

use std::{collections::HashSet, sync::Arc, time::Duration};

use futures::{StreamExt, stream};
use tokio::time::Instant;

use self::{
    failure::{Cause, Failure},
    object::Wanted,
    provision::Done,
    release::Which,
    status::{Provisioned, Record},
};
use super::{Context, stores};
use crate::{
    api::{ClusterExternalSecret, Stored},
    sync::spec::Rules,
};

pub(super) use object::{ClusterObject, ClusterObjects};
pub(super) use watch::{wake, wake_where};

/// Name of an object, and why it cannot be acted upon, where it cannot.
pub(crate) fn judge(watched: Stored<ClusterExternalSecret>, rules: &Rules) -> (String, Option<String>) {
    let object = ClusterObject::new(watched, rules);
    let failure = object.wanted.as_ref().err().map(ToString::to_string);
    (object.name.to_string(), failure)
}

/// Namespaces that are written to at once by one object.
const WRITES: usize = 8;
/// When a status that could not be written is written again.
const STATUS_RETRY: Duration = Duration::from_secs(2);

/// One turn. Returns when the next one is due.
pub(super) async fn reconcile(ctx: &Arc<Context>, name: &str) -> Option<Duration> {
    let Some(object) = ctx.cluster_objects.get(name) else {
        // The finalizers that ESO put on namespaces can outlive the object that they speak of.
        if !ctx.config.is_default_class() {
            return None;
        }
        return release::namespaces(ctx, name, Which::Terminating).await;
    };
    let selected = ctx
        .namespaces
        .names_where(|name, view| !view.terminating && object.selects(name, &view.labels));
    let Some(ours) = ours(ctx, &object, &selected) else {
        ctx.cluster_object_metrics.forget(name, "");
        return None;
    };
    if object.deleting {
        return release::object(ctx, &object).await;
    }
    let began = Instant::now();
    let mut record = ctx.cluster_objects.record(&object);
    let retry = release::namespaces(ctx, name, Which::Terminating).await;
    let (ready, next) = turn(ctx, &object, &selected, &ours, &mut record).await;
    let next = retry.into_iter().chain(next).min();
    if ctx.cluster_objects.remember(&object, record) {
        let took = began.elapsed();
        ctx.metrics
            .turned("clusterexternalsecret", took, ready == Some(false));
        if ctx.config.object_metrics {
            ctx.cluster_object_metrics.set(name, "", ready, took);
        }
    }
    next
}

/// The selected namespaces in which an ExternalSecret of this spec would be served by this operator; nothing where the
/// whole object is another operator's.
fn ours(ctx: &Context, object: &ClusterObject, selected: &[Box<str>]) -> Option<Vec<Box<str>>> {
    if selected.is_empty() {
        // No namespace says whose the stores there are.
        return stores::serves(ctx, "", &object.stores).then(Vec::new);
    }
    let ours: Vec<_> = selected
        .iter()
        .filter(|namespace| stores::serves(ctx, namespace, &object.stores))
        .cloned()
        .collect();
    Some(ours).filter(|ours| !ours.is_empty())
}

/// Whether it is Ready, where that is known, and when it is due again.
async fn turn(
    ctx: &Arc<Context>,
    object: &ClusterObject,
    selected: &[Box<str>],
    ours: &[Box<str>],
    record: &mut Record,
) -> (Option<bool>, Option<Duration>) {
    let wanted = match &object.wanted {
        Ok(wanted) => wanted,
        Err(failure) => {
            tracing::warn!(name = %object.name, error = %failure, "a ClusterExternalSecret cannot be acted upon");
            let written = status::write(&ctx.client, object, record, status::refused(object, failure)).await;
            return (Some(false), written.err().map(|()| STATUS_RETRY));
        }
    };
    let mut outcome = provision_all(ctx, object, wanted, ours).await;
    remove_surplus(ctx, object, wanted, selected, &mut outcome).await;
    let retry = outcome
        .failed
        .values()
        .filter_map(|failure| failure.cause.retry(record.failures));
    let next = wanted.interval.into_iter().chain(retry).min();
    let ready = outcome.failed.is_empty();
    record.failures = if ready {
        0
    } else {
        record.failures.saturating_add(1)
    };
    let passes = |failure: &Failure| failure.cause == Cause::ApiServerUnavailable;
    if !ready && record.failures < 2 && outcome.failed.values().all(passes) {
        // What passes by itself is told the second time.
        return (None, next);
    }
    for (namespace, failure) in &outcome.failed {
        tracing::warn!(name = %object.name, %namespace, error = %failure, "a namespace was not provisioned");
    }
    let status = status::provisioned(object, &wanted.name, &outcome);
    match status::write(&ctx.client, object, record, status).await {
        Ok(()) => (Some(ready), next),
        Err(()) => (Some(ready), Some(STATUS_RETRY)),
    }
}

async fn provision_all(
    ctx: &Arc<Context>,
    object: &ClusterObject,
    wanted: &Wanted,
    namespaces: &[Box<str>],
) -> Provisioned {
    let each = namespaces.iter().cloned().map(|namespace| async move {
        let at = (Arc::from(&*namespace), Arc::from(&*wanted.name));
        let known = ctx.objects.get(&at);
        let done = provision::provision(&ctx.client, object, wanted, &namespace, known.as_deref()).await;
        (namespace, done)
    });
    let mut each = stream::iter(each).buffer_unordered(WRITES);
    let mut outcome = Provisioned::default();
    while let Some((namespace, done)) = each.next().await {
        match done {
            Ok(Done::Stands) => outcome.done.push(namespace),
            Ok(Done::NamespaceGone) => {}
            Err(failure) => {
                outcome.failed.insert(namespace, failure);
            }
        }
    }
    outcome
}

/// Deletes what the object kept and wants no more: in namespaces that it selects no longer, and under a former name
/// once the new one stands there.
async fn remove_surplus(
    ctx: &Arc<Context>,
    object: &ClusterObject,
    wanted: &Wanted,
    selected: &[Box<str>],
    outcome: &mut Provisioned,
) {
    let selected: HashSet<&str> = selected.iter().map(AsRef::as_ref).collect();
    let stands: HashSet<Box<str>> = outcome.done.iter().cloned().collect();
    for known in ctx.objects.kept_by(&object.name) {
        let is_selected = selected.contains(&*known.namespace);
        let is_renamed = *known.name != *wanted.name;
        let is_surplus = !is_selected || (is_renamed && stands.contains(&known.namespace));
        if !is_surplus || known.deleting || ctx.namespaces.get(&known.namespace).terminating {
            continue;
        }
        match provision::delete(&ctx.client, &known).await {
            Ok(()) => tracing::info!(
                name = %object.name, namespace = %known.namespace, external_secret = %known.name,
                "deleted an ExternalSecret that is wanted no more"
            ),
            Err(failure) => {
                outcome.failed.insert(known.namespace.clone(), failure);
            }
        }
    }
}
