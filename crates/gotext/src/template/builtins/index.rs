//! `index`, `slice`, `len`.

use super::prepare;
use crate::template::exec::Slot;
use crate::template::function::FuncError;
use crate::template::text::Text;
use crate::template::types::Type;
use crate::template::value::Value;

/// `index x 1 2` is Go's `x[1][2]`.
pub(super) fn index(slots: Vec<Slot>) -> Result<Slot, FuncError> {
    let mut slots = slots.into_iter();
    let mut item = slots.next().unwrap_or(Slot::INVALID).elem();
    if !item.is_valid() {
        return Err(FuncError::new("index of untyped nil"));
    }
    for index in slots {
        item = match &item.value {
            Value::Nil => return Err(FuncError::new("index of nil pointer")),
            Value::String(text) | Value::Bytes(text) => {
                let kind = if matches!(item.value, Value::String(_)) {
                    "string"
                } else {
                    "slice"
                };
                let at = position(&index.elem(), text.len())?;
                Slot::concrete(Value::byte(*text.get(at).ok_or_else(|| out_of_range(kind))?))
            }
            Value::List(list) => {
                let at = position(&index.elem(), list.len())?;
                Slot::typed(
                    list.get(at).ok_or_else(|| out_of_range("slice"))?.clone(),
                    *list.elem(),
                )
            }
            Value::Map(map) => {
                let key = prepare(&index.value, Type::String).map_err(FuncError::new)?;
                let value = key.as_bytes().and_then(|key| map.get(key));
                Slot::typed(value.unwrap_or_else(|| Value::zero(*map.elem())), *map.elem())
            }
            other => {
                return Err(FuncError::new(format!(
                    "can't index item of type {}",
                    pointed_to(other)
                )));
            }
        };
    }
    Ok(item)
}

/// Go permits the length itself here and fails a step later, with this text.
fn out_of_range(kind: &str) -> FuncError {
    FuncError::new(format!("reflect: {kind} index out of range"))
}

/// An index that is an integer from 0 to `max`.
fn position(index: &Slot, max: usize) -> Result<usize, FuncError> {
    let n = match (&index.value, index.in_interface) {
        (Value::Int(_, n), false) => *n,
        (Value::Uint(_, n), false) => n.cast_signed(),
        _ => {
            let text = match index.type_of() {
                Some(typ) => format!("cannot index slice/array with type {typ}"),
                None => "cannot index slice/array with nil".to_owned(),
            };
            return Err(FuncError::new(text));
        }
    };
    match usize::try_from(n) {
        Ok(at) if at <= max => Ok(at),
        _ => Err(FuncError::new(format!("index out of range: {n}"))),
    }
}

/// The type's name without the pointer, which Go follows first.
fn pointed_to(value: &Value) -> String {
    let name = value.type_of().map(|typ| typ.to_string()).unwrap_or_default();
    match value {
        Value::Object(_) => name.strip_prefix('*').unwrap_or(&name).to_owned(),
        _ => name,
    }
}

/// `slice x 1 2` is Go's `x[1:2]`.
pub(super) fn slice(slots: &[Slot]) -> Result<Slot, FuncError> {
    let Some((first, indexes)) = slots.split_first() else {
        return Err(FuncError::new("slice of untyped nil"));
    };
    let item = &first.value;
    let (len, cap) = match item {
        Value::Nil => return Err(FuncError::new("slice of untyped nil")),
        _ if indexes.len() > 3 => {
            return Err(FuncError::new(format!(
                "too many slice indexes: {}",
                indexes.len()
            )));
        }
        Value::String(_) if indexes.len() == 3 => {
            return Err(FuncError::new("cannot 3-index slice a string"));
        }
        Value::String(text) | Value::Bytes(text) => (text.len(), text.len()),
        Value::List(list) => (list.len(), list.capacity()),
        other => {
            return Err(FuncError::new(format!(
                "can't slice item of type {}",
                pointed_to(other)
            )));
        }
    };
    let mut bounds = [0, len, cap];
    for (bound, index) in bounds.iter_mut().zip(indexes) {
        *bound = position(index, cap)?;
    }
    let [start, end, cap] = bounds;
    if start > end {
        return Err(FuncError::new(format!("invalid slice index: {start} > {end}")));
    }
    if end > cap {
        return Err(FuncError::new(format!("invalid slice index: {end} > {cap}")));
    }
    Ok(Slot::concrete(match item {
        Value::String(text) => Value::String(part(text, start, end)),
        Value::Bytes(bytes) => Value::Bytes(part(bytes, start, end)),
        Value::List(list) => Value::List(list.part(start, end, cap).unwrap_or_else(|| list.clone())),
        other => other.clone(),
    }))
}

fn part(text: &Text, start: usize, end: usize) -> Text {
    if start == 0 && end == text.len() {
        text.clone()
    } else {
        Text::from(text.get(start..end).unwrap_or_default())
    }
}

/// `len x`
pub(super) fn len(slots: Vec<Slot>) -> Result<Slot, FuncError> {
    let slot = slots.into_iter().next().unwrap_or(Slot::INVALID);
    let len = match &slot.value {
        Value::String(text) | Value::Bytes(text) => text.len(),
        Value::List(list) => list.len(),
        Value::Map(map) => map.len(),
        Value::Nil if slot.in_interface => return Err(FuncError::new("len of nil pointer")),
        Value::Nil => {
            return Err(FuncError::new(
                "reflect: call of reflect.Value.Type on zero Value",
            ));
        }
        other => return Err(FuncError::new(format!("len of type {}", pointed_to(other)))),
    };
    Ok(Slot::concrete(Value::int(i64::try_from(len).unwrap_or(i64::MAX))))
}
