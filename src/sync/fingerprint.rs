//! Names and digests that ESO and keyferry agree on, so that objects can move between them without a write.

use std::collections::BTreeMap;

use sha3::{Digest, Sha3_224};

use crate::{api::names, secret_bytes::SecretBytes};

/// Lower-case hex of SHA3-224.
pub fn sha3_hex(text: impl AsRef<[u8]>) -> String {
    hex(&Sha3_224::digest(text.as_ref()))
}

/// Lower-case hex.
pub fn hex(bytes: &[u8]) -> String {
    let digit = |nibble: u8| char::from_digit(u32::from(nibble), 16).unwrap_or_default();
    bytes
        .iter()
        .flat_map(|byte| [digit(byte >> 4), digit(byte & 0xf)])
        .collect()
}

/// Value of the created-by label: which ExternalSecret owns a Secret.
pub fn created_by(namespace: &str, name: &str) -> String {
    sha3_hex(format!("{namespace}/{name}"))
}

/// Field manager under which the target of an ExternalSecret is written. Managers have 128 bytes, but ESO hashes names
/// from 28 characters on, and its entries must be ours to continue.
pub fn field_manager(name: &str) -> String {
    let manager = format!("{}{name}", names::FIELD_MANAGER_PREFIX);
    if manager.len() <= 63 {
        return manager;
    }
    format!("{}sha3/{}", names::FIELD_MANAGER_PREFIX, sha3_hex(name))
}

/// `status.syncedResourceVersion`: the generation and a hash of annotations and labels, in ESO's formula.
pub fn synced_form(
    generation: i64,
    annotations: &BTreeMap<String, String>,
    labels: &BTreeMap<String, String>,
) -> String {
    let map = |entries: &BTreeMap<String, String>| {
        let pairs: Vec<_> = entries.iter().map(|(k, v)| format!("{k}:{v}")).collect();
        format!("map[{}]", pairs.join(" "))
    };
    let text = format!("{{annotations:{} labels:{}}}", map(annotations), map(labels));
    format!("{generation}-{}", sha3_hex(text))
}

/// The generation in a `syncedResourceVersion`.
pub fn generation_of(synced_form: &str) -> Option<i64> {
    synced_form.split_once('-')?.0.parse().ok()
}

/// ESO's hash of a Secret's data: Go's print of a map of byte slices. Fed piece by piece, so that no copy is left.
pub fn data_hash(data: &BTreeMap<String, SecretBytes>) -> String {
    let mut digest = Sha3_224::new();
    digest.update("map[");
    for (nth, (key, value)) in data.iter().enumerate() {
        digest.update(if nth == 0 { "" } else { " " });
        digest.update(key);
        digest.update(":[");
        for (nth, byte) in value.expose().iter().enumerate() {
            digest.update(if nth == 0 { "" } else { " " });
            digest.update(byte.to_string());
        }
        digest.update("]");
    }
    digest.update("]");
    hex(&digest.finalize())
}

/// Digest of key names, without values: tells from metadata alone whether keys came or went.
pub fn keys_digest<'a>(keys: impl IntoIterator<Item = &'a str>) -> String {
    let mut keys: Vec<_> = keys.into_iter().collect();
    keys.sort_unstable();
    let mut digest = sha3_hex(keys.join("\n"));
    digest.truncate(32);
    digest
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hash(data: &[(&str, &str)]) -> String {
        let data = data
            .iter()
            .map(|(key, value)| ((*key).to_owned(), SecretBytes::new(value.as_bytes().to_vec())));
        data_hash(&data.collect())
    }

    #[test]
    fn the_hash_of_data_is_esos() {
        assert_eq!(
            hash(&[("foo", "value1"), ("bar", "value2")]),
            "1bed8bcbcb4547ffe19a19cd47d9078e84aa6598266d86b99f992d64"
        );
        assert_eq!(
            hash(&[]),
            "74a974446e359fb3e6baff9bd0058950e6edd0f040888d9989b0a11b"
        );
    }

    fn map(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
        pairs
            .iter()
            .map(|(k, v)| ((*k).to_owned(), (*v).to_owned()))
            .collect()
    }

    #[test]
    fn created_by_equals_esos_hash() {
        assert_eq!(
            created_by("default", "my-es"),
            "b8464376b5fe3535e690594280bfe59b60be2603cb6cbb6d6c8bcbb4"
        );
    }

    #[test]
    fn the_synced_form_of_an_object_without_metadata_equals_esos() {
        let form = synced_form(3, &map(&[]), &map(&[]));
        assert_eq!(form, "3-f47fe3c0b255b6dd8047cdffa772587bb829efe7a1cb70febeda2eb2");
        assert_eq!(generation_of(&form), Some(3));
    }

    #[test]
    fn long_names_are_hashed_in_the_field_manager() {
        let short = "a".repeat(27);
        assert_eq!(
            field_manager(&short),
            format!("externalsecrets.external-secrets.io/{short}")
        );
        let long = field_manager(&"a".repeat(28));
        assert!(
            long.starts_with("externalsecrets.external-secrets.io/sha3/"),
            "{long}"
        );
        assert_eq!(long.len(), "externalsecrets.external-secrets.io/sha3/".len() + 56);
    }

    #[test]
    fn the_digest_of_keys_does_not_depend_on_their_order() {
        assert_eq!(keys_digest(["b", "a"]), keys_digest(["a", "b"]));
        assert_ne!(keys_digest(["a"]), keys_digest(["a", "b"]));
    }
}
