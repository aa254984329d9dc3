//! Targets that are no Secrets: which kinds objects write, and what the watches of those kinds show.
//!
//! A kind is watched only while some object writes it.

pub(super) mod watch;

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard},
};

use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use tokio::sync::watch::{Receiver, Sender};

use super::{
    namespaces::Scope,
    objects::{ObjectName, drop_from},
    targets::{At, Targets},
};
use crate::sync::{
    object::Object,
    spec::{GenericKind, TargetName},
    target::TargetView,
};

/// All kinds that some object writes.
#[derive(Debug, Default)]
pub struct GenericTargets {
    kinds: RwLock<BTreeMap<GenericKind, Written>>,
    used: Sender<BTreeSet<GenericKind>>,
}

/// A kind that some object writes.
#[derive(Debug, Default)]
struct Written {
    /// Names of objects by target.
    by: HashMap<At, BTreeSet<Arc<str>>>,
    /// What the watch shows.
    targets: Arc<Targets>,
    /// What the watch has listed once: until then nothing is known of what it does not show.
    listed: Vec<Scope>,
}

impl GenericTargets {
    fn read(&self) -> RwLockReadGuard<'_, BTreeMap<GenericKind, Written>> {
        self.kinds.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, BTreeMap<GenericKind, Written>> {
        self.kinds.write().unwrap_or_else(PoisonError::into_inner)
    }

    /// The kinds that some object writes, as that changes.
    pub fn used(&self) -> Receiver<BTreeSet<GenericKind>> {
        self.used.subscribe()
    }

    /// An object came, changed or went.
    pub fn observe(&self, name: &ObjectName, before: Option<&Object>, now: Option<&Object>) {
        let target = |object: Option<&Object>| {
            let (kind, target) = object?.generic_target()?;
            Some((kind.clone(), (Box::from(&*name.0), Box::from(target))))
        };
        let (before, now) = (target(before), target(now));
        if before == now {
            return;
        }
        let mut kinds = self.write();
        if let Some((kind, at)) = before
            && let Some(written) = kinds.get_mut(&kind)
        {
            drop_from(&mut written.by, &at, &name.1);
        }
        if let Some((kind, at)) = now {
            let by = &mut kinds.entry(kind).or_default().by;
            by.entry(at).or_default().insert(Arc::clone(&name.1));
        }
        let used = kinds.iter().filter(|(_, written)| !written.by.is_empty());
        let used: BTreeSet<_> = used.map(|(kind, _)| kind.clone()).collect();
        self.used.send_if_modified(|known| {
            let changed = *known != used;
            *known = used;
            changed
        });
    }

    /// The watch of a kind has ended: nothing is known of it any more.
    fn forget(&self, kind: &GenericKind) {
        let mut kinds = self.write();
        let by = kinds.remove(kind).map(|written| written.by).unwrap_or_default();
        if !by.is_empty() {
            let written = Written {
                by,
                ..Written::default()
            };
            kinds.insert(kind.clone(), written);
        }
    }

    /// What the watch shows of a target, and whether it would show it.
    pub fn get(&self, kind: &GenericKind, namespace: &str, name: &str) -> (Option<Arc<TargetView>>, bool) {
        let kinds = self.read();
        let Some(written) = kinds.get(kind) else {
            return (None, false);
        };
        let listed = written.listed.iter().any(|scope| scope.covers(namespace));
        let view = written.targets.get(namespace, name).filter(|_| listed);
        (view, listed)
    }

    /// Our own write is noted before the watch brings it.
    pub fn applied(&self, kind: &GenericKind, meta: &ObjectMeta, view: TargetView) {
        if let Some(written) = self.read().get(kind) {
            written.targets.apply(meta, || view);
        }
    }

    /// Targets in a namespace that carry a created-by label, of the kinds that are watched.
    pub fn created_by(&self, namespace: &str, owner: &str) -> Vec<TargetName> {
        let kinds = self.read();
        let names = kinds.iter().flat_map(|(kind, written)| {
            let names = written.targets.created_by(namespace, owner);
            names.into_iter().map(|name| TargetName {
                kind: Some(kind.clone()),
                name,
            })
        });
        names.collect()
    }

    /// What the watch of a kind shows, while some object writes it.
    fn targets(&self, kind: &GenericKind) -> Option<Arc<Targets>> {
        Some(Arc::clone(&self.read().get(kind)?.targets))
    }

    /// Who writes this target.
    fn writers(&self, kind: &GenericKind, at: &At) -> Vec<ObjectName> {
        let kinds = self.read();
        let names = kinds.get(kind).and_then(|written| written.by.get(at));
        let namespace: Arc<str> = Arc::from(&*at.0);
        let names = names.into_iter().flatten();
        names
            .map(|name| (Arc::clone(&namespace), Arc::clone(name)))
            .collect()
    }

    /// A list of this kind is complete. Gives what is to be looked at: what it does not show, and after the first list
    /// everything, because a turn during it could not know what it showed.
    fn listed(&self, kind: &GenericKind, scope: &Scope) -> Vec<At> {
        let mut kinds = self.write();
        let Some(written) = kinds.get_mut(kind) else {
            return vec![];
        };
        let first = !written.listed.contains(scope);
        if first {
            written.listed.push(scope.clone());
        }
        let unseen = |at: &&At| scope.covers(&at.0) && (first || written.targets.get(&at.0, &at.1).is_none());
        written.by.keys().filter(unseen).cloned().collect()
    }
}

#[cfg(test)]
mod tests;
