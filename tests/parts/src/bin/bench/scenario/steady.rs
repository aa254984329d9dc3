//! 2,000 objects every 30 s and nothing new: what rest costs; then new objects among them, and a rotation of everything.

use std::time::Duration;

use tokio::time::{Instant, sleep, sleep_until};

use super::{counts, cpu_since, float, megabytes, new_objects, new_objects_floor, percentiles};
use crate::measure::{Requests, writes};
use crate::operator::Operator;
use crate::rig::{Rig, Running};
use crate::row::Row;
use crate::workload::{Shape, Workload};
use crate::{Arguments, Error, report};

const NAME: &str = "steady";
const OBJECTS: usize = 2_000;
const NEW: usize = 300;
const MINUTE: Duration = Duration::from_mins(1);

pub(crate) async fn run(arguments: &Arguments) -> Result<Vec<Row>, Error> {
    let rig = Rig::start(arguments).await?;
    let shape = Shape {
        interval: "30s",
        ..Shape::new("bench", OBJECTS)
    };
    let Running {
        workload,
        observer,
        mut operator,
        ..
    } = rig.synced(shape, NEW).await?;
    // Two rounds, after which everybody has found the place of its refreshes.
    sleep(MINUTE).await;

    report::say("a minute of refreshes");
    let steady = Instant::now();
    rig.aws.calls().forget();
    let requests = Requests::read(&rig.client).await?;
    let cpu = operator.process().cpu()?;
    sleep(MINUTE).await;
    operator.check()?;
    let cpu = cpu_since(operator.process(), cpu)? / 1e3;
    let calls = rig.aws.calls().by_operation();
    let asked = Requests::read(&rig.client).await?.since(&requests);
    let after_60 = operator.process().usage()?;

    report::say("new objects among them");
    let waits = new_objects(&rig, &workload, &observer, &mut operator, NEW, MINUTE).await?;
    sleep_until(steady + Duration::from_secs(150)).await;
    let after_150 = operator.process().usage()?;
    workload.verify(&rig.client, OBJECTS + NEW, 0).await?;

    let rotated = rotate(&rig, &workload, &mut operator).await?;
    operator.stop().await?;

    let floor = new_objects_floor(&rig, &observer, "floor").await?;
    let [floor_50, floor_99] = percentiles(&floor);
    let [p50, p99] = percentiles(&waits);
    let row = |name: &str, figure, unit| {
        Row::new(
            NAME,
            format!("{OBJECTS} objects every 30 s: {name}"),
            figure,
            unit,
        )
    };
    #[expect(clippy::cast_precision_loss, reason = "counts of requests")]
    let written = writes(&asked) as f64;
    Ok(vec![
        row("CPU in a minute", cpu, "s").most(0.6),
        row("AWS calls in a minute", float(calls.values().sum()), "")
            .floor(200.0)
            .most(210.0)
            .note(counts(&calls)),
        row("API-server writes in a minute", written, "")
            .most(float(OBJECTS) / 10.0 + 20.0)
            .note(counts(&asked)),
        row(
            "memory after a minute (RssAnon)",
            megabytes(after_60.rss_anon),
            "MB",
        )
        .most(56.0)
        .note(format!("peak {:.1} MB", megabytes(after_60.peak))),
        row(
            "memory after 150 s (RssAnon)",
            megabytes(after_150.rss_anon),
            "MB",
        )
        .most(56.0)
        .note(format!("with {NEW} objects more")),
        row("a new object, p50", p50, "ms").floor(floor_50).most(30.0),
        row("a new object, p99", p99, "ms").floor(floor_99).most(100.0),
        row("all rotated, until the last Secret follows", rotated, "s")
            .floor(30.0)
            .most(40.0),
    ])
}

/// Seconds until the last Secret has followed a rotation of every secret.
async fn rotate(rig: &Rig, workload: &Workload, operator: &mut Operator) -> Result<f64, Error> {
    report::say("everything rotates");
    workload.fill(&rig.aws, 1, NEW);
    let rotated = Instant::now();
    while !workload.wrong(&rig.client, OBJECTS + NEW, 1).await?.is_empty() {
        operator.check()?;
        if rotated.elapsed() > 2 * MINUTE {
            return Err("a rotation has not arrived within two minutes".into());
        }
        sleep(Duration::from_millis(500)).await;
    }
    Ok(rotated.elapsed().as_secs_f64())
}
