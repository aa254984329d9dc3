//! What ESO made and left: continued without a write, and let go of when it is deleted.

use keyferry_parts::audit::Request;

use super::*;
use crate::{
    stalling::{Hold, Stall, Stalling},
    world::{Operator, Start},
};

const CLUSTER_FINALIZER: &str = "externalsecrets.external-secrets.io/clusterexternalsecret-cleanup";

impl Cluster {
    fn namespace_finalizer(&self) -> String {
        format!("externalsecrets.external-secrets.io/ces-{}", self.name)
    }

    async fn hold_namespace(&self, namespace: &str) {
        let finalizers =
            json!({ "metadata": { "finalizers": [self.namespace_finalizer(), "example.com/guard"] } });
        self.namespaces()
            .patch(namespace, &PatchParams::default(), &Patch::Merge(finalizers))
            .await
            .unwrap();
    }

    async fn namespace_has(&self, namespace: &str, wanted: &[&str]) {
        until(&format!("the finalizers of {namespace}"), || async {
            let namespace = self
                .namespaces()
                .get(namespace)
                .await
                .map_err(|e| e.to_string())?;
            let finalizers = namespace.metadata.finalizers.unwrap_or_default();
            if finalizers == wanted {
                Ok(())
            } else {
                Err(format!("{finalizers:?}"))
            }
        })
        .await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn esos_finalizers_go_with_the_object_that_is_deleted() {
    let cluster = Cluster::new().await;
    let (a, b) = (
        cluster.namespace("a", "yes").await,
        cluster.namespace("b", "yes").await,
    );
    cluster.hold_namespace(&a).await;
    cluster.hold_namespace(&b).await;
    cluster
        .apply_with(
            json!({}),
            json!({ "finalizers": [CLUSTER_FINALIZER, "example.com/guard"] }),
        )
        .await;
    cluster.provisions(&["a", "b"]).await;
    cluster
        .namespace_has(&a, &[&cluster.namespace_finalizer(), "example.com/guard"])
        .await;
    cluster
        .objects()
        .delete(&cluster.name, &DeleteParams::default())
        .await
        .unwrap();
    for namespace in [&a, &b] {
        cluster.namespace_has(namespace, &["example.com/guard"]).await;
    }
    until("ESO's finalizer to go", || async {
        let object = cluster
            .objects()
            .get(&cluster.name)
            .await
            .map_err(|e| e.to_string())?;
        let finalizers = object.metadata.finalizers.unwrap_or_default();
        if finalizers == ["example.com/guard"] {
            Ok(())
        } else {
            Err(format!("{finalizers:?}"))
        }
    })
    .await;
    // What it made is left to garbage collection, by its owner reference.
    cluster.child(&a, &cluster.name, |_| true).await;
}

/// Differs: docs/differences.md#namespace-finalizers.
#[tokio::test(flavor = "multi_thread")]
async fn a_namespace_that_is_being_deleted_is_let_go_of() {
    let cluster = Cluster::new().await;
    let (with, without) = (
        cluster.namespace("with", "yes").await,
        cluster.namespace("without", "yes").await,
    );
    cluster.apply(json!({})).await;
    cluster.provisions(&["with", "without"]).await;
    cluster.hold_namespace(&with).await;
    // Held for an object that is no more.
    let orphaned =
        json!({ "metadata": { "finalizers": ["externalsecrets.external-secrets.io/ces-long-gone"] } });
    cluster
        .namespaces()
        .patch(&without, &PatchParams::default(), &Patch::Merge(orphaned))
        .await
        .unwrap();
    for namespace in [&with, &without] {
        cluster
            .namespaces()
            .delete(namespace, &DeleteParams::default())
            .await
            .unwrap();
    }
    cluster.namespace_has(&with, &["example.com/guard"]).await;
    until("the namespace to be let go of", || async {
        let namespace = cluster
            .namespaces()
            .get_opt(&without)
            .await
            .map_err(|e| e.to_string())?;
        match namespace.and_then(|namespace| namespace.metadata.finalizers) {
            None => Ok(()),
            Some(finalizers) => Err(format!("{finalizers:?}")),
        }
    })
    .await;
}

/// Writes of keyferry about an object of this test.
fn writes(cluster: &Cluster, since: keyferry_parts::audit::Mark) -> Vec<String> {
    let requests = cluster.space.world.plane.audit().since(since).unwrap();
    let is_ours = |r: &&Request| {
        r.is_write()
            && r.user_agent.starts_with("keyferry/")
            && r.object
                .as_ref()
                .is_some_and(|object| object.resource == "externalsecrets" && object.subresource.is_empty())
            && r.uri.contains(&cluster.space.namespace)
    };
    requests
        .iter()
        .filter(is_ours)
        .map(|r| format!("{} {}", r.verb, r.uri))
        .collect()
}

/// As ESO writes one: durations in Go's own form.
async fn made_by_eso(cluster: &Cluster, namespace: &str, uid: &str) -> ExternalSecret {
    let mut spec = cluster.on_store()["externalSecretSpec"].clone();
    spec["refreshInterval"] = json!("1h0m0s");
    let child = json!({
        "apiVersion": "external-secrets.io/v1", "kind": "ExternalSecret", "spec": spec,
        "metadata": {
            "name": cluster.name, "finalizers": ["externalsecrets.external-secrets.io/externalsecret-cleanup"],
            "ownerReferences": [{
                "apiVersion": "external-secrets.io/v1", "kind": "ClusterExternalSecret", "name": cluster.name,
                "uid": uid, "controller": true, "blockOwnerDeletion": true,
            }],
        },
    });
    let by_eso = PostParams {
        field_manager: Some("external-secrets".to_owned()),
        ..PostParams::default()
    };
    cluster
        .external_secrets(namespace)
        .create(&by_eso, &serde_json::from_value(child).unwrap())
        .await
        .unwrap()
}

/// An object on a store that names a class, whose operator is yet to come, and a namespace that it selects.
async fn unserved(class: &str) -> (Cluster, String) {
    let cluster = Cluster::new().await;
    let a = cluster.namespace("a", "yes").await;
    cluster
        .store(json!({ "controller": class, "provider": { "aws": provider(json!({})) } }))
        .await;
    cluster.apply(cluster.on_store()).await;
    (cluster, a)
}

async fn operator(class: &str) -> Operator {
    let start = Start {
        class: Some(class.to_owned()),
        ..Start::default()
    };
    Operator::start(&start, class).await
}

#[tokio::test(flavor = "multi_thread")]
async fn what_eso_made_is_taken_over_without_a_write() {
    let (cluster, a) = unserved("ces-takeover").await;
    let uid = cluster
        .objects()
        .get(&cluster.name)
        .await
        .unwrap()
        .metadata
        .uid
        .unwrap();
    let before = made_by_eso(&cluster, &a, &uid).await;
    let mark = cluster.space.world.plane.audit().mark().unwrap();
    let operator = operator("ces-takeover").await;
    cluster.provisions(&["a"]).await;
    let after = cluster.child(&a, &cluster.name, |_| true).await;
    assert_eq!(after.metadata.uid, before.metadata.uid);
    assert_eq!(after.metadata.generation, before.metadata.generation);
    assert_eq!(writes(&cluster, mark), Vec::<String>::new());
    operator.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_object_that_was_restored_from_a_backup_keeps_what_it_made() {
    let (cluster, a) = unserved("ces-restored").await;
    made_by_eso(&cluster, &a, "11111111-2222-3333-4444-555555555555").await;
    let uid = cluster.objects().get(&cluster.name).await.unwrap().metadata.uid;
    let operator = operator("ces-restored").await;
    let child = cluster
        .child(&a, &cluster.name, |child| {
            let owners = child.metadata.owner_references.as_deref().unwrap_or_default();
            owners.len() == 1 && Some(&owners[0].uid) == uid.as_ref()
        })
        .await;
    let finalizers = child.metadata.finalizers.unwrap_or_default();
    assert_eq!(
        finalizers,
        ["externalsecrets.external-secrets.io/externalsecret-cleanup"]
    );
    cluster.provisions(&["a"]).await;
    operator.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_namespace_is_let_go_of_although_the_api_server_fails_at_first() {
    let (cluster, a) = unserved("ces-failing").await;
    let stalling = Stalling::start(cluster.space.world.plane).await;
    let start = Start {
        class: Some("ces-failing".to_owned()),
        kubeconfig: Some(stalling.kubeconfig()),
        ..Start::default()
    };
    let operator = Operator::start(&start, "ces-failing").await;
    cluster.provisions(&["a"]).await;
    // Its Secret is written: the next PATCH is that of the namespace.
    cluster
        .child(&a, &cluster.name, |child| {
            child
                .status
                .as_ref()
                .is_some_and(|status| status.conditions.is_some())
        })
        .await;
    cluster.hold_namespace(&a).await;
    stalling.stall(Stall {
        method: "PATCH",
        path: "/api/v1/namespaces/",
        hold: Hold::Refuse,
    });
    cluster
        .namespaces()
        .delete(&a, &DeleteParams::default())
        .await
        .unwrap();
    stalling.held().await;
    stalling.release();
    cluster.namespace_has(&a, &["example.com/guard"]).await;
    operator.stop().await;
}
