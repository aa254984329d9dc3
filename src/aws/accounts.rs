//! Which account an identity calls from, where neither a role's ARN nor the credentials tell.
//!
//! Asked of STS once per identity, in the background: until it is known, the identity has a budget of its own.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

use super::{clients::Clients, identity::Identity, meter::Meter, sessions::Session, settings::Settings, sts};

/// Identities come and go with the states of credential Secrets; beyond this many all are learnt anew.
const MOST: usize = 4096;

/// What is known. Cheap to clone.
#[derive(Clone, Debug, Default)]
pub(super) struct Accounts(Arc<Mutex<HashMap<Arc<Identity>, Option<String>>>>);

impl Accounts {
    /// The account, if it is known by now; else it is asked for.
    pub(super) fn of(
        &self,
        identity: &Arc<Identity>,
        session: &Session,
        clients: &Clients,
        settings: &Settings,
        meter: &Meter,
    ) -> Option<String> {
        // Whoever replaces the service but not STS does not expect calls to AWS.
        let endpoints = &settings.endpoints;
        let replaced = endpoints.secrets_manager.is_some() || endpoints.ssm.is_some();
        if replaced && endpoints.sts.is_none() {
            return None;
        }
        {
            let mut known = self.lock();
            if let Some(account) = known.get(identity) {
                return account.clone();
            }
            if known.len() >= MOST {
                known.clear();
            }
            known.insert(Arc::clone(identity), None);
        }
        let (this, identity, session) = (self.clone(), Arc::clone(identity), session.clone());
        let (client, meter) = (clients.sts(&identity), meter.clone());
        tokio::spawn(async move {
            let result = sts::caller_account(&client, &session.credentials).await;
            meter.attempt(sts::CALLER_IDENTITY, &result);
            if let Ok(account) = result {
                this.lock().insert(identity, Some(account));
            }
        });
        None
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<Arc<Identity>, Option<String>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
