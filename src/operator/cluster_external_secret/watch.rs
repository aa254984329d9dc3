//! WATCH: ClusterExternalSecrets as the API server delivers them, and who wakes them.

use std::sync::Arc;

use kube::Resource;

use super::ClusterObject;
use crate::{
    api::{ClusterExternalSecret, Stored},
    operator::{Context, Key, Wake, queue::Lane, watches::Observer},
};

/// ClusterExternalSecrets.
pub(in crate::operator) struct ClusterExternalSecrets(pub(in crate::operator) Arc<Context>);

impl ClusterExternalSecrets {
    fn gone(&self, name: &Arc<str>) {
        self.0.cluster_object_metrics.forget(name, "");
        self.0.wake(Wake::Gone(Key::cluster_object(name)));
        // What ESO left for it may have been refused to go so far.
        if !self.0.namespaces.held_for(name, true).is_empty() {
            wake(&self.0, name);
        }
    }
}

impl Observer<Stored<ClusterExternalSecret>> for ClusterExternalSecrets {
    fn begin(&mut self) {
        self.0.cluster_objects.begin_list();
    }

    fn apply(&mut self, object: Stored<ClusterExternalSecret>, listing: bool) {
        let (name, news) = self
            .0
            .cluster_objects
            .apply(object, listing, &self.0.config.rules);
        if news {
            wake(&self.0, &name);
        }
    }

    fn delete(&mut self, object: Stored<ClusterExternalSecret>) {
        let name = Arc::from(object.meta().name.as_deref().unwrap_or_default());
        self.0.cluster_objects.delete(&name);
        self.gone(&name);
    }

    fn end(&mut self) {
        for name in self.0.cluster_objects.end_list() {
            self.gone(&name);
        }
    }

    fn is_optional(&self) -> bool {
        true
    }
}

/// Wakes one, or who is left to remove what ESO left for it.
pub(in crate::operator) fn wake(ctx: &Context, name: &str) {
    if ctx.config.cluster_external_secrets {
        ctx.wake(Wake::Due(Key::cluster_object(&Arc::from(name)), Lane::Urgent));
    }
}

/// Wakes those that fulfil a condition.
pub(in crate::operator) fn wake_where(ctx: &Context, wanted: impl Fn(&ClusterObject) -> bool) {
    for name in ctx.cluster_objects.names_where(wanted) {
        wake(ctx, &name);
    }
}
