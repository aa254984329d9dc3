//! 200 stores, each with a role of its own: how often roles are assumed.

use std::time::Duration;

use tokio::time::sleep;

use super::{counts, float};
use crate::rig::{Rig, Running};
use crate::row::Row;
use crate::workload::Shape;
use crate::{Arguments, Error, report};

const NAME: &str = "roles";
const STORES: usize = 200;
const OBJECTS: usize = 2_000;

pub(crate) async fn run(arguments: &Arguments) -> Result<Vec<Row>, Error> {
    let rig = Rig::start(arguments).await?;
    let shape = Shape {
        interval: "1m",
        roles_in: Some("111111111111"),
        stores: STORES,
        ..Shape::new("bench", OBJECTS)
    };
    let Running {
        workload,
        mut operator,
        ..
    } = rig.synced(shape, 0).await?;
    workload.verify(&rig.client, OBJECTS, 0).await?;
    let start = rig.aws.calls().by_operation();

    let minutes = arguments.minutes.unwrap_or(3);
    report::say(&format!("{minutes} minutes of refreshes"));
    rig.aws.calls().forget();
    sleep(Duration::from_mins(minutes)).await;
    operator.check()?;
    let rest = rig.aws.calls().by_operation();
    workload.verify(&rig.client, OBJECTS, 0).await?;
    operator.stop().await?;
    let sts = |calls: &std::collections::BTreeMap<String, usize>| {
        let sts = calls
            .iter()
            .filter(|(name, _)| name.starts_with("AssumeRole") || *name == "GetCallerIdentity");
        float(sts.map(|(_, count)| count).sum())
    };
    let row = |name: String, figure| {
        Row::new(
            NAME,
            format!("{STORES} stores, each its role: {name}"),
            figure,
            "",
        )
    };
    Ok(vec![
        row("STS calls at the start".to_owned(), sts(&start))
            .floor(float(STORES))
            .note(counts(&start)),
        row(format!("STS calls in {minutes} minutes after it"), sts(&rest))
            .most(220.0 / 60.0 * float(usize::try_from(minutes)?).max(1.0))
            .note(format!(
                "{}; sessions last an hour, so that an hour shows renewals: --minutes 60",
                counts(&rest)
            )),
    ])
}
