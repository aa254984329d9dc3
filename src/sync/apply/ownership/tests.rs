use serde_json::{Value, json};

use super::*;
use crate::api::names;

fn object() -> Object {
    let object = serde_json::from_value(json!({
        "apiVersion": names::API_VERSION, "kind": "ExternalSecret",
        "metadata": { "name": "app", "namespace": "team", "uid": "e-1" },
        "spec": { "secretStoreRef": { "name": "aws" }, "data": [{ "secretKey": "a", "remoteRef": { "key": "k" } }] },
    }))
    .unwrap();
    Object::new(
        crate::api::Stored(Ok(object)),
        &crate::sync::spec::Rules::default(),
    )
}

/// Whether a Secret in which we hold the key `a` is ours.
fn is_ours(more: &Value) -> bool {
    let mut metadata = json!({
        "name": "app", "namespace": "team", "uid": "s-1",
        "managedFields": [{
            "manager": fingerprint::field_manager("app"), "operation": "Update",
            "fieldsV1": { "f:data": { "f:a": {} } },
        }],
    });
    for (key, value) in more.as_object().unwrap() {
        metadata[key] = value.clone();
    }
    let meta = serde_json::from_value(json!({
        "apiVersion": "meta.k8s.io/v1", "kind": "PartialObjectMetadata", "metadata": metadata,
    }));
    super::is_ours(&object(), &Record::seed(&object()), &meta.unwrap())
}

#[test]
fn a_key_that_was_merged_into_a_secret_does_not_make_it_ours() {
    assert!(!is_ours(&json!({})));
    assert!(!is_ours(&json!({ "labels": { names::MANAGED_LABEL: "true" } })));
}

#[test]
fn our_digest_of_keys_our_label_or_our_owner_reference_does() {
    assert!(is_ours(
        &json!({ "annotations": { names::KEYS_ANNOTATION: "x" } })
    ));
    let created_by = fingerprint::created_by("team", "app");
    assert!(is_ours(
        &json!({ "labels": { names::CREATED_BY_LABEL: created_by } })
    ));
    let owner = |uid: &str| {
        json!({ "managedFields": [], "ownerReferences": [{
            "apiVersion": names::API_VERSION, "kind": "ExternalSecret", "name": "app", "uid": uid, "controller": true,
        }]})
    };
    assert!(is_ours(&owner("e-1")));
    assert!(!is_ours(&owner("e-0")));
}

#[test]
fn what_eso_wrote_alone_is_ours_to_continue() {
    let annotations = json!({ names::DATA_HASH_ANNOTATION: "x" });
    assert!(is_ours(&json!({ "annotations": annotations })));
    let fields = |manager: &str| {
        json!({
            "manager": manager, "operation": "Update", "fieldsV1": { "f:data": { "f:a": {} } },
        })
    };
    let both = [fields(&fingerprint::field_manager("app")), fields("editor")];
    assert!(!is_ours(
        &json!({ "annotations": annotations, "managedFields": both })
    ));
}
