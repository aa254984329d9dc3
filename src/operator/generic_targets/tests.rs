use serde_json::json;

use super::*;
use crate::{api::Stored, sync::spec::Rules};

fn object(name: &str, kind: &str, target: &str) -> Object {
    let object = serde_json::from_value(json!({
        "apiVersion": "external-secrets.io/v1", "kind": "ExternalSecret",
        "metadata": { "name": name, "namespace": "team", "uid": name },
        "spec": {
            "secretStoreRef": { "name": "aws" },
            "target": { "name": target, "manifest": { "apiVersion": "v1", "kind": kind } },
            "data": [{ "secretKey": "k", "remoteRef": { "key": "a" } }],
        },
    }));
    let rules = Rules {
        generic_targets: true,
        ..Rules::default()
    };
    Object::new(Stored(Ok(object.unwrap())), &rules)
}

fn name(name: &str) -> ObjectName {
    (Arc::from("team"), Arc::from(name))
}

fn config_map() -> GenericKind {
    GenericKind {
        group: "".into(),
        version: "v1".into(),
        kind: "ConfigMap".into(),
    }
}

#[test]
fn a_kind_is_used_while_some_object_writes_it() {
    let targets = GenericTargets::default();
    let used = || {
        targets
            .used()
            .borrow()
            .iter()
            .map(ToString::to_string)
            .collect::<Vec<_>>()
    };
    let (a, b) = (object("a", "ConfigMap", "x"), object("b", "ConfigMap", "x"));
    targets.observe(&name("a"), None, Some(&a));
    targets.observe(&name("b"), None, Some(&b));
    assert_eq!(used(), ["ConfigMap"]);
    assert_eq!(
        targets.writers(&config_map(), &("team".into(), "x".into())),
        [name("a"), name("b")]
    );
    targets.observe(&name("a"), Some(&a), Some(&object("a", "LimitRange", "x")));
    assert_eq!(used(), ["ConfigMap", "LimitRange"]);
    targets.observe(&name("b"), Some(&b), None);
    assert_eq!(used(), ["LimitRange"]);
    let secret = object("a", "Secret", "x");
    targets.observe(&name("a"), Some(&object("a", "LimitRange", "x")), Some(&secret));
    assert!(used().is_empty());
}

#[test]
fn what_is_not_listed_yet_is_not_known_to_be_absent() {
    let targets = GenericTargets::default();
    targets.observe(&name("a"), None, Some(&object("a", "ConfigMap", "x")));
    assert!(!targets.get(&config_map(), "team", "x").1);
    let absent = targets.listed(&config_map(), &Scope::All);
    assert_eq!(absent, [(Box::from("team"), Box::from("x"))]);
    assert!(targets.get(&config_map(), "team", "x").1);
    assert!(targets.get(&config_map(), "team", "x").0.is_none());
}

#[test]
fn whatever_a_first_list_shows_is_looked_at_once_it_is_complete() {
    let targets = GenericTargets::default();
    targets.observe(&name("a"), None, Some(&object("a", "ConfigMap", "x")));
    let shown = ObjectMeta {
        name: Some("x".to_owned()),
        namespace: Some("team".to_owned()),
        uid: Some("1".to_owned()),
        ..ObjectMeta::default()
    };
    let watched = targets.targets(&config_map()).unwrap();
    watched.apply(&shown, || TargetView::of_resource(&shown));
    // A turn that comes now does not see it yet, and nothing else would wake its writer.
    assert!(targets.get(&config_map(), "team", "x").0.is_none());
    let at = (Box::from("team"), Box::from("x"));
    assert_eq!(targets.listed(&config_map(), &Scope::All), [at]);
    assert!(targets.get(&config_map(), "team", "x").0.is_some());
    assert!(
        targets.listed(&config_map(), &Scope::All).is_empty(),
        "a later list tells of changes itself"
    );
}
