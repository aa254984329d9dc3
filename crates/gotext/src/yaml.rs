//! YAML as `sigs.k8s.io/yaml` reads and writes it: by way of JSON, with the YAML 1.1 rules of `yaml.v2`.
//!
//! All of it is own code: the crates read YAML 1.2, which takes other texts, and none resolves and quotes words
//! as `yaml.v2` does. Nesting, aliases and keys are bounded.

mod decode;
mod emit;
mod error;
mod load;
mod order;
mod resolve;
mod scalar;
mod scan;
mod show;
mod timestamp;
mod token;

use std::collections::BTreeMap;

use zeroize::Zeroizing;

pub use emit::to_vec;
pub use error::{EmitError, Error};

use crate::json::Value;

/// `yaml.Unmarshal` of the first document into an `any`; an empty text gives null.
pub fn parse(text: &[u8]) -> Result<Value, Error> {
    decode::to_json(decode::first_document(text)?)
}

/// `yaml.Unmarshal` of the first document into a `map[string]any`; null and an empty text give no members.
pub fn parse_map(text: &[u8]) -> Result<Vec<(Vec<u8>, Value)>, Error> {
    match parse(text)? {
        Value::Null => Ok(Vec::new()),
        Value::Object(members) => Ok(members),
        other => Err(Error::type_mismatch(&other, "map[string]interface {}")),
    }
}

/// `yaml.Unmarshal` of the first document into a `map[string]string`: numbers and booleans become text, null
/// becomes empty text.
pub fn parse_string_map(text: &[u8]) -> Result<BTreeMap<String, Zeroizing<Vec<u8>>>, Error> {
    decode::to_string_map(decode::first_document(text)?)
}

#[cfg(test)]
mod tests;
