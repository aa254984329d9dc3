//! A restart over 2,000 objects that are fresh: nothing to read, nothing to write.

use std::time::Duration;

use tokio::time::sleep;

use super::{counts, float, megabytes};
use crate::measure::{Requests, writes};
use crate::rig::{Rig, Running};
use crate::row::Row;
use crate::workload::Shape;
use crate::{Arguments, Error, report};

const NAME: &str = "restart";
const OBJECTS: usize = 2_000;

pub(crate) async fn run(arguments: &Arguments) -> Result<Vec<Row>, Error> {
    let rig = Rig::start(arguments).await?;
    let Running {
        workload, operator, ..
    } = rig.synced(Shape::new("bench", OBJECTS), 0).await?;
    operator.stop().await?;

    report::say("the restart");
    rig.aws.calls().forget();
    let requests = Requests::read(&rig.client).await?;
    let mut operator = rig.operator()?;
    let ready = operator.ready().await?.as_secs_f64();
    sleep(Duration::from_secs(20)).await;
    operator.check()?;
    let asked = Requests::read(&rig.client).await?.since(&requests);
    let calls = rig.aws.calls().by_operation();
    let memory = operator.process().usage()?;
    workload.verify(&rig.client, OBJECTS, 0).await?;
    operator.stop().await?;
    let row =
        |name: &str, figure, unit| Row::new(NAME, format!("{OBJECTS} fresh objects: {name}"), figure, unit);
    #[expect(clippy::cast_precision_loss, reason = "counts of requests")]
    let written = writes(&asked) as f64;
    Ok(vec![
        row("until /readyz", ready, "s").most(2.0),
        row("AWS calls in 20 s", float(calls.values().sum()), "")
            .floor(0.0)
            .most(0.0)
            .note(counts(&calls)),
        row("API-server writes in 20 s", written, "")
            .floor(0.0)
            .most(0.0)
            .note(counts(&asked)),
        row("memory (RssAnon)", megabytes(memory.rss_anon), "MB")
            .note(format!("peak {:.1} MB", megabytes(memory.peak))),
    ])
}
