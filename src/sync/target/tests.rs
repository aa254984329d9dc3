use std::sync::LazyLock;

use serde_json::json;

use super::*;

const MANAGER: &str = "externalsecrets.external-secrets.io/app";
static CREATED_BY: LazyLock<String> = LazyLock::new(|| fingerprint::created_by("team", "app"));

fn meta(annotations: &serde_json::Value, fields: &[(&str, &[&str])]) -> PartialObjectMeta<Secret> {
    let fields: Vec<_> = fields
        .iter()
        .map(|(manager, keys)| {
            let data: serde_json::Map<_, _> = keys.iter().map(|k| (format!("f:{k}"), json!({}))).collect();
            json!({ "manager": manager, "operation": "Update", "fieldsV1": { "f:data": data } })
        })
        .collect();
    serde_json::from_value(json!({
        "apiVersion": "meta.k8s.io/v1",
        "kind": "PartialObjectMetadata",
        "metadata": {
            "name": "app", "namespace": "team", "uid": "s-1", "resourceVersion": "7",
            "labels": { names::MANAGED_LABEL: "true", names::CREATED_BY_LABEL: *CREATED_BY },
            "annotations": annotations,
            "ownerReferences": [{
                "apiVersion": "external-secrets.io/v1", "kind": "ExternalSecret", "name": "app", "uid": "e-1",
                "controller": true, "blockOwnerDeletion": true,
            }],
            "managedFields": fields,
        },
    }))
    .unwrap()
}

fn keys(keys: &[&str]) -> serde_json::Value {
    json!({ names::KEYS_ANNOTATION: fingerprint::keys_digest(keys.iter().copied()) })
}

fn expected(written: Option<&Written>, creation: CreationPolicy) -> Expected<'_> {
    Expected {
        name: "app",
        created_by: &CREATED_BY,
        uid: "e-1",
        creation,
        retained: false,
        written,
        merged: Merged::Unknown,
    }
}

fn judge(meta: &PartialObjectMeta<Secret>) -> Drift {
    drift(
        &expected(None, CreationPolicy::Owner),
        Some(&TargetView::new(meta)),
    )
}

#[test]
fn a_secret_that_holds_just_our_keys_is_trusted_until_the_next_refresh() {
    assert_eq!(
        judge(&meta(&keys(&["x", "y"]), &[(MANAGER, &["x", "y"])])),
        Drift::Unproven
    );
}

#[test]
fn the_resource_version_of_our_write_proves_that_nothing_changed() {
    let written = Written {
        uid: "s-1".into(),
        resource_version: "7".into(),
        keys: "".into(),
        whole: true,
    };
    let view = TargetView::new(&meta(&json!({}), &[]));
    assert_eq!(
        drift(&expected(Some(&written), CreationPolicy::Owner), Some(&view)),
        Drift::None
    );
}

#[test]
fn an_edited_key_names_its_editor() {
    let meta = meta(&keys(&["x", "y"]), &[(MANAGER, &["y"]), ("kubectl-edit", &["x"])]);
    assert_eq!(judge(&meta), Drift::Edited(Some("kubectl-edit".into())));
}

#[test]
fn an_added_key_is_drift_under_owner_and_nobodys_business_under_merge() {
    let meta = meta(&keys(&["x"]), &[(MANAGER, &["x"]), ("editor", &["z"])]);
    assert_eq!(judge(&meta), Drift::Edited(Some("editor".into())));
    let view = TargetView::new(&meta);
    assert_eq!(
        drift(&expected(None, CreationPolicy::Merge), Some(&view)),
        Drift::Unproven
    );
}

#[test]
fn a_removed_key_is_drift() {
    assert_eq!(
        judge(&meta(&keys(&["x", "y"]), &[(MANAGER, &["x"])])),
        Drift::Edited(None)
    );
}

#[test]
fn cleared_managed_fields_are_drift() {
    assert_eq!(judge(&meta(&keys(&["x"]), &[])), Drift::Edited(None));
}

#[test]
fn a_key_that_another_manager_shares_is_drift_under_merge() {
    let view = TargetView::new(&meta(&json!({}), &[(MANAGER, &["x"]), ("editor", &["x"])]));
    assert_eq!(
        drift(&expected(None, CreationPolicy::Merge), Some(&view)),
        Drift::Edited(Some("editor".into()))
    );
}

#[test]
fn a_secret_that_eso_wrote_is_trusted_until_the_next_refresh() {
    let annotations = json!({ names::DATA_HASH_ANNOTATION: "0".repeat(56) });
    assert_eq!(judge(&meta(&annotations, &[(MANAGER, &["x"])])), Drift::Unproven);
}

#[test]
fn a_replaced_secret_is_gone() {
    let written = Written {
        uid: "s-0".into(),
        resource_version: "7".into(),
        keys: "".into(),
        whole: true,
    };
    let view = TargetView::new(&meta(&keys(&["x"]), &[(MANAGER, &["x"])]));
    assert_eq!(
        drift(&expected(Some(&written), CreationPolicy::Owner), Some(&view)),
        Drift::Gone
    );
}

#[test]
fn a_removed_label_or_owner_is_drift_under_owner() {
    let mut unlabelled = meta(&keys(&["x"]), &[(MANAGER, &["x"])]);
    unlabelled
        .metadata
        .labels
        .as_mut()
        .unwrap()
        .remove(names::CREATED_BY_LABEL);
    assert_eq!(judge(&unlabelled), Drift::Edited(None));
    let mut unowned = meta(&keys(&["x"]), &[(MANAGER, &["x"])]);
    unowned.metadata.owner_references = None;
    assert_eq!(judge(&unowned), Drift::Edited(None));
}

#[test]
fn orphan_and_none_never_drift() {
    assert_eq!(drift(&expected(None, CreationPolicy::Orphan), None), Drift::None);
    assert_eq!(drift(&expected(None, CreationPolicy::None), None), Drift::None);
}

/// Metadata of an object of another kind, of which this is applied by us.
fn resource(fields: &serde_json::Value) -> ObjectMeta {
    serde_json::from_value(json!({
        "uid": "t", "resourceVersion": "7",
        "managedFields": [
            { "manager": MANAGER, "operation": "Apply", "fieldsV1": fields },
            { "manager": "editor", "operation": "Update", "fieldsV1": { "f:data": { "f:theirs": {} } } },
            { "manager": MANAGER, "operation": "Apply", "subresource": "status", "fieldsV1": { "f:status": {} } },
        ],
    }))
    .unwrap()
}

#[test]
fn what_we_apply_of_another_kind_is_told_as_our_fields_tell_it() {
    let fields = json!({
        "f:metadata": { "f:labels": { "f:x": {} } },
        "f:data": { "f:a": {} },
        "f:spec": { "f:rules": { "k:{\"name\":\"x\"}": { ".": {}, "f:port": {} } }, "f:db": { ".": {}, "f:host": {} } },
    });
    let view = TargetView::of_resource(&resource(&fields));
    let [ours] = &*view.writers else {
        panic!("{:?}", view.writers)
    };
    let mut rendered = crate::sync::fields::Fields::default();
    for (path, value) in [
        ("data.a", json!("1")),
        ("spec.rules", json!([{ "name": "x", "port": 1 }])),
        ("spec.db.host", json!("h")),
    ] {
        let path = crate::sync::fields::Path::parse(path).unwrap();
        rendered.set(&path, value).unwrap();
    }
    let leaves = rendered.leaves();
    assert_eq!(
        *ours.keys,
        *fingerprint::keys_digest(leaves.iter().map(String::as_str))
    );
    assert_eq!(view.foreign_writer, None, "fields of others are theirs");
}

/// After a start, a target that we merged into, with entries at these seconds.
fn merged_judge(merged: Merged, fields: &[(&str, &[&str], u32)]) -> Drift {
    let plain: Vec<_> = fields
        .iter()
        .map(|(manager, keys, _)| (*manager, *keys))
        .collect();
    let mut meta = meta(&json!({}), &plain);
    let entries = meta.metadata.managed_fields.iter_mut().flatten();
    for (entry, (_, _, second)) in entries.zip(fields) {
        let time = format!("2026-01-01T00:00:{second:02}Z");
        entry.time = Some(serde_json::from_value(json!(time)).unwrap());
    }
    let expected = Expected {
        merged,
        ..expected(None, CreationPolicy::CreateOrMerge)
    };
    drift(&expected, Some(&TargetView::new(&meta)))
}

#[test]
fn after_a_start_a_merged_target_that_lacks_a_key_of_the_spec_was_edited() {
    let wanted = || Merged::Keys(fingerprint::keys_digest(["x", "y"]).into());
    let both: &[(&str, &[&str], u32)] = &[(MANAGER, &["x", "y"], 1), ("editor", &["theirs"], 2)];
    assert_eq!(merged_judge(wanted(), both), Drift::Unproven);
    let by_editor = Drift::Edited(Some("editor".into()));
    let taken: &[(&str, &[&str], u32)] = &[(MANAGER, &["x"], 1), ("editor", &["y"], 1)];
    assert_eq!(merged_judge(wanted(), taken), by_editor);
    assert_eq!(merged_judge(wanted(), &[("editor", &["x", "y"], 1)]), by_editor);
    assert_eq!(
        merged_judge(wanted(), &[(MANAGER, &["x"], 1)]),
        Drift::Edited(None)
    );
}

#[test]
fn after_a_start_a_merged_target_whose_keys_are_not_known_was_edited_where_somebody_wrote_after_us() {
    let judge = |ours: u32, theirs: u32| {
        merged_judge(
            Merged::Newest,
            &[("editor", &["theirs"], theirs), (MANAGER, &["x"], ours)],
        )
    };
    assert_eq!(judge(1, 2), Drift::Edited(Some("editor".into())));
    assert_eq!(judge(2, 1), Drift::Unproven);
    assert_eq!(judge(2, 2), Drift::Unproven);
    assert_eq!(
        merged_judge(Merged::Newest, &[("editor", &["x"], 1)]),
        Drift::Edited(Some("editor".into()))
    );
}
