//! Which of several replicas works: the one that holds a Lease. The others stand by, with nothing listed or watched.
//!
//! Whether another's Lease has run out is judged by our own monotonic clock, from the moment we saw it renewed: clocks of
//! two nodes need not agree. A holder that could not renew for the renew deadline, or that finds another's name, has lost;
//! its work is dropped at once and the process ends, so that nothing of it goes on in the background. The Lease spares
//! AWS and the API server from being asked twice; what keeps two that overlap from doing harm is the resourceVersion in
//! every write.
//!
//! Own piece because no kept crate judges by the local clock and gives a lost Lease up.

use std::{
    hash::{BuildHasher, RandomState},
    time::Duration,
};

use jiff::Timestamp;
use k8s_openapi::{
    api::coordination::v1::{Lease, LeaseSpec},
    apimachinery::pkg::apis::meta::v1::{MicroTime, ObjectMeta},
};
use kube::{Api, Client, api::PostParams};
use prometheus::{IntGaugeVec, Opts, Registry};
use tokio::time::{Instant, sleep_until, timeout, timeout_at};
use tokio_util::sync::CancellationToken;

use crate::telemetry::admin::Ready;

/// How the Lease is held: the flags `--leader-election-*`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    name: String,
    duration: Duration,
    renew_deadline: Duration,
    retry_period: Duration,
}

/// Why settings cannot hold a Lease.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Invalid {
    /// No name.
    #[error("--leader-election-id is empty")]
    NoName,
    /// The API counts whole seconds.
    #[error("--leader-election-lease-duration is shorter than a second")]
    Duration,
    /// Another could take the Lease while its holder still works.
    #[error("--leader-election-renew-deadline is not shorter than --leader-election-lease-duration")]
    RenewDeadline,
    /// The first failed renewal would already be the last.
    #[error(
        "--leader-election-retry-period is not shorter than five sixths of --leader-election-renew-deadline"
    )]
    RetryPeriod,
}

impl Settings {
    /// Settings that hold: retry period, with its jitter, < renew deadline < duration in whole seconds.
    pub fn new(
        name: &str,
        duration: Duration,
        renew_deadline: Duration,
        retry_period: Duration,
    ) -> Result<Self, Invalid> {
        let duration = Duration::from_secs(duration.as_secs());
        if name.is_empty() {
            Err(Invalid::NoName)
        } else if duration.is_zero() {
            Err(Invalid::Duration)
        } else if renew_deadline >= duration {
            Err(Invalid::RenewDeadline)
        } else if retry_period.is_zero() || retry_period + jitter_of(retry_period) >= renew_deadline {
            Err(Invalid::RetryPeriod)
        } else {
            Ok(Self {
                name: name.to_owned(),
                duration,
                renew_deadline,
                retry_period,
            })
        }
    }
}

/// The most that is added to a retry period, so that replicas do not ask in step.
fn jitter_of(period: Duration) -> Duration {
    period / 5
}

/// The Lease went to another, or could not be kept.
#[derive(Debug, thiserror::Error)]
pub enum Lost {
    /// Another name stands in it.
    #[error("the Lease is held by {0:?} now; this replica stops at once and starts again as a standby")]
    Taken(String),
    /// The API server did not take a renewal in time.
    #[error("the Lease could not be renewed within {} s; this replica stops at once and starts again as a standby", .0.as_secs_f32())]
    NotRenewed(Duration),
}

/// What one try to hold the Lease came to.
#[derive(Debug, PartialEq, Eq)]
enum Attempt {
    /// It is ours, renewed.
    Held,
    /// Another's.
    Theirs(String),
    /// Somebody wrote it in the same moment.
    Raced,
}

/// The Lease as we saw it last.
#[derive(Debug)]
struct Seen {
    lease: Lease,
    /// When we saw it like this for the first time.
    since: Instant,
}

impl Seen {
    fn spec(&self) -> LeaseSpec {
        self.lease.spec.clone().unwrap_or_default()
    }

    fn holder(&self) -> &str {
        let spec = self.lease.spec.as_ref();
        spec.and_then(|spec| spec.holder_identity.as_deref())
            .unwrap_or_default()
    }

    /// Whether its holder let it go, or let the time pass that it promised to renew it in.
    fn is_free(&self, otherwise: Duration, now: Instant) -> bool {
        let promised = self.spec().lease_duration_seconds;
        let promised = promised
            .and_then(|seconds| u64::try_from(seconds).ok())
            .map_or(otherwise, Duration::from_secs);
        self.holder().is_empty() || now.duration_since(self.since) >= promised
    }
}

/// A replica that holds the Lease or would like to.
#[derive(Debug)]
pub struct Candidate {
    api: Api<Lease>,
    settings: Settings,
    identity: String,
    seen: Option<Seen>,
    leading: IntGaugeVec,
}

impl Candidate {
    /// A candidate for the Lease in the namespace that the operator runs in. `instance` names it, with a part that differs
    /// from start to start: a container that was restarted is another holder.
    pub fn new(
        client: Client,
        settings: Settings,
        instance: &str,
        registry: &Registry,
    ) -> Result<Self, prometheus::Error> {
        let leading = IntGaugeVec::new(
            Opts::new(
                "leader_election_master_status",
                "Whether this replica holds the Lease of this name",
            ),
            &["name"],
        )?;
        registry.register(Box::new(leading.clone()))?;
        leading.with_label_values(&[&settings.name]).set(0);
        Ok(Self {
            api: Api::default_namespaced(client),
            identity: format!("{instance}_{:016x}", random()),
            settings,
            seen: None,
            leading,
        })
    }

    /// Waits for the Lease, runs `work` while it is held, and gives it back when the work has ended. Ends without having
    /// worked where `stop` comes first. A standby counts as ready: a rollout would otherwise wait for it for ever.
    pub async fn lead(
        mut self,
        ready: &Ready,
        stop: &CancellationToken,
        work: impl Future<Output = ()>,
    ) -> Result<(), Lost> {
        let won = tokio::select! {
            () = stop.cancelled() => return Ok(()),
            won = self.win(ready) => won,
        };
        let name = self.settings.name.clone();
        tracing::info!(lease = name, identity = self.identity, "leading");
        self.leading.with_label_values(&[&name]).set(1);
        let ended = tokio::select! {
            biased;
            lost = self.keep(won) => Err(lost),
            () = work => Ok(()),
        };
        self.leading.with_label_values(&[&name]).set(0);
        if ended.is_ok() {
            self.release().await;
        }
        ended
    }

    /// Until the Lease is ours. Gives the moment before the write that took it.
    async fn win(&mut self, ready: &Ready) -> Instant {
        let mut told = String::new();
        loop {
            let sent = Instant::now();
            match timeout(self.settings.renew_deadline, self.attempt()).await {
                Ok(Ok(Attempt::Held)) => return sent,
                Ok(Ok(Attempt::Theirs(holder))) => {
                    ready.set();
                    if told != holder {
                        tracing::info!(lease = self.settings.name, holder, "standing by");
                        told = holder;
                    }
                }
                Ok(Ok(Attempt::Raced)) => {}
                Ok(Err(error)) => {
                    tracing::warn!(lease = self.settings.name, %error, "the Lease could not be taken; trying again");
                }
                Err(_) => {
                    tracing::warn!(
                        lease = self.settings.name,
                        "no answer about the Lease in time; trying again"
                    );
                }
            }
            sleep_until(self.next_try()).await;
        }
    }

    /// Renews until the Lease is lost. What counts is when a renewal was sent: the others count from then at the earliest.
    async fn keep(&mut self, mut renewed: Instant) -> Lost {
        let lost = Lost::NotRenewed(self.settings.renew_deadline);
        loop {
            let deadline = renewed + self.settings.renew_deadline;
            sleep_until(self.next_try().min(deadline)).await;
            let sent = Instant::now();
            // One request that hangs does not use up the time of the next.
            let patience = deadline.min(sent + self.settings.renew_deadline / 2);
            match timeout_at(patience, self.attempt()).await {
                Ok(Ok(Attempt::Held)) => renewed = sent,
                Ok(Ok(Attempt::Theirs(holder))) => return Lost::Taken(holder),
                Ok(Ok(Attempt::Raced)) => {}
                Ok(Err(error)) => {
                    tracing::warn!(lease = self.settings.name, %error, "the Lease could not be renewed; trying again");
                }
                Err(_) => {
                    tracing::warn!(
                        lease = self.settings.name,
                        "no answer to a renewal of the Lease in time"
                    );
                }
            }
            if Instant::now() >= renewed + self.settings.renew_deadline {
                return lost;
            }
        }
    }

    fn next_try(&self) -> Instant {
        let period = self.settings.retry_period;
        let share = u32::try_from(random() >> 32).map_or(0.0, f64::from) / f64::from(u32::MAX);
        Instant::now() + period + jitter_of(period).mul_f64(share)
    }

    /// Takes or renews the Lease if it may be. A holder writes without looking; a write that somebody else's overtook is
    /// looked at once more.
    async fn attempt(&mut self) -> Result<Attempt, kube::Error> {
        if self
            .seen
            .as_ref()
            .is_some_and(|seen| seen.holder() == self.identity)
            && self.write().await? == Attempt::Held
        {
            return Ok(Attempt::Held);
        }
        match self.api.get_opt(&self.settings.name).await? {
            Some(lease) => self.see(lease),
            None => self.seen = None,
        }
        if let Some(seen) = &self.seen
            && seen.holder() != self.identity
            && !seen.is_free(self.settings.duration, Instant::now())
        {
            return Ok(Attempt::Theirs(seen.holder().to_owned()));
        }
        self.write().await
    }

    /// Notes the Lease. Its time starts anew only where its spec is another: labels that somebody sets are no renewal.
    fn see(&mut self, lease: Lease) {
        let since = match &self.seen {
            Some(seen) if seen.lease.spec == lease.spec => seen.since,
            _ => Instant::now(),
        };
        self.seen = Some(Seen { lease, since });
    }

    /// Writes our name, over exactly what was seen.
    async fn write(&mut self) -> Result<Attempt, kube::Error> {
        let params = PostParams::default();
        let written = match &self.seen {
            None => self.api.create(&params, &self.claim(None)).await,
            Some(seen) => {
                let wanted = self.claim(Some(seen));
                self.api.replace(&self.settings.name, &params, &wanted).await
            }
        };
        match written {
            Ok(lease) => {
                self.see(lease);
                Ok(Attempt::Held)
            }
            // 404: it was deleted; the next look finds that out.
            Err(kube::Error::Api(status)) if matches!(status.code, 404 | 409) => Ok(Attempt::Raced),
            Err(error) => Err(error),
        }
    }

    fn claim(&self, seen: Option<&Seen>) -> Lease {
        let now = MicroTime(Timestamp::now());
        let before = seen.map(Seen::spec).unwrap_or_default();
        let is_ours = seen.is_some_and(|seen| seen.holder() == self.identity);
        let transitions = before.lease_transitions.unwrap_or_default();
        Lease {
            metadata: seen.map_or_else(
                || ObjectMeta {
                    name: Some(self.settings.name.clone()),
                    ..ObjectMeta::default()
                },
                |seen| seen.lease.metadata.clone(),
            ),
            spec: Some(LeaseSpec {
                holder_identity: Some(self.identity.clone()),
                lease_duration_seconds: i32::try_from(self.settings.duration.as_secs()).ok(),
                acquire_time: if is_ours {
                    before.acquire_time
                } else {
                    Some(now.clone())
                },
                renew_time: Some(now),
                lease_transitions: Some(if is_ours || seen.is_none() {
                    transitions
                } else {
                    transitions.saturating_add(1)
                }),
                ..before
            }),
        }
    }

    /// Gives the Lease back, so that another need not wait for it to run out.
    async fn release(&mut self) {
        let Some(seen) = &self.seen else { return };
        let mut lease = seen.lease.clone();
        lease.spec = Some(LeaseSpec {
            holder_identity: Some(String::new()),
            lease_duration_seconds: Some(1),
            renew_time: Some(MicroTime(Timestamp::now())),
            ..seen.spec()
        });
        let params = PostParams::default();
        let given_back = self.api.replace(&self.settings.name, &params, &lease);
        match timeout(self.settings.renew_deadline / 2, given_back).await {
            Ok(Ok(_)) => tracing::info!(lease = self.settings.name, "the Lease is given back"),
            Ok(Err(error)) => {
                tracing::warn!(lease = self.settings.name, %error, "the Lease could not be given back; it runs out");
            }
            Err(_) => tracing::warn!(
                lease = self.settings.name,
                "the Lease could not be given back in time; it runs out"
            ),
        }
    }
}

/// A number that differs each time. Nobody needs to be kept from guessing it.
fn random() -> u64 {
    RandomState::new().hash_one(0u8)
}

#[cfg(test)]
mod tests;
