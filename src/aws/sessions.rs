//! Credentials, one session per identity.
//!
//! An identity whose chain has roles is assumed by the identity before its last role, which has a session here of its own:
//! stores that start alike share what they have in common, and each hop is asked once an hour. Sessions are renewed in the
//! background when three to five minutes remain.

use std::{
    collections::HashMap,
    fmt,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, SystemTime},
};

use aws_credential_types::Credentials;
use futures::{FutureExt, future::BoxFuture};
use tokio::time::Instant;

use super::{
    claim::Claim,
    clients::Clients,
    error::{Class, Error, Fault},
    flow::Flow,
    identity::{Identity, Role, Source},
    lookup::Lookup,
    meter::Meter,
    own_chain,
    recoveries::Recoveries,
    remembered::{Grace, Lease, Remembered, random},
    settings::Settings,
    sts,
};

/// Renewal begins when this remains …
const RENEW_LATEST: Duration = Duration::from_mins(3);
/// … or up to this much more, at random.
const RENEW_SPREAD: Duration = Duration::from_mins(2);
/// Sessions shorter than this are renewed after four fifths of their time instead.
const SHORT_SESSION: Duration = Duration::from_mins(15);
/// However short a session says it is (the clocks may differ), it is used this long before another is asked for.
const SHORTEST_USE: Duration = Duration::from_secs(30);
/// The operator's own credentials without an expiry (environment, profile) are looked at again after this.
const LOOK_AGAIN: Duration = Duration::from_mins(15);
/// Sessions that nobody used for this long are dropped.
const UNUSED: Duration = Duration::from_hours(2);
/// How often that is looked for.
const SWEEP: Duration = Duration::from_mins(10);

/// Credentials as one flight brought them.
#[derive(Clone, Debug)]
pub(super) struct Session {
    pub(super) credentials: Credentials,
    /// Tells sessions apart.
    pub(super) serial: u64,
}

/// All sessions. Cheap to clone.
#[derive(Clone)]
pub(super) struct Sessions(Arc<Inner>);

struct Inner {
    lookup: Lookup,
    clients: Arc<Clients>,
    settings: Arc<Settings>,
    meter: Meter,
    recoveries: Recoveries,
    serial: AtomicU64,
    kept: Mutex<Kept>,
}

struct Kept {
    entries: HashMap<Arc<Identity>, Entry>,
    swept_at: Instant,
}

struct Entry {
    place: Arc<Remembered<Session>>,
    /// Calls in flight for this identity.
    flow: Arc<Flow>,
    used_at: Instant,
}

impl fmt::Debug for Sessions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sessions").finish_non_exhaustive()
    }
}

impl Sessions {
    pub(super) fn new(
        lookup: Lookup,
        clients: Arc<Clients>,
        settings: Arc<Settings>,
        meter: Meter,
        recoveries: Recoveries,
    ) -> Self {
        let kept = Mutex::new(Kept {
            entries: HashMap::new(),
            swept_at: Instant::now(),
        });
        Self(Arc::new(Inner {
            lookup,
            clients,
            settings,
            meter,
            recoveries,
            serial: AtomicU64::new(0),
            kept,
        }))
    }

    /// The session of an identity.
    pub(super) async fn get(&self, identity: &Arc<Identity>) -> Result<Session, Error> {
        let (place, _) = self.entry(identity);
        place.get(|| self.clone().resolve(Arc::clone(identity))).await
    }

    /// The calls that an identity has in flight.
    pub(super) fn flow(&self, identity: &Arc<Identity>) -> Arc<Flow> {
        self.entry(identity).1
    }

    /// Static credentials that were read together with the identity.
    pub(super) fn put(&self, identity: &Arc<Identity>, credentials: Credentials) {
        let mut root = Arc::clone(identity);
        while let Some((parent, _)) = root.parent() {
            root = Arc::new(parent);
        }
        let session = self.session(credentials);
        self.entry(&root).0.put(lease(session, &root.source));
    }

    /// AWS rejected a session, or STS the one before it. Says whether another may do better; it is then got anew.
    pub(super) fn suspect(&self, identity: &Arc<Identity>, used: Option<&Session>) -> bool {
        let is_rejected = |session: &Session| used.is_none_or(|used| used.serial == session.serial);
        self.entry(identity).0.suspect(is_rejected)
    }

    /// Forgets that an identity failed, and those that it builds on.
    pub(super) fn forgive(&self, identity: &Identity) {
        let mut next = Some(identity.clone());
        while let Some(identity) = next {
            let kept = self.0.kept.lock().unwrap_or_else(PoisonError::into_inner);
            if let Some(entry) = kept.entries.get(&identity) {
                entry.place.forgive();
            }
            next = identity.parent().map(|(parent, _)| parent);
        }
    }

    fn entry(&self, identity: &Arc<Identity>) -> (Arc<Remembered<Session>>, Arc<Flow>) {
        let now = Instant::now();
        let mut kept = self.0.kept.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(entry) = kept.entries.get_mut(identity) {
            entry.used_at = now;
            return (Arc::clone(&entry.place), Arc::clone(&entry.flow));
        }
        if now.duration_since(kept.swept_at) >= SWEEP {
            kept.swept_at = now;
            kept.entries
                .retain(|_, entry| now.duration_since(entry.used_at) < UNUSED);
            self.0
                .recoveries
                .retain(|identity| kept.entries.contains_key(identity));
        }
        let recoveries = self.0.recoveries.clone();
        let recovered = Arc::clone(identity);
        let place = Arc::new(Remembered::new(Grace::UntilExpiry, move || {
            recoveries.recovered(&recovered);
        }));
        let flow = Arc::new(Flow::new(self.0.settings.limits.calls_per_identity));
        let entry = Entry {
            place: Arc::clone(&place),
            flow: Arc::clone(&flow),
            used_at: now,
        };
        kept.entries.insert(Arc::clone(identity), entry);
        (place, flow)
    }

    fn session(&self, credentials: Credentials) -> Session {
        Session {
            credentials,
            serial: self.0.serial.fetch_add(1, Ordering::Relaxed),
        }
    }

    /// One flight. Boxed, because a chain is resolved hop by hop.
    fn resolve(self, identity: Arc<Identity>) -> BoxFuture<'static, Result<Lease<Session>, Error>> {
        async move {
            let result = match identity.parent() {
                Some((parent, role)) => self.assume(&Arc::new(parent), role, &identity).await,
                None => self.root(&identity).await,
            };
            self.0.meter.renewed(&result);
            match &result {
                Ok(_) => tracing::debug!(%identity, "got a session"),
                Err(error) => tracing::debug!(%identity, class = error.class.outcome(), "got no session"),
            }
            let session = self.session(result.map_err(Error::no_session)?);
            Ok(lease(session, &identity.source))
        }
        .boxed()
    }

    async fn assume(
        &self,
        parent: &Arc<Identity>,
        role: &Role,
        identity: &Identity,
    ) -> Result<Credentials, Error> {
        let client = self.0.clients.sts(identity);
        let name = identity.session_name.as_deref().unwrap_or_default();
        let session = self.get(parent).await?;
        let result = sts::assume_role(&client, &session.credentials, role, name).await;
        self.0.meter.attempt(sts::ASSUME_ROLE, &result);
        match result {
            Err(error)
                if error.class == Class::Credentials(Fault::Rejected)
                    && self.suspect(parent, Some(&session)) =>
            {
                let session = self.get(parent).await?;
                let result = sts::assume_role(&client, &session.credentials, role, name).await;
                self.0.meter.attempt(sts::ASSUME_ROLE, &result);
                result
            }
            result => result,
        }
    }

    async fn root(&self, identity: &Identity) -> Result<Credentials, Error> {
        match &identity.source {
            Source::Operator => {
                own_chain::credentials(&self.0.clients, &self.0.settings.web_identity, identity).await
            }
            Source::Secret(_) => {
                let claim = Claim::of_identity(identity);
                let (found, credentials) = self.0.lookup.find(&claim).await?;
                let unchanged = claim.resolve(found).as_ref() == Some(identity);
                credentials.filter(|_| unchanged).ok_or_else(|| {
                    Error::new(
                        Class::Transient,
                        "credentials",
                        "the credentials Secret changed a moment ago",
                    )
                })
            }
            Source::ServiceAccount {
                namespace,
                name,
                role,
                audiences,
                ..
            } => {
                let token = self.0.lookup.token(namespace, name, audiences).await?;
                let session_name = identity.session_name.as_deref().unwrap_or_default();
                let client = self.0.clients.sts(identity);
                let result = sts::assume_role_with_web_identity(&client, &token, role, session_name).await;
                self.0.meter.attempt(sts::WITH_WEB_IDENTITY, &result);
                result
            }
        }
    }
}

fn lease(session: Session, source: &Source) -> Lease<Session> {
    let now = Instant::now();
    let Some(expiry) = session.credentials.expiry() else {
        // Static keys hold as long as their Secret's state does, which is part of the identity.
        let renew_at = matches!(source, Source::Operator).then(|| now + LOOK_AGAIN);
        return Lease {
            value: session,
            renew_at,
            expires_at: None,
        };
    };
    let left = expiry
        .duration_since(SystemTime::now())
        .unwrap_or_default()
        .max(SHORTEST_USE);
    let ahead = if left < SHORT_SESSION {
        left.mul_f64(0.2)
    } else {
        RENEW_LATEST + RENEW_SPREAD.mul_f64(random())
    };
    Lease {
        value: session,
        renew_at: Some(now + left.saturating_sub(ahead)),
        expires_at: Some(now + left),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lease_of(left: Option<Duration>, source: &Source) -> Lease<Session> {
        let expiry = left.map(|left| SystemTime::now() + left);
        let credentials = Credentials::new("id", "secret", None, expiry, "test");
        lease(
            Session {
                credentials,
                serial: 0,
            },
            source,
        )
    }

    #[tokio::test(start_paused = true)]
    async fn an_hours_session_is_renewed_when_three_to_five_minutes_remain() {
        for _ in 0..100 {
            let lease = lease_of(Some(Duration::from_hours(1)), &Source::Operator);
            let ahead = lease.expires_at.unwrap() - lease.renew_at.unwrap();
            assert!(
                ahead >= RENEW_LATEST && ahead <= RENEW_LATEST + RENEW_SPREAD,
                "{ahead:?}"
            );
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_session_that_seems_expired_is_still_used_a_while() {
        let now = Instant::now();
        let lease = lease_of(Some(Duration::ZERO), &Source::Operator);
        assert_eq!(lease.expires_at, Some(now + SHORTEST_USE));
        assert!(lease.renew_at.unwrap() > now);
    }

    #[tokio::test(start_paused = true)]
    async fn own_credentials_without_an_expiry_are_looked_at_again() {
        let lease = lease_of(None, &Source::Operator);
        assert_eq!((lease.renew_at.is_some(), lease.expires_at), (true, None));
    }
}
