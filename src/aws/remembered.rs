//! A value that costs calls to get: got by one caller, shared, renewed before it ends, and its failure remembered.
//!
//! Own code, because the caches of the field remember successes only: here a failure answers everybody at once and one
//! caller tries again with backoff. No lock is held across a call, and a caller that goes away does not stop the flight
//! that others wait for.

use std::{
    fmt,
    future::Future,
    hash::{BuildHasher, RandomState},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::{sync::watch, time::Instant};

use super::error::{Class, Error};

/// First wait after a failure; it doubles with each further one.
const FIRST_BACKOFF: Duration = Duration::from_secs(1);
/// Longest wait after a failure.
const LAST_BACKOFF: Duration = Duration::from_mins(5);
/// A value that was rejected is not thrown away again within this time: a caller whose every read is rejected must not
/// turn each of them into a renewal.
const SUSPICION_PAUSE: Duration = Duration::from_mins(1);

/// A value and until when it holds.
#[derive(Clone, Debug)]
pub(super) struct Lease<T> {
    pub(super) value: T,
    /// From here on a use starts a renewal; the value goes on being used meanwhile.
    pub(super) renew_at: Option<Instant>,
    /// From here on it is no longer used.
    pub(super) expires_at: Option<Instant>,
}

/// The place where one such value is kept.
pub(super) struct Remembered<T> {
    state: Mutex<State<T>>,
    grace: Grace,
    on_recovery: Box<dyn Fn() + Send + Sync>,
}

/// What becomes of a value in use when its renewal fails for good.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Grace {
    /// It is used until it expires.
    UntilExpiry,
    /// It is not used any more: what it was made of is gone.
    None,
}

type Flight<T> = watch::Receiver<Option<Result<T, Error>>>;

struct State<T> {
    /// Raised when what is known is thrown away, so that a flight started before cannot bring it back.
    epoch: u64,
    lease: Option<Lease<T>>,
    failure: Option<Failure>,
    flight: Option<Flight<T>>,
    /// The last flight failed; outlives [`Remembered::forget`], so that the recovery is still told.
    failing: bool,
    suspected_at: Option<Instant>,
}

struct Failure {
    error: Error,
    count: u32,
    retry_at: Instant,
}

enum Next<T> {
    Use(T),
    Refuse(Error),
    Wait(Flight<T>),
    Renew(T),
    Start,
}

impl<T> fmt::Debug for Remembered<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Remembered").finish_non_exhaustive()
    }
}

impl<T: Clone + Send + Sync + 'static> Remembered<T> {
    /// Nothing yet. `on_recovery` is told when a value is got after failures.
    pub(super) fn new(grace: Grace, on_recovery: impl Fn() + Send + Sync + 'static) -> Self {
        let state = State {
            epoch: 0,
            lease: None,
            failure: None,
            flight: None,
            failing: false,
            suspected_at: None,
        };
        Self {
            state: Mutex::new(state),
            grace,
            on_recovery: Box::new(on_recovery),
        }
    }

    /// The value. `resolve` is called where a flight is to start; it runs on its own task.
    pub(super) async fn get<F>(self: &Arc<Self>, resolve: impl FnOnce() -> F) -> Result<T, Error>
    where
        F: Future<Output = Result<Lease<T>, Error>> + Send + 'static,
    {
        let mut flight = {
            let mut state = self.lock();
            match state.next(Instant::now()) {
                Next::Use(value) => return Ok(value),
                Next::Refuse(error) => return Err(error),
                Next::Wait(flight) => flight,
                Next::Renew(value) => {
                    self.start(&mut state, resolve());
                    return Ok(value);
                }
                Next::Start => self.start(&mut state, resolve()),
            }
        };
        outcome(&mut flight).await
    }

    /// Gets the value anew, whatever is known; a flight that is under way is joined. Others go on with what is known.
    pub(super) async fn get_anew<F>(self: &Arc<Self>, resolve: impl FnOnce() -> F) -> Result<T, Error>
    where
        F: Future<Output = Result<Lease<T>, Error>> + Send + 'static,
    {
        let mut flight = {
            let mut state = self.lock();
            match &state.flight {
                Some(flight) => flight.clone(),
                None => self.start(&mut state, resolve()),
            }
        };
        outcome(&mut flight).await
    }

    /// Throws away what is known, failures and flights included.
    pub(super) fn forget(&self) {
        let mut state = self.lock();
        state.epoch += 1;
        state.lease = None;
        state.failure = None;
        state.flight = None;
    }

    /// The value in use, without a call.
    pub(super) fn holds(&self, is_it: impl Fn(&T) -> bool) -> bool {
        self.lock()
            .lease
            .as_ref()
            .is_some_and(|lease| is_it(&lease.value))
    }

    /// Takes a value that came along with something else.
    pub(super) fn put(&self, lease: Lease<T>) {
        let mut state = self.lock();
        if state.lease.is_none() && state.flight.is_none() {
            state.lease = Some(lease);
        }
    }

    /// Forgets a failure only, so that the next caller tries at once.
    pub(super) fn forgive(&self) {
        self.lock().failure = None;
    }

    /// AWS rejected the value. Throws it away unless that was done a moment ago or somebody already has; says whether
    /// another try may do better.
    pub(super) fn suspect(&self, is_rejected: impl Fn(&T) -> bool) -> bool {
        let mut state = self.lock();
        let now = Instant::now();
        let replaced = match &state.lease {
            Some(lease) => !is_rejected(&lease.value),
            None => state.failure.is_none(),
        };
        if replaced {
            return true;
        }
        if state
            .suspected_at
            .is_some_and(|at| now.duration_since(at) < SUSPICION_PAUSE)
        {
            return false;
        }
        state.suspected_at = Some(now);
        state.epoch += 1;
        state.lease = None;
        state.failure = None;
        state.flight = None;
        true
    }

    fn start<F>(self: &Arc<Self>, state: &mut State<T>, resolving: F) -> Flight<T>
    where
        F: Future<Output = Result<Lease<T>, Error>> + Send + 'static,
    {
        let (landed, flight) = watch::channel(None);
        state.flight = Some(flight.clone());
        let started = Started {
            place: Arc::clone(self),
            epoch: state.epoch,
            landed: false,
        };
        tokio::spawn(async move {
            let result = resolving.await;
            let told = result
                .as_ref()
                .map(|lease| lease.value.clone())
                .map_err(Clone::clone);
            started.land(result);
            landed.send_replace(Some(told));
        });
        flight
    }

    fn lock(&self) -> MutexGuard<'_, State<T>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A flight on its way. Dropped without landing (a panic), it frees the place for the next one.
struct Started<T: Clone + Send + Sync + 'static> {
    place: Arc<Remembered<T>>,
    epoch: u64,
    landed: bool,
}

async fn outcome<T: Clone>(flight: &mut Flight<T>) -> Result<T, Error> {
    match flight.wait_for(Option::is_some).await.as_deref() {
        Ok(Some(result)) => result.clone(),
        _ => Err(Error::new(
            Class::Transient,
            "credentials",
            "getting credentials was broken off",
        )),
    }
}

impl<T: Clone + Send + Sync + 'static> Started<T> {
    fn land(mut self, result: Result<Lease<T>, Error>) {
        self.landed = true;
        let recovered = {
            let mut state = self.place.lock();
            if state.epoch != self.epoch {
                return;
            }
            state.flight = None;
            match result {
                Ok(lease) => {
                    state.lease = Some(lease);
                    state.failure = None;
                    std::mem::take(&mut state.failing)
                }
                Err(error) => {
                    if self.place.grace == Grace::None && !error.class.passes() {
                        state.lease = None;
                    }
                    let count = state
                        .failure
                        .as_ref()
                        .map_or(1, |before| before.count.saturating_add(1));
                    let retry_at = Instant::now() + backoff(count);
                    state.failure = Some(Failure {
                        error,
                        count,
                        retry_at,
                    });
                    state.failing = true;
                    false
                }
            }
        };
        if recovered {
            (self.place.on_recovery)();
        }
    }
}

impl<T: Clone + Send + Sync + 'static> Drop for Started<T> {
    fn drop(&mut self) {
        let mut state = self.place.lock();
        if !self.landed && state.epoch == self.epoch {
            state.flight = None;
        }
    }
}

impl<T: Clone> State<T> {
    fn next(&self, now: Instant) -> Next<T> {
        let may_try = self
            .failure
            .as_ref()
            .is_none_or(|failure| now >= failure.retry_at);
        if let Some(lease) = &self.lease
            && lease.expires_at.is_none_or(|at| now < at)
        {
            let due = lease.renew_at.is_some_and(|at| now >= at);
            return if due && may_try && self.flight.is_none() {
                Next::Renew(lease.value.clone())
            } else {
                Next::Use(lease.value.clone())
            };
        }
        match (&self.failure, &self.flight) {
            // One caller is trying again; nobody else waits for it.
            (Some(failure), Some(_)) => Next::Refuse(failure.error.clone()),
            (Some(failure), None) if !may_try => Next::Refuse(failure.error.clone()),
            (None, Some(flight)) => Next::Wait(flight.clone()),
            (_, None) => Next::Start,
        }
    }
}

fn backoff(count: u32) -> Duration {
    let doubled = FIRST_BACKOFF.saturating_mul(1u32.checked_shl(count.saturating_sub(1)).unwrap_or(u32::MAX));
    doubled.min(LAST_BACKOFF).mul_f64(0.75 + 0.25 * random())
}

/// A number from 0 to 1, to spread what would otherwise happen at once. Not for cryptography; the standard library's hasher
/// is seeded anew each time.
pub(super) fn random() -> f64 {
    let bits = RandomState::new().hash_one(0u8) >> 32;
    f64::from(u32::try_from(bits).unwrap_or(0)) / f64::from(u32::MAX)
}

#[cfg(test)]
mod tests;
