//! How one call to a service is made: permits, budget, deadline, attempts, and a second try with fresh credentials.
//!
//! Attempts are made here and not by the SDK: there, all identities of a client share one retry quota, so that a failing
//! tenant would cost others their retries; and here each attempt has to take its part of the budget and of the permits.

use std::{future::Future, num::NonZeroU32, sync::Arc, time::Duration};

use aws_credential_types::attributes::AccountId;
use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore},
    time::{Instant, timeout_at},
};

use super::{
    accounts::Accounts,
    budget::{Budgets, Payer},
    clients::Clients,
    error::{Class, Error, Fault},
    flow::Entered,
    identities::Identities,
    identity::Identity,
    meter::Meter,
    read::Retry,
    remembered::random,
    room::{Room, Share},
    sessions::{Session, Sessions},
    settings::Settings,
};

/// Attempts where the store says nothing about them.
const ATTEMPTS: NonZeroU32 = NonZeroU32::MIN.saturating_add(1);
/// First pause between attempts; it doubles.
const FIRST_PAUSE: Duration = Duration::from_millis(100);
const LAST_PAUSE: Duration = Duration::from_secs(5);

/// What every call needs.
#[derive(Debug)]
pub(super) struct Line {
    pub(super) settings: Arc<Settings>,
    pub(super) clients: Arc<Clients>,
    pub(super) sessions: Sessions,
    pub(super) accounts: Accounts,
    pub(super) identities: Identities,
    pub(super) meter: Meter,
    pub(super) budgets: Budgets,
    pub(super) calls: Arc<Semaphore>,
    pub(super) room: Room,
}

/// Leave to make a call: who makes it, and what it holds while it is under way.
#[derive(Debug)]
pub(super) struct Leave {
    pub(super) identity: Arc<Identity>,
    pub(super) session: Session,
    /// How many values the answer may have.
    values: usize,
    admitted: Admitted,
    entered: Entered,
}

/// What all identities share, for one attempt.
#[derive(Debug)]
struct Admitted {
    /// Room for the largest answer.
    share: Share,
    call: OwnedSemaphorePermit,
}

/// A call to be made.
#[derive(Clone, Copy, Debug)]
pub(super) struct Plan<'a> {
    pub(super) api: &'static str,
    pub(super) urgent: bool,
    pub(super) retry: Option<&'a Retry>,
}

impl Line {
    /// Gets everything that a call needs, in an order in which nobody who waits holds up another identity: own permit,
    /// credentials, budget, then what all share: room for the answer and the permit to call.
    pub(super) async fn leave(
        &self,
        identity: &Arc<Identity>,
        plan: Plan<'_>,
        values: usize,
    ) -> Result<Leave, Error> {
        let entered = self.sessions.flow(identity).enter().await?;
        let (identity, session) = self.session(identity).await?;
        let admitted = self.admit(&identity, &session, plan, values).await?;
        Ok(Leave {
            identity,
            session,
            values,
            admitted,
            entered,
        })
    }

    /// Makes a call, with as many attempts as there are. Returns the room that was reserved, for the answer; an attempt
    /// that failed gives its room back before the next one waits.
    pub(super) async fn call<T, F>(
        &self,
        leave: Leave,
        plan: Plan<'_>,
        make: impl Fn(Arc<Identity>, Session) -> F,
    ) -> (Result<T, Error>, Share)
    where
        F: Future<Output = Result<T, Error>>,
    {
        let Leave {
            mut identity,
            mut session,
            values,
            admitted,
            entered,
        } = leave;
        let attempts = plan
            .retry
            .map_or(Some(ATTEMPTS), |retry| retry.attempts)
            .map_or(u32::MAX, NonZeroU32::get);
        // Without settings of the store's own, one deadline holds for all attempts: the queue waits better than a call.
        let own_deadline = plan.retry.is_some();
        let mut deadline = Instant::now() + self.settings.timeouts.call;
        // Whatever a store's settings say: after that its objects have given up, and others need the permits.
        let end = Instant::now() + self.settings.timeouts.attempts;
        let mut admitted = Some(admitted);
        let mut renewed = false;
        let mut attempt = 1;
        let result = loop {
            let Admitted { share, call } = match admitted.take() {
                Some(admitted) => admitted,
                None => match self.admit(&identity, &session, plan, values).await {
                    Ok(admitted) => admitted,
                    // That there is no room says nothing of whether AWS answers this identity.
                    Err(error) => return (Err(error), Share::default()),
                },
            };
            let outcome = timeout_at(deadline.min(end), make(Arc::clone(&identity), session.clone())).await;
            drop(call);
            let result = outcome.unwrap_or_else(|_| {
                Err(Error::new(
                    Class::Transient,
                    plan.api,
                    format!("{} failed: no answer in time", plan.api),
                ))
            });
            self.meter.attempt(plan.api, &result);
            let error = match result {
                Ok(value) => break Ok((value, share)),
                Err(error) => error,
            };
            drop(share);
            if error.class == Class::Throttled {
                self.budgets
                    .throttled(&self.payer(&identity, &session), identity.region(), plan.api);
            }
            if error.class == Class::Credentials(Fault::Rejected) && !renewed {
                renewed = true;
                match self.renew(&identity, Some(&session)).await {
                    Ok(Some((now, fresh))) => (identity, session) = (now, fresh),
                    Ok(None) => break Err(error),
                    Err(reason) => break Err(reason),
                }
                // The rejected attempt says nothing about the service; its successor has all the time there is.
                deadline = Instant::now() + self.settings.timeouts.call;
                continue;
            }
            let pause = pause(attempt, plan.retry);
            let again = Instant::now() + pause;
            if !error.class.passes()
                || attempt >= attempts
                || again >= end
                || (!own_deadline && again >= deadline)
            {
                break Err(error);
            }
            tokio::time::sleep_until(again).await;
            attempt += 1;
            if own_deadline {
                deadline = Instant::now() + self.settings.timeouts.call;
            }
            // The budget may let the next attempt wait: it does so before its deadline is looked at.
            match self.admit(&identity, &session, plan, values).await {
                Ok(next) if Instant::now() < deadline.min(end) => admitted = Some(next),
                // What AWS said tells more than that there was no room or no time to ask again.
                _ => break Err(error),
            }
        };
        entered.leave(&result);
        match result {
            Ok((value, share)) => (Ok(value), share),
            Err(error) => (Err(error), Share::default()),
        }
    }

    /// The session of an identity. Where AWS rejects what it is made of, everything is looked up once more.
    async fn session(&self, identity: &Arc<Identity>) -> Result<(Arc<Identity>, Session), Error> {
        match self.sessions.get(identity).await {
            Ok(session) => Ok((Arc::clone(identity), session)),
            Err(error) if error.class == Class::Credentials(Fault::Rejected) => {
                self.renew(identity, None).await?.ok_or(error)
            }
            Err(error) => Err(error),
        }
    }

    /// Looks up credential Secrets or the `ServiceAccount` again and gets another session. None where that was done a
    /// moment ago or there is nothing else to get.
    async fn renew(
        &self,
        identity: &Arc<Identity>,
        used: Option<&Session>,
    ) -> Result<Option<(Arc<Identity>, Session)>, Error> {
        if !self.sessions.suspect(identity, used) {
            return Ok(None);
        }
        let now = self.identities.again(identity).await?;
        let session = self.sessions.get(&now).await?;
        let is_other = used.is_none_or(|used| used.credentials != session.credentials);
        Ok(is_other.then_some((now, session)))
    }

    /// Whose quota a call counts against: the account where it is known, else the identity by itself.
    fn payer(&self, identity: &Arc<Identity>, session: &Session) -> Payer {
        let of_credentials = || session.credentials.account_id().map(AccountId::as_str);
        if let Some(account) = identity.account().or_else(of_credentials) {
            return Payer::Account(account.to_owned());
        }
        let account = self
            .accounts
            .of(identity, session, &self.clients, &self.settings, &self.meter);
        account.map_or_else(|| Payer::Identity(Arc::clone(identity)), Payer::Account)
    }

    /// Who waits for a budget holds nothing of what all share: a throttled account with many roles would otherwise
    /// take all the room there is for answers. Where there is no room then, what the budget gave is spent all the same: given
    /// back, it would shorten the pause after a throttle that came meanwhile.
    async fn admit(
        &self,
        identity: &Arc<Identity>,
        session: &Session,
        plan: Plan<'_>,
        values: usize,
    ) -> Result<Admitted, Error> {
        self.budgets
            .take(
                &self.payer(identity, session),
                identity.region(),
                plan.api,
                plan.urgent,
            )
            .await;
        let share = self.room.reserve(values).await?;
        let call = permit(Arc::clone(&self.calls)).await?;
        Ok(Admitted { share, call })
    }
}

async fn permit(semaphore: Arc<Semaphore>) -> Result<OwnedSemaphorePermit, Error> {
    let closed = |_| Error::new(Class::Transient, "calls", "the operator is stopping");
    semaphore.acquire_owned().await.map_err(closed)
}

fn pause(attempt: u32, retry: Option<&Retry>) -> Duration {
    if let Some(delay) = retry.and_then(|retry| retry.delay) {
        return delay;
    }
    let doubled = FIRST_PAUSE.saturating_mul(1u32.checked_shl(attempt.saturating_sub(1)).unwrap_or(u32::MAX));
    doubled.min(LAST_PAUSE).mul_f64(0.5 + 0.5 * random())
}
