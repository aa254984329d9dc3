//! WATCH: what the API server delivers becomes views in memory and turns in the queue. A malformed object never stops a
//! watch, an error backs off.

use std::{collections::HashSet, fmt::Debug, sync::Arc, time::Duration};

use futures::{StreamExt, TryStreamExt};
use k8s_openapi::api::core::v1::{ConfigMap, Namespace, Secret, ServiceAccount};
use kube::{
    Api, Resource,
    api::PartialObjectMeta,
    runtime::{WatchStreamExt, watcher, watcher::Event},
};
use serde::de::DeserializeOwned;
use tokio::{sync::watch, task::JoinSet};
use tokio_util::sync::CancellationToken;

use super::{
    Context, Key, Kind, Recovery, Wake, cluster_external_secret,
    generic_targets::watch::watch_used,
    namespaces::{NamespaceView, Scope},
    objects::ObjectName,
    queue::Lane,
    stores, targets,
    template_sources::watch::while_used,
};
use crate::{
    api::{
        ClusterExternalSecret, ClusterSecretStore, ExternalSecret, SecretStore, Stored,
        external_secret::StoreKind,
    },
    sync::{object::Object, sources::SourceKind, target::TargetView},
};

/// Objects in one page of a list.
const PAGE: u32 = 500;
/// How often a kind that is not served yet is looked for.
const NOT_SERVED: Duration = Duration::from_mins(1);

/// Starts every watch. Each tells when its first list is in.
pub(super) fn start_all(
    ctx: &Arc<Context>,
    watching: &mut JoinSet<()>,
    stop: &CancellationToken,
) -> Vec<watch::Receiver<bool>> {
    let mut lists = vec![];
    let mut list = || {
        let (sender, receiver) = watch::channel(false);
        lists.push(receiver);
        sender
    };
    macro_rules! spawn {
        ($api:expr, $config:expr, $kind:literal, $observer:expr) => {
            watching.spawn(run(
                Arc::clone(ctx),
                $api,
                $config,
                $kind,
                $observer,
                list(),
                stop.clone(),
            ))
        };
    }
    let config = watcher::Config::default;
    for (scope, api) in ctx.config.apis::<Stored<ExternalSecret>>(&ctx.client) {
        let observer = ExternalSecrets::new(ctx, scope);
        spawn!(api, config(), "externalsecret", observer);
    }
    if ctx.config.secret_stores {
        for (scope, api) in ctx.config.apis::<Stored<SecretStore>>(&ctx.client) {
            let observer = stores::Stores::new(ctx, StoreKind::SecretStore, scope);
            spawn!(api, config(), "secretstore", observer);
        }
    }
    if ctx.config.cluster_stores {
        let api: Api<Stored<ClusterSecretStore>> = Api::all(ctx.client.clone());
        let observer = stores::Stores::new(ctx, StoreKind::ClusterSecretStore, Scope::All);
        spawn!(api, config(), "clustersecretstore", observer);
    }
    if ctx.config.cluster_external_secrets {
        let api: Api<Stored<ClusterExternalSecret>> = Api::all(ctx.client.clone());
        let observer = cluster_external_secret::watch::ClusterExternalSecrets(Arc::clone(ctx));
        spawn!(api, config(), "clusterexternalsecret", observer);
    }
    if ctx.config.drift_watch {
        for (scope, api) in ctx.config.apis(&ctx.client) {
            let labelled = config().labels(&targets::selector());
            let observer = Targets::new(ctx, scope);
            spawn!(api, labelled, "secret", observer);
        }
        // Nobody waits for these: a kind is watched only while some object writes it.
        if ctx.config.rules.generic_targets {
            watching.spawn(watch_used(Arc::clone(ctx), stop.clone()));
        }
    }
    if ctx.config.namespaces.is_empty() {
        let observer = Namespaces(Arc::clone(ctx));
        spawn!(Api::all(ctx.client.clone()), config(), "namespace", observer);
    }
    for (_, api) in ctx.config.apis(&ctx.client) {
        spawn!(api, config(), "serviceaccount", ServiceAccounts(Arc::clone(ctx)));
    }
    lists
}

/// Starts the watches of template sources, each while some object names one. Only once all objects are listed: what is
/// shown of a source that nobody names yet is not kept.
pub(super) fn start_template_sources(
    ctx: &Arc<Context>,
    watching: &mut JoinSet<()>,
    stop: &CancellationToken,
) {
    if !ctx.config.template_watch {
        return;
    }
    for (scope, api) in ctx.config.apis::<PartialObjectMeta<ConfigMap>>(&ctx.client) {
        let watch = while_used(Arc::clone(ctx), SourceKind::ConfigMap, scope, api, stop.clone());
        watching.spawn(watch);
    }
    for (scope, api) in ctx.config.apis::<PartialObjectMeta<Secret>>(&ctx.client) {
        let watch = while_used(Arc::clone(ctx), SourceKind::Secret, scope, api, stop.clone());
        watching.spawn(watch);
    }
}

/// Waits until every first list is in.
pub(super) async fn all_listed(listed: Vec<watch::Receiver<bool>>) {
    for mut list in listed {
        // A watch that ended without a list ends only with the operator.
        _ = list.wait_for(|listed| *listed).await;
    }
}

/// What a watch does with what it is told.
pub(super) trait Observer<K>: Send {
    /// A list begins.
    fn begin(&mut self) {}
    /// An object was listed or changed.
    fn apply(&mut self, object: K, listing: bool);
    /// An object is gone.
    fn delete(&mut self, object: K);
    /// The list is complete.
    fn end(&mut self) {}
    /// Whether the operator does its work without this kind, where its CRD or the permission is not there.
    fn is_optional(&self) -> bool {
        false
    }
}

/// Runs one watch until stopped. `listed` tells when its first list is in.
pub(super) async fn run<K, O>(
    ctx: Arc<Context>,
    api: Api<K>,
    config: watcher::Config,
    kind: &'static str,
    mut observer: O,
    listed: watch::Sender<bool>,
    stop: CancellationToken,
) where
    K: Resource + Clone + Debug + DeserializeOwned + Send + 'static,
    O: Observer<K>,
{
    let backoff = watcher::DefaultBackoff::default();
    let mut stream = watcher(api, config.page_size(PAGE)).backoff(backoff).boxed();
    let mut told = false;
    loop {
        let event = tokio::select! {
            () = stop.cancelled() => return,
            event = stream.try_next() => event,
        };
        match event {
            Ok(Some(Event::Init)) => observer.begin(),
            Ok(Some(Event::InitApply(object))) => observer.apply(object, true),
            Ok(Some(Event::InitDone)) => {
                observer.end();
                listed.send_replace(true);
            }
            Ok(Some(Event::Apply(object))) => observer.apply(object, false),
            Ok(Some(Event::Delete(object))) => observer.delete(object),
            Ok(None) => return,
            Err(error) => {
                ctx.metrics.watch_errors.with_label_values(&[kind]).inc();
                if observer.is_optional() && (is_not_served(&error) || is_forbidden(&error)) {
                    listed.send_replace(true);
                }
                if is_not_served(&error) {
                    if !told {
                        tracing::warn!(
                            kind,
                            "the API server does not serve this kind yet; apply the CRDs"
                        );
                        told = true;
                    }
                    tokio::select! {
                        () = stop.cancelled() => return,
                        () = tokio::time::sleep(NOT_SERVED) => {}
                    }
                } else {
                    tracing::warn!(kind, error = %error, "a watch failed; trying again");
                }
            }
        }
    }
}

fn is_not_served(error: &watcher::Error) -> bool {
    is_refused(error, 404)
}

fn is_forbidden(error: &watcher::Error) -> bool {
    is_refused(error, 403)
}

fn is_refused(error: &watcher::Error, code: u16) -> bool {
    match error {
        watcher::Error::InitialListFailed(error) | watcher::Error::WatchStartFailed(error) => {
            matches!(error, kube::Error::Api(status) if status.code == code)
        }
        _ => false,
    }
}

/// ExternalSecrets.
pub(super) struct ExternalSecrets {
    ctx: Arc<Context>,
    scope: Scope,
    listed: HashSet<ObjectName>,
}

impl ExternalSecrets {
    fn new(ctx: &Arc<Context>, scope: Scope) -> Self {
        Self {
            ctx: Arc::clone(ctx),
            scope,
            listed: HashSet::new(),
        }
    }

    /// Tells the ClusterExternalSecrets that keep it, kept it, or want one of its name.
    fn wake_keepers(&self, now: &Object, before: Option<&Object>) {
        for object in std::iter::once(now).chain(before) {
            match &object.provisioned {
                Some(kept) => cluster_external_secret::wake(&self.ctx, &kept.by),
                None => {
                    cluster_external_secret::wake_where(&self.ctx, |wanting| wanting.is_for(&object.name));
                }
            }
        }
    }

    fn gone(&self, at: &ObjectName, object: &Object) {
        self.wake_keepers(object, None);
        self.ctx.forget(at);
        self.ctx.template_sources.observe(at, Some(object), None);
        self.ctx.generic_targets.observe(at, Some(object), None);
        self.ctx.metrics.forget(&object.namespace, &object.name);
        self.ctx.wake(Wake::Gone(Key::new(Kind::ExternalSecret, at)));
    }
}

impl Observer<Stored<ExternalSecret>> for ExternalSecrets {
    fn begin(&mut self) {
        self.listed.clear();
    }

    fn apply(&mut self, object: Stored<ExternalSecret>, listing: bool) {
        let meta = object.meta();
        let [namespace, name] =
            [&meta.namespace, &meta.name].map(|name| Arc::from(name.as_deref().unwrap_or_default()));
        let known = self.ctx.objects.get(&(namespace, name));
        let object = Object::after(known.as_deref(), object, &self.ctx.config.rules);
        let (at, object, before) = self.ctx.objects.apply(object);
        // Before its turn: what it is about to read must not change unseen.
        self.ctx
            .template_sources
            .observe(&at, before.as_deref(), Some(&object));
        self.ctx
            .generic_targets
            .observe(&at, before.as_deref(), Some(&object));
        if listing {
            self.listed.insert(at.clone());
        }
        // What we wrote into the status comes back here and is no news.
        let news = before.as_ref().is_none_or(|before| {
            before.uid != object.uid
                || before.form != object.form
                || before.deleting != object.deleting
                || before.finalizer_left != object.finalizer_left
                || before.foreign_status_writer != object.foreign_status_writer
        });
        if news {
            self.wake_keepers(&object, before.as_deref());
            // After a start everything has a turn; what is fresh by its status need not be served first.
            let fresh = listing && object.status.refresh_time.is_some();
            let lane = if fresh { Lane::Periodic } else { Lane::Urgent };
            self.ctx
                .wake(Wake::Due(Key::new(Kind::ExternalSecret, &at), lane));
        }
    }

    fn delete(&mut self, object: Stored<ExternalSecret>) {
        let meta = object.meta();
        let namespace = meta.namespace.as_deref().unwrap_or_default();
        let name = meta.name.as_deref().unwrap_or_default();
        if let Some((at, object)) = self.ctx.objects.delete(namespace, name) {
            self.gone(&at, &object);
        }
    }

    fn end(&mut self) {
        let listed = std::mem::take(&mut self.listed);
        for (at, object) in self.ctx.objects.retain(&self.scope, &listed) {
            self.gone(&at, &object);
        }
    }
}

/// Target Secrets, metadata only.
pub(super) struct Targets {
    ctx: Arc<Context>,
    scope: Scope,
    listed: HashSet<targets::At>,
}

impl Targets {
    fn new(ctx: &Arc<Context>, scope: Scope) -> Self {
        Self {
            ctx: Arc::clone(ctx),
            scope,
            listed: HashSet::new(),
        }
    }

    fn wake(&self, (namespace, name): &targets::At) {
        for at in self.ctx.objects.of_target(namespace, name) {
            self.ctx.wake(Wake::Recovered(
                Key::new(Kind::ExternalSecret, &at),
                Recovery::Target,
            ));
        }
    }
}

impl Observer<PartialObjectMeta<Secret>> for Targets {
    fn begin(&mut self) {
        self.listed.clear();
    }

    fn apply(&mut self, secret: PartialObjectMeta<Secret>, listing: bool) {
        let (at, news) = self
            .ctx
            .targets
            .apply(&secret.metadata, || TargetView::new(&secret));
        if news {
            self.wake(&at);
        }
        if listing {
            self.listed.insert(at);
        }
    }

    fn delete(&mut self, secret: PartialObjectMeta<Secret>) {
        let at = self.ctx.targets.delete(&secret.metadata);
        self.wake(&at);
    }

    fn end(&mut self) {
        // After a gap in the watch, what is gone and what changed is looked at alike.
        let listed = std::mem::take(&mut self.listed);
        for at in self.ctx.targets.retain(&self.scope, &listed) {
            self.wake(&at);
        }
    }
}

/// Namespaces, metadata only.
pub(super) struct Namespaces(pub(super) Arc<Context>);

impl Namespaces {
    /// ESO's finalizers on a namespace that is being deleted are for those that they name to remove.
    fn wake_holders(&self, view: &NamespaceView) {
        for name in view.held_for.iter().filter(|_| view.terminating) {
            cluster_external_secret::wake(&self.0, name);
        }
    }
}

impl Observer<PartialObjectMeta<Namespace>> for Namespaces {
    fn begin(&mut self) {
        self.0.namespaces.begin_list();
    }

    fn apply(&mut self, namespace: PartialObjectMeta<Namespace>, listing: bool) {
        let mut meta = namespace.metadata;
        let name = meta.name.take().unwrap_or_default();
        let view = Arc::new(NamespaceView::new(meta));
        let news = self.0.namespaces.apply(&name, &view, listing);
        // Only now: a turn finds what it is woken for by what is kept.
        self.wake_holders(&view);
        if let Some(before) = news {
            cluster_external_secret::wake_where(&self.0, |object| {
                object.selects(&name, &before.labels) || object.selects(&name, &view.labels)
            });
            for at in self.0.objects.of_namespace(&name) {
                self.0.wake(Wake::Recovered(
                    Key::new(Kind::ExternalSecret, &at),
                    Recovery::Source,
                ));
            }
        }
    }

    fn delete(&mut self, namespace: PartialObjectMeta<Namespace>) {
        let name = namespace.metadata.name.unwrap_or_default();
        let before = self.0.namespaces.get(&name);
        self.0.namespaces.delete(&name);
        cluster_external_secret::wake_where(&self.0, |object| object.selects(&name, &before.labels));
    }

    fn end(&mut self) {
        self.0.namespaces.end_list();
        // What changed during a gap in the watch is not known.
        cluster_external_secret::wake_where(&self.0, |_| true);
    }
}

/// ServiceAccounts, metadata only: a changed role is a changed identity.
pub(super) struct ServiceAccounts(pub(super) Arc<Context>);

impl Observer<PartialObjectMeta<ServiceAccount>> for ServiceAccounts {
    fn apply(&mut self, account: PartialObjectMeta<ServiceAccount>, listing: bool) {
        if !listing {
            self.delete(account);
        }
    }

    fn delete(&mut self, account: PartialObjectMeta<ServiceAccount>) {
        let meta = account.metadata;
        self.0.stages.broker.service_account_changed(
            meta.namespace.as_deref().unwrap_or_default(),
            meta.name.as_deref().unwrap_or_default(),
        );
    }

    fn end(&mut self) {
        // What changed, came or went during a gap in the watch is not known: each that is used is looked at again.
        self.0.stages.broker.service_accounts_relisted();
    }
}
