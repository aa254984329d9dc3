//! Large Secrets of others on the cluster: what they add to the operator's memory.

use std::time::Duration;

use tokio::time::sleep;

use super::{float, megabytes};
use crate::measure::Usage;
use crate::rig::{Rig, Running};
use crate::row::Row;
use crate::workload::{Shape, create_foreign_secrets};
use crate::{Arguments, Error, report};

const NAME: &str = "foreign";
const OBJECTS: usize = 50;
const BYTES: usize = 50_000;

pub(crate) async fn run(arguments: &Arguments) -> Result<Vec<Row>, Error> {
    let rig = Rig::start(arguments).await?;
    let without = sync(&rig, "without").await?;
    report::say(&format!("creating {} foreign Secrets", arguments.foreign));
    create_foreign_secrets(&rig.client, "others", arguments.foreign, BYTES).await?;
    let with = sync(&rig, "with").await?;
    let added = megabytes(with.peak) - megabytes(without.peak);
    let name = format!(
        "{} foreign Secrets of 50 kB: peak memory added",
        arguments.foreign
    );
    Ok(vec![
        Row::new(NAME, name, added, "MB")
            .floor(0.0)
            .most(2.0 * (float(arguments.foreign) / 20_000.0).max(0.25))
            .note(format!(
                "peak {:.1} MB without, {:.1} MB with; RssAnon {:.1} and {:.1} MB",
                megabytes(without.peak),
                megabytes(with.peak),
                megabytes(without.rss_anon),
                megabytes(with.rss_anon)
            )),
    ])
}

async fn sync(rig: &Rig, namespace: &str) -> Result<Usage, Error> {
    let Running {
        workload,
        mut operator,
        ..
    } = rig.synced(Shape::new(namespace, OBJECTS), 0).await?;
    sleep(Duration::from_secs(10)).await;
    operator.check()?;
    let usage = operator.process().usage()?;
    workload.verify(&rig.client, OBJECTS, 0).await?;
    operator.stop().await?;
    workload.remove(&rig.client).await?;
    Ok(usage)
}
