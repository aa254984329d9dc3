//! Go maps with string keys: shared references that functions such as `set` change in place.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError, Weak};

use super::text::Text;
use super::types::Type;
use super::value::{Value, drop_deep};

/// A map's content at one moment, in Go's sorted key order.
pub type Entries = BTreeMap<Text, Value>;

/// A Go `map[string]T`. Cloning gives another reference to the same map, as in Go.
///
/// Reading takes a snapshot ([`Map::entries`]) that later changes do not touch, so no lock is ever held while a
/// value is walked, and a map that contains itself cannot deadlock.
#[derive(Clone)]
pub struct Map(Arc<Inner>);

struct Inner {
    elem: &'static Type,
    nil: bool,
    entries: Mutex<Arc<Entries>>,
}

impl Map {
    /// A map with values of type `elem`; every value must be of that type (any fits [`Type::Any`]).
    pub fn new(elem: &'static Type, entries: Entries) -> Self {
        Self(Arc::new(Inner {
            elem,
            nil: false,
            entries: Mutex::new(Arc::new(entries)),
        }))
    }

    /// `map[string]interface {}`
    pub fn any(entries: Entries) -> Self {
        Self::new(&Type::Any, entries)
    }

    /// `map[string]string`
    pub fn strings<K: Into<Text>, V: Into<Text>>(entries: impl IntoIterator<Item = (K, V)>) -> Self {
        let entries = entries
            .into_iter()
            .map(|(key, value)| (key.into(), Value::String(value.into())));
        Self::new(&Type::String, entries.collect())
    }

    /// The nil map: empty; writing to it is an error that the function must report.
    pub fn nil(elem: &'static Type) -> Self {
        Self(Arc::new(Inner {
            elem,
            nil: true,
            entries: Mutex::default(),
        }))
    }

    /// Whether this is Go's nil map (an empty one is not).
    pub fn is_nil(&self) -> bool {
        self.0.nil
    }

    /// The type of the values.
    pub fn elem(&self) -> &'static Type {
        self.0.elem
    }

    /// A snapshot of the content; O(1).
    pub fn entries(&self) -> Arc<Entries> {
        Arc::clone(&self.0.entries.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// The value under `key`, if there is one.
    pub fn get(&self, key: &[u8]) -> Option<Value> {
        self.0
            .entries
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .get(key)
            .cloned()
    }

    /// Number of keys.
    pub fn len(&self) -> usize {
        self.0
            .entries
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .len()
    }

    /// Whether there are no keys.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Whether both are the same map in memory.
    pub fn same(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }

    /// Changes the map in place, for every holder. Functions go through
    /// [`Context::change`](super::Context::change), which also keeps self-containing maps from leaking.
    pub(super) fn change<R>(&self, change: impl FnOnce(&mut Entries) -> R) -> R {
        let mut entries = self.0.entries.lock().unwrap_or_else(PoisonError::into_inner);
        change(Arc::make_mut(&mut entries))
    }

    pub(super) fn downgrade(&self) -> WeakMap {
        WeakMap(Arc::downgrade(&self.0))
    }

    /// Takes the entries out if nobody else holds the map.
    pub(super) fn into_unshared(self) -> Option<Vec<Value>> {
        Arc::into_inner(self.0).map(|mut inner| inner.take_values())
    }

    /// Number of references to the map.
    #[cfg(test)]
    pub(super) fn holders(&self) -> usize {
        Arc::strong_count(&self.0)
    }

    /// Identity, for finding cycles.
    pub(super) fn address(&self) -> usize {
        Arc::as_ptr(&self.0).addr()
    }
}

/// A reference that does not keep the map alive.
pub(super) struct WeakMap(Weak<Inner>);

impl WeakMap {
    pub(super) fn upgrade(&self) -> Option<Map> {
        self.0.upgrade().map(Map)
    }
}

impl Inner {
    fn take_values(&mut self) -> Vec<Value> {
        let entries = self.entries.get_mut().unwrap_or_else(PoisonError::into_inner);
        match Arc::get_mut(entries) {
            Some(entries) => std::mem::take(entries).into_values().collect(),
            None => Vec::new(),
        }
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        let entries = self.entries.get_mut().unwrap_or_else(PoisonError::into_inner);
        if entries.values().any(Value::is_container) {
            drop_deep(self.take_values());
        }
    }
}

impl fmt::Debug for Map {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Map(map[string]{} of {})", self.elem(), self.len())
    }
}
