//! The manifests of `examples/`, applied as they stand but for their namespace.

use kube::{
    Api,
    api::{ApiResource, DynamicObject, GroupVersionKind, Patch, PatchParams},
};
use serde_json::{Value, json};

use crate::world::{Space, put};

/// Applies a file of `examples/`.
async fn apply(space: &Space, text: &str) {
    for mut object in serde_saphyr::from_multiple::<Value>(text).unwrap() {
        object["metadata"]["namespace"] = json!(space.namespace);
        let kind = object["kind"].as_str().unwrap().to_owned();
        let name = object["metadata"]["name"].as_str().unwrap().to_owned();
        assert_eq!(object["apiVersion"], "external-secrets.io/v1");
        let resource = ApiResource::from_gvk(&GroupVersionKind::gvk("external-secrets.io", "v1", &kind));
        let api: Api<DynamicObject> = Api::namespaced_with(space.client.clone(), &space.namespace, &resource);
        let params = PatchParams::apply("example").force();
        api.patch(&name, &params, &Patch::Apply(object)).await.unwrap();
    }
}

async fn space(secrets: &[(&str, &str)]) -> Space {
    let space = Space::new().await;
    space.store().await;
    for (name, value) in secrets {
        put(&space.aws, name, value).await;
    }
    space
}

#[tokio::test(flavor = "multi_thread")]
async fn rewrite_changes_keys_and_reads_tags() {
    let space = space(&[("rewrite/database", r#"{"prod.user":"app","prod.password":"p"}"#)]).await;
    let tag = aws_sdk_secretsmanager::types::Tag::builder()
        .key("owner")
        .value("red")
        .build();
    let tagged = space.aws.tag_resource().secret_id("rewrite/database").tags(tag);
    tagged.send().await.unwrap();
    apply(&space, include_str!("../../examples/rewrite.yaml")).await;
    let wanted = [
        ("DATABASE_USER", "app"),
        ("DATABASE_PASSWORD", "p"),
        ("owner", "red"),
    ];
    space.holds("rewritten", &wanted).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn sync_windows_do_not_hold_the_first_sync_back() {
    let space = space(&[("sync-windows/database", r#"{"password":"p"}"#)]).await;
    apply(&space, include_str!("../../examples/sync-windows.yaml")).await;
    space.holds("nightly", &[("password", "p")]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn several_stores_make_one_secret() {
    let space = space(&[("several-stores/app", "p"), ("several-stores/shared/ca", "ca")]).await;
    apply(&space, include_str!("../../examples/several-stores.yaml")).await;
    space
        .holds("from-several-stores", &[("password", "p"), ("ca.crt", "ca")])
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn on_missing_keeps_an_object_ready() {
    let space = space(&[("on-missing/database", "p")]).await;
    apply(&space, include_str!("../../examples/on-missing.yaml")).await;
    space.holds("on-missing", &[("password", "p")]).await;
    let (_, message) = space.ready("on-missing", "True").await;
    assert!(message.starts_with("PartiallySynced: "), "{message}");
    assert!(message.contains("spec.data[1] (key: feature-token)"), "{message}");
}

#[tokio::test(flavor = "multi_thread")]
async fn find_makes_a_key_of_every_secret_that_matches() {
    let secrets = [
        ("find/app/database", "d"),
        ("find/app/queue", "q"),
        ("find/app/other", "o"),
        ("find/queue", "x"),
    ];
    let space = space(&secrets).await;
    apply(&space, include_str!("../../examples/find.yaml")).await;
    space.holds("found", &[("database", "d"), ("queue", "q")]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn policies_decide_who_makes_a_secret_and_what_becomes_of_it() {
    let space = space(&[("policies/database", r#"{"password":"p"}"#)]).await;
    space.foreign_secret("shared", &[("theirs", "t")]).await;
    apply(&space, include_str!("../../examples/policies.yaml")).await;
    space.holds("shared", &[("password", "p"), ("theirs", "t")]).await;
    space.holds("followed", &[("password", "p")]).await;
    space.holds("frozen", &[("password", "p")]).await;
    let [followed, frozen] = [space.secret("followed").await, space.secret("frozen").await];
    assert_eq!((followed.immutable, frozen.immutable), (None, Some(true)));
    assert_eq!(
        [followed, frozen].map(|secret| secret.metadata.owner_references.is_some()),
        [true, false]
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn merge_makes_one_map_of_several_objects() {
    let secrets = [
        ("merge/defaults", r#"{"host":"localhost","port":"5432"}"#),
        ("merge/production", r#"{"host":"db.example.com"}"#),
    ];
    let space = space(&secrets).await;
    apply(&space, include_str!("../../examples/merge.yaml")).await;
    let wanted = [("host", "db.example.com"), ("port", "5432")];
    space.holds("merged-settings", &wanted).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn strategies_make_names_and_values_fit() {
    let space = space(&[("strategies/files", r#"{"tls/key":"c2VjcmV0","plain":"text!"}"#)]).await;
    apply(&space, include_str!("../../examples/strategies.yaml")).await;
    let wanted = [("tls_U002f_key", "secret"), ("plain", "text!")];
    space.holds("decoded", &wanted).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn find_by_tags_makes_a_key_of_every_secret_that_carries_them() {
    let space = space(&[("find-by-tags/database", "d"), ("find-by-tags/untagged", "u")]).await;
    let tag = aws_sdk_secretsmanager::types::Tag::builder()
        .key("environment")
        .value("production")
        .build();
    let tagged = space
        .aws
        .tag_resource()
        .secret_id("find-by-tags/database")
        .tags(tag);
    tagged.send().await.unwrap();
    apply(&space, include_str!("../../examples/find-by-tags.yaml")).await;
    space.holds("tagged", &[("database", "d")]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn annotations_leave_the_secret_behind_when_its_object_goes() {
    let space = space(&[("annotations/database", r#"{"password":"p"}"#)]).await;
    apply(&space, include_str!("../../examples/annotations.yaml")).await;
    space.holds("annotated", &[("password", "p")]).await;
    assert_eq!(space.secret("annotated").await.metadata.owner_references, None);
}
