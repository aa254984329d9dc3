//! Namespaces as their metadata tells them: labels, for the conditions of cluster stores, and whether they are going.

use std::{
    collections::{BTreeMap, HashMap},
    sync::{PoisonError, RwLock},
};

/// What is known of a namespace.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NamespaceView {
    /// Labels.
    pub labels: BTreeMap<String, String>,
    /// It is being deleted.
    pub terminating: bool,
}

/// All namespaces. Where they may not be watched, each counts as there and without labels.
#[derive(Debug, Default)]
pub struct Namespaces(RwLock<HashMap<Box<str>, NamespaceView>>);

impl Namespaces {
    /// A namespace was listed or changed. Tells whether that matters to anybody.
    pub fn apply(&self, name: &str, view: NamespaceView) -> bool {
        let mut namespaces = self.0.write().unwrap_or_else(PoisonError::into_inner);
        namespaces.insert(name.into(), view.clone()) != Some(view)
    }

    /// A namespace is gone.
    pub fn delete(&self, name: &str) {
        self.0
            .write()
            .unwrap_or_else(PoisonError::into_inner)
            .remove(name);
    }

    /// A namespace by name. Kubernetes labels each with its name, so that much is known of all.
    pub fn get(&self, name: &str) -> NamespaceView {
        let namespaces = self.0.read().unwrap_or_else(PoisonError::into_inner);
        namespaces.get(name).cloned().unwrap_or_else(|| NamespaceView {
            labels: BTreeMap::from([("kubernetes.io/metadata.name".to_owned(), name.to_owned())]),
            terminating: false,
        })
    }
}
