//! What stands in the queue: an object of one of the kinds that have turns.

use std::sync::Arc;

use super::{objects::ObjectName, queue};

/// The kinds that have turns.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Kind {
    /// ExternalSecret.
    ExternalSecret,
    /// SecretStore.
    SecretStore,
    /// ClusterSecretStore.
    ClusterSecretStore,
    /// ClusterExternalSecret.
    ClusterExternalSecret,
}

impl Kind {
    pub(super) const ALL: [Self; 4] = [
        Self::ExternalSecret,
        Self::SecretStore,
        Self::ClusterSecretStore,
        Self::ClusterExternalSecret,
    ];

    /// As metrics name it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::ExternalSecret => "externalsecret",
            Self::SecretStore => "secretstore",
            Self::ClusterSecretStore => "clustersecretstore",
            Self::ClusterExternalSecret => "clusterexternalsecret",
        }
    }
}

/// An object in the queue.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Key {
    /// Kind.
    pub kind: Kind,
    /// Namespace and name; the namespace of cluster-wide objects is empty.
    pub name: ObjectName,
}

impl Key {
    /// A key.
    pub fn new(kind: Kind, name: &ObjectName) -> Self {
        Self {
            kind,
            name: name.clone(),
        }
    }

    /// The key of a ClusterExternalSecret.
    pub(super) fn cluster_object(name: &Arc<str>) -> Self {
        Self {
            kind: Kind::ClusterExternalSecret,
            name: (Arc::from(""), Arc::clone(name)),
        }
    }
}

impl queue::Key for Key {
    fn group(&self) -> &str {
        &self.name.0
    }

    fn kind(&self) -> &'static str {
        self.kind.name()
    }
}
