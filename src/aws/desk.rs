//! Where the reads of one identity and service wait and are sent from.
//!
//! A task runs while anybody waits: it gets leave for the next call, and only then chooses which reads go, so that what came
//! meanwhile goes along. Calls run on tasks of their own; a caller that goes away stops nothing that others wait for.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use tokio::{
    sync::{Notify, oneshot},
    time::Instant,
};

use super::{
    call::{Leave, Line, Plan as CallPlan},
    error::{Class, Error},
    identity::Identity,
    permission::{Permissions, Sharing},
    read::{Answer, Aspect, Lane, Read, Retry},
    secrets_manager::{self, BATCH_GET, BATCH_LIMIT, DESCRIBE, GET},
    settings::Batch,
    waiting::{Plan, Traveller, Trip, Waiting},
};
use crate::api::secret_store::AwsService;

/// Whose desk it is.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Key {
    identity: Arc<Identity>,
    service: AwsService,
    retry: Option<Retry>,
}

/// All desks. Cheap to clone.
#[derive(Clone, Debug)]
pub(super) struct Desks {
    line: Arc<Line>,
    open: Arc<Mutex<HashMap<Key, Arc<Desk>>>>,
    permissions: Arc<Permissions>,
}

#[derive(Debug)]
struct Desk {
    key: Key,
    state: Mutex<State>,
    bell: Notify,
}

#[derive(Debug, Default)]
struct State {
    waiting: Waiting,
    /// A task sends.
    staffed: bool,
}

impl Desks {
    pub(super) fn new(line: Arc<Line>) -> Self {
        Self {
            line,
            open: Arc::default(),
            permissions: Arc::default(),
        }
    }

    /// Reads one value, together with whoever asks for the same or travels the same way.
    pub(super) async fn read(
        &self,
        identity: &Arc<Identity>,
        retry: Option<&Retry>,
        read: &Read,
        lane: Lane,
        single: bool,
    ) -> Result<Arc<Answer>, Error> {
        let key = Key {
            identity: Arc::clone(identity),
            service: read.service,
            retry: retry.copied(),
        };
        let (caller, answer) = oneshot::channel();
        // Joining happens under the lock of the map: a desk that is closing cannot be joined.
        {
            let mut desks = self.open.lock().unwrap_or_else(PoisonError::into_inner);
            let desk = desks.entry(key).or_insert_with_key(|key| {
                Arc::new(Desk {
                    key: key.clone(),
                    state: Mutex::default(),
                    bell: Notify::new(),
                })
            });
            let mut state = desk.lock();
            if state.waiting.join(read, lane, single, Instant::now(), caller) {
                self.line.meter.coalesced();
            }
            self.staff(desk, &mut state);
        }
        answer.await.unwrap_or_else(|_| {
            Err(Error::new(
                Class::Transient,
                operation(read.aspect),
                "the read was broken off",
            ))
        })
    }

    /// What the identity was found to lack.
    pub(super) fn missing_actions(&self, identity: &Identity) -> Vec<&'static str> {
        if self.permissions.is_denied(identity) {
            vec![secrets_manager::BATCH_ACTION]
        } else {
            Vec::new()
        }
    }

    /// Forgets what was learnt about an identity.
    pub(super) fn forget(&self, identity: &Identity) {
        self.permissions.forget(identity);
    }

    fn staff(&self, desk: &Arc<Desk>, state: &mut State) {
        if state.staffed {
            desk.bell.notify_one();
        } else {
            state.staffed = true;
            tokio::spawn(self.clone().run(Clerk {
                desk: Arc::clone(desk),
            }));
        }
    }

    async fn run(self, clerk: Clerk) {
        let desk = &clerk.desk;
        loop {
            let plan = desk.lock().waiting.plan(self.sharing(desk), Instant::now());
            match plan {
                Plan::Idle => {
                    if self.close(desk) {
                        return;
                    }
                }
                Plan::Until(due) => {
                    tokio::select! {
                        () = tokio::time::sleep_until(due) => {}
                        () = desk.bell.notified() => {}
                    }
                }
                Plan::Go(trip) => self.send(desk, trip).await,
            }
        }
    }

    /// Leaves the desk if nobody waits.
    fn close(&self, desk: &Arc<Desk>) -> bool {
        let mut desks = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        let mut state = desk.lock();
        if state.waiting.plan(Sharing::Never, Instant::now()) != Plan::Idle {
            return false;
        }
        state.staffed = false;
        desks.remove(&desk.key);
        true
    }

    async fn send(&self, desk: &Arc<Desk>, trip: Trip) {
        let api = if trip.together {
            BATCH_GET
        } else {
            operation(trip.aspect)
        };
        let values = if trip.together { BATCH_LIMIT } else { 1 };
        let plan = CallPlan {
            api,
            urgent: trip.urgent,
            retry: desk.key.retry.as_ref(),
        };
        let leave = match self.line.leave(&desk.key.identity, plan, values).await {
            Ok(leave) => leave,
            Err(error) => {
                // Without credentials nobody here gets an answer; other troubles are those of the next call only.
                let callers = if error.class == Class::Transient && error.operation == "memory" {
                    desk.lock()
                        .waiting
                        .depart(false)
                        .into_iter()
                        .flat_map(|gone| gone.callers)
                        .collect()
                } else {
                    desk.lock().waiting.clear()
                };
                for caller in callers {
                    drop(caller.send(Err(error.clone())));
                }
                return;
            }
        };
        let mut travellers = desk.lock().waiting.depart(trip.together);
        let this = self.clone();
        let desk = Arc::clone(desk);
        let urgent = trip.urgent;
        match (travellers.len(), travellers.pop()) {
            (1, Some(only)) => {
                tokio::spawn(async move { this.single(&desk, leave, urgent, only).await });
            }
            (_, Some(last)) => {
                travellers.push(last);
                self.permissions.begin(&desk.key.identity, Instant::now());
                tokio::spawn(async move { this.together(&desk, leave, urgent, travellers).await });
            }
            (_, None) => drop(leave),
        }
    }

    async fn single(&self, desk: &Desk, leave: Leave, urgent: bool, traveller: Traveller) {
        let read = &traveller.read;
        let api = operation(read.aspect);
        let plan = CallPlan {
            api,
            urgent,
            retry: desk.key.retry.as_ref(),
        };
        let (result, mut share) = self
            .line
            .call(leave, plan, |identity, session| async move {
                let client = self.line.clients.secrets_manager(&identity);
                match read.aspect {
                    Aspect::Value => secrets_manager::get(&client, &session.credentials, read).await,
                    Aspect::Tags => secrets_manager::tags(&client, &session.credentials, read).await,
                }
            })
            .await;
        if read.aspect == Aspect::Value {
            self.line.meter.call(secrets_manager::PROVIDER, api, &result);
        }
        let result = result.map(|mut answer| {
            answer.share = share.split(answer.size());
            Arc::new(answer)
        });
        drop(share);
        tell(traveller.callers, &result);
    }

    async fn together(&self, desk: &Arc<Desk>, leave: Leave, urgent: bool, travellers: Vec<Traveller>) {
        let ids: Vec<String> = travellers
            .iter()
            .map(|traveller| traveller.read.id.clone())
            .collect();
        let plan = CallPlan {
            api: BATCH_GET,
            urgent,
            retry: desk.key.retry.as_ref(),
        };
        let ids = &ids;
        let (result, mut share) = self
            .line
            .call(leave, plan, |identity, session| async move {
                let client = self.line.clients.secrets_manager(&identity);
                secrets_manager::batch_get(&client, &session.credentials, ids).await
            })
            .await;
        self.line
            .meter
            .call(secrets_manager::PROVIDER, BATCH_GET, &result);
        self.permissions
            .learn(&desk.key.identity, &result, Instant::now());
        desk.bell.notify_one();
        let mut answered = match result {
            Ok(batch) => {
                self.line.meter.batched(batch.answered.len());
                batch.answered
            }
            Err(error) if is_everybodys(&error) => {
                let result = Err(error);
                for traveller in travellers {
                    tell(traveller.callers, &result);
                }
                return;
            }
            // The call failed as a whole, which says nothing about any one id.
            Err(_) => Vec::new(),
        };
        let mut in_vain = Vec::new();
        for traveller in travellers {
            let at = answered.iter().position(|(id, _)| *id == traveller.read.id);
            match at.map(|at| answered.swap_remove(at).1) {
                Some(result) => {
                    let result = result.map(|mut answer| {
                        answer.share = share.split(answer.size());
                        Arc::new(answer)
                    });
                    tell(traveller.callers, &result);
                }
                None => in_vain.push(traveller),
            }
        }
        drop(share);
        if !in_vain.is_empty() {
            self.replay(desk, in_vain);
        }
    }

    /// Sends reads again, each by itself. The desk may have closed meanwhile: it is opened again.
    fn replay(&self, desk: &Arc<Desk>, travellers: Vec<Traveller>) {
        let mut desks = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        let desk = desks.entry(desk.key.clone()).or_insert_with(|| Arc::clone(desk));
        let mut state = desk.lock();
        let now = Instant::now();
        for traveller in travellers {
            state.waiting.rejoin(traveller, now);
        }
        self.staff(desk, &mut state);
    }

    /// Whether reads may travel together.
    fn sharing(&self, desk: &Desk) -> Sharing {
        if self.line.settings.batch == Batch::Off || desk.key.service != AwsService::SecretsManager {
            return Sharing::Never;
        }
        self.permissions.sharing(&desk.key.identity, Instant::now())
    }
}

impl Desk {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The task at a desk. If it ends otherwise than by closing (a panic), those who wait are let go and the next one can start.
struct Clerk {
    desk: Arc<Desk>,
}

impl Drop for Clerk {
    fn drop(&mut self) {
        let mut state = self.desk.lock();
        if std::thread::panicking() {
            drop(state.waiting.clear());
            state.staffed = false;
        }
    }
}

fn operation(aspect: Aspect) -> &'static str {
    match aspect {
        Aspect::Value => GET,
        Aspect::Tags => DESCRIBE,
    }
}

/// Failures of a batch that its reads would meet singly as well.
fn is_everybodys(error: &Error) -> bool {
    matches!(error.class, Class::Credentials(_)) || (error.class == Class::Transient && error.code.is_none())
}

fn tell(callers: Vec<super::waiting::Caller>, result: &Result<Arc<Answer>, Error>) {
    // A caller that went away needs no answer.
    for caller in callers {
        drop(caller.send(result.clone()));
    }
}
