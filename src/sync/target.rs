//! A target as its metadata tells it, and whether it still is what we wrote.
//!
//! resourceVersion is the only complete signal; `managedFields` filters: they tell which changes cannot have touched
//! data, but can be forged or restored, so a change that they call harmless is written over at the next refresh.

use std::{cmp::Reverse, collections::BTreeSet};

use k8s_openapi::{
    api::core::v1::Secret,
    apimachinery::pkg::apis::meta::v1::{ManagedFieldsEntry, ObjectMeta, OwnerReference},
};
use kube::api::PartialObjectMeta;

use super::fingerprint;
use crate::api::{external_secret::CreationPolicy, names};

/// Who writes data of a Secret, or fields of another kind.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Writer {
    /// Field manager.
    pub manager: Box<str>,
    /// Digest of the data keys, or fields, that its entries hold.
    pub keys: Box<str>,
    /// Whether another manager holds one of them too.
    pub shared: bool,
}

/// A controller owner reference.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Controller {
    /// Whether it is an ExternalSecret, of whatever version.
    pub is_external_secret: bool,
    /// Kind.
    pub kind: Box<str>,
    /// Name.
    pub name: Box<str>,
    /// Uid.
    pub uid: Box<str>,
}

/// What is kept of a target's metadata.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TargetView {
    /// Uid: a replaced Secret is another one.
    pub uid: Box<str>,
    /// resourceVersion.
    pub resource_version: Box<str>,
    /// The managed label stands.
    pub managed: bool,
    /// The created-by label.
    pub created_by: Option<Box<str>>,
    /// Our digest of the keys we wrote.
    pub keys: Option<Box<str>>,
    /// ESO's annotation stands: ESO wrote the Secret last.
    pub written_by_eso: bool,
    /// Who controls it.
    pub controller: Option<Controller>,
    /// Writers of data under ESO's and our managers.
    pub writers: Vec<Writer>,
    /// Another manager that holds data keys.
    pub foreign_writer: Option<Box<str>>,
    /// Where several managers hold data keys: all of them, the newest first.
    pub newest_writers: Vec<Box<str>>,
    /// It is being deleted.
    pub deleting: bool,
}

/// Data keys of a `managedFields` entry.
pub fn data_keys(entry: &ManagedFieldsEntry) -> BTreeSet<&str> {
    let fields = entry.fields_v1.as_ref().map(|fields| &fields.0);
    let keys_of = |field: &str| {
        fields
            .and_then(|f| f.get(field))
            .and_then(|data| data.as_object())
    };
    let keys = [keys_of("f:data"), keys_of("f:stringData")];
    keys.into_iter()
        .flatten()
        .flat_map(|data| data.keys())
        .filter_map(|key| key.strip_prefix("f:"))
        .collect()
}

/// Where the values stand that a `managedFields` entry holds, metadata aside: as [`super::fields::Fields::leaves`].
pub fn leaves(entry: &ManagedFieldsEntry) -> BTreeSet<String> {
    fn collect(path: &str, fields: &serde_json::Value, leaves: &mut BTreeSet<String>) {
        let members = fields.as_object().into_iter().flatten();
        let mut members = members
            .filter_map(|(key, fields)| Some((key.strip_prefix("f:")?, fields)))
            .peekable();
        if members.peek().is_none() {
            leaves.insert(path.to_owned());
        }
        for (key, fields) in members {
            collect(&format!("{path}/{key}"), fields, leaves);
        }
    }
    let mut leaves = BTreeSet::new();
    let fields = entry.fields_v1.as_ref().and_then(|fields| fields.0.as_object());
    for (key, fields) in fields.into_iter().flatten() {
        if let Some(key) = key.strip_prefix("f:").filter(|key| *key != "metadata") {
            collect(key, fields, &mut leaves);
        }
    }
    leaves
}

/// Whether an entry is what a manager applies of the object itself: by server-side apply, as other kinds than Secret are
/// written.
pub fn is_applied_by(entry: &ManagedFieldsEntry, manager: &str) -> bool {
    entry.manager.as_deref() == Some(manager)
        && entry.operation.as_deref() == Some("Apply")
        && entry.subresource.as_deref().unwrap_or_default().is_empty()
}

/// Keys under `metadata.<field>` of a `managedFields` entry.
pub fn metadata_keys<'a>(entry: &'a ManagedFieldsEntry, field: &str) -> BTreeSet<&'a str> {
    let map = entry
        .fields_v1
        .as_ref()
        .and_then(|fields| fields.0.get("f:metadata")?.get(format!("f:{field}"))?.as_object());
    map.into_iter()
        .flat_map(|map| map.keys())
        .filter_map(|key| key.strip_prefix("f:"))
        .collect()
}

/// Whether an owner is an ExternalSecret, of whatever version.
pub fn is_external_secret(owner: &OwnerReference) -> bool {
    let group = owner.api_version.split('/').next();
    owner.kind == "ExternalSecret" && group == Some(names::GROUP)
}

/// The controller among owner references.
pub fn controller(owners: &[OwnerReference]) -> Option<Controller> {
    let owner = owners.iter().find(|owner| owner.controller == Some(true))?;
    Some(Controller {
        is_external_secret: is_external_secret(owner),
        kind: owner.kind.as_str().into(),
        name: owner.name.as_str().into(),
        uid: owner.uid.as_str().into(),
    })
}

/// Managers that hold data keys, by the time of their last change.
fn newest_first(meta: &ObjectMeta, holds: impl Fn(&ManagedFieldsEntry) -> bool) -> Vec<Box<str>> {
    let entries = meta.managed_fields.iter().flatten();
    let mut writers: Vec<_> = entries.filter(|entry| holds(entry)).collect();
    // Times are whole seconds; within one, another's change is not proven to have come after ours.
    let is_foreign =
        |manager: Option<&str>| !manager.is_some_and(|m| m.starts_with(names::FIELD_MANAGER_PREFIX));
    writers.sort_by_key(|entry| {
        let time = entry.time.as_ref().map(|time| time.0);
        (Reverse(time), is_foreign(entry.manager.as_deref()))
    });
    writers
        .into_iter()
        .map(|entry| entry.manager.as_deref().unwrap_or_default().into())
        .collect()
}

impl TargetView {
    /// Who, other than this manager, most likely changed the Secret last.
    fn editor(&self, manager: &str) -> Option<Box<str>> {
        let newest = self.newest_writers.iter().find(|writer| &***writer != manager);
        let other = || {
            self.writers
                .iter()
                .map(|writer| &writer.manager)
                .find(|writer| &***writer != manager)
        };
        newest.or(self.foreign_writer.as_ref()).or_else(other).cloned()
    }

    /// Whether nobody is known to have written data after this manager.
    fn is_newest(&self, manager: &str) -> bool {
        self.newest_writers
            .first()
            .is_none_or(|writer| **writer == *manager)
    }

    /// Reduces metadata.
    pub fn new(meta: &PartialObjectMeta<Secret>) -> Self {
        let meta = &meta.metadata;
        let entries: Vec<_> = meta
            .managed_fields
            .iter()
            .flatten()
            .filter(|entry| entry.subresource.as_deref().unwrap_or_default().is_empty())
            .map(|entry| (entry.manager.as_deref().unwrap_or_default(), data_keys(entry)))
            .filter(|(_, keys)| !keys.is_empty())
            .collect();
        let newest_writers = if entries.len() > 1 {
            newest_first(meta, |entry| !data_keys(entry).is_empty())
        } else {
            vec![]
        };
        let is_ours = |manager: &str| manager.starts_with(names::FIELD_MANAGER_PREFIX);
        let managers: BTreeSet<_> = entries
            .iter()
            .map(|(manager, _)| *manager)
            .filter(|m| is_ours(m))
            .collect();
        let writers = managers
            .into_iter()
            .map(|manager| {
                let ours: BTreeSet<&str> = entries
                    .iter()
                    .filter(|(m, _)| *m == manager)
                    .flat_map(|(_, keys)| keys.iter().copied())
                    .collect();
                let shared = entries
                    .iter()
                    .any(|(m, keys)| *m != manager && !keys.is_disjoint(&ours));
                Writer {
                    manager: manager.into(),
                    keys: fingerprint::keys_digest(ours).into(),
                    shared,
                }
            })
            .collect();
        let foreign = entries
            .iter()
            .map(|(manager, _)| *manager)
            .find(|manager| !is_ours(manager));
        Self {
            writers,
            foreign_writer: foreign.map(Into::into),
            newest_writers,
            ..Self::without_writers(meta)
        }
    }

    /// Reduces metadata of another kind: what we apply of it counts, and fields of others are theirs.
    pub fn of_resource(meta: &ObjectMeta) -> Self {
        let entries = meta.managed_fields.iter().flatten();
        let ours = entries.filter_map(|entry| {
            let manager = entry.manager.as_deref()?;
            let leaves = leaves(entry);
            let counts = manager.starts_with(names::FIELD_MANAGER_PREFIX)
                && is_applied_by(entry, manager)
                && !leaves.is_empty();
            counts.then(|| Writer {
                manager: manager.into(),
                keys: fingerprint::keys_digest(leaves.iter().map(String::as_str)).into(),
                shared: false,
            })
        });
        Self {
            writers: ours.collect(),
            newest_writers: newest_first(meta, |entry| !leaves(entry).is_empty()),
            ..Self::without_writers(meta)
        }
    }

    fn without_writers(meta: &ObjectMeta) -> Self {
        let label = |name: &str| meta.labels.as_ref().and_then(|labels| labels.get(name));
        let annotation = |name: &str| {
            meta.annotations
                .as_ref()
                .and_then(|annotations| annotations.get(name))
        };
        let text = |text: &Option<String>| text.as_deref().unwrap_or_default().into();
        Self {
            uid: text(&meta.uid),
            resource_version: text(&meta.resource_version),
            managed: label(names::MANAGED_LABEL).is_some_and(|value| value == "true"),
            created_by: label(names::CREATED_BY_LABEL).map(|value| value.as_str().into()),
            keys: annotation(names::KEYS_ANNOTATION).map(|value| value.as_str().into()),
            written_by_eso: annotation(names::DATA_HASH_ANNOTATION).is_some(),
            controller: controller(meta.owner_references.as_deref().unwrap_or_default()),
            writers: vec![],
            foreign_writer: None,
            newest_writers: vec![],
            deleting: meta.deletion_timestamp.is_some(),
        }
    }
}

/// A target as the watch shows it.
#[derive(Clone, Copy, Debug)]
pub struct Seen<'a> {
    /// What it shows; nothing where it is absent.
    pub view: Option<&'a TargetView>,
    /// Whether it is watched at all: what the watch does not show is not there.
    pub watched: bool,
}

/// What a write of ours left: compared with what is there now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Written {
    /// Uid of the Secret.
    pub uid: Box<str>,
    /// resourceVersion after the write.
    pub resource_version: Box<str>,
    /// Digest of the keys that were written.
    pub keys: Box<str>,
    /// The Secret was written as a whole, not merged into.
    pub whole: bool,
}

/// What is expected of a target.
#[derive(Clone, Debug)]
pub struct Expected<'a> {
    /// Name of the ExternalSecret.
    pub name: &'a str,
    /// Value of the created-by label of what it owns.
    pub created_by: &'a str,
    /// Uid of the ExternalSecret.
    pub uid: &'a str,
    /// Policy.
    pub creation: CreationPolicy,
    /// Owner, but without owner reference by our annotation.
    pub retained: bool,
    /// Our last write, where there was one since the start.
    pub written: Option<&'a Written>,
    /// Before that, what a target that we merged into must show.
    pub merged: Merged,
}

/// What is known of our keys in a target that others write too, when we have not written it since the start.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Merged {
    /// Nothing.
    #[default]
    Unknown,
    /// Digest of the keys that the spec alone names.
    Keys(Box<str>),
    /// What is read decides the keys: we hold some, and nobody wrote data after us.
    Newest,
}

/// Whether a target still is what we wrote.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Drift {
    /// Nothing changed.
    None,
    /// Something changed that cannot have touched our keys: written over at the next refresh, a no-op if equal.
    Unproven,
    /// It was changed, by this manager where one is known.
    Edited(Option<Box<str>>),
    /// It is not there, or another Secret took its place.
    Gone,
}

/// Compares a target with what is expected, from metadata alone.
pub fn drift(expected: &Expected<'_>, view: Option<&TargetView>) -> Drift {
    if matches!(expected.creation, CreationPolicy::None | CreationPolicy::Orphan) {
        return Drift::None;
    }
    let Some(view) = view else { return Drift::Gone };
    if let Some(written) = expected.written {
        if written.uid != view.uid {
            return Drift::Gone;
        }
        if written.resource_version == view.resource_version {
            return Drift::None;
        }
    }
    if view.deleting {
        return Drift::None;
    }
    let manager = fingerprint::field_manager(expected.name);
    let edited = || Drift::Edited(view.editor(&manager));
    let is_owner = expected.creation == CreationPolicy::Owner;
    if !view.managed {
        return edited();
    }
    if is_owner {
        let controlled = view.controller.as_ref().is_some_and(|c| &*c.uid == expected.uid);
        if view.created_by.as_deref() != Some(expected.created_by) || controlled == expected.retained {
            return edited();
        }
    }
    let ours = view.writers.iter().find(|writer| *writer.manager == manager);
    if ours.is_some_and(|ours| ours.shared) {
        return edited();
    }
    // An empty Secret has no entry with data keys.
    let held = ours.map_or_else(|| fingerprint::keys_digest([]).into(), |ours| ours.keys.clone());
    let wanted = if is_owner {
        if view.foreign_writer.is_some() || view.writers.len() > usize::from(ours.is_some()) {
            return edited();
        }
        match &view.keys {
            Some(keys) => Some(keys),
            // ESO leaves no digest of keys; what it wrote is trusted until the next refresh.
            None if view.written_by_eso && expected.written.is_none() => None,
            None => return edited(),
        }
    } else {
        match (expected.written, &expected.merged) {
            (Some(written), _) => Some(&written.keys),
            (None, Merged::Keys(keys)) => Some(keys),
            (None, Merged::Newest) if ours.is_none() || !view.is_newest(&manager) => return edited(),
            (None, Merged::Newest | Merged::Unknown) => None,
        }
    };
    if wanted.is_none_or(|wanted| *wanted == held) {
        Drift::Unproven
    } else {
        edited()
    }
}

#[cfg(test)]
mod tests;
