//! One ExternalSecret kept in many namespaces: where, how it looks, and what happens to it.

mod granted;
mod leftovers;
mod refused;
mod served;

use std::{
    collections::BTreeMap,
    sync::atomic::{AtomicU32, Ordering},
};

use k8s_openapi::api::core::v1::Namespace;
use keyferry::api::{ClusterExternalSecret, ClusterExternalSecretStatus, ExternalSecret};
use kube::{
    Api, Client,
    api::{DeleteParams, Patch, PatchParams, PostParams},
};
use serde_json::{Value, json};

use crate::world::{Space, on_eso_crds, provider, until};

/// Tests of this module share the cluster: each has objects and namespaces named after its own namespace.
struct Cluster {
    space: Space,
    name: String,
}

impl Cluster {
    /// Served by the shared operator.
    async fn new() -> Self {
        Self::of(Space::new().await)
    }

    fn of(space: Space) -> Self {
        let name = format!("ces-{}", space.namespace);
        Self { space, name }
    }

    fn client(&self) -> Client {
        self.space.client.clone()
    }

    fn objects(&self) -> Api<ClusterExternalSecret> {
        Api::all(self.client())
    }

    fn namespaces(&self) -> Api<Namespace> {
        Api::all(self.client())
    }

    fn external_secrets(&self, namespace: &str) -> Api<ExternalSecret> {
        Api::namespaced(self.client(), namespace)
    }

    /// Makes a namespace that carries this label of its own; gives its full name.
    async fn namespace(&self, name: &str, label: &str) -> String {
        let name = self.full(name);
        let namespace = json!({ "metadata": { "name": name, "labels": { self.name.clone(): label } } });
        let namespace = serde_json::from_value(namespace).unwrap();
        self.namespaces()
            .create(&PostParams::default(), &namespace)
            .await
            .unwrap();
        name
    }

    fn full(&self, name: &str) -> String {
        format!("{}-{name}", self.space.namespace)
    }

    /// A selector of namespaces with this label.
    fn labelled(&self, label: &str) -> Value {
        json!({ "matchLabels": { self.name.clone(): label } })
    }

    /// A spec of ExternalSecrets that read a key.
    fn reading(&self, key: &str) -> Value {
        json!({
            "refreshInterval": "1h", "secretStoreRef": { "name": "aws" },
            "data": [{ "secretKey": "v", "remoteRef": { "key": self.space.id(key) } }],
        })
    }

    /// Applies the object; it reads `v` and selects the label `yes`, unless the spec says otherwise.
    async fn apply(&self, spec: Value) {
        self.apply_with(spec, json!({})).await;
    }

    async fn apply_with(&self, spec: Value, metadata: Value) {
        let mut whole = json!({
            "externalSecretSpec": self.reading("v"), "namespaceSelectors": [self.labelled("yes")],
        });
        for (field, value) in spec.as_object().unwrap() {
            whole[field] = value.clone();
        }
        let mut metadata = metadata;
        metadata["name"] = json!(self.name);
        let object = json!({
            "apiVersion": "external-secrets.io/v1", "kind": "ClusterExternalSecret", "metadata": metadata, "spec": whole,
        });
        self.objects()
            .patch(
                &self.name,
                &PatchParams::apply("user").force(),
                &Patch::Apply(object),
            )
            .await
            .unwrap();
    }

    /// A ClusterSecretStore of the object's name. When this returns, the shared operator has seen it.
    async fn store(&self, spec: Value) {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let apply = async |name: &str, spec: Value| {
            let store = json!({
                "apiVersion": "external-secrets.io/v1", "kind": "ClusterSecretStore",
                "metadata": { "name": name }, "spec": spec,
            });
            let stores = self.space.cluster_stores();
            let params = PatchParams::apply("user").force();
            stores.patch(name, &params, &Patch::Apply(store)).await.unwrap();
        };
        apply(&self.name, spec).await;
        // A watch shows what was written in that order: a later store that is Ready comes after this one.
        let later = format!("{}-later-{}", self.name, COUNT.fetch_add(1, Ordering::Relaxed));
        apply(&later, json!({ "provider": { "aws": provider(json!({})) } })).await;
        until("a later store to be Ready", || async {
            let store = self
                .space
                .cluster_stores()
                .get(&later)
                .await
                .map_err(|e| e.to_string())?;
            store
                .status
                .and_then(|status| status.conditions)
                .map(drop)
                .ok_or_else(String::new)
        })
        .await;
    }

    /// The spec of an object that reads from that store.
    fn on_store(&self) -> Value {
        let mut spec = self.reading("v");
        spec["secretStoreRef"] = json!({ "kind": "ClusterSecretStore", "name": self.name });
        json!({ "externalSecretSpec": spec })
    }

    async fn label(&self, namespace: &str, label: Option<&str>) {
        let patch = Patch::Merge(json!({ "metadata": { "labels": { self.name.clone(): label } } }));
        self.namespaces()
            .patch(namespace, &PatchParams::default(), &patch)
            .await
            .unwrap();
    }

    /// Waits until the object, in its present generation, is Ready in exactly these namespaces.
    async fn provisions(&self, namespaces: &[&str]) -> ClusterExternalSecretStatus {
        let wanted: Vec<_> = namespaces.iter().map(|name| self.full(name)).collect();
        self.status_where(|status| {
            let ready = status
                .conditions
                .iter()
                .flatten()
                .all(|c| c.status == "True" && c.message.is_none());
            ready && status.provisioned_namespaces.clone().unwrap_or_default() == wanted
        })
        .await
    }

    /// Waits until the object is not Ready for this cause; gives the status.
    async fn fails(&self, cause: &str, message: &str) -> ClusterExternalSecretStatus {
        self.status_where(|status| {
            let told = status.conditions.iter().flatten().any(|c| {
                c.type_ == "Ready"
                    && c.status == "False"
                    && c.message.as_deref().unwrap_or_default().contains(message)
            });
            told && (on_eso_crds() || status.cause.as_deref() == Some(cause))
        })
        .await
    }

    async fn status_where(
        &self,
        wanted: impl Fn(&ClusterExternalSecretStatus) -> bool,
    ) -> ClusterExternalSecretStatus {
        until(&format!("the status of {}", self.name), || async {
            let object = self.objects().get(&self.name).await.map_err(|e| e.to_string())?;
            let status = object.status.unwrap_or_default();
            let current = on_eso_crds() || status.observed_generation == object.metadata.generation;
            if current && status.conditions.is_some() && wanted(&status) {
                Ok(status)
            } else {
                Err(format!("{status:?}"))
            }
        })
        .await
    }

    /// Waits until a namespace has an ExternalSecret that fulfils a condition.
    async fn child(
        &self,
        namespace: &str,
        name: &str,
        wanted: impl Fn(&ExternalSecret) -> bool,
    ) -> ExternalSecret {
        until(&format!("ExternalSecret {namespace}/{name}"), || async {
            let child = self
                .external_secrets(namespace)
                .get(name)
                .await
                .map_err(|e| e.to_string())?;
            if wanted(&child) {
                Ok(child)
            } else {
                Err(format!("{:?} {:?}", child.metadata, child.spec))
            }
        })
        .await
    }

    async fn gone(&self, namespace: &str, name: &str) {
        until(
            &format!("ExternalSecret {namespace}/{name} to be gone"),
            || async {
                let child = self.external_secrets(namespace).get_opt(name).await;
                child
                    .map_err(|e| e.to_string())?
                    .map_or(Ok(()), |child| Err(format!("{:?}", child.metadata)))
            },
        )
        .await;
    }

    async fn delete_child(&self, namespace: &str, name: &str) {
        self.external_secrets(namespace)
            .delete(name, &DeleteParams::default())
            .await
            .unwrap();
    }

    /// Makes an ExternalSecret that nobody keeps.
    async fn own(&self, namespace: &str, name: &str) -> ExternalSecret {
        let own = json!({
            "apiVersion": "external-secrets.io/v1", "kind": "ExternalSecret",
            "metadata": { "name": name }, "spec": self.reading("own"),
        });
        self.external_secrets(namespace)
            .create(&PostParams::default(), &serde_json::from_value(own).unwrap())
            .await
            .unwrap()
    }
}

fn key(child: &ExternalSecret) -> &str {
    &child.spec.data.as_ref().unwrap()[0].remote_ref.key
}

fn map(pairs: &[(&str, &str)]) -> Option<BTreeMap<String, String>> {
    Some(crate::policies::map(pairs)).filter(|map| !map.is_empty())
}

#[tokio::test(flavor = "multi_thread")]
async fn each_selected_namespace_has_the_external_secret_named_like_the_object() {
    let cluster = Cluster::new().await;
    let (a, b) = (
        cluster.namespace("a", "yes").await,
        cluster.namespace("b", "yes").await,
    );
    let other = cluster.namespace("other", "no").await;
    cluster.apply(json!({})).await;
    let status = cluster.provisions(&["a", "b"]).await;
    assert_eq!(status.external_secret_name.as_ref(), Some(&cluster.name));
    assert_eq!(status.failed_namespaces, None);
    let conditions = serde_json::to_value(&status.conditions).unwrap();
    assert_eq!(conditions, json!([{ "type": "Ready", "status": "True" }]));
    let uid = cluster.objects().get(&cluster.name).await.unwrap().metadata.uid;
    for namespace in [&a, &b] {
        let child = cluster.child(namespace, &cluster.name, |_| true).await;
        assert_eq!(key(&child), cluster.space.id("v"));
        let owner = json!([{
            "apiVersion": "external-secrets.io/v1", "kind": "ClusterExternalSecret", "name": cluster.name, "uid": uid,
            "controller": true, "blockOwnerDeletion": true,
        }]);
        assert_eq!(
            serde_json::to_value(child.metadata.owner_references).unwrap(),
            owner
        );
        assert_eq!((child.metadata.labels, child.metadata.annotations), (None, None));
        assert_eq!(child.metadata.finalizers, None);
        let namespace = cluster.namespaces().get(namespace).await.unwrap();
        assert_eq!(
            namespace.metadata.finalizers, None,
            "no namespace is given a finalizer"
        );
    }
    let object = cluster.objects().get(&cluster.name).await.unwrap();
    assert_eq!(object.metadata.finalizers, None);
    cluster.gone(&other, &cluster.name).await;
}

/// Differs: docs/differences.md#another-name.
#[tokio::test(flavor = "multi_thread")]
async fn a_new_name_makes_new_external_secrets_and_deletes_those_of_the_former_name() {
    let cluster = Cluster::new().await;
    let a = cluster.namespace("a", "yes").await;
    cluster.apply(json!({ "externalSecretName": "first" })).await;
    let status = cluster.provisions(&["a"]).await;
    assert_eq!(status.external_secret_name.as_deref(), Some("first"));
    cluster.apply(json!({ "externalSecretName": "second" })).await;
    cluster.child(&a, "second", |_| true).await;
    cluster.gone(&a, "first").await;
    let status = cluster.provisions(&["a"]).await;
    assert_eq!(status.external_secret_name.as_deref(), Some("second"));
}

#[tokio::test(flavor = "multi_thread")]
async fn labels_annotations_and_spec_are_the_wanted_ones_and_no_others() {
    let cluster = Cluster::new().await;
    let a = cluster.namespace("a", "yes").await;
    let metadata =
        |labels: Value, annotations: Value| json!({ "labels": labels, "annotations": annotations });
    let first = metadata(json!({ "x": "1", "y": "1" }), json!({ "n": "1" }));
    cluster.apply(json!({ "externalSecretMetadata": first })).await;
    let child = cluster.child(&a, &cluster.name, |_| true).await;
    assert_eq!(child.metadata.labels, map(&[("x", "1"), ("y", "1")]));
    assert_eq!(child.metadata.annotations, map(&[("n", "1")]));

    let spec = json!({ "externalSecretMetadata": { "labels": { "x": "2" } }, "externalSecretSpec": cluster.reading("w") });
    cluster.apply(spec).await;
    let is_second = |child: &ExternalSecret| {
        child.metadata.labels == map(&[("x", "2")])
            && child.metadata.annotations.as_ref().is_none_or(BTreeMap::is_empty)
            && key(child).ends_with("/w")
    };
    cluster.child(&a, &cluster.name, is_second).await;

    // What others change is changed back.
    let edit = json!({
        "metadata": { "labels": { "x": "3", "z": "3" }, "annotations": { "n": "3" } },
        "spec": { "refreshInterval": "5h" },
    });
    cluster
        .external_secrets(&a)
        .patch(&cluster.name, &PatchParams::default(), &Patch::Merge(edit))
        .await
        .unwrap();
    cluster
        .child(&a, &cluster.name, |child| {
            is_second(child) && child.spec.refresh_interval.as_deref() == Some("1h")
        })
        .await;
    cluster.provisions(&["a"]).await;
}

/// Differs: docs/differences.md#force-sync-of-all.
#[tokio::test(flavor = "multi_thread")]
async fn a_request_for_a_sync_is_passed_on_and_taken_back() {
    let cluster = Cluster::new().await;
    let a = cluster.namespace("a", "yes").await;
    let given = json!({ "externalSecretMetadata": { "annotations": { "n": "1" } } });
    let asking =
        json!({ "annotations": { "external-secrets.io/force-sync": "now", "other": "not passed on" } });
    cluster.apply_with(given.clone(), asking).await;
    let annotations = |wanted: &'static [(&'static str, &'static str)]| {
        move |child: &ExternalSecret| child.metadata.annotations == map(wanted)
    };
    let asked = annotations(&[("external-secrets.io/force-sync", "now"), ("n", "1")]);
    cluster.child(&a, &cluster.name, asked).await;
    cluster
        .apply_with(given, json!({ "annotations": { "other": "alone" } }))
        .await;
    cluster.child(&a, &cluster.name, annotations(&[("n", "1")])).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deleted_external_secret_is_made_again() {
    let cluster = Cluster::new().await;
    let a = cluster.namespace("a", "yes").await;
    cluster.apply(json!({ "refreshTime": "0" })).await;
    let first = cluster.child(&a, &cluster.name, |_| true).await;
    cluster.delete_child(&a, &cluster.name).await;
    cluster
        .child(&a, &cluster.name, |child| {
            child.metadata.uid != first.metadata.uid
        })
        .await;
    cluster.provisions(&["a"]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn namespaces_come_and_go_with_their_labels() {
    let cluster = Cluster::new().await;
    let (a, b) = (
        cluster.namespace("a", "yes").await,
        cluster.namespace("b", "no").await,
    );
    cluster.apply(json!({})).await;
    cluster.provisions(&["a"]).await;
    let c = cluster.namespace("c", "yes").await;
    cluster.provisions(&["a", "c"]).await;
    cluster.label(&b, Some("yes")).await;
    cluster.provisions(&["a", "b", "c"]).await;
    cluster.child(&b, &cluster.name, |_| true).await;
    cluster.label(&a, None).await;
    cluster.gone(&a, &cluster.name).await;
    cluster.provisions(&["b", "c"]).await;
    cluster
        .apply(json!({ "namespaceSelectors": [cluster.labelled("no")] }))
        .await;
    for namespace in [&b, &c] {
        cluster.gone(namespace, &cluster.name).await;
    }
    // Ready, although no namespace is selected.
    cluster.provisions(&[]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn any_selector_expression_or_name_selects() {
    let cluster = Cluster::new().await;
    for (name, label) in [
        ("a", "one"),
        ("b", "two"),
        ("c", "three"),
        ("d", "four"),
        ("e", "five"),
    ] {
        cluster.namespace(name, label).await;
    }
    let listed = json!({ "matchExpressions": [{ "key": cluster.name, "operator": "In", "values": ["two", "three"] }] });
    let spec = json!({
        "namespaceSelector": cluster.labelled("one"),
        "namespaceSelectors": [listed, cluster.labelled("nobody")],
        "namespaces": [cluster.full("d"), cluster.full("absent")],
    });
    cluster.apply(spec).await;
    cluster.provisions(&["a", "b", "c", "d"]).await;
    // The one that was named comes later.
    cluster.namespace("absent", "six").await;
    cluster.provisions(&["a", "absent", "b", "c", "d"]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_stands_is_not_written_again() {
    let cluster = Cluster::new().await;
    let (a, b) = (
        cluster.namespace("a", "yes").await,
        cluster.namespace("b", "yes").await,
    );
    cluster.apply(json!({ "refreshTime": "1s" })).await;
    cluster.provisions(&["a", "b"]).await;
    let turns = async || {
        let metrics = crate::world::operator().await.metrics().await;
        let label =
            "controller_runtime_reconcile_total{controller=\"clusterexternalsecret\",result=\"success\"} ";
        let line = metrics
            .lines()
            .find_map(|line| line.strip_prefix(label).map(str::to_owned));
        line.map_or(0, |count| count.parse::<u64>().unwrap())
    };
    let mark = cluster.space.world.plane.audit().mark().unwrap();
    // A namespace that changes in a way that does not matter, and some periods.
    let patch = Patch::Merge(json!({ "metadata": { "labels": { "irrelevant": "1" } } }));
    cluster
        .namespaces()
        .patch(&a, &PatchParams::default(), &patch)
        .await
        .unwrap();
    let before = turns().await;
    until("some turns", || async {
        let now = turns().await;
        if now >= before + 3 {
            Ok(())
        } else {
            Err(format!("{now}"))
        }
    })
    .await;
    let requests = cluster.space.world.plane.audit().since(mark).unwrap();
    let about = |object: &keyferry_parts::audit::Object| {
        object.name == cluster.name
            || [&a, &b]
                .into_iter()
                .any(|namespace| object.namespace == *namespace)
    };
    let asked: Vec<_> = requests
        .iter()
        .filter(|r| r.user_agent.starts_with("keyferry/") && r.object.as_ref().is_some_and(about))
        // The ExternalSecrets wait for a store that is not there, and say so.
        .filter(|r| !matches!(r.resource().as_str(), "externalsecrets/status" | "events"))
        .map(|r| format!("{} {}", r.verb, r.uri))
        .collect();
    assert_eq!(asked, Vec::<String>::new());
}
