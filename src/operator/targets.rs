//! Targets of one kind as their metadata tells them: the stream reduces each to a verdict, because keeping `managedFields`
//! would double the memory.

use std::{
    collections::{BTreeSet, HashMap, HashSet},
    sync::{Arc, PoisonError, RwLock},
};

use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;

use super::{namespaces::Scope, objects::under};
use crate::{api::names, sync::target::TargetView};

/// Namespace and name.
pub type At = (Box<str>, Box<str>);

/// All objects of a kind that carry the managed label.
#[derive(Debug, Default)]
pub struct Targets(RwLock<Inner>);

#[derive(Debug, Default)]
struct Inner {
    views: HashMap<At, Arc<TargetView>>,
    /// Namespace, created-by label and name: finds what a renamed target left.
    created_by: BTreeSet<[Box<str>; 3]>,
}

impl Inner {
    fn remove(&mut self, at: &At) {
        let owner = self.views.remove(at).and_then(|view| view.created_by.clone());
        if let Some(owner) = owner {
            self.created_by.remove(&[at.0.clone(), owner, at.1.clone()]);
        }
    }
}

impl Targets {
    fn write(&self) -> std::sync::RwLockWriteGuard<'_, Inner> {
        self.0.write().unwrap_or_else(PoisonError::into_inner)
    }

    fn read(&self) -> std::sync::RwLockReadGuard<'_, Inner> {
        self.0.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// A list is complete: what it covers and did not show is gone. Returns those names.
    pub fn retain(&self, scope: &Scope, listed: &HashSet<At>) -> Vec<At> {
        let mut inner = self.write();
        let gone: Vec<_> = inner
            .views
            .keys()
            .filter(|at| scope.covers(&at.0) && !listed.contains(*at))
            .cloned()
            .collect();
        for at in &gone {
            inner.remove(at);
        }
        gone
    }

    /// An object was listed, changed, or written by us. Tells whether that is news: only then it is reduced.
    pub fn apply(&self, meta: &ObjectMeta, view: impl FnOnce() -> TargetView) -> (At, bool) {
        let at = name_of(meta);
        // Our own write's answer can overtake the watch: what is older than that is no news.
        let is_known = |known: &TargetView| {
            meta.uid.as_deref() == Some(&*known.uid)
                && !is_newer(meta.resource_version.as_deref().unwrap_or_default(), known)
        };
        if self.read().views.get(&at).is_some_and(|view| is_known(view)) {
            return (at, false);
        }
        let view = view();
        let mut inner = self.write();
        // Somebody else may have noted a later state meanwhile.
        if inner.views.get(&at).is_some_and(|view| is_known(view)) {
            return (at, false);
        }
        inner.remove(&at);
        if let Some(owner) = &view.created_by {
            let entry = [at.0.clone(), owner.clone(), at.1.clone()];
            inner.created_by.insert(entry);
        }
        inner.views.insert(at.clone(), Arc::new(view));
        (at, true)
    }

    /// An object left the watch: deleted, or its label removed.
    pub fn delete(&self, meta: &ObjectMeta) -> At {
        let at = name_of(meta);
        let mut inner = self.write();
        // An object of the same name that came since is another one.
        if inner
            .views
            .get(&at)
            .is_some_and(|known| Some(&*known.uid) == meta.uid.as_deref())
        {
            inner.remove(&at);
        }
        at
    }

    /// What is known of an object.
    pub fn get(&self, namespace: &str, name: &str) -> Option<Arc<TargetView>> {
        self.read().views.get(&(namespace.into(), name.into())).cloned()
    }

    /// Names of the objects in a namespace that carry a created-by label.
    pub fn created_by(&self, namespace: &str, owner: &str) -> Vec<Box<str>> {
        under(&self.read().created_by, [namespace, owner])
            .map(|[_, _, name]| name.clone())
            .collect()
    }

    /// How many objects are watched.
    pub fn len(&self) -> usize {
        self.read().views.len()
    }

    /// Whether none is watched.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

fn name_of(meta: &ObjectMeta) -> At {
    let name = |text: &Option<String>| text.as_deref().unwrap_or_default().into();
    (name(&meta.namespace), name(&meta.name))
}

/// resourceVersions of one object are comparable numbers (Kubernetes promises it from 1.35 on, and kept it before);
/// where they are not, anything different counts as newer.
fn is_newer(resource_version: &str, known: &TargetView) -> bool {
    match (
        resource_version.parse::<u64>(),
        known.resource_version.parse::<u64>(),
    ) {
        (Ok(view), Ok(known)) => view > known,
        _ => *resource_version != *known.resource_version,
    }
}

/// The selector of the watch.
pub fn selector() -> String {
    format!("{}=true", names::MANAGED_LABEL)
}
