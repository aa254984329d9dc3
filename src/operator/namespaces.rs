//! Which namespaces are watched, and what their metadata tells: labels, for the conditions of cluster stores and for
//! ClusterExternalSecrets, and whether they are going.

use std::{
    collections::{BTreeMap, HashMap, HashSet},
    sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard},
};

use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;

use crate::api::names;

/// What one watch covers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Scope {
    /// Everything: all namespaces, and what stands in none.
    All,
    /// One of the namespaces that are served.
    Namespace(Box<str>),
}

impl Scope {
    /// Whether what stands in this namespace is watched; that of cluster-wide objects is empty.
    pub fn covers(&self, namespace: &str) -> bool {
        match self {
            Self::All => true,
            Self::Namespace(own) => **own == *namespace,
        }
    }
}

/// What is known of a namespace.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NamespaceView {
    /// Labels.
    pub labels: BTreeMap<String, String>,
    /// It is being deleted.
    pub terminating: bool,
    /// The ClusterExternalSecrets for which ESO left a finalizer on it.
    pub held_for: Vec<Box<str>>,
}

impl NamespaceView {
    /// What matters of a namespace.
    pub fn new(metadata: ObjectMeta) -> Self {
        let finalizers = metadata.finalizers.unwrap_or_default();
        let held_for = finalizers
            .iter()
            .filter_map(|f| f.strip_prefix(names::ESO_NAMESPACE_FINALIZER_PREFIX));
        Self {
            labels: metadata.labels.unwrap_or_default(),
            terminating: metadata.deletion_timestamp.is_some(),
            held_for: held_for.map(Into::into).collect(),
        }
    }
}

/// All namespaces. Where they may not be watched, each counts as there and without labels.
#[derive(Debug, Default)]
pub struct Namespaces(RwLock<Inner>);

#[derive(Debug, Default)]
struct Inner {
    views: HashMap<Box<str>, Arc<NamespaceView>>,
    listed: HashSet<Box<str>>,
    /// The first list is complete: what a later one shows anew changed during a gap in the watch.
    complete: bool,
}

impl Namespaces {
    fn write(&self) -> RwLockWriteGuard<'_, Inner> {
        self.0.write().unwrap_or_else(PoisonError::into_inner)
    }

    fn read(&self) -> RwLockReadGuard<'_, Inner> {
        self.0.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// A list begins.
    pub fn begin_list(&self) {
        self.write().listed.clear();
    }

    /// A list is complete; what it did not show is gone.
    pub fn end_list(&self) {
        let mut inner = self.write();
        let listed = std::mem::take(&mut inner.listed);
        inner.views.retain(|name, _| listed.contains(name));
        inner.complete = true;
    }

    /// A namespace was listed or changed. Gives what it was before where that matters to anybody: the first list is news
    /// to nobody.
    pub fn apply(&self, name: &str, view: &Arc<NamespaceView>, listing: bool) -> Option<Arc<NamespaceView>> {
        let mut inner = self.write();
        if listing {
            inner.listed.insert(name.into());
        }
        let before = inner.views.insert(name.into(), Arc::clone(view));
        let news = before.as_ref() != Some(view) && (inner.complete || !listing);
        news.then(|| before.unwrap_or_default())
    }

    /// A namespace is gone.
    pub fn delete(&self, name: &str) {
        self.write().views.remove(name);
    }

    /// A namespace by name. Kubernetes labels each with its name, so that much is known of all.
    pub fn get(&self, name: &str) -> Arc<NamespaceView> {
        let known = self.read().views.get(name).cloned();
        known.unwrap_or_else(|| {
            Arc::new(NamespaceView {
                labels: BTreeMap::from([("kubernetes.io/metadata.name".to_owned(), name.to_owned())]),
                ..NamespaceView::default()
            })
        })
    }

    /// Names of those that fulfil a condition, sorted.
    pub fn names_where(&self, wanted: impl Fn(&str, &NamespaceView) -> bool) -> Vec<Box<str>> {
        let inner = self.read();
        let views = inner.views.iter().filter(|(name, view)| wanted(name, view));
        let mut names: Vec<_> = views.map(|(name, _)| name.clone()).collect();
        names.sort_unstable();
        names
    }

    /// Names of those on which ESO left its finalizer for a ClusterExternalSecret.
    pub fn held_for(&self, cluster_external_secret: &str, only_terminating: bool) -> Vec<Box<str>> {
        self.names_where(|_, view| {
            (view.terminating || !only_terminating)
                && view
                    .held_for
                    .iter()
                    .any(|name| **name == *cluster_external_secret)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_changed_during_a_gap_in_the_watch_is_news_and_the_first_list_is_not() {
        let view = |team: &str| {
            Arc::new(NamespaceView {
                labels: BTreeMap::from([("team".to_owned(), team.to_owned())]),
                ..NamespaceView::default()
            })
        };
        let namespaces = Namespaces::default();
        namespaces.begin_list();
        assert_eq!(namespaces.apply("a", &view("red"), true), None);
        namespaces.end_list();
        namespaces.begin_list();
        assert_eq!(namespaces.apply("a", &view("red"), true), None);
        assert_eq!(namespaces.apply("a", &view("blue"), true), Some(view("red")));
        assert_eq!(namespaces.apply("b", &view("red"), true), Some(Arc::default()));
    }

    #[test]
    fn a_list_of_one_namespace_says_nothing_of_another() {
        let scope = Scope::Namespace("a".into());
        assert!(scope.covers("a") && !scope.covers("b") && !scope.covers(""));
        assert!(Scope::All.covers("b") && Scope::All.covers(""));
    }
}
