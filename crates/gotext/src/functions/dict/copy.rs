//! `deepCopy`: a value that shares no map with the original.

use super::super::{date, semver};
use crate::template::{Args, Context, Entries, FuncError, List, Map, Value};

/// Copies lists and maps throughout. Nil has no type to copy, which is an error, as in Go.
pub(super) fn deep_copy(context: &mut Context<'_>, args: Args<'_>) -> Result<Value, FuncError> {
    match args.value(0) {
        Value::Nil => Err(FuncError::new(
            "reflect: call of reflect.Value.Type on zero Value",
        )),
        value => copied(context, value, 0),
    }
}

fn copied(context: &mut Context<'_>, value: &Value, depth: usize) -> Result<Value, FuncError> {
    context.charge(1)?;
    Ok(match value {
        Value::List(list) if !list.is_nil() => {
            context.check_depth(depth + 1)?;
            context.charge_items(list.len())?;
            let mut items = Vec::with_capacity(list.len());
            for item in list.iter() {
                items.push(copied(context, item, depth + 1)?);
            }
            Value::List(List::new(list.elem(), items))
        }
        Value::Map(map) if !map.is_nil() => {
            context.check_depth(depth + 1)?;
            let original = map.entries();
            context.charge_items(original.len())?;
            let mut entries = Entries::new();
            for (key, value) in original.iter() {
                entries.insert(key.clone(), copied(context, value, depth + 1)?);
            }
            Value::Map(Map::new(map.elem(), entries))
        }
        Value::Object(object) => semver::copied(&**object)
            .or_else(|| date::copied(&**object))
            .unwrap_or_else(|| value.clone()),
        // Everything else never changes.
        _ => value.clone(),
    })
}
