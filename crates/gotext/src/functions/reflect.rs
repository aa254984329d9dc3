//! What a value is: `typeOf`, `kindOf`, their tests, and `deepEqual`.

use super::equal::deep_equal;
use crate::template::{FuncError, Function, Type, Value};

/// The functions of this family.
pub(super) const TABLE: &[Function] = &[
    Function::fixed("typeOf", &[Type::Any], Type::String, |_, args| {
        Ok(Value::string(type_name(args.value(0))))
    }),
    Function::fixed("typeIs", TEST, Type::Bool, |_, args| {
        Ok(Value::Bool(args.bytes(0) == type_name(args.value(1)).as_bytes()))
    }),
    Function::fixed("typeIsLike", TEST, Type::Bool, |_, args| {
        let name = type_name(args.value(1));
        let pointed_to = name.strip_prefix('*').unwrap_or(&name);
        Ok(Value::Bool(
            [name.as_bytes(), pointed_to.as_bytes()].contains(&args.bytes(0)),
        ))
    }),
    Function::fixed("kindOf", &[Type::Any], Type::String, |_, args| {
        Ok(Value::from(kind_name(args.value(0))))
    }),
    Function::fixed("kindIs", TEST, Type::Bool, |_, args| {
        Ok(Value::Bool(args.bytes(0) == kind_name(args.value(1)).as_bytes()))
    }),
    Function::fixed(
        "deepEqual",
        &[Type::Any, Type::Any],
        Type::Bool,
        |context, args| deep_equal(context, args.value(0), args.value(1)).map(Value::Bool),
    ),
];

const TEST: &[Type] = &[Type::String, Type::Any];

/// `%T`
fn type_name(value: &Value) -> String {
    value
        .type_of()
        .map_or_else(|| "<nil>".to_owned(), |typ| typ.to_string())
}

/// `reflect.Kind` of a value.
pub(super) fn kind_name(value: &Value) -> &'static str {
    value.type_of().map_or("invalid", Type::kind_name)
}

/// The kind, where Go asks the type of nil for its kind and so reads a nil pointer.
pub(super) fn kind_of_type(value: &Value) -> Result<&'static str, FuncError> {
    match value.type_of() {
        Some(typ) => Ok(typ.kind_name()),
        None => Err(FuncError::new(NIL_POINTER)),
    }
}

/// Go's text for reading through a nil pointer.
pub(super) const NIL_POINTER: &str = "runtime error: invalid memory address or nil pointer dereference";
