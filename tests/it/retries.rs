//! `retrySettings` of a store: how often one call is tried within a sync.

use keyferry_parts::{FakeAws, Fault, When};
use serde_json::{Value, json};

use crate::world::{Operator, Space, Start, provider, until};

/// A store whose calls are those of a role of its own, so that no other store's failures hold them back.
async fn store(space: &Space, name: &str, settings: Option<Value>) {
    let role = format!("arn:aws:iam::123456789012:role/{name}");
    let aws = provider(json!({ "role": role, "region": "us-east-1" }));
    let mut spec = json!({ "controller": "retrying", "provider": { "aws": aws } });
    if let Some(settings) = settings {
        spec["retrySettings"] = settings;
    }
    space.store_spec(name, spec).await;
}

fn reading(store: &str) -> Value {
    json!({
        "refreshInterval": "1h", "secretStoreRef": { "name": store },
        "data": [{ "secretKey": "v", "remoteRef": { "key": format!("secret-of-{store}") } }],
    })
}

/// How many syncs of an object have failed.
async fn failures(operator: &Operator, space: &Space, name: &str) -> usize {
    let series = format!(
        "externalsecret_sync_calls_error{{name=\"{name}\",namespace=\"{}\"}} ",
        space.namespace
    );
    let metrics = operator.metrics().await;
    let count = metrics.lines().find_map(|line| line.strip_prefix(&series));
    count.map_or(0, |count| count.parse().unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn the_retry_settings_of_a_store_say_how_often_one_call_is_tried() {
    let space = Space::unserved().await;
    let aws = FakeAws::start().unwrap();
    let start = Start {
        class: Some("retrying".to_owned()),
        endpoint: Some(aws.url()),
        ..Start::default()
    };
    let operator = Operator::start(&start, "retrying").await;
    let fast = |settings: Value| {
        let mut settings = settings;
        settings["retryInterval"] = json!("10ms");
        settings
    };
    let cases = [
        ("plain", None, 2),
        ("once", Some(json!({ "maxRetries": 1 })), 1),
        ("unset", Some(fast(json!({}))), 3),
        ("five", Some(fast(json!({ "maxRetries": 5 }))), 5),
    ];
    let mut broken = vec![];
    for (name, settings, _) in &cases {
        let id = format!("secret-of-{name}");
        aws.home().put_secret(&id, "v");
        broken.push(aws.inject(When::any().on(&id), Fault::internal()));
        store(&space, name, settings.clone()).await;
        space.apply(name, reading(name)).await;
    }
    for (name, _, attempts) in &cases {
        until(&format!("{attempts} attempts in each sync of {name}"), || async {
            let failed = failures(&operator, &space, name).await;
            let calls = aws.calls().count(&When::any().on(format!("secret-of-{name}")));
            if failed >= 2 && calls == failed * attempts {
                Ok(())
            } else {
                Err(format!("{calls} calls in {failed} syncs that failed"))
            }
        })
        .await;
    }
    drop(broken);

    // Throttled, it is tried again as well: within one sync, which then succeeds.
    let (name, id) = ("patient", "secret-of-patient");
    aws.home().put_secret(id, "v");
    let throttled = Fault::error(400, "ThrottlingException", "Rate exceeded");
    let met = aws.inject_times(3, When::any().on(id), throttled);
    store(&space, name, Some(fast(json!({ "maxRetries": 4 })))).await;
    space.apply(name, reading(name)).await;
    space.holds(name, &[("v", "v")]).await;
    assert_eq!((met.calls_met(), failures(&operator, &space, name).await), (3, 0));
    operator.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn retry_settings_that_mean_nothing_are_said_on_the_store_and_its_objects_stay() {
    let space = Space::new().await;
    space.store().await;
    space.put("v", "v").await;
    let spec = |store: &str| {
        json!({
            "secretStoreRef": { "name": store }, "data": [{ "secretKey": "v", "remoteRef": { "key": space.id("v") } }],
        })
    };
    space.apply("app", spec("aws")).await;
    space.holds("app", &[("v", "v")]).await;
    let before = space.secret("app").await.metadata.resource_version;
    for (name, settings, wanted) in [
        (
            "negative",
            json!({ "maxRetries": -1 }),
            "retrySettings.maxRetries must not be negative",
        ),
        (
            "duration",
            json!({ "retryInterval": "soon" }),
            "retrySettings.retryInterval is no duration: \"soon\"",
        ),
    ] {
        let store = json!({ "provider": { "aws": provider(json!({})) }, "retrySettings": settings });
        space.store_spec(name, store).await;
        space.apply("app", spec(name)).await;
        space.fails("app", "StoreNotReady").await;
        space.store_says(name, &[wanted]).await;
        assert_eq!(space.secret("app").await.metadata.resource_version, before);
    }
}
