//! Tenants never see each other's values.

use std::sync::Arc;

use futures::future::join_all;
use keyferry_parts::fake_aws::SecretValue;
use proptest::{
    prelude::*,
    test_runner::{Config, TestRunner},
};

use crate::{
    api::secret_store::AwsProvider,
    aws::{
        Lane,
        testing::{World, current, parameter, text, with_account, with_keys},
    },
};

/// Values say who read them.
fn by_caller() -> SecretValue {
    SecretValue::ByCaller(Arc::new(|caller| {
        caller.role.clone().unwrap_or_else(|| caller.arn.clone())
    }))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_thousand_interleaved_reads_of_two_tenants_with_the_same_secret_names_stay_apart() {
    let world = World::start().await;
    let roles = [
        "arn:aws:iam::111111111111:role/tenant",
        "arn:aws:iam::222222222222:role/tenant",
    ];
    let tenants = ["red", "blue"];
    for ((tenant, role), account) in tenants.iter().zip(roles).zip(["111111111111", "222222222222"]) {
        world
            .kube
            .account(tenant, "reader", &[("eks.amazonaws.com/role-arn", role)]);
        for number in 0..10 {
            world
                .aws
                .vault(account, "us-east-1")
                .put_secret(&format!("app-{number}"), by_caller());
        }
    }
    let (world, aws) = (&world, &with_account("reader"));
    let reads = (0..1000usize).map(|number| {
        let (tenant, role) = if number % 2 == 0 {
            (tenants[0], roles[0])
        } else {
            (tenants[1], roles[1])
        };
        let lane = if number % 3 == 0 {
            Lane::NOW
        } else {
            Lane::Periodic {
                patience: std::time::Duration::from_millis(250),
            }
        };
        async move {
            let identity = world.identity(aws, tenant).await.unwrap();
            let read = current(&format!("app-{}", (number / 2) % 10));
            let answer = world
                .broker
                .read(&identity, None, &read, lane, number % 7 == 0)
                .await
                .unwrap();
            assert_eq!(text(&answer), role);
        }
    });
    join_all(reads).await;
    assert_eq!(world.count("AssumeRoleWithWebIdentity"), 2);
}

#[tokio::test]
async fn roles_of_one_account_stay_apart_too() {
    let world = World::start().await;
    world.keys("a", "AKIAONE");
    world
        .aws
        .vault("111111111111", "us-east-1")
        .put_secret("app", by_caller());
    let (world, count) = (&world, 40usize);
    let reads = (0..count).map(|number| async move {
        let role = format!("arn:aws:iam::111111111111:role/tenant-{}", number % 8);
        let aws = AwsProvider {
            role: Some(role.clone()),
            ..with_keys()
        };
        let identity = world.identity(&aws, "a").await.unwrap();
        assert_eq!(world.text(&identity, "app").await, role);
    });
    join_all(reads).await;
    assert_eq!(world.count("AssumeRole"), 8);
}

const ROLES: [&str; 3] = [
    "arn:aws:iam::111111111111:role/tenant",
    "arn:aws:iam::222222222222:role/tenant",
    "arn:aws:iam::333333333333:role/tenant",
];

/// Whoever reads what from which service, under names that are the same everywhere, gets what is theirs there.
#[test]
fn no_interleaving_of_tenants_and_services_mixes_their_values() {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .unwrap();
    let world = runtime.block_on(async {
        let world = World::start().await;
        for (number, role) in ROLES.iter().enumerate() {
            let annotation = [("eks.amazonaws.com/role-arn", *role)];
            world
                .kube
                .account(&format!("tenant-{number}"), "reader", &annotation);
            let account = role.split(':').nth(4).unwrap();
            let vault = world.aws.vault(account, "us-east-1");
            for id in 0..12 {
                vault.put_secret(&format!("app-{id}"), by_caller());
                vault.put_parameter(&format!("app-{id}"), &format!("parameter of {role}"));
            }
        }
        world
    });
    let reads = prop::collection::vec((0..ROLES.len(), any::<bool>(), 0..12u8, 0..3u8), 1..150);
    let config = Config {
        cases: 24,
        failure_persistence: None,
        ..Config::default()
    };
    let outcome = TestRunner::new(config).run(&reads, |reads| {
        let aws = with_account("reader");
        let (world, aws) = (&world, &aws);
        let answers = runtime.block_on(join_all(reads.into_iter().map(
            async |(tenant, of_secrets, id, how)| {
                let identity = world.identity(aws, &format!("tenant-{tenant}")).await.unwrap();
                let id = format!("app-{id}");
                let read = if of_secrets { current(&id) } else { parameter(&id) };
                let lane = match how {
                    0 => Lane::NOW,
                    _ => Lane::Periodic {
                        patience: std::time::Duration::from_millis(250),
                    },
                };
                let answer = world.broker.read(&identity, None, &read, lane, how == 2).await;
                (tenant, of_secrets, text(&answer.unwrap()))
            },
        )));
        for (tenant, of_secrets, value) in answers {
            let role = ROLES[tenant];
            let wanted = if of_secrets {
                role.to_owned()
            } else {
                format!("parameter of {role}")
            };
            prop_assert_eq!(value, wanted);
        }
        Ok(())
    });
    outcome.unwrap();
}
