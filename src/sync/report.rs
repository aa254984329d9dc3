//! REPORT: the outcome becomes status, events, metrics and the time of the next try. The only writer of status; runs
//! after every sync, failed or not.

mod success;

use std::time::Duration;

use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use serde_json::{Value, json};
use tokio::time::Instant;

pub use self::success::is_targetless;
use self::success::{PARTIALLY_SYNCED, partially_synced, success};
use super::{
    Done, Outcome,
    apply::Applied,
    cause::{Cause, Class, Failure},
    object::Object,
    plan::{CONTEST_WINDOW, DEFAULT_WAIT, Why},
    record::{Failing, Record, Reported},
    spec::{Interval, Place, TargetName},
};
use crate::{
    api::external_secret::{StatusCondition, SyncedEntry},
    operator::schedule,
};

/// Longest message of a condition, in bytes.
const MESSAGE_LIMIT: usize = 1024;
/// Bounds of `status.entries`.
const ENTRIES: usize = 50;
/// See [`ENTRIES`]; bytes of JSON.
const ENTRIES_BYTES: usize = 16 * 1024;
/// Longest wait between tries of what backs off.
const LONGEST_BACKOFF: Duration = Duration::from_mins(5);

/// How often a kind of target that is not served is looked for.
const NOT_SERVED: Duration = Duration::from_mins(1);

/// An event to publish.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Note {
    /// Whether it is a warning.
    pub warning: bool,
    /// Reason, as ESO's events have it.
    pub reason: &'static str,
    /// Text.
    pub text: String,
}

impl Note {
    fn normal(reason: &'static str, text: impl Into<String>) -> Self {
        Self {
            warning: false,
            reason,
            text: text.into(),
        }
    }
}

/// What follows from an outcome.
#[derive(Debug, Default)]
pub struct Report {
    /// Merge patch of the status; nothing where it would change nothing worth a write.
    pub status: Option<Value>,
    /// Events.
    pub notes: Vec<Note>,
    /// When to look again; nothing waits for a change.
    pub next: Option<Duration>,
}

/// When a sync began, by both clocks.
#[derive(Clone, Copy, Debug)]
pub struct Began {
    /// For the status.
    pub at: Timestamp,
    /// For timers.
    pub instant: Instant,
}

/// A sync succeeded.
pub fn succeeded(
    object: &Object,
    record: &mut Record,
    outcome: &Outcome,
    why: &Why,
    interval: Interval,
    began: Began,
) -> Report {
    let Some((reason, message)) = success(&outcome.done, object.generic_target().is_some()) else {
        // A removal waits for its second look; the object stays as it is until then.
        let wait = record
            .confirm_at
            .map(|at| at.saturating_duration_since(Instant::now()));
        return Report {
            next: wait,
            ..Report::default()
        };
    };
    let partly = partially_synced(object, outcome);
    let message = partly.as_deref().unwrap_or(message);
    let changed = match &outcome.done {
        Done::Applied(Applied::Created(_) | Applied::Updated(_)) => true,
        // Found again at each refresh, and news but once.
        Done::Applied(Applied::Deleted | Applied::Missing) => {
            record
                .reported
                .ready
                .as_ref()
                .and_then(|ready| ready.reason.as_deref())
                != Some(reason)
        }
        _ => false,
    };
    let was_failing = record.failing.take().is_some();
    record.synced_form = Some(object.form.clone());
    record.forced = object.force_sync().map(|value| value.map(Into::into));
    if let (Why::Drift(_), true) = (why, changed) {
        count_repair(record, began);
    }
    let (entries, omitted) = versions(object, record, outcome);
    let (binding, target) = written(object, record, &outcome.done);
    let mut after = Reported {
        ready: Some(condition(
            "True",
            reason,
            message.to_owned(),
            &record.reported,
            began.at,
        )),
        cause: partly.is_some().then(|| PARTIALLY_SYNCED.to_owned()),
        observed_generation: Some(object.generation),
        refresh_time: Some(began.at),
        synced_form: Some(object.form.to_string()),
        binding,
        target,
        entries,
        omitted,
        expires: outcome.expires,
    };
    let every = interval.or(DEFAULT_WAIT);
    let heartbeat = schedule::heartbeat_is_due(
        began.at,
        record.reported.refresh_time,
        every,
        schedule::stable_hash(&object.uid),
    );
    // A refresh that found nothing new writes at most its heartbeat; what changed or was asked for is written at once.
    let asked = !matches!(why, Why::Due | Why::Retry);
    if !(heartbeat || asked || changed || was_failing) {
        after.refresh_time = record.reported.refresh_time;
    }
    let notes = notes(
        object,
        record,
        outcome,
        message,
        partly.is_some(),
        changed || asked,
    );
    record.told_missing.clone_from(&outcome.missing);
    Report {
        status: write(record, after),
        notes,
        next: None,
    }
}

/// A target was put right: too often within some minutes is a contest.
fn count_repair(record: &mut Record, began: Began) {
    while record
        .repairs
        .front()
        .is_some_and(|at| at.elapsed() > CONTEST_WINDOW)
    {
        record.repairs.pop_front();
    }
    record.repairs.push_back(began.instant);
}

/// What was written: the name of a Secret, or a target of another kind. Where nothing was, what was written before stays.
fn written(object: &Object, record: &Record, done: &Done) -> (Option<String>, Option<Box<TargetName>>) {
    match done {
        Done::Retained | Done::Applied(Applied::Deleted) => {
            let before = &record.reported;
            (before.binding.clone(), before.target.clone())
        }
        Done::NotWritten | Done::AwaitingConfirmation | Done::Applied(Applied::Missing) => (None, None),
        Done::Applied(Applied::Created(_) | Applied::Updated(_) | Applied::Unchanged(_)) => {
            let other = object.generic_target().map(|(kind, name)| {
                Box::new(TargetName {
                    kind: Some(kind.clone()),
                    name: name.into(),
                })
            });
            (object.secret_name().map(str::to_owned), other)
        }
    }
}

/// The versions that the target holds.
fn versions(object: &Object, record: &Record, outcome: &Outcome) -> (Vec<SyncedEntry>, i64) {
    let frozen = object.spec.as_ref().is_ok_and(|spec| spec.target.immutable);
    if frozen && !matches!(outcome.done, Done::Applied(Applied::Created(_))) {
        // The data of an immutable Secret stays that of the versions it was made from.
        return (record.reported.entries.clone(), record.reported.omitted);
    }
    bounded(&outcome.entries)
}

/// What users are told of a success.
fn notes(
    object: &Object,
    record: &Record,
    outcome: &Outcome,
    message: &str,
    partly: bool,
    is_news: bool,
) -> Vec<Note> {
    let mut notes = vec![];
    let ready = record.reported.ready.as_ref();
    let said = ready.and_then(|ready| ready.message.as_deref()) == Some(message);
    let told = |verb: &'static str, secret: &str| match object.generic_target() {
        None => Note::normal(verb, secret),
        Some((kind, name)) => Note::normal(verb, format!("{verb} {kind} {name}")),
    };
    match &outcome.done {
        Done::Applied(Applied::Created(_)) => notes.push(told("Created", "secret created")),
        Done::Applied(Applied::Updated(_)) => notes.push(told("Updated", "secret updated")),
        Done::Applied(Applied::Deleted) if !said => notes.push(told("Deleted", message)),
        _ => {}
    }
    if outcome.renamed > 0 {
        notes.push(Note::normal("Deleted", "secret deleted because it was orphaned"));
    }
    // Once per absence, not once per refresh.
    if partly && !said {
        notes.push(Note {
            warning: true,
            reason: PARTIALLY_SYNCED,
            text: message.to_owned(),
        });
    } else if !partly && is_news {
        let untold = |place: &&Place| !record.told_missing.contains(place);
        notes.extend(outcome.missing.iter().filter(untold).map(|place| {
            Note::normal(
                "MissingProviderSecret",
                format!("secret does not exist at provider using {place}"),
            )
        }));
    }
    notes
}

/// A sync failed, or, where there is no reason for one, the plan refused it.
pub fn failed(
    object: &Object,
    record: &mut Record,
    failure: &Failure,
    why: Option<&Why>,
    interval: Interval,
    began: Began,
) -> Report {
    let every = interval.or(DEFAULT_WAIT);
    let class = failure.cause.class();
    let now = Instant::now();
    let refused = why.is_none();
    let before = record
        .failing
        .as_ref()
        .filter(|failing| failing.form == object.form);
    let (count, since) = before.map_or((1, now), |failing| {
        (failing.count.saturating_add(1), failing.since)
    });
    let of_refresh = match why {
        Some(Why::Due) => true,
        Some(Why::Retry) => before.is_some_and(|failing| failing.of_refresh),
        _ => false,
    };
    let next = match class {
        Class::Spec => None,
        // By then half of the repairs that made it a contest are forgotten.
        Class::Denied if failure.cause == Cause::Contested => Some(CONTEST_WINDOW / 2),
        Class::Watched if failure.cause == Cause::TargetKindNotServed => Some(NOT_SERVED),
        Class::Watched if refused => Some(every.min(DEFAULT_WAIT)),
        Class::Data => Some(every),
        Class::Watched | Class::Denied => Some(backoff(Duration::from_secs(5), count)),
        Class::Transient => Some(backoff(Duration::from_secs(1), count)),
    };
    if refused {
        // The plan looks again at each event; nothing was read, so nothing needs to wait.
        record.failing = None;
    } else {
        let retry_at = now + next.unwrap_or(DEFAULT_WAIT);
        record.failing = Some(Box::new(Failing {
            failure: failure.clone(),
            form: object.form.clone(),
            count,
            since,
            retry_at,
            of_refresh,
        }));
        record.forced = object.force_sync().map(|value| value.map(Into::into));
    }
    // What passes by itself is not worth an alarm the first time.
    if class == Class::Transient && count < 2 && since.elapsed() < every.saturating_mul(2) {
        return Report {
            next,
            ..Report::default()
        };
    }
    let message = truncated(failure.to_string());
    let after = Reported {
        ready: Some(condition(
            "False",
            if object.generic_target().is_some() {
                "ResourceSyncedError"
            } else {
                "SecretSyncedError"
            },
            message.clone(),
            &record.reported,
            began.at,
        )),
        cause: Some(failure.cause.name().to_owned()),
        observed_generation: Some(object.generation),
        ..record.reported.clone()
    };
    let is_new = record
        .reported
        .ready
        .as_ref()
        .and_then(|ready| ready.message.as_ref())
        != Some(&message);
    let note = || Note {
        warning: true,
        reason: "UpdateFailed",
        text: truncated(format!("{}: {}", failure.headline, failure.text)),
    };
    let notes = is_new.then(note).into_iter().collect();
    Report {
        status: write(record, after),
        notes,
        next,
    }
}

/// Nothing was due. A generation that was never reported still is.
pub fn skipped(object: &Object, record: &mut Record) -> Option<Value> {
    // A failure of this very form that is not worth an alarm yet: the generation is not what was applied.
    if record
        .failing
        .as_ref()
        .is_some_and(|failing| failing.form == object.form)
    {
        return None;
    }
    let after = Reported {
        observed_generation: Some(object.generation),
        ..record.reported.clone()
    };
    write(record, after)
}

/// Doubles from `first`, at most to five minutes, with a quarter of jitter.
fn backoff(first: Duration, count: u32) -> Duration {
    let doubled = first.saturating_mul(
        1_u32
            .checked_shl(count.saturating_sub(1).min(16))
            .unwrap_or(u32::MAX),
    );
    let full = doubled.min(LONGEST_BACKOFF);
    let mut byte = [0];
    // Without randomness there is no jitter, and nothing else is lost.
    _ = aws_lc_rs::rand::fill(&mut byte);
    let [byte] = byte;
    full.saturating_sub(full.mul_f64(f64::from(byte) / 255.0 / 4.0))
}

fn condition(
    status: &str,
    reason: &str,
    message: String,
    before: &Reported,
    now: Timestamp,
) -> StatusCondition {
    let kept = before.ready.as_ref().filter(|ready| ready.status == status);
    let since = kept
        .and_then(|ready| ready.last_transition_time.clone())
        .unwrap_or_else(|| whole_seconds(now));
    StatusCondition {
        type_: "Ready".to_owned(),
        status: status.to_owned(),
        reason: Some(reason.to_owned()),
        message: Some(message),
        last_transition_time: Some(since),
    }
}

/// Kubernetes' times have whole seconds.
fn whole_seconds(time: Timestamp) -> Time {
    Time(Timestamp::from_second(time.as_second()).unwrap_or(time))
}

fn truncated(mut text: String) -> String {
    if text.len() > MESSAGE_LIMIT {
        let end = (0..=MESSAGE_LIMIT - 4)
            .rev()
            .find(|at| text.is_char_boundary(*at))
            .unwrap_or_default();
        text.truncate(end);
        text.push_str(" …");
    }
    text
}

fn bounded(entries: &[SyncedEntry]) -> (Vec<SyncedEntry>, i64) {
    let mut bytes = 0;
    let kept: Vec<_> = entries
        .iter()
        .take(ENTRIES)
        .take_while(|entry| {
            // Keys and stages are users' text, of any length.
            bytes += serde_json::to_vec(entry).map_or(ENTRIES_BYTES, |json| json.len() + 1);
            bytes < ENTRIES_BYTES
        })
        .cloned()
        .collect();
    let omitted = i64::try_from(entries.len() - kept.len()).unwrap_or(i64::MAX);
    (kept, omitted)
}

/// The merge patch from what the status says to what it should say. `null` drops a field.
pub fn write(record: &mut Record, after: Reported) -> Option<Value> {
    let before = std::mem::replace(&mut record.reported, after);
    let after = &record.reported;
    let mut status = serde_json::Map::new();
    let mut field = |name: &str, changed: bool, value: &dyn Fn() -> Value| {
        if changed {
            status.insert(name.to_owned(), value());
        }
    };
    field("conditions", before.ready != after.ready, &|| {
        json!(after.ready.iter().collect::<Vec<_>>())
    });
    field("cause", before.cause != after.cause, &|| json!(after.cause));
    field(
        "observedGeneration",
        before.observed_generation != after.observed_generation,
        &|| json!(after.observed_generation),
    );
    field("refreshTime", before.refresh_time != after.refresh_time, &|| {
        json!(after.refresh_time.map(whole_seconds))
    });
    field(
        "syncedResourceVersion",
        before.synced_form != after.synced_form,
        &|| json!(after.synced_form),
    );
    field("binding", before.binding != after.binding, &|| {
        json!(after.binding.as_ref().map(|name| json!({ "name": name })))
    });
    field("target", before.target != after.target, &|| {
        let target = after.target.as_deref();
        json!(target.and_then(|target| {
            let kind = target.kind.as_ref()?;
            Some(json!({ "apiVersion": kind.api_version(), "kind": &*kind.kind, "name": &*target.name }))
        }))
    });
    field("entries", before.entries != after.entries, &|| {
        json!((!after.entries.is_empty()).then_some(&after.entries))
    });
    field("omitted", before.omitted != after.omitted, &|| {
        json!((after.omitted > 0).then_some(after.omitted))
    });
    field("expires", before.expires != after.expires, &|| {
        json!(after.expires.map(whole_seconds))
    });
    (!status.is_empty()).then(|| json!({ "status": status }))
}

#[cfg(test)]
mod tests;
