//! What AWS refuses, breaks off or does not answer.

use keyferry_parts::{Fault, When};
use serde_json::json;

use super::{Synced, has};
use crate::world::{Operator, Space, Start};

#[tokio::test(flavor = "multi_thread")]
async fn what_aws_denies_is_said_with_its_code_and_the_target_stays() {
    let synced = Synced::new().await;
    let space = &synced.space;
    space.put("denied", "x").await;
    let when = || When::operation("GetSecretValue").on(space.id("denied"));
    let one = Synced::one(json!({ "key": space.id("denied") }));
    {
        let _denied = space
            .world
            .proxy
            .inject(when(), Fault::access_denied("secretsmanager:GetSecretValue"));
        let message = synced.fails(one.clone(), "AccessDenied").await;
        has(&message, &["AccessDenied", "secretsmanager:GetSecretValue"]);
    }
    let kms = Fault::error(
        400,
        "DecryptionFailure",
        "Secrets Manager can't decrypt the protected secret text.",
    );
    let _kms = space.world.proxy.inject(when(), kms);
    has(&synced.fails(one, "KmsFailed").await, &["DecryptionFailure"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_aws_that_fails_or_cuts_its_answers_off_is_waited_for_and_the_target_stays() {
    let synced = Synced::new().await;
    let space = &synced.space;
    for (n, fault) in [Fault::internal(), Fault::Cut, Fault::HangUp]
        .into_iter()
        .enumerate()
    {
        let name = format!("failing{n}");
        space.put(&name, &name).await;
        let before = space.data("app").await;
        let broken = space.world.proxy.inject(When::any().on(space.id(&name)), fault);
        space
            .apply("app", Synced::one(json!({ "key": space.id(&name) })))
            .await;
        let message = space.fails("app", "AwsUnavailable").await;
        has(&message, &["spec.data[0] (key: k)"]);
        assert_eq!(space.data("app").await, before, "the target was touched");
        drop(broken);
        space.holds("app", &[("k", &name)]).await;
        space.ready("app", "True").await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_endpoint_that_is_down_turns_ready_false_after_the_second_failure_and_heals_by_itself() {
    let space = Space::unserved().await;
    space.put("k", "v").await;
    // Nothing listens there.
    let [port] = keyferry_parts::free_ports().unwrap();
    let start = Start {
        class: Some("down".to_owned()),
        endpoint: Some(format!("http://127.0.0.1:{port}")),
        ..Start::default()
    };
    let operator = Operator::start(&start, "down").await;
    space.store_of("down").await;
    space
        .apply(
            "app",
            json!({ "data": [{ "secretKey": "k", "remoteRef": { "key": space.id("k") } }] }),
        )
        .await;
    let message = space.fails("app", "AwsUnavailable").await;
    has(&message, &["spec.data[0] (key: k)"]);
    assert_eq!(space.data("app").await, None);
    operator.kill().await;
    let healed = Operator::start(
        &Start {
            endpoint: None,
            ..start
        },
        "up",
    )
    .await;
    space.holds("app", &[("k", "v")]).await;
    space.ready("app", "True").await;
    drop(healed);
}
