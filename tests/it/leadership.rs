//! Several replicas: one works, the others stand by; and two that work at once do no harm.

use k8s_openapi::api::coordination::v1::Lease;
use kube::{
    Api,
    api::{Patch, PatchParams, PostParams},
};
use serde_json::json;

use crate::world::{Operator, Space, Start, until};

/// A replica of the operator of class `class`, whose Lease has that name too.
fn replica(class: &str, lease_seconds: u32) -> Start {
    Start {
        class: Some(class.to_owned()),
        arguments: vec![
            "--enable-leader-election".to_owned(),
            format!("--leader-election-id={class}"),
            format!("--leader-election-lease-duration={lease_seconds}s"),
            format!("--leader-election-renew-deadline={}s", lease_seconds / 2),
            "--leader-election-retry-period=200ms".to_owned(),
        ],
        ..Start::default()
    }
}

async fn leads(operator: &Operator, lease: &str, wanted: bool) {
    let line = format!(
        "leader_election_master_status{{name=\"{lease}\"}} {}",
        u8::from(wanted)
    );
    until(&line, || async {
        let metrics = operator.metrics().await;
        if metrics.contains(&line) {
            Ok(())
        } else {
            Err(operator.log())
        }
    })
    .await;
}

/// Writes by operators in this space, as verb, resource and name.
fn writes(space: &Space, since: keyferry_parts::audit::Mark) -> Vec<String> {
    let ours = space.writes(since).into_iter();
    ours.map(|r| {
        let name = r.object.as_ref().map_or("", |object| &object.name);
        format!("{} {} {name}", r.verb, r.resource())
    })
    .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_standby_takes_over_from_a_leader_that_was_killed_and_asks_aws_for_nothing_that_is_fresh() {
    let space = Space::unserved().await;
    space.store_of("taken-over").await;
    space.put("fresh", "v").await;
    let start = replica("taken-over", 8);
    let leader = Operator::start(&start, "taken-over-1").await;
    leads(&leader, "taken-over", true).await;
    let standby = Operator::start(&start, "taken-over-2").await;
    leads(&standby, "taken-over", false).await;
    space.apply("fresh", space.one("fresh", "1h")).await;
    space.holds("fresh", &[("v", "v")]).await;
    space.ready("fresh", "True").await;
    assert!(
        !standby.log().contains("the first lists are in"),
        "a standby that is Ready watches nothing"
    );
    let reads = space.reads("fresh");

    leader.kill().await;
    leads(&standby, "taken-over", true).await;
    space.put("new", "v").await;
    space.apply("new", space.one("new", "1h")).await;
    space.holds("new", &[("v", "v")]).await;
    until("the fresh object to have had its turn", || async {
        let metrics = standby.metrics().await;
        let turns = format!(
            "externalsecret_sync_calls_total{{name=\"fresh\",namespace=\"{}\"}}",
            space.namespace
        );
        if metrics.contains(&turns) {
            Ok(())
        } else {
            Err(metrics)
        }
    })
    .await;
    assert_eq!(space.reads("fresh"), reads);
    standby.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn sigterm_gives_the_lease_back_so_that_nobody_waits_for_it_to_run_out() {
    let space = Space::unserved().await;
    space.store_of("handed-over").await;
    // Longer than the test's deadline: only a Lease that was given back can be taken.
    let start = replica("handed-over", 600);
    let leader = Operator::start(&start, "handed-over-1").await;
    leads(&leader, "handed-over", true).await;
    let standby = Operator::start(&start, "handed-over-2").await;
    assert!(leader.stop().await.success());
    leads(&standby, "handed-over", true).await;
    space.put("k", "v").await;
    space.apply("app", space.one("k", "1h")).await;
    space.holds("app", &[("v", "v")]).await;
    standby.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_leader_whose_lease_was_taken_stops_at_once_and_says_who_took_it() {
    let space = Space::unserved().await;
    let mut leader = Operator::start(&replica("stolen", 600), "stolen").await;
    leads(&leader, "stolen", true).await;
    let leases: Api<Lease> = Api::default_namespaced(space.client.clone());
    let theft = json!({ "spec": { "holderIdentity": "thief" } });
    leases
        .patch("stolen", &PatchParams::default(), &Patch::Merge(theft))
        .await
        .unwrap();
    assert_eq!(leader.ended().await.code(), Some(1));
    let log = leader.log();
    assert!(log.contains("held by \"thief\""), "{log}");
    let lease = leases.get("stolen").await.unwrap().spec.unwrap();
    assert_eq!(
        lease.holder_identity.as_deref(),
        Some("thief"),
        "it is not given back by who lost it"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lease_that_another_holds_is_waited_for_however_old_its_time_says_it_is() {
    let space = Space::unserved().await;
    let leases: Api<Lease> = Api::default_namespaced(space.client.clone());
    let lease = json!({
        "metadata": { "name": "old" },
        "spec": {
            "holderIdentity": "other", "leaseDurationSeconds": 600, "renewTime": "2020-01-01T00:00:00.000000Z",
        },
    });
    let lease: Lease = serde_json::from_value(lease).unwrap();
    leases.create(&PostParams::default(), &lease).await.unwrap();
    let standby = Operator::start(&replica("old", 6), "old").await;
    until("several looks at the Lease", || {
        let requests = space
            .world
            .plane
            .audit()
            .since(keyferry_parts::audit::Mark::default());
        let looks = requests.unwrap().into_iter().filter(|r| {
            r.verb == "get"
                && r.object
                    .as_ref()
                    .is_some_and(|o| o.resource == "leases" && o.name == "old")
        });
        let looks = looks.count();
        std::future::ready(if looks >= 5 {
            Ok(())
        } else {
            Err(format!("{looks} looks"))
        })
    })
    .await;
    leads(&standby, "old", false).await;
    assert!(
        standby.stop().await.success(),
        "a standby that is stopped ends well"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn two_operators_that_work_at_once_end_with_the_right_secrets_and_settle() {
    let space = Space::unserved().await;
    space.store_of("overlap").await;
    let start = Start {
        class: Some("overlap".to_owned()),
        ..Start::default()
    };
    let mark = space.world.plane.audit().mark().unwrap();
    let both = [
        Operator::start(&start, "overlap-1").await,
        Operator::start(&start, "overlap-2").await,
    ];
    space.ready_store("aws").await;
    let names: Vec<String> = (0..10).map(|n| format!("es{n}")).collect();
    for name in &names {
        space.put(name, "first").await;
        space.apply(name, space.one(name, "1s")).await;
    }
    for name in &names {
        space.holds(name, &[("v", "first")]).await;
        space.ready(name, "True").await;
    }
    for (n, name) in names.iter().enumerate() {
        space.put(name, "second").await;
        match n % 3 {
            0 => space.edit(name, json!({ "v": "edited", "more": "added" })).await,
            1 => space.delete_secret(name).await,
            _ => {}
        }
    }
    for name in &names {
        space.holds(name, &[("v", "second")]).await;
        space.ready(name, "True").await;
    }
    polled(&space, &names, 6).await;

    let versions = async || {
        let mut versions = vec![];
        for name in &names {
            versions.push(space.secret(name).await.metadata.resource_version.unwrap());
        }
        versions
    };
    let before = versions().await;
    let settled = space.world.plane.audit().mark().unwrap();
    polled(&space, &names, 6).await;
    assert_eq!(versions().await, before);
    let mut after = writes(&space, settled);
    // A heartbeat of either, and events that waited, may come at any time.
    after.retain(|write| !write.starts_with("create events") && !write.contains("externalsecrets/status"));
    assert_eq!(after, Vec::<String>::new());
    let creates = writes(&space, mark);
    let creates = creates.iter().filter(|w| w.starts_with("create secrets")).count();
    assert!(
        creates <= 2 * (names.len() + 3),
        "{creates} POSTs by two for ten Secrets and three repairs"
    );
    for operator in both {
        operator.stop().await;
    }
}

/// Waits until each secret was read so many times more.
async fn polled(space: &Space, names: &[String], more: usize) {
    let before: Vec<_> = names.iter().map(|name| space.reads(name)).collect();
    until("more polls of each", || {
        let waiting: Vec<_> = names
            .iter()
            .zip(&before)
            .filter(|(name, before)| space.reads(name) < *before + more)
            .map(|(name, _)| name)
            .collect();
        std::future::ready(if waiting.is_empty() {
            Ok(())
        } else {
            Err(format!("{waiting:?}"))
        })
    })
    .await;
}
