//! Specs that cannot be acted on.

use serde_json::{Value, json};

use super::{Synced, good, has};
use crate::world::Space;

/// Differs: docs/differences.md#no-webhook.
#[tokio::test(flavor = "multi_thread")]
async fn a_spec_that_contradicts_itself_is_refused_also_where_admission_let_it_pass() {
    let synced = Synced::new().await;
    let with = |more: Value| {
        let mut spec = good(&synced.space);
        for (key, value) in more.as_object().unwrap() {
            spec[key] = value.clone();
        }
        spec
    };
    has(
        &synced
            .fails(with(json!({ "refreshInterval": "10" })), "InvalidSpec")
            .await,
        &["refreshInterval", "30s"],
    );
    // Our CRDs refuse this one at once; ESO's let it pass.
    if synced
        .space
        .try_apply("app", json!({ "data": [], "dataFrom": [] }), json!({}))
        .await
        .is_ok()
    {
        has(
            &synced.untouched("InvalidSpec").await,
            &["either data or dataFrom"],
        );
    }
    let twice = json!({ "data": [
        { "secretKey": "k", "remoteRef": { "key": synced.space.id("good") } },
        { "secretKey": "k", "remoteRef": { "key": synced.space.id("good") } },
    ]});
    has(
        &synced.fails(twice, "InvalidSpec").await,
        &["duplicate secretKey found: k"],
    );
    for (more, path) in [(
        json!({ "target": { "manifest": { "apiVersion": "v1", "kind": "ConfigMap" } } }),
        "spec.target.manifest",
    )] {
        has(&synced.fails(with(more), "TargetKindRefused").await, &[path]);
    }
}

/// Differs: docs/differences.md#bad-windows.
#[tokio::test(flavor = "multi_thread")]
async fn what_is_wrong_with_an_expression_a_template_or_a_schedule_is_said_by_its_path_and_nothing_is_read() {
    let synced = Synced::new().await;
    let reads = synced.space.reads("unread");
    let window = |schedule: &str, duration: &str| {
        json!({
            "syncWindows": { "kind": "deny", "windows": [{ "schedule": schedule, "duration": duration }] },
            "dataFrom": [{ "extract": { "key": synced.space.id("unread") } }],
        })
    };
    let rewrite = |operation: Value| json!({ "dataFrom": [{ "extract": { "key": synced.space.id("unread") }, "rewrite": [operation] }] });
    for (spec, parts) in [
        (
            window("61 * * * *", "1h"),
            ["spec.syncWindows.windows[0].schedule", "is not a cron schedule"],
        ),
        (
            window("0 8 * * *", "8"),
            ["spec.syncWindows.windows[0].duration", "is not a duration"],
        ),
        (
            json!({ "dataFrom": [{ "find": { "name": { "regexp": "[" } } }] }),
            ["spec.dataFrom[0].find", "could not compile find.name.regexp [[]"],
        ),
        (
            json!({ "dataFrom": [{ "find": { "path": "/a" } }] }),
            ["spec.dataFrom[0].find", "unexpected find operator"],
        ),
        (
            rewrite(json!({ "regexp": { "source": "(", "target": "" } })),
            ["spec.dataFrom[0].rewrite[0].regexp.source", "missing closing )"],
        ),
        (
            rewrite(json!({ "transform": { "template": "{{ .value" } })),
            [
                "spec.dataFrom[0].rewrite[0].transform.template",
                "unclosed action",
            ],
        ),
        (
            rewrite(json!({ "merge": { "strategy": "JSON" } })),
            ["spec.dataFrom[0].rewrite[0].merge.into", "is needed"],
        ),
    ] {
        has(&synced.fails(spec, "InvalidSpec").await, &parts);
    }
    assert_eq!(synced.space.reads("unread"), reads);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_word_that_on_missing_does_not_know_is_refused() {
    let synced = Synced::new().await;
    synced
        .space
        .annotate("app", "keyferry.dev/on-missing", "ignore")
        .await;
    let message = synced.space.fails("app", "InvalidSpec").await;
    has(&message, &["keyferry.dev/on-missing", "fail, keep or skip"]);
    assert_eq!(
        synced.space.secret("app").await.metadata.resource_version,
        synced.version
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_malformed_object_is_reported_on_itself_and_stops_nobody() {
    let space = Space::new().await;
    space.store().await;
    space.put("k", "v").await;
    // The CRD would refuse this object; a webhook-less past may have stored it.
    let spec = json!({ "refreshInterval": "nonsense", "data": [{ "secretKey": "k", "remoteRef": { "key": space.id("k") } }] });
    space.apply("bad", spec).await;
    space
        .apply(
            "good",
            json!({ "data": [{ "secretKey": "k", "remoteRef": { "key": space.id("k") } }] }),
        )
        .await;
    space.holds("good", &[("k", "v")]).await;
    has(&space.fails("bad", "InvalidSpec").await, &["nonsense"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_interval_of_centuries_stops_nobody() {
    let space = Space::new().await;
    space.store().await;
    space.put("k", "v").await;
    let spec = |interval: &str| json!({ "refreshInterval": interval, "data": [{ "secretKey": "k", "remoteRef": { "key": space.id("k") } }] });
    space.apply("long", spec("2500000h")).await;
    space.ready("long", "True").await;
    space.apply("after", spec("1h")).await;
    space.holds("after", &[("k", "v")]).await;
}
