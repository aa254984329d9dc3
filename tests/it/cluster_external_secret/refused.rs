//! What cannot be acted upon is told on the object, and what stands stays as it is.

use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use keyferry_parts::{ControlPlane, control_plane::Options};

use super::*;
use crate::{
    harness::{dynamic, eventually, install},
    world::{Operator, Start},
};

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

/// Differs: docs/differences.md#refused-as-a-whole.
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
    let targeting = |template: Value| {
        let mut spec = cluster.reading("v");
        spec["target"] = json!({ "template": template });
        json!({ "externalSecretSpec": spec })
    };
    let generator =
        json!({ "apiVersion": "generators.external-secrets.io/v1alpha1", "kind": "Webhook", "name": "w" });
    let unsupported = json!({ "dataFrom": [{ "sourceRef": { "generatorRef": generator } }] });
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
        (
            targeting(json!({ "data": { "k": "{{ .v" } })),
            "InvalidSpec: the spec inside spec.externalSecretSpec is refused: ",
        ),
        (
            targeting(json!({ "type": "kubernetes.io/service-account-token" })),
            "InvalidSpec: the spec inside spec.externalSecretSpec is refused: ",
        ),
        (
            json!({ "externalSecretSpec": unsupported }),
            "InvalidSpec: the spec inside spec.externalSecretSpec is refused: spec.dataFrom[0].sourceRef.generatorRef",
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

/// A control plane of its own, whose CRDs let everything through, as those of an older release may have.
#[tokio::test(flavor = "multi_thread")]
async fn a_stored_object_that_cannot_be_read_is_reported_on_itself_keeps_what_it_made_and_stops_nobody() {
    let plane = ControlPlane::start(Options::default()).await.unwrap();
    let client = plane.client().await.unwrap();
    install(&client, "crds").await;
    let start = Start {
        kubeconfig: Some(plane.kubeconfig()),
        ..Start::default()
    };
    let operator = Operator::start(&start, "permissive").await;
    for name in ["broken", "whole", "theirs"] {
        let namespace = json!({ "metadata": { "name": name, "labels": { "for": name } } });
        Api::<Namespace>::all(client.clone())
            .create(
                &PostParams::default(),
                &serde_json::from_value(namespace).unwrap(),
            )
            .await
            .unwrap();
    }
    let aws = json!({ "provider": { "aws": provider(json!({})) } });
    for (name, class) in [("ours", None), ("others", Some("another"))] {
        let mut spec = aws.clone();
        if let Some(class) = class {
            spec["controller"] = json!(class);
        }
        apply_to(&client, "ClusterSecretStore", name, spec).await;
    }
    let objects = dynamic(&client, "v1", "ClusterExternalSecret", None);
    let spec = |name: &str, store: &str| {
        json!({
            "externalSecretName": "child", "namespaceSelectors": [{ "matchLabels": { "for": name } }],
            "externalSecretSpec": {
                "secretStoreRef": { "kind": "ClusterSecretStore", "name": store },
                "data": [{ "secretKey": "v", "remoteRef": { "key": "absent" } }],
            },
        })
    };
    apply_to(&client, "ClusterExternalSecret", "broken", spec("broken", "ours")).await;
    let provisioned = async |name: &str| {
        eventually(&format!("{name} to be provisioned"), || async {
            let object = objects.get(name).await.ok()?;
            (object.data.pointer("/status/provisionedNamespaces")? == &json!([name])).then_some(())
        })
        .await;
    };
    provisioned("broken").await;
    let children = |namespace: &str| dynamic(&client, "v1", "ExternalSecret", Some(namespace));
    let child = children("broken").get("child").await.unwrap();

    let_everything_through(&client, "clusterexternalsecrets.external-secrets.io").await;
    let mut wrong = spec("broken", "ours");
    wrong["externalSecretSpec"]["data"] = json!("not a list");
    eventually("the permissive schema is in force", || async {
        let patch = Patch::Merge(json!({ "spec": wrong }));
        let params = PatchParams::default();
        let stored = objects.patch("broken", &params, &patch).await.ok()?;
        (stored.data.pointer("/spec/externalSecretSpec/data") == Some(&json!("not a list"))).then_some(())
    })
    .await;
    let mut theirs = spec("theirs", "others");
    theirs["refreshTime"] = json!(7);
    apply_to(&client, "ClusterExternalSecret", "theirs", theirs).await;

    let told = eventually("the object to say what is wrong", || async {
        let status = objects.get("broken").await.ok()?.data.get("status")?.clone();
        (status.get("cause")? == "Malformed").then_some(status)
    })
    .await;
    let message = told.pointer("/conditions/0/message").unwrap().as_str().unwrap();
    assert!(
        message.contains("the stored object cannot be read: ") && message.ends_with("; apply it again"),
        "{message}"
    );
    assert_eq!(told.pointer("/conditions/0/status"), Some(&json!("False")));
    assert_eq!(told.get("provisionedNamespaces"), Some(&json!(["broken"])));
    // Who comes after it is served, also by an operator that finds it when it starts.
    operator.stop().await;
    let operator = Operator::start(&start, "permissive-again").await;
    apply_to(&client, "ClusterExternalSecret", "whole", spec("whole", "ours")).await;
    provisioned("whole").await;
    let now = children("broken").get("child").await.unwrap();
    assert_eq!(
        (now.metadata.uid, now.metadata.generation),
        (child.metadata.uid, child.metadata.generation)
    );
    let theirs = objects.get("theirs").await.unwrap();
    assert_eq!(theirs.data.get("status"), None, "its store is of another class");

    // Applied again, it goes on.
    apply_to(&client, "ClusterExternalSecret", "broken", spec("whole", "ours")).await;
    eventually("the child to go where it is selected no more", || async {
        children("broken")
            .get_opt("child")
            .await
            .ok()?
            .is_none()
            .then_some(())
    })
    .await;
    operator.stop().await;
}

/// An object of all namespaces.
async fn apply_to(client: &Client, kind: &str, name: &str, spec: Value) {
    let object = json!({
        "apiVersion": "external-secrets.io/v1", "kind": kind, "metadata": { "name": name }, "spec": spec,
    });
    dynamic(client, "v1", kind, None)
        .patch(name, &PatchParams::apply("user").force(), &Patch::Apply(object))
        .await
        .unwrap();
}

/// Takes every rule from the spec of a CRD.
async fn let_everything_through(client: &Client, crd: &str) {
    let api: Api<CustomResourceDefinition> = Api::all(client.clone());
    let mut object = api.get(crd).await.unwrap();
    let schemas = object.spec.versions.iter_mut().filter_map(|version| {
        let schema = version.schema.as_mut()?.open_api_v3_schema.as_mut()?;
        schema.properties.as_mut()
    });
    for properties in schemas {
        let anything = json!({ "type": "object", "x-kubernetes-preserve-unknown-fields": true });
        properties.insert("spec".to_owned(), serde_json::from_value(anything).unwrap());
    }
    api.replace(crd, &PostParams::default(), &object).await.unwrap();
}
