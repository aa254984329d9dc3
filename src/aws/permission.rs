//! Whether the reads of an identity may travel together, learnt from how batches fared.
//!
//! Most roles allow single reads only. A batch that is refused as a whole is the probe: from then on reads go singly for a
//! day, or until a store of the identity changes. Where one id fails all the others with it, the probe is told apart from
//! that: its ids are read singly, and those that are refused again stay apart for an hour. Batches that keep failing
//! otherwise are left off for a while.

use std::{
    collections::{BTreeMap, HashMap},
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
/// An id that failed others with it is read singly for this long.
const APART: Duration = Duration::from_hours(1);

/// A probe whose outcome was never told (its task was broken off) is forgotten after this.
const PROBE_LOST: Duration = Duration::from_secs(30);

/// What was learnt.
#[derive(Debug, Default)]
pub(super) struct Permissions(Mutex<HashMap<Arc<Identity>, Known>>);

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

/// What was learnt about one identity.
#[derive(Debug, Default)]
struct Known {
    actions: BTreeMap<&'static str, Learnt>,
    /// Ids that are read singly until then.
    apart: HashMap<String, Instant>,
}

/// What was learnt about one action of one identity.
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
    /// Whether a call that needs this action is worth a try.
    pub(super) fn sharing(&self, identity: &Identity, action: &str, now: Instant) -> Sharing {
        let all = self.lock();
        let Some(learnt) = all.get(identity).and_then(|known| known.actions.get(action)) else {
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

    /// Whether an id is to be read singly for now.
    pub(super) fn is_apart(&self, identity: &Identity, id: &str, now: Instant) -> bool {
        let all = self.lock();
        let until = all.get(identity).and_then(|known| known.apart.get(id));
        until.is_some_and(|until| now < *until)
    }

    /// Actions that were found to be lacking.
    pub(super) fn missing(&self, identity: &Identity) -> Vec<&'static str> {
        let all = self.lock();
        let actions = all.get(identity).into_iter().flat_map(|known| &known.actions);
        actions
            .filter(|(_, learnt)| learnt.standing == Standing::Denied)
            .map(|(action, _)| *action)
            .collect()
    }

    /// A batch leaves: the probe, where nothing is known.
    pub(super) fn begin(&self, identity: &Arc<Identity>, action: &'static str, now: Instant) {
        self.with(identity, action, now, |learnt| {
            if learnt.standing != Standing::Proven {
                learnt.standing = Standing::Probing;
                learnt.at = now;
            }
        });
    }

    /// A call came back that needs this action.
    pub(super) fn learn<T>(
        &self,
        identity: &Arc<Identity>,
        action: &'static str,
        result: &Result<T, Error>,
        now: Instant,
    ) {
        self.with(identity, action, now, |learnt| {
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
                    tracing::info!(%identity, action, "not permitted; reads go without it");
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
        });
    }

    /// These ids fail the others with them: they are read singly for an hour. Batches without them may do.
    pub(super) fn set_apart(
        &self,
        identity: &Arc<Identity>,
        action: &'static str,
        ids: Vec<String>,
        now: Instant,
    ) {
        self.with(identity, action, now, |learnt| *learnt = Learnt::unknown(now));
        let mut all = self.lock();
        if let Some(known) = all.get_mut(identity) {
            known.apart.retain(|_, until| now < *until);
            known.apart.extend(ids.into_iter().map(|id| (id, now + APART)));
        }
    }

    /// Forgets what was learnt about an identity.
    pub(super) fn forget(&self, identity: &Identity) {
        self.lock().remove(identity);
    }

    /// What is known of an action; what is older than a day is dropped on the way.
    fn with(
        &self,
        identity: &Arc<Identity>,
        action: &'static str,
        now: Instant,
        change: impl FnOnce(&mut Learnt),
    ) {
        let mut all = self.lock();
        if !all.contains_key(identity) {
            all.retain(|_, known| known.actions.values().any(|learnt| learnt.is_fresh(now)));
        }
        let known = all.entry(Arc::clone(identity)).or_default();
        change(
            known
                .actions
                .entry(action)
                .or_insert_with(|| Learnt::unknown(now)),
        );
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Arc<Identity>, Known>> {
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

    fn is_fresh(&self, now: Instant) -> bool {
        now.saturating_duration_since(self.at) < PROBE_AGAIN
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::aws::{
        claim::{Claim, Found, Purpose},
        testing::{provider, scope},
    };

    const ACTION: &str = "secretsmanager:BatchGetSecretValue";

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
        assert_eq!(permissions.sharing(&identity, ACTION, now), Sharing::Free);
        permissions.learn(&identity, ACTION, &failed(Class::Denied), now);
        assert_eq!(
            permissions.sharing(&identity, ACTION, now + PAUSE),
            Sharing::Never
        );
        assert_eq!(permissions.missing(&identity), [ACTION]);
        assert_eq!(
            permissions.sharing(&identity, ACTION, now + PROBE_AGAIN),
            Sharing::Free
        );
        permissions.learn(&identity, ACTION, &Ok(()), now + PROBE_AGAIN);
        assert!(permissions.missing(&identity).is_empty());
    }

    #[test]
    fn one_probe_is_under_way_at_a_time_and_none_once_it_is_proven() {
        let (permissions, identity, now) = (Permissions::default(), identity(), Instant::now());
        permissions.begin(&identity, ACTION, now);
        assert_eq!(permissions.sharing(&identity, ACTION, now), Sharing::Probing);
        assert_eq!(
            permissions.sharing(&identity, ACTION, now + PROBE_LOST),
            Sharing::Free
        );
        permissions.learn(&identity, ACTION, &Ok(()), now);
        permissions.begin(&identity, ACTION, now);
        assert_eq!(permissions.sharing(&identity, ACTION, now), Sharing::Free);
    }

    #[test]
    fn two_broken_batches_in_a_row_pause_and_one_does_not() {
        let (permissions, identity, now) = (Permissions::default(), identity(), Instant::now());
        for result in [failed(Class::Transient), Ok(()), failed(Class::Transient)] {
            permissions.learn(&identity, ACTION, &result, now);
            assert_eq!(permissions.sharing(&identity, ACTION, now), Sharing::Free);
        }
        permissions.learn(&identity, ACTION, &failed(Class::Transient), now);
        assert_eq!(permissions.sharing(&identity, ACTION, now), Sharing::Never);
        assert_eq!(permissions.sharing(&identity, ACTION, now + PAUSE), Sharing::Free);
    }

    #[test]
    fn services_and_ids_are_judged_apart() {
        let (permissions, identity, now) = (Permissions::default(), identity(), Instant::now());
        permissions.learn(&identity, ACTION, &failed(Class::Denied), now);
        let other = "ssm:GetParameters";
        assert_eq!(permissions.sharing(&identity, other, now), Sharing::Free);
        permissions.begin(&identity, other, now);
        permissions.set_apart(&identity, other, vec!["denied".to_owned()], now);
        assert_eq!(permissions.sharing(&identity, other, now), Sharing::Free);
        assert!(permissions.is_apart(&identity, "denied", now));
        assert!(!permissions.is_apart(&identity, "allowed", now));
        assert!(!permissions.is_apart(&identity, "denied", now + APART));
        assert_eq!(permissions.missing(&identity), [ACTION]);
        permissions.forget(&identity);
        assert!(!permissions.is_apart(&identity, "denied", now));
    }

    #[test]
    fn missing_credentials_teach_nothing_about_batches() {
        let (permissions, identity, now) = (Permissions::default(), identity(), Instant::now());
        for _ in 0..3 {
            permissions.begin(&identity, ACTION, now);
            permissions.learn(
                &identity,
                ACTION,
                &failed(Class::Credentials(crate::aws::Fault::Rejected)),
                now,
            );
        }
        assert_eq!(permissions.sharing(&identity, ACTION, now), Sharing::Free);
    }
}
