//! What creationPolicy, deletionPolicy and refreshPolicy make of each thing that can happen; docs/policies.md is the same
//! as a table for users.

mod adoption;
mod changes;
mod conditions;
mod lives;
mod metadata;
mod settled;
mod targets;

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::world::Space;

/// One entry of `spec.data`: the whole value of a secret of this space under a key.
pub(crate) fn entry(space: &Space, key: &str, secret: &str) -> Value {
    json!({ "secretKey": key, "remoteRef": { "key": space.id(secret) } })
}

/// Data as tests write it.
pub(crate) fn map(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
    pairs
        .iter()
        .map(|(key, value)| ((*key).to_owned(), (*value).to_owned()))
        .collect()
}
