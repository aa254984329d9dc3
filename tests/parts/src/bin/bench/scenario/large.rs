//! 200 objects with values of 64 KiB, beside 200 with small ones.

use super::megabytes;
use crate::measure::Usage;
use crate::rig::{Rig, Running};
use crate::row::Row;
use crate::workload::Shape;
use crate::{Arguments, Error, report};

const NAME: &str = "large";
const OBJECTS: usize = 200;
/// With the rest of the JSON just below AWS's limit of 65,536 bytes.
const PADDING: usize = 65_000;

pub(crate) async fn run(arguments: &Arguments) -> Result<Vec<Row>, Error> {
    let small = sync(arguments, 0).await?;
    let large = sync(arguments, PADDING).await?;
    let added = megabytes(large.peak) - megabytes(small.peak);
    let name = format!("{OBJECTS} objects with values of 64 KiB: peak memory added");
    Ok(vec![
        Row::new(NAME, name, added, "MB")
            .floor(0.0)
            .most(40.0)
            .note(format!(
                "peak {:.1} MB with small ones, {:.1} MB with large ones; RssAnon {:.1} and {:.1} MB",
                megabytes(small.peak),
                megabytes(large.peak),
                megabytes(small.rss_anon),
                megabytes(large.rss_anon)
            )),
    ])
}

async fn sync(arguments: &Arguments, padding: usize) -> Result<Usage, Error> {
    report::say(&format!("{OBJECTS} objects, {padding} bytes more each"));
    let rig = Rig::start(arguments).await?;
    let shape = Shape {
        padding,
        ..Shape::new("bench", OBJECTS)
    };
    let Running {
        workload, operator, ..
    } = rig.synced(shape, 0).await?;
    let usage = operator.process().usage()?;
    workload.verify(&rig.client, OBJECTS, 0).await?;
    operator.stop().await?;
    Ok(usage)
}
