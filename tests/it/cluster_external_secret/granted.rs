//! What the shipped manifests grant is enough for this kind, and no more than it needs of namespaces.

use k8s_openapi::api::{
    core::v1::Secret,
    events::v1::Event,
    rbac::v1::{ClusterRole, ClusterRoleBinding},
};
use keyferry_parts::{
    ControlPlane,
    control_plane::{Authorization, Options, User},
};
use kube::api::ListParams;

use super::*;
use crate::world::{Operator, Start, apply_crds, crds_in, secrets_manager, world};

/// A cluster of its own where the operator may do what the manifests grant.
async fn granted() -> (ControlPlane, Cluster, Operator) {
    let options = Options {
        authorization: Authorization::Rbac,
        users: vec![User {
            name: "keyferry".to_owned(),
            groups: vec![],
        }],
        ..Options::default()
    };
    let plane = ControlPlane::start(options).await.unwrap();
    let client = plane.client().await.unwrap();
    apply_crds(&client, &crds_in("crds")).await;
    let role = include_str!("../../../examples/install.yaml")
        .split("\n---\n")
        .map(|document| serde_saphyr::from_str::<Value>(document).unwrap())
        .find(|object| object["kind"] == "ClusterRole")
        .unwrap();
    let name = role["metadata"]["name"].as_str().unwrap();
    let group = "rbac.authorization.k8s.io";
    let binding = json!({
        "apiVersion": format!("{group}/v1"), "kind": "ClusterRoleBinding", "metadata": { "name": name },
        "roleRef": { "apiGroup": group, "kind": "ClusterRole", "name": name },
        "subjects": [{ "apiGroup": group, "kind": "User", "name": "keyferry" }],
    });
    let params = PatchParams::apply("test").force();
    let roles: Api<ClusterRole> = Api::all(client.clone());
    roles.patch(name, &params, &Patch::Apply(&role)).await.unwrap();
    let bindings: Api<ClusterRoleBinding> = Api::all(client.clone());
    bindings
        .patch(name, &params, &Patch::Apply(&binding))
        .await
        .unwrap();
    let kubeconfig = plane.folder().join("keyferry.kubeconfig");
    plane
        .write_kubeconfig(&kubeconfig, plane.token("keyferry").unwrap())
        .unwrap();
    let start = Start {
        kubeconfig: Some(kubeconfig),
        ..Start::default()
    };
    let operator = Operator::start(&start, "granted").await;
    let world = world().await;
    let space = Space {
        client,
        namespace: "granted".to_owned(),
        aws: secrets_manager(world.moto.url(), "AKIDTEST", None),
        world,
    };
    (plane, Cluster::of(space), operator)
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_manifests_grant_suffices() {
    let (_plane, cluster, operator) = granted().await;
    let a = cluster.namespace("a", "yes").await;
    cluster.space.put("v", "one").await;
    cluster
        .store(json!({ "provider": { "aws": provider(json!({})) } }))
        .await;
    cluster.apply(cluster.on_store()).await;
    let secrets: Api<Secret> = Api::namespaced(cluster.client(), &a);
    until("the Secret", || async {
        secrets
            .get(&cluster.name)
            .await
            .map(drop)
            .map_err(|e| e.to_string())
    })
    .await;
    // Made, changed, and deleted in favour of another name.
    let mut spec = cluster.on_store();
    spec["externalSecretMetadata"] = json!({ "labels": { "x": "1" } });
    cluster.apply(spec.clone()).await;
    cluster
        .child(&a, &cluster.name, |child| child.metadata.labels.is_some())
        .await;
    spec["externalSecretName"] = json!("other");
    cluster.apply(spec).await;
    cluster.gone(&a, &cluster.name).await;
    let log = operator.log().to_lowercase();
    assert!(!log.contains("forbidden"), "{log}");

    // What ESO left on a namespace is an admin's to remove, and that is said.
    let finalizer = format!("externalsecrets.external-secrets.io/ces-{}", cluster.name);
    let held = json!({ "metadata": { "finalizers": [finalizer] } });
    cluster
        .namespaces()
        .patch(&a, &PatchParams::default(), &Patch::Merge(held))
        .await
        .unwrap();
    cluster
        .namespaces()
        .delete(&a, &DeleteParams::default())
        .await
        .unwrap();
    let events: Api<Event> = Api::namespaced(cluster.client(), "default");
    until("the event", || async {
        let events = events
            .list(&ListParams::default())
            .await
            .map_err(|e| e.to_string())?;
        let mut notes = events.items.into_iter().filter_map(|event| event.note);
        notes
            .find(|note| note.contains("keyferry migrate --release-finalizers"))
            .map(drop)
            .ok_or_else(String::new)
    })
    .await;
    operator.stop().await;
}
