//! Keys of a whole secret are rewritten before they become keys of the Secret.

use serde_json::{Value, json};

use crate::world::Space;

async fn space() -> Space {
    let space = Space::new().await;
    space.store().await;
    space
}

fn extract(space: &Space, key: &str, rewrite: Value) -> Value {
    json!({ "dataFrom": [{ "extract": { "key": space.id(key) }, "rewrite": rewrite }] })
}

#[tokio::test(flavor = "multi_thread")]
async fn a_regexp_puts_a_prefix_before_each_key_once() {
    let space = space().await;
    space.put("db", r#"{"user":"u","pass":"p"}"#).await;
    let rewrite = json!([{ "regexp": { "source": "(.*)", "target": "my_$1" } }]);
    space.apply("app", extract(&space, "db", rewrite)).await;
    space.holds("app", &[("my_user", "u"), ("my_pass", "p")]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn operations_run_in_their_order_and_keys_are_not_converted_besides() {
    let space = space().await;
    space.put("db", r#"{"prod/user name":"u"}"#).await;
    let rewrite = json!([
        { "regexp": { "source": "^prod/", "target": "" } },
        { "transform": { "template": "{{ .value | upper | replace \" \" \"-\" }}" } },
    ]);
    space.apply("app", extract(&space, "db", rewrite)).await;
    space.holds("app", &[("USER-NAME", "u")]).await;
    let unfinished = json!([{ "regexp": { "source": "^prod/", "target": "" } }]);
    space.apply("app", extract(&space, "db", unfinished)).await;
    space.fails("app", "InvalidKey").await;
    space.holds("app", &[("USER-NAME", "u")]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn objects_are_merged_by_priority_into_keys_or_into_one_json() {
    let space = space().await;
    space
        .put(
            "parts",
            r#"{"base":{"host":"a","port":1},"over":{"host":"b","tls":true}}"#,
        )
        .await;
    let extracted = json!([{ "merge": { "conflictPolicy": "Ignore", "priority": ["base"] } }]);
    space.apply("keys", extract(&space, "parts", extracted)).await;
    space
        .holds("keys", &[("host", "a"), ("port", "1"), ("tls", "true")])
        .await;
    let json = json!([{ "merge": { "conflictPolicy": "Ignore", "strategy": "JSON", "into": "all" } }]);
    space.apply("json", extract(&space, "parts", json)).await;
    space
        .holds(
            "json",
            &[
                ("base", r#"{"host":"a","port":1}"#),
                ("over", r#"{"host":"b","tls":true}"#),
                ("all", r#"{"host":"b","port":1,"tls":true}"#),
            ],
        )
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn tags_are_read_in_place_of_the_value_whole_by_name_or_as_keys() {
    let space = space().await;
    space.put("db", "the value").await;
    for (key, value) in [("owner", "team-red"), ("cost.center", "42")] {
        let tag = aws_sdk_secretsmanager::types::Tag::builder()
            .key(key)
            .value(value)
            .build();
        let tagged = space.aws.tag_resource().secret_id(space.id("db")).tags(tag);
        tagged.send().await.unwrap();
    }
    let entry = |key: &str, property: Option<&str>| {
        let mut remote = json!({ "key": space.id("db"), "metadataPolicy": "Fetch" });
        if let Some(property) = property {
            remote["property"] = json!(property);
        }
        json!({ "secretKey": key, "remoteRef": remote })
    };
    let spec = json!({
        "data": [
            entry("all", None),
            entry("owner", Some("owner")),
            entry("center", Some("cost.center")),
            { "secretKey": "value", "remoteRef": { "key": space.id("db") } },
        ],
    });
    space.apply("data", spec).await;
    space
        .holds(
            "data",
            &[
                ("all", r#"{"cost.center":"42","owner":"team-red"}"#),
                ("owner", "team-red"),
                ("center", "42"),
                ("value", "the value"),
            ],
        )
        .await;
    let spec = json!({ "dataFrom": [{ "extract": { "key": space.id("db"), "metadataPolicy": "Fetch" } }] });
    space.apply("extract", spec).await;
    space
        .holds("extract", &[("cost.center", "42"), ("owner", "team-red")])
        .await;
}
