//! ESO puts finalizers on ClusterExternalSecrets and on the namespaces that they select, and takes not all of them
//! back. Here they go from what is being deleted. None is ever put on anything.

use std::{sync::Arc, time::Duration};

use k8s_openapi::api::core::v1::{Namespace, ObjectReference};
use kube::{Api, api::PartialObjectMeta};

use super::object::ClusterObject;
use crate::{
    api::{ClusterExternalSecret, names},
    operator::{Context, finalizers::remove},
};

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
            retry.into_iter().chain(Some(error.retry())).min()
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
                if error.is_forbidden() {
                    forbidden(ctx, &namespace, &finalizer);
                }
                retry = retry.into_iter().chain(Some(error.retry())).min();
            }
        }
    }
    retry
}

/// Only an admin can mend that: it is told where one looks, on the namespace that does not go.
fn forbidden(ctx: &Context, namespace: &str, finalizer: &str) {
    let regarding = ObjectReference {
        api_version: Some("v1".to_owned()),
        kind: Some("Namespace".to_owned()),
        name: Some(namespace.to_owned()),
        ..ObjectReference::default()
    };
    let note = format!(
        "ESO left the finalizer {finalizer}, which keyferry may not remove: run `keyferry migrate \
         --release-finalizers` with an admin's kubeconfig"
    );
    ctx.events
        .publish(regarding, "external-secrets", true, "FinalizerLeft", note);
}
