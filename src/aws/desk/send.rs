//! The calls that leave a desk, for one read or for several, and what their answers mean for those who wait.

use std::sync::Arc;

use futures::future::join_all;
use tokio::time::Instant;

use super::{Desk, Desks, UnderWay};
use crate::aws::{
    call::{Leave, Plan as CallPlan},
    error::{Class, Error},
    read::Answer,
    waiting::{Caller, Traveller, Trip},
};

impl Desks {
    /// Makes the call that is to be made, once there is leave for it.
    pub(super) async fn send(&self, desk: &Arc<Desk>, trip: Trip) {
        let batching = desk.key.service.batching();
        let (api, values) = if trip.together {
            (batching.api, batching.limit)
        } else {
            (desk.key.service.operation(trip.aspect), 1)
        };
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
        let under_way = UnderWay::set_out(&desk);
        match (travellers.len(), travellers.pop()) {
            (1, Some(only)) => {
                tokio::spawn(async move {
                    let _under_way = under_way;
                    this.single(&desk, leave, urgent, only).await.ok()
                });
            }
            (_, Some(last)) => {
                travellers.push(last);
                self.permissions
                    .begin(&desk.key.identity, batching.action, Instant::now());
                tokio::spawn(async move {
                    let _under_way = under_way;
                    this.together(&desk, leave, urgent, travellers).await;
                });
            }
            (_, None) => drop(leave),
        }
    }

    /// Makes a call for one read. Says what became of it.
    async fn single(
        &self,
        desk: &Desk,
        leave: Leave,
        urgent: bool,
        traveller: Traveller,
    ) -> Result<(), Class> {
        let (service, read) = (desk.key.service, &traveller.read);
        let api = service.operation(read.aspect);
        let plan = CallPlan {
            api,
            urgent,
            retry: desk.key.retry.as_ref(),
        };
        let (result, mut share) = self
            .line
            .call(leave, plan, |identity, session| async move {
                service
                    .read(&self.line.clients, &identity, &session.credentials, read)
                    .await
            })
            .await;
        self.line.meter.call(service.provider(), api, &result);
        let result = result.map(|mut answer| {
            answer.share = share.split(answer.size());
            Arc::new(answer)
        });
        drop(share);
        tell(traveller.callers, &result);
        result.map(drop).map_err(|error| error.class)
    }

    async fn together(&self, desk: &Arc<Desk>, leave: Leave, urgent: bool, travellers: Vec<Traveller>) {
        let ids: Vec<String> = travellers
            .iter()
            .map(|traveller| traveller.read.id.clone())
            .collect();
        let (service, ids) = (desk.key.service, &ids);
        let batching = service.batching();
        let plan = CallPlan {
            api: batching.api,
            urgent,
            retry: desk.key.retry.as_ref(),
        };
        let (result, mut share) = self
            .line
            .call(leave, plan, |identity, session| async move {
                service
                    .read_together(&self.line.clients, &identity, &session.credentials, ids)
                    .await
            })
            .await;
        self.line.meter.call(service.provider(), batching.api, &result);
        if let Err(error) = &result
            && batching.one_fails_all
            && is_about_an_id(error.class)
        {
            drop(share);
            self.one_by_one(desk, urgent, travellers, result.map(drop)).await;
            return;
        }
        self.learn(desk, &result);
        let mut answered = match result {
            Ok(answered) => {
                self.line.meter.batched(answered.len());
                answered
            }
            Err(error)
                if is_everybodys(&error) || (batching.shares_quota && error.class == Class::Throttled) =>
            {
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

    /// Reads the ids of a refused batch each by itself, to learn which of them failed the others. If none did, it was the
    /// batch that was refused.
    async fn one_by_one(
        &self,
        desk: &Arc<Desk>,
        urgent: bool,
        travellers: Vec<Traveller>,
        refused: Result<(), Error>,
    ) {
        let reads = travellers.into_iter().map(|traveller| async move {
            let id = traveller.read.id.clone();
            let plan = CallPlan {
                api: desk.key.service.operation(traveller.read.aspect),
                urgent,
                retry: desk.key.retry.as_ref(),
            };
            match self.line.leave(&desk.key.identity, plan, 1).await {
                Ok(leave) => (id, self.single(desk, leave, urgent, traveller).await),
                Err(error) => {
                    let class = error.class;
                    tell(traveller.callers, &Err(error));
                    (id, Err(class))
                }
            }
        });
        let outcomes = join_all(reads).await;
        let may_read =
            |(_, outcome): &(_, Result<(), Class>)| matches!(outcome, Ok(()) | Err(Class::Missing(_)));
        let refused_as_such = outcomes.iter().any(may_read);
        let culprits: Vec<_> = outcomes
            .into_iter()
            .filter(|(_, outcome)| outcome.is_err_and(is_about_an_id))
            .map(|(id, _)| id)
            .collect();
        if culprits.is_empty() && refused_as_such {
            self.learn(desk, &refused);
        } else {
            let action = desk.key.service.batching().action;
            self.permissions
                .set_apart(&desk.key.identity, action, culprits, Instant::now());
            desk.bell.notify_one();
        }
    }

    /// Takes note of how a batch fared, and wakes those who wait for a probe.
    fn learn<T>(&self, desk: &Desk, result: &Result<T, Error>) {
        let action = desk.key.service.batching().action;
        self.permissions
            .learn(&desk.key.identity, action, result, Instant::now());
        desk.bell.notify_one();
    }
}

/// Failures that one id can cause: it may not be read, its key cannot be used, it is not accepted as a name.
fn is_about_an_id(class: Class) -> bool {
    matches!(class, Class::Denied | Class::Kms | Class::Invalid)
}

/// Failures of a batch that its reads would meet singly as well.
fn is_everybodys(error: &Error) -> bool {
    matches!(error.class, Class::Credentials(_)) || (error.class == Class::Transient && error.code.is_none())
}

fn tell(callers: Vec<Caller>, result: &Result<Arc<Answer>, Error>) {
    // A caller that went away needs no answer.
    for caller in callers {
        drop(caller.send(result.clone()));
    }
}
