//! What cannot be acted upon is told on the object, and what stands stays as it is.

use super::*;

#[tokio::test(flavor = "multi_thread")]
async fn an_external_secret_of_somebody_else_is_left_alone_and_named() {
    let cluster = Cluster::new().await;
    let (a, b) = (
        cluster.namespace("a", "yes").await,
        cluster.namespace("b", "yes").await,
    );
    let own = cluster.own(&a, "wanted").await;
    cluster.apply(json!({ "externalSecretName": "wanted" })).await;
    let status = cluster
        .fails("AlreadyExists", "one or more namespaces failed")
        .await;
    cluster.child(&b, "wanted", |_| true).await;
    assert_eq!(status.provisioned_namespaces, Some(vec![b.clone()]));
    let failed = status.failed_namespaces.unwrap();
    assert_eq!(failed.len(), 1);
    assert_eq!(failed[0].namespace, a);
    let reason = failed[0].reason.as_deref().unwrap();
    assert!(
        reason.starts_with("external secret already exists in namespace"),
        "{reason}"
    );
    let now = cluster.child(&a, "wanted", |_| true).await;
    assert_eq!(now.metadata.owner_references, None);
    assert_eq!(
        (now.spec, now.metadata.generation),
        (own.spec, own.metadata.generation)
    );
    // When it goes, the wanted one comes.
    cluster.delete_child(&a, "wanted").await;
    cluster.provisions(&["a", "b"]).await;
    // And what the object is, is not taken away when another one is in the way of its new name.
    cluster.own(&a, "taken").await;
    cluster.apply(json!({ "externalSecretName": "taken" })).await;
    cluster.gone(&b, "wanted").await;
    cluster.fails("AlreadyExists", &a).await;
    cluster.child(&a, "wanted", |_| true).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_spec_that_cannot_be_acted_upon_changes_nothing_and_says_why() {
    let cluster = Cluster::new().await;
    let a = cluster.namespace("a", "yes").await;
    cluster.apply(json!({})).await;
    cluster.provisions(&["a"]).await;
    let before = cluster.child(&a, &cluster.name, |_| true).await;
    let expression =
        |expression: Value| json!({ "namespaceSelectors": [{ "matchExpressions": [expression] }] });
    let mut interval = cluster.reading("v");
    interval["refreshInterval"] = json!("soon");
    let cases = [
        (
            expression(json!({ "key": "a", "operator": "Like" })),
            "InvalidSpec: spec.namespaceSelectors[0] is not a label selector",
        ),
        (
            expression(json!({ "key": "a", "operator": "NotIn", "values": [] })),
            "InvalidSpec: spec.namespaceSelectors[0] is not a label selector",
        ),
        (
            json!({ "refreshTime": "often" }),
            "InvalidSpec: spec.refreshTime \"often\" is not a duration",
        ),
        (
            json!({ "externalSecretSpec": { "secretStoreRef": { "name": "aws" } } }),
            "InvalidSpec: the spec inside spec.externalSecretSpec is refused: either data or dataFrom",
        ),
        (
            json!({ "externalSecretSpec": interval }),
            "InvalidSpec: the spec inside spec.externalSecretSpec is refused: spec.refreshInterval \"soon\"",
        ),
    ];
    for (spec, message) in cases {
        cluster.apply(spec).await;
        let status = cluster.fails("InvalidSpec", message).await;
        assert_eq!(status.provisioned_namespaces, Some(vec![a.clone()]), "{message}");
        let now = cluster.child(&a, &cluster.name, |_| true).await;
        assert_eq!(now.metadata.generation, before.metadata.generation, "{message}");
    }
    // Corrected, it goes on.
    cluster.apply(json!({})).await;
    cluster.provisions(&["a"]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_api_server_refuses_is_told_for_each_namespace() {
    let cluster = Cluster::new().await;
    let a = cluster.namespace("a", "yes").await;
    let metadata = json!({ "labels": { "team": "x".repeat(64) } });
    cluster.apply(json!({ "externalSecretMetadata": metadata })).await;
    let status = cluster.fails("Refused", "one or more namespaces failed").await;
    let failed = status.failed_namespaces.unwrap();
    let reason = failed[0].reason.as_deref().unwrap();
    assert!(reason.contains("must be no more than 63"), "{reason}");
    assert_eq!(failed[0].namespace, a);
    assert_eq!(status.provisioned_namespaces, None);
    cluster.gone(&a, &cluster.name).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn names_that_are_too_long_are_refused_when_they_are_applied() {
    let cluster = Cluster::of(Space::unserved().await);
    for spec in [
        json!({ "externalSecretName": "x".repeat(254) }),
        json!({ "namespaces": ["x".repeat(64)] }),
        json!({ "externalSecretName": "Not_A_Name" }),
    ] {
        let mut whole = json!({ "externalSecretSpec": cluster.reading("v") });
        whole
            .as_object_mut()
            .unwrap()
            .extend(spec.as_object().unwrap().clone());
        let object = json!({
            "apiVersion": "external-secrets.io/v1", "kind": "ClusterExternalSecret",
            "metadata": { "name": cluster.name }, "spec": whole,
        });
        let answer = cluster
            .objects()
            .patch(&cluster.name, &PatchParams::apply("user"), &Patch::Apply(object))
            .await;
        let Err(kube::Error::Api(status)) = answer else {
            panic!("{spec}: {answer:?}")
        };
        assert_eq!(status.code, 422, "{spec}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_namespace_that_is_being_deleted_is_not_provisioned_and_no_failure() {
    let cluster = Cluster::new().await;
    let (going, a) = (
        cluster.namespace("going", "yes").await,
        cluster.namespace("a", "yes").await,
    );
    cluster.apply(json!({})).await;
    cluster.provisions(&["a", "going"]).await;
    let before = cluster.child(&going, &cluster.name, |_| true).await;
    // No controller empties it in this cluster, so it stays as it is while it is going.
    cluster
        .namespaces()
        .delete(&going, &DeleteParams::default())
        .await
        .unwrap();
    cluster.provisions(&["a"]).await;
    cluster.label(&a, None).await;
    cluster.gone(&a, &cluster.name).await;
    let left = cluster.child(&going, &cluster.name, |_| true).await;
    assert_eq!(
        (left.metadata.uid, left.metadata.generation),
        (before.metadata.uid, before.metadata.generation)
    );
    assert_eq!(left.metadata.deletion_timestamp, None);
}
