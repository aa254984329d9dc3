//! WATCH: targets that are no Secrets, metadata only and by our label, of each kind that some object writes.

use std::{
    collections::{BTreeMap, HashSet},
    sync::Arc,
    time::Duration,
};

use kube::{
    Api,
    api::{ApiResource, DynamicObject, PartialObjectMeta},
    runtime::watcher,
};
use tokio::{
    sync::watch,
    task::{AbortHandle, JoinSet},
};
use tokio_util::sync::CancellationToken;

use crate::{
    operator::{
        Context, Key, Kind, Recovery, Wake,
        namespaces::Scope,
        targets::{self, At},
        watches::{self, Observer},
    },
    resources_api::Unresolved,
    sync::{spec::GenericKind, target::TargetView},
};

/// How often a kind that is not served yet is looked for.
const NOT_SERVED: Duration = Duration::from_mins(1);
/// How often an API server that did not say whether it serves a kind is asked again.
const NOT_ANSWERED: Duration = Duration::from_secs(5);

/// Watches each kind while some object writes it.
pub(in crate::operator) async fn watch_used(ctx: Arc<Context>, stop: CancellationToken) {
    let mut used = ctx.generic_targets.used();
    let mut watching = JoinSet::new();
    let mut running: BTreeMap<GenericKind, AbortHandle> = BTreeMap::new();
    loop {
        let kinds = used.borrow_and_update().clone();
        running.retain(|kind, watch| {
            let stays = kinds.contains(kind);
            if !stays {
                tracing::info!(%kind, "no object writes this kind any more");
                watch.abort();
                ctx.generic_targets.forget(kind);
            }
            stays
        });
        for kind in kinds {
            let watch = || watch_kind(Arc::clone(&ctx), kind.clone(), stop.clone());
            running
                .entry(kind.clone())
                .or_insert_with(|| watching.spawn(watch()));
        }
        tokio::select! {
            () = stop.cancelled() => return,
            changed = used.changed() => if changed.is_err() { return },
            // What ended is forgotten; the set keeps nothing of it.
            Some(_) = watching.join_next() => {}
        }
    }
}

async fn watch_kind(ctx: Arc<Context>, kind: GenericKind, stop: CancellationToken) {
    let Some(resource) = served(&ctx, &kind).await else {
        return;
    };
    tracing::info!(%kind, "watching targets of this kind");
    let mut scopes = JoinSet::new();
    for (scope, api) in apis(&ctx, &resource) {
        let observer = Resources {
            ctx: Arc::clone(&ctx),
            kind: kind.clone(),
            scope,
            listed: HashSet::new(),
        };
        let config = watcher::Config::default().labels(&targets::selector());
        let (listed, _) = watch::channel(false);
        let stop = stop.clone();
        scopes.spawn(watches::run(
            Arc::clone(&ctx),
            api,
            config,
            "generictarget",
            observer,
            listed,
            stop,
        ));
    }
    while scopes.join_next().await.is_some() {}
}

/// Waits until the kind is served. Those that write it are told by then; a kind that has no namespaces is not watched.
async fn served(ctx: &Context, kind: &GenericKind) -> Option<ApiResource> {
    loop {
        match ctx.stages.writer.kinds.resolve(&ctx.client, kind).await {
            Ok(resource) => return Some(resource),
            Err(Unresolved::ClusterScoped) => return None,
            Err(Unresolved::NotServed) => tokio::time::sleep(NOT_SERVED).await,
            Err(Unresolved::Unknown) => tokio::time::sleep(NOT_ANSWERED).await,
        }
    }
}

type Watched = PartialObjectMeta<DynamicObject>;

/// As for other namespaced kinds: all namespaces at once, or each that is served.
fn apis(ctx: &Context, resource: &ApiResource) -> Vec<(Scope, Api<Watched>)> {
    let client = || ctx.client.clone();
    if ctx.config.namespaces.is_empty() {
        return vec![(Scope::All, Api::all_with(client(), resource))];
    }
    let namespaces = ctx.config.namespaces.iter();
    namespaces
        .map(|namespace| {
            let api = Api::namespaced_with(client(), namespace, resource);
            (Scope::Namespace(namespace.as_str().into()), api)
        })
        .collect()
}

/// Targets of one kind.
struct Resources {
    ctx: Arc<Context>,
    kind: GenericKind,
    scope: Scope,
    listed: HashSet<At>,
}

impl Resources {
    fn wake(&self, at: &At) {
        for at in self.ctx.generic_targets.writers(&self.kind, at) {
            self.ctx.wake(Wake::Recovered(
                Key::new(Kind::ExternalSecret, &at),
                Recovery::Target,
            ));
        }
    }
}

impl Observer<Watched> for Resources {
    fn begin(&mut self) {
        self.listed.clear();
    }

    fn apply(&mut self, object: Watched, listing: bool) {
        let Some(targets) = self.ctx.generic_targets.targets(&self.kind) else {
            return;
        };
        let view = || TargetView::of_resource(&object.metadata);
        let (at, news) = targets.apply(&object.metadata, view);
        if news {
            self.wake(&at);
        }
        if listing {
            self.listed.insert(at);
        }
    }

    fn delete(&mut self, object: Watched) {
        if let Some(targets) = self.ctx.generic_targets.targets(&self.kind) {
            self.wake(&targets.delete(&object.metadata));
        }
    }

    fn end(&mut self) {
        let listed = std::mem::take(&mut self.listed);
        let Some(targets) = self.ctx.generic_targets.targets(&self.kind) else {
            return;
        };
        targets.retain(&self.scope, &listed);
        for at in self.ctx.generic_targets.listed(&self.kind, &self.scope) {
            self.wake(&at);
        }
    }
}
