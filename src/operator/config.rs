//! Settings of the operator, checked.

use std::{collections::BTreeSet, fmt::Debug, time::Duration};

use k8s_openapi::NamespaceResourceScope;
use kube::{Api, Client, Resource};

use super::{lease, namespaces::Scope};
use crate::{
    aws,
    sync::{apply::Adoption, spec::Rules},
};

/// The class that serves stores which name none.
pub const DEFAULT_CLASS: &str = "default";

/// Settings.
#[derive(Clone, Debug)]
#[expect(clippy::struct_excessive_bools, reason = "each is a switch of its own")]
pub struct Config {
    /// `--controller-class`
    pub controller_class: String,
    /// `--namespace`: serve these only; all where there is none.
    pub namespaces: BTreeSet<String>,
    /// Serve SecretStores.
    pub secret_stores: bool,
    /// Serve ClusterSecretStores.
    pub cluster_stores: bool,
    /// Serve ClusterExternalSecrets.
    pub cluster_external_secrets: bool,
    /// Objects wait until their store is Ready.
    pub flood_gate: bool,
    /// How often stores are validated; nothing for only when they change.
    pub store_requeue_interval: Option<Duration>,
    /// When foreign Secrets may be taken over.
    pub adopt: Adoption,
    /// Watch target Secrets, to repair them.
    pub drift_watch: bool,
    /// Watch the sources of templates, to render anew when one changes.
    pub template_watch: bool,
    /// What flags say about specs.
    pub rules: Rules,
    /// Per-object series in metrics.
    pub object_metrics: bool,
    /// How long running syncs may go on after a stop.
    pub grace_period: Duration,
    /// How the Lease is held that says which replica works; without it, this one does.
    pub lease: Option<lease::Settings>,
    /// Name of this replica, in events and in the Lease.
    pub instance: String,
    /// The way to AWS.
    pub aws: aws::Settings,
}

impl Config {
    /// Whether stores that name no class are ours.
    pub fn is_default_class(&self) -> bool {
        self.controller_class == DEFAULT_CLASS
    }

    /// The ways to a namespaced kind: one for everything, or one for each namespace that is served. Nothing beyond those
    /// is ever asked for, so that Roles in them suffice.
    pub fn apis<K>(&self, client: &Client) -> Vec<(Scope, Api<K>)>
    where
        K: Resource<Scope = NamespaceResourceScope>,
        K::DynamicType: Default,
    {
        if self.namespaces.is_empty() {
            return vec![(Scope::All, Api::all(client.clone()))];
        }
        self.namespaces
            .iter()
            .map(|namespace| {
                let scope = Scope::Namespace(namespace.as_str().into());
                (scope, Api::namespaced(client.clone(), namespace))
            })
            .collect()
    }
}
