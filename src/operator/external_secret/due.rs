//! When an object's periodic refresh is due: its place in the grid, from its status after a start, from its last refresh
//! after that.

use std::{collections::BTreeMap, time::Duration};

use jiff::Timestamp;
use tokio::time::Instant;

use crate::{
    operator::{
        Context,
        schedule::{self, Anchor, Group, Place},
    },
    sync::{
        object::Object,
        plan::{self, StoreState},
        record::Record,
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
    let Refresh::Periodic(Interval::Every(every)) = spec.refresh else {
        record.due = None;
        return None;
    };
    let phase = phase(ctx, object, spec, stores, every, place);
    let now = Timestamp::now();
    let wait = schedule::next(now, now, every, phase);
    record.due = Some(Instant::now() + wait);
    Some(wait)
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
                let identity = schedule::stable_hash(&(format!("{aws:?}"), referent, &view.name.namespace));
                return Anchor::Read(Group { identity, interval }, schedule::stable_hash(&read.id));
            }
        }
    }
    Anchor::Uid(schedule::stable_hash(&object.uid))
}
