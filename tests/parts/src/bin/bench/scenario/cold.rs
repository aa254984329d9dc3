//! Objects that wait for the operator when it starts, from its start to the last Ready; the floor before and after it.

use super::{COLD_WITHIN, counts, cpu_since, float, megabytes};
use crate::measure::{Requests, writes};
use crate::observer::Observer;
use crate::rig::Rig;
use crate::row::Row;
use crate::workload::{Shape, Workload};
use crate::{Arguments, Error, floor, report};

const NAME: &str = "cold";
/// The budget of processor time, 0.6 ms, was stated beside a floor of 0.3 ms; a slower processor slows both.
const CPU_TIMES: f64 = 2.0;

pub(crate) async fn run(arguments: &Arguments) -> Result<Vec<Row>, Error> {
    let mut rows = Vec::new();
    for objects in &arguments.objects {
        rows.extend(sync(arguments, *objects).await?);
    }
    Ok(rows)
}

async fn sync(arguments: &Arguments, objects: usize) -> Result<Vec<Row>, Error> {
    let rig = Rig::start(arguments).await?;
    let before = floor::measure(&rig, objects, "floor-1").await?;

    report::say(&format!("{objects} objects wait"));
    let workload = Workload::create(&rig.client, Shape::new("bench", objects)).await?;
    workload.fill(&rig.aws, 0, 0);
    let observer = Observer::start(&rig.client).await?;
    let requests = Requests::read(&rig.client).await?;
    let server = rig.server.cpu()?;
    let mut operator = rig.operator()?;
    let took = observer
        .wait_for(objects, COLD_WITHIN, || operator.check())
        .await?
        .as_secs_f64();
    let cpu = cpu_since(operator.process(), std::time::Duration::ZERO)? / float(objects);
    let server = cpu_since(rig.server, server)? / float(objects);
    let memory = operator.process().usage()?;
    let asked = Requests::read(&rig.client).await?.since(&requests);
    workload.verify(&rig.client, objects, 0).await?;
    operator.stop().await?;
    drop(observer);
    workload.remove(&rig.client).await?;

    let after = floor::measure(&rig, objects, "floor-2").await?;
    let floor = f64::midpoint(before.seconds, after.seconds);
    let (times, peak) = if objects > 2_000 {
        (1.4, 110.0)
    } else {
        (1.35, 48.0)
    };
    let floor_cpu = f64::midpoint(before.cpu_ms, after.cpu_ms);
    let row = |name: &str, figure, unit| Row::new(NAME, format!("{objects} objects: {name}"), figure, unit);
    #[expect(clippy::cast_precision_loss, reason = "counts of requests")]
    let written = writes(&asked) as f64 / float(objects);
    Ok(vec![
        row("start to last Ready", took, "s")
            .floor(floor)
            .most(floor * times)
            .note(format!("{:.2} times the floor", took / floor)),
        row("CPU per object", cpu, "ms")
            .floor(floor_cpu)
            .most(0.6)
            .note(format!("of kube-apiserver {server:.2} ms")),
        row("CPU per object, in that of the floor", cpu / floor_cpu, "times")
            .floor(1.0)
            .most(CPU_TIMES),
        row("peak memory (VmHWM)", megabytes(memory.peak), "MB")
            .most(peak)
            .note(format!("RssAnon {:.1} MB", megabytes(memory.rss_anon))),
        row(
            "AWS calls",
            float(rig.aws.calls().by_operation().values().sum()),
            "",
        )
        .note(counts(&rig.aws.calls().by_operation())),
        row("writes per object", written, "")
            .floor(2.0)
            .most(2.05)
            .note(counts(&asked)),
    ])
}
