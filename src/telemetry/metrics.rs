//! Metrics of the operator: the contract's names, which people's dashboards and alerts rely on, and ours.
//!
//! AWS calls are counted where they are made, in `aws`.

mod objects;

use std::{sync::Arc, time::Duration};

use prometheus::{
    Gauge, HistogramOpts, HistogramVec, IntCounter, IntCounterVec, IntGaugeVec, Opts, Registry, TextEncoder,
    core::Collector,
};

pub use objects::Objects;

/// Everything that a scrape shows.
#[derive(Clone, Debug, Default)]
pub struct Exposition {
    /// Series of the operator as a whole, and of stores.
    pub registry: Registry,
    /// Series of single ExternalSecrets.
    pub objects: Arc<Objects>,
}

impl Exposition {
    /// Media type of [`Self::text`]; Prometheus 3 takes no answer without one that it knows.
    pub const MEDIA_TYPE: &str = prometheus::TEXT_FORMAT;

    /// All series in Prometheus' text format.
    pub fn text(&self) -> Result<String, prometheus::Error> {
        let mut text = TextEncoder::new().encode_to_string(&self.registry.gather())?;
        self.objects.write_text(&mut text);
        Ok(text)
    }
}

/// The metrics.
#[derive(Debug)]
pub struct Metrics {
    /// `controller_runtime_reconcile_total`
    pub reconciles: IntCounterVec,
    /// `controller_runtime_reconcile_time_seconds`
    pub reconcile_time: HistogramVec,
    /// `controller_runtime_active_workers`
    pub active_workers: IntGaugeVec,
    /// `controller_runtime_max_concurrent_reconciles`
    pub max_workers: IntGaugeVec,
    /// `workqueue_depth`
    pub queue_depth: IntGaugeVec,
    /// `keyferry_sync_duration_seconds`: syncs that asked AWS, by result.
    pub sync_duration: HistogramVec,
    /// `keyferry_queue_depth`, by lane.
    pub lane_depth: IntGaugeVec,
    /// `keyferry_queue_wait_seconds`, by lane.
    pub lane_wait: HistogramVec,
    /// `keyferry_writes_total` of target Secrets, by what became of them.
    pub writes: IntCounterVec,
    /// `keyferry_failures_total`, by cause.
    pub failures: IntCounterVec,
    /// `keyferry_events_dropped_total`
    pub events_dropped: IntCounter,
    /// `keyferry_foreign_controllers_total`: how often an object was left alone because another operator writes it too.
    pub yields: IntCounter,
    /// `keyferry_watch_errors_total`, by kind.
    pub watch_errors: IntCounterVec,
    /// `keyferry_build_info`
    pub build_info: Gauge,
    /// Nothing where no series may name an object.
    objects: Option<Arc<Objects>>,
}

fn register<M: Collector + Clone + 'static>(registry: &Registry, metric: M) -> Result<M, prometheus::Error> {
    registry.register(Box::new(metric.clone()))?;
    Ok(metric)
}

impl Metrics {
    /// Registers everything. Without `per_object`, no series names an object.
    pub fn new(exposition: &Exposition, per_object: bool) -> Result<Self, prometheus::Error> {
        let registry = &exposition.registry;
        let counters = |name: &str, help: &str, labels: &[&str]| {
            register(registry, IntCounterVec::new(Opts::new(name, help), labels)?)
        };
        let gauges = |name: &str, help: &str, labels: &[&str]| {
            register(registry, IntGaugeVec::new(Opts::new(name, help), labels)?)
        };
        let histograms = |name: &str, help: &str, labels: &[&str]| {
            let buckets = prometheus::exponential_buckets(0.001, 2.5, 13)?;
            register(
                registry,
                HistogramVec::new(HistogramOpts::new(name, help).buckets(buckets), labels)?,
            )
        };
        let build =
            Opts::new("keyferry_build_info", "Always 1").const_label("version", env!("CARGO_PKG_VERSION"));
        let metrics = Self {
            reconciles: counters(
                "controller_runtime_reconcile_total",
                "Reconciles by result",
                &["controller", "result"],
            )?,
            reconcile_time: histograms(
                "controller_runtime_reconcile_time_seconds",
                "Time of a reconcile",
                &["controller"],
            )?,
            active_workers: gauges(
                "controller_runtime_active_workers",
                "Objects being reconciled",
                &["controller"],
            )?,
            max_workers: gauges(
                "controller_runtime_max_concurrent_reconciles",
                "Objects that may be reconciled at once",
                &["controller"],
            )?,
            queue_depth: gauges("workqueue_depth", "Objects that are due", &["name"])?,
            sync_duration: histograms(
                "keyferry_sync_duration_seconds",
                "Time of a sync that asked AWS",
                &["result"],
            )?,
            lane_depth: gauges("keyferry_queue_depth", "Objects that are due, by lane", &["lane"])?,
            lane_wait: histograms(
                "keyferry_queue_wait_seconds",
                "Time that due objects waited, by lane",
                &["lane"],
            )?,
            writes: counters(
                "keyferry_writes_total",
                "Writes of target Secrets, by what became of them",
                &["result"],
            )?,
            failures: counters("keyferry_failures_total", "Failed syncs, by cause", &["cause"])?,
            events_dropped: register(
                registry,
                IntCounter::new(
                    "keyferry_events_dropped_total",
                    "Events dropped because too many waited",
                )?,
            )?,
            yields: register(
                registry,
                IntCounter::new(
                    "keyferry_foreign_controllers_total",
                    "Times an object was left alone because another operator writes its status too",
                )?,
            )?,
            watch_errors: counters(
                "keyferry_watch_errors_total",
                "Errors of watches, by kind",
                &["kind"],
            )?,
            build_info: register(registry, Gauge::with_opts(build)?)?,
            objects: per_object.then(|| Arc::clone(&exposition.objects)),
        };
        metrics.build_info.set(1.0);
        Ok(metrics)
    }

    /// Turns of a kind that are running.
    pub fn active(&self, controller: &str) -> prometheus::IntGauge {
        self.active_workers.with_label_values(&[controller])
    }

    /// A reconcile of any kind ended.
    pub fn turned(&self, controller: &str, took: Duration, failed: bool) {
        let result = if failed { "error" } else { "success" };
        self.reconciles.with_label_values(&[controller, result]).inc();
        self.reconcile_time
            .with_label_values(&[controller])
            .observe(took.as_secs_f64());
    }

    /// A reconcile of an ExternalSecret ended.
    pub fn reconciled(&self, namespace: &str, name: &str, took: Duration, failed: bool) {
        self.turned("externalsecret", took, failed);
        if let Some(objects) = &self.objects {
            objects.reconciled(namespace, name, took, failed);
        }
    }

    /// The Ready condition of an ExternalSecret is this.
    pub fn ready(&self, namespace: &str, name: &str, ready: bool) {
        if let Some(objects) = &self.objects {
            objects.ready(namespace, name, ready);
        }
    }

    /// An ExternalSecret equals its source, but for so many entries that have none and that it is synced without.
    pub fn succeeded(&self, namespace: &str, name: &str, at: jiff::Timestamp, missing: usize) {
        if let Some(objects) = &self.objects {
            objects.succeeded(namespace, name, at, missing);
        }
    }

    /// An ExternalSecret is gone: its series go too.
    pub fn forget(&self, namespace: &str, name: &str) {
        if let Some(objects) = &self.objects {
            objects.forget(namespace, name);
        }
    }
}
