//! Stores in the operator: watched, given turns, and seen by the objects that use them.

use std::{
    collections::{HashMap, HashSet},
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use tokio::time::Instant;

use super::{
    Context, Key, Kind, Recovery, Wake, cluster_external_secret,
    namespaces::Scope,
    queue::Lane,
    store::{self, StoreObject},
    watches::Observer,
};
use crate::{
    api::{ClusterSecretStore, SecretStore, Stored, external_secret::StoreKind},
    aws,
    sync::{plan::StoreState, spec::StoreName},
};

/// Stores as they were watched last, for their turns.
#[derive(Debug, Default)]
pub(super) struct Watched(Mutex<HashMap<aws::StoreName, Arc<StoreObject>>>);

impl Watched {
    fn stores(&self) -> std::sync::MutexGuard<'_, HashMap<aws::StoreName, Arc<StoreObject>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn key(name: &aws::StoreName) -> Key {
    let kind = match name.kind {
        StoreKind::SecretStore => Kind::SecretStore,
        StoreKind::ClusterSecretStore => Kind::ClusterSecretStore,
    };
    let at = (
        Arc::from(name.namespace.as_deref().unwrap_or_default()),
        Arc::from(name.name.as_str()),
    );
    Key { kind, name: at }
}

fn name(key: &Key) -> aws::StoreName {
    let (kind, namespace) = match key.kind {
        Kind::ClusterSecretStore => (StoreKind::ClusterSecretStore, None),
        Kind::SecretStore | Kind::ExternalSecret | Kind::ClusterExternalSecret => {
            (StoreKind::SecretStore, Some(key.name.0.to_string()))
        }
    };
    aws::StoreName {
        kind,
        namespace,
        name: key.name.1.to_string(),
    }
}

/// A kind of store that is watched.
pub(super) struct Stores {
    ctx: Arc<Context>,
    kind: StoreKind,
    scope: Scope,
    listed: HashSet<aws::StoreName>,
}

impl Stores {
    pub(super) fn new(ctx: &Arc<Context>, kind: StoreKind, scope: Scope) -> Self {
        Self {
            ctx: Arc::clone(ctx),
            kind,
            scope,
            listed: HashSet::new(),
        }
    }

    fn seen(&mut self, store: StoreObject, listing: bool) {
        let name = store.name();
        if listing {
            self.listed.insert(name.clone());
        }
        let changed = self.ctx.store_context.stores.observe(&store);
        let is_deleting = store.is_deleting();
        let before = self
            .ctx
            .watched_stores
            .stores()
            .insert(name.clone(), Arc::new(store));
        let deleting = is_deleting && before.is_none_or(|before| !before.is_deleting());
        if changed || deleting {
            self.ctx.wake(Wake::Due(key(&name), Lane::Urgent));
            wake_users(&self.ctx, &name);
        }
    }

    fn gone(&self, name: &aws::StoreName) {
        let ctx = &self.ctx;
        ctx.watched_stores.stores().remove(name);
        ctx.store_context.stores.forget(name);
        ctx.store_context.metrics.forget(name);
        ctx.stages
            .broker
            .store_changed(name.kind, name.namespace.as_deref(), &name.name);
        ctx.wake(Wake::Gone(key(name)));
        wake_users(ctx, name);
    }

    fn end_list(&mut self) {
        let listed = std::mem::take(&mut self.listed);
        let known: Vec<_> = self.ctx.watched_stores.stores().keys().cloned().collect();
        let gone = known.iter().filter(|name| {
            let namespace = name.namespace.as_deref().unwrap_or_default();
            name.kind == self.kind && self.scope.covers(namespace) && !listed.contains(name)
        });
        for name in gone {
            self.gone(name);
        }
    }
}

macro_rules! observe {
    ($kind:ty) => {
        impl Observer<Stored<$kind>> for Stores {
            fn begin(&mut self) {
                self.listed.clear();
            }

            fn apply(&mut self, store: Stored<$kind>, listing: bool) {
                let store = match store.0 {
                    Ok(store) => store.into(),
                    Err(unreadable) => StoreObject::unreadable(self.kind, *unreadable),
                };
                self.seen(store, listing);
            }

            fn delete(&mut self, store: Stored<$kind>) {
                use kube::Resource;
                let meta = store.meta();
                let namespace =
                    (self.kind == StoreKind::SecretStore).then(|| meta.namespace.clone().unwrap_or_default());
                self.gone(&aws::StoreName {
                    kind: self.kind,
                    namespace,
                    name: meta.name.clone().unwrap_or_default(),
                });
            }

            fn end(&mut self) {
                self.end_list();
            }
        }
    };
}

observe!(SecretStore);
observe!(ClusterSecretStore);

fn wake_users(ctx: &Context, store: &aws::StoreName) {
    for user in super::users(ctx, Some(store.clone())) {
        ctx.wake(Wake::Recovered(user, Recovery::Source));
    }
    // Whose a ClusterExternalSecret is depends on its stores.
    let names = |name: &StoreName| name.kind == store.kind && *name.name == *store.name;
    cluster_external_secret::wake_where(ctx, |object| object.stores.iter().any(names));
}

/// One turn of a store.
pub(super) async fn turn(ctx: &Arc<Context>, key: &Key) -> Option<Duration> {
    let name = name(key);
    let store = ctx.watched_stores.stores().get(&name).cloned()?;
    let before = ctx
        .store_context
        .stores
        .lookup(name.kind, &key.name.0, &name.name)
        .and_then(|view| view.ready);
    let began = Instant::now();
    let outcome = store::reconcile(&ctx.store_context, &store).await;
    if store.is_ours(&ctx.store_context.class) {
        let failed = !outcome.ready && !store.is_deleting();
        ctx.metrics.turned(key.kind.name(), began.elapsed(), failed);
    }
    if outcome.changed_to_ready || outcome.other_trouble || before != Some(outcome.ready) {
        wake_users(ctx, &name);
    }
    outcome.next
}

/// Whether objects of a namespace that name these stores are this operator's. No store is another's; and where none is
/// there, the default class serves.
pub(super) fn serves<'a>(
    ctx: &Context,
    namespace: &str,
    stores: impl IntoIterator<Item = &'a StoreName>,
) -> bool {
    let states: Vec<_> = stores
        .into_iter()
        .map(|name| state(ctx, namespace, name))
        .collect();
    let any = |wanted: fn(&StoreState) -> bool| states.iter().any(wanted);
    !any(|state| matches!(state, StoreState::NotOurs(_)))
        && (ctx.config.is_default_class() || any(|state| !matches!(state, StoreState::Missing)))
}

/// A store as an object of a namespace sees it.
pub(super) fn state(ctx: &Context, namespace: &str, name: &StoreName) -> StoreState {
    let view = ctx.namespaces.get(namespace);
    ctx.store_context
        .stores
        .state(&ctx.config, namespace, &view.labels, name)
}
