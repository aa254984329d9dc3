//! Metrics of stores, under the names that dashboards know.

use std::time::Duration;

use prometheus::Registry;

use crate::{api::external_secret::StoreKind, aws::StoreName, operator::gauges::Gauges};

/// Gauges of both kinds of store.
#[derive(Clone, Debug)]
pub struct Metrics {
    namespaced: Gauges,
    cluster: Gauges,
}

impl Metrics {
    /// Registers the gauges. Without `per_object`, none is ever set. Fails where that was done before.
    pub fn new(registry: &Registry, per_object: bool) -> Result<Self, prometheus::Error> {
        Ok(Self {
            namespaced: Gauges::new("secretstore", registry, per_object)?,
            cluster: Gauges::new("clustersecretstore", registry, per_object)?,
        })
    }

    pub(super) fn validated(&self, store: &StoreName, ready: Option<bool>, took: Duration) {
        let (gauges, namespace) = self.of(store);
        gauges.set(&store.name, namespace, ready, took);
    }

    /// The store is gone: its series go with it.
    pub fn forget(&self, store: &StoreName) {
        let (gauges, namespace) = self.of(store);
        gauges.forget(&store.name, namespace);
    }

    fn of<'a>(&'a self, store: &'a StoreName) -> (&'a Gauges, &'a str) {
        match store.kind {
            StoreKind::SecretStore => (&self.namespaced, store.namespace.as_deref().unwrap_or_default()),
            StoreKind::ClusterSecretStore => (&self.cluster, ""),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(registry: &Registry) -> Vec<String> {
        let text = prometheus::TextEncoder::new()
            .encode_to_string(&registry.gather())
            .unwrap();
        text.lines()
            .filter(|line| !line.starts_with('#'))
            .map(str::to_owned)
            .collect()
    }

    fn store() -> StoreName {
        StoreName {
            kind: StoreKind::SecretStore,
            namespace: Some("app".to_owned()),
            name: "s".to_owned(),
        }
    }

    #[test]
    fn no_series_names_a_store_where_those_of_objects_are_switched_off() {
        let registry = Registry::new();
        let metrics = Metrics::new(&registry, false).unwrap();
        metrics.validated(&store(), Some(true), Duration::from_micros(2));
        assert_eq!(lines(&registry), Vec::<String>::new());
    }

    #[test]
    fn a_store_has_one_series_for_each_status_and_none_when_it_is_gone() {
        let registry = Registry::new();
        let metrics = Metrics::new(&registry, true).unwrap();
        let store = store();
        metrics.validated(&store, Some(false), Duration::from_micros(2));
        assert_eq!(
            lines(&registry),
            [
                r#"secretstore_reconcile_duration{name="s",namespace="app"} 2000"#,
                r#"secretstore_status_condition{condition="Ready",name="s",namespace="app",status="False"} 1"#,
                r#"secretstore_status_condition{condition="Ready",name="s",namespace="app",status="True"} 0"#,
            ]
        );
        metrics.forget(&store);
        assert_eq!(lines(&registry), Vec::<String>::new());
    }
}
