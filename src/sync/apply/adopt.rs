//! Safe adoption: a Secret that we did not write is taken over only where nothing is lost, or with consent.

use std::collections::BTreeSet;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;

use super::{Adoption, Attempt, Target};
use crate::{
    api::names,
    secrets_api::{self, Guarded, SecretMeta, Shape},
    sync::{
        cause::{Cause, Failure},
        object::Object,
        target::data_keys,
    },
};

/// Keys that are named in a message.
const NAMED_KEYS: usize = 10;

/// Proves that nothing is lost: every existing key is wanted, and holds the wanted value.
pub(super) async fn check(target: &Target<'_>, meta: &SecretMeta, shape: &Shape) -> Result<(), Attempt> {
    if consents(target.writer.adoption, target.object, &meta.metadata) {
        return Ok(());
    }
    let wanted = &target.rendered.data;
    let existing: BTreeSet<&str> = meta
        .metadata
        .managed_fields
        .iter()
        .flatten()
        .flat_map(data_keys)
        .collect();
    // managedFields can be incomplete; the server's own count cannot.
    if existing.len() != shape.keys {
        return Err(refused(
            target,
            "holds keys whose names cannot be told from its metadata",
        ));
    }
    let foreign: Vec<_> = existing
        .iter()
        .copied()
        .filter(|key| !wanted.contains_key(*key))
        .collect();
    if !foreign.is_empty() {
        return Err(refused(
            target,
            &format!("holds keys that would be lost ({})", named(&foreign)),
        ));
    }
    if existing.is_empty() {
        return Ok(());
    }
    let same_keys = wanted.iter().filter(|(key, _)| existing.contains(key.as_str()));
    let same_keys = same_keys
        .map(|(key, value)| (key.clone(), value.clone()))
        .collect();
    let at = Guarded {
        namespace: &target.object.namespace,
        name: target.name(),
        manager: &target.manager,
        resource_version: meta.metadata.resource_version.as_deref().unwrap_or_default(),
    };
    let equal = secrets_api::values_equal(&target.writer.client, at, &same_keys);
    if equal.await.map_err(|e| target.attempt(&e, "patch"))? {
        return Ok(());
    }
    let existing: Vec<_> = existing.into_iter().collect();
    Err(refused(
        target,
        &format!("holds other values for its keys ({})", named(&existing)),
    ))
}

/// Whether somebody who may say so wants the target to be taken over.
pub(super) fn consents(adoption: Adoption, object: &Object, meta: &ObjectMeta) -> bool {
    let name = &*object.name;
    let on_target = meta
        .annotations
        .as_ref()
        .and_then(|a| a.get(names::ADOPT_ANNOTATION));
    let on_object = object.annotations.get(names::ADOPT_ANNOTATION);
    let by_target = on_target.is_some_and(|value| value == name);
    let by_object = on_object.is_some_and(|value| value == name || value == "true");
    match adoption {
        Adoption::Safe => by_target,
        Adoption::Es => by_target || by_object,
        Adoption::Always => true,
    }
}

fn named(keys: &[&str]) -> String {
    let more = keys.len().saturating_sub(NAMED_KEYS);
    let text = keys
        .iter()
        .take(NAMED_KEYS)
        .copied()
        .collect::<Vec<_>>()
        .join(", ");
    if more > 0 {
        format!("{text} and {more} more")
    } else {
        text
    }
}

fn refused(target: &Target<'_>, why: &str) -> Attempt {
    let (secret, object) = (target.name(), &target.object.name);
    Attempt::Failed(
        Failure::new(
            Cause::TargetNotAdopted,
            format!(
                "Secret {secret} exists, was not written by this ExternalSecret and {why}; nothing was written. To hand it \
                 over, annotate the Secret with {}={object}",
                names::ADOPT_ANNOTATION
            ),
        )
        .headline("could not update secret"),
    )
}
