//! One ExternalSecret's turn: its record is taken, the plan decides, the stages run, the report is written.

mod due;
mod release;

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use http::{HeaderValue, header::ACCEPT};
use jiff::Timestamp;
use k8s_openapi::api::core::v1::ObjectReference;
use kube::{
    Resource,
    api::{Patch, PatchParams, Request},
};
use serde::Deserialize;
use serde_json::Value;
use tokio::time::Instant;

use super::{
    Context, Recovery,
    objects::ObjectName,
    schedule::{self, Place},
    stores::state,
};
use crate::{
    api::{ExternalSecret, ExternalSecretStatus, names},
    secrets_api::request::METADATA,
    sync::{
        Done, Outcome,
        absence::OnMissing,
        apply::Applied,
        cause::{Cause, Class, Failure},
        object::Object,
        plan::{self, Decision, Reads, Situation, StoreState, Why},
        record::{Record, Reported},
        report::{self, Began, Report},
        spec::{Interval, Spec, StoreName, TargetName},
        target::{Drift, Seen, TargetView, drift},
    },
};

/// A sync that takes longer is given up; waiting belongs to the queue.
const SYNC_TIMEOUT: Duration = Duration::from_mins(1);
/// How long we leave an object alone that another operator writes too.
const YIELD: Duration = Duration::from_mins(10);
/// When a status that could not be written is written again.
const STATUS_RETRY: Duration = Duration::from_secs(2);
/// Component of events, as ESO's.
const COMPONENT: &str = "external-secrets";

/// Where an object's periodic refreshes lie; remembered beside its record.
#[derive(Debug, Default)]
pub(super) struct Held {
    /// In a box: the table of all records grows by doubling, and would hold most of its room for nothing.
    record: Option<Box<Record>>,
    place: Option<Place>,
}

/// One turn. Returns when the next one is due.
pub(super) async fn reconcile(
    ctx: &Arc<Context>,
    at: &ObjectName,
    recovered: Option<Recovery>,
    waited: Duration,
) -> Option<Duration> {
    let object = ctx.objects.get(at)?;
    if object.deleting {
        return Box::pin(release::object(ctx, &object)).await;
    }
    let began = Began {
        at: Timestamp::now(),
        instant: Instant::now(),
    };
    let mut held = ctx.take_record(at);
    let mut record = held
        .record
        .take()
        .filter(|record| record.uid == object.uid)
        .unwrap_or_else(|| {
            let mut record = seed(ctx, &object);
            record.renew_at = due::renewal_from_status(&object, &record.reported, began.at);
            Box::new(record)
        });
    if let Some(recovery) = recovered {
        recover(ctx, &object, &mut record, recovery, began);
    }
    let next = turn(ctx, &object, &mut record, &mut held.place, waited, began).await;
    held.record = Some(record);
    ctx.put_record(at, &object, held);
    next
}

/// What failed is tried again now, where what changed can help.
fn recover(ctx: &Context, object: &Object, record: &mut Record, recovery: Recovery, began: Began) {
    let Some(failing) = &record.failing else { return };
    let ends = match (recovery, failing.failure.cause.class()) {
        (Recovery::Source, _) | (Recovery::Target, Class::Watched) => true,
        // The source may be back; as long as the target is as we left it, nothing presses.
        (Recovery::Target, Class::Data) => is_target_edited(ctx, object, record),
        (Recovery::Target, Class::Spec | Class::Denied | Class::Transient) => false,
    };
    if ends && let Some(failing) = &mut record.failing {
        failing.retry_at = began.instant;
        failing.count = 0;
        // Windows are for refreshes: a target is repaired at any time.
        failing.of_refresh &= recovery != Recovery::Target;
    }
}

fn is_target_edited(ctx: &Context, object: &Object, record: &Record) -> bool {
    let Ok(spec) = &object.spec else { return false };
    let (view, is_watched) = target(ctx, object);
    let expected = plan::expected(object, record, spec);
    is_watched
        && !record.targetless
        && matches!(drift(&expected, view.as_deref()), Drift::Gone | Drift::Edited(_))
}

/// A record from the status, unless that is the status of an object that this one replaced.
fn seed(ctx: &Context, object: &Object) -> Record {
    if !ctx.misreported().remove(&object.uid) {
        return Record::seed(object);
    }
    Record::seed(&Object {
        status: ExternalSecretStatus::default(),
        ..object.clone()
    })
}

async fn turn(
    ctx: &Arc<Context>,
    object: &Object,
    record: &mut Record,
    place: &mut Option<Place>,
    waited: Duration,
    began: Began,
) -> Option<Duration> {
    if let Err(wait) = settle(ctx, object, record).await {
        return Some(wait);
    }
    let stores = stores(ctx, object);
    let (target, targets_watched) = target(ctx, object);
    due::schedule_from_status(ctx, object, record, &stores, place, began);
    let decision = plan::decide(&Situation {
        object,
        record,
        target: target.as_deref(),
        targets_watched,
        stores: &stores,
        default_class: ctx.config.is_default_class(),
        terminating: ctx.namespaces.get(&object.namespace).terminating,
        template_changed: ctx.template_sources.changed(object, record),
        waited,
        instant: began.instant,
        now: began.at,
    });
    if !matches!(decision, Decision::Ignore | Decision::Wait)
        && let Some(wait) = yields(ctx, object, record)
    {
        return Some(wait);
    }
    tracing::trace!(namespace = %object.namespace, name = %object.name, ?decision, "planned");
    let interval = object.spec.as_ref().map_or(Interval::Once, |spec| spec.interval);
    let before = record.reported.clone();
    let (report, failed) = match decision {
        Decision::Ignore | Decision::Wait => return None,
        Decision::Skip(next) => (
            Report {
                status: report::skipped(object, record),
                notes: vec![],
                next,
            },
            false,
        ),
        Decision::Refuse(failure) => {
            ctx.metrics
                .failures
                .with_label_values(&[failure.cause.name()])
                .inc();
            (
                report::failed(object, record, &failure, None, interval, began),
                true,
            )
        }
        Decision::Sync(why, mut reads) => {
            if let Interval::Every(every) = interval {
                reads.patience = schedule::patience(place.as_ref(), every);
            }
            sync(
                ctx,
                object,
                record,
                Seen {
                    view: target.as_deref(),
                    watched: targets_watched,
                },
                &stores,
                &why,
                &reads,
                place,
                began,
            )
            .await
        }
    };
    let next = Box::pin(publish(ctx, object, record, before, report)).await;
    ctx.metrics
        .reconciled(&object.namespace, &object.name, began.instant.elapsed(), failed);
    if let Some(ready) = &record.reported.ready {
        ctx.metrics
            .ready(&object.namespace, &object.name, ready.status == "True");
    }
    next
}

#[expect(clippy::too_many_arguments, reason = "one caller; the parts of a turn, named")]
async fn sync(
    ctx: &Arc<Context>,
    object: &Object,
    record: &mut Record,
    seen: Seen<'_>,
    stores: &BTreeMap<StoreName, StoreState>,
    why: &Why,
    reads: &Reads,
    place: &mut Option<Place>,
    began: Began,
) -> (Report, bool) {
    let Ok(spec) = &object.spec else {
        return (Report::default(), false);
    };
    let renamed = left_behind(ctx, object, record, spec);
    // What the watch knows of the target is what the digest may be compared with; anything else is written anew.
    record.unproven |= unproven(object, record, spec, seen.view);
    // Without the watch nothing is known of the target: who asks for a sync gets it written.
    record.unproven |= !seen.watched && !why.is_periodic();
    let run = ctx
        .stages
        .run(object, spec, record, seen, stores, why, reads, &renamed);
    let result = match tokio::time::timeout(SYNC_TIMEOUT, run).await {
        Ok(result) => result,
        Err(_) => Err(Failure::new(
            Cause::AwsUnavailable,
            format!(
                "the sync did not end within {} s; trying again",
                SYNC_TIMEOUT.as_secs()
            ),
        )),
    };
    let took = began.instant.elapsed().as_secs_f64();
    match result {
        Ok(outcome) => {
            ctx.metrics
                .sync_duration
                .with_label_values(&["success"])
                .observe(took);
            let mut report = report::succeeded(object, record, &outcome, why, spec.interval, began);
            if outcome.done != Done::AwaitingConfirmation {
                let passed_over = match spec.on_missing {
                    OnMissing::Fail => 0,
                    OnMissing::Keep | OnMissing::Skip => outcome.missing.len(),
                };
                ctx.metrics
                    .succeeded(&object.namespace, &object.name, began.at, passed_over);
                report.next = due::reschedule(ctx, object, spec, record, stores, place);
            }
            log(object, why, &outcome, took);
            count(ctx, &outcome);
            (report, false)
        }
        // Left alone, its status included; the generator is not watched, so it is looked at again.
        Err(failure) if failure.cause == Cause::GeneratorNotOurs => {
            let next = Some(plan::DEFAULT_WAIT);
            (
                Report {
                    next,
                    ..Report::default()
                },
                false,
            )
        }
        Err(failure) => {
            ctx.metrics
                .sync_duration
                .with_label_values(&["error"])
                .observe(took);
            ctx.metrics
                .failures
                .with_label_values(&[failure.cause.name()])
                .inc();
            tracing::warn!(
                namespace = %object.namespace, name = %object.name, cause = failure.cause.name(), error = %failure.text,
                "sync failed"
            );
            (
                report::failed(object, record, &failure, Some(why), spec.interval, began),
                true,
            )
        }
    }
}

/// The target as the watch of its kind shows it, and whether there is one.
fn target(ctx: &Context, object: &Object) -> (Option<Arc<TargetView>>, bool) {
    match (object.secret_name(), object.generic_target()) {
        (Some(name), _) => {
            let view = ctx.targets.get(&object.namespace, name);
            (view, ctx.config.drift_watch)
        }
        (None, Some((kind, name))) => ctx.generic_targets.get(kind, &object.namespace, name),
        (None, None) => (None, ctx.config.drift_watch),
    }
}

/// Targets of ours under other names or of other kinds.
fn left_behind(ctx: &Context, object: &Object, record: &Record, spec: &Spec) -> Vec<TargetName> {
    let created_by = &object.created_by;
    let secrets = ctx.targets.created_by(&object.namespace, created_by);
    let secrets = secrets.into_iter().map(|name| TargetName { kind: None, name });
    let others = ctx.generic_targets.created_by(&object.namespace, created_by);
    // An operator that writes Secrets alone has no business with other kinds.
    let is_ours = |target: &TargetName| target.kind.is_none() || ctx.config.rules.generic_targets;
    let written = record.written_as.clone().filter(is_ours);
    let mut left: Vec<_> = secrets.chain(others).chain(written).collect();
    left.sort();
    left.dedup();
    let current = spec.target.id();
    left.retain(|target| !target.is_same_object(&current));
    left
}

fn unproven(object: &Object, record: &Record, spec: &Spec, target: Option<&TargetView>) -> bool {
    !matches!(drift(&plan::expected(object, record, spec), target), Drift::None)
}

fn log(object: &Object, why: &Why, outcome: &Outcome, took: f64) {
    let quiet = matches!(
        outcome.done,
        Done::Applied(Applied::Unchanged(_)) | Done::NotWritten
    );
    if quiet {
        tracing::debug!(namespace = %object.namespace, name = %object.name, ?why, took, "nothing new");
    } else {
        tracing::info!(
            namespace = %object.namespace, name = %object.name, ?why, took, done = done_name(&outcome.done), "synced"
        );
    }
}

fn done_name(done: &Done) -> &'static str {
    match done {
        Done::Applied(Applied::Created(_)) => "created",
        Done::Applied(Applied::Updated(_)) => "updated",
        Done::Applied(Applied::Unchanged(_)) => "unchanged",
        Done::Applied(Applied::Missing) => "missing",
        Done::Applied(Applied::Deleted) => "deleted",
        Done::NotWritten => "not written",
        Done::Retained => "retained",
        Done::AwaitingConfirmation => "awaiting confirmation",
    }
}

fn count(ctx: &Context, outcome: &Outcome) {
    if let Done::Applied(_) = outcome.done {
        ctx.metrics
            .writes
            .with_label_values(&[done_name(&outcome.done)])
            .inc();
    }
}

/// Writes status and events. A status that could not be written is tried again, with everything else as it is.
async fn publish(
    ctx: &Context,
    object: &Object,
    record: &mut Record,
    before: Reported,
    report: Report,
) -> Option<Duration> {
    for note in report.notes {
        ctx.events
            .publish(reference(object), COMPONENT, note.warning, note.reason, note.text);
    }
    let Some(status) = &report.status else {
        return report.next;
    };
    match write_status(ctx, object, status).await {
        Ok(()) => report.next,
        // The object is gone; its record goes with the watch's event.
        Err(Some(kube::Error::Api(status))) if status.is_not_found() => None,
        Err(error) => {
            let error = error.map_or_else(|| "no answer in time".to_owned(), |error| error.to_string());
            tracing::warn!(
                namespace = %object.namespace, name = %object.name, error,
                "the status could not be written; trying again"
            );
            record.owed = Some(Box::new(std::mem::replace(&mut record.reported, before)));
            Some(STATUS_RETRY)
        }
    }
}

/// A status that could not be written comes first in the next turn. Nothing else is done before it stands.
async fn settle(ctx: &Context, object: &Object, record: &mut Record) -> Result<(), Duration> {
    let Some(owed) = record.owed.take() else {
        return Ok(());
    };
    let before = record.reported.clone();
    let status = report::write(record, *owed);
    let report = Report {
        status,
        ..Report::default()
    };
    match Box::pin(publish(ctx, object, record, before, report)).await {
        Some(wait) => Err(wait),
        None => Ok(()),
    }
}

async fn write_status(ctx: &Context, object: &Object, status: &Value) -> Result<(), Option<kube::Error>> {
    /// All that is wanted of the answer, which holds the whole object's managedFields.
    #[derive(Deserialize)]
    struct Written {
        metadata: Identity,
    }
    #[derive(Deserialize)]
    struct Identity {
        uid: Box<str>,
    }
    let params = PatchParams {
        field_manager: Some(names::STATUS_MANAGER.to_owned()),
        ..PatchParams::default()
    };
    let url = ExternalSecret::url_path(&(), Some(&object.namespace));
    let request = Request::new(url).patch_subresource("status", &object.name, &params, &Patch::Merge(status));
    let mut request = request.map_err(|error| Some(kube::Error::BuildRequest(error)))?;
    let metadata = HeaderValue::from_static(METADATA);
    request.headers_mut().insert(ACCEPT, metadata);
    let _slot = ctx.status_slots.acquire().await;
    let written = ctx.client.request::<Written>(request);
    match tokio::time::timeout(Duration::from_secs(10), written).await {
        Ok(Ok(written)) => {
            // The patch names no uid that the server would look at: an object made anew meanwhile got it.
            let uid = written.metadata.uid;
            if *uid != *object.uid {
                ctx.misreported().insert(uid);
            }
            Ok(())
        }
        Ok(Err(error)) => Err(Some(error)),
        Err(_) => Err(None),
    }
}

/// What an event is about.
pub(super) fn reference(object: &Object) -> ObjectReference {
    ObjectReference {
        api_version: Some(names::API_VERSION.to_owned()),
        kind: Some("ExternalSecret".to_owned()),
        namespace: Some(object.namespace.to_string()),
        name: Some(object.name.to_string()),
        uid: Some(object.uid.to_string()),
        ..ObjectReference::default()
    }
}

/// The stores as this object sees them.
fn stores(ctx: &Context, object: &Object) -> BTreeMap<StoreName, StoreState> {
    object
        .stores
        .iter()
        .map(|name| (name.clone(), state(ctx, &object.namespace, name)))
        .collect()
}

/// Two operators of one class would overwrite each other's status for ever: one of them stops.
fn yields(ctx: &Context, object: &Object, record: &mut Record) -> Option<Duration> {
    let (writer, at) = object.foreign_status_writer.as_ref()?;
    let until = match record.yielded {
        Some((seen, until)) if seen == *at => until?,
        _ => {
            ctx.metrics.yields.inc();
            tracing::warn!(
                namespace = %object.namespace, name = %object.name, writer,
                "another operator writes this object's status; leaving it alone for ten minutes: give one of the two another \
                 --controller-class"
            );
            let until = Instant::now() + YIELD;
            record.yielded = Some((*at, Some(until)));
            until
        }
    };
    let wait = until.saturating_duration_since(Instant::now());
    if wait.is_zero() {
        // What the status says now is the other's; it is corrected from there.
        record.yielded = Some((*at, None));
        record.reported = Record::seed(object).reported;
        return None;
    }
    Some(wait)
}
