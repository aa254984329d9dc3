//! Maps. `set`, `unset` and the merges change the map they are given, for all who hold it.
//!
//! Go's order of `keys` and `values` is random; here it is that of the keys.

mod copy;
mod merge;

use super::text::strval;
use crate::template::{Args, Context, Entries, FuncError, Function, Map, Text, Type, Value};

const MAP: Type = Type::ANY_MAP;
const STRING: Type = Type::String;
const MERGE: &[Type] = &[MAP, MAP];

/// The functions of this family.
pub(super) const TABLE: &[Function] = &[
    Function::variadic("dict", &[Type::Any], MAP, dict),
    Function::fixed("get", &[MAP, STRING], Type::Any, |_, args| {
        Ok(args.map(0).get(args.bytes(1)).unwrap_or(Value::EMPTY))
    }),
    Function::fixed("set", &[MAP, STRING, Type::Any], MAP, |context, args| {
        let (key, value) = (args.text(1), args.value(2).clone());
        context.charge_bytes(key.len())?;
        context.change(&args.map(0), |entries| entries.insert(key, value))?;
        Ok(args.value(0).clone())
    }),
    Function::fixed("unset", &[MAP, STRING], MAP, |context, args| {
        // Removing from a nil map is allowed in Go.
        if !args.map(0).is_nil() {
            context.change(&args.map(0), |entries| entries.remove(args.bytes(1)))?;
        }
        Ok(args.value(0).clone())
    }),
    Function::fixed("hasKey", &[MAP, STRING], Type::Bool, |_, args| {
        Ok(Value::Bool(args.map(0).get(args.bytes(1)).is_some()))
    }),
    Function::variadic("pluck", &[STRING, MAP], Type::ANY_LIST, |context, args| {
        context.charge_items(args.len())?;
        let found = maps(args, 1).filter_map(|map| map.get(args.bytes(0)));
        Ok(Value::list(found.collect()))
    }),
    Function::variadic("keys", &[MAP], Type::STRING_LIST, keys),
    Function::variadic("pick", &[MAP, STRING], MAP, pick),
    Function::variadic("omit", &[MAP, STRING], MAP, omit),
    Function::fixed("values", &[MAP], Type::ANY_LIST, |context, args| {
        let entries = args.map(0).entries();
        context.charge_items(entries.len())?;
        Ok(Value::list(entries.values().cloned().collect()))
    }),
    Function::variadic("merge", MERGE, Type::Any, |context, args| {
        merge::forgiving(context, args, false)
    }),
    Function::variadic("mergeOverwrite", MERGE, Type::Any, |context, args| {
        merge::forgiving(context, args, true)
    }),
    Function::variadic("mustMerge", MERGE, Type::Any, |context, args| {
        merge::merge(context, args, false)
    }),
    Function::variadic("mustMergeOverwrite", MERGE, Type::Any, |context, args| {
        merge::merge(context, args, true)
    }),
    Function::fixed("deepCopy", &[Type::Any], Type::Any, copy::deep_copy),
    Function::fixed("mustDeepCopy", &[Type::Any], Type::Any, copy::deep_copy),
    Function::variadic("dig", &[Type::Any], Type::Any, dig),
];

/// The map arguments from `start` on.
fn maps(args: Args<'_>, start: usize) -> impl Iterator<Item = &Map> {
    args.rest(start).iter().filter_map(|value| match value {
        Value::Map(map) => Some(map),
        _ => None,
    })
}

/// Keys and values by turns; a last key alone gets the empty string.
fn dict(context: &mut Context<'_>, args: Args<'_>) -> Result<Value, FuncError> {
    context.charge_items(args.len().div_ceil(2))?;
    let mut entries = Entries::new();
    for pair in args.all().chunks(2) {
        if let Some((key, value)) = pair.split_first() {
            let key = strval(context, key)?;
            entries.insert(key, value.first().cloned().unwrap_or(Value::EMPTY));
        }
    }
    Ok(Value::Map(Map::any(entries)))
}

/// The keys of all maps, one map after the other.
fn keys(context: &mut Context<'_>, args: Args<'_>) -> Result<Value, FuncError> {
    let mut keys: Vec<Text> = Vec::new();
    for map in maps(args, 0) {
        let entries = map.entries();
        context.charge_items(entries.len())?;
        keys.extend(entries.keys().cloned());
    }
    context.charge_items(keys.len())?;
    Ok(Value::strings(keys))
}

fn pick(context: &mut Context<'_>, args: Args<'_>) -> Result<Value, FuncError> {
    context.charge_items(args.len())?;
    let entries = args.map(0).entries();
    let wanted = args.rest(1).iter().filter_map(Value::as_bytes);
    let picked = wanted.filter_map(|key| {
        let (key, value) = entries.get_key_value(key)?;
        Some((key.clone(), value.clone()))
    });
    Ok(Value::Map(Map::any(picked.collect())))
}

fn omit(context: &mut Context<'_>, args: Args<'_>) -> Result<Value, FuncError> {
    let mut entries = Entries::clone(&args.map(0).entries());
    context.charge_items(entries.len() + args.len())?;
    for key in args.rest(1).iter().filter_map(Value::as_bytes) {
        entries.remove(key);
    }
    Ok(Value::Map(Map::any(entries)))
}

/// `dig KEY… DEFAULT MAP`: the value at a path of keys, or the default where a key is missing.
fn dig(context: &mut Context<'_>, args: Args<'_>) -> Result<Value, FuncError> {
    let [keys @ .., default, map] = args.all() else {
        return Err(FuncError::new("dig needs at least three arguments"));
    };
    if keys.is_empty() {
        return Err(FuncError::new("dig needs at least three arguments"));
    }
    context.charge(keys.len() as u64)?;
    let mut map = map_or_panic(map)?;
    // Go converts all keys before it looks for any.
    let keys = keys.iter().map(|key| match key {
        Value::String(key) => Ok(key),
        other => Err(conversion(other, STRING)),
    });
    let keys = keys.collect::<Result<Vec<&Text>, _>>()?;
    let mut found = Value::Nil;
    for (at, key) in keys.iter().enumerate() {
        if at > 0 {
            map = map_or_panic(&found)?;
        }
        match map.get(key) {
            Some(value) => found = value,
            None => return Ok(default.clone()),
        }
    }
    Ok(found)
}

fn map_or_panic(value: &Value) -> Result<Map, FuncError> {
    match value {
        Value::Map(map) if *map.elem() == Type::Any => Ok(map.clone()),
        other => Err(conversion(other, MAP)),
    }
}

/// Go's text for a failed type assertion on an `interface {}`.
fn conversion(value: &Value, wanted: Type) -> FuncError {
    let dynamic = value
        .type_of()
        .map_or_else(|| "nil".to_owned(), |typ| typ.to_string());
    FuncError::new(format!(
        "interface conversion: interface {{}} is {dynamic}, not {wanted}"
    ))
}
