//! ESO puts finalizers on ClusterExternalSecrets and on the namespaces that they select, and takes not all of them
//! back. Here they go from what is being deleted. None is ever put on anything.

use std::{fmt::Debug, sync::Arc, time::Duration};

use k8s_openapi::api::core::v1::{Namespace, ObjectReference};
use kube::{
    Api, Resource,
    api::{PartialObjectMeta, Patch, PatchParams},
};
use serde_json::json;

use super::object::ClusterObject;
use crate::{
    api::{ClusterExternalSecret, names},
    operator::Context,
};

/// When a finalizer that could not be removed is tried again.
const RETRY: Duration = Duration::from_mins(5);
/// One removal, a read and a write, may take this long.
const CALL_TIMEOUT: Duration = Duration::from_secs(20);

/// The object is being deleted: its finalizer goes, and its finalizer on namespaces.
pub(super) async fn object(ctx: &Arc<Context>, object: &ClusterObject) -> Option<Duration> {
    let retry = namespaces(ctx, &object.name, Which::All).await;
    if !object.finalizer_left {
        return retry;
    }
    let api: Api<PartialObjectMeta<ClusterExternalSecret>> = Api::all(ctx.client.clone());
    match remove(&api, &object.name, names::ESO_CLUSTER_FINALIZER).await {
        Ok(()) => {
            tracing::info!(name = %object.name, "released ESO's finalizer of a ClusterExternalSecret");
            retry
        }
        Err(error) => {
            tracing::warn!(name = %object.name, %error, "could not release ESO's finalizer of a ClusterExternalSecret");
            Some(RETRY)
        }
    }
}

/// Of which namespaces the finalizer goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Which {
    /// Of all that carry it.
    All,
    /// Of those that are being deleted.
    Terminating,
}

/// Removes the finalizer that ESO put on namespaces for a ClusterExternalSecret of this name.
pub(super) async fn namespaces(ctx: &Arc<Context>, name: &str, which: Which) -> Option<Duration> {
    let finalizer = format!("{}{name}", names::ESO_NAMESPACE_FINALIZER_PREFIX);
    let api: Api<PartialObjectMeta<Namespace>> = Api::all(ctx.client.clone());
    let mut retry = None;
    for namespace in ctx.namespaces.held_for(name, which == Which::Terminating) {
        match remove(&api, &namespace, &finalizer).await {
            Ok(()) => tracing::info!(%namespace, finalizer, "released ESO's finalizer of a namespace"),
            Err(error) => {
                tracing::warn!(%namespace, finalizer, %error, "could not release ESO's finalizer of a namespace");
                let regarding = ObjectReference {
                    api_version: Some("v1".to_owned()),
                    kind: Some("Namespace".to_owned()),
                    name: Some(namespace.to_string()),
                    ..ObjectReference::default()
                };
                let note = format!(
                    "ESO left the finalizer {finalizer}, which keyferry may not remove: run `keyferry migrate \
                     --release-finalizers` with an admin's kubeconfig"
                );
                ctx.events
                    .publish(regarding, "external-secrets", true, "FinalizerLeft", note);
                retry = Some(RETRY);
            }
        }
    }
    retry
}

/// Takes one finalizer off an object, if both are there.
async fn remove<K>(api: &Api<PartialObjectMeta<K>>, name: &str, finalizer: &str) -> Result<(), Error>
where
    K: Clone + Debug,
    PartialObjectMeta<K>: Resource + Clone + Debug + serde::de::DeserializeOwned,
{
    let removed = async {
        let Some(meta) = api.get_metadata_opt(name).await? else {
            return Ok(());
        };
        let mut finalizers = meta.metadata.finalizers.unwrap_or_default();
        finalizers.retain(|f| f != finalizer);
        // The resourceVersion keeps finalizers that came meanwhile.
        let patch = json!({ "metadata": {
            "finalizers": finalizers,
            "resourceVersion": meta.metadata.resource_version,
        }});
        api.patch_metadata(name, &PatchParams::default(), &Patch::Merge(&patch))
            .await
            .map(drop)
    };
    match tokio::time::timeout(CALL_TIMEOUT, removed).await {
        Ok(Err(kube::Error::Api(status))) if status.code == 404 => Ok(()),
        Ok(answer) => answer.map_err(|error| Error::Kube(Box::new(error))),
        Err(_) => Err(Error::Timeout),
    }
}

/// Why a finalizer stays.
#[derive(Debug, thiserror::Error)]
enum Error {
    #[error("{0}")]
    Kube(Box<kube::Error>),
    #[error("the API server did not answer in time")]
    Timeout,
}
