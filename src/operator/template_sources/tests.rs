use serde_json::{Value, json};

use super::*;
use crate::{api::Stored, sync::spec::Rules};

fn object(name: &str, from: &[(&str, &str)]) -> Object {
    let from: Vec<Value> = from
        .iter()
        .map(|(field, source)| json!({ *field: { "name": source, "items": [{ "key": "k" }] } }))
        .collect();
    let object = serde_json::from_value(json!({
        "apiVersion": "external-secrets.io/v1", "kind": "ExternalSecret",
        "metadata": { "name": name, "namespace": "team" },
        "spec": {
            "secretStoreRef": { "name": "aws" },
            "target": { "template": { "templateFrom": from } },
            "data": [{ "secretKey": "k", "remoteRef": { "key": "prod/db" } }],
        },
    }))
    .unwrap();
    Object::new(Stored(Ok(object)), &Rules::default())
}

fn named(name: &str) -> ObjectName {
    (Arc::from("team"), Arc::from(name))
}

fn version(uid: &str, resource_version: &str) -> Version {
    Version {
        uid: uid.into(),
        resource_version: resource_version.into(),
    }
}

fn state(uid: &str, resource_version: &str, changed_at: &str) -> State {
    State {
        version: version(uid, resource_version),
        changed_at: changed_at.parse().ok(),
    }
}

const EARLY: &str = "2026-01-01T00:00:00Z";

fn team(name: &str) -> At {
    at("team", name)
}

#[test]
fn a_kind_is_used_while_some_object_names_a_source_of_it() {
    let sources = TemplateSources::default();
    let used = sources.used();
    let (one, two) = (
        object("one", &[("configMap", "c")]),
        object("two", &[("secret", "c")]),
    );
    sources.observe(&named("one"), None, Some(&one));
    assert_eq!(*used.borrow(), BTreeSet::from([SourceKind::ConfigMap]));
    sources.observe(&named("two"), None, Some(&two));
    assert_eq!(
        *used.borrow(),
        BTreeSet::from([SourceKind::ConfigMap, SourceKind::Secret])
    );
    sources.observe(&named("one"), Some(&one), None);
    sources.observe(&named("two"), Some(&two), Some(&object("two", &[])));
    assert!(used.borrow().is_empty());
}

#[test]
fn a_change_is_news_to_exactly_those_who_name_the_source() {
    let sources = TemplateSources::default();
    for (name, source) in [("one", "c"), ("two", "c"), ("other", "d")] {
        sources.observe(&named(name), None, Some(&object(name, &[("configMap", source)])));
    }
    let kind = SourceKind::ConfigMap;
    let saw = |at: &At, state| sources.saw(kind, at, state);
    assert_eq!(
        saw(&team("c"), Some(state("u", "1", EARLY))),
        [named("one"), named("two")]
    );
    assert_eq!(
        saw(&team("c"), Some(state("u", "1", EARLY))),
        [],
        "a list shows it again"
    );
    assert_eq!(saw(&team("unnamed"), Some(state("u", "1", EARLY))), []);
    assert_eq!(saw(&at("elsewhere", "c"), Some(state("u", "9", EARLY))), []);
    assert_eq!(sources.saw(SourceKind::Secret, &team("c"), None), []);
    assert_eq!(saw(&team("c"), None), [named("one"), named("two")]);
    assert_eq!(
        sources.listed(kind, &Scope::All, &[team("c")].into()),
        [named("other")]
    );
}

#[test]
fn only_a_later_state_than_the_one_that_was_read_is_a_change() {
    let sources = TemplateSources::default();
    sources.observe(&named("one"), None, Some(&object("one", &[("configMap", "c")])));
    let name = SourceName {
        kind: SourceKind::ConfigMap,
        name: "c".into(),
    };
    let object = object("one", &[("configMap", "c")]);
    let mut record = Record::seed(&object);
    let mut changed = |read: Version| {
        record.template_sources = Some([(name.clone(), read)].into());
        sources.changed(&object, &record)
    };
    assert!(!changed(version("u", "5")), "nothing was shown yet");
    let saw = |state| drop(sources.saw(SourceKind::ConfigMap, &team("c"), state));
    saw(Some(state("u", "5", EARLY)));
    assert!(changed(version("u", "4")));
    assert!(!changed(version("u", "5")));
    assert!(!changed(version("u", "12")), "the watch is behind what was read");
    saw(None);
    assert!(changed(version("u", "5")));
    record.template_sources = Some(BTreeMap::new());
    assert!(!sources.changed(&object, &record));
}

#[test]
fn after_a_start_what_changed_since_the_last_sync_is_a_change_and_the_rest_is_not() {
    let sources = TemplateSources::default();
    let object = object("one", &[("configMap", "c")]);
    sources.observe(&named("one"), None, Some(&object));
    let mut record = Record::seed(&object);
    let saw = |state| drop(sources.saw(SourceKind::ConfigMap, &team("c"), state));
    saw(Some(state("u", "5", "2026-01-01T00:00:10Z")));
    assert!(!sources.changed(&object, &record), "it was never synced");
    let mut synced = |at: &str| {
        record.reported.refresh_time = at.parse().ok();
        sources.changed(&object, &record)
    };
    assert!(!synced("2026-01-01T00:00:11Z"));
    assert!(
        synced("2026-01-01T00:00:10.5Z"),
        "within the same second it is not known"
    );
    assert!(synced("2026-01-01T00:00:09Z"));
    saw(Some(state("u", "5", "unknown")));
    assert!(synced("2026-01-01T00:00:11Z"));
    saw(None);
    assert!(synced("2026-01-01T00:00:11Z"));
}
