//! Single reads: what comes back, and what each failure means.

use std::{num::NonZeroU32, sync::Arc, time::Duration};

use keyferry_parts::{
    Fault, When,
    fake_aws::{Denied, SecretValue},
};

use crate::{
    api::secret_store::{AwsProvider, AwsService},
    aws::{
        Absence, Aspect, Batch, Class, Error, Lane, Read, Retry, Version,
        testing::{World, current, text, until, with_keys},
    },
};

async fn singly() -> World {
    World::with(|settings| settings.batch = Batch::Off).await
}

#[tokio::test]
async fn text_binary_stages_and_ids_come_back() {
    let world = World::start().await;
    let identity = world.reader("a", "AKIAONE").await;
    let vault = world.aws.home();
    let first = vault.put_secret("app", "one");
    let second = vault.put_secret("app", "two");
    vault.put_secret("binary", SecretValue::Binary(vec![0, 159, 146, 150]));
    let read = async |id: &str, version: Option<&str>| {
        let read = Read {
            version: Version::of_secret(version),
            ..current(id)
        };
        world
            .broker
            .read(&identity, None, &read, Lane::NOW, false)
            .await
            .unwrap()
    };
    let now = read("app", None).await;
    assert_eq!(
        (text(&now), now.version_id.clone(), now.stage.clone()),
        ("two".to_owned(), Some(second), Some("AWSCURRENT".to_owned()))
    );
    assert!(now.created_at.is_some() && now.arn.as_deref().is_some_and(|arn| arn.contains(":secret:app-")));
    assert_eq!(text(&*read("app", Some("AWSPREVIOUS")).await), "one");
    assert_eq!(text(&*read("app", Some(&format!("uuid/{first}"))).await), "one");
    assert_eq!(text(&*read(&vault.secret_arn("app").unwrap(), None).await), "two");
    let binary = read("binary", None).await;
    assert_eq!(binary.binary.as_ref().unwrap().expose(), [0, 159, 146, 150]);
    assert_eq!((binary.text.is_none(), binary.size()), (true, 4));
}

/// Differs: docs/differences.md#scheduled-deletion.
#[tokio::test]
async fn absence_is_told_only_by_an_explicit_answer() {
    let world = singly().await;
    let identity = world.reader("a", "AKIAONE").await;
    let vault = world.aws.home();
    for id in ["marked", "denied", "app"] {
        vault.put_secret(id, "value");
    }
    vault.mark_for_deletion("marked");
    world.aws.deny(Denied {
        action: "secretsmanager:GetSecretValue".to_owned(),
        resource: Some("denied".to_owned()),
        ..Denied::default()
    });
    let class = async |id: &str| world.urgent(&identity, id).await.unwrap_err().class;
    assert_eq!(class("absent").await, Class::Missing(Absence::NotFound));
    assert_eq!(class("marked").await, Class::Missing(Absence::MarkedForDeletion));
    assert_eq!(class("denied").await, Class::Denied);
    let stage = Read {
        version: Version::of_secret(Some("NOSUCH")),
        ..current("app")
    };
    let error = world
        .broker
        .read(&identity, None, &stage, Lane::NOW, false)
        .await
        .unwrap_err();
    assert_eq!(
        (error.class, error.text.as_str()),
        (Class::Missing(Absence::NotFound), "Secret does not exist")
    );
}

#[tokio::test]
async fn each_failure_of_the_service_has_its_class_and_its_attempts() {
    let world = singly().await;
    let identity = world.reader("a", "AKIAONE").await;
    world.aws.home().put_secret("app", "value");
    let cases: [(&str, Fault, Class, usize); 9] = [
        ("internal", Fault::internal(), Class::Transient, 2),
        (
            "unavailable",
            Fault::error(503, "ServiceUnavailable", ""),
            Class::Transient,
            2,
        ),
        ("cut", Fault::Cut, Class::Transient, 2),
        ("hang up", Fault::HangUp, Class::Transient, 2),
        (
            "throttled",
            Fault::error(400, "ThrottlingException", "Rate exceeded"),
            Class::Throttled,
            2,
        ),
        ("kms", Fault::error(400, "DecryptionFailure", ""), Class::Kms, 1),
        (
            "invalid",
            Fault::error(400, "ValidationException", ""),
            Class::Invalid,
            1,
        ),
        (
            "denied",
            Fault::access_denied("secretsmanager:GetSecretValue"),
            Class::Denied,
            1,
        ),
        ("proxy", Fault::error(407, "", ""), Class::Transient, 2),
    ];
    for (name, fault, class, attempts) in cases {
        world.aws.calls().forget();
        let in_force = world.aws.inject(When::operation("GetSecretValue"), fault);
        let error = world.urgent(&identity, "app").await.unwrap_err();
        drop(in_force);
        assert_eq!(
            (error.class, world.count("GetSecretValue")),
            (class, attempts),
            "{name}: {error}"
        );
        assert_eq!(world.text(&identity, "app").await, "value", "after {name}");
    }
}

#[tokio::test]
async fn a_second_attempt_helps() {
    let world = singly().await;
    let identity = world.reader("a", "AKIAONE").await;
    world.aws.home().put_secret("app", "value");
    let _fault = world
        .aws
        .inject_times(1, When::operation("GetSecretValue"), Fault::internal());
    assert_eq!(world.text(&identity, "app").await, "value");
    let count = |labels: &[&str]| world.metric("keyferry_aws_calls_total", labels);
    assert!((count(&["GetSecretValue", "transient"]) - 1.0).abs() < 0.1);
    assert!((count(&["GetSecretValue", "success"]) - 1.0).abs() < 0.1);
    let contract = world.metric(
        "externalsecret_provider_api_calls_count",
        &["AWS/SecretsManager", "GetSecretValue", "success"],
    );
    assert!(
        (contract - 1.0).abs() < 0.1,
        "an attempt is not a call of the contract: {contract}"
    );
}

#[tokio::test]
async fn a_stores_retry_settings_count_attempts() {
    let world = singly().await;
    let identity = world.reader("a", "AKIAONE").await;
    let _fault = world
        .aws
        .inject(When::operation("GetSecretValue"), Fault::internal());
    let retry = Retry {
        attempts: NonZeroU32::new(5),
        delay: Some(Duration::from_millis(1)),
    };
    let result = world
        .broker
        .read(&identity, Some(&retry), &current("app"), Lane::NOW, false)
        .await;
    assert_eq!(
        (result.unwrap_err().class, world.count("GetSecretValue")),
        (Class::Transient, 5)
    );
}

#[tokio::test]
async fn a_service_that_never_answers_is_given_up() {
    let world = World::with(|settings| settings.timeouts.call = Duration::from_millis(200)).await;
    let identity = world.reader("a", "AKIAONE").await;
    let _fault = world
        .aws
        .inject(When::operation("GetSecretValue"), Fault::Silence);
    let error = world.urgent(&identity, "app").await.unwrap_err();
    assert_eq!(
        (error.class, error.text.as_str()),
        (Class::Transient, "GetSecretValue failed: no answer in time")
    );
    assert_eq!(world.count("GetSecretValue"), 1, "waiting belongs to the queue");
}

#[tokio::test]
async fn an_endpoint_that_is_down_is_transient() {
    let world = World::with(|settings| {
        settings.endpoints.secrets_manager = Some("http://127.0.0.1:1".to_owned());
    })
    .await;
    let identity = world.reader("a", "AKIAONE").await;
    let error = world.urgent(&identity, "app").await.unwrap_err();
    assert_eq!(error.class, Class::Transient, "{error}");
}

#[tokio::test]
async fn equal_reads_that_wait_become_one_and_none_joins_one_that_was_sent() {
    let world = World::with(|settings| {
        settings.batch = Batch::Off;
        settings.limits.calls_per_identity = 1;
    })
    .await;
    let identity = world.reader("a", "AKIAONE").await;
    for id in ["app", "blocker"] {
        world.aws.home().put_secret(id, "value");
    }
    let fault = world.aws.inject(
        When::operation("GetSecretValue").on("blocker"),
        Fault::Latency(Duration::from_millis(300)),
    );
    let blocker = async { world.text(&identity, "blocker").await };
    let waiting = async {
        world.called("GetSecretValue", 1).await;
        futures::future::join_all((0..20).map(|_| world.text(&identity, "app"))).await
    };
    let (_, values) = tokio::join!(blocker, waiting);
    drop(fault);
    assert!(values.iter().all(|value| value == "value"));
    assert_eq!(
        world
            .aws
            .calls()
            .count(&When::operation("GetSecretValue").on("app")),
        1
    );
    assert!((world.metric("keyferry_aws_calls_saved_total", &["coalescing"]) - 19.0).abs() < 0.1);

    world.aws.calls().forget();
    let _fault = world.aws.inject_times(
        1,
        When::operation("GetSecretValue").on("app"),
        Fault::Latency(Duration::from_millis(300)),
    );
    let first = async { world.text(&identity, "app").await };
    let second = async {
        world.called("GetSecretValue", 1).await;
        world.text(&identity, "app").await
    };
    tokio::join!(first, second);
    assert_eq!(world.count("GetSecretValue"), 2);
}

#[tokio::test]
async fn calls_in_flight_are_bounded_by_identity_and_in_all() {
    let world = World::with(|settings| {
        settings.batch = Batch::Off;
        settings.limits.calls = 10;
        settings.timeouts.call = Duration::from_secs(30);
    })
    .await;
    let _fault = world
        .aws
        .inject(When::operation("GetSecretValue"), Fault::Silence);
    let mut tasks = Vec::new();
    for namespace in ["a", "b"] {
        let identity = world.reader(namespace, &format!("AKIA{namespace}")).await;
        for number in 0..20 {
            let (broker, identity) = (world.broker.clone(), Arc::clone(&identity));
            tasks.push(tokio::spawn(async move {
                let read = current(&format!("app-{number}"));
                drop(broker.read(&identity, None, &read, Lane::NOW, false).await);
            }));
        }
        if namespace == "a" {
            world.called("GetSecretValue", 8).await;
        }
    }
    world.called("GetSecretValue", 10).await;
    let by = |key: &str| {
        world
            .aws
            .calls()
            .count(&When::operation("GetSecretValue").by(key))
    };
    assert_eq!((by("AKIAa"), by("AKIAb")), (8, 2));
    tasks.iter().for_each(tokio::task::JoinHandle::abort);
}

#[tokio::test]
async fn an_account_that_waits_for_its_quota_takes_no_room_from_others() {
    let world = World::with(|settings| {
        settings.batch = Batch::Off;
        settings.quotas = vec![("GetSecretValue".to_owned(), 1)];
        settings.limits.held_bytes = 2 * 64 * 1024;
        settings.timeouts.room = Duration::from_millis(500);
    })
    .await;
    world.keys("slow", "AKIASLOW");
    world.aws.add_access_key("AKIAFAST", "222222222222", "fast");
    let fast = world.reader("fast", "AKIAFAST").await;
    let vault = world.aws.vault("222222222222", "us-east-1");
    vault.put_secret("app", "value");
    let mut tasks = vec![];
    for number in 0..4 {
        let aws = AwsProvider {
            role: Some(format!("arn:aws:iam::111111111111:role/slow-{number}")),
            ..with_keys()
        };
        let (broker, slow) = (world.broker.clone(), world.identity(&aws, "slow").await.unwrap());
        tasks.push(tokio::spawn(async move {
            drop(broker.read(&slow, None, &current("app"), Lane::NOW, false).await);
        }));
    }
    let of_slow = When::operation("GetSecretValue").by("role/slow-");
    until(|| world.count("AssumeRole") == 4 && world.aws.calls().count(&of_slow) >= 1).await;
    assert_eq!(world.text(&fast, "app").await, "value");
    tasks.iter().for_each(tokio::task::JoinHandle::abort);
}

#[tokio::test]
async fn reads_that_nobody_waits_for_any_more_are_not_sent() {
    let world = World::with(|settings| {
        settings.batch = Batch::Off;
        settings.limits.calls_per_identity = 1;
    })
    .await;
    let identity = world.reader("a", "AKIAONE").await;
    let fault = world.aws.inject(
        When::any().on("blocker"),
        Fault::Latency(Duration::from_millis(200)),
    );
    let (broker, blocking) = (world.broker.clone(), Arc::clone(&identity));
    let blocker = tokio::spawn(async move {
        drop(
            broker
                .read(&blocking, None, &current("blocker"), Lane::NOW, false)
                .await,
        );
    });
    world.called("GetSecretValue", 1).await;
    let (broker, leaving) = (world.broker.clone(), Arc::clone(&identity));
    let left = tokio::spawn(async move {
        drop(
            broker
                .read(&leaving, None, &current("app"), Lane::NOW, false)
                .await,
        );
    });
    tokio::task::yield_now().await;
    left.abort();
    blocker.await.unwrap();
    drop(fault);
    drop(world.urgent(&identity, "last").await);
    assert_eq!(world.aws.calls().count(&When::any().on("app")), 0);
}

/// There is room for one answer of unknown size, and a read that finds none gives up soon.
async fn room_for_one() -> World {
    World::with(|settings| {
        settings.batch = Batch::Off;
        settings.limits.held_bytes = 64 * 1024;
        settings.timeouts.room = Duration::from_millis(50);
    })
    .await
}

#[tokio::test]
async fn an_answer_holds_room_until_it_is_dropped() {
    let world = room_for_one().await;
    let identity = world.reader("a", "AKIAONE").await;
    world.aws.home().put_secret("large", "x".repeat(60_000));
    let held = world.urgent(&identity, "large").await.unwrap();
    assert_eq!(
        world.urgent(&identity, "large").await.unwrap_err().class,
        Class::Transient
    );
    drop(held);
    assert!(world.urgent(&identity, "large").await.is_ok());
}

#[tokio::test]
async fn an_attempt_that_failed_gives_its_room_back_before_the_next_one() {
    let world = room_for_one().await;
    let identity = world.reader("a", "AKIAONE").await;
    world.aws.home().put_secret("app", "value");
    let met = world
        .aws
        .inject_times(1, When::any().on("app"), Fault::internal());
    // The second attempt finds room only where the first has none any more.
    assert_eq!(world.text(&identity, "app").await, "value");
    assert_eq!((met.calls_met(), world.count("GetSecretValue")), (1, 2));
}

#[tokio::test]
async fn endpoints_of_our_own_keep_the_stores_region_in_the_signature() {
    let world = World::start().await;
    world.keys("a", "AKIAONE");
    let aws = AwsProvider {
        region: "cn-north-1".to_owned(),
        ..with_keys()
    };
    let identity = world.identity(&aws, "a").await.unwrap();
    assert_eq!(identity.partition(), "aws-cn");
    drop(world.urgent(&identity, "app").await);
    let call = &world.aws.calls().matching(&When::operation("GetSecretValue"))[0];
    assert_eq!(call.region.as_deref(), Some("cn-north-1"));
}

#[tokio::test]
async fn what_is_not_read_yet_is_refused_and_not_ignored() {
    let world = World::start().await;
    let identity = world.reader("a", "AKIAONE").await;
    let read = Read {
        service: AwsService::CertificateManager,
        ..current("app")
    };
    let error: Error = world
        .broker
        .read(&identity, None, &read, Lane::NOW, false)
        .await
        .unwrap_err();
    assert_eq!(error.class, Class::Config);
}

#[tokio::test]
async fn tags_are_a_json_object_and_those_of_a_deleted_secret_are_missing() {
    let world = World::start().await;
    let identity = world.reader("a", "AKIAONE").await;
    let vault = world.aws.home();
    for id in ["app", "bare", "marked"] {
        vault.put_secret(id, "value");
    }
    vault.tag_secret("app", "team", "red & blue");
    vault.tag_secret("app", "env", "prod");
    vault.mark_for_deletion("marked");
    let tags = async |id: &str| {
        let read = Read {
            aspect: Aspect::Tags,
            ..current(id)
        };
        let answer = world.broker.read(&identity, None, &read, Lane::NOW, false).await;
        answer.map(|answer| text(&answer)).map_err(|error| error.class)
    };
    assert_eq!(
        tags("app").await,
        Ok(r#"{"env":"prod","team":"red \u0026 blue"}"#.to_owned())
    );
    assert_eq!(tags("bare").await, Ok("{}".to_owned()));
    assert_eq!(tags("absent").await, Err(Class::Missing(Absence::NotFound)));
    assert_eq!(
        tags("marked").await,
        Err(Class::Missing(Absence::MarkedForDeletion))
    );
    assert_eq!(world.count("DescribeSecret"), 4);
}

#[tokio::test]
async fn an_answer_larger_than_any_of_awss_is_cut() {
    let world = singly().await;
    let identity = world.reader("a", "AKIAONE").await;
    world.aws.home().put_secret("huge", "x".repeat(9 * 1024 * 1024));
    assert_eq!(
        world.urgent(&identity, "huge").await.unwrap_err().class,
        Class::Transient
    );
}

#[tokio::test]
async fn one_throttled_account_does_not_slow_another() {
    let world = World::with(|settings| {
        settings.batch = Batch::Off;
        settings.quotas = vec![("GetSecretValue".to_owned(), 50)];
    })
    .await;
    world.aws.add_access_key("AKIASLOW", "111111111111", "slow");
    world.aws.add_access_key("AKIAFAST", "222222222222", "fast");
    let (slow, fast) = (
        world.reader("slow", "AKIASLOW").await,
        world.reader("fast", "AKIAFAST").await,
    );
    world
        .aws
        .vault("222222222222", "us-east-1")
        .put_secret("app", "value");
    let _fault = world.aws.inject(
        When::operation("GetSecretValue").by("AKIASLOW"),
        Fault::Throttle { per_second: 1 },
    );
    let tasks: Vec<_> = (0..40)
        .map(|number| {
            let (broker, slow) = (world.broker.clone(), Arc::clone(&slow));
            tokio::spawn(async move {
                drop(
                    broker
                        .read(&slow, None, &current(&format!("app-{number}")), Lane::NOW, false)
                        .await,
                );
            })
        })
        .collect();
    until(|| world.metric("keyferry_aws_throttles_total", &["GetSecretValue"]) >= 1.0).await;
    for _ in 0..40 {
        assert_eq!(world.text(&fast, "app").await, "value");
    }
    tasks.iter().for_each(tokio::task::JoinHandle::abort);
}

#[tokio::test]
async fn an_identity_that_nobody_answers_leaves_the_calls_to_others() {
    let world = World::with(|settings| {
        settings.batch = Batch::Off;
        settings.limits.calls = 10;
        settings.timeouts.call = Duration::from_millis(300);
    })
    .await;
    let (silent, other) = (
        world.reader("silent", "AKIASILENT").await,
        world.reader("other", "AKIAOTHER").await,
    );
    world.aws.home().put_secret("app", "value");
    let _fault = world.aws.inject(When::any().by("AKIASILENT"), Fault::Silence);
    let ids: Vec<_> = (0..16).map(|number| format!("app-{number}")).collect();
    let silence = futures::future::join_all(ids.iter().map(|id| world.urgent(&silent, id)));
    let speech = async {
        world.called("GetSecretValue", 8).await;
        for _ in 0..20 {
            assert_eq!(world.text(&other, "app").await, "value");
        }
    };
    let (answers, ()) = tokio::join!(silence, speech);
    assert!(answers.iter().all(|answer| {
        answer
            .as_ref()
            .is_err_and(|error| error.class == Class::Transient)
    }));
}
