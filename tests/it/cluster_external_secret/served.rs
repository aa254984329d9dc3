//! Which objects an operator serves, what it says of them in metrics, and the way from AWS to the Secrets of many
//! namespaces.

use keyferry_parts::{ControlPlane, control_plane::Options};

use super::*;
use crate::world::{Operator, Start, apply_crds, crds_in, provider};

async fn is_untouched(cluster: &Cluster, namespace: &str) {
    let object = cluster.objects().get(&cluster.name).await.unwrap();
    assert_eq!(object.status, None, "{}", cluster.name);
    let child = cluster
        .external_secrets(namespace)
        .get_opt(&cluster.name)
        .await
        .unwrap();
    assert!(child.is_none(), "{}", cluster.name);
}

/// Differs: docs/differences.md#served-by-stores.
#[tokio::test(flavor = "multi_thread")]
async fn objects_on_stores_of_another_class_or_provider_are_left_alone() {
    let vault = json!({ "provider": { "vault": { "server": "https://vault.example" } } });
    let other = json!({ "controller": "other", "provider": { "aws": provider(json!({})) } });
    let mut left_alone = vec![];
    for store in [vault, other] {
        let cluster = Cluster::new().await;
        let a = cluster.namespace("a", "yes").await;
        cluster.store(store).await;
        cluster.apply(cluster.on_store()).await;
        left_alone.push((cluster, a));
    }
    // Something that came later is served meanwhile.
    let fence = Cluster::new().await;
    fence.namespace("a", "yes").await;
    fence.apply(json!({})).await;
    fence.provisions(&["a"]).await;
    for (cluster, a) in &left_alone {
        is_untouched(cluster, a).await;
    }
    // A store that becomes ours makes the object ours. (A vault store's provider is not what changes in life.)
    let (cluster, _) = &left_alone[1];
    cluster
        .store(json!({ "controller": "default", "provider": { "aws": provider(json!({})) } }))
        .await;
    cluster.provisions(&["a"]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn only_namespaces_whose_own_store_is_ours_are_provisioned() {
    let cluster = Cluster::new().await;
    let (ours, theirs) = (
        cluster.namespace("ours", "yes").await,
        cluster.namespace("theirs", "yes").await,
    );
    let store = json!({
        "apiVersion": "external-secrets.io/v1", "kind": "SecretStore", "metadata": { "name": "aws" },
        "spec": { "controller": "other", "provider": { "aws": provider(json!({})) } },
    });
    Api::<keyferry::api::SecretStore>::namespaced(cluster.client(), &theirs)
        .create(&PostParams::default(), &serde_json::from_value(store).unwrap())
        .await
        .unwrap();
    // The watch has shown it once a later one is Ready.
    cluster.space.store().await;
    cluster.space.ready_store("aws").await;
    cluster.apply(json!({})).await;
    cluster.provisions(&["ours"]).await;
    cluster.child(&ours, &cluster.name, |_| true).await;
    cluster.gone(&theirs, &cluster.name).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_operator_of_one_namespace_or_with_the_kind_switched_off_serves_none() {
    let switched_off = vec!["--enable-cluster-external-secret-reconciler=false".to_owned()];
    for (class, arguments) in [("ces-off", Some(switched_off)), ("ces-namespaced", None)] {
        let cluster = Cluster::new().await;
        let a = cluster.namespace("a", "yes").await;
        let store = json!({ "controller": class, "provider": { "aws": provider(json!({})) } });
        cluster.store(store.clone()).await;
        cluster.space.store_spec("aws", store).await;
        cluster.space.put("v", "one").await;
        cluster.apply(cluster.on_store()).await;
        let start = Start {
            class: Some(class.to_owned()),
            arguments: arguments.unwrap_or_else(|| vec![format!("--namespace={}", cluster.space.namespace)]),
            ..Start::default()
        };
        let operator = Operator::start(&start, class).await;
        cluster
            .space
            .apply(
                "fence",
                json!({ "data": [crate::policies::entry(&cluster.space, "v", "v")] }),
            )
            .await;
        cluster.space.holds("fence", &[("v", "one")]).await;
        is_untouched(&cluster, &a).await;
        operator.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_operator_of_another_class_serves_objects_whose_store_names_it() {
    let cluster = Cluster::new().await;
    let unnamed = Cluster::new().await;
    cluster.namespace("a", "yes").await;
    let a = unnamed.namespace("a", "yes").await;
    let class = "ces-named";
    cluster
        .store(json!({ "controller": class, "provider": { "aws": provider(json!({})) } }))
        .await;
    cluster.apply(cluster.on_store()).await;
    unnamed
        .store(json!({ "controller": "nobody", "provider": { "aws": provider(json!({})) } }))
        .await;
    unnamed.apply(unnamed.on_store()).await;
    let start = Start {
        class: Some(class.to_owned()),
        ..Start::default()
    };
    let operator = Operator::start(&start, class).await;
    cluster.provisions(&["a"]).await;
    is_untouched(&unnamed, &a).await;
    operator.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_operator_starts_where_the_kind_is_not_installed() {
    let plane = ControlPlane::start(Options::default()).await.unwrap();
    let client = plane.client().await.unwrap();
    let mut crds = crds_in("crds");
    crds.retain(|crd| crd["spec"]["names"]["kind"] != "ClusterExternalSecret");
    apply_crds(&client, &crds).await;
    let start = Start {
        kubeconfig: Some(plane.kubeconfig()),
        ..Start::default()
    };
    // Which waits until it is ready.
    let operator = Operator::start(&start, "without-ces").await;
    operator.stop().await;
}

/// Differs: docs/differences.md#metric-of-failure.
#[tokio::test(flavor = "multi_thread")]
async fn metrics_tell_whether_it_is_ready_and_go_with_the_object() {
    let cluster = Cluster::new().await;
    let a = cluster.namespace("a", "yes").await;
    cluster.own(&a, &cluster.name).await;
    cluster.apply(json!({})).await;
    cluster.fails("AlreadyExists", &a).await;
    let series = |status: &str, value: u8| {
        format!(
            "clusterexternalsecret_status_condition{{condition=\"Ready\",name=\"{}\",namespace=\"\",status=\"{status}\"}} {value}",
            cluster.name
        )
    };
    let shows = async |wanted: &[String]| {
        until("the metrics", || async {
            let metrics = crate::world::operator().await.metrics().await;
            let mine: Vec<_> = metrics
                .lines()
                .filter(|line| {
                    line.starts_with("clusterexternalsecret_status") && line.contains(&cluster.name)
                })
                .collect();
            if mine == wanted {
                Ok(())
            } else {
                Err(format!("{mine:?}"))
            }
        })
        .await;
    };
    shows(&[series("False", 1), series("True", 0)]).await;
    cluster.delete_child(&a, &cluster.name).await;
    shows(&[series("False", 0), series("True", 1)]).await;
    let metrics = crate::world::operator().await.metrics().await;
    let duration = format!(
        "clusterexternalsecret_reconcile_duration{{name=\"{}\",namespace=\"\"}}",
        cluster.name
    );
    assert!(metrics.contains(&duration));
    cluster
        .objects()
        .delete(&cluster.name, &DeleteParams::default())
        .await
        .unwrap();
    shows(&[]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_example_gives_each_labelled_namespace_its_secret() {
    let cluster = Cluster::new().await;
    let value = r#"{"username":"robot","password":"one"}"#;
    crate::world::put(&cluster.space.aws, "shared/registry", value).await;
    let text = include_str!("../../../examples/cluster-external-secret.yaml");
    let mut namespaces = vec![];
    for name in ["a", "b"] {
        let name = cluster.namespace(name, "yes").await;
        let label = Patch::Merge(json!({ "metadata": { "labels": { "registry": "private" } } }));
        cluster
            .namespaces()
            .patch(&name, &PatchParams::default(), &label)
            .await
            .unwrap();
        namespaces.push(name);
    }
    for document in text.split("\n---\n") {
        let object: Value = serde_saphyr::from_str(document).unwrap();
        let kind = object["kind"].as_str().unwrap();
        let name = object["metadata"]["name"].as_str().unwrap();
        crate::harness::dynamic(&cluster.client(), "v1", kind, None)
            .patch(name, &PatchParams::apply("user").force(), &Patch::Apply(&object))
            .await
            .unwrap();
    }
    let secrets =
        |namespace: &str| Api::<k8s_openapi::api::core::v1::Secret>::namespaced(cluster.client(), namespace);
    for namespace in &namespaces {
        until("the Secret of the example", || async {
            let secret = secrets(namespace)
                .get("registry")
                .await
                .map_err(|e| e.to_string())?;
            let data = secret.data.unwrap_or_default();
            match data.get("username") {
                Some(name) if name.0 == b"robot" => Ok(()),
                other => Err(format!("{other:?}")),
            }
        })
        .await;
    }
}
