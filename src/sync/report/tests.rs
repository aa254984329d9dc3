use std::sync::Arc;

use proptest::prelude::*;

use super::*;
use crate::{
    api::names,
    sync::{
        absence::OnMissing,
        cause::Cause,
        spec::{GenericKind, Place},
        target::Written,
    },
};

const HOUR: Interval = Interval::Every(Duration::from_hours(1));
const HALF_MINUTE: Interval = Interval::Every(Duration::from_secs(30));
const START: i64 = 1_800_000_000;

fn object_with(generation: i64, target: &Value, status: &Value) -> Object {
    let object = serde_json::from_value(json!({
        "apiVersion": names::API_VERSION, "kind": "ExternalSecret",
        "metadata": { "name": "app", "namespace": "team", "uid": "e-1", "generation": generation },
        "spec": {
            "secretStoreRef": { "name": "aws" },
            "target": target,
            "data": [{ "secretKey": "k", "remoteRef": { "key": "prod/db" } }],
        },
        "status": status,
    }))
    .unwrap();
    Object::new(
        crate::api::Stored(Ok(object)),
        &crate::sync::spec::Rules::default(),
    )
}

fn object() -> Object {
    object_with(1, &json!({}), &json!({}))
}

fn began(second: i64) -> Began {
    Began {
        at: Timestamp::from_second(START + second).unwrap(),
        instant: Instant::now(),
    }
}

fn written() -> Written {
    Written {
        uid: "s-1".into(),
        resource_version: "7".into(),
        keys: "".into(),
        whole: true,
    }
}

fn created() -> Done {
    Done::Applied(Applied::Created(written()))
}

fn unchanged() -> Done {
    Done::Applied(Applied::Unchanged(None))
}

fn entry(key: &str, version: &str) -> SyncedEntry {
    SyncedEntry {
        key: key.to_owned(),
        version_id: Some(version.to_owned()),
        stage: Some("AWSCURRENT".to_owned()),
        changed_at: None,
    }
}

fn outcome(done: Done) -> Outcome {
    Outcome {
        done,
        entries: vec![entry("prod/db", "v1")],
        expires: None,
        missing: vec![],
        renamed: 0,
    }
}

fn throttled() -> Failure {
    Failure::new(Cause::Throttled, "AWS throttles")
}

fn denied() -> Failure {
    Failure::new(Cause::AccessDenied, "AWS denies; grant it")
}

/// A record whose object was synced at the start.
fn synced(object: &Object) -> Record {
    let mut record = Record::seed(object);
    succeeded(
        object,
        &mut record,
        &outcome(created()),
        &Why::New,
        HOUR,
        began(0),
    );
    record
}

fn status(report: &Report) -> &Value {
    &report.status.as_ref().unwrap()["status"]
}

fn fields(report: &Report) -> Vec<&str> {
    let status = report
        .status
        .as_ref()
        .map(|patch| patch["status"].as_object().unwrap());
    status
        .into_iter()
        .flatten()
        .map(|(name, _)| name.as_str())
        .collect()
}

fn told(report: &Report) -> Vec<(bool, &str, &str)> {
    report
        .notes
        .iter()
        .map(|note| (note.warning, note.reason, note.text.as_str()))
        .collect()
}

#[test]
fn the_first_sync_writes_all_there_is_to_say() {
    let object = object();
    let mut record = Record::seed(&object);
    let report = succeeded(
        &object,
        &mut record,
        &outcome(created()),
        &Why::New,
        HOUR,
        began(0),
    );
    assert_eq!(
        *status(&report),
        json!({
            "conditions": [{
                "type": "Ready", "status": "True", "reason": "SecretSynced", "message": "secret synced",
                "lastTransitionTime": "2027-01-15T08:00:00Z",
            }],
            "observedGeneration": 1,
            "refreshTime": "2027-01-15T08:00:00Z",
            "syncedResourceVersion": &*object.form,
            "binding": { "name": "app" },
            "entries": [{ "key": "prod/db", "versionId": "v1", "stage": "AWSCURRENT" }],
        })
    );
    assert_eq!(told(&report), [(false, "Created", "secret created")]);
}

#[test]
fn times_have_whole_seconds() {
    let object = object();
    let mut record = Record::seed(&object);
    let began = Began {
        at: Timestamp::from_millisecond(START * 1000 + 999).unwrap(),
        instant: Instant::now(),
    };
    let report = succeeded(&object, &mut record, &outcome(created()), &Why::New, HOUR, began);
    assert_eq!(status(&report)["refreshTime"], "2027-01-15T08:00:00Z");
}

#[test]
fn each_end_of_a_sync_has_the_contracts_reason_and_message() {
    let table = [
        (created(), "SecretSynced", "secret synced"),
        (
            Done::Applied(Applied::Updated(written())),
            "SecretSynced",
            "secret synced",
        ),
        (unchanged(), "SecretSynced", "secret synced"),
        (Done::NotWritten, "SecretSynced", "secret synced"),
        (
            Done::Retained,
            "SecretSynced",
            "secret retained due to DeletionPolicy=Retain",
        ),
        (
            Done::Applied(Applied::Deleted),
            "SecretDeleted",
            "secret deleted due to DeletionPolicy=Delete",
        ),
        (
            Done::Applied(Applied::Missing),
            "SecretMissing",
            "secret will not be created due to CreationPolicy=Merge",
        ),
    ];
    for (done, reason, message) in table {
        let object = object();
        let mut record = Record::seed(&object);
        let report = succeeded(&object, &mut record, &outcome(done), &Why::New, HOUR, began(0));
        let ready = &status(&report)["conditions"][0];
        assert_eq!(
            (&ready["status"], &ready["reason"], &ready["message"]),
            (&json!("True"), &json!(reason), &json!(message))
        );
    }
}

#[test]
fn a_long_refresh_that_finds_nothing_new_writes_its_time_and_nothing_else() {
    let object = object();
    let mut record = synced(&object);
    let report = succeeded(
        &object,
        &mut record,
        &outcome(unchanged()),
        &Why::Due,
        HOUR,
        began(3600),
    );
    assert_eq!(fields(&report), ["refreshTime"]);
    assert!(report.notes.is_empty());
}

#[test]
fn short_refreshes_that_find_nothing_new_write_once_in_ten_minutes() {
    let object = object();
    let mut record = synced(&object);
    let writes = (1..=120)
        .filter(|n| {
            let began = began(n * 30);
            let report = succeeded(
                &object,
                &mut record,
                &outcome(unchanged()),
                &Why::Due,
                HALF_MINUTE,
                began,
            );
            assert!(report.notes.is_empty());
            report.status.is_some()
        })
        .count();
    assert_eq!(writes, 6, "an hour of refreshes");
}

#[test]
fn what_changed_or_was_asked_for_is_written_at_once() {
    let updated = || Done::Applied(Applied::Updated(written()));
    let table = [
        (Why::Due, updated(), true),
        (Why::Forced, unchanged(), true),
        (Why::Changed, unchanged(), true),
        (Why::Drift(None), unchanged(), true),
        (Why::Due, unchanged(), false),
    ];
    for (why, done, writes) in table {
        let object = object();
        let mut record = synced(&object);
        let report = succeeded(
            &object,
            &mut record,
            &outcome(done.clone()),
            &why,
            HALF_MINUTE,
            began(1),
        );
        assert_eq!(
            report.status.is_some(),
            writes || beat_between(0, 1),
            "{why:?} {done:?}"
        );
    }
}

/// Whether the object's own ten-minute point lies between two seconds.
fn beat_between(before: i64, after: i64) -> bool {
    let at = |second| Timestamp::from_second(START + second).unwrap();
    schedule::heartbeat_is_due(
        at(after),
        Some(at(before)),
        Duration::from_secs(30),
        schedule::stable_hash(&Box::<str>::from("e-1")),
    )
}

#[test]
fn a_new_version_without_a_new_value_is_reported() {
    let object = object();
    let mut record = synced(&object);
    let found = Outcome {
        entries: vec![entry("prod/db", "v2")],
        ..outcome(unchanged())
    };
    let report = succeeded(&object, &mut record, &found, &Why::Due, HALF_MINUTE, began(1));
    assert_eq!(status(&report)["entries"][0]["versionId"], "v2");
}

#[test]
fn the_binding_names_a_secret_that_was_written() {
    let binding = |done, target: &Value| {
        let object = object_with(1, target, &json!({}));
        let mut record = Record::seed(&object);
        succeeded(&object, &mut record, &outcome(done), &Why::New, HOUR, began(0));
        record.reported.binding
    };
    assert_eq!(
        binding(created(), &json!({ "name": "other" })).as_deref(),
        Some("other")
    );
    assert_eq!(binding(unchanged(), &json!({})).as_deref(), Some("app"));
    assert_eq!(
        binding(Done::NotWritten, &json!({ "creationPolicy": "None" })),
        None
    );
    assert_eq!(
        binding(
            Done::Applied(Applied::Missing),
            &json!({ "creationPolicy": "Merge" })
        ),
        None
    );
    assert_eq!(binding(Done::Retained, &json!({})), None, "nothing was written");
    assert_eq!(
        binding(Done::Applied(Applied::Deleted), &json!({})),
        None,
        "nothing was written"
    );
}

#[test]
fn a_secret_that_is_retained_stays_bound() {
    let object = object();
    let mut record = synced(&object);
    let report = succeeded(
        &object,
        &mut record,
        &outcome(Done::Retained),
        &Why::Due,
        HOUR,
        began(3600),
    );
    assert!(!fields(&report).contains(&"binding"));
    assert_eq!(record.reported.binding.as_deref(), Some("app"));
}

#[test]
fn an_awaited_confirmation_leaves_status_and_record_as_they_are() {
    let object = object();
    let mut record = synced(&object);
    record.confirm_at = Some(Instant::now() + Duration::from_secs(10));
    let before = record.reported.refresh_time;
    let report = succeeded(
        &object,
        &mut record,
        &outcome(Done::AwaitingConfirmation),
        &Why::Due,
        HOUR,
        began(60),
    );
    assert!(report.status.is_none() && report.notes.is_empty());
    assert!(report.next.is_some_and(|next| next <= Duration::from_secs(10)));
    assert_eq!(record.reported.refresh_time, before);
}

#[test]
fn a_deleted_secret_is_told_once_and_not_at_each_refresh() {
    let object = object_with(1, &json!({ "deletionPolicy": "Delete" }), &json!({}));
    let mut record = synced(&object);
    let gone = || Outcome {
        entries: vec![],
        missing: vec![Place::Data(0, "k".into())],
        ..outcome(Done::Applied(Applied::Deleted))
    };
    let first = succeeded(&object, &mut record, &gone(), &Why::Due, HALF_MINUTE, began(30));
    assert_eq!(
        told(&first),
        [
            (false, "Deleted", "secret deleted due to DeletionPolicy=Delete"),
            (
                false,
                "MissingProviderSecret",
                "secret does not exist at provider using spec.data[0] (key: k)"
            ),
        ]
    );
    assert_eq!(
        status(&first)["entries"],
        Value::Null,
        "entries that are no more are dropped"
    );
    let second = succeeded(&object, &mut record, &gone(), &Why::Due, HALF_MINUTE, began(31));
    assert!(second.notes.is_empty(), "{:?}", second.notes);
    assert!(
        second.status.is_none() || beat_between(30, 31),
        "{:?}",
        second.status
    );
}

#[test]
fn a_partial_sync_is_ready_says_what_is_missing_and_warns_once() {
    let mut object = object();
    if let Ok(spec) = &mut object.spec {
        Arc::make_mut(spec).on_missing = OnMissing::Keep;
    }
    let mut record = synced(&object);
    let partly = || Outcome {
        missing: vec![Place::Data(0, "k".into())],
        ..outcome(unchanged())
    };
    let message = "PartiallySynced: missing at the source, so that it stays on the target as it is: spec.data[0] (key: k)";
    let first = succeeded(&object, &mut record, &partly(), &Why::Due, HALF_MINUTE, began(30));
    assert_eq!(told(&first), [(true, "PartiallySynced", message)]);
    assert_eq!(status(&first)["cause"], "PartiallySynced");
    let ready = &status(&first)["conditions"][0];
    assert_eq!(
        (&ready["status"], &ready["reason"], &ready["message"]),
        (&json!("True"), &json!("SecretSynced"), &json!(message))
    );
    let second = succeeded(&object, &mut record, &partly(), &Why::Due, HALF_MINUTE, began(31));
    assert!(second.notes.is_empty(), "{:?}", second.notes);
    let whole = succeeded(
        &object,
        &mut record,
        &outcome(unchanged()),
        &Why::Due,
        HALF_MINUTE,
        began(32),
    );
    assert_eq!(status(&whole)["conditions"][0]["message"], "secret synced");
    assert_eq!(status(&whole)["cause"], Value::Null);
}

#[test]
fn a_renamed_target_is_told() {
    let object = object();
    let mut record = Record::seed(&object);
    let renamed = Outcome {
        renamed: 2,
        ..outcome(created())
    };
    let report = succeeded(&object, &mut record, &renamed, &Why::Changed, HOUR, began(0));
    assert!(told(&report).contains(&(false, "Deleted", "secret deleted because it was orphaned")));
}

#[test]
fn the_transition_time_moves_only_when_ready_flips() {
    let object = object();
    let mut record = synced(&object);
    let since = |record: &Record| {
        record
            .reported
            .ready
            .clone()
            .unwrap()
            .last_transition_time
            .unwrap()
            .0
    };
    failed(&object, &mut record, &denied(), Some(&Why::Due), HOUR, began(60));
    assert_eq!(since(&record).as_second(), START + 60);
    let other = Failure::new(Cause::KmsFailed, "the key is disabled");
    let report = failed(&object, &mut record, &other, Some(&Why::Due), HOUR, began(120));
    assert_eq!(since(&record).as_second(), START + 60);
    assert_eq!(fields(&report), ["cause", "conditions"]);
    succeeded(
        &object,
        &mut record,
        &outcome(unchanged()),
        &Why::Retry,
        HOUR,
        began(180),
    );
    assert_eq!(since(&record).as_second(), START + 180);
    succeeded(
        &object,
        &mut record,
        &outcome(Done::Retained),
        &Why::Due,
        HOUR,
        began(240),
    );
    assert_eq!(since(&record).as_second(), START + 180);
}

#[test]
fn a_failure_says_its_cause_and_keeps_what_was_synced() {
    let object = object();
    let mut record = synced(&object);
    let report = failed(&object, &mut record, &denied(), Some(&Why::Due), HOUR, began(60));
    assert_eq!(
        *status(&report),
        json!({
            "cause": "AccessDenied",
            "conditions": [{
                "type": "Ready", "status": "False", "reason": "SecretSyncedError",
                "message": "AccessDenied: AWS denies; grant it",
                "lastTransitionTime": "2027-01-15T08:01:00Z",
            }],
        })
    );
    assert_eq!(
        told(&report),
        [(
            true,
            "UpdateFailed",
            "could not get secret data from provider: AWS denies; grant it"
        )]
    );
}

#[test]
fn the_same_failure_is_told_once() {
    let object = object();
    let mut record = synced(&object);
    assert_eq!(
        failed(&object, &mut record, &denied(), Some(&Why::Due), HOUR, began(60))
            .notes
            .len(),
        1
    );
    let again = failed(&object, &mut record, &denied(), Some(&Why::Due), HOUR, began(65));
    assert!(again.notes.is_empty() && again.status.is_none(), "{again:?}");
}

#[test]
fn recovery_drops_the_cause() {
    let object = object();
    let mut record = synced(&object);
    failed(
        &object,
        &mut record,
        &denied(),
        Some(&Why::Due),
        HALF_MINUTE,
        began(60),
    );
    let report = succeeded(
        &object,
        &mut record,
        &outcome(unchanged()),
        &Why::Retry,
        HALF_MINUTE,
        began(66),
    );
    assert_eq!(fields(&report), ["cause", "conditions", "refreshTime"]);
    assert_eq!(status(&report)["cause"], Value::Null);
    assert!(record.failing.is_none());
}

#[test]
fn what_passes_by_itself_is_silent_the_first_time_and_speaks_the_second() {
    let object = object();
    let mut record = synced(&object);
    let first = failed(
        &object,
        &mut record,
        &throttled(),
        Some(&Why::Due),
        HOUR,
        began(60),
    );
    assert!(first.status.is_none() && first.notes.is_empty(), "{first:?}");
    assert!(first.next.is_some_and(|next| next <= Duration::from_secs(1)));
    let second = failed(
        &object,
        &mut record,
        &throttled(),
        Some(&Why::Due),
        HOUR,
        began(61),
    );
    assert_eq!(status(&second)["cause"], "Throttled");
    assert_eq!(second.notes.len(), 1);
}

#[tokio::test(start_paused = true)]
async fn what_passes_by_itself_speaks_when_two_intervals_have_passed_since_it_began() {
    let object = object();
    let mut record = synced(&object);
    failed(
        &object,
        &mut record,
        &throttled(),
        Some(&Why::Due),
        HALF_MINUTE,
        began(0),
    );
    record.failing.as_mut().unwrap().count = 0;
    tokio::time::advance(Duration::from_secs(61)).await;
    let report = failed(
        &object,
        &mut record,
        &throttled(),
        Some(&Why::Due),
        HALF_MINUTE,
        began(61),
    );
    assert_eq!(status(&report)["cause"], "Throttled");
}

#[test]
fn another_form_of_the_object_counts_its_failures_anew() {
    let mut record = synced(&object());
    failed(
        &object(),
        &mut record,
        &throttled(),
        Some(&Why::Due),
        HOUR,
        began(0),
    );
    let changed = object_with(2, &json!({}), &json!({}));
    let report = failed(
        &changed,
        &mut record,
        &throttled(),
        Some(&Why::Due),
        HOUR,
        began(1),
    );
    assert!(report.status.is_none(), "{report:?}");
    assert_eq!(record.failing.unwrap().count, 1);
}

#[test]
fn the_next_try_follows_from_the_cause() {
    let within = |from: u64, to: u64| (Duration::from_millis(from), Duration::from_secs(to));
    let once = Interval::Once;
    let table = [
        (
            Cause::SecretNotFound,
            false,
            HALF_MINUTE,
            Some(within(30_000, 30)),
        ),
        (Cause::SecretNotFound, false, once, Some(within(3_600_000, 3600))),
        (Cause::AccessDenied, false, HOUR, Some(within(3_750, 5))),
        (Cause::Throttled, false, HOUR, Some(within(750, 1))),
        (Cause::TargetOwned, false, HOUR, Some(within(3_750, 5))),
        (Cause::StoreNotReady, true, HALF_MINUTE, Some(within(30_000, 30))),
        (Cause::StoreNotReady, true, once, Some(within(3_600_000, 3600))),
        (Cause::InvalidSpec, true, HOUR, None),
        (Cause::NotSupported, true, HALF_MINUTE, None),
    ];
    for (cause, refused, interval, expected) in table {
        let object = object();
        let mut record = Record::seed(&object);
        let report = failed(
            &object,
            &mut record,
            &Failure::new(cause, "x"),
            (!refused).then_some(&Why::Due),
            interval,
            began(0),
        );
        match (report.next, expected) {
            (Some(next), Some((from, to))) => assert!((from..=to).contains(&next), "{cause}: {next:?}"),
            (next, expected) => assert_eq!(next.is_some(), expected.is_some(), "{cause}"),
        }
        assert_eq!(record.failing.is_some(), !refused, "{cause}");
    }
}

#[test]
fn backoff_doubles_up_to_five_minutes_and_jitter_takes_a_quarter_at_most() {
    for count in 0..40 {
        let full = Duration::from_secs(1 << count.max(1_u32).saturating_sub(1).min(10)).min(LONGEST_BACKOFF);
        let wait = backoff(Duration::from_secs(1), count);
        assert!(wait <= full && wait >= full.mul_f64(0.74), "{count}: {wait:?}");
    }
    assert!(backoff(Duration::from_secs(1), u32::MAX) <= LONGEST_BACKOFF);
}

#[test]
fn a_refused_generation_is_observed() {
    let changed = object_with(2, &json!({}), &json!({}));
    let mut record = synced(&object());
    let refusal = Failure::new(Cause::InvalidSpec, "no");
    let report = failed(&changed, &mut record, &refusal, None, HOUR, began(60));
    assert_eq!(status(&report)["observedGeneration"], 2);
    assert!(!fields(&report).contains(&"syncedResourceVersion"));
}

#[test]
fn a_skipped_generation_is_observed_once_and_nothing_else_is_written() {
    let changed = object_with(2, &json!({}), &json!({}));
    let mut record = synced(&object());
    assert_eq!(
        skipped(&changed, &mut record),
        Some(json!({ "status": { "observedGeneration": 2 } }))
    );
    assert_eq!(skipped(&changed, &mut record), None);
}

#[test]
fn a_status_that_eso_left_is_complete_as_it_is() {
    let form = object().form;
    let object = object_with(
        1,
        &json!({}),
        &json!({
            "refreshTime": "2027-01-15T07:59:00Z", "syncedResourceVersion": &*form, "binding": { "name": "app" },
            "conditions": [{
                "type": "Ready", "status": "True", "reason": "SecretSynced", "message": "secret synced",
                "lastTransitionTime": "2027-01-01T00:00:00Z",
            }],
        }),
    );
    assert_eq!(skipped(&object, &mut Record::seed(&object)), None);
}

#[test]
fn a_success_after_drift_counts_as_a_repair_only_if_it_wrote() {
    let object = object();
    let mut record = synced(&object);
    succeeded(
        &object,
        &mut record,
        &outcome(unchanged()),
        &Why::Drift(None),
        HOUR,
        began(1),
    );
    assert_eq!(record.repairs.len(), 0);
    let wrote = || outcome(Done::Applied(Applied::Updated(written())));
    succeeded(&object, &mut record, &wrote(), &Why::Due, HOUR, began(2));
    assert_eq!(record.repairs.len(), 0);
    succeeded(&object, &mut record, &wrote(), &Why::Drift(None), HOUR, began(3));
    assert_eq!(record.repairs.len(), 1);
}

#[tokio::test(start_paused = true)]
async fn repairs_are_forgotten_after_ten_minutes() {
    let object = object();
    let mut record = synced(&object);
    for second in [0, 1, 700] {
        succeeded(
            &object,
            &mut record,
            &outcome(Done::Applied(Applied::Updated(written()))),
            &Why::Drift(None),
            HOUR,
            began(second),
        );
        tokio::time::advance(Duration::from_secs(350)).await;
    }
    assert_eq!(record.repairs.len(), 2);
}

#[test]
fn a_condition_that_tells_of_no_target_is_known_again_after_a_start() {
    let ready = |status: &str, reason: &str, message: &str| StatusCondition {
        type_: "Ready".to_owned(),
        status: status.to_owned(),
        reason: Some(reason.to_owned()),
        message: Some(message.to_owned()),
        last_transition_time: None,
    };
    let deleted = "secret deleted due to DeletionPolicy=Delete";
    let missing = "secret will not be created due to CreationPolicy=Merge";
    assert!(is_targetless(&ready("True", "SecretDeleted", deleted)));
    assert!(is_targetless(&ready("True", "SecretMissing", missing)));
    assert!(!is_targetless(&ready("False", "SecretDeleted", deleted)));
    assert!(!is_targetless(&ready("True", "SecretSynced", "secret synced")));
}

#[test]
fn at_most_fifty_entries_are_listed_and_the_rest_is_counted() {
    let entries: Vec<_> = (0..60).map(|n| entry(&format!("k{n}"), "v")).collect();
    let (kept, omitted) = bounded(&entries);
    assert_eq!((kept.len(), omitted), (50, 10));
    assert_eq!(bounded(&entries[..50]).1, 0);
}

#[test]
fn entries_that_all_fit_are_not_said_to_be_omitted() {
    let object = object();
    let mut record = synced(&object);
    let found = |n: usize| Outcome {
        entries: (0..n).map(|n| entry(&format!("k{n}"), "v")).collect(),
        ..outcome(unchanged())
    };
    let many = succeeded(&object, &mut record, &found(51), &Why::Due, HOUR, began(1));
    assert_eq!(status(&many)["omitted"], 1);
    let few = succeeded(&object, &mut record, &found(50), &Why::Due, HOUR, began(2));
    assert_eq!(status(&few)["omitted"], Value::Null);
}

proptest! {
    #[test]
    fn entries_never_take_more_than_16_kilobytes(
        lengths in proptest::collection::vec((1_usize..2048, 1_usize..64, 1_usize..256), 0..60)
    ) {
        let entries: Vec<_> = lengths
            .into_iter()
            .map(|(key, version, stage)| SyncedEntry {
                key: "k".repeat(key),
                version_id: Some("v".repeat(version)),
                // Quotes take two bytes each.
                stage: Some("\"".repeat(stage)),
                changed_at: Some(Time(Timestamp::from_second(START).unwrap())),
            })
            .collect();
        let (kept, omitted) = bounded(&entries);
        let bytes = serde_json::to_vec(&kept).unwrap().len();
        prop_assert!(bytes <= ENTRIES_BYTES, "{} entries take {} bytes", kept.len(), bytes);
        prop_assert_eq!(kept.len() + usize::try_from(omitted).unwrap(), entries.len());
        prop_assert_eq!(&kept[..], &entries[..kept.len()]);
    }

    #[test]
    fn long_messages_are_cut_between_characters(text in "[a😀é]{0,1200}") {
        let cut = truncated(text.clone());
        prop_assert!(cut.len() <= MESSAGE_LIMIT);
        match cut.strip_suffix(" …") {
            Some(start) if text.len() > MESSAGE_LIMIT => prop_assert!(text.starts_with(start)),
            _ => prop_assert_eq!(&cut, &text),
        }
    }

    #[test]
    fn a_patch_holds_just_what_differs(
        a in any_reported(), b in any_reported(),
    ) {
        let mut record = Record::seed(&object());
        record.reported = a.clone();
        let patch = write(&mut record, b.clone());
        let (a, b) = (shown(a), shown(b));
        let mut merged = a.clone();
        for (name, value) in patch.iter().flat_map(|patch| patch["status"].as_object().unwrap()) {
            let before = merged.insert(name.clone(), value.clone()).unwrap_or_default();
            prop_assert_ne!(&before, value, "{} was written without need", name);
            if value.is_null() {
                merged.remove(name);
            }
        }
        prop_assert_eq!(merged, b);
    }
}

fn config_map(name: &str) -> TargetName {
    TargetName {
        kind: Some(GenericKind::new("v1", "ConfigMap")),
        name: name.into(),
    }
}

prop_compose! {
    fn any_reported()(
        message in "[ab]",
        cause in proptest::option::of("[ab]"),
        observed_generation in proptest::option::of(1_i64..3),
        second in proptest::option::of(0_i64..2),
        synced_form in proptest::option::of("[ab]"),
        binding in proptest::option::of("[ab]"),
        target in proptest::option::of("[ab]"),
        entries in 0_usize..2,
        omitted in 0_i64..2,
        expires in proptest::option::of(0_i64..2),
    ) -> Reported {
        Reported {
            ready: Some(StatusCondition {
                type_: "Ready".to_owned(),
                status: "True".to_owned(),
                message: Some(message),
                ..StatusCondition::default()
            }),
            cause,
            observed_generation,
            refresh_time: second.map(|second| Timestamp::from_second(START + second).unwrap()),
            synced_form,
            binding,
            target: target.map(|name| Box::new(config_map(&name))),
            entries: vec![entry("k", "v"); entries],
            omitted,
            expires: expires.map(|second| Timestamp::from_second(START + second).unwrap()),
        }
    }
}

/// A status as the API server would show it.
fn shown(reported: Reported) -> serde_json::Map<String, Value> {
    let status = json!({
        "conditions": reported.ready.map(|ready| vec![ready]),
        "cause": reported.cause,
        "observedGeneration": reported.observed_generation,
        "refreshTime": reported.refresh_time.map(Time),
        "syncedResourceVersion": reported.synced_form,
        "binding": reported.binding.map(|name| json!({ "name": name })),
        "target": reported.target.map(|target| json!({ "apiVersion": "v1", "kind": "ConfigMap", "name": target.name })),
        "entries": (!reported.entries.is_empty()).then_some(reported.entries),
        "omitted": (reported.omitted > 0).then_some(reported.omitted),
        "expires": reported.expires.map(Time),
    });
    let mut status = status.as_object().unwrap().clone();
    status.retain(|_, value| !value.is_null());
    status
}
