//! One round: a control plane of its own, the floor, keyferry, the floor again.

use std::collections::BTreeMap;
use std::time::Duration;

use keyferry_parts::control_plane::{Fairness, Options};
use keyferry_parts::{ControlPlane, FakeAws, Fault, When};
use serde::Serialize;

use crate::measure::{Process, Requests, Usage};
use crate::observer::Observer;
use crate::operator::Operator;
use crate::workload::Workload;
use crate::{Arguments, Error, floor, report};

/// What nobody should have to wait for: 46 times the floor is 200 s for 2,000 objects.
const COLD_WITHIN: Duration = Duration::from_mins(10);

/// One cold sync.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Cold {
    /// From the start to the last Ready.
    pub(crate) seconds: f64,
    /// CPU of the client or operator, in milliseconds for each object.
    pub(crate) client_ms: f64,
    /// CPU of kube-apiserver, in milliseconds for each object.
    pub(crate) apiserver_ms: f64,
}

#[derive(Debug, Clone, Serialize)]
pub(crate) struct Rest {
    pub(crate) seconds: f64,
    pub(crate) cpu_ms: f64,
    pub(crate) aws_calls: BTreeMap<String, usize>,
    pub(crate) apiserver_requests: BTreeMap<String, u64>,
}

#[derive(Debug, Clone, Serialize)]
pub(crate) struct Round {
    pub(crate) objects: usize,
    pub(crate) fairness: bool,
    pub(crate) aws_latency_ms: u64,
    /// Before and after keyferry.
    pub(crate) floors: Vec<Cold>,
    pub(crate) keyferry: Cold,
    /// keyferry's time through the mean of the floors'.
    pub(crate) times_floor: f64,
    pub(crate) aws_calls: BTreeMap<String, usize>,
    /// By `verb resource`, the observer's two included.
    pub(crate) apiserver_requests: BTreeMap<String, u64>,
    pub(crate) memory_after_sync: Usage,
    pub(crate) memory_at_rest: Usage,
    pub(crate) rest: Rest,
    pub(crate) binary_bytes: u64,
}

pub(crate) async fn run(arguments: &Arguments, objects: usize) -> Result<Round, Error> {
    report::say(&format!("{objects} objects: starting a control plane"));
    let fairness = if arguments.fairness {
        Fairness::On
    } else {
        Fairness::Off
    };
    // The audit log would cost the server time; its own metrics count requests for nothing.
    let plane = ControlPlane::start(Options {
        fairness,
        audit: false,
        ..Options::default()
    })
    .await?;
    let client = plane.client().await?;
    let aws = FakeAws::start_tls()?;
    let _latency = aws.inject(When::any(), Fault::Latency(arguments.aws_latency()));
    let [server, _] = plane.process_ids().map(Process::new);
    Workload::install_crds(&plane).await?;

    let mut floors = vec![measure_floor(&client, &server, objects, "floor-1").await?];

    report::say("keyferry");
    let workload = Workload::create(&client, "bench", objects).await?;
    workload.fill(&aws);
    let observer = Observer::start(&client, "bench").await?;
    let requests = Requests::read(&client).await?;
    let server_before = server.cpu()?;
    let mut operator = Operator::start(&plane, &aws, &arguments.keyferry)?;
    let took = observer
        .wait_for(objects, COLD_WITHIN, || operator.check())
        .await?;
    let keyferry = Cold {
        seconds: took.as_secs_f64(),
        client_ms: per_object(operator.process().cpu()?, objects),
        apiserver_ms: per_object(server.cpu()?.saturating_sub(server_before), objects),
    };
    let after = Requests::read(&client).await?;
    let apiserver_requests = after.since(&requests);
    let aws_calls = aws.calls().by_operation();
    let memory_after_sync = operator.process().usage()?;
    workload.verify(&client).await?;

    report::say(&format!("at rest for {} s", arguments.rest));
    aws.calls().forget();
    let cpu = operator.process().cpu()?;
    let before_rest = Requests::read(&client).await?;
    tokio::time::sleep(arguments.time_at_rest()).await;
    operator.check()?;
    let rest = Rest {
        seconds: arguments.time_at_rest().as_secs_f64(),
        cpu_ms: (operator.process().cpu()?.saturating_sub(cpu)).as_secs_f64() * 1e3,
        aws_calls: aws.calls().by_operation(),
        apiserver_requests: Requests::read(&client).await?.since(&before_rest),
    };
    let memory_at_rest = operator.process().usage()?;
    operator.stop().await?;
    drop(observer);
    workload.remove(&client).await?;

    floors.push(measure_floor(&client, &server, objects, "floor-2").await?);
    let floor = floors.iter().map(|cold| cold.seconds).sum::<f64>() / 2.0;
    Ok(Round {
        objects,
        fairness: arguments.fairness,
        aws_latency_ms: arguments.latency,
        times_floor: keyferry.seconds / floor,
        floors,
        keyferry,
        aws_calls,
        apiserver_requests,
        memory_after_sync,
        memory_at_rest,
        rest,
        binary_bytes: std::fs::metadata(&arguments.keyferry)?.len(),
    })
}

async fn measure_floor(
    client: &kube::Client,
    server: &Process,
    objects: usize,
    namespace: &str,
) -> Result<Cold, Error> {
    report::say("the machine's floor");
    let workload = Workload::create(client, namespace, objects).await?;
    let observer = Observer::start(client, namespace).await?;
    let own = Process::new(std::process::id());
    let (own_before, server_before) = (own.cpu()?, server.cpu()?);
    let started = tokio::time::Instant::now();
    floor::sync(client, &workload).await?;
    observer.wait_for(objects, COLD_WITHIN, || Ok(())).await?;
    let cold = Cold {
        seconds: started.elapsed().as_secs_f64(),
        // The observer's share is in it.
        client_ms: per_object(own.cpu()?.saturating_sub(own_before), objects),
        apiserver_ms: per_object(server.cpu()?.saturating_sub(server_before), objects),
    };
    workload.verify(client).await?;
    drop(observer);
    workload.remove(client).await?;
    Ok(cold)
}

#[expect(clippy::cast_precision_loss, reason = "thousands of objects")]
fn per_object(time: Duration, objects: usize) -> f64 {
    time.as_secs_f64() * 1e3 / objects as f64
}
