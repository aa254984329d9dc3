//! Whether the reads of an identity may travel together, learnt from how batches fared.
//!
//! Most roles allow single reads only. A batch that is refused as a whole is the probe: from then on reads go singly for a
//! day, or until a store of the identity changes. Batches that keep failing otherwise are left off for a while.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::time::Instant;

use super::{
    error::{Class, Error},
    identity::Identity,
};

/// A role that lacks the permission is probed again after this.
const PROBE_AGAIN: Duration = Duration::from_hours(24);
/// After this many batches in a row that failed as a whole …
const BROKEN_BATCHES: u32 = 2;
/// … reads travel singly for this long.
const PAUSE: Duration = Duration::from_mins(10);

/// What was learnt. An identity that is not here may try.
#[derive(Debug, Default)]
pub(super) struct Permissions(Mutex<HashMap<Arc<Identity>, Learnt>>);

#[derive(Clone, Copy, Debug)]
struct Learnt {
    at: Instant,
    denied: bool,
    broken: u32,
    paused_until: Option<Instant>,
}

impl Permissions {
    /// Whether a batch is worth a try.
    pub(super) fn allows(&self, identity: &Identity, now: Instant) -> bool {
        self.lock().get(identity).is_none_or(|learnt| {
            let denied = learnt.denied && now.saturating_duration_since(learnt.at) < PROBE_AGAIN;
            !denied && learnt.paused_until.is_none_or(|until| now >= until)
        })
    }

    /// Whether the permission was found to be lacking.
    pub(super) fn is_denied(&self, identity: &Identity) -> bool {
        self.lock().get(identity).is_some_and(|learnt| learnt.denied)
    }

    /// A batch came back.
    pub(super) fn learn<T>(&self, identity: &Arc<Identity>, result: &Result<T, Error>, now: Instant) {
        let mut all = self.lock();
        let error = match result {
            Ok(_) => {
                all.remove(identity);
                return;
            }
            Err(error) if matches!(error.class, Class::Credentials(_)) => return,
            Err(error) => error,
        };
        all.retain(|_, learnt| now.saturating_duration_since(learnt.at) < PROBE_AGAIN);
        let unknown = || Learnt {
            at: now,
            denied: false,
            broken: 0,
            paused_until: None,
        };
        let learnt = all.entry(Arc::clone(identity)).or_insert_with(unknown);
        learnt.at = now;
        if error.class == Class::Denied {
            learnt.denied = true;
            tracing::info!(%identity, "batches are not permitted; reads go singly");
        } else {
            learnt.broken += 1;
            if learnt.broken >= BROKEN_BATCHES {
                learnt.paused_until = Some(now + PAUSE);
            }
        }
    }

    /// Forgets what was learnt about an identity.
    pub(super) fn forget(&self, identity: &Identity) {
        self.lock().remove(identity);
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Arc<Identity>, Learnt>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::aws::{
        claim::{Claim, Found, Purpose},
        testing::{provider, scope},
    };

    fn identity() -> Arc<Identity> {
        let claim = Claim::of(&scope(&provider(), "a"), None, false, Purpose::Read).unwrap();
        Arc::new(claim.resolve(Found::Operator).unwrap())
    }

    fn failed(class: Class) -> Result<(), Error> {
        Err(Error::new(class, "BatchGetSecretValue", "no"))
    }

    #[test]
    fn a_refusal_holds_for_a_day_and_is_told_meanwhile() {
        let (permissions, identity, now) = (Permissions::default(), identity(), Instant::now());
        assert!(permissions.allows(&identity, now));
        permissions.learn(&identity, &failed(Class::Denied), now);
        assert!(!permissions.allows(&identity, now + PAUSE));
        assert!(permissions.is_denied(&identity));
        assert!(permissions.allows(&identity, now + PROBE_AGAIN));
        permissions.learn(&identity, &Ok(()), now + PROBE_AGAIN);
        assert!(!permissions.is_denied(&identity));
    }

    #[test]
    fn two_broken_batches_in_a_row_pause_and_one_does_not() {
        let (permissions, identity, now) = (Permissions::default(), identity(), Instant::now());
        for result in [failed(Class::Transient), Ok(()), failed(Class::Transient)] {
            permissions.learn(&identity, &result, now);
            assert!(permissions.allows(&identity, now));
        }
        permissions.learn(&identity, &failed(Class::Transient), now);
        assert!(!permissions.allows(&identity, now));
        assert!(permissions.allows(&identity, now + PAUSE));
    }

    #[test]
    fn missing_credentials_teach_nothing_about_batches() {
        let (permissions, identity, now) = (Permissions::default(), identity(), Instant::now());
        for _ in 0..3 {
            permissions.learn(
                &identity,
                &failed(Class::Credentials(crate::aws::Fault::Rejected)),
                now,
            );
        }
        assert!(permissions.allows(&identity, now));
    }
}
