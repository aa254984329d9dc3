//! When an object's periodic refresh is due: its place in the grid, from its status after a start, from its last refresh
//! after that; and when a token that it holds is to be renewed.

use std::{collections::BTreeMap, time::Duration};

use jiff::Timestamp;
use tokio::time::Instant;

use crate::{
    generators::Kind,
    operator::{
        Context,
        schedule::{self, Anchor, Group, Place},
    },
    sync::{
        object::Object,
        plan::{self, StoreState},
        record::{Record, Reported},
        report::Began,
        spec::{Interval, Refresh, Spec, StoreName, Wanted},
    },
};

/// After a start, the first turn is due as the status tells.
pub(super) fn schedule_from_status(
    ctx: &Context,
    object: &Object,
    record: &mut Record,
    stores: &BTreeMap<StoreName, StoreState>,
    place: &mut Option<Place>,
    began: Began,
) {
    let (Ok(spec), Some(refreshed)) = (&object.spec, record.reported.refresh_time) else {
        return;
    };
    let Refresh::Periodic(Interval::Every(every)) = spec.refresh else {
        return;
    };
    if record.due.is_some() || record.synced_form.is_none() {
        return;
    }
    let phase = phase(ctx, object, spec, stores, every, place);
    // A time in the future is no promise; it is due now.
    let wait = if refreshed > began.at {
        Duration::ZERO
    } else {
        schedule::next_after_start(began.at, refreshed, every, phase)
    };
    record.due = Some(began.instant + wait);
}

/// After a refresh, the next one is due at the first grid point that is not too near.
pub(super) fn reschedule(
    ctx: &Context,
    object: &Object,
    spec: &Spec,
    record: &mut Record,
    stores: &BTreeMap<StoreName, StoreState>,
    place: &mut Option<Place>,
) -> Option<Duration> {
    record.due = None;
    record.renew_at = None;
    let Refresh::Periodic(interval) = spec.refresh else {
        return None;
    };
    let now = Timestamp::now();
    if let Interval::Every(every) = interval {
        let phase = phase(ctx, object, spec, stores, every, place);
        record.due = Some(Instant::now() + schedule::next(now, now, every, phase));
    }
    if let Some(expires) = record.reported.expires {
        record.renew_at = renew_at(object, now, expires, now);
    }
    let next = record.due.into_iter().chain(record.renew_at).min()?;
    Some(next.saturating_duration_since(Instant::now()))
}

fn renew_at(object: &Object, made: Timestamp, expires: Timestamp, now: Timestamp) -> Option<Instant> {
    let renewal = schedule::renewal(made, expires, schedule::stable_hash(&object.uid))?;
    let wait = Duration::try_from(renewal.duration_since(now)).unwrap_or_default();
    Some(Instant::now() + wait)
}

/// Life of a login to ECR.
const LOGIN: Duration = Duration::from_hours(12);
/// The shortest life of a session of STS.
const SESSION: Duration = Duration::from_mins(15);

/// After a start, when the token is to be renewed that the status tells of. Where the status does not say when it expires
/// (CRDs of others drop that, and ESO does not report it), the shortest life of its kind counts.
pub(super) fn renewal_from_status(object: &Object, reported: &Reported, now: Timestamp) -> Option<Instant> {
    let (Ok(spec), Some(refreshed)) = (&object.spec, reported.refresh_time) else {
        return None;
    };
    if !matches!(spec.refresh, Refresh::Periodic(_)) {
        return None;
    }
    let expires = reported
        .expires
        .or_else(|| refreshed.checked_add(shortest_life(spec)?).ok())?;
    renew_at(object, refreshed, expires, now)
}

/// The shortest life of what the generators make; none where one of them makes what lasts, or may.
fn shortest_life(spec: &Spec) -> Option<Duration> {
    let generators = spec.sources.iter().filter_map(|source| match &source.wanted {
        Wanted::Generator(name) => Some(name.kind),
        Wanted::Value(_) | Wanted::Find(..) => None,
    });
    let lives = generators.map(|kind| match kind {
        Kind::EcrAuthorizationToken => Some(LOGIN),
        Kind::StsSessionToken => Some(SESSION),
        _ => None,
    });
    lives.collect::<Option<Vec<_>>>()?.into_iter().min()
}

fn phase(
    ctx: &Context,
    object: &Object,
    spec: &Spec,
    stores: &BTreeMap<StoreName, StoreState>,
    every: Duration,
    place: &mut Option<Place>,
) -> Duration {
    let new = anchor_of(object, spec, stores, every);
    let kept = place.take().filter(|place| *place.anchor() == new);
    place
        .insert(kept.unwrap_or_else(|| Place::take(&ctx.grid, new)))
        .phase(every)
}

/// The first read that can share a batch decides: a current version by plain name or full ARN.
fn anchor_of(
    object: &Object,
    spec: &Spec,
    stores: &BTreeMap<StoreName, StoreState>,
    interval: Duration,
) -> Anchor {
    for source in &spec.sources {
        if let Wanted::Value(remote) = &source.wanted
            && let Some(StoreState::Usable(view, aws)) = stores.get(&remote.store)
        {
            let read = plan::read(remote, aws);
            if read.version.is_current() {
                let referent = crate::aws::is_referent(aws).then_some(&object.namespace);
                // What reads as the operator, with no role, does so from every namespace.
                let is_operators = aws.auth.is_none() && aws.role.is_none() && aws.additional_roles.is_none();
                let namespace = view.name.namespace.as_ref().filter(|_| !is_operators);
                let identity = schedule::stable_hash(&(view.aws_hash, referent, namespace));
                return Anchor::Read(Group { identity, interval }, schedule::stable_hash(&read.id));
            }
        }
    }
    Anchor::Uid(schedule::stable_hash(&object.uid))
}
