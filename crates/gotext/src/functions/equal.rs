//! `reflect.DeepEqual`: equality that looks at types and into containers.

use std::sync::Arc;

use crate::template::{Context, FuncError, Value};

/// Whether two values are of the same types and equal throughout. Values nested too deep are an error.
pub(super) fn deep_equal(context: &mut Context<'_>, a: &Value, b: &Value) -> Result<bool, FuncError> {
    at_depth(context, a, b, 0)
}

#[expect(clippy::float_cmp, reason = "Go compares floats with ==")]
fn at_depth(context: &mut Context<'_>, a: &Value, b: &Value, depth: usize) -> Result<bool, FuncError> {
    context.charge(1)?;
    context.check_depth(depth)?;
    Ok(match (a, b) {
        (Value::Nil, Value::Nil) => true,
        (Value::Bool(a), Value::Bool(b)) => a == b,
        (Value::Int(kind_a, a), Value::Int(kind_b, b)) => kind_a == kind_b && a == b,
        (Value::Uint(kind_a, a), Value::Uint(kind_b, b)) => kind_a == kind_b && a == b,
        (Value::Float(kind_a, a), Value::Float(kind_b, b)) => kind_a == kind_b && a == b,
        (Value::Complex(a), Value::Complex(b)) => a == b,
        (Value::String(a), Value::String(b)) | (Value::Bytes(a), Value::Bytes(b)) => {
            context.charge(a.len() as u64 / 64)?;
            a == b
        }
        (Value::List(a), Value::List(b)) => {
            if a.elem() != b.elem() || a.is_nil() != b.is_nil() || a.len() != b.len() {
                return Ok(false);
            }
            if a.same(b) {
                return Ok(true);
            }
            for (a, b) in a.iter().zip(b.iter()) {
                if !at_depth(context, a, b, depth + 1)? {
                    return Ok(false);
                }
            }
            true
        }
        (Value::Map(a), Value::Map(b)) => {
            if a.elem() != b.elem() || a.is_nil() != b.is_nil() || a.len() != b.len() {
                return Ok(false);
            }
            if a.same(b) {
                return Ok(true);
            }
            let (a, b) = (a.entries(), b.entries());
            for (key, a) in a.iter() {
                match b.get(key) {
                    Some(b) if at_depth(context, a, b, depth + 1)? => {}
                    _ => return Ok(false),
                }
            }
            true
        }
        (Value::Object(a), Value::Object(b)) => Arc::ptr_eq(a, b) || a.deep_equals(&**b),
        _ => false,
    })
}
