//! One account answers 500, one is throttled at one call a second: what a third one notices of it.

use std::time::Duration;

use keyferry_parts::{Fault, When};
use tokio::time::sleep;

use super::{new_objects, percentiles};
use crate::rig::{Rig, Running};
use crate::row::Row;
use crate::workload::{Shape, Workload};
use crate::{Arguments, Error, report};

const NAME: &str = "neighbours";
const OBJECTS: usize = 1_000;
const NEW: usize = 200;
const MINUTE: Duration = Duration::from_mins(1);
const HEALTHY: &str = "111111111111";
const FAILING: &str = "222222222222";
const THROTTLED: &str = "333333333333";

pub(crate) async fn run(arguments: &Arguments) -> Result<Vec<Row>, Error> {
    report::say("an account alone");
    let [_, alone] = measure(arguments, false).await?;
    report::say("the same account beside two that fail");
    let [p50, p99] = measure(arguments, true).await?;
    Ok(vec![
        Row::new(NAME, "a new object beside failing accounts, p99", p99, "ms")
            .floor(alone)
            .most(1.5 * alone)
            .note(format!("p50 {p50:.0} ms; the floor is the p99 of being alone")),
    ])
}

fn tenant(namespace: &str, account: &'static str) -> Shape {
    Shape {
        interval: "30s",
        roles_in: Some(account),
        ..Shape::new(namespace, OBJECTS)
    }
}

async fn measure(arguments: &Arguments, neighbours: bool) -> Result<[f64; 2], Error> {
    let rig = Rig::start(arguments).await?;
    let failing = rig
        .aws
        .inject(When::any().by(FAILING).on("/bench/"), Fault::internal());
    let throttled = rig.aws.inject(
        When::any().by(THROTTLED).on("/bench/"),
        Fault::Throttle { per_second: 1 },
    );
    if neighbours {
        for (namespace, account) in [("failing", FAILING), ("throttled", THROTTLED)] {
            let workload = Workload::create(&rig.client, tenant(namespace, account)).await?;
            workload.fill(&rig.aws, 0, 0);
        }
    }
    // Some of those that count as Ready may be the throttled account's.
    let Running {
        workload: healthy,
        observer,
        mut operator,
        ..
    } = rig.synced(tenant("healthy", HEALTHY), NEW).await?;
    sleep(MINUTE).await;
    let waits = new_objects(&rig, &healthy, &observer, &mut operator, NEW, MINUTE).await?;
    healthy.verify(&rig.client, OBJECTS + NEW, 0).await?;
    operator.stop().await?;
    if neighbours && (failing.calls_met() == 0 || throttled.calls_met() == 0) {
        return Err("the neighbours were not in trouble".into());
    }
    Ok(percentiles(&waits))
}
