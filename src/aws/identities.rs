//! Which identity a claim resolves to, remembered while the cluster stays as it is.
//!
//! `ServiceAccounts` are watched by the caller, which tells of changes; credential Secrets are looked at again when a store is
//! validated, when AWS rejects them, and every few minutes for stores that nobody validates (referent authentication).

use std::{
    collections::{BTreeSet, HashMap},
    fmt,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use tokio::time::Instant;

use super::{
    claim::{Claim, ClaimedSource, Purpose},
    error::{Class, Error},
    identity::Identity,
    lookup::Lookup,
    recoveries::Recoveries,
    remembered::{Grace, Lease, Remembered, random},
    scope::{StoreName, StoreScope},
    sessions::Sessions,
    settings::Settings,
};

/// What the cluster holds is looked at again after this, in the background. Longer than the usual time between two
/// validations of a store, which look as well.
const LOOK_AGAIN: Duration = Duration::from_mins(6);
/// Claims that nobody made for this long are forgotten.
const UNUSED: Duration = Duration::from_hours(2);
/// How often that is looked for.
const SWEEP: Duration = Duration::from_mins(10);

/// What is known about claims. Cheap to clone.
#[derive(Clone)]
pub(super) struct Identities(Arc<Inner>);

struct Inner {
    lookup: Lookup,
    sessions: Sessions,
    settings: Arc<Settings>,
    recoveries: Recoveries,
    kept: Mutex<Kept>,
}

struct Kept {
    entries: HashMap<Claim, Entry>,
    swept_at: Instant,
}

struct Entry {
    place: Arc<Remembered<Arc<Identity>>>,
    /// Stores that make the claim; told when it can be resolved again.
    stores: Arc<Mutex<BTreeSet<StoreName>>>,
    used_at: Instant,
}

impl fmt::Debug for Identities {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Identities").finish_non_exhaustive()
    }
}

impl Identities {
    pub(super) fn new(
        lookup: Lookup,
        sessions: Sessions,
        settings: Arc<Settings>,
        recoveries: Recoveries,
    ) -> Self {
        let kept = Mutex::new(Kept {
            entries: HashMap::new(),
            swept_at: Instant::now(),
        });
        Self(Arc::new(Inner {
            lookup,
            sessions,
            settings,
            recoveries,
            kept,
        }))
    }

    /// The identity of a store's user; looked up where it is not known.
    pub(super) async fn get(&self, scope: &StoreScope<'_>) -> Result<Arc<Identity>, Error> {
        let claim = self.claim(scope, Purpose::Read)?;
        let store = scope.store();
        let place = self.place(&claim, &store);
        let identity = place.get(|| self.clone().resolve(claim)).await?;
        self.0.recoveries.serves(&identity, &store);
        Ok(identity)
    }

    /// The identity of a store by itself; looked up whatever is known.
    pub(super) async fn get_anew(&self, scope: &StoreScope<'_>) -> Result<Arc<Identity>, Error> {
        let claim = self.claim(scope, Purpose::Validate)?;
        let store = scope.store();
        let place = self.place(&claim, &store);
        let identity = place.get_anew(|| self.clone().resolve(claim)).await?;
        self.0.recoveries.serves(&identity, &store);
        Ok(identity)
    }

    /// The identity as the cluster has it now. Where it is another one, all who had the old one get the new one.
    pub(super) async fn again(&self, identity: &Arc<Identity>) -> Result<Arc<Identity>, Error> {
        let claim = Claim::of_identity(identity);
        if !claim.needs_lookup() {
            return Ok(Arc::clone(identity));
        }
        let lease = self.clone().resolve(claim).await?;
        if lease.value != *identity {
            let kept = self.0.kept.lock().unwrap_or_else(PoisonError::into_inner);
            let outdated = kept
                .entries
                .values()
                .filter(|entry| entry.place.holds(|held| held == identity));
            outdated.for_each(|entry| entry.place.forget());
        }
        Ok(lease.value)
    }

    /// A `ServiceAccount` changed.
    pub(super) fn forget_account(&self, namespace: &str, name: &str) {
        self.forget_where(|claim| claim.uses_service_account(namespace, name));
    }

    /// Any `ServiceAccount` may have changed.
    pub(super) fn forget_accounts(&self) {
        self.forget_where(|claim| matches!(claim.source, ClaimedSource::ServiceAccount { .. }));
    }

    fn forget_where(&self, changed: impl Fn(&Claim) -> bool) {
        let kept = self.0.kept.lock().unwrap_or_else(PoisonError::into_inner);
        let using = kept.entries.iter().filter(|(claim, _)| changed(claim));
        using.for_each(|(_, entry)| entry.place.forget());
    }

    /// A store changed: what failed for it is tried again at once.
    pub(super) fn forgive_store(&self, store: &StoreName) {
        let kept = self.0.kept.lock().unwrap_or_else(PoisonError::into_inner);
        for entry in kept.entries.values() {
            if entry
                .stores
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .contains(store)
            {
                entry.place.forgive();
            }
        }
    }

    fn claim(&self, scope: &StoreScope<'_>, purpose: Purpose) -> Result<Claim, Error> {
        let settings = &self.0.settings;
        Claim::of(
            scope,
            settings.cluster_name.as_deref(),
            settings.use_fips,
            purpose,
        )
    }

    fn place(&self, claim: &Claim, store: &StoreName) -> Arc<Remembered<Arc<Identity>>> {
        let now = Instant::now();
        let mut kept = self.0.kept.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(entry) = kept.entries.get_mut(claim) {
            entry.used_at = now;
            let mut stores = entry.stores.lock().unwrap_or_else(PoisonError::into_inner);
            if !stores.contains(store) {
                stores.insert(store.clone());
            }
            return Arc::clone(&entry.place);
        }
        if now.duration_since(kept.swept_at) >= SWEEP {
            kept.swept_at = now;
            kept.entries
                .retain(|_, entry| now.duration_since(entry.used_at) < UNUSED);
        }
        let stores = Arc::new(Mutex::new(BTreeSet::from([store.clone()])));
        let recoveries = self.0.recoveries.clone();
        let told = Arc::clone(&stores);
        let place = Arc::new(Remembered::new(Grace::None, move || {
            let stores = told.lock().unwrap_or_else(PoisonError::into_inner).clone();
            for store in stores {
                recoveries.tell(store);
            }
        }));
        kept.entries.insert(
            claim.clone(),
            Entry {
                place: Arc::clone(&place),
                stores,
                used_at: now,
            },
        );
        place
    }

    async fn resolve(self, claim: Claim) -> Result<Lease<Arc<Identity>>, Error> {
        let (found, credentials) = self.0.lookup.find(&claim).await.map_err(Error::no_session)?;
        let identity = claim.resolve(found).map(Arc::new).ok_or_else(|| {
            Error::new(
                Class::Transient,
                "store",
                "what was found in the cluster does not fit the store",
            )
        })?;
        if let Some(credentials) = credentials {
            self.0.sessions.put(&identity, credentials);
        }
        let again = LOOK_AGAIN.mul_f64(0.9 + 0.2 * random());
        let renew_at = claim.needs_lookup().then(|| Instant::now() + again);
        Ok(Lease {
            value: identity,
            renew_at,
            expires_at: None,
        })
    }
}
