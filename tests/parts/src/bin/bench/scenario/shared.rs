//! 2,000 objects that read 100 secrets: how often AWS is asked in a round; then a thousand on a single one.

use std::time::Duration;

use tokio::time::sleep;

use super::{counts, float};
use crate::rig::{Rig, Running};
use crate::row::Row;
use crate::workload::Shape;
use crate::{Arguments, Error, report};

const NAME: &str = "shared";
const ROUNDS: usize = 4;
const ROUND: Duration = Duration::from_secs(30);

pub(crate) async fn run(arguments: &Arguments) -> Result<Vec<Row>, Error> {
    Ok(vec![
        calls(arguments, 2_000, 100).await?.floor(5.0).most(10.0),
        calls(arguments, 1_000, 1).await?.floor(1.0).most(1.0),
    ])
}

async fn calls(arguments: &Arguments, objects: usize, secrets: usize) -> Result<Row, Error> {
    report::say(&format!("{objects} objects on {secrets} secrets"));
    let rig = Rig::start(arguments).await?;
    let shape = Shape {
        interval: "30s",
        secrets: Some(secrets),
        ..Shape::new("bench", objects)
    };
    let Running {
        workload,
        mut operator,
        ..
    } = rig.synced(shape, 0).await?;
    let cold = rig.aws.calls().by_operation();
    sleep(2 * ROUND).await;
    rig.aws.calls().forget();
    sleep(ROUND * u32::try_from(ROUNDS)?).await;
    operator.check()?;
    let calls = rig.aws.calls().by_operation();
    workload.verify(&rig.client, objects, 0).await?;
    operator.stop().await?;
    let a_round = float(calls.values().sum()) / float(ROUNDS);
    let name = format!("{objects} objects on {secrets} secrets: AWS calls a round");
    Ok(Row::new(NAME, name, a_round, "").note(format!(
        "{ROUNDS} rounds: {}; cold: {}",
        counts(&calls),
        counts(&cold)
    )))
}
