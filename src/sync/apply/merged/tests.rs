use std::sync::Arc;

use tokio::sync::Semaphore;

use super::*;
use crate::{
    operator::targets::Targets,
    secret_bytes::SecretBytes,
    sync::{
        apply::{Adoption, Writer},
        fingerprint,
        object::Object,
        render::Rendered,
    },
};

const MANAGER: &str = "externalsecrets.external-secrets.io/app";

/// An object, and what of it is rendered: one label, one annotation and the keys `a` and `b`.
struct Case {
    writer: Writer,
    object: Object,
    rendered: Rendered,
}

impl Case {
    /// Needs a runtime, as the client does; nothing is ever sent.
    fn new(target: &Value, annotations: &Value) -> Self {
        // Another test may have been first.
        drop(rustls::crypto::aws_lc_rs::default_provider().install_default());
        let nowhere = kube::Config::new("http://127.0.0.1:1".parse().unwrap());
        let object = serde_json::from_value(json!({
            "apiVersion": names::API_VERSION, "kind": "ExternalSecret",
            "metadata": { "name": "app", "namespace": "team", "uid": "e-1", "annotations": annotations },
            "spec": {
                "secretStoreRef": { "name": "aws" },
                "target": target,
                "data": [{ "secretKey": "a", "remoteRef": { "key": "prod/db" } }],
            },
        }))
        .unwrap();
        let value = |value: &str| SecretBytes::from(value.to_owned());
        Self {
            writer: Writer {
                client: kube::Client::try_from(nowhere).unwrap(),
                slots: Semaphore::new(1),
                adoption: Adoption::Safe,
                look: crate::secrets_api::Look::Get,
                targets: Arc::new(Targets::default()),
                generic_targets: Arc::default(),
                kinds: crate::resources_api::Kinds::default(),
            },
            object: Object::new(
                crate::api::Stored(Ok(object)),
                &crate::sync::spec::Rules::default(),
            ),
            rendered: Rendered {
                fields: crate::sync::fields::Fields::default(),
                data: [("a".to_owned(), value("1")), ("b".to_owned(), value("2"))].into(),
                labels: [("team".to_owned(), "shop".to_owned())].into(),
                annotations: [("note".to_owned(), "ours".to_owned())].into(),
                kept: Kept::Nothing,
                finalizers: vec![],
                type_: None,
            },
        }
    }

    fn policy(creation: &str) -> Self {
        Self::new(&json!({ "creationPolicy": creation }), &json!({}))
    }

    fn target(&self) -> Target<'_> {
        Target {
            writer: &self.writer,
            object: &self.object,
            spec: self.object.spec.as_ref().unwrap(),
            rendered: &self.rendered,
            manager: fingerprint::field_manager(&self.object.name),
        }
    }

    fn whole(&self, metadata: &Value) -> Wanted {
        whole(&self.target(), &meta(metadata))
    }

    fn patch(&self, metadata: &Value) -> (Wanted, Vec<String>, Value) {
        let (wanted, dropped, metadata) = patch(&self.target(), &meta(metadata));
        (wanted, dropped, Value::Object(metadata))
    }
}

fn meta(metadata: &Value) -> SecretMeta {
    serde_json::from_value(json!({
        "apiVersion": "meta.k8s.io/v1", "kind": "PartialObjectMetadata", "metadata": metadata,
    }))
    .unwrap()
}

/// A `managedFields` entry with these labels, annotations and data keys.
fn entry(manager: &str, labels: &[&str], annotations: &[&str], data: &[&str]) -> Value {
    let fields = |names: &[&str]| -> Map<String, Value> {
        names
            .iter()
            .map(|name| (format!("f:{name}"), json!({})))
            .collect()
    };
    json!({
        "manager": manager, "operation": "Update",
        "fieldsV1": {
            "f:metadata": { "f:labels": fields(labels), "f:annotations": fields(annotations) },
            "f:data": fields(data),
        },
    })
}

fn owner(kind: &str, name: &str, uid: &str) -> Value {
    json!({ "apiVersion": "external-secrets.io/v1", "kind": kind, "name": name, "uid": uid })
}

fn created_by() -> String {
    fingerprint::created_by("team", "app")
}

fn keys() -> String {
    fingerprint::keys_digest(["a", "b"])
}

#[tokio::test]
async fn labels_and_annotations_of_others_stay_and_ours_that_are_wanted_no_more_go() {
    let wanted = Case::policy("Owner").whole(&json!({
        "labels": { "theirs": "1", "old": "1", "team": "before" },
        "annotations": { "theirs": "1", "old": "1", "note": "before" },
        "managedFields": [
            entry(MANAGER, &["old", "team"], &["old", "note"], &["a"]),
            entry("editor", &["theirs"], &["theirs"], &[]),
        ],
    }));
    assert_eq!(
        json!(wanted.labels),
        json!({
            "theirs": "1", "team": "shop",
            names::MANAGED_LABEL: "true", names::CREATED_BY_LABEL: created_by(),
        })
    );
    assert_eq!(
        json!(wanted.annotations),
        json!({ "theirs": "1", "note": "ours", names::KEYS_ANNOTATION: keys() })
    );
}

#[tokio::test]
async fn the_unsalted_hash_that_eso_leaves_goes_whoever_wrote_it() {
    let metadata = json!({ "annotations": { names::DATA_HASH_ANNOTATION: "00" } });
    let wanted = Case::policy("Owner").whole(&metadata);
    assert!(!wanted.annotations.contains_key(names::DATA_HASH_ANNOTATION));
    let (_, _, patched) = Case::policy("Merge").patch(&metadata);
    assert_eq!(patched["annotations"][names::DATA_HASH_ANNOTATION], Value::Null);
    assert!(
        patched["annotations"]
            .as_object()
            .unwrap()
            .contains_key(names::DATA_HASH_ANNOTATION)
    );
}

#[tokio::test]
async fn owner_references_of_others_stay_and_ours_is_there_once() {
    let wanted = Case::policy("Owner").whole(&json!({
        "ownerReferences": [
            owner("ExternalSecret", "app", "an earlier object of this name"),
            owner("ExternalSecret", "other", "e-2"),
            { "apiVersion": "apps/v1", "kind": "Deployment", "name": "app", "uid": "d-1" },
        ],
    }));
    let uids: Vec<_> = wanted.owners.iter().map(|owner| owner.uid.as_str()).collect();
    assert_eq!(uids, ["e-2", "d-1", "e-1"]);
    let ours = wanted.owners.last().unwrap();
    assert_eq!(
        (ours.controller, ours.block_owner_deletion),
        (Some(true), Some(true))
    );
}

#[tokio::test]
async fn a_policy_that_does_not_own_gives_up_reference_and_label() {
    let metadata = json!({
        "labels": { names::MANAGED_LABEL: "true", names::CREATED_BY_LABEL: created_by() },
        "ownerReferences": [owner("ExternalSecret", "app", "e-1")],
    });
    let orphan = Case::policy("Orphan").whole(&metadata);
    assert!(orphan.owners.is_empty());
    assert!(!orphan.labels.contains_key(names::CREATED_BY_LABEL));
    for policy in ["Merge", "CreateOrMerge"] {
        let (_, _, patched) = Case::policy(policy).patch(&metadata);
        assert_eq!(patched["ownerReferences"], json!([]), "{policy}");
        assert_eq!(
            patched["labels"],
            json!({ names::CREATED_BY_LABEL: null, names::MANAGED_LABEL: "true", "team": "shop" }),
            "{policy}"
        );
    }
}

#[tokio::test]
async fn on_delete_retain_means_our_label_without_a_reference() {
    let case = Case::new(&json!({}), &json!({ names::ON_DELETE_ANNOTATION: "retain" }));
    let wanted = case.whole(&json!({ "ownerReferences": [owner("ExternalSecret", "app", "e-1")] }));
    assert!(wanted.owners.is_empty());
    assert_eq!(wanted.labels[names::CREATED_BY_LABEL], created_by());
}

#[tokio::test]
async fn merging_drops_our_keys_that_are_wanted_no_more_and_no_others() {
    let (wanted, dropped, _) = Case::policy("Merge").patch(&json!({
        "managedFields": [
            entry(MANAGER, &[], &[], &["a", "old"]),
            entry("editor", &[], &[], &["theirs"]),
            entry("externalsecrets.external-secrets.io/other", &[], &[], &["others"]),
        ],
    }));
    assert_eq!(dropped, ["old"]);
    let keys: Vec<_> = wanted.data.keys().map(String::as_str).collect();
    assert_eq!(keys, ["a", "b"]);
}

#[tokio::test]
async fn merging_writes_null_for_metadata_of_ours_that_is_wanted_no_more() {
    let (_, _, patched) = Case::policy("Merge").patch(&json!({
        "labels": { "old": "1", "theirs": "1" },
        "annotations": { "old": "1", "theirs": "1", names::KEYS_ANNOTATION: "x" },
        "managedFields": [entry(MANAGER, &["old", "gone already"], &["old"], &[])],
    }));
    assert_eq!(
        patched,
        json!({
            "labels": { "old": null, names::MANAGED_LABEL: "true", "team": "shop" },
            "annotations": { "old": null, names::KEYS_ANNOTATION: null, "note": "ours" },
        }),
        "owner references that stay as they are are left out"
    );
}

#[tokio::test]
async fn merging_leaves_no_digest_of_keys_as_others_have_keys_there_too() {
    let (wanted, _, _) = Case::policy("CreateOrMerge").patch(&json!({}));
    assert!(!wanted.annotations.contains_key(names::KEYS_ANNOTATION));
}

#[tokio::test]
async fn an_immutable_secret_that_is_there_keeps_its_data_and_what_users_put_on_it() {
    let case = Case::new(&json!({ "immutable": true }), &json!({}));
    let (wanted, dropped, patched) = case.patch(&json!({
        "labels": { "old": "1" },
        "annotations": { "old": "1", names::KEYS_ANNOTATION: "as it was", names::DATA_HASH_ANNOTATION: "00" },
        "ownerReferences": [],
        "managedFields": [entry(MANAGER, &["old"], &["old"], &["old"])],
    }));
    assert!(wanted.immutable && wanted.data.is_empty() && wanted.type_.is_none() && dropped.is_empty());
    assert_eq!(
        patched["labels"],
        json!({ names::MANAGED_LABEL: "true", names::CREATED_BY_LABEL: created_by() })
    );
    assert_eq!(
        patched["annotations"],
        json!({ names::KEYS_ANNOTATION: "as it was", names::DATA_HASH_ANNOTATION: null })
    );
    assert_eq!(patched["ownerReferences"][0]["uid"], "e-1");
}

#[tokio::test]
async fn writing_an_immutable_secret_again_asks_for_nothing_new() {
    let case = Case::new(&json!({ "immutable": true }), &json!({}));
    let mut ours = owner("ExternalSecret", "app", "e-1");
    ours["controller"] = json!(true);
    ours["blockOwnerDeletion"] = json!(true);
    let labels = json!({ names::MANAGED_LABEL: "true", names::CREATED_BY_LABEL: created_by() });
    let annotations = json!({ names::KEYS_ANNOTATION: "as it was" });
    let (_, _, patched) = case.patch(&json!({
        "labels": labels, "annotations": annotations, "ownerReferences": [ours],
        "managedFields": [entry(MANAGER, &[names::MANAGED_LABEL], &[names::KEYS_ANNOTATION], &["a"])],
    }));
    assert_eq!(patched, json!({ "labels": labels, "annotations": annotations }));
}

#[tokio::test]
async fn a_second_write_wants_what_the_first_one_left() {
    for policy in ["Owner", "Orphan"] {
        let case = Case::policy(policy);
        let first = case.whole(&json!({ "labels": { "theirs": "1" } }));
        let second = case.whole(&json!({
            "labels": first.labels, "annotations": first.annotations, "ownerReferences": first.owners,
            "managedFields": [entry(
                MANAGER,
                &["team", names::MANAGED_LABEL, names::CREATED_BY_LABEL],
                &["note", names::KEYS_ANNOTATION],
                &["a", "b"],
            )],
        }));
        assert_eq!(
            (first.labels, first.annotations, first.owners),
            (second.labels, second.annotations, second.owners),
            "{policy}"
        );
    }
}

#[test]
fn a_secret_is_written_by_us_where_our_manager_holds_data_or_metadata() {
    let by = |entries: Value| written_by(&meta(&json!({ "managedFields": entries })), MANAGER);
    assert!(by(json!([entry(MANAGER, &[], &[], &["a"])])));
    assert!(by(json!([entry(MANAGER, &["team"], &[], &[])])));
    assert!(!by(json!([entry("editor", &["team"], &[], &["a"])])));
    assert!(!by(
        json!([{ "manager": MANAGER, "operation": "Update", "fieldsV1": { "f:type": {} } }])
    ));
    assert!(!by(json!([{ "manager": MANAGER, "operation": "Update" }])));
    assert!(!by(json!([])));
}
