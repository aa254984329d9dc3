//! `keyferry migrate`: what moving from External Secrets Operator (ESO) to keyferry means for the objects of a cluster,
//! and what ESO leaves behind.
//!
//! Checks write nothing. Releasing removes ESO's finalizers, and nothing else, from anything; restoring gives Secrets ESO's
//! hash of their data back, and nothing else.

pub mod check;
pub mod finalizers;
pub mod hashes;
mod running;

use kube::{
    Api, Client,
    api::{ApiResource, DynamicObject, GroupVersionKind},
};

use crate::{api::names, secrets_api};

/// A kind of ESO's, where ESO puts finalizers.
#[derive(Clone, Copy, Debug)]
pub(crate) struct EsoKind {
    group: &'static str,
    version: &'static str,
    kind: &'static str,
    plural: &'static str,
    finalizer: &'static str,
}

const fn kind(
    version: &'static str,
    kind: &'static str,
    plural: &'static str,
    finalizer: &'static str,
) -> EsoKind {
    EsoKind {
        group: names::GROUP,
        version,
        kind,
        plural,
        finalizer,
    }
}

const PUSH_FINALIZER: &str = "pushsecret.externalsecrets.io/finalizer";

/// Every kind on which ESO leaves a finalizer, namespaces aside.
pub(crate) const KINDS: [EsoKind; 6] = [
    kind("v1", "ExternalSecret", "externalsecrets", names::ESO_FINALIZER),
    kind("v1", "SecretStore", "secretstores", names::ESO_STORE_FINALIZER),
    kind(
        "v1",
        "ClusterSecretStore",
        "clustersecretstores",
        names::ESO_STORE_FINALIZER,
    ),
    kind(
        "v1",
        names::CLUSTER_EXTERNAL_SECRET,
        "clusterexternalsecrets",
        names::ESO_CLUSTER_FINALIZER,
    ),
    kind("v1alpha1", "PushSecret", "pushsecrets", PUSH_FINALIZER),
    EsoKind {
        group: names::GENERATORS_GROUP,
        version: "v1alpha1",
        kind: "GeneratorState",
        plural: "generatorstates",
        finalizer: "generatorstate.externalsecrets.io/finalizer",
    },
];

impl EsoKind {
    fn api(self, client: &Client, namespace: Option<&str>) -> Api<DynamicObject> {
        let gvk = GroupVersionKind::gvk(self.group, self.version, self.kind);
        let resource = ApiResource::from_gvk_with_plural(&gvk, self.plural);
        match namespace {
            Some(namespace) => Api::namespaced_with(client.clone(), namespace, &resource),
            None => Api::all_with(client.clone(), &resource),
        }
    }
}

/// Why a command could not do its work.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The API server refused, or did not answer.
    #[error("{what}: {source}")]
    Kube {
        /// What was tried.
        what: String,
        /// What the API server said.
        #[source]
        source: Box<kube::Error>,
    },
    /// ESO would put back what is taken away.
    #[error("ESO still runs ({0}): scale it to 0 first, or it puts its finalizers back")]
    EsoRuns(String),
    /// ESO would fetch and draw before it finds a hash.
    #[error(
        "ESO runs already ({0}): restore the hashes before ESO starts, or it makes generated values anew"
    )]
    EsoFetches(String),
    /// keyferry would take away what is put there.
    #[error(
        "keyferry still runs ({0}): scale it to 0 first, or it takes the hash away again at its next write"
    )]
    KeyferryRuns(String),
    /// What was read is not what stands.
    #[error("these changed meanwhile and have no hash yet ({0}): is keyferry scaled to 0? Run this again")]
    Changed(String),
    /// A Secret could not be read or written.
    #[error("{what}: {source}")]
    Secret {
        /// What was tried.
        what: String,
        /// What the API server said.
        #[source]
        source: Box<secrets_api::Error>,
    },
    /// Objects are stored in a version that keyferry does not read.
    #[error("{0}")]
    Outdated(String),
}

impl Error {
    fn kube(what: impl Into<String>) -> impl FnOnce(kube::Error) -> Self {
        let what = what.into();
        move |error| Self::Kube {
            what,
            source: Box::new(error),
        }
    }

    fn secret(what: impl Into<String>) -> impl FnOnce(secrets_api::Error) -> Self {
        let what = what.into();
        move |error| Self::Secret {
            what,
            source: Box::new(error),
        }
    }
}
