//! An ExternalSecret that is being deleted: the finalizer that ESO left on it would keep it for ever. Owned Secrets go by
//! garbage collection.

use std::time::Duration;

use kube::{Api, api::PartialObjectMeta};

use crate::{
    api::{ExternalSecret, names},
    operator::{Context, finalizers, stores::state},
    sync::{object::Object, plan::StoreState},
};

/// Releases the object, unless a store says that it is another operator's. Where its stores are gone nobody else may be
/// left to do it. Gives when it is tried again.
pub(super) async fn object(ctx: &Context, object: &Object) -> Option<Duration> {
    let is_others = || {
        let mut stores = object.stores.iter();
        stores.any(|name| matches!(state(ctx, &object.namespace, name), StoreState::NotOurs(_)))
    };
    if !object.finalizer_left || is_others() {
        return None;
    }
    let api: Api<PartialObjectMeta<ExternalSecret>> = Api::namespaced(ctx.client.clone(), &object.namespace);
    match finalizers::remove(&api, &object.name, names::ESO_FINALIZER).await {
        Ok(()) => {
            tracing::info!(namespace = %object.namespace, name = %object.name, "released ESO's finalizer");
            None
        }
        Err(error) => {
            tracing::warn!(
                namespace = %object.namespace, name = %object.name, %error, "could not release ESO's finalizer; trying again"
            );
            Some(error.retry())
        }
    }
}
