//! `merge` and `mergeOverwrite`: the rules of Go's `mergo` for maps.
//!
//! Maps found on both sides merge in place. Otherwise the source's value is taken if it is to overwrite, or if the
//! destination has none or an empty one. Whatever is taken is shared, not copied.

use super::super::defaults::is_empty;
use super::maps;
use crate::template::{Args, Context, Entries, FuncError, Map, Text, Type, Value};

/// Merges and gives the destination; an error gives the empty string.
pub(super) fn forgiving(
    context: &mut Context<'_>,
    args: Args<'_>,
    overwrite: bool,
) -> Result<Value, FuncError> {
    match merge(context, args, overwrite) {
        Err(FuncError::Message(text)) if *text == *DIFFERENT_TYPES => Ok(Value::EMPTY),
        other => other,
    }
}

/// mergo's error; its other failures are panics, which not even `merge` swallows.
const DIFFERENT_TYPES: &[u8] = b"src and dst must be of same type";

/// Merges all maps but the first into the first and gives that.
pub(super) fn merge(context: &mut Context<'_>, args: Args<'_>, overwrite: bool) -> Result<Value, FuncError> {
    let mut destination = args.map(0);
    for source in maps(args, 1) {
        if destination.is_nil() && !source.is_nil() {
            destination = Map::any(Entries::new());
        }
        merge_maps(context, &destination, source, overwrite, 0)?;
    }
    Ok(Value::Map(destination))
}

fn merge_maps(
    context: &mut Context<'_>,
    destination: &Map,
    source: &Map,
    overwrite: bool,
    depth: usize,
) -> Result<(), FuncError> {
    context.check_depth(depth)?;
    if destination.is_nil() {
        return Ok(());
    }
    for (key, value) in source.entries().iter() {
        context.charge(1)?;
        let current = destination.get(key);
        let full = current.as_ref().is_some_and(|current| !is_empty(current));
        let take = match (value, &current) {
            (Value::Nil, _) => overwrite,
            (Value::Map(inner), Some(Value::Map(target))) => {
                merge_maps(context, target, inner, overwrite, depth + 1)?;
                target.is_empty()
            }
            // Go looks through a pointer on the destination's side and finds another type there.
            (Value::Map(_) | Value::Object(_), Some(target))
                if !overwrite && is_pointer(target) && !is_pointer(value) =>
            {
                return Err(FuncError::new(DIFFERENT_TYPES));
            }
            _ => overwrite || !full,
        };
        if take {
            put(context, destination, source, key, value)?;
        }
    }
    Ok(())
}

fn is_pointer(value: &Value) -> bool {
    matches!(value, Value::Object(object) if object.type_name().starts_with('*'))
}

/// `destination[key] = value`; the error is Go's panic where the map cannot hold the value.
fn put(
    context: &mut Context<'_>,
    destination: &Map,
    source: &Map,
    key: &Text,
    value: &Value,
) -> Result<(), FuncError> {
    // Lists are put by themselves, all else as the source holds it.
    let held = match value {
        Value::List(_) | Value::Bytes(_) => value.type_of().unwrap_or(Type::Any),
        _ => *source.elem(),
    };
    let wanted = *destination.elem();
    if wanted != Type::Any && wanted != held {
        return Err(FuncError::new(format!(
            "reflect.Value.SetMapIndex: value of type {held} is not assignable to type {wanted}"
        )));
    }
    context.change(destination, |entries| entries.insert(key.clone(), value.clone()))?;
    Ok(())
}
