//! `eq`, `ne`, `lt`, `le`, `gt`, `ge`.

use crate::template::function::FuncError;
use crate::template::limits::Limits;
use crate::template::print;
use crate::template::types::Type;
use crate::template::value::Value;

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Bool,
    Complex,
    Int,
    Float,
    String,
    Uint,
    Other,
}

fn kind(value: &Value) -> Kind {
    match value {
        Value::Bool(_) => Kind::Bool,
        Value::Int(..) => Kind::Int,
        Value::Uint(..) => Kind::Uint,
        Value::Float(..) => Kind::Float,
        Value::Complex(_) => Kind::Complex,
        Value::String(_) => Kind::String,
        Value::Nil | Value::Bytes(_) | Value::List(_) | Value::Map(_) | Value::Object(_) | Value::Func(_) => {
            Kind::Other
        }
    }
}

/// Whether the first value equals any of the others.
pub(super) fn eq(values: &[Value], limits: &Limits) -> Result<bool, FuncError> {
    let Some((first, others)) = values.split_first().filter(|(_, others)| !others.is_empty()) else {
        return Err(FuncError::new("missing argument for comparison"));
    };
    for other in others {
        if equal(first, other, limits)? {
            return Ok(true);
        }
    }
    Ok(false)
}

#[expect(clippy::float_cmp, reason = "this is Go's ==")]
fn equal(a: &Value, b: &Value, limits: &Limits) -> Result<bool, FuncError> {
    Ok(match (a, b) {
        (Value::Bool(a), Value::Bool(b)) => a == b,
        (Value::Int(_, a), Value::Int(_, b)) => a == b,
        (Value::Uint(_, a), Value::Uint(_, b)) => a == b,
        (Value::Int(_, signed), Value::Uint(_, unsigned))
        | (Value::Uint(_, unsigned), Value::Int(_, signed)) => u64::try_from(*signed) == Ok(*unsigned),
        (Value::Float(_, a), Value::Float(_, b)) => a == b,
        (Value::Complex(a), Value::Complex(b)) => a == b,
        (Value::String(a), Value::String(b)) => a == b,
        _ if kind(a) != kind(b) => match (a.type_of(), b.type_of()) {
            (Some(a), Some(b)) => return Err(incompatible(a, b)),
            _ => false,
        },
        _ => return equal_other(a, b, limits),
    })
}

/// Values of no basic type.
fn equal_other(a: &Value, b: &Value, limits: &Limits) -> Result<bool, FuncError> {
    let (Some(a_type), Some(b_type)) = (a.type_of(), b.type_of()) else {
        return Ok(is_nil(a) && is_nil(b));
    };
    if a_type.kind_name() != b_type.kind_name() {
        let (a, b) = (print::show(a, 's', limits)?, print::show(b, 'v', limits)?);
        let middle = format!(": {a_type}, {b_type}: ");
        return Err(FuncError::new(
            [b"non-comparable types ", &*a, middle.as_bytes(), &*b].concat(),
        ));
    }
    if is_nil(a) || is_nil(b) {
        return Ok(is_nil(a) == is_nil(b));
    }
    if let (Value::Object(a), Value::Object(b)) = (a, b) {
        return Ok(a.type_name() == b.type_name() && a.equals(&**b));
    }
    let shown = print::show(b, 's', limits)?;
    let tail = format!(": {b_type}");
    Err(FuncError::new(
        [b"non-comparable type ", &*shown, tail.as_bytes()].concat(),
    ))
}

fn is_nil(value: &Value) -> bool {
    match value {
        Value::Nil => true,
        Value::List(list) => list.is_nil(),
        Value::Map(map) => map.is_nil(),
        _ => false,
    }
}

fn incompatible(a: Type, b: Type) -> FuncError {
    FuncError::new(format!("incompatible types for comparison: {a} and {b}"))
}

/// Whether the first value is less than the second.
pub(super) fn lt(values: &[Value]) -> Result<bool, FuncError> {
    let [a, b] = values else {
        return Err(FuncError::new("missing argument for comparison"));
    };
    let bad_type = || FuncError::new("invalid type for comparison");
    if kind(a) == Kind::Other || kind(b) == Kind::Other {
        return Err(bad_type());
    }
    Ok(match (a, b) {
        (Value::Int(_, a), Value::Int(_, b)) => a < b,
        (Value::Uint(_, a), Value::Uint(_, b)) => a < b,
        (Value::Int(_, a), Value::Uint(_, b)) => u64::try_from(*a).is_ok_and(|a| a < *b) || *a < 0,
        (Value::Uint(_, a), Value::Int(_, b)) => u64::try_from(*b).is_ok_and(|b| *a < b),
        (Value::Float(_, a), Value::Float(_, b)) => a < b,
        (Value::String(a), Value::String(b)) => a < b,
        _ if kind(a) == kind(b) => return Err(bad_type()),
        _ => {
            let (a, b) = (a.type_of().unwrap_or(Type::Any), b.type_of().unwrap_or(Type::Any));
            return Err(incompatible(a, b));
        }
    })
}

/// Whether the first value is less than the second or equal to it.
pub(super) fn le(values: &[Value], limits: &Limits) -> Result<bool, FuncError> {
    Ok(lt(values)? || eq(values, limits)?)
}
