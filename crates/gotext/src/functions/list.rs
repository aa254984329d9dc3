//! Lists. Each function copies what it changes, and takes any slice, so `[]string` as well as `[]interface {}`.
//!
//! The `must` forms are the same functions: the others panic in Go, which gives the same error.

use std::borrow::Cow;
use std::collections::HashSet;

use super::cast::{float_to_int, to_int};
use super::defaults::is_empty;
use super::equal::deep_equal;
use super::reflect::kind_of_type;
use super::text::items;
use crate::template::{Args, Context, FuncError, Function, IntKind, List, Text, Type, Value};

const ANY: Type = Type::Any;
const ONE: &[Type] = &[ANY];
const TWO: &[Type] = &[ANY, ANY];
const LIST: Type = Type::ANY_LIST;
const CHUNKS: Type = Type::Slice(&Type::ANY_LIST);

/// The functions of this family.
pub(super) const TABLE: &[Function] = &[
    Function::variadic("list", ONE, LIST, list),
    Function::variadic("tuple", ONE, LIST, list),
    Function::fixed("append", TWO, LIST, push),
    Function::fixed("mustAppend", TWO, LIST, push),
    Function::fixed("push", TWO, LIST, push),
    Function::fixed("mustPush", TWO, LIST, push),
    Function::fixed("prepend", TWO, LIST, prepend),
    Function::fixed("mustPrepend", TWO, LIST, prepend),
    Function::fixed("first", ONE, ANY, first),
    Function::fixed("mustFirst", ONE, ANY, first),
    Function::fixed("rest", ONE, LIST, rest),
    Function::fixed("mustRest", ONE, LIST, rest),
    Function::fixed("last", ONE, ANY, last),
    Function::fixed("mustLast", ONE, ANY, last),
    Function::fixed("initial", ONE, LIST, initial),
    Function::fixed("mustInitial", ONE, LIST, initial),
    Function::fixed("reverse", ONE, LIST, reverse),
    Function::fixed("mustReverse", ONE, LIST, reverse),
    Function::fixed("compact", ONE, LIST, compact),
    Function::fixed("mustCompact", ONE, LIST, compact),
    Function::fixed("uniq", ONE, LIST, unique),
    Function::fixed("mustUniq", ONE, LIST, unique),
    Function::variadic("without", TWO, LIST, without),
    Function::variadic("mustWithout", TWO, LIST, without),
    Function::fixed("has", TWO, Type::Bool, has),
    Function::fixed("mustHas", TWO, Type::Bool, has),
    Function::variadic("slice", TWO, ANY, slice),
    Function::variadic("mustSlice", TWO, ANY, slice),
    Function::variadic("concat", ONE, ANY, concat),
    Function::fixed("chunk", &[Type::INT, ANY], CHUNKS, chunk),
    Function::fixed("mustChunk", &[Type::INT, ANY], CHUNKS, chunk),
];

/// A list's items; `what` starts the error for what is no list.
fn of<'a>(value: &'a Value, what: &str) -> Result<Cow<'a, [Value]>, FuncError> {
    match items(value) {
        Some(items) => Ok(items),
        None => Err(FuncError::new(format!("{what} type {}", kind_of_type(value)?))),
    }
}

/// A copy of a list's items.
fn copied(context: &mut Context<'_>, value: &Value, what: &str) -> Result<Vec<Value>, FuncError> {
    let items = of(value, what)?;
    context.charge_items(items.len())?;
    Ok(items.into_owned())
}

fn list(context: &mut Context<'_>, args: Args<'_>) -> Result<Value, FuncError> {
    context.charge_items(args.len())?;
    // Without arguments Go's `reflect` passes an empty slice, not nil.
    Ok(Value::list(args.all().to_vec()))
}

fn push(context: &mut Context<'_>, args: Args<'_>) -> Result<Value, FuncError> {
    let mut items = copied(context, args.value(0), "Cannot push on")?;
    items.push(args.value(1).clone());
    Ok(Value::list(items))
}

fn prepend(context: &mut Context<'_>, args: Args<'_>) -> Result<Value, FuncError> {
    let items = copied(context, args.value(0), "Cannot prepend on")?;
    Ok(Value::list([vec![args.value(1).clone()], items].concat()))
}

fn first(_: &mut Context<'_>, args: Args<'_>) -> Result<Value, FuncError> {
    Ok(of(args.value(0), "Cannot find first on")?
        .first()
        .cloned()
        .unwrap_or_default())
}

fn last(_: &mut Context<'_>, args: Args<'_>) -> Result<Value, FuncError> {
    Ok(of(args.value(0), "Cannot find last on")?
        .last()
        .cloned()
        .unwrap_or_default())
}

fn rest(context: &mut Context<'_>, args: Args<'_>) -> Result<Value, FuncError> {
    let items = copied(context, args.value(0), "Cannot find rest on")?;
    Ok(Value::List(match items.split_first() {
        None => List::nil(&ANY),
        Some((_, rest)) => List::any(rest.to_vec()),
    }))
}

fn initial(context: &mut Context<'_>, args: Args<'_>) -> Result<Value, FuncError> {
    let mut items = copied(context, args.value(0), "Cannot find initial on")?;
    Ok(Value::List(match items.pop() {
        None => List::nil(&ANY),
        Some(_) => List::any(items),
    }))
}

fn reverse(context: &mut Context<'_>, args: Args<'_>) -> Result<Value, FuncError> {
    let mut items = copied(context, args.value(0), "Cannot find reverse on")?;
    items.reverse();
    Ok(Value::list(items))
}

fn compact(context: &mut Context<'_>, args: Args<'_>) -> Result<Value, FuncError> {
    let mut items = copied(context, args.value(0), "Cannot compact on")?;
    items.retain(|item| !is_empty(item));
    Ok(Value::list(items))
}

/// Values whose equality a hash can find; all others are compared one by one.
#[derive(PartialEq, Eq, Hash)]
enum Key {
    Bool(bool),
    Int(IntKind, i64),
    Text(Text),
}

fn key(value: &Value) -> Option<Key> {
    match value {
        Value::Bool(value) => Some(Key::Bool(*value)),
        Value::Int(kind, n) => Some(Key::Int(*kind, *n)),
        Value::String(text) => Some(Key::Text(text.clone())),
        _ => None,
    }
}

fn unique(context: &mut Context<'_>, args: Args<'_>) -> Result<Value, FuncError> {
    let items = copied(context, args.value(0), "Cannot find uniq on")?;
    let mut keys = HashSet::new();
    let mut others: Vec<Value> = Vec::new();
    let mut kept = Vec::new();
    for item in items {
        let new = match key(&item) {
            Some(key) => keys.insert(key),
            None if contains(context, &others, &item)? => false,
            None => {
                others.push(item.clone());
                true
            }
        };
        if new {
            kept.push(item);
        }
    }
    Ok(Value::list(kept))
}

fn contains(context: &mut Context<'_>, items: &[Value], wanted: &Value) -> Result<bool, FuncError> {
    for item in items {
        if deep_equal(context, wanted, item)? {
            return Ok(true);
        }
    }
    Ok(false)
}

fn without(context: &mut Context<'_>, args: Args<'_>) -> Result<Value, FuncError> {
    let items = copied(context, args.value(0), "Cannot find without on")?;
    let mut kept = Vec::new();
    for item in items {
        if !contains(context, args.rest(1), &item)? {
            kept.push(item);
        }
    }
    Ok(Value::list(kept))
}

fn has(context: &mut Context<'_>, args: Args<'_>) -> Result<Value, FuncError> {
    if matches!(args.value(1), Value::Nil) {
        return Ok(Value::Bool(false));
    }
    let items = of(args.value(1), "Cannot find has on")?;
    contains(context, &items, args.value(0)).map(Value::Bool)
}

/// A part of a list, of the list's own type, that reaches as far as the list's array does. An empty list gives nil.
fn slice(_: &mut Context<'_>, args: Args<'_>) -> Result<Value, FuncError> {
    let value = args.value(0);
    let (length, capacity) = match value {
        Value::List(list) => (list.len(), list.capacity()),
        Value::Bytes(bytes) => (bytes.len(), bytes.len()),
        _ => {
            let kind = kind_of_type(value)?;
            return Err(FuncError::new(format!(
                "list should be type of slice or array but {kind}"
            )));
        }
    };
    if length == 0 {
        return Ok(Value::Nil);
    }
    let bound = |at: usize, otherwise: usize| match args.rest(1).get(at) {
        Some(value) => usize::try_from(to_int(value)).ok(),
        None => Some(otherwise),
    };
    let part = bound(0, 0)
        .zip(bound(1, length))
        .and_then(|(start, end)| match value {
            Value::List(list) => list.part(start, end, capacity).map(Value::List),
            _ => value
                .as_bytes()?
                .get(start..end)
                .map(|part| Value::Bytes(part.into())),
        });
    part.ok_or_else(|| FuncError::new("reflect.Value.Slice: slice index out of bounds"))
}

fn concat(context: &mut Context<'_>, args: Args<'_>) -> Result<Value, FuncError> {
    let mut all = Vec::new();
    for value in args.all() {
        let Some(items) = items(value) else {
            let kind = kind_of_type(value)?;
            return Err(FuncError::new(format!("Cannot concat type {kind} as list")));
        };
        context.charge_items(items.len())?;
        all.extend(items.into_owned());
    }
    context.charge_items(all.len())?;
    Ok(Value::List(if all.is_empty() {
        List::nil(&ANY)
    } else {
        List::any(all)
    }))
}

/// Lists of `size` items, the last perhaps shorter. Sizes below 1 go through Go's float arithmetic, which gives either
/// nothing or lengths that cannot be.
fn chunk(context: &mut Context<'_>, args: Args<'_>) -> Result<Value, FuncError> {
    let size = args.int(0);
    let items = copied(context, args.value(1), "Cannot chunk")?;
    let chunks = match usize::try_from(size) {
        Ok(size) if size > 0 => {
            context.charge_items(items.len().div_ceil(size))?;
            items
                .chunks(size)
                .map(|chunk| Value::list(chunk.to_vec()))
                .collect()
        }
        _ => odd_chunks(&items, size)?,
    };
    Ok(Value::List(List::new(&LIST, chunks)))
}

#[expect(clippy::cast_precision_loss, reason = "Go computes in floats, too")]
fn odd_chunks(items: &[Value], size: i64) -> Result<Vec<Value>, FuncError> {
    let impossible = || FuncError::new("runtime error: makeslice: len out of range");
    let (length, size) = (items.len() as f64, size as f64);
    match float_to_int(((length - 1.0) / size).floor() + 1.0) {
        0 => Ok(Vec::new()),
        1 => match (length % size).floor() {
            remainder if remainder > 0.0 => Ok(vec![Value::list(items.to_vec())]),
            _ => Err(impossible()),
        },
        _ => Err(impossible()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chunk_sizes_below_one_behave_as_gos_float_arithmetic() {
        let items = |n: i64| (0..n).map(Value::int).collect::<Vec<_>>();
        for (n, size, chunks) in [
            (3, 0, None),
            (1, 0, None),
            (0, 0, None),
            (3, -1, None),
            (3, -5, Some(0)),
            (2, -2, Some(0)),
            (1, -5, Some(1)),
            (1, -1, None),
            (0, -1, None),
        ] {
            assert_eq!(
                odd_chunks(&items(n), size).ok().map(|chunks| chunks.len()),
                chunks,
                "{n} {size}"
            );
        }
    }
}
