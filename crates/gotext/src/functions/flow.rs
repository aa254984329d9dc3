//! Functions that neither read nor change anything: `fail` and `hello`.

use crate::template::{FuncError, Function, Type, Value};

/// The functions of this family.
pub(super) const TABLE: &[Function] = &[
    Function::fixed("fail", &[Type::String], Type::String, |_, args| {
        Err(FuncError::new(args.text(0)))
    }),
    Function::fixed("hello", &[], Type::String, |_, _| Ok(Value::from("Hello!"))),
];
