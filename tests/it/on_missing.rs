//! `keyferry.dev/on-missing`: what becomes of an object's keys when some of its sources are gone.

use serde_json::{Value, json};

use crate::world::{Space, on_eso_crds, operator, until};

/// An object that reads two secrets every second.
async fn two(name: &str, on_missing: &str) -> Space {
    let space = Space::new().await;
    space.store().await;
    space.put("a", "a1").await;
    space.put("b", "b1").await;
    apply(&space, name, on_missing, &["a", "b"]).await;
    space
}

async fn apply(space: &Space, name: &str, on_missing: &str, keys: &[&str]) {
    let entry = |key: &&str| json!({ "secretKey": key, "remoteRef": { "key": space.id(key) } });
    let data: Vec<Value> = keys.iter().map(entry).collect();
    let spec = json!({ "refreshInterval": "1s", "data": data });
    let metadata = json!({ "annotations": { "keyferry.dev/on-missing": on_missing } });
    space.apply_with(name, spec, metadata).await;
}

/// Waits until the object says that it is partially synced; gives the message.
async fn partially_synced(space: &Space, name: &str) -> String {
    let (reason, message) = space
        .ready_where(name, |status, _, message| {
            status == "True" && message.starts_with("PartiallySynced: ")
        })
        .await;
    assert_eq!(reason, "SecretSynced");
    if !on_eso_crds() {
        assert_eq!(space.status(name).await.cause.as_deref(), Some("PartiallySynced"));
    }
    message
}

/// Waits until the gauge of missing keys says this; nothing where there is no series.
async fn gauge(space: &Space, name: &str, wanted: Option<&str>) {
    let series = format!(
        "keyferry_externalsecret_missing_keys{{name=\"{name}\",namespace=\"{}\"}} ",
        space.namespace
    );
    until("the gauge of missing keys", || async {
        let metrics = operator().await.metrics().await;
        let value = metrics.lines().find_map(|line| line.strip_prefix(&series));
        if value == wanted {
            Ok(())
        } else {
            Err(format!("{value:?}"))
        }
    })
    .await;
}

/// Differs: docs/differences.md#on-missing.
#[tokio::test(flavor = "multi_thread")]
async fn keep_leaves_a_key_as_it_is_while_its_source_is_missing_and_follows_the_others() {
    let space = two("app", "keep").await;
    space.holds("app", &[("a", "a1"), ("b", "b1")]).await;
    space.remove("b").await;
    space.put("a", "a2").await;
    space.holds("app", &[("a", "a2"), ("b", "b1")]).await;
    let message = partially_synced(&space, "app").await;
    assert!(
        message.contains("stays on the target as it is: spec.data[1] (key: b)"),
        "{message}"
    );
    gauge(&space, "app", Some("1")).await;
    until("the event", || async {
        let events = space.events("app").await;
        if events.contains(&("PartiallySynced".to_owned(), message.clone())) {
            Ok(())
        } else {
            Err(format!("{events:?}"))
        }
    })
    .await;

    // A key that the object drops goes, also while another is kept; an edit is put right.
    space.put("c", "c1").await;
    apply(&space, "app", "keep", &["a", "b", "c"]).await;
    space.holds("app", &[("a", "a2"), ("b", "b1"), ("c", "c1")]).await;
    apply(&space, "app", "keep", &["a", "b"]).await;
    space.holds("app", &[("a", "a2"), ("b", "b1")]).await;
    space.edit("app", json!({ "a": "edited" })).await;
    space.holds("app", &[("a", "a2"), ("b", "b1")]).await;

    // It comes back, and what is foreign goes with the whole write.
    space.put("b", "b2").await;
    space.holds("app", &[("a", "a2"), ("b", "b2")]).await;
    space
        .ready_where("app", |_, _, message| message == "secret synced")
        .await;
    gauge(&space, "app", None).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn keep_leaves_a_key_absent_that_the_target_lacks_and_the_target_alone_when_all_is_gone() {
    let space = two("app", "keep").await;
    space.holds("app", &[("a", "a1"), ("b", "b1")]).await;
    apply(&space, "new", "keep", &["a", "never"]).await;
    space.holds("new", &[("a", "a1")]).await;
    partially_synced(&space, "new").await;
    space.remove("a").await;
    space.remove("b").await;
    space
        .ready_where("app", |_, _, message| {
            message.contains("spec.data[0] (key: a), spec.data[1] (key: b)")
        })
        .await;
    space.holds("app", &[("a", "a1"), ("b", "b1")]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn keep_leaves_every_key_while_a_whole_secret_is_missing() {
    let space = Space::new().await;
    space.store().await;
    space.put("all", r#"{"x":"1","y":"2"}"#).await;
    space.put("a", "a1").await;
    let spec = json!({
        "refreshInterval": "1s",
        "dataFrom": [{ "extract": { "key": space.id("all") } }],
        "data": [{ "secretKey": "a", "remoteRef": { "key": space.id("a") } }],
    });
    let metadata = json!({ "annotations": { "keyferry.dev/on-missing": "keep" } });
    space.apply_with("app", spec, metadata).await;
    space.holds("app", &[("a", "a1"), ("x", "1"), ("y", "2")]).await;
    space.remove("all").await;
    space.put("a", "a2").await;
    space.holds("app", &[("a", "a2"), ("x", "1"), ("y", "2")]).await;
    assert!(
        partially_synced(&space, "app")
            .await
            .contains("spec.dataFrom[0].extract")
    );
    space.put("all", r#"{"x":"3"}"#).await;
    space.holds("app", &[("a", "a2"), ("x", "3")]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn keep_leaves_what_a_template_makes_of_a_missing_source_and_renders_the_rest() {
    let space = two("plain", "keep").await;
    let template = json!({
        "metadata": { "labels": { "b": "{{ .b }}" } },
        "data": {
            "first": "a={{ .a }}",
            "second": "b={{ .b }}",
            "both.json": "{{ toJson . }}",
            // `index` takes what is absent for an empty text.
            "silent": "{{ index . \"b\" | default \"none\" }}",
        },
    });
    let entry = |key: &str| json!({ "secretKey": key, "remoteRef": { "key": space.id(key) } });
    let spec = json!({
        "refreshInterval": "1s", "data": [entry("a"), entry("b")], "target": { "template": template },
    });
    let metadata = json!({ "annotations": { "keyferry.dev/on-missing": "keep" } });
    space.apply_with("app", spec.clone(), metadata.clone()).await;
    let holds = async |a: &str, b: &str, both: &str| {
        let (first, second) = (format!("a={a}"), format!("b={b}"));
        let wanted = [
            ("both.json", both),
            ("first", &first),
            ("second", &second),
            ("silent", b),
        ];
        space.holds("app", &wanted).await;
    };
    holds("a1", "b1", r#"{"a":"a1","b":"b1"}"#).await;
    space.remove("b").await;
    space.put("a", "a2").await;
    holds("a2", "b1", r#"{"a":"a1","b":"b1"}"#).await;
    partially_synced(&space, "app").await;
    let labels = space.secret("app").await.metadata.labels.unwrap_or_default();
    assert_eq!(labels.get("b").map(String::as_str), Some("b1"));

    // A Secret that is made while a source is missing has no key of what it would have given.
    space.apply_with("new", spec, metadata).await;
    space.holds("new", &[("first", "a=a2")]).await;

    space.put("b", "b2").await;
    holds("a2", "b2", r#"{"a":"a2","b":"b2"}"#).await;
    space
        .ready_where("app", |_, _, message| message == "secret synced")
        .await;
}

/// Differs: docs/differences.md#on-missing.
#[tokio::test(flavor = "multi_thread")]
async fn skip_drops_a_key_whose_source_is_gone_and_fail_drops_nothing() {
    let space = two("app", "skip").await;
    apply(&space, "strict", "fail", &["a", "b"]).await;
    for name in ["app", "strict"] {
        space.holds(name, &[("a", "a1"), ("b", "b1")]).await;
    }
    space.remove("b").await;
    space.holds("app", &[("a", "a1")]).await;
    let message = partially_synced(&space, "app").await;
    assert!(
        message.contains("is left out: spec.data[1] (key: b)"),
        "{message}"
    );
    space.fails("strict", "SecretNotFound").await;
    space.holds("strict", &[("a", "a1"), ("b", "b1")]).await;
    space.put("b", "b2").await;
    space.holds("app", &[("a", "a1"), ("b", "b2")]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn skip_leaves_the_secret_as_it_is_under_retain_once_every_source_is_gone_and_says_so() {
    let space = two("app", "skip").await;
    space.holds("app", &[("a", "a1"), ("b", "b1")]).await;
    space.remove("a").await;
    space.remove("b").await;
    space
        .ready_where("app", |status, _, message| {
            status == "True"
                && message
                    == "PartiallySynced: missing at the source, so that it stays with the whole Secret, due to \
                        deletionPolicy Retain: spec.data[0] (key: a), spec.data[1] (key: b)"
        })
        .await;
    space.holds("app", &[("a", "a1"), ("b", "b1")]).await;
}
