//! Parameter Store: what comes back, how reads travel together, and what one name that may not be read does to the others.

use std::{sync::Arc, time::Duration};

use futures::future::join_all;
use keyferry_parts::{Fault, When, fake_aws::Denied};

use crate::{
    api::external_secret::StoreKind,
    aws::{
        Absence, Answer, Aspect, Batch, Class, Error, Identity, Lane, Read, Version,
        testing::{World, current, parameter, text, until},
    },
};

const SOON: Lane = Lane::Periodic {
    patience: Duration::from_millis(250),
};

async fn parameters(world: &World, count: usize) -> (Arc<Identity>, Vec<String>) {
    let identity = world.reader("a", "AKIAONE").await;
    let ids: Vec<_> = (0..count).map(|number| format!("/app/{number}")).collect();
    for id in &ids {
        world
            .aws
            .home()
            .put_secure_parameter(id, &format!("value of {id}"));
    }
    (identity, ids)
}

async fn results(world: &World, identity: &Arc<Identity>, ids: &[String]) -> Vec<Result<Arc<Answer>, Error>> {
    let reads = ids.iter().map(|id| async move {
        let read = parameter(id);
        world.broker.read(identity, None, &read, SOON, false).await
    });
    join_all(reads).await
}

async fn all(world: &World, identity: &Arc<Identity>, ids: &[String]) -> Vec<String> {
    let answers = results(world, identity, ids).await;
    answers.into_iter().map(|answer| text(&answer.unwrap())).collect()
}

fn expected(ids: &[String]) -> Vec<String> {
    ids.iter().map(|id| format!("value of {id}")).collect()
}

fn deny(world: &World, action: &str, resource: Option<&str>) {
    world.aws.deny(Denied {
        action: action.to_owned(),
        resource: resource.map(str::to_owned),
        ..Denied::default()
    });
}

/// Joint and single calls so far.
fn calls(world: &World) -> (usize, usize) {
    (world.count("GetParameters"), world.count("GetParameter"))
}

#[tokio::test]
async fn versions_labels_arns_lists_and_references_come_back() {
    let world = World::start().await;
    let identity = world.reader("a", "AKIAONE").await;
    let vault = world.aws.home();
    vault.put_secure_parameter("/app/db", "one");
    vault.put_secure_parameter("/app/db", "two");
    vault.label_parameter("/app/db", 1, "stable");
    vault.put_parameter_list("/app/hosts", "a,b,c");
    vault.put_secret("app", "of a secret");
    let read = async |id: &str, selector: Option<&str>| {
        let read = Read {
            version: Version::Selector(selector.map(str::to_owned)),
            ..parameter(id)
        };
        world
            .broker
            .read(&identity, None, &read, Lane::NOW, false)
            .await
            .unwrap()
    };
    let now = read("/app/db", None).await;
    assert_eq!(
        (text(&now), now.version_id.as_deref(), now.stage.as_deref()),
        ("two".to_owned(), Some("2"), None)
    );
    assert_eq!(now.arn, vault.parameter_arn("/app/db"));
    for selector in ["1", "stable"] {
        let old = read("/app/db", Some(selector)).await;
        assert_eq!(
            (text(&old), old.version_id.as_deref(), old.stage.as_deref()),
            ("one".to_owned(), Some("1"), Some(selector))
        );
    }
    assert_eq!(text(&*read("/app/db", Some("")).await), "two");
    assert_eq!(text(&*read("/app/db:stable", None).await), "one");
    assert_eq!(
        text(&*read(&vault.parameter_arn("/app/db").unwrap(), None).await),
        "two"
    );
    assert_eq!(text(&*read("/app/hosts", None).await), "a,b,c");
    let reference = read("/aws/reference/secretsmanager/app", None).await;
    assert_eq!(
        (text(&reference), reference.version_id.clone()),
        ("of a secret".to_owned(), None)
    );
}

/// Differs: docs/differences.md#missing-version.
#[tokio::test]
async fn absence_is_told_only_by_an_explicit_answer() {
    let world = World::start().await;
    let (identity, ids) = parameters(&world, 2).await;
    deny(&world, "ssm:GetParameter", Some("/app/1"));
    let class = async |read: Read| {
        let result = world.broker.read(&identity, None, &read, Lane::NOW, false).await;
        result.unwrap_err().class
    };
    assert_eq!(
        class(parameter("/absent")).await,
        Class::Missing(Absence::NotFound)
    );
    assert_eq!(
        class(parameter("/aws/reference/secretsmanager/absent")).await,
        Class::Missing(Absence::NotFound)
    );
    assert_eq!(class(parameter(&ids[1])).await, Class::Denied);
    let version = Read {
        version: Version::Selector(Some("7".to_owned())),
        ..parameter(&ids[0])
    };
    assert_eq!(class(version).await, Class::Missing(Absence::NotFound));
    let batch = [ids[0].clone(), "/absent".to_owned()];
    let answers = results(&world, &identity, &batch).await;
    assert_eq!(world.count("GetParameters"), 1);
    assert_eq!(text(answers[0].as_ref().unwrap()), "value of /app/0");
    assert_eq!(
        answers[1].as_ref().unwrap_err().class,
        Class::Missing(Absence::NotFound)
    );
}

#[tokio::test]
async fn tags_are_read_by_name() {
    let world = World::start().await;
    let (identity, ids) = parameters(&world, 1).await;
    world.aws.home().tag_parameter(&ids[0], "team", "red");
    let tags = async |id: &str| {
        let read = Read {
            aspect: Aspect::Tags,
            version: Version::Selector(Some("1".to_owned())),
            ..parameter(id)
        };
        let answer = world.broker.read(&identity, None, &read, Lane::NOW, false).await;
        answer.map(|answer| text(&answer)).map_err(|error| error.class)
    };
    assert_eq!(tags(&ids[0]).await, Ok(r#"{"team":"red"}"#.to_owned()));
    assert_eq!(tags("/absent").await, Err(Class::Missing(Absence::NotFound)));
    let arn = world.aws.home().parameter_arn(&ids[0]).unwrap();
    assert_eq!(tags(&arn).await, Err(Class::Invalid));
    let counted = world.metric(
        "externalsecret_provider_api_calls_count",
        &["AWS/ParameterStore", "ListTagsForResource", "success"],
    );
    assert!((counted - 1.0).abs() < 0.1, "{counted}");
}

#[tokio::test]
async fn a_hundred_periodic_reads_take_ten_calls() {
    let world = World::start().await;
    let (identity, ids) = parameters(&world, 100).await;
    assert_eq!(all(&world, &identity, &ids).await, expected(&ids));
    assert_eq!(calls(&world), (10, 0));
    let counted = world.metric(
        "externalsecret_provider_api_calls_count",
        &["AWS/ParameterStore", "GetParameters", "success"],
    );
    assert!((counted - 10.0).abs() < 0.1, "{counted}");
}

#[tokio::test]
async fn ids_of_one_parameter_do_not_travel_together_and_map_back_to_their_reads() {
    let world = World::start().await;
    let (identity, mut ids) = parameters(&world, 3).await;
    world.aws.home().put_parameter("flat", "value of flat");
    ids.push("flat".to_owned());
    ids.push("/flat".to_owned());
    ids.push(world.aws.home().parameter_arn("/app/0").unwrap());
    let values = all(&world, &identity, &ids).await;
    assert_eq!((&values[3], &values[5]), (&values[4], &values[0]));
    for call in world.aws.calls().matching(&When::operation("GetParameters")) {
        let names = call.texts("Names");
        assert!(names.iter().filter(|name| name.ends_with("flat")).count() <= 1);
        assert!(names.iter().filter(|name| name.ends_with("/app/0")).count() <= 1);
    }
}

#[tokio::test]
async fn one_denied_name_is_read_singly_for_an_hour_and_the_others_travel_on() {
    let world = World::start().await;
    let (identity, ids) = parameters(&world, 10).await;
    for action in ["ssm:GetParameter", "ssm:GetParameters"] {
        deny(&world, action, Some("/app/3"));
    }
    let verdict = |answers: Vec<Result<Arc<Answer>, Error>>| {
        for (number, answer) in answers.into_iter().enumerate() {
            match answer {
                Ok(answer) => assert_eq!(text(&answer), format!("value of /app/{number}")),
                Err(error) => assert_eq!((number, error.class), (3, Class::Denied)),
            }
        }
    };
    verdict(results(&world, &identity, &ids).await);
    assert_eq!(calls(&world), (1, 10));
    world.aws.calls().forget();
    verdict(results(&world, &identity, &ids).await);
    assert_eq!(calls(&world), (1, 1), "nine together, one apart");
    assert!(world.broker.missing_actions(&identity).is_empty());
}

#[tokio::test]
async fn a_role_without_the_batch_permission_reads_singly_and_says_so() {
    let world = World::start().await;
    let (identity, ids) = parameters(&world, 20).await;
    deny(&world, "ssm:GetParameters", None);
    assert_eq!(all(&world, &identity, &ids).await, expected(&ids));
    assert_eq!(all(&world, &identity, &ids).await, expected(&ids));
    assert_eq!(calls(&world), (1, 40), "one probe");
    assert_eq!(world.broker.missing_actions(&identity), ["ssm:GetParameters"]);

    world.aws.allow_everything();
    world.aws.calls().forget();
    world
        .broker
        .store_changed(StoreKind::SecretStore, Some("a"), "store");
    assert_eq!(all(&world, &identity, &ids).await, expected(&ids));
    assert_eq!(calls(&world), (2, 0), "a changed store is probed again");
    assert!(world.broker.missing_actions(&identity).is_empty());
}

#[tokio::test]
async fn a_role_without_one_services_batches_keeps_the_others() {
    let world = World::start().await;
    let (identity, ids) = parameters(&world, 5).await;
    deny(&world, "ssm:GetParameters", None);
    all(&world, &identity, &ids).await;
    for number in 0..5 {
        world.aws.home().put_secret(&format!("app-{number}"), "value");
    }
    let secrets = (0..5).map(|number| {
        let (world, identity) = (&world, &identity);
        async move {
            let read = current(&format!("app-{number}"));
            world
                .broker
                .read(identity, None, &read, SOON, false)
                .await
                .unwrap()
        }
    });
    join_all(secrets).await;
    assert_eq!(
        (world.count("BatchGetSecretValue"), world.count("GetSecretValue")),
        (1, 0)
    );
}

#[tokio::test]
async fn a_batch_that_is_throttled_is_not_replayed_singly_for_both_share_a_quota() {
    let world = World::start().await;
    let (identity, ids) = parameters(&world, 5).await;
    let fault = world.aws.inject(
        When::operation("GetParameters"),
        Fault::error(400, "ThrottlingException", "Rate exceeded"),
    );
    for answer in results(&world, &identity, &ids).await {
        assert_eq!(answer.unwrap_err().class, Class::Throttled);
    }
    drop(fault);
    assert_eq!(calls(&world), (2, 0));
    assert_eq!(all(&world, &identity, &ids).await, expected(&ids));
}

#[tokio::test]
async fn a_batch_that_fails_as_a_whole_is_read_singly() {
    let world = World::start().await;
    let (identity, ids) = parameters(&world, 5).await;
    for fault in [
        Fault::internal(),
        Fault::error(400, "ValidationException", ""),
        Fault::error(400, "InvalidKeyId", ""),
    ] {
        world.aws.calls().forget();
        let in_force = world.aws.inject(When::operation("GetParameters"), fault.clone());
        assert_eq!(all(&world, &identity, &ids).await, expected(&ids), "{fault:?}");
        drop(in_force);
        assert_eq!(world.count("GetParameter"), 5, "{fault:?}");
        world
            .broker
            .store_changed(StoreKind::SecretStore, Some("a"), "store");
    }
}

#[tokio::test]
async fn batching_can_be_switched_off() {
    let world = World::with(|settings| settings.batch = Batch::Off).await;
    let (identity, ids) = parameters(&world, 12).await;
    assert_eq!(all(&world, &identity, &ids).await, expected(&ids));
    assert_eq!(calls(&world), (0, 12));
}

#[tokio::test]
async fn a_change_while_a_read_is_on_its_way_is_seen_by_the_next() {
    let world = World::start().await;
    let (identity, ids) = parameters(&world, 1).await;
    let fault = world.aws.inject_times(
        1,
        When::operation("GetParameter"),
        Fault::Latency(Duration::from_millis(300)),
    );
    let first = async { world.parameter(&identity, &ids[0]).await.unwrap() };
    let second = async {
        until(|| world.count("GetParameter") == 1).await;
        world.aws.home().put_secure_parameter(&ids[0], "changed");
        text(&world.parameter(&identity, &ids[0]).await.unwrap())
    };
    let (_, value) = tokio::join!(first, second);
    drop(fault);
    assert_eq!((value.as_str(), world.count("GetParameter")), ("changed", 2));
}

#[tokio::test]
async fn a_secret_and_a_parameter_of_one_name_stay_apart() {
    let world = World::start().await;
    let identity = world.reader("a", "AKIAONE").await;
    world.aws.home().put_secret("app", "of the secret");
    world.aws.home().put_parameter("app", "of the parameter");
    let both = join_all((0..50).map(|number| {
        let (world, identity) = (&world, &identity);
        async move {
            if number % 2 == 0 {
                (world.text(identity, "app").await, "of the secret")
            } else {
                (
                    text(&world.parameter(identity, "app").await.unwrap()),
                    "of the parameter",
                )
            }
        }
    }));
    for (value, wanted) in both.await {
        assert_eq!(value, wanted);
    }
}

#[tokio::test]
async fn a_thousand_parameters_under_the_default_quota_take_hardly_more_calls_than_they_must() {
    let world = World::start().await;
    let (identity, ids) = parameters(&world, 1_000).await;
    let _quota = world.aws.inject(When::any(), Fault::Throttle { per_second: 40 });
    let reads = ids.iter().map(|id| world.parameter(&identity, id));
    let values: Vec<_> = join_all(reads)
        .await
        .into_iter()
        .map(|answer| text(&answer.unwrap()))
        .collect();
    assert_eq!(values, expected(&ids));
    let (together, singly) = calls(&world);
    assert!(together + singly <= 110, "{together} + {singly}");
}
