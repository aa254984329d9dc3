//! Who owns a target, what becomes of edits, and when it goes.

use serde_json::json;

use super::{Objects, config_map, config_maps, data, failure, space, widget};
use crate::world::{Space, until};

/// Differs: docs/differences.md#fields-of-others.
#[tokio::test(flavor = "multi_thread")]
async fn an_edit_is_put_right_and_what_others_added_stays() {
    let space = space().await;
    space.put("v", "1").await;
    let spec = json!({ "target": config_map(json!({})), "data": data(&space, &[("a", "v"), ("b", "v")]) });
    space.apply("app", spec).await;
    let maps = config_maps(&space);
    maps.holds("app", "/data", &json!({ "a": "1", "b": "1" })).await;
    maps.edit("app", json!({ "data": { "a": "edited", "theirs": "x" } }))
        .await;
    let healed = json!({ "a": "1", "b": "1", "theirs": "x" });
    maps.holds("app", "/data", &healed).await;
    // A key of ours that is wanted no more goes, theirs stays.
    let spec = json!({ "target": config_map(json!({})), "data": data(&space, &[("a", "v")]) });
    space.apply("app", spec).await;
    maps.holds("app", "/data", &json!({ "a": "1", "theirs": "x" }))
        .await;
    let managed = "reconcile.external-secrets.io/managed";
    maps.edit("app", json!({ "metadata": { "labels": { managed: null } } }))
        .await;
    until("the label to be back", || async {
        let labels = maps.get("app").await.and_then(|map| map.metadata.labels);
        if labels.as_ref().is_some_and(|labels| labels.contains_key(managed)) {
            Ok(())
        } else {
            Err(format!("{labels:?}"))
        }
    })
    .await;
    maps.delete("app").await;
    maps.holds("app", "/data", &json!({ "a": "1" })).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_edit_of_a_custom_resource_is_put_right() {
    let space = space().await;
    space.put("v", "1").await;
    let spec = json!({ "target": widget(json!({})), "data": data(&space, &[("a", "v")]) });
    space.apply("app", spec).await;
    let widgets = Objects::new(&space, "test.example/v1", "Widget");
    widgets.holds("app", "/spec/data/a", &json!("1")).await;
    widgets
        .edit("app", json!({ "spec": { "data": { "a": "edited" }, "port": 1 } }))
        .await;
    let healed = json!({ "data": { "a": "1" }, "port": 1 });
    widgets.holds("app", "/spec", &healed).await;
}

/// Differs: docs/differences.md#other-kinds-adoption.
#[tokio::test(flavor = "multi_thread")]
async fn an_object_of_somebody_else_is_not_taken_over_without_consent() {
    let space = space().await;
    space.put("v", "1").await;
    let maps = config_maps(&space);
    maps.foreign(json!({
        "apiVersion": "v1", "kind": "ConfigMap", "metadata": { "name": "app" }, "data": { "a": "theirs", "b": "x" },
    }))
    .await;
    let before = maps.get("app").await.unwrap();
    let spec = json!({ "target": config_map(json!({})), "data": data(&space, &[("a", "v")]) });
    space.apply("app", spec).await;
    let (_, message) = failure(&space, "app", "TargetNotAdopted").await;
    assert!(message.contains("keyferry.dev/adopt=app"), "{message}");
    let after = maps.get("app").await.unwrap();
    assert_eq!(before.metadata.resource_version, after.metadata.resource_version);
    maps.edit(
        "app",
        json!({ "metadata": { "annotations": { "keyferry.dev/adopt": "app" } } }),
    )
    .await;
    space.annotate("app", "force-sync", "1").await;
    maps.holds("app", "/data", &json!({ "a": "1", "b": "x" })).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn merge_writes_into_what_is_there_and_makes_nothing() {
    let space = space().await;
    space.put("v", "1").await;
    let maps = config_maps(&space);
    let spec = json!({
        "refreshInterval": "1s", "target": config_map(json!({ "creationPolicy": "Merge" })),
        "data": data(&space, &[("a", "v")]),
    });
    space.apply("app", spec).await;
    let (reason, _) = space.ready("app", "True").await;
    assert_eq!(reason, "ResourceMissing");
    maps.foreign(json!({
        "apiVersion": "v1", "kind": "ConfigMap", "metadata": { "name": "app" }, "data": { "a": "theirs", "b": "x" },
    }))
    .await;
    let merged = maps.holds("app", "/data", &json!({ "a": "1", "b": "x" })).await;
    assert_eq!(merged.metadata.owner_references, None);
}

#[tokio::test(flavor = "multi_thread")]
async fn create_or_merge_makes_what_is_missing_and_keeps_what_others_wrote() {
    let space = space().await;
    space.put("v", "1").await;
    let maps = config_maps(&space);
    maps.foreign(json!({
        "apiVersion": "v1", "kind": "ConfigMap", "metadata": { "name": "there" }, "data": { "a": "theirs", "b": "x" },
    }))
    .await;
    for name in ["there", "missing"] {
        let spec = json!({
            "target": config_map(json!({ "creationPolicy": "CreateOrMerge" })), "data": data(&space, &[("a", "v")]),
        });
        space.apply(name, spec).await;
    }
    let there = maps.holds("there", "/data", &json!({ "a": "1", "b": "x" })).await;
    let made = maps.holds("missing", "/data", &json!({ "a": "1" })).await;
    assert_eq!(there.metadata.owner_references, None);
    assert_eq!(made.metadata.owner_references, None);
    // It is missed at once, and a key of others stays through a repair.
    maps.delete("missing").await;
    maps.holds("missing", "/data", &json!({ "a": "1" })).await;
    maps.edit("there", json!({ "data": { "a": "edited", "c": "y" } }))
        .await;
    maps.holds("there", "/data", &json!({ "a": "1", "b": "x", "c": "y" }))
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_orphan_has_no_owner() {
    let space = space().await;
    space.put("v", "1").await;
    let spec = json!({
        "target": config_map(json!({ "creationPolicy": "Orphan" })), "data": data(&space, &[("a", "v")]),
    });
    space.apply("app", spec).await;
    let made = config_maps(&space)
        .holds("app", "/data", &json!({ "a": "1" }))
        .await;
    assert_eq!(made.metadata.owner_references, None);
}

/// Differs: docs/differences.md#other-kinds-deletion.
#[tokio::test(flavor = "multi_thread")]
async fn the_deletion_policy_says_what_goes_with_the_source() {
    let space = space().await;
    let maps = config_maps(&space);
    for policy in ["Delete", "Retain"] {
        space.put(policy, "1").await;
        let spec = json!({
            "refreshInterval": "1s", "target": config_map(json!({ "deletionPolicy": policy })),
            "data": data(&space, &[("a", policy)]),
        });
        space.apply(&policy.to_lowercase(), spec).await;
        maps.holds(&policy.to_lowercase(), "/data/a", &json!("1")).await;
        space.remove(policy).await;
    }
    maps.is_gone("delete").await;
    let (reason, _) = space
        .ready_where("delete", |_, reason, _| reason == "ResourceDeleted")
        .await;
    assert_eq!(reason, "ResourceDeleted");
    failure(&space, "retain", "SecretNotFound").await;
    assert!(maps.get("retain").await.is_some());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_an_earlier_name_or_kind_left_goes() {
    let space = space().await;
    space.put("v", "1").await;
    let maps = config_maps(&space);
    let apply = async |target| {
        let spec = json!({ "target": target, "data": data(&space, &[("a", "v")]) });
        space.apply("app", spec).await;
    };
    apply(config_map(json!({ "name": "first" }))).await;
    maps.holds("first", "/data/a", &json!("1")).await;
    apply(config_map(json!({ "name": "second" }))).await;
    maps.holds("second", "/data/a", &json!("1")).await;
    maps.is_gone("first").await;
    apply(json!({ "name": "third" })).await;
    space.holds("third", &[("a", "1")]).await;
    maps.is_gone("second").await;
    apply(widget(json!({ "name": "fourth" }))).await;
    let widgets = Objects::new(&space, "test.example/v1", "Widget");
    widgets.holds("fourth", "/spec/data/a", &json!("1")).await;
    space.is_gone("third").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_eso_wrote_is_continued_and_its_hash_goes() {
    let space = space().await;
    space.put("v", "1").await;
    let maps = config_maps(&space);
    let created_by = keyferry::sync::fingerprint::created_by(&space.namespace, "app");
    let map: kube::api::DynamicObject = serde_json::from_value(json!({
        "apiVersion": "v1", "kind": "ConfigMap",
        "metadata": {
            "name": "app",
            "labels": {
                "reconcile.external-secrets.io/managed": "true",
                "reconcile.external-secrets.io/created-by": created_by,
            },
            "annotations": { "reconcile.external-secrets.io/data-hash": "0" },
        },
        "data": { "a": "1", "dropped": "2" },
    }))
    .unwrap();
    let params = kube::api::PostParams {
        field_manager: Some("external-secrets".to_owned()),
        ..kube::api::PostParams::default()
    };
    maps.0.create(&params, &map).await.unwrap();
    let spec = json!({ "target": config_map(json!({})), "data": data(&space, &[("a", "v")]) });
    space.apply("app", spec).await;
    let ours = maps.holds("app", "/data", &json!({ "a": "1" })).await;
    let annotations = ours.metadata.annotations.unwrap();
    assert!(!annotations.contains_key("reconcile.external-secrets.io/data-hash"));
}

/// Asks for a sync and waits until it is over.
async fn sync(space: &Space, name: &str, asked: &str) {
    let before = space.status(name).await.synced_resource_version;
    space.annotate(name, "force-sync", asked).await;
    until("the sync that was asked for", || async {
        let now = space.status(name).await.synced_resource_version;
        if now == before {
            Err(format!("{now:?}"))
        } else {
            Ok(())
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn another_version_of_the_kind_is_the_same_object_whoever_writes_it() {
    let space = space().await;
    space.put("v", "1").await;
    let of = |version: &str| {
        let target = super::target(&format!("test.example/{version}"), "Widget", json!({}));
        json!({ "target": target, "data": data(&space, &[("a", "v")]) })
    };
    let widgets = Objects::new(&space, "test.example/v1", "Widget");
    let wanted = json!({ "a": "1" });
    space.apply("app", of("v1")).await;
    let uid = widgets.holds("app", "/spec/data", &wanted).await.metadata.uid;
    // Somebody else has the other version watched: it shows the same objects.
    space.apply("other", of("v1beta1")).await;
    widgets.holds("other", "/spec/data", &wanted).await;
    for (asked, version) in [("1", "v1"), ("2", "v1beta1"), ("3", "v1")] {
        space.apply("app", of(version)).await;
        sync(&space, "app", asked).await;
        let widget = widgets.holds("app", "/spec/data", &wanted).await;
        assert_eq!(widget.metadata.uid, uid, "written as {version}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_copy_that_somebody_made_by_hand_stays() {
    let space = space().await;
    space.put("v", "1").await;
    let spec = json!({ "target": config_map(json!({})), "data": data(&space, &[("a", "v")]) });
    space.apply("app", spec).await;
    let maps = config_maps(&space);
    let made = maps.holds("app", "/data", &json!({ "a": "1" })).await;
    maps.foreign(json!({
        "apiVersion": "v1", "kind": "ConfigMap",
        "metadata": {
            "name": "backup", "labels": made.metadata.labels, "annotations": made.metadata.annotations,
            "ownerReferences": made.metadata.owner_references,
        },
        "data": { "a": "1" },
    }))
    .await;
    sync(&space, "app", "1").await;
    maps.holds("backup", "/data", &json!({ "a": "1" })).await;
}
