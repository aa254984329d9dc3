//! What we want, merged with the metadata that is there. Pure.

use std::collections::{BTreeMap, BTreeSet};

use k8s_openapi::apimachinery::pkg::apis::meta::v1::OwnerReference;
use serde_json::{Map, Value, json};

use super::{Target, ownership::owner};
use crate::{
    api::names,
    secrets_api::{SecretMeta, Wanted},
    sync::{
        absence::Kept,
        fingerprint,
        target::{data_keys, is_external_secret, metadata_keys},
    },
};

/// Whether a manager has written data or metadata of this Secret.
pub(super) fn written_by(meta: &SecretMeta, manager: &str) -> bool {
    meta.metadata.managed_fields.iter().flatten().any(|entry| {
        entry.manager.as_deref() == Some(manager)
            && (!data_keys(entry).is_empty()
                || entry
                    .fields_v1
                    .as_ref()
                    .is_some_and(|f| f.0.get("f:metadata").is_some()))
    })
}

/// Digest of the data keys that a manager holds.
pub(super) fn keys_held(meta: &SecretMeta, manager: &str) -> String {
    fingerprint::keys_digest(held(meta, manager))
}

fn held<'a>(meta: &'a SecretMeta, manager: &str) -> BTreeSet<&'a str> {
    let entries = meta.metadata.managed_fields.iter().flatten();
    entries
        .filter(|e| e.manager.as_deref() == Some(manager))
        .flat_map(data_keys)
        .collect()
}

/// What a field of metadata held by our doing: what of it is not wanted any more goes.
fn written_before<'a>(meta: &'a SecretMeta, manager: &str, field: &str) -> BTreeSet<&'a str> {
    let entries = meta.metadata.managed_fields.iter().flatten();
    entries
        .filter(|e| e.manager.as_deref() == Some(manager))
        .flat_map(|e| metadata_keys(e, field))
        .collect()
}

fn owners(target: &Target<'_>, meta: &SecretMeta) -> Vec<OwnerReference> {
    let is_ours = |owner: &OwnerReference| is_external_secret(owner) && owner.name == *target.object.name;
    let present = meta.metadata.owner_references.iter().flatten();
    present
        .filter(|owner| !is_ours(owner))
        .cloned()
        .chain(owner(target.object, target.spec))
        .collect()
}

/// Names that go whoever wrote them, unless they are wanted: marks of ownership and ESO's unsalted hash.
const OURS_ALONE: [&str; 3] = [
    names::CREATED_BY_LABEL,
    names::DATA_HASH_ANNOTATION,
    names::KEYS_ANNOTATION,
];

fn merge(
    present: Option<&BTreeMap<String, String>>,
    before: &BTreeSet<&str>,
    wanted: BTreeMap<String, String>,
) -> BTreeMap<String, String> {
    let stays = |name: &str| !before.contains(name) && !OURS_ALONE.contains(&name);
    let kept = present.into_iter().flatten().filter(|(name, _)| stays(name));
    let mut merged: BTreeMap<_, _> = kept.map(|(name, value)| (name.clone(), value.clone())).collect();
    merged.extend(wanted);
    merged
}

/// The whole Secret, for Owner and Orphan: data is ours alone, metadata of others stays.
pub(super) fn whole(target: &Target<'_>, meta: &SecretMeta) -> Wanted {
    let wanted = target.wanted();
    let before = |field| written_before(meta, &target.manager, field);
    Wanted {
        labels: merge(meta.metadata.labels.as_ref(), &before("labels"), wanted.labels),
        annotations: merge(
            meta.metadata.annotations.as_ref(),
            &before("annotations"),
            wanted.annotations,
        ),
        owners: owners(target, meta),
        finalizers: finalizers(meta, wanted.finalizers),
        ..wanted
    }
}

/// Finalizers are added and never removed: whoever waits for one removes it. Nothing where none is to be added.
fn finalizers(meta: &SecretMeta, wanted: Vec<String>) -> Vec<String> {
    let present = meta.metadata.finalizers.as_deref().unwrap_or_default();
    let added: Vec<_> = wanted.into_iter().filter(|f| !present.contains(f)).collect();
    if added.is_empty() {
        return added;
    }
    present.iter().cloned().chain(added).collect()
}

/// A merge patch, for Merge and CreateOrMerge: our keys, those of ours that are dropped, and metadata.
///
/// Also where keys are kept whose source is missing. And for `immutable` on a Secret that is there: its data is left as
/// it is, and only what marks it ours is written.
pub(super) fn patch(target: &Target<'_>, meta: &SecretMeta) -> (Wanted, Vec<String>, Map<String, Value>) {
    let mut wanted = target.wanted();
    let frozen = target.spec.target.immutable;
    // A label of the template may need what is missing: those that were written before go with the next whole write.
    let partial = target.rendered.kept != Kept::Nothing;
    let mut dropped = vec![];
    if frozen {
        wanted.data.clear();
        wanted.type_ = None;
        wanted
            .labels
            .retain(|name, _| name == names::MANAGED_LABEL || name == names::CREATED_BY_LABEL);
        // The data stays as it is, and so does what we say of its keys.
        wanted.annotations.clear();
        let present = meta
            .metadata
            .annotations
            .as_ref()
            .and_then(|present| present.get(names::KEYS_ANNOTATION));
        if let Some(keys) = present.filter(|_| !target.spec.target.creation.merges()) {
            wanted
                .annotations
                .insert(names::KEYS_ANNOTATION.to_owned(), keys.clone());
        }
    } else {
        let kept = &target.rendered.kept;
        let unread = held(meta, &target.manager)
            .into_iter()
            .filter(|key| !wanted.data.contains_key(*key));
        let (stay, go): (Vec<_>, Vec<_>) = unread.partition(|key| kept.holds(key));
        dropped.extend(go.into_iter().map(str::to_owned));
        if let Some(keys) = wanted.annotations.get_mut(names::KEYS_ANNOTATION) {
            let all = wanted.data.keys().map(String::as_str).chain(stay);
            *keys = fingerprint::keys_digest(all);
        }
    }
    let field = |field: &str,
                 present: Option<&BTreeMap<String, String>>,
                 wanted: &BTreeMap<String, String>| {
        let before = written_before(meta, &target.manager, field);
        let goes = |name: &str| OURS_ALONE.contains(&name) || (!frozen && !partial && before.contains(name));
        let mut map: Map<_, _> = present
            .into_iter()
            .flat_map(BTreeMap::keys)
            .filter(|name| goes(name) && !wanted.contains_key(*name))
            .map(|name| (name.clone(), Value::Null))
            .collect();
        map.extend(wanted.iter().map(|(name, value)| (name.clone(), json!(value))));
        Value::Object(map)
    };
    let mut metadata = Map::new();
    metadata.insert(
        "labels".to_owned(),
        field("labels", meta.metadata.labels.as_ref(), &wanted.labels),
    );
    let annotations = field(
        "annotations",
        meta.metadata.annotations.as_ref(),
        &wanted.annotations,
    );
    if annotations.as_object().is_some_and(|map| !map.is_empty()) {
        metadata.insert("annotations".to_owned(), annotations);
    }
    let owners = owners(target, meta);
    if meta.metadata.owner_references.clone().unwrap_or_default() != owners {
        metadata.insert("ownerReferences".to_owned(), json!(owners));
    }
    let finalizers = finalizers(meta, wanted.finalizers.clone());
    if !frozen && !finalizers.is_empty() {
        metadata.insert("finalizers".to_owned(), json!(finalizers));
    }
    (wanted, dropped, metadata)
}

#[cfg(test)]
mod tests;
