//! The entry to AWS.

use std::sync::Arc;

use tokio::sync::broadcast;

use super::{
    error::{Class, Error},
    identity::Identity,
    read::{Answer, Lane, Read, Retry},
    scope::{StoreName, StoreScope},
    settings::Settings,
};
use crate::api::external_secret::StoreKind;

/// The one way to AWS. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Broker {
    settings: Arc<Settings>,
    kube: Arc<()>,
    recoveries: broadcast::Sender<StoreName>,
}

impl Broker {
    /// A broker that has made no call yet. Fails where the CA bundle cannot be used or a metric is registered twice.
    pub fn new(
        settings: Settings,
        kube: kube::Client,
        registry: &prometheus::Registry,
    ) -> Result<Self, Error> {
        let _ = (kube, registry);
        Ok(Self {
            settings: Arc::new(settings),
            kube: Arc::new(()),
            recoveries: broadcast::channel(1024).0,
        })
    }

    /// The settings it was made with.
    #[must_use]
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// As whom a store's user asks AWS. Looks up ServiceAccounts and credential Secrets; remembered while they and the
    /// store's spec stand.
    pub async fn identify(&self, scope: &StoreScope<'_>) -> Result<Arc<Identity>, Error> {
        let _ = (scope, &self.kube);
        Err(Error::new(Class::Config, "store", "not wired yet"))
    }

    /// Whether a store can be used: looks everything up anew and gets credentials. Asks no service that holds secrets.
    /// A store with referent authentication can only be validated for a user; the caller decides.
    pub async fn validate(&self, scope: &StoreScope<'_>) -> Result<(), Error> {
        self.identify(scope).await.map(|_| ())
    }

    /// Reads one value. With `single` it travels alone, as a removal needs that must be sure.
    pub async fn read(
        &self,
        identity: &Arc<Identity>,
        retry: Option<&Retry>,
        read: &Read,
        lane: Lane,
        single: bool,
    ) -> Result<Arc<Answer>, Error> {
        let _ = (identity, retry, read, lane, single);
        Err(Error::new(Class::Config, "store", "not wired yet"))
    }

    /// A ServiceAccount was made, changed or deleted: stores that use it are identified anew.
    pub fn service_account_changed(&self, namespace: &str, name: &str) {
        let _ = (namespace, name);
    }

    /// A store's spec changed: what was remembered about failures and permissions is forgotten.
    pub fn store_changed(&self, kind: StoreKind, namespace: Option<&str>, name: &str) {
        let _ = (kind, namespace, name);
    }

    /// IAM actions that the store's identity was found to lack, such as `secretsmanager:BatchGetSecretValue`; reads go
    /// on without them, one call each.
    #[must_use]
    pub fn missing_actions(&self, identity: &Identity) -> Vec<&'static str> {
        let _ = identity;
        Vec::new()
    }

    /// Stores whose credentials failed and were got again: their objects need not wait any longer. A receiver that lags
    /// should wake all.
    #[must_use]
    pub fn subscribe_recoveries(&self) -> broadcast::Receiver<StoreName> {
        self.recoveries.subscribe()
    }
}
