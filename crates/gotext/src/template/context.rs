//! What an execution gives to functions: the clock, randomness, and the budget that everything is charged to.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use zeroize::Zeroizing;

use super::function::FuncError;
use super::limits::{Limit, Limits};
use super::map::{Entries, Map, WeakMap};
use super::regexps::Regexps;
use super::value::Value;
use crate::regexp::{self, Regexp};

/// Where the time comes from.
pub trait Clock: Send + Sync {
    /// Time since 1970-01-01T00:00:00Z.
    fn since_epoch(&self) -> Duration;
}

/// Where random bytes come from. Must be fit for keys and passwords.
pub trait Random: Send + Sync {
    /// Fills `buffer`; `false` if there is no randomness to be had.
    #[must_use]
    fn fill(&self, buffer: &mut [u8]) -> bool;
}

/// The machine's clock.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn since_epoch(&self) -> Duration {
        // A clock before 1970 is a broken clock; it reads as 1970.
        SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default()
    }
}

/// The randomness of the cryptographic library, fit for keys.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemRandom;

impl Random for SystemRandom {
    fn fill(&self, buffer: &mut [u8]) -> bool {
        aws_lc_rs::rand::fill(buffer).is_ok()
    }
}

/// How many charges pass between two looks at the clock.
const CHARGES_PER_CLOCK_READING: u32 = 4096;

/// One execution's surroundings, handed to every function.
pub struct Context<'a> {
    clock: &'a dyn Clock,
    random: &'a dyn Random,
    limits: &'a Limits,
    steps_left: u64,
    bytes_left: usize,
    deadline: Duration,
    until_clock: u32,
    changed: Vec<WeakMap>,
    /// Where compiled expressions are kept from one execution to the next.
    regexps: Option<&'a Regexps>,
}

impl<'a> Context<'a> {
    /// Starts an execution: its deadline counts from now.
    pub fn new(clock: &'a dyn Clock, random: &'a dyn Random, limits: &'a Limits) -> Self {
        Self {
            clock,
            random,
            limits,
            steps_left: limits.steps,
            bytes_left: limits.total_bytes,
            deadline: clock.since_epoch().saturating_add(limits.time),
            until_clock: CHARGES_PER_CLOCK_READING,
            changed: Vec::new(),
            regexps: None,
        }
    }

    /// Keeps compiled expressions for other executions.
    pub(super) fn with_regexps(mut self, regexps: &'a Regexps) -> Self {
        self.regexps = Some(regexps);
        self
    }

    /// A compiled expression: one that was kept, or a new one. Compiling takes up to a tenth of a second, however
    /// short the expression, so it looks at the clock first.
    pub(crate) fn regexp(
        &mut self,
        pattern: &[u8],
        limits: regexp::Limits,
    ) -> Result<Result<Arc<Regexp>, regexp::Error>, Limit> {
        if let Some(kept) = self.regexps.and_then(|regexps| regexps.get(pattern, limits)) {
            return Ok(Ok(kept));
        }
        self.check_deadline()?;
        Ok(match self.regexps {
            Some(regexps) => regexps.compile(pattern, limits),
            None => Regexp::with_limits(pattern, limits).map(Arc::new),
        })
    }

    /// Time since 1970-01-01T00:00:00Z.
    pub fn now(&self) -> Duration {
        self.clock.since_epoch()
    }

    /// `n` random bytes, fit for keys.
    pub fn random_bytes(&mut self, n: usize) -> Result<Zeroizing<Vec<u8>>, FuncError> {
        self.charge_bytes(n)?;
        let mut buffer = Zeroizing::new(vec![0; n]);
        self.fill_random(&mut buffer)?;
        Ok(buffer)
    }

    /// Fills `buffer` with random bytes, fit for keys.
    pub fn fill_random(&mut self, buffer: &mut [u8]) -> Result<(), FuncError> {
        if self.random.fill(buffer) {
            Ok(())
        } else {
            Err(FuncError::new("no randomness available"))
        }
    }

    /// The bounds of this execution, for those that are not charged here.
    pub fn limits(&self) -> &'a Limits {
        self.limits
    }

    /// Charges `steps` of work. Functions whose work grows with their input charge about one step per item or per
    /// 64 bytes, before they do the work.
    #[inline]
    pub fn charge(&mut self, steps: u64) -> Result<(), Limit> {
        let Some(left) = self.steps_left.checked_sub(steps) else {
            self.steps_left = 0;
            return Err(Limit::Steps);
        };
        self.steps_left = left;
        self.until_clock = self
            .until_clock
            .saturating_sub(u32::try_from(steps).unwrap_or(u32::MAX));
        if self.until_clock == 0 {
            self.check_deadline()
        } else {
            Ok(())
        }
    }

    /// Looks at the clock. For functions that work long on little input (key derivation, key generation): call it
    /// before the work.
    pub fn check_deadline(&mut self) -> Result<(), Limit> {
        self.until_clock = CHARGES_PER_CLOCK_READING;
        if self.clock.since_epoch() > self.deadline {
            Err(Limit::Time)
        } else {
            Ok(())
        }
    }

    /// Charges a string of `n` bytes that a function is about to make. Call it before allocating wherever `n` comes
    /// from the template (`repeat 1000000000 "x"`).
    pub fn charge_bytes(&mut self, n: usize) -> Result<(), Limit> {
        if n > self.limits.string_bytes {
            return Err(Limit::StringBytes);
        }
        self.bytes_left = self.bytes_left.checked_sub(n).ok_or(Limit::TotalBytes)?;
        self.charge(n as u64 / 64)
    }

    /// Charges a list or map of `n` items that a function is about to make (`until 1000000000`).
    pub fn charge_items(&mut self, n: usize) -> Result<(), Limit> {
        if n > self.limits.items {
            return Err(Limit::Items);
        }
        // An item is a value of its own, with its share of the container.
        self.bytes_left = self
            .bytes_left
            .checked_sub(n.saturating_mul(32))
            .ok_or(Limit::TotalBytes)?;
        self.charge(n as u64)
    }

    /// Fails where values nest deeper than may be walked. Recursive functions count `depth` from 0.
    pub fn check_depth(&self, depth: usize) -> Result<(), Limit> {
        if depth > self.limits.value_depth {
            Err(Limit::ValueDepth)
        } else {
            Ok(())
        }
    }

    /// Changes `map` in place for every holder, as Go's `m[k] = v` does.
    pub fn change<R>(&mut self, map: &Map, change: impl FnOnce(&mut Entries) -> R) -> Result<R, FuncError> {
        if map.is_nil() {
            return Err(FuncError::new("assignment to entry in nil map"));
        }
        let before = map.len();
        let result = map.change(change);
        let after = map.len();
        self.changed.push(map.downgrade());
        self.charge(1)?;
        if after > self.limits.items {
            return Err(Limit::Items.into());
        }
        self.charge_items(after.saturating_sub(before))?;
        Ok(result)
    }
}

impl Drop for Context<'_> {
    /// A map that was made to contain itself would never be freed, and its secrets never wiped: cut it open.
    fn drop(&mut self) {
        for map in self.changed.drain(..) {
            if let Some(map) = map.upgrade()
                && reaches_itself(&map)
            {
                map.change(Entries::clear);
            }
        }
    }
}

fn reaches_itself(map: &Map) -> bool {
    let mut seen = HashSet::new();
    let mut todo = containers(map.entries().values());
    while let Some(value) = todo.pop() {
        match value {
            Value::Map(inner) if inner.same(map) => return true,
            Value::Map(inner) if seen.insert(inner.address()) => {
                todo.extend(containers(inner.entries().values()));
            }
            Value::List(list) => todo.extend(containers(list.held().iter())),
            _ => {}
        }
    }
    false
}

fn containers<'v>(values: impl Iterator<Item = &'v Value>) -> Vec<Value> {
    values.filter(|value| value.is_container()).cloned().collect()
}
