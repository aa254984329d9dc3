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

/// A probe whose outcome was never told (its task was broken off) is forgotten after this.
const PROBE_LOST: Duration = Duration::from_secs(30);

/// What was learnt.
#[derive(Debug, Default)]
pub(super) struct Permissions(Mutex<HashMap<Arc<Identity>, Learnt>>);

/// Whether reads may travel together now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Sharing {
    /// They may.
    Free,
    /// A first batch is on its way to show it; what can wait should.
    Probing,
    /// They may not.
    Never,
}

#[derive(Clone, Copy, Debug)]
struct Learnt {
    at: Instant,
    standing: Standing,
    broken: u32,
    paused_until: Option<Instant>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Standing {
    Unknown,
    Probing,
    Proven,
    Denied,
}

impl Permissions {
    /// Whether a batch is worth a try.
    pub(super) fn sharing(&self, identity: &Identity, now: Instant) -> Sharing {
        let all = self.lock();
        let Some(learnt) = all.get(identity) else {
            return Sharing::Free;
        };
        let age = now.saturating_duration_since(learnt.at);
        match learnt.standing {
            Standing::Denied if age < PROBE_AGAIN => Sharing::Never,
            _ if learnt.paused_until.is_some_and(|until| now < until) => Sharing::Never,
            Standing::Probing if age < PROBE_LOST => Sharing::Probing,
            _ => Sharing::Free,
        }
    }

    /// Whether the permission was found to be lacking.
    pub(super) fn is_denied(&self, identity: &Identity) -> bool {
        self.lock()
            .get(identity)
            .is_some_and(|learnt| learnt.standing == Standing::Denied)
    }

    /// A batch leaves: the probe, where nothing is known.
    pub(super) fn begin(&self, identity: &Arc<Identity>, now: Instant) {
        let mut all = self.lock();
        let learnt = entry(&mut all, identity, now);
        if learnt.standing != Standing::Proven {
            learnt.standing = Standing::Probing;
            learnt.at = now;
        }
    }

    /// A batch came back.
    pub(super) fn learn<T>(&self, identity: &Arc<Identity>, result: &Result<T, Error>, now: Instant) {
        let mut all = self.lock();
        let learnt = entry(&mut all, identity, now);
        learnt.at = now;
        match result.as_ref().map_err(|error| error.class) {
            Ok(_) => {
                *learnt = Learnt {
                    standing: Standing::Proven,
                    ..Learnt::unknown(now)
                }
            }
            Err(Class::Denied) => {
                learnt.standing = Standing::Denied;
                tracing::info!(%identity, "batches are not permitted; reads go singly");
            }
            Err(class) => {
                if learnt.standing == Standing::Probing {
                    learnt.standing = Standing::Unknown;
                }
                if !matches!(class, Class::Credentials(_)) {
                    learnt.broken += 1;
                }
                if learnt.broken >= BROKEN_BATCHES {
                    learnt.paused_until = Some(now + PAUSE);
                }
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

impl Learnt {
    fn unknown(at: Instant) -> Self {
        Self {
            at,
            standing: Standing::Unknown,
            broken: 0,
            paused_until: None,
        }
    }
}

/// What is known of an identity; what is older than a day is dropped on the way.
fn entry<'a>(
    all: &'a mut HashMap<Arc<Identity>, Learnt>,
    identity: &Arc<Identity>,
    now: Instant,
) -> &'a mut Learnt {
    if !all.contains_key(identity) {
        all.retain(|_, learnt| now.saturating_duration_since(learnt.at) < PROBE_AGAIN);
    }
    all.entry(Arc::clone(identity))
        .or_insert_with(|| Learnt::unknown(now))
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
        assert_eq!(permissions.sharing(&identity, now), Sharing::Free);
        permissions.learn(&identity, &failed(Class::Denied), now);
        assert_eq!(permissions.sharing(&identity, now + PAUSE), Sharing::Never);
        assert!(permissions.is_denied(&identity));
        assert_eq!(permissions.sharing(&identity, now + PROBE_AGAIN), Sharing::Free);
        permissions.learn(&identity, &Ok(()), now + PROBE_AGAIN);
        assert!(!permissions.is_denied(&identity));
    }

    #[test]
    fn one_probe_is_under_way_at_a_time_and_none_once_it_is_proven() {
        let (permissions, identity, now) = (Permissions::default(), identity(), Instant::now());
        permissions.begin(&identity, now);
        assert_eq!(permissions.sharing(&identity, now), Sharing::Probing);
        assert_eq!(permissions.sharing(&identity, now + PROBE_LOST), Sharing::Free);
        permissions.learn(&identity, &Ok(()), now);
        permissions.begin(&identity, now);
        assert_eq!(permissions.sharing(&identity, now), Sharing::Free);
    }

    #[test]
    fn two_broken_batches_in_a_row_pause_and_one_does_not() {
        let (permissions, identity, now) = (Permissions::default(), identity(), Instant::now());
        for result in [failed(Class::Transient), Ok(()), failed(Class::Transient)] {
            permissions.learn(&identity, &result, now);
            assert_eq!(permissions.sharing(&identity, now), Sharing::Free);
        }
        permissions.learn(&identity, &failed(Class::Transient), now);
        assert_eq!(permissions.sharing(&identity, now), Sharing::Never);
        assert_eq!(permissions.sharing(&identity, now + PAUSE), Sharing::Free);
    }

    #[test]
    fn missing_credentials_teach_nothing_about_batches() {
        let (permissions, identity, now) = (Permissions::default(), identity(), Instant::now());
        for _ in 0..3 {
            permissions.begin(&identity, now);
            permissions.learn(
                &identity,
                &failed(Class::Credentials(crate::aws::Fault::Rejected)),
                now,
            );
        }
        assert_eq!(permissions.sharing(&identity, now), Sharing::Free);
    }
}
