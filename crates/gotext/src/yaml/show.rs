//! How errors show a value: as Go's `%#v` prints what `yaml.v2` made of it.

use super::decode::{Decoded, Members};
use super::resolve::Resolved;
use crate::strconv::{FloatForm, FloatSize, format_float, quote};

/// The value on its own, where nil is `<nil>`.
pub(super) fn show(value: &Decoded) -> String {
    match value {
        Decoded::Scalar(Resolved::Null) => "<nil>".to_owned(),
        other => inside(other),
    }
}

/// The value as an element of another.
fn inside(value: &Decoded) -> String {
    match value {
        Decoded::Text(text) => quote(text),
        Decoded::Scalar(Resolved::Bool(value)) => value.to_string(),
        Decoded::Scalar(Resolved::Int(value)) => value.to_string(),
        Decoded::Scalar(Resolved::Uint(value)) => format!("{value:#x}"),
        Decoded::Scalar(Resolved::Float(value)) => {
            format_float(*value, FloatForm::General, None, FloatSize::Bits64)
        }
        Decoded::Scalar(Resolved::Null | Resolved::Timestamp | Resolved::Text) => {
            "interface {}(nil)".to_owned()
        }
        Decoded::Sequence(elements) => {
            let elements: Vec<String> = elements.iter().map(inside).collect();
            format!("[]interface {{}}{{{}}}", elements.join(", "))
        }
        Decoded::Mapping(members) => mapping(members),
    }
}

/// Keys of one type are sorted. Go sorts the types by where they lie in memory, which is no order to follow.
fn mapping(members: &Members) -> String {
    let mut shown: Vec<_> = members.iter().collect();
    shown.sort_by(|(a, _), (b, _)| match (a, b) {
        (Decoded::Text(a), Decoded::Text(b)) => a.cmp(b),
        (Decoded::Scalar(Resolved::Int(a)), Decoded::Scalar(Resolved::Int(b))) => a.cmp(b),
        (Decoded::Scalar(Resolved::Float(a)), Decoded::Scalar(Resolved::Float(b))) => a.total_cmp(b),
        (a, b) => rank(a).cmp(&rank(b)),
    });
    let shown: Vec<String> = shown
        .into_iter()
        .map(|(key, value)| format!("{}:{}", inside(key), inside(value)))
        .collect();
    format!("map[interface {{}}]interface {{}}{{{}}}", shown.join(", "))
}

fn rank(key: &Decoded) -> u8 {
    match key {
        Decoded::Scalar(Resolved::Null | Resolved::Timestamp | Resolved::Text) => 0,
        Decoded::Scalar(Resolved::Bool(false)) => 1,
        Decoded::Scalar(Resolved::Bool(true)) => 2,
        Decoded::Scalar(Resolved::Int(_) | Resolved::Uint(_)) => 3,
        Decoded::Scalar(Resolved::Float(_)) => 4,
        Decoded::Text(_) | Decoded::Sequence(_) | Decoded::Mapping(_) => 5,
    }
}
