//! Wiring: watches fill views and wake objects, the queue decides whose turn it is, turns run side by side.

pub(crate) mod cluster_external_secret;
pub mod config;
pub mod events;
mod external_secret;
mod finalizers;
mod gauges;
pub mod generic_targets;
pub mod key;
pub mod lease;
pub mod namespaces;
pub mod objects;
pub mod queue;
pub mod schedule;
pub mod store;
mod stores;
pub mod targets;
pub mod template_sources;
mod watches;

use std::{
    collections::{HashMap, HashSet},
    future::poll_fn,
    panic::resume_unwind,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::Poll,
    time::Duration,
};

use aws_lc_rs::hmac;
use kube::Client;
use prometheus::{IntGauge, Registry};
use tokio::{
    sync::{Semaphore, mpsc},
    task::JoinSet,
};
use tokio_util::{sync::CancellationToken, task::AbortOnDropHandle};

use self::{
    cluster_external_secret::ClusterObjects,
    config::Config,
    events::Events,
    external_secret::Held,
    gauges::Gauges,
    generic_targets::GenericTargets,
    key::{Key, Kind},
    lease::Candidate,
    namespaces::Namespaces,
    objects::{ObjectName, Objects},
    queue::{Lane, Limits, Queue},
    schedule::Grid,
    targets::Targets,
    template_sources::TemplateSources,
};
use crate::{
    aws::{self, Broker},
    generators::Generators,
    resources_api::Kinds,
    secrets_api::Look,
    sync::{Stages, apply::Writer, object::Object, sources::Sources, template::pool::Pool},
    telemetry::{
        admin::Ready,
        metrics::{Exposition, Metrics},
    },
};

/// Objects in their turn at once. Most of a turn is waiting for AWS. Periodic ones also wait for company: all that share a
/// secret must be able to wait for it together, or it is read once for each lot of them.
const TURNS: Limits = Limits {
    urgent: 512,
    periodic: 1024,
};
/// Writes of target Secrets at once, and as many of statuses: more gain nothing at the API server, and the buffers of each
/// stay. Apart, so that Secrets which an admission webhook holds up do not hold up what is said of others.
const WRITES: usize = 32;
/// How long the first connection is waited for before the lists look for one themselves.
const FIRST_ANSWER: Duration = Duration::from_secs(10);
/// Wakes that wait for the loop.
const WAKES: usize = 4096;

/// What changed for an object that failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Recovery {
    /// Its target: ends the wait of what failed on the target alone.
    Target,
    /// Its store, its identity or its namespace: ends any wait.
    Source,
}

/// What watches and turns tell the loop.
#[derive(Debug)]
pub enum Wake {
    /// The object is due in this lane.
    Due(Key, Lane),
    /// Something that it waits for changed: its backoff ends.
    Recovered(Key, Recovery),
    /// The object is gone.
    Gone(Key),
}

/// Why the operator could not run.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The way to AWS could not be set up.
    #[error("AWS could not be set up: {0}")]
    Aws(#[from] aws::Error),
    /// No randomness.
    #[error("the system gives no random bytes")]
    Random,
    /// Metrics could not be registered.
    #[error("metrics could not be registered")]
    Metrics(#[from] prometheus::Error),
    /// Another replica works now.
    #[error(transparent)]
    Lease(#[from] lease::Lost),
}

/// Everything that turns share.
pub struct Context {
    /// The API server.
    pub client: Client,
    /// Settings.
    pub config: Config,
    /// The stages of a sync.
    pub stages: Stages,
    /// ExternalSecrets.
    pub objects: Objects,
    /// ClusterExternalSecrets.
    cluster_objects: ClusterObjects,
    cluster_object_metrics: Gauges,
    /// Target Secrets.
    pub targets: Arc<Targets>,
    /// Targets of other kinds.
    pub generic_targets: Arc<GenericTargets>,
    /// ConfigMaps and Secrets that templates are taken from.
    pub template_sources: TemplateSources,
    /// Namespaces.
    pub namespaces: Namespaces,
    /// Stores, and what their turns need.
    pub store_context: store::StoreContext,
    watched_stores: stores::Watched,
    /// Metrics.
    pub metrics: Arc<Metrics>,
    /// Events.
    pub events: Events,
    grid: Arc<Mutex<Grid>>,
    /// Uids of objects that got the status of an object they replaced: theirs tells nothing.
    misreported: Mutex<HashSet<Box<str>>>,
    status_slots: Semaphore,
    records: Mutex<HashMap<ObjectName, Held>>,
    wakes: mpsc::UnboundedSender<Wake>,
}

impl Context {
    fn records(&self) -> MutexGuard<'_, HashMap<ObjectName, Held>> {
        self.records.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn take_record(&self, at: &ObjectName) -> Held {
        self.records().remove(at).unwrap_or_default()
    }

    /// Keeps a record, unless its object went meanwhile.
    fn put_record(&self, at: &ObjectName, object: &Object, held: Held) {
        if self.objects.get(at).is_some_and(|now| now.uid == object.uid) {
            self.records().insert(at.clone(), held);
        } else {
            // Its turn outlived it, and made its series anew.
            self.metrics.forget(&object.namespace, &object.name);
        }
    }

    fn misreported(&self) -> MutexGuard<'_, HashSet<Box<str>>> {
        self.misreported.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn forget(&self, at: &ObjectName) {
        self.records().remove(at);
    }

    /// Tells the loop. Unbounded, because watches may not wait for turns: the queue holds each object once.
    pub fn wake(&self, wake: Wake) {
        // The loop is gone only when the operator stops.
        _ = self.wakes.send(wake);
    }
}

/// The stages of a sync, as settings have them.
pub(crate) fn stages(
    client: &Client,
    config: &Config,
    registry: &Registry,
    targets: &Arc<Targets>,
    generic_targets: &Arc<GenericTargets>,
) -> Result<Stages, Error> {
    let broker = Broker::new(config.aws.clone(), client.clone(), registry)?;
    let digest_key = hmac::Key::generate(hmac::HMAC_SHA256, &aws_lc_rs::rand::SystemRandom::new())
        .map_err(|_| Error::Random)?;
    let writer = Writer {
        client: client.clone(),
        slots: Semaphore::new(WRITES),
        adoption: config.adopt,
        look: if config.drift_watch {
            Look::Get
        } else {
            Look::Patch
        },
        targets: Arc::clone(targets),
        kinds: Kinds::default(),
        generic_targets: Arc::clone(generic_targets),
    };
    Ok(Stages {
        generators: Generators::new(client.clone(), broker.clone(), &config.controller_class),
        broker,
        writer,
        sources: Sources::new(client.clone()),
        templates: Pool::default(),
        digest_key,
    })
}

/// Runs the operator until stopped, then lets what runs end within the grace period. With a Lease, only while it is held.
pub async fn run(
    client: Client,
    config: Config,
    exposition: &Exposition,
    ready: Ready,
    stop: CancellationToken,
) -> Result<(), Error> {
    let registry = &exposition.registry;
    let candidate = config
        .lease
        .clone()
        .map(|lease| Candidate::new(client.clone(), lease, &config.instance, registry))
        .transpose()?;
    let metrics = Arc::new(Metrics::new(exposition, config.object_metrics)?);
    let instance: Arc<str> = Arc::from(config.instance.as_str());
    let events = Events::start(client.clone(), instance, metrics.events_dropped.clone());
    let (wakes, incoming) = mpsc::unbounded_channel();
    let targets = Arc::new(Targets::default());
    let generic_targets = Arc::new(GenericTargets::default());
    let stages = stages(&client, &config, registry, &targets, &generic_targets)?;
    let class = store::ControllerClass::new(config.controller_class.as_str());
    let store_context = store::StoreContext {
        client: client.clone(),
        broker: stages.broker.clone(),
        stores: Arc::new(store::Stores::new(class.clone(), store::SUPPORTED)),
        events: store_events(&events),
        metrics: store::Metrics::new(registry, config.object_metrics)?,
        foreign: metrics.yields.clone(),
        class,
        interval: config.store_requeue_interval,
    };
    let cluster_object_metrics = Gauges::new("clusterexternalsecret", registry, config.object_metrics)?;
    let ctx = Arc::new(Context {
        client,
        config,
        stages,
        objects: Objects::default(),
        cluster_objects: ClusterObjects::default(),
        cluster_object_metrics,
        targets,
        generic_targets,
        template_sources: TemplateSources::default(),
        namespaces: Namespaces::default(),
        store_context,
        watched_stores: stores::Watched::default(),
        metrics,
        events,
        grid: Arc::default(),
        misreported: Mutex::default(),
        status_slots: Semaphore::new(WRITES),
        records: Mutex::default(),
        wakes,
    });
    let serving = serve(&ctx, incoming, &ready, &stop);
    match candidate {
        Some(candidate) => candidate.lead(&ready, &stop, serving).await?,
        None => serving.await,
    }
    Ok(())
}

/// Watches and works until stopped. Dropped, it stops as soon as what runs at that moment waits for something.
async fn serve(
    ctx: &Arc<Context>,
    incoming: mpsc::UnboundedReceiver<Wake>,
    ready: &Ready,
    stop: &CancellationToken,
) {
    // Lists that start together would each open a connection first, of which one stays.
    tokio::select! {
        () = stop.cancelled() => return,
        _ = tokio::time::timeout(FIRST_ANSWER, ctx.client.apiserver_version()) => {}
    }
    let mut watching = JoinSet::new();
    let listed = watches::start_all(ctx, &mut watching, stop);
    tokio::select! {
        () = stop.cancelled() => return,
        () = watches::all_listed(listed) => {}
    }
    watches::start_template_sources(ctx, &mut watching, stop);
    ready.set();
    tracing::info!(
        objects = ctx.objects.len(),
        targets = ctx.targets.len(),
        "the first lists are in"
    );
    // On a thread of the turns, so that one that ends need not wake another thread.
    let working = tokio::spawn(work(Arc::clone(ctx), incoming, stop.clone()));
    if let Err(error) = AbortOnDropHandle::new(working).await
        && error.is_panic()
    {
        resume_unwind(error.into_panic());
    }
    watching.shutdown().await;
}

fn store_events(events: &Events) -> store::Events {
    let events = events.clone();
    Arc::new(move |event: store::StoreEvent| {
        let warning = matches!(event.type_, kube::runtime::events::EventType::Warning);
        events.publish(event.object, event.component, warning, event.reason, event.note);
    })
}

/// The loop: takes wakes, hands out turns, notes what became of them.
async fn work(ctx: Arc<Context>, mut incoming: mpsc::UnboundedReceiver<Wake>, stop: CancellationToken) {
    let mut queue = Queue::new(TURNS);
    let mut turns: JoinSet<Option<Duration>> = JoinSet::new();
    let mut running: HashMap<tokio::task::Id, Key> = HashMap::new();
    let mut recovered: HashMap<Key, Recovery> = HashMap::new();
    let mut recoveries = ctx.stages.broker.subscribe_recoveries();
    let mut batch = Vec::with_capacity(WAKES);
    for kind in Kind::ALL {
        // Gauges stand from the start.
        ctx.metrics.active(kind.name()).set(0);
        ctx.metrics
            .max_workers
            .with_label_values(&[kind.name()])
            .set(i64::try_from(TURNS.urgent + TURNS.periodic).unwrap_or(i64::MAX));
    }
    let depths = Depths::of(&ctx.metrics);
    loop {
        // Whatever else keeps coming, what ended and what came due are not held up.
        while let Some(ended) = turns.try_join_next_with_id() {
            finish(&ctx, ended, &mut queue, &mut running);
        }
        poll_fn(|cx| Poll::Ready(_ = queue.poll_delays(cx))).await;
        while let Some(due) = queue.pop() {
            ctx.metrics
                .lane_wait
                .with_label_values(&[due.lane.name()])
                .observe(due.waited.as_secs_f64());
            let again = recovered.remove(&due.key);
            let task = turns.spawn(turn(Arc::clone(&ctx), due.key.clone(), again, due.waited));
            ctx.metrics.active(due.key.kind.name()).inc();
            running.insert(task.id(), due.key);
        }
        depths.show(&queue);
        let due = poll_fn(|cx| {
            let pending = queue.poll_delays(cx);
            if queue.has_due() { Poll::Ready(()) } else { pending }
        });
        tokio::select! {
            biased;
            () = stop.cancelled() => break,
            count = incoming.recv_many(&mut batch, WAKES) => {
                if count == 0 {
                    break;
                }
                for wake in batch.drain(..) {
                    take(&mut queue, &mut recovered, wake);
                }
            }
            Some(ended) = turns.join_next_with_id() => finish(&ctx, ended, &mut queue, &mut running),
            recovery = recoveries.recv() => {
                for key in users(&ctx, recovery.ok()) {
                    take(&mut queue, &mut recovered, Wake::Recovered(key, Recovery::Source));
                }
            }
            () = due => {}
        }
        // What is about to end or to ask does so first, and is taken in one go.
        tokio::task::yield_now().await;
    }
    drain(&ctx, turns).await;
}

async fn turn(
    ctx: Arc<Context>,
    key: Key,
    recovered: Option<Recovery>,
    waited: Duration,
) -> Option<Duration> {
    match key.kind {
        Kind::ExternalSecret => external_secret::reconcile(&ctx, &key.name, recovered, waited).await,
        // In boxes: the futures of all turns are as large as the largest.
        Kind::SecretStore | Kind::ClusterSecretStore => Box::pin(stores::turn(&ctx, &key)).await,
        Kind::ClusterExternalSecret => Box::pin(cluster_external_secret::reconcile(&ctx, &key.name.1)).await,
    }
}

fn take(queue: &mut Queue<Key>, recovered: &mut HashMap<Key, Recovery>, wake: Wake) {
    match wake {
        Wake::Due(key, lane) => queue.push(key, lane),
        Wake::Recovered(key, recovery) => {
            let known = recovered.entry(key.clone()).or_insert(recovery);
            *known = recovery.max(*known);
            queue.push(key, Lane::Urgent);
        }
        Wake::Gone(key) => {
            recovered.remove(&key);
            queue.remove(&key);
        }
    }
}

type Ended = Result<(tokio::task::Id, Option<Duration>), tokio::task::JoinError>;

fn finish(ctx: &Context, ended: Ended, queue: &mut Queue<Key>, running: &mut HashMap<tokio::task::Id, Key>) {
    /// A turn that panicked has told the log where; its object waits a while and starts from its status.
    const AFTER_PANIC: Duration = Duration::from_mins(1);
    let (id, next) = match ended {
        Ok((id, next)) => (id, next),
        Err(error) => (error.id(), Some(AFTER_PANIC)),
    };
    if let Some(key) = running.remove(&id) {
        ctx.metrics.active(key.kind.name()).dec();
        queue.done(key, next);
    }
}

/// Objects that read from a store, or all where it is not known which store recovered.
fn users(ctx: &Context, store: Option<aws::StoreName>) -> Vec<Key> {
    let names = match store {
        Some(store) => {
            let name = crate::sync::spec::StoreName {
                kind: store.kind,
                name: store.name.as_str().into(),
            };
            ctx.objects.of_store(store.namespace.as_deref(), &name)
        }
        None => ctx.objects.names(),
    };
    names
        .iter()
        .map(|name| Key::new(Kind::ExternalSecret, name))
        .collect()
}

/// Gauges of what waits: held, because each round of the loop sets them.
struct Depths {
    lanes: [(Lane, IntGauge); 2],
    kinds: [(Kind, IntGauge); 4],
}

impl Depths {
    fn of(metrics: &Metrics) -> Self {
        Self {
            lanes: [Lane::Urgent, Lane::Periodic]
                .map(|lane| (lane, metrics.lane_depth.with_label_values(&[lane.name()]))),
            kinds: Kind::ALL.map(|kind| (kind, metrics.queue_depth.with_label_values(&[kind.name()]))),
        }
    }

    fn show(&self, queue: &Queue<Key>) {
        let count = |n: usize| i64::try_from(n).unwrap_or(i64::MAX);
        for (lane, gauge) in &self.lanes {
            gauge.set(count(queue.depth(*lane)));
        }
        for (kind, gauge) in &self.kinds {
            gauge.set(count(queue.depth_of(kind.name())));
        }
    }
}

/// Lets running turns end, as long as the grace period allows.
async fn drain(ctx: &Context, mut turns: JoinSet<Option<Duration>>) {
    tracing::info!(running = turns.len(), "stopping: running syncs may end");
    let ended = async { while turns.join_next().await.is_some() {} };
    if tokio::time::timeout(ctx.config.grace_period, ended)
        .await
        .is_err()
    {
        tracing::warn!("some syncs did not end in time; they are done again after the next start");
    }
}
