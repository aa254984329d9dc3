//! How many calls an identity may have in flight.
//!
//! Calls that nobody answers hold what all share. An identity whose calls go unanswered (a region that cannot be reached,
//! an endpoint that hangs) is therefore narrowed to one call at a time until one is answered again, so that a few such
//! stores cannot take all the calls there are.

use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::error::{Class, Error};

/// The calls of one identity.
#[derive(Debug)]
pub(super) struct Flow {
    permits: Arc<Semaphore>,
    most: usize,
    /// Permits taken out of use.
    withheld: Mutex<usize>,
}

/// A call in flight.
#[derive(Debug)]
pub(super) struct Entered {
    flow: Arc<Flow>,
    permit: OwnedSemaphorePermit,
}

impl Flow {
    pub(super) fn new(most: usize) -> Self {
        let most = most.max(1);
        Self {
            permits: Arc::new(Semaphore::new(most)),
            most,
            withheld: Mutex::new(0),
        }
    }

    /// Waits until one more call may be in flight.
    pub(super) async fn enter(self: &Arc<Self>) -> Result<Entered, Error> {
        let permit = Arc::clone(&self.permits).acquire_owned().await;
        let permit = permit.map_err(|_| Error::new(Class::Transient, "calls", "the operator is stopping"))?;
        Ok(Entered {
            flow: Arc::clone(self),
            permit,
        })
    }
}

impl Entered {
    /// The call ended. Any answer, refusals included, opens the flow; silence narrows it.
    pub(super) fn leave<T>(self, result: &Result<T, Error>) {
        let unanswered = result
            .as_ref()
            .is_err_and(|error| error.class == Class::Transient && error.code.is_none());
        let mut withheld = self.flow.withheld.lock().unwrap_or_else(PoisonError::into_inner);
        if !unanswered {
            self.flow.permits.add_permits(std::mem::take(&mut *withheld));
        } else if *withheld + 1 < self.flow.most {
            *withheld += 1;
            self.permit.forget();
        }
    }
}

#[cfg(test)]
mod tests {
    use futures::FutureExt;

    use super::*;

    fn silence() -> Result<(), Error> {
        Err(Error::new(
            Class::Transient,
            "GetSecretValue",
            "no answer in time",
        ))
    }

    fn in_flight(flow: &Arc<Flow>) -> Vec<Entered> {
        std::iter::from_fn(|| flow.enter().now_or_never().map(Result::unwrap)).collect()
    }

    #[test]
    fn silence_narrows_to_one_call_and_an_answer_opens_again() {
        let flow = Arc::new(Flow::new(8));
        for entered in in_flight(&flow) {
            entered.leave(&silence());
        }
        let mut one = in_flight(&flow);
        assert_eq!(one.len(), 1);
        one.pop().unwrap().leave(&silence());
        let mut one = in_flight(&flow);
        assert_eq!(one.len(), 1);
        let refused = Error::new(Class::Denied, "GetSecretValue", "refused");
        one.pop().unwrap().leave(&Err::<(), _>(refused));
        assert_eq!(in_flight(&flow).len(), 8);
    }

    #[test]
    fn a_call_that_is_broken_off_gives_its_place_back() {
        let flow = Arc::new(Flow::new(2));
        drop(in_flight(&flow));
        assert_eq!(in_flight(&flow).len(), 2);
    }
}
