//! Reads that travel together, and what happens where they cannot.

use std::{sync::Arc, time::Duration};

use futures::future::join_all;
use keyferry_parts::{Fault, When, fake_aws::Denied};

use crate::{
    api::external_secret::StoreKind,
    aws::{
        Absence, Batch, Class, Error, Identity, Lane,
        read::Answer,
        testing::{World, current, text},
    },
};

const SOON: Lane = Lane::Periodic {
    patience: Duration::from_millis(250),
};

async fn secrets(world: &World, count: usize) -> (Arc<Identity>, Vec<String>) {
    let identity = world.reader("a", "AKIAONE").await;
    let ids: Vec<_> = (0..count).map(|number| format!("app-{number}")).collect();
    for id in &ids {
        world.aws.home().put_secret(id, format!("value of {id}"));
    }
    (identity, ids)
}

async fn periodic(world: &World, identity: &Arc<Identity>, id: &str) -> Result<Arc<Answer>, Error> {
    world.broker.read(identity, None, &current(id), SOON, false).await
}

async fn all(world: &World, identity: &Arc<Identity>, ids: &[String]) -> Vec<String> {
    let answers = join_all(ids.iter().map(|id| periodic(world, identity, id))).await;
    answers.into_iter().map(|answer| text(&answer.unwrap())).collect()
}

fn expected(ids: &[String]) -> Vec<String> {
    ids.iter().map(|id| format!("value of {id}")).collect()
}

#[tokio::test]
async fn two_hundred_periodic_reads_take_ten_calls() {
    let world = World::start().await;
    let (identity, ids) = secrets(&world, 200).await;
    assert_eq!(all(&world, &identity, &ids).await, expected(&ids));
    assert_eq!(
        (world.count("BatchGetSecretValue"), world.count("GetSecretValue")),
        (10, 0)
    );
    assert!((world.metric("keyferry_aws_calls_saved_total", &["batching"]) - 190.0).abs() < 0.1);
}

#[tokio::test]
async fn a_lone_periodic_read_waits_a_little_and_goes_singly() {
    let world = World::start().await;
    let (identity, ids) = secrets(&world, 1).await;
    assert_eq!(all(&world, &identity, &ids).await, expected(&ids));
    assert_eq!(
        (world.count("BatchGetSecretValue"), world.count("GetSecretValue")),
        (0, 1)
    );
}

#[tokio::test]
async fn an_urgent_read_leaves_at_once_and_takes_those_who_wait_along() {
    let world = World::start().await;
    let (identity, ids) = secrets(&world, 6).await;
    let (last, waiting) = ids.split_last().unwrap();
    let patient = Lane::Periodic {
        patience: Duration::from_secs(30),
    };
    let mut tasks = Vec::new();
    for id in waiting {
        let (broker, identity, read) = (world.broker.clone(), Arc::clone(&identity), current(id));
        tasks.push(tokio::spawn(async move {
            broker.read(&identity, None, &read, patient, false).await
        }));
    }
    // The tasks have run up to their wait when this one runs again.
    for _ in 0..10 {
        tokio::task::yield_now().await;
    }
    assert_eq!(world.text(&identity, last).await, format!("value of {last}"));
    for (id, task) in waiting.iter().zip(tasks) {
        assert_eq!(text(&task.await.unwrap().unwrap()), format!("value of {id}"));
    }
    assert_eq!(
        (world.count("BatchGetSecretValue"), world.count("GetSecretValue")),
        (1, 0)
    );
}

#[tokio::test]
async fn a_role_without_the_batch_permission_reads_singly_and_says_so() {
    let world = World::start().await;
    let (identity, ids) = secrets(&world, 30).await;
    world.aws.deny(Denied {
        action: "secretsmanager:BatchGetSecretValue".to_owned(),
        ..Denied::default()
    });
    assert_eq!(all(&world, &identity, &ids).await, expected(&ids));
    assert_eq!(all(&world, &identity, &ids).await, expected(&ids));
    assert_eq!(world.count("BatchGetSecretValue"), 1, "one probe");
    assert_eq!(world.count("GetSecretValue"), 60);
    assert_eq!(
        world.broker.missing_actions(&identity),
        ["secretsmanager:BatchGetSecretValue"]
    );

    world.aws.allow_everything();
    world.aws.calls().forget();
    world
        .broker
        .store_changed(StoreKind::SecretStore, Some("a"), "store");
    assert_eq!(all(&world, &identity, &ids).await, expected(&ids));
    assert!(
        world.count("BatchGetSecretValue") > 0,
        "a changed store is probed again"
    );
    assert!(world.broker.missing_actions(&identity).is_empty());
}

#[tokio::test]
async fn a_hole_is_not_an_absence() {
    let world = World::start().await;
    let (identity, ids) = secrets(&world, 5).await;
    world.aws.omit_from_batches("app-3");
    assert_eq!(all(&world, &identity, &ids).await, expected(&ids));
    assert_eq!(world.aws.calls().count(&When::operation("GetSecretValue")), 1);
    assert_eq!(
        world
            .aws
            .calls()
            .count(&When::operation("GetSecretValue").on("app-3")),
        1
    );
}

#[tokio::test]
async fn an_error_of_one_id_is_that_ids_alone() {
    let world = World::start().await;
    let (identity, mut ids) = secrets(&world, 4).await;
    world.aws.home().mark_for_deletion("app-1");
    world.aws.deny(Denied {
        action: "secretsmanager:GetSecretValue".to_owned(),
        resource: Some("app-2".to_owned()),
        ..Denied::default()
    });
    ids.push("absent".to_owned());
    let answers = join_all(ids.iter().map(|id| periodic(&world, &identity, id))).await;
    let classes: Vec<_> = answers
        .iter()
        .map(|answer| answer.as_ref().map_err(|error| error.class).err())
        .collect();
    let marked = Class::Missing(Absence::MarkedForDeletion);
    assert_eq!(
        classes,
        [
            None,
            Some(marked),
            Some(Class::Denied),
            None,
            Some(Class::Missing(Absence::NotFound))
        ]
    );
    assert_eq!(world.count("GetSecretValue"), 0);
}

#[tokio::test]
async fn all_pages_are_followed() {
    let world = World::start().await;
    let (identity, ids) = secrets(&world, 20).await;
    world.aws.page_size(6);
    assert_eq!(all(&world, &identity, &ids).await, expected(&ids));
    assert_eq!(
        (world.count("BatchGetSecretValue"), world.count("GetSecretValue")),
        (4, 0)
    );
}

#[tokio::test]
async fn a_name_and_the_arn_of_the_same_secret_do_not_travel_together() {
    let world = World::start().await;
    let (identity, mut ids) = secrets(&world, 3).await;
    ids.push(world.aws.home().secret_arn("app-0").unwrap());
    let values = all(&world, &identity, &ids).await;
    assert_eq!(values[0], values[3]);
    for call in world
        .aws
        .calls()
        .matching(&When::operation("BatchGetSecretValue"))
    {
        let both = call
            .texts("SecretIdList")
            .iter()
            .filter(|id| id.contains("app-0"))
            .count();
        assert!(both <= 1);
    }
}

#[tokio::test]
async fn a_batch_that_fails_as_a_whole_is_read_singly() {
    let world = World::start().await;
    let (identity, ids) = secrets(&world, 5).await;
    let cases = [
        Fault::error(400, "ValidationException", ""),
        Fault::internal(),
        Fault::error(400, "ThrottlingException", ""),
    ];
    for fault in cases {
        world.aws.calls().forget();
        let in_force = world
            .aws
            .inject(When::operation("BatchGetSecretValue"), fault.clone());
        assert_eq!(all(&world, &identity, &ids).await, expected(&ids), "{fault:?}");
        drop(in_force);
        assert_eq!(world.count("GetSecretValue"), 5, "{fault:?}");
        world
            .broker
            .store_changed(StoreKind::SecretStore, Some("a"), "store");
    }
}

#[tokio::test]
async fn batches_that_keep_failing_are_left_off_for_a_while() {
    let world = World::start().await;
    let (identity, ids) = secrets(&world, 5).await;
    let _fault = world
        .aws
        .inject(When::operation("BatchGetSecretValue"), Fault::Cut);
    let mut rounds = 0;
    while join_all(ids.iter().map(|id| periodic(&world, &identity, id)))
        .await
        .iter()
        .any(Result::is_err)
    {
        rounds += 1;
        assert!(rounds < 5, "reads must get through without batches");
    }
}

#[tokio::test]
async fn single_reads_and_pinned_versions_travel_alone() {
    let world = World::start().await;
    let (identity, ids) = secrets(&world, 4).await;
    let singles = ids.iter().map(|id| {
        let (broker, identity) = (&world.broker, &identity);
        async move {
            broker
                .read(identity, None, &current(id), Lane::NOW, true)
                .await
                .unwrap()
        }
    });
    join_all(singles).await;
    assert_eq!(
        (world.count("BatchGetSecretValue"), world.count("GetSecretValue")),
        (0, 4)
    );
}

#[tokio::test]
async fn batching_can_be_switched_off() {
    let world = World::with(|settings| settings.batch = Batch::Off).await;
    let (identity, ids) = secrets(&world, 25).await;
    assert_eq!(all(&world, &identity, &ids).await, expected(&ids));
    assert_eq!(
        (world.count("BatchGetSecretValue"), world.count("GetSecretValue")),
        (0, 25)
    );
}
