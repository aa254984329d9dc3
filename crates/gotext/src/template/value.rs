//! The values templates work on: Go values with their Go types.
//!
//! What a value *is* in Go decides what it prints as and which functions take it, so nothing is merged: `int` and
//! `int64` are two types, `[]interface {}` and `[]string` too, and a nil slice is not an empty one.

use std::sync::Arc;

use super::function::Function;
use super::list::List;
use super::map::Map;
use super::object::Object;
use super::text::Text;
use super::types::{FloatKind, IntKind, Type, UintKind};
use crate::json;

/// A Go value. Clones are cheap (at most a reference count) and maps are shared, as in Go.
///
/// Strings wipe their bytes when the last holder drops them. `Debug` shows types and sizes of strings and
/// containers, never their content.
#[derive(Clone, Debug, Default)]
pub enum Value {
    /// The nil interface: prints `<no value>` at top level and `<nil>` elsewhere.
    #[default]
    Nil,
    /// `bool`
    Bool(bool),
    /// A signed integer; the number is always within the kind's range.
    Int(IntKind, i64),
    /// An unsigned integer; the number is always within the kind's range.
    Uint(UintKind, u64),
    /// A float; a `float32` is held rounded to its precision.
    Float(FloatKind, f64),
    /// `complex128`, real and imaginary; only literals such as `{{1i}}` make one.
    Complex(Arc<(f64, f64)>),
    /// `string`: any bytes.
    String(Text),
    /// `[]uint8` other than the nil one.
    Bytes(Text),
    /// Any other slice.
    List(List),
    /// A map with string keys.
    Map(Map),
    /// A value with methods or fields.
    Object(Arc<dyn Object>),
    /// A function as a value, for `call`.
    Func(&'static Function),
}

impl Value {
    /// The empty string.
    pub const EMPTY: Self = Self::String(Text::EMPTY);

    /// A `string`.
    pub fn string(text: impl Into<Text>) -> Self {
        Self::String(text.into())
    }

    /// A Go `int`.
    pub fn int(n: i64) -> Self {
        Self::Int(IntKind::Int, n)
    }

    /// A Go `int64`.
    pub fn int64(n: i64) -> Self {
        Self::Int(IntKind::Int64, n)
    }

    /// A Go `float64`.
    pub fn float64(x: f64) -> Self {
        Self::Float(FloatKind::Float64, x)
    }

    /// A Go `uint8`.
    pub fn byte(n: u8) -> Self {
        Self::Uint(UintKind::Uint8, u64::from(n))
    }

    /// A Go `complex128`.
    pub fn complex(real: f64, imaginary: f64) -> Self {
        Self::Complex(Arc::new((real, imaginary)))
    }

    /// `[]interface {}`
    pub fn list(items: Vec<Self>) -> Self {
        Self::List(List::any(items))
    }

    /// `[]string`
    pub fn strings<T: Into<Text>>(items: impl IntoIterator<Item = T>) -> Self {
        Self::List(List::strings(items))
    }

    /// An object.
    pub fn object(object: impl Object) -> Self {
        Self::Object(Arc::new(object))
    }

    /// The dynamic Go type; `None` for the nil interface, which has none.
    pub fn type_of(&self) -> Option<Type> {
        Some(match self {
            Self::Nil => return None,
            Self::Bool(_) => Type::Bool,
            Self::Int(kind, _) => Type::Int(*kind),
            Self::Uint(kind, _) => Type::Uint(*kind),
            Self::Float(kind, _) => Type::Float(*kind),
            Self::Complex(_) => Type::Complex,
            Self::String(_) => Type::String,
            Self::Bytes(_) => Type::BYTES,
            Self::List(list) => Type::Slice(list.elem()),
            Self::Map(map) => Type::Map(map.elem()),
            Self::Object(object) => object.go_type(),
            Self::Func(_) => Type::Func("func"),
        })
    }

    /// The zero value of `typ`: what a missing key of a `map[string]T` gives.
    pub fn zero(typ: Type) -> Self {
        match typ {
            Type::Bool => Self::Bool(false),
            Type::String => Self::EMPTY,
            Type::Int(kind) => Self::Int(kind, 0),
            Type::Uint(kind) => Self::Uint(kind, 0),
            Type::Float(kind) => Self::Float(kind, 0.0),
            Type::Complex => Self::Complex(Arc::new((0.0, 0.0))),
            Type::Slice(elem) => Self::List(List::nil(elem)),
            Type::Map(elem) => Self::Map(Map::nil(elem)),
            Type::Any | Type::Error | Type::Object(_) | Type::Func(_) => Self::Nil,
        }
    }

    /// Go's notion of truth in `if`, `and`, `or`: not the zero value, not empty. Objects are true.
    pub fn is_true(&self) -> bool {
        match self {
            Self::Nil => false,
            Self::Bool(value) => *value,
            Self::Int(_, n) => *n != 0,
            Self::Uint(_, n) => *n != 0,
            Self::Float(_, x) => *x != 0.0,
            Self::Complex(parts) => parts.0 != 0.0 || parts.1 != 0.0,
            Self::String(text) | Self::Bytes(text) => !text.is_empty(),
            Self::List(list) => !list.is_empty(),
            Self::Map(map) => !map.is_empty(),
            Self::Object(_) | Self::Func(_) => true,
        }
    }

    /// A `string`'s bytes, or a `[]uint8`'s.
    pub fn as_bytes(&self) -> Option<&[u8]> {
        match self {
            Self::String(text) | Self::Bytes(text) => Some(text),
            Self::List(list) if list.is_nil_bytes() => Some(&[]),
            _ => None,
        }
    }

    /// Whether dropping it may drop other containers.
    pub(super) fn is_container(&self) -> bool {
        matches!(self, Self::List(_) | Self::Map(_))
    }
}

/// Drops values without recursion: templates can nest lists a million deep, and the compiler's own drop would
/// overflow the stack.
pub(super) fn drop_deep(mut todo: Vec<Value>) {
    while let Some(value) = todo.pop() {
        let children = match value {
            Value::List(list) => list.into_unshared(),
            Value::Map(map) => map.into_unshared(),
            _ => None,
        };
        if let Some(children) = children {
            todo.extend(children.into_iter().filter(Value::is_container));
        }
    }
}

impl From<bool> for Value {
    fn from(value: bool) -> Self {
        Self::Bool(value)
    }
}

impl From<Text> for Value {
    fn from(text: Text) -> Self {
        Self::String(text)
    }
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Self::String(text.into())
    }
}

impl From<Map> for Value {
    fn from(map: Map) -> Self {
        Self::Map(map)
    }
}

impl From<List> for Value {
    fn from(list: List) -> Self {
        Self::List(list)
    }
}

impl From<json::Value> for Value {
    /// What `json.Unmarshal` makes of it in an `interface {}`: numbers become `float64`.
    fn from(value: json::Value) -> Self {
        match value {
            json::Value::Null => Self::Nil,
            json::Value::Bool(value) => Self::Bool(value),
            json::Value::Number(number) => Self::float64(number.to_f64()),
            json::Value::String(text) => Self::String(text.into()),
            json::Value::Array(items) => Self::list(items.into_iter().map(Self::from).collect()),
            json::Value::Object(members) => {
                let entries = members
                    .into_iter()
                    .map(|(key, value)| (Text::from(key), Self::from(value)));
                Self::Map(Map::any(entries.collect()))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::map::Entries;
    use super::*;

    #[test]
    fn a_list_nested_a_million_deep_is_dropped_without_overflowing_the_stack() {
        let mut value = Value::list(vec![]);
        for _ in 0..1_000_000 {
            value = Value::list(vec![value]);
        }
        drop(value);
    }

    #[test]
    fn a_map_chain_nested_deep_is_dropped_without_overflowing_the_stack() {
        let mut value = Value::Nil;
        for _ in 0..300_000 {
            value = Value::Map(Map::any(Entries::from([(Text::from("next"), value)])));
        }
        drop(value);
    }

    #[test]
    fn a_map_is_a_reference_that_all_clones_share() {
        let map = Map::any(Entries::new());
        let alias = map.clone();
        map.change(|entries| entries.insert("k".into(), Value::int(1)));
        assert_eq!(alias.len(), 1);
    }

    #[test]
    fn a_snapshot_does_not_see_later_changes() {
        let map = Map::any(Entries::new());
        let snapshot = map.entries();
        map.change(|entries| entries.insert("k".into(), Value::int(1)));
        assert!(snapshot.is_empty());
    }
}
