//! What is measured, each on a rig of its own. The demands are the project's own; see docs/benchmarks.

pub(crate) mod cold;
pub(crate) mod fairness;
pub(crate) mod foreign;
pub(crate) mod large;
pub(crate) mod limits;
pub(crate) mod neighbours;
pub(crate) mod restart;
pub(crate) mod roles;
pub(crate) mod shared;
pub(crate) mod soak;
pub(crate) mod steady;

use std::time::Duration;

use tokio::time::{Instant, sleep_until};

use crate::measure::{Process, percentile};
use crate::observer::Observer;
use crate::operator::Operator;
use crate::rig::Rig;
use crate::row::Row;
use crate::workload::Workload;
use crate::{Arguments, Error, floor};

/// What nobody should have to wait for: 46 times the floor is 200 s for 2,000 objects.
pub(crate) const COLD_WITHIN: Duration = Duration::from_mins(20);
/// How long a single object may take.
const NEW_WITHIN: Duration = Duration::from_mins(2);

#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Scenario {
    /// Objects that wait for the operator when it starts.
    Cold,
    /// 2,000 objects every 30 s, nothing new; then new ones among them.
    Steady,
    /// 2,000 objects that read 100 secrets.
    Shared,
    /// 200 stores, each with a role of its own.
    Roles,
    /// A restart over objects that are fresh.
    Restart,
    /// Large Secrets of others on the cluster.
    Foreign,
    /// Values of 64 KiB.
    Large,
    /// Services that allow few calls a second.
    Limits,
    /// Accounts that fail, beside one that does not.
    Neighbours,
    /// A server with priority and fairness and few seats.
    Fairness,
    /// Hours of refreshes with rotations and failures; runs only where it is named.
    Soak,
}

impl Scenario {
    pub(crate) async fn run(self, arguments: &Arguments) -> Result<Vec<Row>, Error> {
        match self {
            Self::Cold => cold::run(arguments).await,
            Self::Steady => steady::run(arguments).await,
            Self::Shared => shared::run(arguments).await,
            Self::Roles => roles::run(arguments).await,
            Self::Restart => restart::run(arguments).await,
            Self::Foreign => foreign::run(arguments).await,
            Self::Large => large::run(arguments).await,
            Self::Limits => limits::run(arguments).await,
            Self::Neighbours => neighbours::run(arguments).await,
            Self::Fairness => fairness::run(arguments).await,
            Self::Soak => soak::run(arguments).await,
        }
    }
}

/// Creates `count` objects beyond those of the workload, evenly over `over`, and gives the milliseconds from each object's
/// creation to its being Ready.
async fn new_objects(
    rig: &Rig,
    workload: &Workload,
    observer: &Observer,
    operator: &mut Operator,
    count: usize,
    over: Duration,
) -> Result<Vec<f64>, Error> {
    let pause = over / u32::try_from(count.max(1))?;
    let began = Instant::now();
    let mut created = Vec::with_capacity(count);
    for nth in 0..count {
        sleep_until(began + pause * u32::try_from(nth)?).await;
        let asked = Instant::now();
        let number = workload.shape.objects + nth;
        let (name, _) = workload.create_one(&rig.client, number).await?;
        created.push((name, asked));
        operator.check()?;
    }
    let mut waits = Vec::with_capacity(count);
    for (name, asked) in created {
        let ready = observer
            .ready_at(&workload.shape.namespace, &name, NEW_WITHIN)
            .await?;
        waits.push(ready.duration_since(asked).as_secs_f64() * 1e3);
    }
    Ok(waits)
}

/// The same for a client that does only the two writes, one object at a time, on a server at rest.
async fn new_objects_floor(rig: &Rig, observer: &Observer, namespace: &str) -> Result<Vec<f64>, Error> {
    const TRIES: usize = 50;
    let workload = Workload::create(&rig.client, crate::workload::Shape::new(namespace, 0)).await?;
    let mut waits = Vec::with_capacity(TRIES);
    for number in 0..TRIES {
        let asked = Instant::now();
        let (name, uid) = workload.create_one(&rig.client, number).await?;
        floor::sync_object(&rig.client, &workload, number, &uid).await?;
        let ready = observer.ready_at(namespace, &name, NEW_WITHIN).await?;
        waits.push(ready.duration_since(asked).as_secs_f64() * 1e3);
    }
    Ok(waits)
}

fn percentiles(waits: &[f64]) -> [f64; 2] {
    [percentile(waits, 50), percentile(waits, 99)]
}

/// CPU since `before`, in milliseconds.
pub(crate) fn cpu_since(process: Process, before: Duration) -> Result<f64, Error> {
    Ok(process.cpu()?.saturating_sub(before).as_secs_f64() * 1e3)
}

/// Kilobytes as megabytes.
#[expect(clippy::cast_precision_loss, reason = "megabytes with one decimal")]
fn megabytes(kilobytes: u64) -> f64 {
    kilobytes as f64 * 1024.0 / 1e6
}

#[expect(clippy::cast_precision_loss, reason = "counts of calls and objects")]
pub(crate) fn float(count: usize) -> f64 {
    count as f64
}

/// `GetSecretValue 3, PutSecretValue 2`.
fn counts(counts: &std::collections::BTreeMap<String, impl std::fmt::Display>) -> String {
    if counts.is_empty() {
        return "none".to_owned();
    }
    let each = counts.iter().map(|(name, count)| format!("{name} {count}"));
    each.collect::<Vec<_>>().join(", ")
}
