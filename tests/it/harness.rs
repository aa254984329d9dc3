//! For tests of single parts: a cluster that has our CRDs and no operator, a namespace, and waiting for a condition.

use std::{future::Future, path::Path, time::Duration};

use k8s_openapi::{
    api::core::v1::Namespace, apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition,
};
use keyferry_parts::{ControlPlane, control_plane::Options};
use kube::{
    Api, Client,
    api::{ApiResource, DynamicObject, GroupVersionKind, ListParams, Patch, PatchParams, PostParams},
};
use serde_json::json;
use tokio::{sync::OnceCell, time::Instant};

/// However busy the machine is, it is not as slow as this.
const DEADLINE: Duration = Duration::from_mins(1);

/// A control plane without an operator and with the CRDs of `crds/`, whichever ones the other tests run on.
pub(crate) async fn plane() -> &'static ControlPlane {
    static PLANE: OnceCell<ControlPlane> = OnceCell::const_new();
    PLANE
        .get_or_init(|| async {
            let plane = ControlPlane::start(Options::default()).await.unwrap();
            install(&plane.client().await.unwrap(), "crds").await;
            plane
        })
        .await
}

/// A client of that control plane.
pub(crate) async fn cluster() -> Client {
    plane().await.client().await.unwrap()
}

/// A namespace of this name.
pub(crate) async fn namespace(client: &Client, name: &str) {
    let namespace = serde_json::from_value(json!({ "metadata": { "name": name } })).unwrap();
    Api::<Namespace>::all(client.clone())
        .create(&PostParams::default(), &namespace)
        .await
        .unwrap();
}

/// Installs every CRD of a folder, as `kubectl apply` does, and waits until all are served.
pub(crate) async fn install(client: &Client, folder: &str) {
    let api: Api<CustomResourceDefinition> = Api::all(client.clone());
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join(folder);
    for file in std::fs::read_dir(folder).unwrap() {
        let text = std::fs::read_to_string(file.unwrap().path()).unwrap();
        let crd: serde_json::Value = serde_saphyr::from_str(&text).unwrap();
        let name = crd
            .pointer("/metadata/name")
            .unwrap()
            .as_str()
            .unwrap()
            .to_owned();
        let params = PatchParams::apply("test").force();
        let applied = api.patch(&name, &params, &Patch::Apply(crd)).await.unwrap();
        let served = applied
            .spec
            .versions
            .iter()
            .find(|version| version.served)
            .unwrap();
        let kind = &applied.spec.names.kind;
        let stored = applied.metadata.generation;
        let gvk = GroupVersionKind::gvk(&applied.spec.group, &served.name, kind);
        let objects: Api<DynamicObject> = Api::all_with(client.clone(), &ApiResource::from_gvk(&gvk));
        eventually(&format!("{kind} is served"), || async {
            let crd = api.get(&name).await.ok()?;
            let conditions = crd.status?.conditions?;
            let established = conditions
                .iter()
                .any(|c| c.type_ == "Established" && c.status == "True");
            let listed = objects.list(&ListParams::default()).await.is_ok();
            (established && listed && crd.metadata.generation == stored).then_some(())
        })
        .await;
    }
}

/// Objects of our group as they are, without the types of the crate.
pub(crate) fn dynamic(
    client: &Client,
    version: &str,
    kind: &str,
    namespace: Option<&str>,
) -> Api<DynamicObject> {
    let resource = ApiResource::from_gvk(&GroupVersionKind::gvk("external-secrets.io", version, kind));
    match namespace {
        Some(namespace) => Api::namespaced_with(client.clone(), namespace, &resource),
        None => Api::all_with(client.clone(), &resource),
    }
}

/// Waits until something is there.
pub(crate) async fn eventually<T, F: Future<Output = Option<T>>>(
    what: &str,
    mut look: impl FnMut() -> F,
) -> T {
    let deadline = Instant::now() + DEADLINE;
    let mut ticks = tokio::time::interval(Duration::from_millis(50));
    loop {
        ticks.tick().await;
        if let Some(found) = look().await {
            return found;
        }
        assert!(Instant::now() < deadline, "waited in vain: {what}");
    }
}
