//! From ExternalSecret to Secret.

use serde_json::json;

use crate::world::{Space, until};

const MINE: &str = "reconcile.external-secrets.io/created-by";

#[tokio::test(flavor = "multi_thread")]
async fn an_external_secret_becomes_a_secret_of_the_contracts_shape() {
    let space = Space::new().await;
    space.store().await;
    space.put("db", r#"{"username":"app","password":"pa55"}"#).await;
    let spec = json!({ "dataFrom": [{ "extract": { "key": space.id("db") } }] });
    space
        .apply_with(
            "db",
            spec,
            json!({ "labels": { "a": "b" }, "annotations": { "team": "red" } }),
        )
        .await;
    space
        .holds("db", &[("username", "app"), ("password", "pa55")])
        .await;
    assert_eq!(
        space.ready("db", "True").await,
        ("SecretSynced".to_owned(), "secret synced".to_owned())
    );

    let secret = space.secret("db").await;
    let object = space.objects().get("db").await.unwrap();
    assert_eq!(secret.type_.as_deref(), Some("Opaque"));
    let labels = secret.metadata.labels.unwrap();
    assert_eq!(labels["a"], "b");
    assert_eq!(labels["reconcile.external-secrets.io/managed"], "true");
    assert_eq!(
        labels[MINE],
        keyferry::sync::fingerprint::created_by(&space.namespace, "db")
    );
    assert_eq!(labels.len(), 3);
    let annotations = secret.metadata.annotations.unwrap();
    assert_eq!(annotations["team"], "red");
    assert!(
        !annotations.contains_key("reconcile.external-secrets.io/data-hash"),
        "an unsalted hash tells values"
    );
    let owner = &secret.metadata.owner_references.unwrap()[0];
    assert_eq!(
        (
            owner.api_version.as_str(),
            owner.kind.as_str(),
            owner.name.as_str()
        ),
        ("external-secrets.io/v1", "ExternalSecret", "db")
    );
    assert_eq!(Some(&owner.uid), object.metadata.uid.as_ref());
    assert_eq!(
        (owner.controller, owner.block_owner_deletion),
        (Some(true), Some(true))
    );
    let fields = &secret.metadata.managed_fields.unwrap();
    assert_eq!(fields.len(), 1);
    assert_eq!(
        fields[0].manager.as_deref(),
        Some("externalsecrets.external-secrets.io/db")
    );
    assert_eq!(fields[0].operation.as_deref(), Some("Update"));
    let status = object.status.unwrap_or_default();
    assert!(space.status("db").await.refresh_time.is_some());
    drop(status);
}

/// Differs: docs/differences.md#numbers.
#[tokio::test(flavor = "multi_thread")]
async fn single_keys_properties_versions_and_binary_values_are_read() {
    let space = Space::new().await;
    space.store().await;
    space
        .put(
            "json",
            r#"{"port":5432,"nested":{"a":[{"b":"deep"}]},"dotted.key":"literal","null":null,"exact":1.50}"#,
        )
        .await;
    space.put("plain", "old").await;
    space.put("plain", "new").await;
    space.put_binary("bytes", &[1, 2, 3]).await;
    let data = |key: &str, remote: serde_json::Value| json!({ "secretKey": key, "remoteRef": remote });
    let id = |name: &str| space.id(name);
    let spec = json!({ "data": [
        data("port", json!({ "key": id("json"), "property": "port" })),
        data("deep", json!({ "key": id("json"), "property": "nested.a.0.b" })),
        data("dotted", json!({ "key": id("json"), "property": "dotted.key" })),
        data("null", json!({ "key": id("json"), "property": "null" })),
        data("object", json!({ "key": id("json"), "property": "nested" })),
        data("current", json!({ "key": id("plain") })),
        data("previous", json!({ "key": id("plain"), "version": "AWSPREVIOUS" })),
    ]});
    space.apply("keys", spec).await;
    space
        .holds(
            "keys",
            &[
                ("port", "5432"),
                ("deep", "deep"),
                ("dotted", "literal"),
                ("null", ""),
                ("object", r#"{"a":[{"b":"deep"}]}"#),
                ("current", "new"),
                ("previous", "old"),
            ],
        )
        .await;
    let version = space
        .aws
        .get_secret_value()
        .secret_id(id("plain"))
        .version_stage("AWSPREVIOUS")
        .send()
        .await
        .unwrap();
    let uuid = format!("uuid/{}", version.version_id().unwrap());
    space
        .apply(
            "pinned",
            json!({ "data": [data("v", json!({ "key": id("plain"), "version": uuid }))] }),
        )
        .await;
    space.holds("pinned", &[("v", "old")]).await;
    let described = space
        .aws
        .describe_secret()
        .secret_id(id("plain"))
        .send()
        .await
        .unwrap();
    space
        .apply(
            "arn",
            json!({ "data": [data("v", json!({ "key": described.arn().unwrap() }))] }),
        )
        .await;
    space.holds("arn", &[("v", "new")]).await;
    space
        .apply(
            "binary",
            json!({ "data": [data("v", json!({ "key": id("bytes") }))] }),
        )
        .await;
    space.holds("binary", &[("v", "\u{1}\u{2}\u{3}")]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn extract_converts_keys_decodes_values_and_keeps_numbers_as_written() {
    let space = Space::new().await;
    space.store().await;
    space
        .put(
            "x",
            r#"{"a b":"aGVsbG8=","n":12345678901234567,"f":1.50,"o":{"k": 1},"e":null}"#,
        )
        .await;
    let spec = json!({ "dataFrom": [{ "extract": { "key": space.id("x"), "decodingStrategy": "Auto" } }] });
    space.apply("x", spec).await;
    space
        .holds(
            "x",
            &[
                ("a_b", "hello"),
                ("n", "12345678901234567"),
                ("f", "1.50"),
                ("o", r#"{"k": 1}"#),
                ("e", ""),
            ],
        )
        .await;
    let spec =
        json!({ "dataFrom": [{ "extract": { "key": space.id("x"), "conversionStrategy": "Unicode" } }] });
    space.apply("unicode", spec).await;
    until("the converted key", || async {
        let data = space.data("unicode").await.unwrap_or_default();
        if data.contains_key("a_U0020_b") {
            Ok(())
        } else {
            Err(format!("{data:?}"))
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_stores_prefix_is_put_before_every_key() {
    let space = Space::new().await;
    space
        .store_with("aws", json!({ "prefix": format!("{}/", space.namespace) }))
        .await;
    space.put("p", "value").await;
    space
        .apply(
            "p",
            json!({ "data": [{ "secretKey": "v", "remoteRef": { "key": "p" } }] }),
        )
        .await;
    space.holds("p", &[("v", "value")]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rotation_follows_within_the_interval_and_a_poll_without_news_writes_nothing() {
    let space = Space::new().await;
    space.store().await;
    space.put("r", "one").await;
    let spec = json!({
        "refreshInterval": "1s", "data": [{ "secretKey": "v", "remoteRef": { "key": space.id("r") } }],
    });
    space.apply("r", spec).await;
    space.holds("r", &[("v", "one")]).await;
    space.ready("r", "True").await;
    let secret = space.secret("r").await.metadata.resource_version;
    let object = space.objects().get("r").await.unwrap().metadata.resource_version;
    let reads = space.reads("r");
    until("three more polls", || {
        std::future::ready(if space.reads("r") >= reads + 3 {
            Ok(())
        } else {
            Err(String::new())
        })
    })
    .await;
    assert_eq!(
        space.secret("r").await.metadata.resource_version,
        secret,
        "nothing new, nothing written"
    );
    assert_eq!(
        space.objects().get("r").await.unwrap().metadata.resource_version,
        object,
        "nor is the status"
    );
    space.put("r", "two").await;
    space.holds("r", &[("v", "two")]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn equal_reads_of_one_object_happen_once_so_that_parts_never_come_from_two_versions() {
    let space = Space::new().await;
    space.store().await;
    space.put("pair", r#"{"user":"u","pass":"p"}"#).await;
    let entry =
        |key: &str| json!({ "secretKey": key, "remoteRef": { "key": space.id("pair"), "property": key } });
    space
        .apply("pair", json!({ "data": [entry("user"), entry("pass")] }))
        .await;
    space.holds("pair", &[("user", "u"), ("pass", "p")]).await;
    space.ready("pair", "True").await;
    assert_eq!(space.reads("pair"), 1);
}

/// Differs: docs/differences.md#force-sync.
#[tokio::test(flavor = "multi_thread")]
async fn a_forced_sync_reads_again_whatever_the_policy() {
    let space = Space::new().await;
    space.store().await;
    space.put("f", "one").await;
    for (name, more) in [
        ("once", json!({ "refreshPolicy": "CreatedOnce" })),
        ("zero", json!({ "refreshInterval": "0" })),
        ("hour", json!({ "refreshInterval": "1h" })),
        ("change", json!({ "refreshPolicy": "OnChange" })),
    ] {
        let mut spec = more;
        spec["data"] = json!([{ "secretKey": "v", "remoteRef": { "key": space.id("f") } }]);
        space.apply(name, spec).await;
    }
    let names = ["once", "zero", "hour", "change"];
    for name in names {
        space.holds(name, &[("v", "one")]).await;
        space.ready(name, "True").await;
    }
    space.put("f", "two").await;
    for name in names {
        space.annotate(name, "force-sync", "1").await;
        space.holds(name, &[("v", "two")]).await;
    }
}

/// Differs: docs/differences.md#interval-zero.
#[tokio::test(flavor = "multi_thread")]
async fn created_once_ignores_changes_and_interval_zero_follows_a_new_generation_only() {
    let space = Space::new().await;
    space.store().await;
    space.put("g", "one").await;
    let spec = |more: serde_json::Value, key: &str| {
        let mut spec = more;
        spec["data"] = json!([{ "secretKey": key, "remoteRef": { "key": space.id("g") } }]);
        spec
    };
    let once = json!({ "refreshPolicy": "CreatedOnce" });
    let zero = json!({ "refreshInterval": "0s" });
    space.apply("once", spec(once.clone(), "v")).await;
    space.apply("zero", spec(zero.clone(), "v")).await;
    space.holds("once", &[("v", "one")]).await;
    space.holds("zero", &[("v", "one")]).await;
    space.ready("once", "True").await;
    space.ready("zero", "True").await;
    space.put("g", "two").await;
    space
        .annotate("zero", "note", "a label or annotation is no new generation")
        .await;
    space.apply("once", spec(once, "w")).await;
    space.apply("zero", spec(zero, "w")).await;
    space.holds("zero", &[("w", "two")]).await;
    until("the new generation of the other to be observed", || async {
        let object = space.objects().get("once").await.unwrap();
        let seen = object.status.and_then(|status| status.observed_generation);
        if crate::world::on_eso_crds() || seen == object.metadata.generation {
            Ok(())
        } else {
            Err(format!("{seen:?}"))
        }
    })
    .await;
    space.holds("once", &[("v", "one")]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn status_names_the_version_that_is_synced() {
    if crate::world::on_eso_crds() {
        return;
    }
    let space = Space::new().await;
    space.store().await;
    space.put("s", "one").await;
    space
        .apply(
            "s",
            json!({ "data": [{ "secretKey": "v", "remoteRef": { "key": space.id("s") } }] }),
        )
        .await;
    space.ready("s", "True").await;
    let current = space
        .aws
        .get_secret_value()
        .secret_id(space.id("s"))
        .send()
        .await
        .unwrap();
    let status = space.status("s").await;
    let entries = status.entries.unwrap();
    assert_eq!(entries.len(), 1);
    assert_eq!(entries[0].key, space.id("s"));
    assert_eq!(entries[0].version_id.as_deref(), current.version_id());
    assert_eq!(entries[0].stage.as_deref(), Some("AWSCURRENT"));
    assert_eq!(status.observed_generation, Some(1));
    assert_eq!(status.binding.unwrap().name.as_deref(), Some("s"));
}
