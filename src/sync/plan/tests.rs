use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::{
    api::{SecretStore, external_secret::StoreKind, names},
    operator::store::{ControllerClass, SUPPORTED, StoreObject, Stores},
    sync::{
        record::Failing,
        target::{Controller, Writer, Written},
    },
};

const SECOND: Duration = Duration::from_secs(1);
const MINUTE: Duration = Duration::from_mins(1);
const WAITED: Duration = Duration::from_secs(3);

fn object(spec: &Value, annotations: &Value, generation: i64, status: &Value) -> Object {
    let mut full = json!({
        "secretStoreRef": { "name": "aws" },
        "data": [{ "secretKey": "k", "remoteRef": { "key": "db" } }],
    });
    for (name, value) in spec.as_object().unwrap() {
        full[name] = value.clone();
    }
    let object = serde_json::from_value(json!({
        "apiVersion": names::API_VERSION, "kind": "ExternalSecret",
        "metadata": {
            "name": "app", "namespace": "team", "uid": "e-1", "generation": generation, "annotations": annotations,
        },
        "spec": full, "status": status,
    }))
    .unwrap();
    Object::new(
        crate::api::Stored(Ok(object)),
        &crate::sync::spec::Rules::default(),
    )
}

fn plain(spec: &Value) -> Object {
    object(spec, &json!({}), 1, &json!({}))
}

fn usable(aws: &Value) -> StoreState {
    let mut provider = json!({ "service": "SecretsManager", "region": "eu-west-1" });
    for (name, value) in aws.as_object().unwrap() {
        provider[name] = value.clone();
    }
    let store: SecretStore = serde_json::from_value(json!({
        "apiVersion": names::API_VERSION, "kind": "SecretStore",
        "metadata": { "name": "aws", "namespace": "team", "uid": "u", "generation": 1 },
        "spec": { "provider": { "aws": provider } },
    }))
    .unwrap();
    let stores = Stores::new(ControllerClass::default(), SUPPORTED);
    stores.observe(&StoreObject::from(store));
    let view = stores.lookup(StoreKind::SecretStore, "team", "aws").unwrap();
    let aws = Arc::clone(view.aws.as_ref().unwrap());
    StoreState::Usable(view, aws)
}

fn store(kind: StoreKind, name: &str) -> StoreName {
    StoreName {
        kind,
        name: name.into(),
    }
}

fn aws() -> StoreName {
    store(StoreKind::SecretStore, "aws")
}

/// One object with all that its plan depends on; each test changes what it speaks of.
#[expect(clippy::struct_excessive_bools, reason = "as in Situation")]
struct World {
    object: Object,
    record: Record,
    target: Option<TargetView>,
    targets_watched: bool,
    stores: BTreeMap<StoreName, StoreState>,
    default_class: bool,
    terminating: bool,
    template_changed: bool,
    instant: Instant,
    now: Timestamp,
}

impl World {
    /// Never synced.
    fn new(object: Object) -> Self {
        Self {
            record: Record::seed(&object),
            object,
            target: None,
            targets_watched: true,
            stores: [(aws(), usable(&json!({})))].into(),
            default_class: true,
            terminating: false,
            template_changed: false,
            instant: Instant::now() + MINUTE * 100,
            now: "2026-11-21T12:00:00Z".parse().unwrap(),
        }
    }

    /// Synced, intact, due in a minute where it is periodic.
    fn synced(spec: &Value) -> Self {
        let mut world = Self::new(plain(spec));
        world.record.synced_form = Some(world.object.form.clone());
        world.record.due = Some(world.instant + MINUTE);
        world.record.written = Some(Written {
            uid: "s-1".into(),
            resource_version: "7".into(),
            keys: "".into(),
            whole: true,
        });
        world.target = Some(TargetView {
            uid: "s-1".into(),
            resource_version: "7".into(),
            managed: true,
            created_by: Some(fingerprint::created_by("team", "app").into()),
            keys: Some("".into()),
            written_by_eso: false,
            controller: Some(Controller {
                is_external_secret: true,
                kind: "ExternalSecret".into(),
                name: "app".into(),
                uid: "e-1".into(),
            }),
            writers: vec![],
            foreign_writer: None,
            newest_writers: vec![],
            deleting: false,
        });
        world
    }

    fn decide(&self) -> Decision {
        decide(&Situation {
            object: &self.object,
            record: &self.record,
            target: self.target.as_ref(),
            targets_watched: self.targets_watched,
            stores: &self.stores,
            default_class: self.default_class,
            terminating: self.terminating,
            template_changed: self.template_changed,
            waited: WAITED,
            instant: self.instant,
            now: self.now,
        })
    }

    fn why(&self) -> Option<Why> {
        match self.decide() {
            Decision::Sync(why, _) => Some(why),
            _ => None,
        }
    }

    fn reads(&self) -> Reads {
        match self.decide() {
            Decision::Sync(_, reads) => reads,
            other => panic!("{other:?}"),
        }
    }

    fn refusal(&self) -> Failure {
        match self.decide() {
            Decision::Refuse(failure) => failure,
            other => panic!("{other:?}"),
        }
    }

    /// The same object with another generation, or other annotations.
    fn changed(&mut self, spec: &Value, annotations: &Value, generation: i64) {
        self.object = object(spec, annotations, generation, &json!({}));
    }

    fn due(&mut self) {
        self.record.due = Some(self.instant);
    }

    fn edited(&mut self) {
        let target = self.target.as_mut().unwrap();
        target.resource_version = "8".into();
        target.foreign_writer = Some("kubectl-edit".into());
        target.writers = vec![Writer {
            manager: "externalsecrets.external-secrets.io/app".into(),
            keys: "".into(),
            shared: true,
        }];
    }

    fn failing(&mut self, wait: Duration) {
        self.record.failing = Some(Box::new(Failing {
            failure: Failure::new(Cause::Throttled, "x"),
            form: self.object.form.clone(),
            count: 1,
            since: self.instant,
            retry_at: self.instant + wait,
            of_refresh: false,
        }));
    }
}

/// What a decision comes to, for tables.
fn outline(decision: &Decision) -> String {
    match decision {
        Decision::Ignore => "ignore".to_owned(),
        Decision::Wait => "wait".to_owned(),
        Decision::Skip(None) => "skip".to_owned(),
        Decision::Skip(Some(wait)) => format!("skip {} s", wait.as_secs()),
        Decision::Refuse(failure) => format!("refuse {}", failure.cause),
        Decision::Sync(Why::Drift(_), _) => "sync Drift".to_owned(),
        Decision::Sync(why, _) => format!("sync {why:?}"),
    }
}

const CREATED_ONCE: &str = r#"{"refreshPolicy":"CreatedOnce","refreshInterval":"1m"}"#;
const ON_CHANGE: &str = r#"{"refreshPolicy":"OnChange","refreshInterval":"1m"}"#;
const PERIODIC: &str = r#"{"refreshPolicy":"Periodic","refreshInterval":"1m"}"#;
const ONCE: &str = r#"{"refreshInterval":"0"}"#;
const BELOW_ZERO: &str = r#"{"refreshInterval":"-1m"}"#;

fn spec(text: &str) -> Value {
    serde_json::from_str(text).unwrap()
}

#[test]
fn at_interval_zero_only_a_forced_sync_makes_generated_values_anew() {
    let generator = json!({ "sourceRef": { "generatorRef": { "kind": "Password", "name": "p" } } });
    let spec = json!({ "refreshInterval": "0", "dataFrom": [generator] });
    let mut world = World::synced(&spec);
    world.changed(&spec, &json!({ "note": "x" }), 2);
    assert_eq!(outline(&world.decide()), "skip");
    world.changed(&spec, &json!({ "force-sync": "1" }), 2);
    assert_eq!(outline(&world.decide()), "sync Forced");
}

#[test]
fn each_policy_syncs_for_its_own_reasons() {
    type Event = fn(&mut World, &Value);
    let new: Event = |world, _| world.record = Record::seed(&world.object);
    let nothing: Event = |_, _| {};
    let due: Event = |world, _| world.due();
    let expiring: Event = |world, _| world.record.renew_at = Some(world.instant);
    let annotated: Event = |world, spec| world.changed(spec, &json!({ "note": "x" }), 1);
    let respecified: Event = |world, spec| world.changed(spec, &json!({}), 2);
    let forced: Event = |world, spec| world.changed(spec, &json!({ "force-sync": "1" }), 1);
    let edited: Event = |world, _| world.edited();
    let deleted: Event = |world, _| world.target = None;
    let table = [
        ("never synced", new, ["sync New"; 5]),
        (
            "nothing happened",
            nothing,
            ["skip", "skip", "skip 60 s", "skip", "skip"],
        ),
        (
            "the interval passed",
            due,
            ["skip", "skip", "sync Due", "skip", "skip"],
        ),
        (
            "a token is about to expire",
            expiring,
            ["skip", "skip", "sync Due", "sync Due", "sync Due"],
        ),
        (
            "an annotation changed",
            annotated,
            ["skip", "sync Changed", "sync Changed", "skip", "skip"],
        ),
        (
            "the spec changed",
            respecified,
            [
                "skip",
                "sync Changed",
                "sync Changed",
                "sync Changed",
                "sync Changed",
            ],
        ),
        ("a sync was forced", forced, ["sync Forced"; 5]),
        ("the Secret was edited", edited, ["sync Drift"; 5]),
        ("the Secret was deleted", deleted, ["sync Drift"; 5]),
    ];
    for (what, event, expected) in table {
        let specs = [CREATED_ONCE, ON_CHANGE, PERIODIC, ONCE, BELOW_ZERO];
        for (text, expected) in specs.into_iter().zip(expected) {
            let spec = spec(text);
            let mut world = World::synced(&spec);
            event(&mut world, &spec);
            assert_eq!(outline(&world.decide()), expected, "{what}, {text}");
        }
    }
}

#[test]
fn drift_names_the_editor() {
    let mut world = World::synced(&json!({}));
    world.edited();
    assert_eq!(world.why(), Some(Why::Drift(Some("kubectl-edit".into()))));
}

#[test]
fn drift_is_nobodys_business_under_none_and_orphan_or_where_targets_are_not_watched() {
    for creation in ["None", "Orphan"] {
        let mut world = World::synced(&json!({ "target": { "creationPolicy": creation } }));
        world.target = None;
        assert_eq!(world.why(), None, "{creation}");
    }
    let mut world = World::synced(&json!({}));
    world.target = None;
    world.targets_watched = false;
    assert_eq!(world.why(), None);
}

#[test]
fn a_target_that_is_rightly_absent_is_not_missed() {
    let mut world = World::synced(&json!({}));
    world.target = None;
    world.record.targetless = true;
    assert_eq!(outline(&world.decide()), "skip 60 s");
    world.due();
    assert_eq!(world.why(), Some(Why::Due));
}

#[test]
fn a_change_that_metadata_proves_harmless_waits_for_the_next_refresh() {
    let mut world = World::synced(&json!({}));
    let target = world.target.as_mut().unwrap();
    target.resource_version = "8".into();
    let none = fingerprint::keys_digest([]);
    target.keys = Some(none.as_str().into());
    world.record.written.as_mut().unwrap().keys = none.into();
    assert_eq!(outline(&world.decide()), "skip 60 s");
}

fn fresh_status(form: &str) -> Value {
    json!({ "refreshTime": "2027-01-15T08:00:00Z", "syncedResourceVersion": form })
}

#[test]
fn after_a_start_the_status_tells_what_was_synced() {
    let form = plain(&json!({})).form;
    let seeded = |status: &Value| {
        let object = object(&json!({}), &json!({}), 1, status);
        let mut world = World::synced(&json!({}));
        world.record = Record::seed(&object);
        world.record.due = Some(world.instant + MINUTE);
        // No write of ours is known, so the metadata speak.
        let target = world.target.as_mut().unwrap();
        target.keys = Some(fingerprint::keys_digest([]).into());
        world.object = object;
        world
    };
    assert_eq!(outline(&seeded(&fresh_status(&form)).decide()), "skip 60 s");
    assert_eq!(seeded(&fresh_status("1-other")).why(), Some(Why::Changed));
    assert_eq!(seeded(&json!({})).why(), Some(Why::New));
    assert_eq!(
        seeded(&json!({ "syncedResourceVersion": &*form })).why(),
        Some(Why::New)
    );
    assert_eq!(
        seeded(&json!({ "syncedResourceVersion": "", "refreshTime": "2027-01-15T08:00:00Z" })).why(),
        Some(Why::New)
    );
}

#[test]
fn an_object_whose_next_point_is_not_known_is_due() {
    let mut world = World::synced(&json!({}));
    world.record.due = None;
    assert_eq!(world.why(), Some(Why::Due));
}

#[test]
fn a_status_that_eso_left_keeps_interval_0_from_syncing() {
    let form = plain(&spec(ONCE)).form;
    let object = object(&spec(ONCE), &json!({}), 1, &fresh_status(&form));
    let mut world = World::synced(&spec(ONCE));
    world.record = Record::seed(&object);
    world.object = object;
    let target = world.target.as_mut().unwrap();
    target.written_by_eso = true;
    target.keys = None;
    assert_eq!(outline(&world.decide()), "skip");
}

#[test]
fn a_forced_sync_is_a_change_seen_while_running() {
    for name in names::FORCE_SYNC_ANNOTATIONS {
        let mut world = World::synced(&spec(CREATED_ONCE));
        world.changed(&spec(CREATED_ONCE), &json!({ name: "1" }), 1);
        world.record.forced = world.object.force_sync().map(|value| value.map(Into::into));
        assert_eq!(world.why(), None, "{name}: acted on before");
        world.changed(&spec(CREATED_ONCE), &json!({ name: "2" }), 1);
        assert_eq!(world.why(), Some(Why::Forced), "{name}");
    }
}

#[test]
fn an_annotation_that_stands_at_a_start_forces_nothing() {
    let object = object(&spec(CREATED_ONCE), &json!({ "force-sync": "1" }), 1, &json!({}));
    let mut world = World::synced(&spec(CREATED_ONCE));
    world.record.forced = Record::seed(&object).forced;
    world.object = object;
    assert_eq!(world.why(), None);
}

#[test]
fn a_failure_is_tried_again_when_its_wait_is_over_and_not_before() {
    let mut world = World::synced(&json!({}));
    world.due();
    world.failing(SECOND * 5);
    assert_eq!(outline(&world.decide()), "skip 5 s");
    world.instant += SECOND * 5;
    assert_eq!(world.why(), Some(Why::Retry));
}

#[test]
fn a_new_form_and_a_forced_sync_do_not_wait_for_a_failures_next_try() {
    let mut world = World::synced(&json!({}));
    world.failing(MINUTE);
    world.changed(&json!({}), &json!({}), 2);
    assert_eq!(world.why(), Some(Why::Changed));
    let mut world = World::synced(&json!({}));
    world.failing(MINUTE);
    world.changed(&json!({}), &json!({ "force-sync": "now" }), 1);
    assert_eq!(world.why(), Some(Why::Forced));
}

/// Differs: docs/differences.md#second-look.
#[test]
fn a_missing_source_gets_its_second_look_after_ten_seconds() {
    let mut world = World::synced(&json!({}));
    world.due();
    world.record.confirm_at = Some(world.instant + SECOND * 10);
    assert_eq!(outline(&world.decide()), "skip 10 s");
    world.instant += SECOND * 10;
    assert_eq!(world.why(), Some(Why::Confirm));
}

#[test]
fn whatever_asks_for_a_sync_takes_the_second_look_that_is_due() {
    let due = |world: &mut World| world.record.confirm_at = Some(world.instant);
    let mut forced = World::synced(&json!({}));
    forced.changed(&json!({}), &json!({ "force-sync": "1" }), 1);
    let mut changed = World::synced(&json!({}));
    changed.changed(&json!({}), &json!({}), 2);
    let mut retried = World::synced(&json!({}));
    retried.failing(Duration::ZERO);
    let new = World::new(plain(&json!({})));
    for mut world in [forced, changed, retried, new] {
        assert_ne!(world.why(), Some(Why::Confirm));
        due(&mut world);
        assert_eq!(world.why(), Some(Why::Confirm));
    }
}

#[test]
fn a_target_that_was_repaired_three_times_in_ten_minutes_is_contested() {
    let mut world = World::synced(&json!({}));
    world.edited();
    world.record.repairs = [1, 2].map(|n| world.instant - MINUTE * n).into();
    assert_eq!(outline(&world.decide()), "sync Drift");
    world.record.repairs.push_front(world.instant - MINUTE * 9);
    let failure = world.refusal();
    assert_eq!(failure.cause, Cause::Contested);
    assert!(
        failure
            .text
            .starts_with("contested by kubectl-edit: Secret app was repaired 3 times"),
        "{}",
        failure.text
    );
    world.instant += MINUTE;
    assert_eq!(
        outline(&world.decide()),
        "sync Drift",
        "the first repair is ten minutes ago"
    );
}

#[test]
fn a_contested_target_still_gets_what_is_new() {
    let mut world = World::synced(&json!({}));
    world.record.repairs = [1, 2, 3].map(|n| world.instant - MINUTE * n).into();
    world.due();
    assert_eq!(world.why(), Some(Why::Due));
    world.edited();
    world.changed(&json!({}), &json!({}), 2);
    assert_eq!(world.why(), Some(Why::Changed));
}

#[test]
fn objects_of_other_operators_are_left_alone() {
    let other = || StoreState::NotOurs("has another spec.controller");
    let all = store(StoreKind::ClusterSecretStore, "all");
    let table = [
        (vec![(aws(), other())], true, "ignore"),
        (
            vec![(aws(), other()), (all.clone(), StoreState::Missing)],
            true,
            "ignore",
        ),
        (vec![(aws(), StoreState::Missing)], false, "ignore"),
        (vec![(aws(), StoreState::Missing)], true, "refuse StoreNotFound"),
        (vec![], false, "ignore"),
        (
            vec![(aws(), usable(&json!({}))), (all.clone(), other())],
            true,
            "refuse StoreNotOurs",
        ),
        (
            vec![(aws(), StoreState::Denied), (all.clone(), other())],
            false,
            "refuse StoreNotOurs",
        ),
        (
            vec![(aws(), StoreState::NotReady(None)), (all, other())],
            true,
            "refuse StoreNotOurs",
        ),
        (vec![(aws(), usable(&json!({})))], false, "sync New"),
    ];
    for (stores, default_class, expected) in table {
        let mut world = World::new(plain(&json!({})));
        world.default_class = default_class;
        let what = format!("{stores:?} {default_class}");
        world.stores = stores.into_iter().collect();
        assert_eq!(outline(&world.decide()), expected, "{what}");
    }
}

#[test]
fn objects_of_others_are_left_alone_however_broken_they_are() {
    let mut world = World::new(plain(&json!({ "refreshInterval": "soon" })));
    assert_eq!(world.refusal().cause, Cause::InvalidSpec);
    world.stores = [(aws(), StoreState::NotOurs("has another provider than AWS"))].into();
    assert_eq!(outline(&world.decide()), "ignore");
}

#[test]
fn the_state_of_a_store_is_told_in_the_words_that_people_look_for() {
    let cluster = store(StoreKind::ClusterSecretStore, "all");
    let table = [
        (
            aws(),
            StoreState::Missing,
            Cause::StoreNotFound,
            "could not get SecretStore \"aws\"",
        ),
        (
            aws(),
            StoreState::Missing,
            Cause::StoreNotFound,
            "there is none in namespace team",
        ),
        (
            cluster.clone(),
            StoreState::Missing,
            Cause::StoreNotFound,
            "could not get ClusterSecretStore \"all\"",
        ),
        (
            aws(),
            StoreState::NotReady(None),
            Cause::StoreNotReady,
            "SecretStore \"aws\" is not ready",
        ),
        (
            aws(),
            StoreState::NotReady(Some("region not found: x".to_owned())),
            Cause::StoreNotReady,
            "SecretStore \"aws\" is not ready (region not found: x)",
        ),
        (
            cluster,
            StoreState::Denied,
            Cause::StoreDenied,
            "using cluster store \"all\" is not allowed from namespace \"team\": denied by spec.condition",
        ),
    ];
    for (name, state, cause, text) in table {
        let kind = crate::operator::store::kind_name(name.kind);
        let reference = json!({ "secretStoreRef": { "name": &*name.name, "kind": kind } });
        let mut world = World::new(plain(&reference));
        world.stores = [(name, state)].into();
        let failure = world.refusal();
        assert_eq!(failure.cause, cause);
        assert!(failure.text.contains(text), "{}", failure.text);
    }
}

#[test]
fn a_store_of_another_operator_beside_ours_is_named() {
    let mut world = World::new(plain(&json!({})));
    let other = store(StoreKind::SecretStore, "vault");
    world
        .stores
        .insert(other, StoreState::NotOurs("has another provider than AWS"));
    let text = world.refusal().text;
    assert!(
        text.starts_with(
            "can not reference unmanaged store: SecretStore \"vault\" has another provider than AWS"
        ),
        "{text}"
    );
}

#[test]
fn an_object_waits_for_the_first_validation_of_its_store_only_if_it_has_something_to_do() {
    let mut world = World::synced(&json!({}));
    world.stores = [(aws(), StoreState::Pending)].into();
    assert_eq!(outline(&world.decide()), "skip 60 s");
    world.due();
    assert_eq!(outline(&world.decide()), "wait");
}

#[test]
fn nothing_happens_in_a_namespace_that_is_being_deleted() {
    let mut world = World::new(plain(&json!({})));
    world.terminating = true;
    assert_eq!(outline(&world.decide()), "skip");
    world.object = plain(&json!({ "refreshInterval": "soon" }));
    assert_eq!(outline(&world.decide()), "skip");
}

#[test]
fn a_store_that_is_not_ready_does_not_disturb_what_is_not_due() {
    let mut world = World::synced(&json!({}));
    world.stores = [(aws(), StoreState::NotReady(None))].into();
    assert_eq!(outline(&world.decide()), "skip 60 s");
}

/// Noon of a Saturday is the time of every world here.
fn windows(kind: &str, schedule: &str, duration: &str) -> Value {
    json!({ "syncWindows": { "kind": kind, "windows": [{ "schedule": schedule, "duration": duration }] } })
}

#[test]
fn a_refresh_that_is_due_waits_for_its_window_and_nothing_looks_until_then() {
    let table = [
        (windows("allow", "0 11 * * *", "2h"), "sync Due"),
        (windows("allow", "0 12 * * *", "1m"), "sync Due"),
        (windows("allow", "0 10 * * *", "2h"), "sync Due"),
        (windows("allow", "0 14 * * *", "1h"), "skip 7200 s"),
        (windows("allow", "0 0 31 2 *", "1h"), "skip"),
        (windows("deny", "0 14 * * *", "1h"), "sync Due"),
        (windows("deny", "0 11 * * *", "90m"), "skip 1801 s"),
        (json!({}), "sync Due"),
    ];
    for (spec, expected) in table {
        let mut world = World::synced(&spec);
        world.record.due = Some(world.instant);
        assert_eq!(outline(&world.decide()), expected, "{spec}");
    }
}

/// Differs: docs/differences.md#tries-wait-for-windows.
#[test]
fn windows_hold_for_refreshes_and_their_tries_and_for_nothing_else() {
    let closed = windows("allow", "0 14 * * *", "1h");
    let mut world = World::synced(&closed);
    world.failing(Duration::ZERO);
    assert_eq!(outline(&world.decide()), "sync Retry");
    world.record.failing.as_mut().unwrap().of_refresh = true;
    assert_eq!(outline(&world.decide()), "skip 7200 s");

    assert_eq!(outline(&World::new(plain(&closed)).decide()), "sync New");
    let mut world = World::synced(&closed);
    world.target = None;
    assert_eq!(outline(&world.decide()), "sync Drift");
    let mut world = World::synced(&closed);
    world.changed(&closed, &json!({ "force-sync": "now" }), 1);
    assert_eq!(outline(&world.decide()), "sync Forced");
    let mut world = World::synced(&closed);
    world.changed(&closed, &json!({ "note": "changed" }), 1);
    assert_eq!(outline(&world.decide()), "sync Changed");
}

/// Differs: docs/differences.md#tries-wait-for-windows.
#[test]
fn a_token_whose_renewal_failed_is_renewed_although_the_window_is_closed() {
    let mut world = World::synced(&windows("allow", "0 14 * * *", "1h"));
    world.failing(Duration::ZERO);
    world.record.failing.as_mut().unwrap().of_refresh = true;
    world.record.renew_at = Some(world.instant + Duration::from_mins(1));
    assert_eq!(outline(&world.decide()), "skip 60 s");
    world.record.renew_at = Some(world.instant);
    assert_eq!(outline(&world.decide()), "sync Retry");
}

/// Differs: docs/differences.md#no-new-values.
#[test]
fn a_change_makes_no_generator_run_again_under_interval_zero() {
    let generated = json!({
        "refreshInterval": "0",
        "dataFrom": [{ "sourceRef": { "generatorRef": { "kind": "Password", "name": "p" } } }],
    });
    let mut world = World::synced(&generated);
    world.changed(&generated, &json!({}), 2);
    assert_eq!(outline(&world.decide()), "skip");
    world.changed(&generated, &json!({ "force-sync": "now" }), 2);
    assert_eq!(outline(&world.decide()), "sync Forced");
}

#[test]
fn a_generator_runs_for_each_entry_and_a_find_once() {
    let entry = json!({ "sourceRef": { "generatorRef": { "kind": "Password", "name": "p" } } });
    let find = json!({ "find": { "name": { "regexp": "^a" }, "path": "/x", "tags": { "env": "prod" } } });
    let mut world = World::new(plain(
        &json!({ "dataFrom": [entry, find, entry, find], "data": null }),
    ));
    world.stores = [(aws(), usable(&json!({ "prefix": "team/" })))].into();
    let reads = world.reads();
    assert_eq!(reads.waited, WAITED);
    assert_eq!(reads.by_source, [0, 1, 2, 1]);
    let Request::Find(store, query) = &reads.distinct[1] else {
        panic!("{:?}", reads.distinct)
    };
    assert_eq!((store, query.prefix.as_deref()), (&aws(), Some("team/")));
    assert_eq!(query.to_string(), "path /x, name ~ ^a, tag env=prod");
}

#[test]
fn metadata_and_value_of_a_secret_are_two_reads() {
    let world = World::new(plain(&json!({ "data": [
        entry("value", &json!({ "key": "db" }), None),
        entry("tags", &json!({ "key": "db", "metadataPolicy": "Fetch" }), None),
        entry("owner", &json!({ "key": "db", "metadataPolicy": "Fetch", "property": "owner" }), None),
    ] })));
    let reads = world.reads();
    assert_eq!(reads.by_source, [0, 1, 1]);
    assert_eq!(value(&reads.distinct[1]).1.aspect, Aspect::Tags);
}

fn value(request: &Request) -> (&StoreName, &Read) {
    match request {
        Request::Value(store, read) => (store, read),
        other => panic!("{other:?}"),
    }
}

fn entry(key: &str, remote: &Value, store: Option<&str>) -> Value {
    let mut entry = json!({ "secretKey": key, "remoteRef": remote });
    if let Some(name) = store {
        entry["sourceRef"] = json!({ "storeRef": { "name": name } });
    }
    entry
}

#[test]
fn equal_reads_of_one_store_happen_once() {
    let mut world = World::new(plain(&json!({
        "dataFrom": [{ "extract": { "key": "db" } }],
        "data": [
            entry("user", &json!({ "key": "db", "property": "user" }), None),
            entry("current", &json!({ "key": "db", "version": "AWSCURRENT" }), None),
            entry("pending", &json!({ "key": "db", "version": "AWSPENDING" }), None),
            entry("pinned", &json!({ "key": "db", "version": "uuid/1" }), None),
            entry("elsewhere", &json!({ "key": "db" }), Some("other")),
            entry("other-key", &json!({ "key": "db2" }), None),
        ],
    })));
    world
        .stores
        .insert(store(StoreKind::SecretStore, "other"), usable(&json!({})));
    let reads = world.reads();
    assert_eq!(reads.by_source, [0, 0, 0, 1, 2, 3, 4]);
    let names: Vec<_> = reads
        .distinct
        .iter()
        .map(value)
        .map(|(store, read)| (&*store.name, read.id.as_str()))
        .collect();
    assert_eq!(
        names,
        [
            ("aws", "db"),
            ("aws", "db"),
            ("aws", "db"),
            ("other", "db"),
            ("aws", "db2")
        ]
    );
}

#[test]
fn a_stores_prefix_is_put_before_the_key_as_it_is() {
    let mut world = World::new(plain(&json!({})));
    world.stores = [(aws(), usable(&json!({ "prefix": "prod/" })))].into();
    assert_eq!(value(&world.reads().distinct[0]).1.id, "prod/db");
}

#[test]
fn a_version_means_what_the_service_makes_of_it() {
    let read = |service: &str, version: Value| {
        let mut world = World::new(plain(&json!({
            "data": [entry("k", &json!({ "key": "db", "version": version }), None)],
        })));
        world.stores = [(aws(), usable(&json!({ "service": service })))].into();
        value(&world.reads().distinct[0]).1.version.clone()
    };
    let secrets = "SecretsManager";
    assert_eq!(
        read(secrets, json!(null)),
        Version::Stage("AWSCURRENT".to_owned())
    );
    assert_eq!(read(secrets, json!("uuid/1-2")), Version::Id("1-2".to_owned()));
    assert_eq!(
        read(secrets, json!("AWSPREVIOUS")),
        Version::Stage("AWSPREVIOUS".to_owned())
    );
    assert_eq!(read("ParameterStore", json!(null)), Version::Selector(None));
    assert_eq!(
        read("ParameterStore", json!("3")),
        Version::Selector(Some("3".to_owned()))
    );
}

#[test]
fn only_a_refresh_that_is_due_may_wait_for_company() {
    assert!(Why::Due.is_periodic());
    for why in [
        Why::New,
        Why::Changed,
        Why::Forced,
        Why::Drift(None),
        Why::Retry,
        Why::Confirm,
    ] {
        assert!(!why.is_periodic(), "{why:?}");
    }
}

fn state(n: u8) -> StoreState {
    match n {
        0 => StoreState::Missing,
        1 => StoreState::NotOurs("has another spec.controller"),
        2 => StoreState::Denied,
        3 => StoreState::Pending,
        4 => StoreState::NotReady(None),
        _ => usable(&json!({})),
    }
}

/// An instant before or after the moment of the decision.
fn near(now: Instant, offset: Option<i16>) -> Option<Instant> {
    offset.map(|seconds| {
        let distance = SECOND * u32::from(seconds.unsigned_abs() % 1000);
        if seconds < 0 {
            now - distance
        } else {
            now + distance
        }
    })
}

prop_compose! {
    fn worlds()(
        policy in 0_usize..6,
        creation in prop::sample::select(vec!["Owner", "Orphan", "Merge", "CreateOrMerge", "None"]),
        generation in 1_i64..3,
        forced in prop::option::of("[ab]"),
        synced in any::<bool>(),
        times in prop::array::uniform3(prop::option::of(any::<i16>())),
        repairs in prop::collection::vec(0_u32..20, 0..5),
        target in (any::<bool>(), any::<bool>(), any::<bool>()),
        flags in (any::<bool>(), any::<bool>(), any::<bool>(), any::<bool>()),
        stores in prop::collection::vec(0_u8..7, 0..3),
    ) -> World {
        let policies = [CREATED_ONCE, ON_CHANGE, PERIODIC, ONCE, BELOW_ZERO, r#"{"refreshInterval":"soon"}"#];
        let mut spec = spec(policies[policy]);
        spec["target"] = json!({ "creationPolicy": creation });
        let mut world = World::synced(&spec);
        let (present, edited, deleting) = target;
        if edited {
            world.edited();
        }
        if let Some(target) = &mut world.target {
            target.deleting = deleting;
        }
        if !present {
            world.target = None;
        }
        let annotations = forced.map_or_else(|| json!({}), |value| json!({ "force-sync": value }));
        if !synced {
            world.record.synced_form = None;
        }
        let [due, confirm, retry] = times.map(|offset| near(world.instant, offset));
        world.record.due = due;
        world.record.confirm_at = confirm;
        if let Some(retry_at) = retry {
            world.failing(Duration::ZERO);
            world.record.failing.as_mut().unwrap().retry_at = retry_at;
        }
        world.record.repairs = repairs.into_iter().map(|minutes| world.instant - MINUTE * minutes).collect();
        world.changed(&spec, &annotations, generation);
        (world.targets_watched, world.default_class, world.terminating, world.record.targetless) = flags;
        world.stores = stores
            .into_iter()
            .enumerate()
            .map(|(at, n)| (store(StoreKind::SecretStore, ["aws", "b", "c"][at]), state(n)))
            .collect();
        world
    }
}

proptest! {
    #[test]
    fn every_situation_has_a_decision_and_the_same_one_each_time(world in worlds()) {
        let decision = world.decide();
        prop_assert_eq!(format!("{decision:?}"), format!("{:?}", world.decide()));
    }

    #[test]
    fn what_syncs_reads_each_source_once_from_stores_that_can_be_used(world in worlds()) {
        if let Decision::Sync(_, reads) = world.decide() {
            let sources = world.object.spec.as_ref().unwrap().sources.len();
            prop_assert_eq!(reads.by_source.len(), sources);
            for (at, request) in reads.distinct.iter().enumerate() {
                prop_assert!(matches!(world.stores[value(request).0], StoreState::Usable(..)));
                let first = reads.distinct.iter().position(|other| other == request);
                prop_assert_eq!(first, Some(at));
            }
            prop_assert!(reads.by_source.iter().all(|at| *at < reads.distinct.len()));
        }
    }

    #[test]
    fn nothing_is_read_for_others_nor_in_a_namespace_that_goes(mut world in worlds()) {
        world.terminating = true;
        prop_assert!(!matches!(world.decide(), Decision::Sync(..) | Decision::Wait));
        world.terminating = false;
        world.stores = [(aws(), StoreState::NotOurs("has another provider than AWS"))].into();
        prop_assert!(matches!(world.decide(), Decision::Ignore));
    }
}

impl std::fmt::Debug for World {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "{:?} {:?} {:?} {:?} {} {} {} at {:?}",
            self.object.spec,
            self.record,
            self.target,
            self.stores,
            self.targets_watched,
            self.default_class,
            self.terminating,
            self.instant
        )
    }
}
