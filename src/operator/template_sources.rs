//! The ConfigMaps and Secrets that templates are taken from: who names them, and their state as the watch shows it.
//!
//! Only what some object names is kept, and the watch of a kind runs only while one does.

pub(super) mod watch;

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    sync::{Arc, PoisonError, RwLock},
};

use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use tokio::sync::watch::{Receiver, Sender};

use super::{namespaces::Scope, objects::ObjectName};
use crate::sync::{
    object::Object,
    record::Record,
    sources::{SourceKind, SourceName, Version},
};

/// Namespace and name.
pub(crate) type At = (Box<str>, Box<str>);

#[derive(Debug, Default)]
struct Entry {
    /// Names of the objects that take text from it.
    users: BTreeSet<Arc<str>>,
    /// What the watch showed last; nothing before it has.
    seen: Option<Seen>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Seen {
    There(State),
    Gone,
}

/// A source as the watch shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct State {
    version: Version,
    /// When it was last changed, as the API server notes it for each of its writers; nothing where its metadata does not
    /// tell.
    changed_at: Option<Timestamp>,
}

impl State {
    /// Reduces metadata.
    pub(crate) fn new(meta: &ObjectMeta) -> Self {
        let text = |text: &Option<String>| text.as_deref().unwrap_or_default().into();
        let writes = meta.managed_fields.iter().flatten();
        Self {
            version: Version {
                uid: text(&meta.uid),
                resource_version: text(&meta.resource_version),
            },
            changed_at: writes.filter_map(|write| Some(write.time.as_ref()?.0)).max(),
        }
    }
}

/// All sources that some object names.
#[derive(Debug, Default)]
pub struct TemplateSources {
    kinds: RwLock<BTreeMap<SourceKind, HashMap<At, Entry>>>,
    used: Sender<BTreeSet<SourceKind>>,
}

impl TemplateSources {
    /// The kinds that some object takes text from, as that changes.
    pub fn used(&self) -> Receiver<BTreeSet<SourceKind>> {
        self.used.subscribe()
    }

    /// An object came, changed or went.
    pub fn observe(&self, name: &ObjectName, before: Option<&Object>, now: Option<&Object>) {
        let (before, now) = (named(before), named(now));
        if before == now {
            return;
        }
        let mut kinds = self.kinds.write().unwrap_or_else(PoisonError::into_inner);
        for source in before.difference(&now) {
            let entries = kinds.entry(source.kind).or_default();
            let at = at(&name.0, &source.name);
            if let Some(entry) = entries.get_mut(&at) {
                entry.users.remove(&name.1);
                if entry.users.is_empty() {
                    entries.remove(&at);
                }
            }
        }
        for source in now.difference(&before) {
            let entry = kinds
                .entry(source.kind)
                .or_default()
                .entry(at(&name.0, &source.name))
                .or_default();
            entry.users.insert(Arc::clone(&name.1));
        }
        let used: BTreeSet<_> = kinds
            .iter()
            .filter(|(_, entries)| !entries.is_empty())
            .map(|(kind, _)| *kind)
            .collect();
        self.used.send_if_modified(|known| {
            let changed = *known != used;
            *known = used;
            changed
        });
    }

    /// The watch showed a source, or that it is gone. Who names it, where that is news.
    pub(crate) fn saw(&self, kind: SourceKind, at: &At, state: Option<State>) -> Vec<ObjectName> {
        let mut kinds = self.kinds.write().unwrap_or_else(PoisonError::into_inner);
        let entry = kinds.get_mut(&kind).and_then(|entries| entries.get_mut(at));
        let Some(entry) = entry else {
            return vec![];
        };
        let seen = Some(state.map_or(Seen::Gone, Seen::There));
        if entry.seen == seen {
            return vec![];
        }
        entry.seen = seen;
        let namespace: Arc<str> = Arc::from(&*at.0);
        let users = entry.users.iter();
        users
            .map(|user| (Arc::clone(&namespace), Arc::clone(user)))
            .collect()
    }

    /// A list of this kind is complete: what it did not show of its scope is gone. Who names that.
    pub(super) fn listed(&self, kind: SourceKind, scope: &Scope, shown: &BTreeSet<At>) -> Vec<ObjectName> {
        let gone: Vec<At> = {
            let kinds = self.kinds.read().unwrap_or_else(PoisonError::into_inner);
            let entries = kinds.get(&kind).into_iter().flatten();
            entries
                .map(|(at, _)| at.clone())
                .filter(|at| scope.covers(&at.0) && !shown.contains(at))
                .collect()
        };
        gone.iter().flat_map(|at| self.saw(kind, at, None)).collect()
    }

    /// Whether some object names this source.
    pub(super) fn is_named(&self, kind: SourceKind, at: &At) -> bool {
        let kinds = self.kinds.read().unwrap_or_else(PoisonError::into_inner);
        kinds.get(&kind).is_some_and(|entries| entries.contains_key(at))
    }

    /// Whether a source of the object is, by what the watch shows, not what the last sync read.
    pub(crate) fn changed(&self, object: &Object, record: &Record) -> bool {
        match (&record.template_sources, record.reported.refresh_time) {
            (Some(read), _) => read.iter().any(|(source, version)| {
                // The watch may be behind what was read.
                self.is_other(object, source, |now| now.version.is_newer_than(version))
            }),
            // Nothing was read since the start, perhaps by another process: then times tell, to the second as both have it.
            (None, Some(synced)) => named(Some(object)).iter().any(|source| {
                self.is_other(object, source, |now| {
                    now.changed_at
                        .is_none_or(|changed| changed.as_second() >= synced.as_second())
                })
            }),
            (None, None) => false,
        }
    }

    /// Whether a source is gone or in another state; what the watch did not show yet is neither.
    fn is_other(&self, object: &Object, source: &SourceName, is_other: impl Fn(&State) -> bool) -> bool {
        let kinds = self.kinds.read().unwrap_or_else(PoisonError::into_inner);
        let entry = kinds
            .get(&source.kind)
            .and_then(|entries| entries.get(&at(&object.namespace, &source.name)));
        match entry.and_then(|entry| entry.seen.as_ref()) {
            None => false,
            Some(Seen::Gone) => true,
            Some(Seen::There(now)) => is_other(now),
        }
    }
}

fn at(namespace: &str, name: &str) -> At {
    (namespace.into(), name.into())
}

fn named(object: Option<&Object>) -> BTreeSet<SourceName> {
    let template = object
        .and_then(|object| object.spec.as_ref().ok())
        .and_then(|spec| spec.target.template.as_ref());
    template
        .into_iter()
        .flat_map(|template| template.sources())
        .cloned()
        .collect()
}

#[cfg(test)]
mod tests;
