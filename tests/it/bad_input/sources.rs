//! What is wrong with what is read, or with what becomes of it.

use serde_json::{Value, json};

use super::{Synced, has};

#[tokio::test(flavor = "multi_thread")]
async fn what_is_wrong_with_a_source_is_said_on_the_object_and_the_target_stays() {
    let synced = Synced::new().await;
    let id = |name: &str| synced.space.id(name);
    synced.space.put("text", "not json").await;
    synced.space.put("going", "x").await;
    synced
        .space
        .aws
        .delete_secret()
        .secret_id(id("going"))
        .recovery_window_in_days(7)
        .send()
        .await
        .unwrap();
    synced.space.put("spaced", r#"{"a b":"1","a_b":"2"}"#).await;
    synced
        .space
        .put("long", &json!({ "k".repeat(254): "v" }).to_string())
        .await;
    synced.space.put_binary("null", &[1, 0, 1]).await;

    let message = synced
        .fails(Synced::one(json!({ "key": id("nowhere") })), "SecretNotFound")
        .await;
    has(
        &message,
        &["spec.data[0] (key: k)", "Secret does not exist", &id("nowhere")],
    );
    let message = synced
        .fails(
            Synced::one(json!({ "key": id("going") })),
            "SecretMarkedForDeletion",
        )
        .await;
    has(&message, &["Secret does not exist", "deletion"]);
    let message = synced
        .fails(
            Synced::one(json!({ "key": id("good"), "version": "NOPE" })),
            "SecretNotFound",
        )
        .await;
    has(
        &message,
        &["Secret does not exist", "has no version or stage \"NOPE\""],
    );
    let message = synced
        .fails(
            Synced::one(json!({ "key": id("good"), "property": "x.y" })),
            "PropertyNotFound",
        )
        .await;
    has(
        &message,
        &[&format!("key x.y does not exist in secret {}", id("good"))],
    );
    let message = synced
        .fails(
            Synced::one(json!({ "key": id("text"), "property": "x" })),
            "PropertyNotFound",
        )
        .await;
    has(&message, &["not JSON"]);
    let extract = |key: &str| json!({ "dataFrom": [{ "extract": { "key": id(key) } }] });
    let message = synced.fails(extract("text"), "NotJson").await;
    has(
        &message,
        &[
            &format!("unable to unmarshal secret {}", id("text")),
            "spec.dataFrom[0].extract",
        ],
    );
    let message = synced.fails(extract("spaced"), "KeyCollision").await;
    has(&message, &["secret name collision during conversion: a_b"]);
    let message = synced.fails(extract("long"), "InvalidKey").await;
    has(&message, &["invalid secret keys (TIP:", "253"]);
    synced.space.put("accent", r#"{"é":"v"}"#).await;
    has(
        &synced.fails(extract("accent"), "InvalidKey").await,
        &["may hold only letters"],
    );
    let spec = Synced::one(json!({ "key": id("text"), "decodingStrategy": "Base64" }));
    has(&synced.fails(spec, "DecodingFailed").await, &["Base64", "key k"]);
    let spec = Synced::one(json!({ "key": id("null"), "nullBytePolicy": "Fail" }));
    has(&synced.fails(spec, "NullByte").await, &["null byte", "key k"]);
    synced.space.put("nulls", r#"{"fine":"v","n":"a\u0000b"}"#).await;
    let mut spec = extract("nulls");
    spec["dataFrom"][0]["extract"]["nullBytePolicy"] = json!("Fail");
    has(&synced.fails(spec, "NullByte").await, &["null byte", "key n"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_result_over_one_mebibyte_is_refused_by_name_of_its_largest_key() {
    let synced = Synced::new().await;
    let big = "x".repeat(60_000);
    for n in 0..18 {
        synced.space.put(&format!("big{n}"), &big).await;
    }
    let data: Vec<_> = (0..18)
        .map(|n| json!({ "secretKey": format!("k{n}"), "remoteRef": { "key": synced.space.id(&format!("big{n}")) } }))
        .collect();
    has(
        &synced.fails(json!({ "data": data }), "TooLarge").await,
        &["1048576", "1080000", "largest key is k"],
    );
}

/// Differs: docs/differences.md#rewritten-to-one.
#[tokio::test(flavor = "multi_thread")]
async fn what_is_wrong_with_rewritten_keys_is_said_with_their_names() {
    let synced = Synced::new().await;
    synced
        .space
        .put("parts", r#"{"a1":{"x":"1"},"a2":{"x":"2"},"text":"plain"}"#)
        .await;
    let rewrite = |operation: Value| json!({ "dataFrom": [{ "extract": { "key": synced.space.id("parts") }, "rewrite": [operation] }] });
    let regexp = |source: &str, target: &str| json!({ "regexp": { "source": source, "target": target } });
    let merge = |options: Value| json!({ "merge": options });
    let long = "k".repeat(254);
    for (operation, cause, part) in [
        (
            regexp("[12]", ""),
            "KeyCollision",
            "the keys a1 and a2 both become \"a\"",
        ),
        (regexp("^text$", "a/b"), "InvalidKey", "may hold only letters"),
        (
            regexp("^text$", &long),
            "InvalidKey",
            "is longer than 253 characters",
        ),
        (
            json!({ "transform": { "template": "{{ fail \"no\" }}" } }),
            "RewriteFailed",
            "the function returned an error",
        ),
        (
            merge(json!({})),
            "NotJson",
            "the value of key text is not a JSON object",
        ),
        (
            merge(json!({ "priority": ["a1", "gone"] })),
            "RewriteFailed",
            "priority[1]: there is no key gone",
        ),
    ] {
        has(&synced.fails(rewrite(operation), cause).await, &[part, "rewrite"]);
    }
    synced
        .space
        .put("parts", r#"{"a1":{"x":"1"},"a2":{"x":"2"}}"#)
        .await;
    has(
        &synced.fails(rewrite(merge(json!({}))), "KeyCollision").await,
        &["merge failed with conflicts: x", "x in a1 and a2"],
    );
}
