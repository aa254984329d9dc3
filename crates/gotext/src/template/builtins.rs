//! Go's built-in functions, other than `and` and `or`, which the evaluator itself must cut short.

mod compare;
mod escape;
mod index;

use super::context::Context;
use super::exec::Slot;
use super::function::{Args, FuncError};
use super::limits::Limit;
use super::node::Builtin;
use super::print;
use super::text::Text;
use super::types::Type;
use super::value::Value;

/// Calls a built-in with arguments that were checked against its signature. `callee` is how `call` names its
/// function.
pub(super) fn call(
    builtin: Builtin,
    slots: Vec<Slot>,
    callee: Option<&[u8]>,
    context: &mut Context<'_>,
) -> Result<Slot, FuncError> {
    context.charge(slots.len() as u64)?;
    match builtin {
        Builtin::Index => return index::index(slots),
        Builtin::Slice => {
            let slot = index::slice(&slots)?;
            match &slot.value {
                Value::List(list) => context.charge_items(list.len())?,
                value => context.charge_bytes(value.as_bytes().map_or(0, <[u8]>::len))?,
            }
            return Ok(slot);
        }
        Builtin::Len => return index::len(slots),
        _ => {}
    }
    let values: Vec<Value> = slots.into_iter().map(|slot| slot.value).collect();
    let limits = context.limits();
    // Comparing or scanning long texts is work.
    let bytes: usize = values.iter().filter_map(Value::as_bytes).map(<[u8]>::len).sum();
    context.charge(bytes as u64 / 256)?;
    let value = match builtin {
        Builtin::Call => return call_value(&values, callee.unwrap_or_default(), context),
        Builtin::Eq => Value::Bool(compare::eq(&values, limits)?),
        Builtin::Ne => Value::Bool(!compare::eq(&values, limits)?),
        Builtin::Lt => Value::Bool(compare::lt(&values)?),
        Builtin::Le => Value::Bool(compare::le(&values, limits)?),
        Builtin::Gt => Value::Bool(!compare::le(&values, limits)?),
        Builtin::Ge => Value::Bool(!compare::lt(&values)?),
        Builtin::Not => Value::Bool(!values.first().is_some_and(Value::is_true)),
        Builtin::Print => print::sprint(&values, limits)?.into_text().into(),
        Builtin::Println => print::sprintln(&values, limits)?.into_text().into(),
        Builtin::Printf => {
            let args = Args::new(&values);
            print::sprintf(args.bytes(0), args.rest(1), limits)?
                .into_text()
                .into()
        }
        Builtin::Html => escape::html(&printed(values, context)?, limits)?.into(),
        Builtin::Js => escape::js(&printed(values, context)?, limits)?.into(),
        Builtin::Urlquery => escape::url_query(&printed(values, context)?, limits)?.into(),
        Builtin::And | Builtin::Or | Builtin::Index | Builtin::Slice | Builtin::Len => Value::Nil,
    };
    if let Value::String(text) = &value {
        context.charge_bytes(text.len())?;
    }
    Ok(Slot::concrete(value))
}

/// The arguments of an escaping function as one text: like `print`, but nil is `<no value>`.
fn printed(mut values: Vec<Value>, context: &Context<'_>) -> Result<Text, Limit> {
    if let [Value::String(text)] = values.as_slice() {
        return Ok(text.clone());
    }
    for value in &mut values {
        if matches!(value, Value::Nil) {
            *value = Value::from("<no value>");
        }
    }
    Ok(print::sprint(&values, context.limits())?.into_text())
}

/// `call`: a function that is a value.
fn call_value(values: &[Value], name: &[u8], context: &mut Context<'_>) -> Result<Slot, FuncError> {
    let (function, args) = match values.split_first() {
        None | Some((Value::Nil, _)) => return Err(FuncError::new("call of nil")),
        Some((Value::Func(function), args)) => (*function, args),
        Some((value, _)) => {
            let typ = value.type_of().unwrap_or(Type::Any);
            let tail = format!(" of type {typ}");
            return Err(FuncError::new([b"non-function ", name, tail.as_bytes()].concat()));
        }
    };
    let params = function.signature.params;
    let fixed = params.len() - usize::from(function.signature.variadic && !params.is_empty());
    let count = |text: String| FuncError::new([b"wrong number of args for ", name, text.as_bytes()].concat());
    if function.signature.variadic {
        if args.len() < fixed {
            return Err(count(format!(": got {} want at least {fixed}", args.len())));
        }
    } else if args.len() != fixed {
        return Err(count(format!(": got {} want {fixed}", args.len())));
    }
    let mut checked = Vec::with_capacity(args.len());
    for (i, arg) in args.iter().enumerate() {
        let typ = params
            .get(i)
            .or_else(|| params.last())
            .copied()
            .unwrap_or(Type::Any);
        match prepare(arg, typ) {
            Ok(value) => checked.push(value),
            Err(text) => return Err(FuncError::new(format!("arg {i}: {text}"))),
        }
    }
    let value = (function.call)(context, Args::new(&checked))?;
    Ok(Slot::typed(value, function.signature.result))
}

/// Fits an argument to a parameter of `call` or a key of `index`, converting between integer types.
fn prepare(value: &Value, typ: Type) -> Result<Value, String> {
    let Some(got) = value.type_of() else {
        return match typ {
            Type::Any | Type::Slice(_) | Type::Map(_) | Type::Error | Type::Func(_) => Ok(Value::zero(typ)),
            _ => Err(format!("value is nil; should be of type {typ}")),
        };
    };
    if typ == Type::Any || got == typ {
        return Ok(value.clone());
    }
    let bits = match value {
        Value::Int(_, n) => n.cast_unsigned(),
        Value::Uint(_, n) => *n,
        _ => return Err(format!("value has type {got}; should be {typ}")),
    };
    Ok(match typ {
        Type::Int(kind) => {
            let unused = 64 - kind.bits();
            Value::Int(kind, (bits.cast_signed() << unused) >> unused)
        }
        Type::Uint(kind) => {
            let unused = 64 - kind.bits();
            Value::Uint(kind, (bits << unused) >> unused)
        }
        _ => return Err(format!("value has type {got}; should be {typ}")),
    })
}
