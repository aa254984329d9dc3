//! The fields of a target that is no Secret: a document that templates write into at paths. Pure, and never printed.
//!
//! Own piece: JSON pointers, which the crates know, are not how the contract writes paths.

mod path;

use std::{collections::BTreeSet, fmt};

use serde_json::{Map, Value};

pub use path::Path;
use path::Segment;

/// Everything of an object but its metadata and what names its kind.
#[derive(Clone, Default, PartialEq)]
pub struct Fields(Map<String, Value>);

impl fmt::Debug for Fields {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[redacted]")
    }
}

/// Why a path leads nowhere. The texts name no key: keys may have been rendered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Misfit {
    /// A key, in something that is no mapping.
    #[error("the path leads through a value that is no mapping")]
    NotMapping,
    /// An index, in something that is no list.
    #[error("the path has an index into a value that is no list")]
    NotList,
    /// An index beyond the end.
    #[error("the path has an index that leaves out elements of the list before it; fill those first")]
    Gap,
}

impl Fields {
    /// The place that a path leads to, made where it is not there.
    fn place(&mut self, path: &Path) -> Result<&mut Value, Misfit> {
        let mut segments = path.segments().iter();
        let Some(Segment::Key(first)) = segments.next() else {
            return Err(Misfit::NotMapping);
        };
        let mut at = self.0.entry(&**first).or_insert(Value::Null);
        for segment in segments {
            at = match segment {
                Segment::Key(key) => {
                    if at.is_null() {
                        *at = Value::Object(Map::new());
                    }
                    let map = at.as_object_mut().ok_or(Misfit::NotMapping)?;
                    map.entry(&**key).or_insert(Value::Null)
                }
                Segment::Index(index) => {
                    if at.is_null() {
                        *at = Value::Array(vec![]);
                    }
                    let list = at.as_array_mut().ok_or(Misfit::NotList)?;
                    if *index == list.len() {
                        list.push(Value::Null);
                    }
                    list.get_mut(*index).ok_or(Misfit::Gap)?
                }
            };
        }
        Ok(at)
    }

    /// Puts a value at a path, whatever was there.
    pub fn set(&mut self, path: &Path, value: Value) -> Result<(), Misfit> {
        *self.place(path)? = value;
        Ok(())
    }

    /// Puts a value at a path. There, members of a mapping are added to those of another one; but what is put at a field of
    /// the object itself, such as `spec`, replaces it.
    pub fn merge(&mut self, path: &Path, value: Value) -> Result<(), Misfit> {
        let place = self.place(path)?;
        match (place, value) {
            (Value::Object(present), Value::Object(more)) if path.segments().len() > 1 => {
                present.extend(more);
            }
            (place, value) => *place = value,
        }
        Ok(())
    }

    /// Puts a member into the mapping at a path.
    pub fn insert(&mut self, path: &Path, key: &str, value: Value) -> Result<(), Misfit> {
        let place = self.place(path)?;
        if place.is_null() {
            *place = Value::Object(Map::new());
        }
        let map = place.as_object_mut().ok_or(Misfit::NotMapping)?;
        map.insert(key.to_owned(), value);
        Ok(())
    }

    /// The document, for the module that sends it.
    pub fn expose(&self) -> &Map<String, Value> {
        &self.0
    }

    /// Bytes that it has as JSON.
    pub fn size(&self) -> usize {
        serde_json::to_vec(&self.0).map_or(usize::MAX, |json| json.len())
    }

    /// Where its values stand: keys joined by `/`, ending before lists. `managedFields` tells the same of an object.
    pub fn leaves(&self) -> BTreeSet<String> {
        let mut leaves = BTreeSet::new();
        for (key, value) in &self.0 {
            collect(key.clone(), value, &mut leaves);
        }
        leaves
    }
}

fn collect(path: String, value: &Value, leaves: &mut BTreeSet<String>) {
    match value {
        Value::Object(map) if !map.is_empty() => {
            for (key, value) in map {
                collect(format!("{path}/{key}"), value, leaves);
            }
        }
        _ => {
            leaves.insert(path);
        }
    }
}

/// What YAML gave, as JSON has it; nothing where a text is not UTF-8.
pub fn json(value: gotext::json::Value) -> Option<Value> {
    use gotext::json::Value as Read;
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).ok();
    Some(match value {
        Read::Null => Value::Null,
        Read::Bool(bool) => Value::Bool(bool),
        Read::Number(number) => Value::Number(serde_json::from_str(number.as_str()).ok()?),
        Read::String(bytes) => Value::String(text(bytes.to_vec())?),
        Read::Array(elements) => Value::Array(elements.into_iter().map(json).collect::<Option<_>>()?),
        Read::Object(members) => {
            let members = members
                .into_iter()
                .map(|(key, value)| Some((text(key)?, json(value)?)));
            Value::Object(members.collect::<Option<_>>()?)
        }
    })
}

#[cfg(test)]
mod tests;
