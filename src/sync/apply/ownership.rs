//! Whose a target is: what it carries as ours, and who else may own it.

use std::collections::BTreeMap;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::{ObjectMeta, OwnerReference};

use super::merged;
use crate::{
    api::{external_secret::CreationPolicy, names},
    secrets_api::SecretMeta,
    sync::{
        cause::{Cause, Failure},
        fingerprint,
        object::Object,
        record::Record,
        render::Rendered,
        spec::Spec,
        target::{self, TargetView},
    },
};

/// The reference that makes the target go with the object.
pub(super) fn owner(object: &Object, spec: &Spec) -> Option<OwnerReference> {
    let owns = spec.target.creation == CreationPolicy::Owner && !object.retained_on_delete();
    owns.then(|| OwnerReference {
        api_version: names::API_VERSION.to_owned(),
        kind: "ExternalSecret".to_owned(),
        name: object.name.to_string(),
        uid: object.uid.to_string(),
        controller: Some(true),
        block_owner_deletion: Some(true),
    })
}

/// Labels and annotations: those that were rendered, and our marks.
pub(super) fn marked(
    object: &Object,
    spec: &Spec,
    rendered: &Rendered,
) -> (BTreeMap<String, String>, BTreeMap<String, String>) {
    let mut labels = rendered.labels.clone();
    labels.insert(names::MANAGED_LABEL.to_owned(), "true".to_owned());
    if spec.target.creation == CreationPolicy::Owner {
        labels.insert(names::CREATED_BY_LABEL.to_owned(), object.created_by.to_string());
    }
    let mut annotations = rendered.annotations.clone();
    if !spec.target.creation.merges() {
        annotations.insert(names::KEYS_ANNOTATION.to_owned(), rendered.keys_digest(spec));
    }
    (labels, annotations)
}

/// A target that belongs to somebody else is left alone; under the merging policies only to another ExternalSecret.
pub(super) fn check_owner(object: &Object, spec: &Spec, meta: &ObjectMeta) -> Result<(), Failure> {
    let owners = meta.owner_references.as_deref().unwrap_or_default();
    let target = spec.target.id();
    let sort = if target.kind.is_none() {
        "secret"
    } else {
        "resource"
    };
    match target::controller(owners) {
        None => Ok(()),
        Some(c) if c.is_external_secret && *c.name == *object.name => Ok(()),
        Some(c) if c.is_external_secret => Err(Failure::new(
            Cause::TargetOwned,
            format!(
                "{sort} is owned by another ExternalSecret: {}; let one of the two write {target}",
                c.name
            ),
        )
        .headline("target is owned by another ExternalSecret")),
        Some(_) if spec.target.creation.merges() => Ok(()),
        Some(c) => Err(Failure::new(
            Cause::TargetOwned,
            format!(
                "could not set controller reference on {sort}: {target} is controlled by {} {}; choose another \
                 target.name, or creationPolicy Merge",
                c.kind, c.name
            ),
        )
        .headline("failed to take ownership of target secret")),
    }
}

/// Whether we wrote this Secret as a whole. A key that was merged into it, or a label, is not enough: under Owner and
/// Orphan everything else in it would go.
pub(super) fn is_ours(object: &Object, record: &Record, meta: &SecretMeta) -> bool {
    let view = TargetView::new(meta);
    let written = record.written.as_ref();
    if written.is_some_and(|written| written.whole && written.uid == view.uid)
        || view
            .controller
            .as_ref()
            .is_some_and(|controller| *controller.uid == *object.uid)
    {
        return true;
    }
    let alone = view.foreign_writer.is_none() && view.writers.len() <= 1;
    let marked = view.keys.is_some() || view.created_by.as_ref() == Some(&object.created_by);
    merged::written_by(meta, &fingerprint::field_manager(&object.name))
        && (marked || (view.written_by_eso && alone))
}

#[cfg(test)]
mod tests;
