//! Reads that wait to be sent, and which of them travel next.
//!
//! Equal reads that wait become one. What has departed is no longer here, so a read can never join one that was sent. Pure:
//! no clock, no calls.

use std::{
    collections::{BTreeMap, HashMap, HashSet},
    sync::Arc,
    time::Duration,
};

use tokio::{sync::oneshot, time::Instant};

use super::{
    error::Error,
    permission::Sharing,
    read::{Answer, Aspect, Lane, Read},
    service::Service,
};

/// How long a probe of another desk is waited for before it is looked at again.
const PROBE_PATIENCE: Duration = Duration::from_millis(250);

/// A full batch leaves as soon as nobody has joined for so long: many who share its secrets may be about to …
const LULL: Duration = Duration::from_millis(50);
/// … or when it has been full for so long.
const LONGEST_LULL: Duration = Duration::from_millis(250);

/// An urgent read of an object that did not wait leaves at once, unless a call of the same desk is under way: then it waits
/// for that call's return, and at most so long. In a burst those that come meanwhile fill its batch; a lone one does not wait.
const URGENT_PATIENCE: Duration = Duration::from_millis(20);
/// The same, where calls are scarce.
const SCARCE_PATIENCE: Duration = Duration::from_millis(100);

/// An urgent read whose object stood in a queue waits for company at most this part of that, and at most so long, call under
/// way or not: turns that follow each other as writes end would each read by themselves.
const QUEUED_PART: u32 = 8;
const QUEUED_PATIENCE: Duration = Duration::from_millis(250);

/// Who waits for an answer.
pub(super) type Caller = oneshot::Sender<Result<Arc<Answer>, Error>>;

/// The reads of one identity and service that wait.
#[derive(Debug)]
pub(super) struct Waiting {
    service: Service,
    reads: HashMap<Arc<Read>, Passenger>,
    /// Leave as soon as nothing comes that is worth waiting for, and may take others along.
    urgent: Queue,
    /// Leave at once, each by itself.
    urgent_alone: Queue,
    /// Leave when nothing urgent waits, each by itself.
    alone: Queue,
    /// Wait for company.
    company: Queue,
    /// When the last of those joined.
    company_joined: Option<Instant>,
    /// Since when they are enough for a batch.
    full_since: Option<Instant>,
    next_ticket: u64,
    /// Calls that have left and are not back.
    under_way: usize,
}

/// How a read travels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Manner {
    urgent: bool,
    alone: bool,
}

#[derive(Debug)]
struct Passenger {
    manner: Manner,
    ticket: u64,
    callers: Vec<Caller>,
}

/// By ticket: in order of arrival.
type Queue = BTreeMap<u64, Place>;

/// A read's place in a queue.
#[derive(Debug)]
struct Place {
    leave_at: Instant,
    read: Arc<Read>,
}

/// What should happen next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Plan {
    /// Nobody waits.
    Idle,
    /// Company is waited for until then.
    Until(Instant),
    /// A call is to be made.
    Go(Trip),
}

/// A call to be made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Trip {
    /// Somebody waits for it.
    pub(super) urgent: bool,
    /// Several reads travel together.
    pub(super) together: bool,
    /// What is asked for, where it is one read.
    pub(super) aspect: Aspect,
}

/// A read that left, with those who wait for it.
#[derive(Debug)]
pub(super) struct Traveller {
    pub(super) read: Arc<Read>,
    pub(super) urgent: bool,
    pub(super) callers: Vec<Caller>,
}

impl Waiting {
    pub(super) fn new(service: Service) -> Self {
        Self {
            service,
            reads: HashMap::new(),
            urgent: Queue::default(),
            urgent_alone: Queue::default(),
            alone: Queue::default(),
            company: Queue::default(),
            company_joined: None,
            full_since: None,
            next_ticket: 0,
            under_way: 0,
        }
    }

    /// Takes a read in. Says whether it joined an equal one.
    pub(super) fn join(
        &mut self,
        read: &Read,
        lane: Lane,
        single: bool,
        now: Instant,
        caller: Caller,
    ) -> bool {
        let leave_at = match lane {
            Lane::Urgent { waited } => now + (waited / QUEUED_PART).min(QUEUED_PATIENCE),
            Lane::Periodic { patience } => now + patience,
        };
        let manner = Manner {
            urgent: lane.is_urgent(),
            alone: single || self.service.shared_name(read).is_none(),
        };
        if !manner.urgent && !manner.alone {
            self.company_joined = Some(now);
        }
        self.take_in(read, manner, leave_at, vec![caller])
    }

    /// Takes a read back in whose call was in vain, to travel by itself.
    pub(super) fn rejoin(&mut self, traveller: Traveller, now: Instant) {
        let manner = Manner {
            urgent: traveller.urgent,
            alone: true,
        };
        self.take_in(&traveller.read, manner, now, traveller.callers);
    }

    fn take_in(&mut self, read: &Read, manner: Manner, leave_at: Instant, mut callers: Vec<Caller>) -> bool {
        let new = self.next_ticket;
        self.next_ticket += 1;
        let Some((read, before)) = self.reads.remove_entry(read) else {
            let read = Arc::new(read.clone());
            let passenger = Passenger {
                manner,
                ticket: new,
                callers,
            };
            self.reads.insert(Arc::clone(&read), passenger);
            self.queue(manner).insert(new, Place { leave_at, read });
            return false;
        };
        let Passenger {
            manner: was,
            ticket: old,
            callers: mut all,
        } = before;
        all.append(&mut callers);
        let now = Manner {
            urgent: was.urgent || manner.urgent,
            alone: was.alone || manner.alone,
        };
        let due = self.queue(was).remove(&old).map(|place| place.leave_at);
        let place = Place {
            leave_at: due.map_or(leave_at, |due| due.min(leave_at)),
            read: Arc::clone(&read),
        };
        let ticket = if now == was { old } else { new };
        self.queue(now).insert(ticket, place);
        let passenger = Passenger {
            manner: now,
            ticket,
            callers: all,
        };
        self.reads.insert(read, passenger);
        true
    }

    /// What should happen next, given whether reads may travel together.
    pub(super) fn plan(&mut self, sharing: Sharing, now: Instant) -> Plan {
        self.drop_abandoned();
        if self.urgent.len() + self.urgent_alone.len() > 0 {
            // Where single calls use up what joint ones need, one round trip is better waited for: many may follow.
            let scarce = self.service.batching().shares_quota;
            if sharing == Sharing::Probing && scarce && self.urgent_alone.is_empty() {
                return Plan::Until(now + PROBE_PATIENCE);
            }
            let fronts = [&self.urgent, &self.urgent_alone].map(BTreeMap::first_key_value);
            let first = fronts.into_iter().flatten().min_by_key(|(ticket, _)| **ticket);
            let together = sharing == Sharing::Free
                && !self.urgent.is_empty()
                && self.urgent.len() + self.company.len() > 1;
            if let Some(until) = self.gathers(sharing, now) {
                return Plan::Until(until);
            }
            return go(true, together, first.map(|(_, place)| place));
        }
        if let Some(first) = self.alone.values().next() {
            return go(false, false, Some(first));
        }
        let Some(first) = self.company.values().next() else {
            return Plan::Idle;
        };
        match sharing {
            Sharing::Never => return go(false, false, Some(first)),
            // This desk is told when the probe is back; another desk of the identity looks again.
            Sharing::Probing => return Plan::Until(now + PROBE_PATIENCE),
            Sharing::Free => {}
        }
        let limit = self.service.batching().limit;
        // Behind a full batch the oldest stand first, and nobody waits longer than the lull.
        let due = self.company.values().take(limit).map(|place| place.leave_at);
        let full = (self.company.len() >= limit).then(|| *self.full_since.get_or_insert(now) + LONGEST_LULL);
        if full.is_none() {
            self.full_since = None;
        }
        let settled = self
            .company_joined
            .map(|joined| joined + LULL)
            .filter(|_| full.is_some());
        if let Some(until) = due.chain(full).chain(settled).min().filter(|until| *until > now) {
            return Plan::Until(until);
        }
        go(false, self.company.len() > 1, Some(first))
    }

    /// How long urgent reads wait for company, if they do.
    fn gathers(&self, sharing: Sharing, now: Instant) -> Option<Instant> {
        let is_worth_it = sharing != Sharing::Never
            && self.urgent_alone.is_empty()
            && self.urgent.len() + self.company.len() < self.service.batching().limit;
        if !is_worth_it {
            return None;
        }
        let patience = if self.under_way == 0 {
            Duration::ZERO
        } else if self.service.batching().shares_quota {
            SCARCE_PATIENCE
        } else {
            URGENT_PATIENCE
        };
        let until = self
            .urgent
            .values()
            .map(|place| place.leave_at + patience)
            .min()?;
        (until > now).then_some(until)
    }

    /// A call has left.
    pub(super) fn set_out(&mut self) {
        self.under_way += 1;
    }

    /// A call is back.
    pub(super) fn came_back(&mut self) {
        self.under_way = self.under_way.saturating_sub(1);
    }

    /// Whether the desk is needed: somebody waits, or a call is under way that others may gather behind.
    pub(super) fn is_deserted(&mut self) -> bool {
        self.drop_abandoned();
        self.reads.is_empty() && self.under_way == 0
    }

    /// The reads that leave now: as many as may travel together, or one. Empty where all have gone.
    pub(super) fn depart(&mut self, together: bool) -> Vec<Traveller> {
        if together {
            let mut names = HashSet::new();
            let mut travellers = Vec::new();
            for urgent in [true, false] {
                self.board(Manner { urgent, alone: false }, &mut names, &mut travellers);
            }
            if !travellers.is_empty() {
                return travellers;
            }
        }
        self.drop_abandoned();
        let fronts = [&self.urgent, &self.urgent_alone].map(|queue| queue.keys().next());
        let manner = match fronts {
            [Some(taker), Some(alone)] => Manner {
                urgent: true,
                alone: alone < taker,
            },
            [taker, alone] if taker.is_some() || alone.is_some() => Manner {
                urgent: true,
                alone: alone.is_some(),
            },
            _ => Manner {
                urgent: false,
                alone: !self.alone.is_empty(),
            },
        };
        self.pop(manner).into_iter().collect()
    }

    /// Everybody who waits, to be told that it is in vain.
    pub(super) fn clear(&mut self) -> Vec<Caller> {
        let callers = self
            .reads
            .drain()
            .flat_map(|(_, passenger)| passenger.callers)
            .collect();
        *self = Self {
            next_ticket: self.next_ticket,
            under_way: self.under_way,
            ..Self::new(self.service)
        };
        callers
    }

    /// Boards reads of one queue until the batch is full. Two ids of one secret do not travel together.
    fn board(&mut self, manner: Manner, names: &mut HashSet<String>, travellers: &mut Vec<Traveller>) {
        let mut left_behind = Vec::new();
        while travellers.len() < self.service.batching().limit
            && let Some((ticket, place)) = self.queue(manner).pop_first()
        {
            let name = self.service.shared_name(&place.read).unwrap_or_default();
            if names.insert(name.to_owned()) {
                travellers.extend(self.leave(&place.read, manner));
            } else {
                left_behind.push((ticket, place));
            }
        }
        self.queue(manner).extend(left_behind);
    }

    fn pop(&mut self, manner: Manner) -> Option<Traveller> {
        let (_, place) = self.queue(manner).pop_first()?;
        self.leave(&place.read, manner)
    }

    fn leave(&mut self, read: &Arc<Read>, manner: Manner) -> Option<Traveller> {
        let passenger = self.reads.remove(read)?;
        if passenger.callers.iter().all(Caller::is_closed) {
            return None;
        }
        Some(Traveller {
            read: Arc::clone(read),
            urgent: manner.urgent,
            callers: passenger.callers,
        })
    }

    /// Reads at the heads of queues that nobody waits for any more are not sent.
    fn drop_abandoned(&mut self) {
        for (urgent, alone) in [(true, true), (true, false), (false, true), (false, false)] {
            let manner = Manner { urgent, alone };
            while let Some(first) = self.queue(manner).values().next() {
                let read = Arc::clone(&first.read);
                let waited_for = self
                    .reads
                    .get(&read)
                    .is_some_and(|passenger| passenger.callers.iter().any(|c| !c.is_closed()));
                if waited_for {
                    break;
                }
                drop(self.pop(manner));
            }
        }
    }

    fn queue(&mut self, manner: Manner) -> &mut Queue {
        match (manner.urgent, manner.alone) {
            (true, false) => &mut self.urgent,
            (true, true) => &mut self.urgent_alone,
            (false, true) => &mut self.alone,
            (false, false) => &mut self.company,
        }
    }
}

fn go(urgent: bool, together: bool, first: Option<&Place>) -> Plan {
    let aspect = first.map_or(Aspect::Value, |place| place.read.aspect);
    Plan::Go(Trip {
        urgent,
        together,
        aspect,
    })
}

#[cfg(test)]
mod tests;
