//! The rounds of a `range`: what it goes over, in Go's order.

use std::vec::IntoIter;

use super::slot::Slot;
use crate::template::list::List;
use crate::template::text::Text;
use crate::template::types::{IntKind, Type, UintKind};
use crate::template::value::Value;

/// The rounds that are left, as index and element.
pub(super) enum Rounds {
    Int(IntKind, i64, i64),
    Uint(UintKind, u64, u64),
    List(List, usize),
    Bytes(Text, usize),
    Map(IntoIter<(Text, Value)>, &'static Type),
    /// Nil: nothing to go over, which is no error.
    Nothing,
}

impl Rounds {
    /// `None` if a value of that type cannot be ranged over.
    pub(super) fn over(value: &Value) -> Option<Self> {
        Some(match value {
            Value::Nil => Self::Nothing,
            Value::Int(kind, n) => Self::Int(*kind, 0, *n),
            Value::Uint(kind, n) => Self::Uint(*kind, 0, *n),
            Value::List(list) => Self::List(list.clone(), 0),
            Value::Bytes(bytes) => Self::Bytes(bytes.clone(), 0),
            Value::Map(map) => {
                // Go sorts the keys before the first round, too: later changes to the map do not show.
                let entries: Vec<_> = map
                    .entries()
                    .iter()
                    .map(|(k, v)| (k.clone(), v.clone()))
                    .collect();
                Self::Map(entries.into_iter(), map.elem())
            }
            Value::Bool(_)
            | Value::Float(..)
            | Value::Complex(_)
            | Value::String(_)
            | Value::Object(_)
            | Value::Func(_) => return None,
        })
    }

    /// Whether this counts, so that there is no index besides the element.
    pub(super) fn is_count(&self) -> bool {
        matches!(self, Self::Int(..) | Self::Uint(..))
    }

    pub(super) fn next(&mut self) -> Option<(Slot, Slot)> {
        match self {
            Self::Int(kind, at, end) => (*at < *end).then(|| {
                let round = Slot::concrete(Value::Int(*kind, *at));
                *at += 1;
                (Slot::INVALID, round)
            }),
            Self::Uint(kind, at, end) => (*at < *end).then(|| {
                let round = Slot::concrete(Value::Uint(*kind, *at));
                *at += 1;
                (Slot::INVALID, round)
            }),
            Self::List(list, at) => {
                let item = list.get(*at)?.clone();
                let index = index(*at);
                *at += 1;
                Some((index, Slot::typed(item, *list.elem())))
            }
            Self::Bytes(bytes, at) => {
                let item = Value::byte(*bytes.get(*at)?);
                let index = index(*at);
                *at += 1;
                Some((index, Slot::concrete(item)))
            }
            Self::Map(entries, elem) => {
                let (key, value) = entries.next()?;
                Some((Slot::concrete(Value::String(key)), Slot::typed(value, **elem)))
            }
            Self::Nothing => None,
        }
    }
}

fn index(at: usize) -> Slot {
    Slot::concrete(Value::int(i64::try_from(at).unwrap_or(i64::MAX)))
}
