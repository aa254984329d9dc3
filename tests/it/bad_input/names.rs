//! Names that Kubernetes would not take.

use super::*;

#[tokio::test(flavor = "multi_thread")]
async fn names_that_are_too_long_are_refused_when_they_are_applied_or_said_on_the_object() {
    let synced = Synced::new().await;
    let space = &synced.space;
    let long = "n".repeat(254);
    let with = |field: &str, value: Value| {
        let mut spec = good(space);
        spec[field] = value;
        spec
    };
    let template = |template: Value| with("target", json!({ "template": template }));
    let label = "l".repeat(64);
    let from = json!([{ "configMap": { "name": long, "items": [{ "key": "k" }] } }]);
    for (what, spec, part) in [
        ("target", with("target", json!({ "name": long })), "target.name"),
        (
            "secretKey",
            with(
                "data",
                json!([{ "secretKey": long, "remoteRef": { "key": space.id("good") } }]),
            ),
            "secretKey",
        ),
        (
            "store",
            with("secretStoreRef", json!({ "name": long })),
            "secretStoreRef.name",
        ),
        (
            "template key",
            template(json!({ "data": { long.clone(): "x" } })),
            "template.data",
        ),
        (
            "label",
            template(json!({ "metadata": { "labels": { label: "x" } } })),
            "metadata.labels",
        ),
        (
            "source",
            template(json!({ "templateFrom": from })),
            "configMap.name",
        ),
    ] {
        match space.try_apply("app", spec, json!({})).await {
            Err(kube::Error::Api(status)) => {
                assert_eq!(status.code, 422, "{what}: {status:?}");
                has(&status.message, &[part]);
            }
            Err(other) => panic!("{what}: {other}"),
            Ok(()) => has(&synced.untouched("InvalidSpec").await, &[part]),
        }
    }
    assert_eq!(
        space.secret("app").await.metadata.resource_version,
        synced.version
    );
}
