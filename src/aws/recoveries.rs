//! Which stores an identity serves, so that they can be told when its credentials are there again.

use std::{
    collections::{BTreeSet, HashMap},
    sync::{Arc, Mutex, PoisonError},
};

use tokio::sync::broadcast;

use super::{identity::Identity, scope::StoreName};

/// Recoveries that a slow receiver may lag behind before it is told that it missed some.
const BACKLOG: usize = 1024;

/// Who is to be told.
#[derive(Clone, Debug)]
pub(super) struct Recoveries {
    stores: Arc<Mutex<HashMap<Arc<Identity>, BTreeSet<StoreName>>>>,
    told: broadcast::Sender<StoreName>,
}

impl Recoveries {
    pub(super) fn new() -> Self {
        Self {
            stores: Arc::default(),
            told: broadcast::channel(BACKLOG).0,
        }
    }

    pub(super) fn subscribe(&self) -> broadcast::Receiver<StoreName> {
        self.told.subscribe()
    }

    /// A store is served by an identity.
    pub(super) fn serves(&self, identity: &Arc<Identity>, store: &StoreName) {
        let mut stores = self.stores.lock().unwrap_or_else(PoisonError::into_inner);
        match stores.get_mut(identity) {
            Some(known) if known.contains(store) => {}
            Some(known) => {
                known.insert(store.clone());
            }
            None => {
                stores.insert(Arc::clone(identity), BTreeSet::from([store.clone()]));
            }
        }
    }

    /// The identities that serve a store.
    pub(super) fn of_store(&self, store: &StoreName) -> Vec<Arc<Identity>> {
        let stores = self.stores.lock().unwrap_or_else(PoisonError::into_inner);
        stores
            .iter()
            .filter(|(_, served)| served.contains(store))
            .map(|(identity, _)| Arc::clone(identity))
            .collect()
    }

    /// An identity has credentials again.
    pub(super) fn recovered(&self, identity: &Identity) {
        let stores = {
            let stores = self.stores.lock().unwrap_or_else(PoisonError::into_inner);
            stores.get(identity).cloned().unwrap_or_default()
        };
        for store in stores {
            self.tell(store);
        }
    }

    /// A store can be used again.
    pub(super) fn tell(&self, store: StoreName) {
        // Nobody listening is no error.
        drop(self.told.send(store));
    }

    /// Identities that are no longer used are forgotten.
    pub(super) fn retain(&self, keep: impl Fn(&Arc<Identity>) -> bool) {
        self.stores
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .retain(|identity, _| keep(identity));
    }
}
