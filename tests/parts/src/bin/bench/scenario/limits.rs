//! Services that allow few calls a second: nothing is lost, and no call is wasted.

use std::time::Duration;

use keyferry_parts::{Fault, When};
use tokio::time::sleep;

use super::{counts, float, new_objects, percentiles};
use crate::rig::{Rig, Running};
use crate::row::Row;
use crate::workload::{Service, Shape};
use crate::{Arguments, Error, floor, report};

const NAME: &str = "limits";
const OBJECTS: usize = 1_000;
const NEW: usize = 50;
const MINUTE: Duration = Duration::from_mins(1);

pub(crate) async fn run(arguments: &Arguments) -> Result<Vec<Row>, Error> {
    let mut rows = parameter_store(arguments).await?;
    rows.extend(secrets_manager(arguments).await?);
    Ok(rows)
}

async fn parameter_store(arguments: &Arguments) -> Result<Vec<Row>, Error> {
    const LIMIT: u32 = 40;
    report::say(&format!("Parameter Store allows {LIMIT} calls a second"));
    let rig = Rig::start(arguments).await?;
    let shape = Shape {
        service: Service::ParameterStore,
        ..Shape::new("bench", OBJECTS)
    };
    let throttle = rig
        .aws
        .inject(When::any().on("/bench/"), Fault::Throttle { per_second: LIMIT });
    let Running {
        workload,
        observer,
        operator,
        took,
    } = rig.synced(shape, 0).await?;
    let calls = rig.aws.calls().by_operation();
    let reads = float(
        calls
            .iter()
            .filter(|(name, _)| name.starts_with("GetParameter"))
            .map(|(_, count)| count)
            .sum(),
    );
    let throttled = throttle.calls_met();
    workload.verify(&rig.client, OBJECTS, 0).await?;
    operator.stop().await?;
    drop(observer);
    workload.remove(&rig.client).await?;
    // The writes to Kubernetes may set the pace, not AWS.
    let calls_need = reads / f64::from(LIMIT);
    let writes_need = floor::measure(&rig, OBJECTS, "floor").await?.seconds;
    let floor = calls_need.max(writes_need);
    let row = |name: &str, figure, unit| {
        Row::new(
            NAME,
            format!("{OBJECTS} parameters at {LIMIT} calls a second: {name}"),
            figure,
            unit,
        )
    };
    #[expect(clippy::cast_precision_loss, reason = "a count of calls")]
    let throttled = throttled as f64;
    Ok(vec![
        row("start to last Ready", took.as_secs_f64(), "s")
            .floor(floor)
            .most(1.3 * calls_need)
            .note(format!(
                "its calls alone take {calls_need:.2} s, its writes alone {writes_need:.2} s"
            )),
        row("reads", reads, "")
            .floor(100.0)
            .most(110.0)
            .note(counts(&calls)),
        row("throttled", throttled, "").most(f64::from(LIMIT)),
    ])
}

async fn secrets_manager(arguments: &Arguments) -> Result<Vec<Row>, Error> {
    const LIMIT: u32 = 20;
    report::say(&format!("Secrets Manager allows {LIMIT} calls a second"));
    let rig = Rig::start(arguments).await?;
    let shape = Shape {
        interval: "30s",
        ..Shape::new("bench", OBJECTS)
    };
    let throttle = rig
        .aws
        .inject(When::any().on("/bench/"), Fault::Throttle { per_second: LIMIT });
    let Running {
        workload,
        observer,
        mut operator,
        took,
    } = rig.synced(shape, NEW).await?;
    let cold = throttle.calls_met();
    sleep(MINUTE).await;
    let waits = new_objects(&rig, &workload, &observer, &mut operator, NEW, MINUTE / 2).await?;
    workload.fill(&rig.aws, 1, NEW);
    sleep(MINUTE + MINUTE / 2).await;
    operator.check()?;
    let wrong = workload.wrong(&rig.client, OBJECTS + NEW, 1).await?.len();
    operator.stop().await?;
    let [p50, p99] = percentiles(&waits);
    let row = |name: &str, figure, unit| {
        Row::new(
            NAME,
            format!("{OBJECTS} objects every 30 s at {LIMIT} calls a second: {name}"),
            figure,
            unit,
        )
    };
    Ok(vec![
        row("start to last Ready", took.as_secs_f64(), "s").note(format!("{cold} calls throttled")),
        row("a new object, p99", p99, "ms")
            .most(2_000.0)
            .note(format!("p50 {p50:.0} ms")),
        row("Secrets that did not follow a rotation in 90 s", float(wrong), "").most(0.0),
    ])
}
