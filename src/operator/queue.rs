//! The work queue: which object is worked on next. Bookkeeping only; nothing runs here.
//!
//! Own piece because kube-runtime's scheduler takes due objects in hash order: an urgent one waited seconds behind a
//! burst of periodic ones (measured). Two lanes, served 4:1 when both wait, round robin over namespaces in each.

use std::{
    collections::{HashMap, VecDeque},
    hash::Hash,
    task::{Context, Poll},
    time::Duration,
};

use tokio::time::Instant;
use tokio_util::time::{DelayQueue, delay_queue};

/// Urgent work is new, changed, drifted or asked for; periodic work is a refresh that came due.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Lane {
    /// One turn in five while urgent work waits.
    Periodic,
    /// The other four.
    Urgent,
}

impl Lane {
    /// The label of metrics.
    pub fn name(self) -> &'static str {
        match self {
            Self::Periodic => "periodic",
            Self::Urgent => "urgent",
        }
    }
}

/// Turns in a row that urgent work takes while periodic work waits.
const URGENT_TURNS: u32 = 4;
/// An object with more urgent syncs than this within [`URGENT_WINDOW`] is served as periodic: it cannot starve others.
const URGENT_LIMIT: u32 = 6;
const URGENT_WINDOW: Duration = Duration::from_mins(1);

/// Longest delay. `DelayQueue` holds two years and panics beyond; an object that has its turn early just waits again.
const LONGEST_DELAY: Duration = Duration::from_hours(24);

/// What the queue needs to know of a key.
pub trait Key: Clone + Eq + Hash {
    /// Keys of one group take turns with those of other groups.
    fn group(&self) -> &str;
    /// The sort of work, for [`Queue::depth_of`].
    fn kind(&self) -> &'static str {
        ""
    }
}

#[derive(Debug)]
enum Place {
    /// Due later.
    Waiting(delay_queue::Key),
    /// In a lane, since then.
    Ready(Lane, Instant),
    /// Being worked on; what came meanwhile runs after it, and a deleted object is forgotten.
    Running {
        lane: Lane,
        again: Option<Lane>,
        gone: bool,
    },
    /// Nothing to do until it is pushed.
    Idle,
}

#[derive(Debug)]
struct Entry {
    place: Place,
    /// Start of the current window and the urgent syncs in it.
    urgent_since: Instant,
    urgent_count: u32,
}

impl Entry {
    /// The lane that an object gets when it asks for one.
    fn grant(&mut self, lane: Lane, now: Instant) -> Lane {
        if lane == Lane::Periodic {
            return lane;
        }
        if now.duration_since(self.urgent_since) > URGENT_WINDOW {
            self.urgent_since = now;
            self.urgent_count = 0;
        }
        self.urgent_count = self.urgent_count.saturating_add(1);
        if self.urgent_count > URGENT_LIMIT {
            Lane::Periodic
        } else {
            Lane::Urgent
        }
    }
}

/// One lane: groups in turn, the keys of a group in order of arrival. May hold keys that were promoted since.
#[derive(Debug)]
struct Turns<K> {
    groups: VecDeque<Box<str>>,
    keys: HashMap<Box<str>, VecDeque<K>>,
}

impl<K: Key> Turns<K> {
    fn new() -> Self {
        Self {
            groups: VecDeque::new(),
            keys: HashMap::new(),
        }
    }

    fn push(&mut self, key: K) {
        if let Some(keys) = self.keys.get_mut(key.group()) {
            keys.push_back(key);
            return;
        }
        let group: Box<str> = key.group().into();
        self.groups.push_back(group.clone());
        self.keys.insert(group, VecDeque::from([key]));
    }

    fn pop(&mut self) -> Option<K> {
        let group = self.groups.pop_front()?;
        let keys = self.keys.get_mut(&group)?;
        let key = keys.pop_front();
        if keys.is_empty() {
            self.keys.remove(&group);
        } else {
            self.groups.push_back(group);
        }
        key
    }
}

#[derive(Debug, Default)]
struct Depth {
    urgent: usize,
    periodic: usize,
    kinds: HashMap<&'static str, usize>,
}

impl Depth {
    fn of(&mut self, lane: Lane) -> &mut usize {
        match lane {
            Lane::Urgent => &mut self.urgent,
            Lane::Periodic => &mut self.periodic,
        }
    }

    fn enter(&mut self, lane: Lane, kind: &'static str) {
        *self.of(lane) += 1;
        *self.kinds.entry(kind).or_default() += 1;
    }

    fn leave(&mut self, lane: Lane, kind: &'static str) {
        *self.of(lane) -= 1;
        *self.kinds.entry(kind).or_insert(1) -= 1;
    }
}

/// What [`Queue::pop`] hands out.
#[derive(Debug, PartialEq, Eq)]
pub struct Due<K> {
    /// The object.
    pub key: K,
    /// The lane it came through.
    pub lane: Lane,
    /// How long it waited in the lane.
    pub waited: Duration,
}

/// The queue. An object stands in it once and never runs twice at the same time.
#[derive(Debug)]
pub struct Queue<K> {
    entries: HashMap<K, Entry>,
    delays: DelayQueue<K>,
    urgent: Turns<K>,
    periodic: Turns<K>,
    urgent_in_a_row: u32,
    /// Objects in each lane, without places left behind.
    depth: Depth,
    /// Objects being worked on, by the lane that they came through.
    running: Depth,
    limits: Limits,
}

/// How many objects of each lane are worked on at once: whatever one lane waits for, the other goes on.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Of the urgent lane.
    pub urgent: usize,
    /// Of the periodic lane.
    pub periodic: usize,
}

impl<K: Key> Queue<K> {
    /// An empty queue.
    pub fn new(limits: Limits) -> Self {
        Self {
            entries: HashMap::new(),
            delays: DelayQueue::new(),
            urgent: Turns::new(),
            periodic: Turns::new(),
            urgent_in_a_row: 0,
            depth: Depth::default(),
            running: Depth::default(),
            limits,
        }
    }

    /// Work that is due now. Waiting work moves up, periodic work is promoted, running work runs once more afterwards.
    pub fn push(&mut self, key: K, lane: Lane) {
        let now = Instant::now();
        let Some(entry) = self.entries.get_mut(&key) else {
            let mut entry = Entry {
                place: Place::Ready(lane, now),
                urgent_since: now,
                urgent_count: 0,
            };
            let lane = entry.grant(lane, now);
            self.entries.insert(key.clone(), entry);
            self.enter(key, lane);
            return;
        };
        match &mut entry.place {
            Place::Running { again, gone, .. } => {
                *again = (*again).max(Some(lane));
                *gone = false;
            }
            Place::Ready(at, since) => {
                if *at < lane && entry.urgent_count < URGENT_LIMIT {
                    let (from, since) = (*at, *since);
                    entry.urgent_count += 1;
                    entry.place = Place::Ready(lane, since);
                    self.depth.leave(from, key.kind());
                    self.enter(key, lane);
                }
            }
            Place::Waiting(_) | Place::Idle => {
                if let Place::Waiting(delay) = &entry.place {
                    self.delays.try_remove(delay);
                }
                let lane = entry.grant(lane, now);
                entry.place = Place::Ready(lane, now);
                self.enter(key, lane);
            }
        }
    }

    /// Moves what came due into the periodic lane and wakes the caller when more does. Never `Ready`.
    pub fn poll_delays(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        while let Poll::Ready(Some(expired)) = self.delays.poll_expired(cx) {
            let key = expired.into_inner();
            if let Some(entry) = self.entries.get_mut(&key) {
                entry.place = Place::Ready(Lane::Periodic, Instant::now());
                self.enter(key, Lane::Periodic);
            }
        }
        Poll::Pending
    }

    /// Whether anything is due that may run.
    pub fn has_due(&self) -> bool {
        self.is_open(Lane::Urgent) || self.is_open(Lane::Periodic)
    }

    fn is_open(&self, lane: Lane) -> bool {
        let (running, limit) = match lane {
            Lane::Urgent => (self.running.urgent, self.limits.urgent),
            Lane::Periodic => (self.running.periodic, self.limits.periodic),
        };
        self.depth(lane) > 0 && running < limit
    }

    /// The next object; it counts as running until [`Queue::done`].
    pub fn pop(&mut self) -> Option<Due<K>> {
        while self.has_due() {
            let periodic_turn = self.urgent_in_a_row >= URGENT_TURNS && self.is_open(Lane::Periodic);
            let lane = if self.is_open(Lane::Urgent) && !periodic_turn {
                Lane::Urgent
            } else {
                Lane::Periodic
            };
            let key = match lane {
                Lane::Urgent => self.urgent.pop(),
                Lane::Periodic => self.periodic.pop(),
            };
            let Some(key) = key else { break };
            let Some(entry) = self.entries.get_mut(&key) else {
                continue;
            };
            // A promoted or removed key leaves its old place behind; it is passed over here.
            let Place::Ready(at, since) = entry.place else {
                continue;
            };
            if at != lane {
                continue;
            }
            entry.place = Place::Running {
                lane,
                again: None,
                gone: false,
            };
            self.depth.leave(lane, key.kind());
            *self.running.of(lane) += 1;
            self.urgent_in_a_row = if lane == Lane::Urgent {
                self.urgent_in_a_row + 1
            } else {
                0
            };
            return Some(Due {
                key,
                lane,
                waited: since.elapsed(),
            });
        }
        None
    }

    /// The object was worked on; it is due again after `next`, or at once where work came meanwhile.
    pub fn done(&mut self, key: K, next: Option<Duration>) {
        let Some(entry) = self.entries.get_mut(&key) else {
            return;
        };
        let Place::Running { lane, again, gone } = entry.place else {
            return;
        };
        *self.running.of(lane) -= 1;
        let now = Instant::now();
        match (again, next) {
            _ if gone => {
                self.entries.remove(&key);
            }
            (Some(lane), _) => {
                let lane = entry.grant(lane, now);
                entry.place = Place::Ready(lane, now);
                self.enter(key, lane);
            }
            (None, Some(delay)) => {
                entry.place = Place::Waiting(self.delays.insert(key, delay.min(LONGEST_DELAY)));
            }
            (None, None) => entry.place = Place::Idle,
        }
    }

    /// The object is gone. Work on it that runs ends by itself.
    pub fn remove(&mut self, key: &K) {
        let Some(entry) = self.entries.get_mut(key) else {
            return;
        };
        match &mut entry.place {
            Place::Running { again, gone, .. } => {
                *again = None;
                *gone = true;
                return;
            }
            Place::Waiting(delay) => {
                self.delays.try_remove(delay);
            }
            Place::Ready(lane, _) => self.depth.leave(*lane, key.kind()),
            Place::Idle => {}
        }
        self.entries.remove(key);
    }

    /// How many objects wait in a lane.
    pub fn depth(&self, lane: Lane) -> usize {
        match lane {
            Lane::Urgent => self.depth.urgent,
            Lane::Periodic => self.depth.periodic,
        }
    }

    /// How much work of a kind waits.
    pub fn depth_of(&self, kind: &str) -> usize {
        self.depth.kinds.get(kind).copied().unwrap_or_default()
    }

    fn enter(&mut self, key: K, lane: Lane) {
        if let Some(Entry {
            place: Place::Ready(at, _),
            ..
        }) = self.entries.get_mut(&key)
        {
            *at = lane;
        }
        self.depth.enter(lane, key.kind());
        match lane {
            Lane::Urgent => self.urgent.push(key),
            Lane::Periodic => self.periodic.push(key),
        }
    }
}

#[cfg(test)]
mod tests;
