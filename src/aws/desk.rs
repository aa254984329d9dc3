//! Where the reads of one identity and service wait and are sent from.
//!
//! A task runs while anybody waits: it gets leave for the next call, and only then chooses which reads go, so that what came
//! meanwhile goes along. Calls run on tasks of their own; a caller that goes away stops nothing that others wait for.

mod send;

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use tokio::{
    sync::{Notify, oneshot},
    time::Instant,
};

use super::{
    call::Line,
    error::{Class, Error},
    identity::Identity,
    permission::{Permissions, Sharing},
    read::{Answer, Lane, Read, Retry},
    service::Service,
    settings::Batch,
    waiting::{Plan, Traveller, Waiting},
};

/// Whose desk it is.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Key {
    identity: Arc<Identity>,
    service: Service,
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

#[derive(Debug)]
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

    pub(super) fn line(&self) -> &Line {
        &self.line
    }

    pub(super) fn permissions(&self) -> &Permissions {
        &self.permissions
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
        let service = Service::of(read.service)?;
        let key = Key {
            identity: Arc::clone(identity),
            service,
            retry: retry.copied(),
        };
        let single = single || self.permissions.is_apart(identity, &read.id, Instant::now());
        let (caller, answer) = oneshot::channel();
        // Joining happens under the lock of the map: a desk that is closing cannot be joined.
        {
            let mut desks = self.open.lock().unwrap_or_else(PoisonError::into_inner);
            let desk = desks.entry(key).or_insert_with_key(|key| {
                Arc::new(Desk {
                    key: key.clone(),
                    state: Mutex::new(State {
                        waiting: Waiting::new(service),
                        staffed: false,
                    }),
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
                service.operation(read.aspect),
                "the read was broken off",
            ))
        })
    }

    /// What the identity was found to lack.
    pub(super) fn missing_actions(&self, identity: &Identity) -> Vec<&'static str> {
        self.permissions.missing(identity)
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
        // Who is about to join does so first, here and where somebody has joined.
        tokio::task::yield_now().await;
        loop {
            let plan = desk.lock().waiting.plan(self.sharing(desk), Instant::now());
            match plan {
                Plan::Idle => {
                    if self.close(desk) {
                        return;
                    }
                    desk.bell.notified().await;
                    tokio::task::yield_now().await;
                }
                Plan::Until(due) => {
                    tokio::select! {
                        () = tokio::time::sleep_until(due) => {}
                        () = desk.bell.notified() => tokio::task::yield_now().await,
                    }
                }
                Plan::Go(trip) => self.send(desk, trip).await,
            }
        }
    }

    /// Leaves the desk if nobody waits and nothing is under way.
    fn close(&self, desk: &Arc<Desk>) -> bool {
        let mut desks = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        let mut state = desk.lock();
        if !state.waiting.is_deserted() {
            return false;
        }
        state.staffed = false;
        desks.remove(&desk.key);
        true
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
        if self.line.settings.batch == Batch::Off {
            return Sharing::Never;
        }
        let action = desk.key.service.batching().action;
        self.permissions
            .sharing(&desk.key.identity, action, Instant::now())
    }
}

impl Desk {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A call that is under way. Dropped, it is back, also where its task panicked.
struct UnderWay(Arc<Desk>);

impl UnderWay {
    fn set_out(desk: &Arc<Desk>) -> Self {
        desk.lock().waiting.set_out();
        Self(Arc::clone(desk))
    }
}

impl Drop for UnderWay {
    fn drop(&mut self) {
        self.0.lock().waiting.came_back();
        self.0.bell.notify_one();
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
