//! The manifests of `examples/`, applied as they stand but for their namespace.

use std::{collections::BTreeSet, path::Path};

use keyferry_parts::When;
use kube::{
    Api,
    api::{ApiResource, DynamicObject, GroupVersionKind, Patch, PatchParams},
};
use serde_json::{Value, json};

use crate::{
    identity, parameter_store,
    world::{Space, put},
};

fn folder() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/examples"))
}

/// Applies the manifests of an example, what has a namespace in that of this space.
pub(crate) async fn apply(space: &Space, file: &str) {
    let text = std::fs::read_to_string(folder().join(file)).unwrap();
    for mut object in serde_saphyr::from_multiple::<Value>(&text).unwrap() {
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        let (api_version, kind) = (text(&object["apiVersion"]), text(&object["kind"]));
        let name = text(&object["metadata"]["name"]);
        let (group, version) = api_version.split_once('/').unwrap_or(("", &api_version));
        let resource = ApiResource::from_gvk(&GroupVersionKind::gvk(group, version, &kind));
        let api: Api<DynamicObject> = if kind.starts_with("Cluster") {
            Api::all_with(space.client.clone(), &resource)
        } else {
            object["metadata"]["namespace"] = json!(space.namespace);
            Api::namespaced_with(space.client.clone(), &space.namespace, &resource)
        };
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
    apply(&space, "rewrite.yaml").await;
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
    apply(&space, "sync-windows.yaml").await;
    space.holds("nightly", &[("password", "p")]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn several_stores_make_one_secret() {
    let space = space(&[("several-stores/app", "p"), ("several-stores/shared/ca", "ca")]).await;
    apply(&space, "several-stores.yaml").await;
    space
        .holds("from-several-stores", &[("password", "p"), ("ca.crt", "ca")])
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn on_missing_keeps_an_object_ready() {
    let space = space(&[("on-missing/database", "p")]).await;
    apply(&space, "on-missing.yaml").await;
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
    apply(&space, "find.yaml").await;
    space.holds("found", &[("database", "d"), ("queue", "q")]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn policies_decide_who_makes_a_secret_and_what_becomes_of_it() {
    let space = space(&[("policies/database", r#"{"password":"p"}"#)]).await;
    space.foreign_secret("shared", &[("theirs", "t")]).await;
    apply(&space, "policies.yaml").await;
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
    apply(&space, "merge.yaml").await;
    let wanted = [("host", "db.example.com"), ("port", "5432")];
    space.holds("merged-settings", &wanted).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn strategies_make_names_and_values_fit() {
    let space = space(&[("strategies/files", r#"{"tls/key":"c2VjcmV0","plain":"text!"}"#)]).await;
    apply(&space, "strategies.yaml").await;
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
    apply(&space, "find-by-tags.yaml").await;
    space.holds("tagged", &[("database", "d")]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn annotations_leave_the_secret_behind_when_its_object_goes() {
    let space = space(&[("annotations/database", r#"{"password":"p"}"#)]).await;
    apply(&space, "annotations.yaml").await;
    space.holds("annotated", &[("password", "p")]).await;
    assert_eq!(space.secret("annotated").await.metadata.owner_references, None);
}

#[tokio::test(flavor = "multi_thread")]
async fn values_decoding_makes_a_file_of_base64() {
    let space = space(&[("values-decoding/app", r#"{"keystore":"YmluYXJ5","password":"p"}"#)]).await;
    apply(&space, "values-decoding.yaml").await;
    let wanted = [("keystore.p12", "binary"), ("keystore-password", "p")];
    space.holds("app-keystore", &wanted).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn retry_settings_are_those_of_a_store_that_works() {
    let space = space(&[("retry-settings/database", r#"{"password":"p"}"#)]).await;
    apply(&space, "retry-settings.yaml").await;
    space.ready_store("patient").await;
    space.holds("from-patient", &[("password", "p")]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_role_chain_reads_in_another_account_with_external_id_and_tags() {
    let space = space(&[]).await;
    let there = identity::in_account(&space, "444455556666").await;
    put(
        &there,
        "role-chain/database",
        r#"{"password":"of the other account"}"#,
    )
    .await;
    apply(&space, "role-chain.yaml").await;
    let wanted = [("password", "of the other account")];
    space.holds("from-other-account", &wanted).await;
    let role = "arn:aws:iam::444455556666:role/shop-reader";
    let calls = space.world.proxy.calls();
    let assumed = calls.matching(&When::operation("AssumeRole").on(role)).pop();
    let assumed = assumed.unwrap();
    assert_eq!(assumed.text("ExternalId"), Some("shop"));
    assert_eq!(assumed.pairs("Tags"), [("team", "shop")]);
    let hub = When::operation("AssumeRole").on("arn:aws:iam::111122223333:role/hub");
    assert!(calls.count(&hub) > 0, "the chain has a link between");
}

#[tokio::test(flavor = "multi_thread")]
async fn store_conditions_let_a_labelled_namespace_in_and_no_other() {
    let spaces = [
        space(&[("store-conditions/shared", r#"{"token":"t"}"#)]).await,
        space(&[]).await,
    ];
    let namespaces: Api<k8s_openapi::api::core::v1::Namespace> = Api::all(spaces[0].client.clone());
    let label = Patch::Merge(json!({ "metadata": { "labels": { "secrets": "shared" } } }));
    let params = PatchParams::default();
    namespaces
        .patch(&spaces[0].namespace, &params, &label)
        .await
        .unwrap();
    for space in &spaces {
        apply(space, "store-conditions.yaml").await;
    }
    spaces[0].holds("shared-token", &[("token", "t")]).await;
    spaces[1].fails("shared-token", "StoreDenied").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn adoption_hands_a_secret_over_that_was_made_by_hand() {
    let space = space(&[("adoption/database", r#"{"password":"p"}"#)]).await;
    apply(&space, "adoption.yaml").await;
    space.holds("legacy-database", &[("password", "p")]).await;
    space.ready("legacy-database", "True").await;
    let owners = space.secret("legacy-database").await.metadata.owner_references;
    assert_eq!(owners.unwrap()[0].name, "legacy-database");
}

#[tokio::test(flavor = "multi_thread")]
async fn find_parameters_makes_a_key_of_every_parameter_below_a_path() {
    let space = space(&[]).await;
    let ssm = parameter_store::client(&space);
    for (name, value) in [
        ("/find-parameters/web/LOG_LEVEL", "info"),
        ("/find-parameters/web/DATABASE_URL", "postgresql://db"),
        ("/find-parameters/web/not-a-setting", "n"),
        ("/find-parameters/other/LOG_LEVEL", "debug"),
    ] {
        let put = ssm.put_parameter().name(name).value(value);
        let put = put.r#type(aws_sdk_ssm::types::ParameterType::String);
        put.overwrite(true).send().await.unwrap();
    }
    apply(&space, "find-parameters.yaml").await;
    let wanted = [("LOG_LEVEL", "info"), ("DATABASE_URL", "postgresql://db")];
    space.holds("found-parameters", &wanted).await;
}

#[test]
fn every_example_is_listed_and_applied() {
    fn texts(folder: &Path, into: &mut String) {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                texts(&path, into);
            } else {
                into.push_str(&std::fs::read_to_string(path).unwrap());
            }
        }
    }
    let mut tests = String::new();
    texts(
        Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/it")),
        &mut tests,
    );
    let list = std::fs::read_to_string(folder().join("README.md")).unwrap();
    let listed: BTreeSet<String> = list
        .split("](")
        .filter_map(|rest| rest.split_once(".yaml)").map(|(name, _)| format!("{name}.yaml")))
        .collect();
    let files = std::fs::read_dir(folder()).unwrap();
    let paths = files.map(|entry| entry.unwrap().path());
    let there: BTreeSet<_> = paths
        .filter(|path| path.extension().is_some_and(|extension| extension == "yaml"))
        .map(|path| path.file_name().unwrap().to_str().unwrap().to_owned())
        .collect();
    assert_eq!(there, listed);
    // The demo applies the one, and every test of installing the other.
    let elsewhere = ["quickstart.yaml", "install.yaml"];
    for file in there.iter().filter(|file| !elsewhere.contains(&file.as_str())) {
        let quoted = [format!("\"{file}\""), format!("examples/{file}")];
        assert!(
            quoted.iter().any(|text| tests.contains(text)),
            "no test applies {file}"
        );
    }
}
