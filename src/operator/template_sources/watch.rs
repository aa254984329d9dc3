//! WATCH: the sources of templates as the API server delivers them, only while some object names one.

use std::{collections::BTreeSet, fmt::Debug, sync::Arc};

use kube::{Api, Resource, runtime::watcher};
use serde::de::DeserializeOwned;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use super::{At, State};
use crate::{
    operator::{
        Context, Key, Kind, Recovery, Wake,
        namespaces::Scope,
        objects::ObjectName,
        watches::{self, Observer},
    },
    sync::sources::SourceKind,
};

/// Watches what templates are taken from, metadata only, while some object takes text from a source of this kind.
pub(in crate::operator) async fn while_used<K>(
    ctx: Arc<Context>,
    kind: SourceKind,
    scope: Scope,
    api: Api<K>,
    stop: CancellationToken,
) where
    K: Resource + Clone + Debug + DeserializeOwned + Send + 'static,
{
    let mut used = ctx.template_sources.used();
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            // The sender lives as long as the operator.
            _ = used.wait_for(|kinds| kinds.contains(&kind)) => {}
        }
        tracing::info!(kind = kind.name(), "watching the sources of templates");
        let (listed, _) = watch::channel(false);
        let observer = Watched {
            ctx: Arc::clone(&ctx),
            kind,
            scope: scope.clone(),
            shown: BTreeSet::new(),
        };
        let config = watcher::Config::default();
        let label = match kind {
            SourceKind::ConfigMap => "templateconfigmap",
            SourceKind::Secret => "templatesecret",
        };
        let watching = watches::run(
            Arc::clone(&ctx),
            api.clone(),
            config,
            label,
            observer,
            listed,
            stop.clone(),
        );
        tokio::select! {
            () = watching => return,
            _ = used.wait_for(|kinds| !kinds.contains(&kind)) => {}
        }
        tracing::info!(
            kind = kind.name(),
            "no object takes templates from sources of this kind any more"
        );
    }
}

/// Sources of templates of one kind.
struct Watched {
    ctx: Arc<Context>,
    kind: SourceKind,
    /// What it is shown; other watches show the rest.
    scope: Scope,
    shown: BTreeSet<At>,
}

impl Watched {
    fn wake(&self, users: Vec<ObjectName>) {
        for at in users {
            self.ctx.wake(Wake::Recovered(
                Key::new(Kind::ExternalSecret, &at),
                Recovery::Source,
            ));
        }
    }

    fn saw<K: Resource>(&self, source: &K, there: bool) -> At {
        let meta = source.meta();
        let text = |text: &Option<String>| text.as_deref().unwrap_or_default().into();
        let state = there.then(|| State::new(meta));
        let at = (text(&meta.namespace), text(&meta.name));
        self.wake(self.ctx.template_sources.saw(self.kind, &at, state));
        at
    }
}

impl<K: Resource> Observer<K> for Watched {
    fn begin(&mut self) {
        self.shown.clear();
    }

    fn apply(&mut self, source: K, listing: bool) {
        let at = self.saw(&source, true);
        if listing && self.ctx.template_sources.is_named(self.kind, &at) {
            self.shown.insert(at);
        }
    }

    fn delete(&mut self, source: K) {
        self.saw(&source, false);
    }

    fn end(&mut self) {
        let shown = std::mem::take(&mut self.shown);
        self.wake(self.ctx.template_sources.listed(self.kind, &self.scope, &shown));
    }
}
