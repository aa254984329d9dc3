//! When a periodic object is due: a grid of fixed points, so that objects that share a secret share its read, batches
//! fill, the period is exact, and nothing needs storing. Pure; time is passed in.

use std::{
    collections::HashMap,
    hash::{DefaultHasher, Hash, Hasher},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use jiff::Timestamp;

/// How many reads a slot is made for: a batch of Secrets Manager holds 20, and some room is left.
const READS_PER_SLOT: usize = 16;
/// Slots of a group are no nearer to each other, however many reads there are: each wakes a process whose caches went cold.
/// Phases are whole seconds for the same reason.
const SLOT: Duration = Duration::from_secs(1);

/// A periodic read waits for company at most this part of its interval …
const PATIENCE_PART: u32 = 50;
/// … and within these bounds.
const LEAST_PATIENCE: Duration = Duration::from_millis(250);
const MOST_PATIENCE: Duration = Duration::from_secs(30);

/// However short the life of a token is, it is not renewed sooner than this.
const SHORTEST_RENEWAL: Duration = Duration::from_secs(1);

/// Heartbeats: how often `refreshTime` is written where the interval is shorter.
pub const HEARTBEAT: Duration = Duration::from_mins(10);

/// The reads that share slots: equal identity, as the store declares it, and equal interval.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Group {
    /// Digest of service, region, credential source and roles.
    pub identity: u64,
    /// The interval.
    pub interval: Duration,
}

/// What decides an object's phase.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Anchor {
    /// Its first read that can be batched, within a group.
    Read(Group, u64),
    /// Nothing is batchable: its uid, over the whole interval.
    Uid(u64),
}

/// A stable hash: equal over restarts and replicas.
pub fn stable_hash(value: &impl Hash) -> u64 {
    // DefaultHasher::new() has fixed keys; its algorithm may change with Rust's version, which only moves phases once.
    let mut hasher = DefaultHasher::new();
    value.hash(&mut hasher);
    hasher.finish()
}

#[derive(Debug, Default)]
struct Slots {
    /// Objects by read.
    reads: HashMap<u64, usize>,
    slots: usize,
}

/// Which reads are spread over how many slots.
#[derive(Debug, Default)]
pub struct Grid {
    groups: HashMap<Group, Slots>,
}

impl Grid {
    /// An object took up this anchor.
    fn join(&mut self, anchor: &Anchor) {
        if let Anchor::Read(group, read) = anchor {
            let slots = self.groups.entry(group.clone()).or_default();
            *slots.reads.entry(*read).or_default() += 1;
            slots.resize(group.interval);
        }
    }

    /// An object gave this anchor up.
    fn leave(&mut self, anchor: &Anchor) {
        let Anchor::Read(group, read) = anchor else { return };
        let Some(slots) = self.groups.get_mut(group) else {
            return;
        };
        if let Some(count) = slots.reads.get_mut(read) {
            *count -= 1;
            if *count == 0 {
                slots.reads.remove(read);
            }
        }
        slots.resize(group.interval);
        if slots.reads.is_empty() {
            self.groups.remove(group);
        }
    }

    /// Offset of the anchor's points within the interval.
    pub fn phase(&self, anchor: &Anchor, interval: Duration) -> Duration {
        match anchor {
            Anchor::Uid(hash) => part(interval, *hash, u64::MAX),
            Anchor::Read(group, read) => {
                let slots = self.slots(group) as u64;
                let within = part(interval, read % slots, slots);
                // The slots of few reads, such as those of each of many tenants, would all be due at once. The offset does not
                // depend on the number of slots, so that those of one identity at 30 s and 60 s meet.
                let seconds = interval.as_secs().max(1);
                Duration::from_secs((within.as_secs() + group.identity % seconds) % seconds)
            }
        }
    }

    /// Over how many slots the reads of a group are spread.
    fn slots(&self, group: &Group) -> usize {
        self.groups.get(group).map_or(1, |slots| slots.slots.max(1))
    }
}

/// An object's place in the grid. Dropped, it is given up, also by a turn that panicked.
#[derive(Debug)]
pub struct Place {
    grid: Arc<Mutex<Grid>>,
    anchor: Anchor,
}

impl Place {
    /// Takes a place.
    pub fn take(grid: &Arc<Mutex<Grid>>, anchor: Anchor) -> Self {
        lock(grid).join(&anchor);
        Self {
            grid: Arc::clone(grid),
            anchor,
        }
    }

    /// What decides its phase.
    pub fn anchor(&self) -> &Anchor {
        &self.anchor
    }

    /// Offset of its points within the interval.
    pub fn phase(&self, interval: Duration) -> Duration {
        lock(&self.grid).phase(&self.anchor, interval)
    }
}

/// How long periodic reads of an object at this place may wait for company: never so long that one of its points is missed.
pub fn patience(place: Option<&Place>, interval: Duration) -> Duration {
    let usual = (interval / PATIENCE_PART).clamp(LEAST_PATIENCE, MOST_PATIENCE);
    let Some(Place {
        grid,
        anchor: Anchor::Read(group, _),
    }) = place
    else {
        return usual;
    };
    let slots = u32::try_from(lock(grid).slots(group)).unwrap_or(u32::MAX);
    if slots > 1 && interval / slots <= 2 * SLOT {
        // What a full batch leaves behind goes with the next slot's, which is one SLOT or two away.
        usual.max((2 * SLOT + LEAST_PATIENCE).min(interval / 2))
    } else {
        usual
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        lock(&self.grid).leave(&self.anchor);
    }
}

// A panic elsewhere leaves a whole grid behind: each change is a count.
fn lock(grid: &Mutex<Grid>) -> MutexGuard<'_, Grid> {
    grid.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Slots {
    /// The number of slots changes only when the count of reads halves or doubles: phases stay put otherwise.
    fn resize(&mut self, interval: Duration) {
        let most = usize::try_from(interval.as_nanos() / SLOT.as_nanos()).unwrap_or(usize::MAX);
        let wanted = self.reads.len().div_ceil(READS_PER_SLOT).min(most).max(1);
        if self.slots == 0 || wanted >= self.slots * 2 || wanted * 2 <= self.slots {
            self.slots = wanted;
        }
    }
}

/// `interval × numerator ÷ denominator`.
fn part(interval: Duration, numerator: u64, denominator: u64) -> Duration {
    let nanos = interval.as_nanos() * u128::from(numerator) / u128::from(denominator.max(1));
    Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX))
}

fn since_epoch(time: Timestamp) -> Duration {
    Duration::from_nanos(u64::try_from(time.as_nanosecond()).unwrap_or_default())
}

/// How long until the first grid point that is not before `earliest`.
fn until_point(now: Duration, earliest: Duration, phase: Duration, interval: Duration) -> Duration {
    let interval = interval.as_nanos().max(1);
    let phase = phase.as_nanos() % interval;
    let earliest = earliest.max(now).as_nanos();
    let periods = (earliest + interval - phase).div_ceil(interval);
    let point = periods * interval + phase - interval;
    Duration::from_nanos(u64::try_from(point.saturating_sub(now.as_nanos())).unwrap_or(u64::MAX))
}

/// How long until an object is due that was last refreshed at `refreshed`: the first grid point at least a tenth of the
/// interval later.
pub fn next(now: Timestamp, refreshed: Timestamp, interval: Duration, phase: Duration) -> Duration {
    let earliest = since_epoch(refreshed) + interval / 10;
    until_point(since_epoch(now), earliest, phase, interval)
}

/// How long until an object is due whose last refresh is only known from its status, after a start.
///
/// From ten minutes on, it stays fresh for a whole interval, as ESO counts; shorter ones just join the grid.
pub fn next_after_start(
    now: Timestamp,
    refreshed: Timestamp,
    interval: Duration,
    phase: Duration,
) -> Duration {
    let point = until_point(
        since_epoch(now),
        since_epoch(refreshed) + interval / 10,
        phase,
        interval,
    );
    if interval < HEARTBEAT {
        return point;
    }
    let stale = (since_epoch(refreshed) + interval).saturating_sub(since_epoch(now));
    point.min(stale)
}

/// When a token is renewed that was made at `made`: when a quarter to a fifth of its life remains, by the object's hash,
/// so that what was made together is not renewed together. None where it was expired from the start, which waiting does
/// not help.
pub fn renewal(made: Timestamp, expires: Timestamp, uid: u64) -> Option<Timestamp> {
    let life = Duration::try_from(expires.duration_since(made)).ok()?;
    if life.is_zero() {
        return None;
    }
    let used = life.mul_f64(0.75) + part(life / 20, uid, u64::MAX);
    made.checked_add(used.max(SHORTEST_RENEWAL)).ok()
}

/// Whether a refresh of unchanged data is written to the status: each one from ten minutes on, else the first after each
/// of the object's own ten-minute points.
pub fn heartbeat_is_due(now: Timestamp, reported: Option<Timestamp>, interval: Duration, uid: u64) -> bool {
    let Some(reported) = reported else { return true };
    if interval >= HEARTBEAT {
        return true;
    }
    let phase = part(HEARTBEAT, uid, u64::MAX);
    let beat = |time| (since_epoch(time) + HEARTBEAT).saturating_sub(phase).as_nanos() / HEARTBEAT.as_nanos();
    beat(now) != beat(reported)
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};

    use proptest::prelude::*;

    use super::*;

    const MINUTE: Duration = Duration::from_mins(1);

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    fn group(interval: Duration) -> Group {
        Group {
            identity: 1,
            interval,
        }
    }

    fn read(n: u64) -> Anchor {
        Anchor::Read(group(MINUTE), n)
    }

    #[test]
    fn objects_that_share_a_read_are_due_at_the_same_point() {
        let mut grid = Grid::default();
        for n in 0..400 {
            grid.join(&read(stable_hash(&n)));
        }
        let anchor = read(stable_hash(&7));
        let phase = grid.phase(&anchor, MINUTE);
        let now = at(1_000_000);
        let due = |refreshed| now + next(now, at(refreshed), MINUTE, phase);
        assert_eq!(due(999_990), due(999_985));
    }

    #[test]
    fn the_number_of_slots_changes_only_when_the_count_doubles_or_halves() {
        let mut grid = Grid::default();
        let slots = |grid: &Grid| grid.groups.values().next().map_or(0, |s| s.slots);
        for n in 0..64 {
            grid.join(&read(n));
        }
        assert_eq!(slots(&grid), 4);
        for n in 64..100 {
            grid.join(&read(n));
        }
        assert_eq!(slots(&grid), 4);
        for n in 100..128 {
            grid.join(&read(n));
        }
        assert_eq!(slots(&grid), 8);
    }

    #[test]
    fn slots_are_at_least_a_second_apart_however_many_reads_there_are() {
        let grid = Arc::new(Mutex::new(Grid::default()));
        let mut places: Vec<_> = (0..10_000).map(|n| Place::take(&grid, read(n))).collect();
        let wait = |place: Option<&Place>| patience(place, MINUTE);
        let phases: BTreeSet<_> = places.iter().map(|place| place.phase(MINUTE)).collect();
        let gaps: BTreeSet<_> = phases
            .iter()
            .zip(phases.iter().skip(1))
            .map(|(one, next)| next.saturating_sub(*one))
            .collect();
        assert_eq!(phases.len(), 32, "{phases:?}");
        assert_eq!(phases.len(), lock(&grid).slots(&group(MINUTE)), "{phases:?}");
        // What a full batch leaves behind goes with the next slot's.
        assert!(gaps.last() < Some(&wait(places.first())), "{phases:?}");
        places.truncate(100);
        let phases: BTreeSet<_> = places.iter().map(|place| place.phase(MINUTE)).collect();
        assert!((4..=8).contains(&phases.len()), "{phases:?}");
        assert_eq!(wait(places.first()), MINUTE / PATIENCE_PART);
    }

    #[test]
    fn groups_of_few_reads_are_not_all_due_at_once() {
        let mut grid = Grid::default();
        let anchors = (0..200).map(|n| {
            let (identity, interval) = (stable_hash(&n), MINUTE);
            Anchor::Read(Group { identity, interval }, 7)
        });
        let anchors: Vec<_> = anchors.inspect(|anchor| grid.join(anchor)).collect();
        let mut due = BTreeMap::new();
        for anchor in &anchors {
            *due.entry(grid.phase(anchor, MINUTE)).or_insert(0) += 1;
        }
        assert!(due.values().all(|together| *together < 15), "{due:?}");
        assert!(due.keys().all(|phase| *phase < MINUTE), "{due:?}");
    }

    #[test]
    fn a_group_that_lost_all_its_reads_is_forgotten() {
        let mut grid = Grid::default();
        grid.join(&read(1));
        grid.join(&read(1));
        grid.leave(&read(1));
        grid.leave(&read(1));
        assert!(grid.groups.is_empty());
    }

    #[test]
    fn a_turn_that_panics_gives_its_place_up() {
        let grid = Arc::new(Mutex::new(Grid::default()));
        let place = Place::take(&grid, read(1));
        assert_eq!(lock(&grid).groups.len(), 1);
        let turn = std::thread::spawn(move || {
            let _place = place;
            panic!("a turn");
        });
        assert!(turn.join().is_err());
        assert!(lock(&grid).groups.is_empty());
    }

    #[test]
    fn a_fresh_object_with_a_long_interval_is_not_due_after_a_start_before_its_interval_has_passed() {
        let hour = MINUTE * 60;
        let refreshed = at(3_600_000);
        let now = at(3_600_000 + 1_800);
        let wait = next_after_start(now, refreshed, hour, MINUTE);
        assert_eq!(
            wait,
            MINUTE * 30,
            "at the end of the interval, as the grid point comes later"
        );
    }

    /// Differs: docs/differences.md#refresh-time.
    #[test]
    fn short_intervals_write_one_heartbeat_in_ten_minutes() {
        let beats = (0..=120)
            .scan(at(600_000), |reported, n| {
                let now = at(600_000 + n * 30);
                let due = heartbeat_is_due(now, Some(*reported), MINUTE / 2, 42);
                if due {
                    *reported = now;
                }
                Some(due)
            })
            .filter(|due| *due)
            .count();
        assert_eq!(beats, 6, "an hour of refreshes");
    }

    proptest! {
        #[test]
        fn a_phase_lies_within_its_interval(identity in any::<u64>(), interval in 1_u64..100_000, reads in 1_u64..200) {
            let interval = Duration::from_millis(interval * 500);
            let anchor = |n| Anchor::Read(Group { identity, interval }, stable_hash(&n));
            let mut grid = Grid::default();
            (0..reads).for_each(|n| grid.join(&anchor(n)));
            prop_assert!((0..reads).all(|n| grid.phase(&anchor(n), interval) < interval));
        }

        #[test]
        fn no_point_is_missed_by_waiting_for_company(seconds in 1_u64..100, reads in 1_u64..2_000) {
            let interval = Duration::from_secs(seconds);
            let grid = Arc::new(Mutex::new(Grid::default()));
            let places: Vec<_> = (0..reads).map(|n| Place::take(&grid, Anchor::Read(group(interval), n))).collect();
            prop_assert!(patience(places.first(), interval) + interval / 10 < interval);
        }

        #[test]
        fn the_next_point_lies_between_a_tenth_of_the_interval_and_the_interval_and_a_tenth(
            now in 1_000_000_000_i64..2_000_000_000,
            interval in 1_u64..100_000,
            slot in any::<u64>(),
        ) {
            let interval = Duration::from_secs(interval);
            let phase = part(interval, slot, u64::MAX);
            let wait = next(at(now), at(now), interval, phase);
            prop_assert!(wait >= interval / 10);
            prop_assert!(wait <= interval + interval / 10);
        }

        /// Differs: docs/differences.md#fixed-points.
        #[test]
        fn successive_points_are_one_interval_apart(now in 1_000_000_000_i64..2_000_000_000, interval in 10_u64..100_000) {
            let interval = Duration::from_secs(interval);
            let phase = interval / 3;
            let first = at(now) + next(at(now), at(now), interval, phase);
            let second = first + next(first, first, interval, phase);
            prop_assert_eq!(second.duration_since(first).unsigned_abs(), interval);
        }
    }

    #[test]
    fn a_token_is_renewed_when_a_quarter_to_a_fifth_of_its_life_remains() {
        let made = Timestamp::from_second(1_000_000).unwrap();
        let after = |hours| made + Duration::from_hours(hours);
        assert_eq!(renewal(made, after(12), 0), Some(after(9)));
        let last = renewal(made, after(12), u64::MAX).unwrap();
        assert_eq!(last, after(9) + Duration::from_mins(36));
        assert_eq!(
            renewal(made, made + Duration::from_millis(4), 0),
            Some(made + SHORTEST_RENEWAL)
        );
        assert_eq!(renewal(made, made, 0), None);
        assert_eq!(renewal(after(1), made, 0), None, "expired from the start");
    }
}
