//! Bytes fetched and not yet written: a bound on what answers may occupy.
//!
//! A call takes room for the largest possible answer before it is sent and gives back what it did not need; an answer
//! keeps its share until the last holder drops it. A read that finds no room in time fails, so that its object lets go
//! of what it holds: two objects that wait for each other's bytes cannot stand still.

use std::{sync::Arc, time::Duration};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::error::{Class, Error};

/// The largest value of either service, in bytes.
pub(super) const LARGEST_VALUE: usize = 64 * 1024;

/// All the room there is.
#[derive(Clone, Debug)]
pub(super) struct Room {
    bytes: Arc<Semaphore>,
    patience: Duration,
}

/// Room that one answer takes.
#[derive(Debug, Default)]
pub(crate) struct Share(Option<OwnedSemaphorePermit>);

impl Room {
    pub(super) fn new(bytes: usize, patience: Duration) -> Self {
        let bytes = bytes.clamp(LARGEST_VALUE, u32::MAX as usize);
        Self {
            bytes: Arc::new(Semaphore::new(bytes)),
            patience,
        }
    }

    /// Takes room for `values` values of unknown size.
    pub(super) async fn reserve(&self, values: usize) -> Result<Share, Error> {
        let wanted = u32::try_from(values.saturating_mul(LARGEST_VALUE)).unwrap_or(u32::MAX);
        let permit = Arc::clone(&self.bytes).acquire_many_owned(wanted);
        match tokio::time::timeout(self.patience, permit).await {
            Ok(Ok(permit)) => Ok(Share(Some(permit))),
            _ => Err(Error::new(
                Class::Transient,
                "memory",
                "too many bytes are fetched and not yet written",
            )),
        }
    }
}

impl Share {
    /// Splits off the part that a value of this size needs.
    pub(super) fn split(&mut self, bytes: usize) -> Self {
        let held = self.0.as_mut();
        Self(held.and_then(|permit| {
            let bytes = bytes.min(permit.num_permits());
            permit.split(bytes)
        }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn an_answer_keeps_its_share_until_it_is_dropped() {
        let room = Room::new(2 * LARGEST_VALUE, Duration::from_secs(5));
        let mut first = room.reserve(2).await.unwrap();
        let kept = first.split(LARGEST_VALUE + 1);
        drop(first);
        assert_eq!(room.reserve(1).await.unwrap_err().class, Class::Transient);
        drop(kept);
        assert!(room.reserve(2).await.is_ok());
    }

    #[tokio::test]
    async fn a_reservation_larger_than_the_bound_fails_and_takes_nothing() {
        let room = Room::new(LARGEST_VALUE, Duration::ZERO);
        assert!(room.reserve(2).await.is_err());
        assert!(room.reserve(1).await.is_ok());
    }
}
