//! The ExternalSecrets that are watched, and who of them uses a Secret or a store.

use std::{
    collections::{BTreeSet, HashMap, HashSet},
    ops::Deref,
    sync::{Arc, PoisonError, RwLock},
};

use super::namespaces::Scope;
use crate::{
    api::external_secret::StoreKind,
    sync::{object::Object, spec::StoreName},
};

/// Namespace and name.
pub type ObjectName = (Arc<str>, Arc<str>);

/// All ExternalSecrets, indexed.
#[derive(Debug, Default)]
pub struct Objects(RwLock<Inner>);

#[derive(Debug, Default)]
struct Inner {
    objects: HashMap<ObjectName, Arc<Object>>,
    /// Namespace, target Secret and name.
    targets: BTreeSet<[Arc<str>; 3]>,
    /// Names by store; the namespace of a cluster-wide store is empty.
    stores: HashMap<(Arc<str>, StoreName), BTreeSet<ObjectName>>,
    /// Names by the ClusterExternalSecret that keeps them.
    kept: HashMap<Box<str>, BTreeSet<ObjectName>>,
}

fn store_key(namespace: &Arc<str>, store: &StoreName) -> (Arc<str>, StoreName) {
    let namespace = match store.kind {
        StoreKind::SecretStore => Arc::clone(namespace),
        StoreKind::ClusterSecretStore => Arc::from(""),
    };
    (namespace, store.clone())
}

/// What stands under two names in an index of three.
pub(super) fn under<'a, N>(
    index: &'a BTreeSet<[N; 3]>,
    names: [&'a str; 2],
) -> impl Iterator<Item = &'a [N; 3]>
where
    N: Ord + Deref<Target = str> + From<&'a str>,
{
    let [first, second] = names;
    index
        .range([N::from(first), N::from(second), N::from("")]..)
        .take_while(move |[one, two, _]| (&**one, &**two) == (first, second))
}

/// Takes a value out of an index of sets; a set that is empty goes too.
pub(super) fn drop_from<K: std::hash::Hash + Eq, V: Ord>(
    index: &mut HashMap<K, BTreeSet<V>>,
    key: &K,
    value: &V,
) {
    if let Some(values) = index.get_mut(key) {
        values.remove(value);
        if values.is_empty() {
            index.remove(key);
        }
    }
}

impl Inner {
    fn remove(&mut self, at: &ObjectName) -> Option<Arc<Object>> {
        let object = self.objects.remove(at)?;
        if let Some(target) = object.secret_name() {
            self.targets
                .remove(&[Arc::clone(&at.0), Arc::from(target), Arc::clone(&at.1)]);
        }
        if let Some(kept) = &object.provisioned {
            drop_from(&mut self.kept, &kept.by, at);
        }
        for store in &object.stores {
            drop_from(&mut self.stores, &store_key(&at.0, store), at);
        }
        Some(object)
    }
}

impl Objects {
    fn write(&self) -> std::sync::RwLockWriteGuard<'_, Inner> {
        self.0.write().unwrap_or_else(PoisonError::into_inner)
    }

    fn read(&self) -> std::sync::RwLockReadGuard<'_, Inner> {
        self.0.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// A list is complete; what it covers and did not show is gone.
    pub fn retain(&self, scope: &Scope, listed: &HashSet<ObjectName>) -> Vec<(ObjectName, Arc<Object>)> {
        let mut inner = self.write();
        let gone: Vec<_> = inner
            .objects
            .keys()
            .filter(|at| scope.covers(&at.0) && !listed.contains(*at))
            .cloned()
            .collect();
        gone.into_iter()
            .filter_map(|at| inner.remove(&at).map(|object| (at, object)))
            .collect()
    }

    /// An object was listed or changed. Returns its name and what it was before.
    pub fn apply(&self, object: Object) -> (ObjectName, Arc<Object>, Option<Arc<Object>>) {
        let at: ObjectName = (Arc::from(&*object.namespace), Arc::from(&*object.name));
        let object = Arc::new(object);
        let mut inner = self.write();
        let before = inner.remove(&at);
        if let Some(target) = object.secret_name() {
            // Nearly always the object's own name.
            let target = if *target == *at.1 {
                Arc::clone(&at.1)
            } else {
                Arc::from(target)
            };
            inner
                .targets
                .insert([Arc::clone(&at.0), target, Arc::clone(&at.1)]);
        }
        if let Some(kept) = &object.provisioned {
            inner.kept.entry(kept.by.clone()).or_default().insert(at.clone());
        }
        for store in &object.stores {
            inner
                .stores
                .entry(store_key(&at.0, store))
                .or_default()
                .insert(at.clone());
        }
        inner.objects.insert(at.clone(), Arc::clone(&object));
        (at, object, before)
    }

    /// An object is gone.
    pub fn delete(&self, namespace: &str, name: &str) -> Option<(ObjectName, Arc<Object>)> {
        let at: ObjectName = (Arc::from(namespace), Arc::from(name));
        self.write().remove(&at).map(|object| (at, object))
    }

    /// An object by name.
    pub fn get(&self, at: &ObjectName) -> Option<Arc<Object>> {
        self.read().objects.get(at).cloned()
    }

    /// Who writes this Secret.
    pub fn of_target(&self, namespace: &str, secret: &str) -> Vec<ObjectName> {
        under(&self.read().targets, [namespace, secret])
            .map(|[namespace, _, name]| (Arc::clone(namespace), Arc::clone(name)))
            .collect()
    }

    /// Who reads from this store.
    pub fn of_store(&self, namespace: Option<&str>, store: &StoreName) -> Vec<ObjectName> {
        let key = (Arc::from(namespace.unwrap_or_default()), store.clone());
        self.read()
            .stores
            .get(&key)
            .into_iter()
            .flatten()
            .cloned()
            .collect()
    }

    /// What a ClusterExternalSecret keeps.
    pub fn kept_by(&self, cluster_external_secret: &str) -> Vec<Arc<Object>> {
        let inner = self.read();
        let names = inner.kept.get(cluster_external_secret).into_iter().flatten();
        names.filter_map(|at| inner.objects.get(at).cloned()).collect()
    }

    /// All names.
    pub fn names(&self) -> Vec<ObjectName> {
        self.read().objects.keys().cloned().collect()
    }

    /// Objects in a namespace.
    pub fn of_namespace(&self, namespace: &str) -> Vec<ObjectName> {
        self.read()
            .objects
            .keys()
            .filter(|(ns, _)| **ns == *namespace)
            .cloned()
            .collect()
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.read().objects.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}
