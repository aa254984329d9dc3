//! Choosing between values: `default`, `coalesce`, `ternary` and the test for emptiness they share.

use crate::template::{Args, Context, FuncError, Function, Type, Value};

/// The functions of this family.
pub(super) const TABLE: &[Function] = &[
    Function::variadic("default", &[Type::Any, Type::Any], Type::Any, |_, args| {
        Ok(args.value(usize::from(!is_empty(args.value(1)))).clone())
    }),
    Function::fixed("empty", &[Type::Any], Type::Bool, |_, args| {
        Ok(Value::Bool(is_empty(args.value(0))))
    }),
    Function::variadic("coalesce", &[Type::Any], Type::Any, |context, args| {
        Ok(first_full(context, args)?.cloned().unwrap_or_default())
    }),
    Function::variadic("all", &[Type::Any], Type::Bool, |context, args| {
        context.charge(args.len() as u64)?;
        Ok(Value::Bool(!args.all().iter().any(is_empty)))
    }),
    Function::variadic("any", &[Type::Any], Type::Bool, |context, args| {
        Ok(Value::Bool(first_full(context, args)?.is_some()))
    }),
    Function::fixed(
        "ternary",
        &[Type::Any, Type::Any, Type::Bool],
        Type::Any,
        |_, args| Ok(args.value(usize::from(!args.bool(2))).clone()),
    ),
];

/// sprig's emptiness: nil, zero, false, and strings, lists and maps without content.
pub(super) fn is_empty(value: &Value) -> bool {
    !value.is_true()
}

fn first_full<'a>(context: &mut Context<'_>, args: Args<'a>) -> Result<Option<&'a Value>, FuncError> {
    context.charge(args.len() as u64)?;
    Ok(args.all().iter().find(|value| !is_empty(value)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nan_is_not_empty_and_negative_zero_is() {
        assert!(!is_empty(&Value::float64(f64::NAN)));
        assert!(is_empty(&Value::float64(-0.0)));
        assert!(is_empty(&Value::Nil));
        assert!(!is_empty(&Value::from("0")));
    }
}
