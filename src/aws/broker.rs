//! The entry to AWS.

use std::{fmt, sync::Arc};

use tokio::sync::{Semaphore, broadcast};

use super::{
    accounts::Accounts,
    budget::Budgets,
    call::Line,
    clients::Clients,
    desk::Desks,
    error::Error,
    find::{Found, Query, Search},
    identities::Identities,
    identity::Identity,
    lookup::Lookup,
    meter::Meter,
    read::{Answer, Lane, Read, Retry},
    recoveries::Recoveries,
    room::Room,
    scope::{StoreName, StoreScope},
    sessions::Sessions,
    settings::Settings,
};
use crate::api::external_secret::StoreKind;

/// The one way to AWS. Cheap to clone.
#[derive(Clone)]
pub struct Broker {
    settings: Arc<Settings>,
    identities: Identities,
    sessions: Sessions,
    line: Arc<Line>,
    desks: Desks,
    recoveries: Recoveries,
}

impl fmt::Debug for Broker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Broker").finish_non_exhaustive()
    }
}

impl Broker {
    /// A broker that has made no call yet. Fails where the CA bundle cannot be used or a metric is registered twice.
    pub fn new(
        settings: Settings,
        kube: kube::Client,
        registry: &prometheus::Registry,
    ) -> Result<Self, Error> {
        let settings = Arc::new(settings);
        let meter = Meter::new(registry)?;
        let clients = Arc::new(Clients::new(&settings)?);
        let recoveries = Recoveries::new();
        let lookup = Lookup::new(kube);
        let sessions = Sessions::new(
            lookup.clone(),
            Arc::clone(&clients),
            Arc::clone(&settings),
            meter.clone(),
            recoveries.clone(),
        );
        let identities = Identities::new(
            lookup,
            sessions.clone(),
            Arc::clone(&settings),
            recoveries.clone(),
        );
        let limits = &settings.limits;
        let line = Arc::new(Line {
            clients,
            sessions: sessions.clone(),
            accounts: Accounts::default(),
            identities: identities.clone(),
            meter,
            budgets: Budgets::new(settings.quotas.clone()),
            calls: Arc::new(Semaphore::new(limits.calls.max(1))),
            room: Room::new(limits.held_bytes, settings.timeouts.room),
            settings: Arc::clone(&settings),
        });
        Ok(Self {
            settings,
            identities,
            sessions,
            desks: Desks::new(Arc::clone(&line)),
            line,
            recoveries,
        })
    }

    /// What every call needs.
    pub(super) fn line(&self) -> &Line {
        &self.line
    }

    /// The settings it was made with.
    #[must_use]
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// As whom a store's user asks AWS. Looks up `ServiceAccounts` and credential Secrets; remembered while they and the
    /// store's spec stand.
    pub async fn identify(&self, scope: &StoreScope<'_>) -> Result<Arc<Identity>, Error> {
        self.identities.get(scope).await
    }

    /// Whether a store can be used: looks everything up anew and gets credentials. Asks no service that holds secrets.
    /// A store with referent authentication can only be validated for a user; the caller decides.
    pub async fn validate(&self, scope: &StoreScope<'_>) -> Result<(), Error> {
        if let Some(retry) = scope.retry {
            Retry::parse(retry)?;
        }
        let identity = self.identities.get_anew(scope).await?;
        self.sessions.get(&identity).await.map(|_| ())
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
        self.desks.read(identity, retry, read, lane, single).await
    }

    /// Everything that matches, with its value, by full name. What vanishes meanwhile is left out; any other failure is the
    /// whole find's and names the thing that failed.
    pub async fn find(
        &self,
        identity: &Arc<Identity>,
        retry: Option<&Retry>,
        query: &Query,
        lane: Lane,
    ) -> Result<Vec<Found>, Error> {
        let search = Search {
            desks: &self.desks,
            identity,
            retry,
            query,
            lane,
        };
        search.run().await
    }

    /// A `ServiceAccount` was made, changed or deleted: stores that use it are identified anew.
    pub fn service_account_changed(&self, namespace: &str, name: &str) {
        self.identities.forget_account(namespace, name);
    }

    /// ServiceAccounts were listed anew: any may have changed.
    pub fn service_accounts_relisted(&self) {
        self.identities.forget_accounts();
    }

    /// A store's spec changed: what was remembered about failures and permissions is forgotten.
    pub fn store_changed(&self, kind: StoreKind, namespace: Option<&str>, name: &str) {
        let store = StoreName {
            kind,
            namespace: namespace.map(str::to_owned),
            name: name.to_owned(),
        };
        self.try_again(&store);
        for identity in self.recoveries.of_store(&store) {
            self.desks.forget(&identity);
        }
    }

    /// Somebody asks for another try (force-sync): credentials that failed are got at the next read, without the wait that
    /// their failure has earned.
    pub fn try_again(&self, store: &StoreName) {
        self.identities.forgive_store(store);
        for identity in self.recoveries.of_store(store) {
            self.sessions.forgive(&identity);
        }
    }

    /// IAM actions that the store's identity was found to lack, such as `secretsmanager:BatchGetSecretValue`; reads go
    /// on without them, one call each.
    #[must_use]
    pub fn missing_actions(&self, identity: &Identity) -> Vec<&'static str> {
        self.desks.missing_actions(identity)
    }

    /// Stores whose credentials failed and were got again: their objects need not wait any longer. A receiver that lags
    /// should wake all.
    #[must_use]
    pub fn subscribe_recoveries(&self) -> broadcast::Receiver<StoreName> {
        self.recoveries.subscribe()
    }
}

#[cfg(test)]
mod tests;
