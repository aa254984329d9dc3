//! Metrics of the operator: the contract's names, which people's dashboards and alerts rely on, and ours.
//!
//! AWS calls are counted where they are made, in `aws`.

use std::time::Duration;

use prometheus::{
    Gauge, GaugeVec, HistogramOpts, HistogramVec, IntCounter, IntCounterVec, IntGaugeVec, Opts, Registry,
    core::Collector,
};

const OBJECT: [&str; 2] = ["name", "namespace"];
const CONDITION: [&str; 4] = ["name", "namespace", "condition", "status"];

/// The metrics.
#[derive(Debug)]
pub struct Metrics {
    /// `externalsecret_sync_calls_total`: reconciles, skipped ones too.
    pub sync_calls: IntCounterVec,
    /// `externalsecret_sync_calls_error`
    pub sync_errors: IntCounterVec,
    /// `externalsecret_status_condition`
    pub condition: IntGaugeVec,
    /// `externalsecret_reconcile_duration`: nanoseconds of the last one.
    pub reconcile_duration: GaugeVec,
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
    /// `keyferry_externalsecret_last_success_timestamp_seconds`
    pub last_success: GaugeVec,
    /// `keyferry_externalsecret_missing_keys`: entries that an object is synced without.
    pub missing_keys: IntGaugeVec,
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
    per_object: bool,
}

fn register<M: Collector + Clone + 'static>(registry: &Registry, metric: M) -> Result<M, prometheus::Error> {
    registry.register(Box::new(metric.clone()))?;
    Ok(metric)
}

impl Metrics {
    /// Registers everything. Without `per_object`, no series names an object.
    #[expect(clippy::too_many_lines, reason = "a table of metrics")]
    pub fn new(registry: &Registry, per_object: bool) -> Result<Self, prometheus::Error> {
        let counters = |name: &str, help: &str, labels: &[&str]| {
            register(registry, IntCounterVec::new(Opts::new(name, help), labels)?)
        };
        let gauges = |name: &str, help: &str, labels: &[&str]| {
            register(registry, IntGaugeVec::new(Opts::new(name, help), labels)?)
        };
        let floats = |name: &str, help: &str, labels: &[&str]| {
            register(registry, GaugeVec::new(Opts::new(name, help), labels)?)
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
            sync_calls: counters(
                "externalsecret_sync_calls_total",
                "Reconciles of an ExternalSecret",
                &OBJECT,
            )?,
            sync_errors: counters(
                "externalsecret_sync_calls_error",
                "Failed reconciles of an ExternalSecret",
                &OBJECT,
            )?,
            condition: gauges(
                "externalsecret_status_condition",
                "Conditions of an ExternalSecret",
                &CONDITION,
            )?,
            reconcile_duration: floats(
                "externalsecret_reconcile_duration",
                "Nanoseconds of the last reconcile of an ExternalSecret",
                &OBJECT,
            )?,
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
            last_success: floats(
                "keyferry_externalsecret_last_success_timestamp_seconds",
                "When an ExternalSecret was last found or made equal to its source",
                &OBJECT,
            )?,
            missing_keys: gauges(
                "keyferry_externalsecret_missing_keys",
                "Entries of an ExternalSecret whose source is missing and that it is synced without",
                &OBJECT,
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
            per_object,
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
        if self.per_object {
            let object = [name, namespace];
            self.sync_calls.with_label_values(&object).inc();
            // The contract's gauge is a Go duration.
            #[expect(
                clippy::cast_precision_loss,
                reason = "nanoseconds of a reconcile fit into 52 bits"
            )]
            self.reconcile_duration
                .with_label_values(&object)
                .set(took.as_nanos() as f64);
            let errors = self.sync_errors.with_label_values(&object);
            if failed {
                errors.inc();
            }
        }
    }

    /// The Ready condition of an ExternalSecret is this.
    pub fn ready(&self, namespace: &str, name: &str, ready: bool) {
        if self.per_object {
            for (status, on) in [("True", ready), ("False", !ready)] {
                self.condition
                    .with_label_values(&[name, namespace, "Ready", status])
                    .set(i64::from(on));
            }
        }
    }

    /// An ExternalSecret equals its source.
    pub fn succeeded(&self, namespace: &str, name: &str, at: jiff::Timestamp) {
        if self.per_object {
            #[expect(clippy::cast_precision_loss, reason = "seconds since 1970 fit into 52 bits")]
            self.last_success
                .with_label_values(&[name, namespace])
                .set(at.as_second() as f64);
        }
    }

    /// So many entries of an ExternalSecret have no source, and it is synced without them.
    pub fn missing(&self, namespace: &str, name: &str, count: usize) {
        let object = [name, namespace];
        if self.per_object && count > 0 {
            let count = i64::try_from(count).unwrap_or(i64::MAX);
            self.missing_keys.with_label_values(&object).set(count);
        } else {
            _ = self.missing_keys.remove_label_values(&object);
        }
    }

    /// An ExternalSecret is gone: its series go too.
    pub fn forget(&self, namespace: &str, name: &str) {
        let object = [name, namespace];
        // Series that were never made cannot be removed, which is no error.
        _ = self.sync_calls.remove_label_values(&object);
        _ = self.sync_errors.remove_label_values(&object);
        _ = self.reconcile_duration.remove_label_values(&object);
        _ = self.last_success.remove_label_values(&object);
        _ = self.missing_keys.remove_label_values(&object);
        for status in ["True", "False"] {
            _ = self
                .condition
                .remove_label_values(&[name, namespace, "Ready", status]);
        }
    }
}
