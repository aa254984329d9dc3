//! Values as text, the way sprig does it (`strval`), and lists of them (`strslice`).

use std::borrow::Cow;

use crate::template::print::sprint_value;
use crate::template::{Context, FuncError, List, Text, Type, UintKind, Value};

/// `fmt.Sprint` of one value: `%v`.
pub(super) fn sprint(context: &mut Context<'_>, value: &Value) -> Result<Text, FuncError> {
    let text = sprint_value(value, context.limits())?.into_text();
    context.charge_bytes(text.len())?;
    Ok(text)
}

/// A value's text: strings and byte slices are their bytes, all else is `%v`.
pub(super) fn strval(context: &mut Context<'_>, value: &Value) -> Result<Text, FuncError> {
    match value {
        Value::String(text) | Value::Bytes(text) => Ok(text.clone()),
        Value::List(list) if list.is_nil_bytes() => Ok(Text::EMPTY),
        _ => sprint(context, value),
    }
}

/// A list as `[]string`, without nil; what is no list is a list of itself, and nil an empty one.
pub(super) fn strings_of(context: &mut Context<'_>, value: &Value) -> Result<List, FuncError> {
    let items = match value {
        Value::List(list) if *list.elem() == Type::String => return Ok(list.clone()),
        Value::Nil => return Ok(List::new(&Type::String, Vec::new())),
        _ => items(value),
    };
    let Some(items) = items else {
        let text = strval(context, value)?;
        return Ok(List::strings([text]));
    };
    context.charge_items(items.len())?;
    let mut texts = Vec::with_capacity(items.len());
    for item in items.iter().filter(|item| !matches!(item, Value::Nil)) {
        texts.push(Value::String(strval(context, item)?));
    }
    Ok(List::new(&Type::String, texts))
}

/// The items of any slice, `[]uint8` included; `None` if it is none.
pub(super) fn items(value: &Value) -> Option<Cow<'_, [Value]>> {
    match value {
        Value::List(list) => Some((&**list).into()),
        Value::Bytes(bytes) => {
            let items: Vec<Value> = bytes
                .iter()
                .map(|byte| Value::Uint(UintKind::Uint8, u64::from(*byte)))
                .collect();
            Some(items.into())
        }
        _ => None,
    }
}
