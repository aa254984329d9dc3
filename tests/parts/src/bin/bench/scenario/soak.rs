//! Refreshes for a long time, with rotations and failures among them: memory, threads and connections stay as they are.

use std::time::Duration;

use keyferry_parts::{Fault, When};
use tokio::time::{Instant, sleep};

use super::{counts, cpu_since, float, megabytes};
use crate::measure::Usage;
use crate::operator::Operator;
use crate::rig::{Rig, Running};
use crate::row::Row;
use crate::workload::{Shape, Workload};
use crate::{Arguments, Error, report};

const NAME: &str = "soak";
const OBJECTS: usize = 2_000;
const STORES: usize = 20;
const DEFAULT_MINUTES: u64 = 10;

struct Sample {
    minute: u64,
    usage: Usage,
    threads: usize,
    descriptors: usize,
}

pub(crate) async fn run(arguments: &Arguments) -> Result<Vec<Row>, Error> {
    let minutes = arguments.minutes.unwrap_or(DEFAULT_MINUTES);
    let rig = Rig::start(arguments).await?;
    let shape = Shape {
        interval: "30s",
        roles_in: Some("111111111111"),
        stores: STORES,
        ..Shape::new("bench", OBJECTS)
    };
    let Running {
        workload,
        mut operator,
        ..
    } = rig.synced(shape, 0).await?;
    let cpu = operator.process().cpu()?;
    let began = Instant::now();
    let samples = watch(&rig, &workload, &mut operator, minutes).await?;
    // What the last failure has delayed backs off for five minutes at most.
    let version = usize::try_from(minutes)?;
    let deadline = Instant::now() + Duration::from_mins(6);
    while !workload.wrong(&rig.client, OBJECTS, version).await?.is_empty() {
        operator.check()?;
        if Instant::now() > deadline {
            return Err("the last rotation has not arrived".into());
        }
        sleep(Duration::from_secs(1)).await;
    }
    let cpu = cpu_since(operator.process(), cpu)? / 1e3 / began.elapsed().as_secs_f64();
    let calls = rig.aws.calls().by_operation();
    operator.stop().await?;

    // The first minutes fill what a process needs anyway.
    let settled: Vec<&Sample> = samples
        .iter()
        .filter(|sample| sample.minute * 3 > minutes)
        .collect();
    let (Some(first), Some(last)) = (settled.first(), settled.last()) else {
        return Err("no minute was measured".into());
    };
    let row = |name: &str, figure, unit| Row::new(NAME, format!("{minutes} minutes: {name}"), figure, unit);
    let growth = megabytes(last.usage.rss_anon) - megabytes(first.usage.rss_anon);
    Ok(vec![
        row("RssAnon at the end", megabytes(last.usage.rss_anon), "MB")
            .note(format!("peak {:.1} MB", megabytes(last.usage.peak))),
        row("RssAnon added since the first third", growth, "MB").most(3.0),
        row(
            "threads added since the first third",
            float(last.threads) - float(first.threads),
            "",
        )
        .most(0.0),
        row(
            "descriptors added since the first third",
            float(last.descriptors) - float(first.descriptors),
            "",
        )
        .most(8.0)
        .note(format!("{} at the end", last.descriptors)),
        row("CPU", cpu * 100.0, "% of a core").note(counts(&calls)),
    ])
}

/// Every minute everything rotates, and in two of three AWS fails for a while first; a sample at the end of each.
async fn watch(
    rig: &Rig,
    workload: &Workload,
    operator: &mut Operator,
    minutes: u64,
) -> Result<Vec<Sample>, Error> {
    let mut samples = Vec::new();
    let began = Instant::now();
    for minute in 1..=minutes {
        let trouble = match minute % 3 {
            0 => Some(Fault::internal()),
            1 => Some(Fault::Cut),
            _ => None,
        };
        let trouble = trouble.map(|fault| rig.aws.inject(When::any().on("/bench/"), fault));
        workload.fill(&rig.aws, usize::try_from(minute)?, 0);
        sleep(Duration::from_secs(15)).await;
        drop(trouble);
        tokio::time::sleep_until(began + Duration::from_mins(minute)).await;
        operator.check()?;
        rig.aws.calls().forget();
        let (threads, descriptors) = operator.process().handles()?;
        let usage = operator.process().usage()?;
        report::say(&format!(
            "minute {minute}: RssAnon {:.1} MB, {threads} threads, {descriptors} descriptors",
            megabytes(usage.rss_anon)
        ));
        samples.push(Sample {
            minute,
            usage,
            threads,
            descriptors,
        });
    }
    Ok(samples)
}
