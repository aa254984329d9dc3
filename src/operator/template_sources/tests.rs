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
    let saw = |at: &At, version| sources.saw(kind, at, version);
    assert_eq!(
        saw(&team("c"), Some(version("u", "1"))),
        [named("one"), named("two")]
    );
    assert_eq!(
        saw(&team("c"), Some(version("u", "1"))),
        [],
        "a list shows it again"
    );
    assert_eq!(saw(&team("unnamed"), Some(version("u", "1"))), []);
    assert_eq!(saw(&at("elsewhere", "c"), Some(version("u", "9"))), []);
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
    let changed = |read: Version| sources.changed("team", &[(name.clone(), read)].into());
    assert!(!changed(version("u", "5")), "nothing was shown yet");
    let saw = |version| drop(sources.saw(SourceKind::ConfigMap, &team("c"), version));
    saw(Some(version("u", "5")));
    assert!(changed(version("u", "4")));
    assert!(!changed(version("u", "5")));
    assert!(!changed(version("u", "12")), "the watch is behind what was read");
    saw(None);
    assert!(changed(version("u", "5")));
    assert!(!sources.changed("team", &BTreeMap::new()));
}
