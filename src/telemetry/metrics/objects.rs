//! The series of single ExternalSecrets: kept as numbers by name, and written out when somebody scrapes.
//!
//! Own piece: the prometheus crate's vectors keep a copy of the labels for each of an object's seven series and copy all of
//! them once more at a scrape, which at 2,000 objects took a tenth of the operator's memory.

use std::{
    collections::BTreeMap,
    fmt::Write,
    sync::{PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard},
    time::Duration,
};

/// Series by namespace and name.
type ByName = BTreeMap<Box<str>, BTreeMap<Box<str>, Series>>;

/// All ExternalSecrets that have had a turn.
#[derive(Debug, Default)]
pub struct Objects(RwLock<ByName>);

/// What is told of one object.
#[derive(Clone, Copy, Debug, Default)]
struct Series {
    reconciles: u64,
    failed: u64,
    /// The last reconcile.
    took: Duration,
    ready: Option<bool>,
    /// Seconds since 1970.
    succeeded_at: Option<i64>,
    missing: usize,
}

impl Objects {
    fn read(&self) -> RwLockReadGuard<'_, ByName> {
        self.0.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, ByName> {
        self.0.write().unwrap_or_else(PoisonError::into_inner)
    }

    fn change(&self, namespace: &str, name: &str, change: impl FnOnce(&mut Series)) {
        let mut namespaces = self.write();
        if let Some(series) = namespaces
            .get_mut(namespace)
            .and_then(|names| names.get_mut(name))
        {
            return change(series);
        }
        let names = namespaces.entry(namespace.into()).or_default();
        change(names.entry(name.into()).or_default());
    }

    pub(super) fn reconciled(&self, namespace: &str, name: &str, took: Duration, failed: bool) {
        self.change(namespace, name, |series| {
            series.reconciles += 1;
            series.failed += u64::from(failed);
            series.took = took;
        });
    }

    pub(super) fn ready(&self, namespace: &str, name: &str, ready: bool) {
        self.change(namespace, name, |series| series.ready = Some(ready));
    }

    pub(super) fn succeeded(&self, namespace: &str, name: &str, at: jiff::Timestamp, missing: usize) {
        self.change(namespace, name, |series| {
            series.succeeded_at = Some(at.as_second());
            series.missing = missing;
        });
    }

    pub(super) fn forget(&self, namespace: &str, name: &str) {
        let mut namespaces = self.write();
        if let Some(names) = namespaces.get_mut(namespace) {
            names.remove(name);
            if names.is_empty() {
                namespaces.remove(namespace);
            }
        }
    }

    /// Appends the series in Prometheus' text format. Names of Kubernetes objects hold nothing that labels would have to
    /// escape.
    pub(super) fn write_text(&self, text: &mut String) {
        /// A family: name, type, help, and its value for an object that has one.
        type Family = (
            &'static str,
            &'static str,
            &'static str,
            fn(&Series) -> Option<i128>,
        );
        const FAMILIES: [Family; 5] = [
            (
                "externalsecret_sync_calls_total",
                "counter",
                "Reconciles of an ExternalSecret",
                |series| Some(series.reconciles.into()),
            ),
            (
                "externalsecret_sync_calls_error",
                "counter",
                "Failed reconciles of an ExternalSecret",
                |series| Some(series.failed.into()),
            ),
            // The contract's gauge is a Go duration.
            (
                "externalsecret_reconcile_duration",
                "gauge",
                "Nanoseconds of the last reconcile of an ExternalSecret",
                |series| i128::try_from(series.took.as_nanos()).ok(),
            ),
            (
                "keyferry_externalsecret_last_success_timestamp_seconds",
                "gauge",
                "When an ExternalSecret was last found or made equal to its source",
                |series| series.succeeded_at.map(Into::into),
            ),
            (
                "keyferry_externalsecret_missing_keys",
                "gauge",
                "Entries of an ExternalSecret whose source is missing and that it is synced without",
                |series| i128::try_from(series.missing).ok().filter(|count| *count > 0),
            ),
        ];
        let namespaces = self.read();
        let objects = || {
            namespaces.iter().flat_map(|(namespace, names)| {
                names.iter().map(move |(name, series)| (namespace, name, series))
            })
        };
        let head = |text: &mut String, name: &str, sort: &str, help: &str| {
            _ = writeln!(text, "# HELP {name} {help}\n# TYPE {name} {sort}");
        };
        // Writing to a String cannot fail.
        for (family, sort, help, value) in FAMILIES {
            let mut values = objects()
                .filter_map(|(namespace, name, series)| Some((namespace, name, value(series)?)))
                .peekable();
            if values.peek().is_some() {
                head(text, family, sort, help);
            }
            for (namespace, name, value) in values {
                _ = writeln!(
                    text,
                    "{family}{{name=\"{name}\",namespace=\"{namespace}\"}} {value}"
                );
            }
        }
        let mut ready = objects()
            .filter_map(|(namespace, name, series)| Some((namespace, name, series.ready?)))
            .peekable();
        let family = "externalsecret_status_condition";
        if ready.peek().is_some() {
            head(text, family, "gauge", "Conditions of an ExternalSecret");
        }
        for (namespace, name, ready) in ready {
            for (status, is) in [("False", !ready), ("True", ready)] {
                _ = writeln!(
                    text,
                    "{family}{{condition=\"Ready\",name=\"{name}\",namespace=\"{namespace}\",status=\"{status}\"}} {}",
                    u8::from(is)
                );
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(objects: &Objects) -> String {
        let mut text = String::new();
        objects.write_text(&mut text);
        text
    }

    #[test]
    fn each_object_has_its_series_and_what_is_not_known_has_none() {
        let objects = Objects::default();
        assert_eq!(text(&objects), "");
        objects.reconciled("team", "a", Duration::from_micros(2), true);
        objects.reconciled("team", "a", Duration::from_micros(3), false);
        objects.ready("team", "a", true);
        objects.succeeded("team", "a", jiff::Timestamp::from_second(17).unwrap(), 0);
        objects.reconciled("other", "b", Duration::from_nanos(1), true);
        objects.ready("other", "b", false);
        objects.succeeded("other", "b", jiff::Timestamp::from_second(16).unwrap(), 2);
        assert_eq!(
            text(&objects),
            r#"# HELP externalsecret_sync_calls_total Reconciles of an ExternalSecret
# TYPE externalsecret_sync_calls_total counter
externalsecret_sync_calls_total{name="b",namespace="other"} 1
externalsecret_sync_calls_total{name="a",namespace="team"} 2
# HELP externalsecret_sync_calls_error Failed reconciles of an ExternalSecret
# TYPE externalsecret_sync_calls_error counter
externalsecret_sync_calls_error{name="b",namespace="other"} 1
externalsecret_sync_calls_error{name="a",namespace="team"} 1
# HELP externalsecret_reconcile_duration Nanoseconds of the last reconcile of an ExternalSecret
# TYPE externalsecret_reconcile_duration gauge
externalsecret_reconcile_duration{name="b",namespace="other"} 1
externalsecret_reconcile_duration{name="a",namespace="team"} 3000
# HELP keyferry_externalsecret_last_success_timestamp_seconds When an ExternalSecret was last found or made equal to its source
# TYPE keyferry_externalsecret_last_success_timestamp_seconds gauge
keyferry_externalsecret_last_success_timestamp_seconds{name="b",namespace="other"} 16
keyferry_externalsecret_last_success_timestamp_seconds{name="a",namespace="team"} 17
# HELP keyferry_externalsecret_missing_keys Entries of an ExternalSecret whose source is missing and that it is synced without
# TYPE keyferry_externalsecret_missing_keys gauge
keyferry_externalsecret_missing_keys{name="b",namespace="other"} 2
# HELP externalsecret_status_condition Conditions of an ExternalSecret
# TYPE externalsecret_status_condition gauge
externalsecret_status_condition{condition="Ready",name="b",namespace="other",status="False"} 1
externalsecret_status_condition{condition="Ready",name="b",namespace="other",status="True"} 0
externalsecret_status_condition{condition="Ready",name="a",namespace="team",status="False"} 0
externalsecret_status_condition{condition="Ready",name="a",namespace="team",status="True"} 1
"#
        );
    }

    #[test]
    fn an_object_that_is_gone_leaves_nothing() {
        let objects = Objects::default();
        objects.reconciled("team", "a", Duration::ZERO, false);
        objects.forget("team", "a");
        objects.forget("nowhere", "b");
        assert_eq!(text(&objects), "");
        assert!(objects.read().is_empty());
    }

    #[test]
    fn what_is_missing_no_more_is_not_told() {
        let objects = Objects::default();
        let at = jiff::Timestamp::from_second(1).unwrap();
        objects.succeeded("team", "a", at, 1);
        assert!(text(&objects).contains("missing_keys"));
        objects.succeeded("team", "a", at, 0);
        assert!(!text(&objects).contains("missing_keys"));
    }
}
