//! Which kinds the API server serves, and by which name: found out once, by discovery, which everybody may ask.

use std::{
    collections::HashMap,
    sync::{PoisonError, RwLock},
    time::Duration,
};

use kube::{
    Client,
    api::ApiResource,
    core::GroupVersionKind,
    discovery::{self, Scope},
    error::DiscoveryError,
};

use crate::sync::spec::GenericKind;

/// A question that takes longer is given up; the queue tries again.
const TIMEOUT: Duration = Duration::from_secs(10);

/// Kinds that were found.
#[derive(Debug, Default)]
pub struct Kinds(RwLock<HashMap<GenericKind, ApiResource>>);

/// Why a kind cannot be written.
#[derive(Debug, thiserror::Error)]
pub enum Unresolved {
    /// There is no such kind.
    #[error("the API server does not serve it")]
    NotServed,
    /// Its objects stand in no namespace.
    #[error("its objects stand in no namespace")]
    ClusterScoped,
    /// The API server could not be asked.
    #[error("the API server could not be asked which kinds it serves")]
    Unknown,
}

impl Kinds {
    /// A kind as the API server serves it.
    pub async fn resolve(&self, client: &Client, kind: &GenericKind) -> Result<ApiResource, Unresolved> {
        let known = self
            .0
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .get(kind)
            .cloned();
        if let Some(known) = known {
            return Ok(known);
        }
        let gvk = GroupVersionKind::gvk(&kind.group, &kind.version, &kind.kind);
        let asked = tokio::time::timeout(TIMEOUT, discovery::pinned_kind(client, &gvk)).await;
        match asked {
            Ok(Ok((resource, capabilities))) if capabilities.scope == Scope::Namespaced => {
                self.0
                    .write()
                    .unwrap_or_else(PoisonError::into_inner)
                    .insert(kind.clone(), resource.clone());
                Ok(resource)
            }
            Ok(Ok(_)) => Err(Unresolved::ClusterScoped),
            Ok(Err(kube::Error::Discovery(DiscoveryError::MissingKind(_)))) => Err(Unresolved::NotServed),
            Ok(Err(kube::Error::Api(status))) if status.code == 404 => Err(Unresolved::NotServed),
            Ok(Err(_)) | Err(_) => Err(Unresolved::Unknown),
        }
    }

    /// The API server does not know a kind that it served: it is asked anew.
    pub fn forget(&self, kind: &GenericKind) {
        self.0
            .write()
            .unwrap_or_else(PoisonError::into_inner)
            .remove(kind);
    }
}
