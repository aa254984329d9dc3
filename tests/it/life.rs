//! From start to stop.

use k8s_openapi::api::core::v1::Namespace;
use keyferry_parts::{Child, ControlPlane, Lifeline, free_ports};
use kube::{Api, api::DeleteParams};
use serde_json::json;

use crate::world::{Operator, Space, Start, apply_crds, crds_in, get, until};

#[tokio::test(flavor = "multi_thread")]
async fn an_operator_waits_for_crds_that_are_not_served_yet() {
    let plane = ControlPlane::start(keyferry_parts::control_plane::Options::default())
        .await
        .unwrap();
    let [metrics, health] = free_ports().unwrap();
    let arguments = [
        format!("--kubeconfig={}", plane.kubeconfig().display()),
        format!("--metrics-addr=127.0.0.1:{metrics}"),
        format!("--live-addr=127.0.0.1:{health}"),
    ];
    let binary = std::path::Path::new(env!("CARGO_BIN_EXE_keyferry"));
    let log = plane.folder().join("waiting.log");
    let child = Child::start(&Lifeline::new().unwrap(), binary, arguments, [], log).unwrap();
    until("the operator to be alive and to say what it misses", || async {
        let alive = get(health, "/healthz")
            .await
            .is_ok_and(|(status, _)| status == 200);
        let log = std::fs::read_to_string(child.log()).unwrap();
        if alive && log.contains("apply the CRDs") {
            Ok(())
        } else {
            Err(log)
        }
    })
    .await;
    assert_eq!(get(health, "/readyz").await.unwrap().0, 503, "nothing was listed");
    apply_crds(&plane.client().await.unwrap(), &crds_in("crds")).await;
    until("the operator to be ready", || async {
        match get(health, "/readyz").await {
            Ok((200, _)) => Ok(()),
            other => Err(format!("{other:?}")),
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn core_dumps_are_off() {
    let id = crate::world::operator().await.id();
    let limits = std::fs::read_to_string(format!("/proc/{id}/limits")).unwrap();
    let core = limits
        .lines()
        .find(|line| line.starts_with("Max core file size"))
        .unwrap();
    assert_eq!(
        core.split_whitespace().skip(4).take(2).collect::<Vec<_>>(),
        ["0", "0"],
        "{core}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_store_that_becomes_ready_wakes_the_objects_that_wait_for_it() {
    let space = Space::new().await;
    space.put("k", "v").await;
    let spec = json!({ "data": [{ "secretKey": "k", "remoteRef": { "key": space.id("k") } }] });
    space.apply("early", spec).await;
    space.fails("early", "StoreNotFound").await;
    space
        .store_with("aws", json!({ "region": "nowhere at all" }))
        .await;
    space.fails("early", "StoreNotReady").await;
    space.store().await;
    space.holds("early", &[("k", "v")]).await;
    space.ready("early", "True").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn metrics_have_the_contracts_names_and_go_with_their_object() {
    let space = Space::unserved().await;
    space.store_of("metrics").await;
    space.put("k", "v").await;
    let start = Start {
        class: Some("metrics".to_owned()),
        ..Start::default()
    };
    let operator = Operator::start(&start, "metrics").await;
    let spec = json!({ "data": [{ "secretKey": "k", "remoteRef": { "key": space.id("k") } }] });
    space.apply("app", spec).await;
    space.ready("app", "True").await;
    let labels = format!("name=\"app\",namespace=\"{}\"", space.namespace);
    let series = [
        format!("externalsecret_sync_calls_total{{{labels}}}"),
        format!("externalsecret_sync_calls_error{{{labels}}} 0"),
        format!("externalsecret_status_condition{{condition=\"Ready\",{labels},status=\"True\"}} 1"),
        format!("externalsecret_status_condition{{condition=\"Ready\",{labels},status=\"False\"}} 0"),
        format!("externalsecret_reconcile_duration{{{labels}}}"),
        format!("keyferry_externalsecret_last_success_timestamp_seconds{{{labels}}}"),
        "externalsecret_provider_api_calls_count{call=\"GetSecretValue\",provider=\"AWS/SecretsManager\",status=\"success\"}"
            .to_owned(),
        format!(
            "secretstore_status_condition{{condition=\"Ready\",name=\"aws\",namespace=\"{}\",status=\"True\"}} 1",
            space.namespace
        ),
        "controller_runtime_reconcile_total{controller=\"externalsecret\",result=\"success\"}".to_owned(),
        "controller_runtime_reconcile_total{controller=\"secretstore\",result=\"success\"}".to_owned(),
        "controller_runtime_active_workers{controller=\"clustersecretstore\"} 0".to_owned(),
        "workqueue_depth{name=\"externalsecret\"}".to_owned(),
        "workqueue_depth{name=\"secretstore\"}".to_owned(),
    ];
    until("every series", || async {
        let metrics = operator.metrics().await;
        let missing: Vec<_> = series
            .iter()
            .filter(|wanted| !metrics.contains(wanted.as_str()))
            .collect();
        if missing.is_empty() {
            Ok(())
        } else {
            Err(format!("{missing:?} in\n{metrics}"))
        }
    })
    .await;
    space
        .objects()
        .delete("app", &DeleteParams::default())
        .await
        .unwrap();
    until("its series to be gone", || async {
        let metrics = operator.metrics().await;
        if metrics.contains(&labels) {
            Err(metrics)
        } else {
            Ok(())
        }
    })
    .await;
    operator.kill().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_in_a_namespace_that_is_being_deleted_is_neither_read_for_nor_written() {
    let (going, staying) = (Space::new().await, Space::new().await);
    for space in [&going, &staying] {
        space.store().await;
        space.put("v", "one").await;
        let data = json!([{ "secretKey": "v", "remoteRef": { "key": space.id("v") } }]);
        space
            .apply("app", json!({ "refreshInterval": "1s", "data": data }))
            .await;
        space.holds("app", &[("v", "one")]).await;
        space.ready("app", "True").await;
    }
    let (reason, message) = going.ready("app", "True").await;
    // No controller empties it in this cluster, so it stays as it is while it is going.
    Api::<Namespace>::all(going.client.clone())
        .delete(&going.namespace, &DeleteParams::default())
        .await
        .unwrap();
    // Nothing is read for it while the other is refreshed again and again.
    let witness = async || {
        let seen = staying.reads("v");
        until("refreshes of the other namespace", || async {
            let reads = staying.reads("v") - seen;
            if reads >= 3 {
                Ok(())
            } else {
                Err(reads.to_string())
            }
        })
        .await;
    };
    until("the namespace to be left alone", || async {
        let before = going.reads("v");
        witness().await;
        let more = going.reads("v") - before;
        if more == 0 {
            Ok(())
        } else {
            Err(format!("{more} reads"))
        }
    })
    .await;
    let (reads, version) = (
        going.reads("v"),
        going.secret("app").await.metadata.resource_version,
    );
    going.put("v", "two").await;
    going.annotate("app", "force-sync", "1").await;
    witness().await;
    assert_eq!(going.reads("v"), reads);
    assert_eq!(going.secret("app").await.metadata.resource_version, version);
    assert_eq!(going.ready("app", "True").await, (reason, message));
    let warnings = going.events("app").await;
    assert!(
        warnings.iter().all(|(reason, _)| reason != "UpdateFailed"),
        "{warnings:?}"
    );
}
