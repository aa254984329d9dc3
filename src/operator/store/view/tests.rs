use serde_json::{Value, json};

use super::*;
use crate::api::{ClusterSecretStore, SecretStore, names};

fn object(kind: &str, generation: i64, uid: &str, spec: &Value, ready: Option<&str>) -> StoreObject {
    let mut full = json!({ "provider": { "aws": { "service": "SecretsManager", "region": "eu-west-1" } } });
    for (key, value) in spec.as_object().unwrap() {
        full[key] = value.clone();
    }
    let conditions: Vec<_> = ready
        .iter()
        .map(|status| json!({ "type": "Ready", "status": status }))
        .collect();
    let object = json!({
        "apiVersion": names::API_VERSION, "kind": kind, "spec": full, "status": { "conditions": conditions },
        "metadata": { "name": "s", "namespace": "app", "uid": uid, "generation": generation },
    });
    if kind == "SecretStore" {
        StoreObject::from(serde_json::from_value::<SecretStore>(object).unwrap())
    } else {
        StoreObject::from(serde_json::from_value::<ClusterSecretStore>(object).unwrap())
    }
}

fn stores() -> Stores {
    Stores::new(ControllerClass::default(), validate::SUPPORTED)
}

fn ready(stores: &Stores) -> Option<bool> {
    stores.lookup(StoreKind::SecretStore, "app", "s")?.ready
}

fn decide(stores: &Stores, uid: &str, ready: bool) {
    let name = StoreName {
        kind: StoreKind::SecretStore,
        namespace: Some("app".to_owned()),
        name: "s".to_owned(),
    };
    let record = Record {
        validated: Some(1),
        ..Record::default()
    };
    stores.decide(&name, uid, Some(ready), record);
}

#[test]
fn readiness_is_the_reported_one_until_it_is_validated() {
    let stores = stores();
    assert!(stores.observe(&object("SecretStore", 1, "u", &json!({}), None)));
    assert_eq!(ready(&stores), None);
    assert!(
        stores.observe(&object("SecretStore", 1, "u", &json!({}), Some("True"))),
        "it became ready"
    );
    assert!(!stores.observe(&object("SecretStore", 1, "u", &json!({}), Some("True"))));
    decide(&stores, "u", false);
    assert!(!stores.observe(&object("SecretStore", 1, "u", &json!({}), Some("True"))));
    assert_eq!(
        ready(&stores),
        Some(false),
        "a status from before our write says nothing"
    );
    assert!(
        stores.observe(&object("SecretStore", 2, "u", &json!({}), Some("True"))),
        "its spec changed"
    );
    assert_eq!(ready(&stores), Some(false));
}

#[test]
fn a_store_that_was_replaced_starts_anew() {
    let stores = stores();
    stores.observe(&object("SecretStore", 1, "u", &json!({}), None));
    decide(&stores, "u", true);
    assert!(stores.observe(&object("SecretStore", 1, "v", &json!({}), None)));
    assert_eq!(ready(&stores), None);
    decide(&stores, "u", true);
    assert_eq!(
        ready(&stores),
        None,
        "a verdict on the store that is gone says nothing about this one"
    );
}

#[test]
fn stores_are_found_by_kind_namespace_and_name_until_they_are_gone() {
    let stores = stores();
    stores.observe(&object("SecretStore", 1, "u", &json!({}), None));
    stores.observe(&object("ClusterSecretStore", 1, "c", &json!({}), None));
    let uid = |kind, namespace| stores.lookup(kind, namespace, "s").map(|view| view.uid.clone());
    assert_eq!(uid(StoreKind::SecretStore, "app").as_deref(), Some("u"));
    assert_eq!(uid(StoreKind::SecretStore, "other"), None);
    assert_eq!(uid(StoreKind::ClusterSecretStore, "other").as_deref(), Some("c"));
    stores.retain(StoreKind::SecretStore, |_| false);
    assert_eq!(uid(StoreKind::SecretStore, "app"), None);
    assert_eq!(uid(StoreKind::ClusterSecretStore, "").as_deref(), Some("c"));
    stores.forget(&StoreName {
        kind: StoreKind::ClusterSecretStore,
        namespace: None,
        name: "s".to_owned(),
    });
    assert_eq!(uid(StoreKind::ClusterSecretStore, ""), None);
}

#[test]
fn a_store_is_used_only_by_whom_it_is_for_and_when_it_works() {
    let refusal = |kind, spec: Value, ready, gate| {
        let stores = stores();
        stores.observe(&object(kind, 1, "u", &spec, ready));
        let kind = if kind == "SecretStore" {
            StoreKind::SecretStore
        } else {
            StoreKind::ClusterSecretStore
        };
        let view = stores.lookup(kind, "app", "s").unwrap();
        view.admit("app", &BTreeMap::new(), gate)
            .err()
            .map(|refusal| refusal.to_string())
    };
    assert_eq!(refusal("SecretStore", json!({}), Some("True"), true), None);
    assert_eq!(
        refusal("SecretStore", json!({}), Some("False"), true).as_deref(),
        Some("SecretStore \"s\" is not ready")
    );
    assert_eq!(
        refusal("ClusterSecretStore", json!({}), None, true).as_deref(),
        Some("ClusterSecretStore \"s\" is not ready")
    );
    assert_eq!(refusal("SecretStore", json!({}), None, false), None);
    assert_eq!(
        refusal(
            "SecretStore",
            json!({ "controller": "other" }),
            Some("True"),
            true
        )
        .as_deref(),
        Some("can not reference unmanaged store")
    );
    let conditions = json!({ "conditions": [{ "namespaces": ["elsewhere"] }] });
    assert_eq!(
        refusal("ClusterSecretStore", conditions.clone(), Some("True"), true).as_deref(),
        Some("using cluster store \"s\" is not allowed from namespace \"app\": denied by spec.condition")
    );
    assert_eq!(refusal("SecretStore", conditions, Some("True"), true), None);
    let vault = json!({ "provider": { "vault": {} } });
    assert_eq!(
        refusal("SecretStore", vault, Some("True"), true).as_deref(),
        Some("the store is of another provider than AWS")
    );
    let interval = json!({ "refreshInterval": "30" });
    let text = refusal("SecretStore", interval, Some("True"), false).unwrap();
    assert!(
        text.starts_with("SecretStore \"s\" is not ready: spec.refreshInterval: "),
        "{text}"
    );
}
