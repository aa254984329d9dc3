//! What a restart costs, and what a kill at any point leaves behind.

use keyferry_parts::{CountingProxy, Fault, When};
use serde_json::json;

use crate::{
    stalling::{Hold, Stall, Stalling},
    world::{Operator, Space, Start, until},
};

/// Writes of Secrets and statuses of ExternalSecrets in a namespace, by verb and resource.
fn writes(space: &Space, since: keyferry_parts::audit::Mark) -> Vec<String> {
    let ours = space.writes(since).into_iter();
    ours.map(|r| format!("{} {}", r.verb, r.resource()))
        .filter(|w| !w.contains("event"))
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restart_with_five_hundred_fresh_objects_asks_aws_for_nothing_and_writes_nothing() {
    let space = Space::unserved().await;
    space.store_of("fresh").await;
    space.put("shared", "v").await;
    // A way to AWS of its own: whatever is asked there, the operator has asked.
    let proxy = CountingProxy::start(space.world.moto.url()).unwrap();
    let start = Start {
        class: Some("fresh".to_owned()),
        endpoint: Some(proxy.url()),
        ..Start::default()
    };
    let operator = Operator::start(&start, "fresh-1").await;
    for n in 0..500 {
        space.apply(&format!("es{n}"), space.one("shared", "1h")).await;
    }
    until("all objects to be synced", || async {
        let objects = space
            .objects()
            .list(&kube::api::ListParams::default())
            .await
            .map_err(|e| e.to_string())?;
        let synced = objects
            .items
            .iter()
            .filter(|o| o.status.as_ref().is_some_and(|s| s.refresh_time.is_some()))
            .count();
        if synced == 500 {
            Ok(())
        } else {
            Err(format!("{synced} of 500"))
        }
    })
    .await;
    operator.kill().await;
    let calls = proxy.calls().count(&When::any());
    assert!(calls > 0);
    let mark = space.world.plane.audit().mark().unwrap();
    let operator = Operator::start(&start, "fresh-2").await;
    operator.has_turned(&space, 500).await;
    assert_eq!(proxy.calls().count(&When::any()), calls, "AWS was asked");
    let writes: Vec<_> = writes(&space, mark)
        .into_iter()
        .filter(|w| !w.contains("secretstores"))
        .collect();
    assert_eq!(writes, Vec::<String>::new());
    operator.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_start_with_many_new_objects_writes_thirty_two_statuses_at_once_and_all_in_the_end() {
    let space = Space::unserved().await;
    space.store_of("statuses").await;
    space.put("shared", "v").await;
    let mut names: Vec<_> = (0..100).map(|n| format!("es{n}")).collect();
    for name in &names {
        space.apply(name, space.one("shared", "1h")).await;
    }
    let stalling = Stalling::start(space.world.plane).await;
    stalling.stall(Stall {
        method: "PATCH",
        path: "/externalsecrets/",
        hold: Hold::UntilReleased,
    });
    let start = Start {
        class: Some("statuses".to_owned()),
        kubeconfig: Some(stalling.kubeconfig()),
        ..Start::default()
    };
    let operator = Operator::start(&start, "statuses").await;
    until("thirty-two statuses under way", || {
        let waiting = stalling.waiting();
        std::future::ready(if waiting >= 32 {
            Ok(())
        } else {
            Err(waiting.to_string())
        })
    })
    .await;
    // Statuses that wait keep nobody from writing Secrets; the others have all had their turn by then.
    names.push("one-more".to_owned());
    space.apply("one-more", space.one("shared", "1h")).await;
    for name in &names {
        space.holds(name, &[("v", "v")]).await;
    }
    // All may just have been given up and others have taken their places; without a bound all would wait.
    assert!(stalling.waiting() <= 64, "{}", stalling.waiting());
    stalling.release();
    for name in &names {
        space.ready(name, "True").await;
    }
    operator.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_kill_at_any_point_ends_in_the_same_state_after_a_restart() {
    let space = Space::unserved().await;
    space.store_of("killed").await;
    let stalling = Stalling::start(space.world.plane).await;
    let through_proxy = Start {
        class: Some("killed".to_owned()),
        kubeconfig: Some(stalling.kubeconfig()),
        ..Start::default()
    };
    let direct = Start {
        kubeconfig: None,
        ..through_proxy.clone()
    };
    let points = [
        ("fetch", None),
        (
            "apply",
            Some(Stall {
                method: "POST",
                path: "/secrets",
                hold: Hold::Before,
            }),
        ),
        (
            "applied",
            Some(Stall {
                method: "POST",
                path: "/secrets",
                hold: Hold::After,
            }),
        ),
        (
            "report",
            Some(Stall {
                method: "PATCH",
                path: "/externalsecrets/",
                hold: Hold::Before,
            }),
        ),
        (
            "reported",
            Some(Stall {
                method: "PATCH",
                path: "/externalsecrets/",
                hold: Hold::After,
            }),
        ),
    ];
    for (name, stall) in points {
        space.put(name, "value").await;
        let operator = Operator::start(&through_proxy, &format!("killed-{name}")).await;
        space.ready_store("aws").await;
        let mark = space.world.plane.audit().mark().unwrap();
        if let Some(stall) = stall {
            stalling.stall(stall);
            space.apply(name, space.one(name, "1h")).await;
            stalling.held().await;
        } else {
            let _silent = space
                .world
                .proxy
                .inject(When::any().on(space.id(name)), Fault::Silence);
            space.apply(name, space.one(name, "1h")).await;
            until("the read to be on its way", || {
                std::future::ready(if space.reads(name) > 0 {
                    Ok(())
                } else {
                    Err(String::new())
                })
            })
            .await;
        }
        operator.kill().await;
        stalling.release();
        let operator = Operator::start(&direct, &format!("killed-{name}-again")).await;
        space.holds(name, &[("v", "value")]).await;
        space.ready(name, "True").await;
        // No storm: one write of each sort for each of the two operators, and one more where the first was in doubt.
        let writes = writes(&space, mark);
        let count = |wanted: &str| writes.iter().filter(|write| *write == wanted).count();
        assert_eq!(count("create secrets"), 1, "{name}: {writes:?}");
        assert!(count("patch secrets") <= 2, "{name}: {writes:?}");
        assert!(count("patch externalsecrets/status") <= 3, "{name}: {writes:?}");
        assert_eq!(count("delete secrets"), 0, "{name}: {writes:?}");
        operator.kill().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn sigterm_lets_running_syncs_end_within_the_grace_period() {
    let space = Space::unserved().await;
    space.store_of("drained").await;
    space.put("slow", "v").await;
    let start = Start {
        class: Some("drained".to_owned()),
        ..Start::default()
    };
    let operator = Operator::start(&start, "drained").await;
    space.ready_store("aws").await;
    let slow = Fault::Latency(std::time::Duration::from_secs(2));
    let _slow = space.world.proxy.inject(When::any().on(space.id("slow")), slow);
    space.apply("slow", space.one("slow", "1h")).await;
    until("the read to be on its way", || {
        std::future::ready(if space.reads("slow") > 0 {
            Ok(())
        } else {
            Err(String::new())
        })
    })
    .await;
    assert!(operator.stop().await.success());
    assert_eq!(
        space.data("slow").await.unwrap()["v"],
        "v",
        "the running sync ended"
    );
    space.ready("slow", "True").await;
}

/// Differs: docs/differences.md#template-watch.
#[tokio::test(flavor = "multi_thread")]
async fn a_template_source_that_changed_while_no_operator_ran_is_rendered_after_the_start() {
    let space = Space::unserved().await;
    space.store_of("sources").await;
    space.put("db", r#"{"user":"admin"}"#).await;
    space.config_map("texts", &[("k", "first {{ .user }}")]).await;
    space.config_map("others", &[("k", "same {{ .user }}")]).await;
    let spec = |source: &str| {
        json!({
            "refreshInterval": "0",
            "target": { "template": {
                "templateFrom": [{ "configMap": { "name": source, "items": [{ "key": "k" }] } }],
            } },
            "dataFrom": [{ "extract": { "key": space.id("db") } }],
        })
    };
    let start = Start {
        class: Some("sources".to_owned()),
        ..Start::default()
    };
    let operator = Operator::start(&start, "sources-1").await;
    space.apply("app", spec("texts")).await;
    space.apply("other", spec("others")).await;
    space.holds("app", &[("k", "first admin")]).await;
    space.holds("other", &[("k", "same admin")]).await;
    // Within the second in which its source was made, an object cannot tell: it is synced again until that has passed.
    let made = jiff::Timestamp::now().as_second();
    let tries = std::sync::atomic::AtomicU32::new(0);
    until("a sync after the sources were made", || async {
        let asked = tries.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        space.annotate("other", "force-sync", &asked.to_string()).await;
        let refreshed = space.status("other").await.refresh_time;
        refreshed
            .filter(|at| at.0.as_second() > made)
            .map(drop)
            .ok_or_else(String::new)
    })
    .await;
    operator.stop().await;

    space.config_map("texts", &[("k", "second {{ .user }}")]).await;
    let reads = space.reads("db");
    let operator = Operator::start(&start, "sources-2").await;
    space.holds("app", &[("k", "second admin")]).await;
    assert_eq!(
        space.reads("db"),
        reads + 1,
        "only the object whose source changed reads"
    );
    // Nobody has read this source since the start; the first change of it counts.
    space.config_map("others", &[("k", "changed {{ .user }}")]).await;
    space.holds("other", &[("k", "changed admin")]).await;
    operator.stop().await;
}

/// Differs: docs/differences.md#removed-key.
#[tokio::test(flavor = "multi_thread")]
async fn a_key_of_data_from_that_somebody_removed_while_no_operator_ran_comes_back() {
    let space = Space::unserved().await;
    space.store_of("removed").await;
    space.put("db", r#"{"user":"u","password":"p"}"#).await;
    let policies = ["Owner", "CreateOrMerge", "Merge"];
    let spec = |policy: &str| {
        json!({
            "target": { "creationPolicy": policy }, "dataFrom": [{ "extract": { "key": space.id("db") } }],
        })
    };
    let start = Start {
        class: Some("removed".to_owned()),
        ..Start::default()
    };
    let operator = Operator::start(&start, "removed-1").await;
    space.foreign_secret("merge", &[]).await;
    let whole = [("user", "u"), ("password", "p")];
    for policy in policies {
        let name = policy.to_lowercase();
        space.apply(&name, spec(policy)).await;
        space.holds(&name, &whole).await;
        space.ready(&name, "True").await;
    }
    operator.kill().await;
    for policy in policies {
        let removed = json!({ "data": { "user": null } });
        space.patch_secret(&policy.to_lowercase(), removed).await;
    }
    let operator = Operator::start(&start, "removed-2").await;
    // A Secret that is ours as a whole carries a digest of its keys. In one that others write too nothing tells which keys
    // we held, until the source is read again.
    space.holds("owner", &whole).await;
    for name in ["createormerge", "merge"] {
        space.annotate(name, "force-sync", "1").await;
        space.holds(name, &whole).await;
    }
    operator.stop().await;
}
