//! The two gauges that dashboards know of each kind: its conditions, and how long its last reconcile took.

use std::time::Duration;

use prometheus::{GaugeVec, Opts, Registry};

/// `<kind>_status_condition` and `<kind>_reconcile_duration` of one kind.
#[derive(Clone, Debug)]
pub(super) struct Gauges {
    condition: GaugeVec,
    duration: GaugeVec,
    per_object: bool,
}

impl Gauges {
    /// Registers the gauges. Without `per_object`, none is ever set: each would name an object. Fails where that was done
    /// before.
    pub(super) fn new(kind: &str, registry: &Registry, per_object: bool) -> Result<Self, prometheus::Error> {
        let condition = GaugeVec::new(
            Opts::new(
                format!("{kind}_status_condition"),
                "Status of the condition: 1 where it is the one given",
            ),
            &["name", "namespace", "condition", "status"],
        )?;
        let duration = GaugeVec::new(
            Opts::new(
                format!("{kind}_reconcile_duration"),
                "Nanoseconds that the last reconcile took",
            ),
            &["name", "namespace"],
        )?;
        registry.register(Box::new(condition.clone()))?;
        registry.register(Box::new(duration.clone()))?;
        Ok(Self {
            condition,
            duration,
            per_object,
        })
    }

    /// A reconcile ended. Where it did not tell whether the object is Ready, that stays as it was.
    pub(super) fn set(&self, name: &str, namespace: &str, ready: Option<bool>, took: Duration) {
        if !self.per_object {
            return;
        }
        if let Some(ready) = ready {
            for (status, is) in [("True", ready), ("False", !ready)] {
                self.condition
                    .with_label_values(&[name, namespace, "Ready", status])
                    .set(f64::from(u8::from(is)));
            }
        }
        // The contract's gauge is a Go duration.
        self.duration
            .with_label_values(&[name, namespace])
            .set(took.as_secs_f64() * 1e9);
    }

    /// The object is gone: its series go with it.
    pub(super) fn forget(&self, name: &str, namespace: &str) {
        // An error says that there was no such series.
        for status in ["True", "False"] {
            drop(
                self.condition
                    .remove_label_values(&[name, namespace, "Ready", status]),
            );
        }
        drop(self.duration.remove_label_values(&[name, namespace]));
    }
}
