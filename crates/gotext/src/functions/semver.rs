//! Versions: `semver`, `semverCompare`, by the rules of Masterminds' `semver` v3.4: lenient about missing parts, with
//! the constraint language of package managers.

mod constraint;
mod methods;
mod scan;
mod version;

use crate::template::{FuncError, Function, Type, Value};

use constraint::Constraints;
use methods::{POINTER, Shown};
use version::Version;

/// The functions of this family.
pub(super) const TABLE: &[Function] = &[
    Function::fixed("semver", &[Type::String], POINTER, |context, args| {
        context.charge_bytes(args.bytes(0).len())?;
        let version = Version::parse(args.bytes(0)).map_err(FuncError::new)?;
        Ok(Value::object(Shown::pointer(version)))
    }),
    Function::fixed(
        "semverCompare",
        &[Type::String, Type::String],
        Type::Bool,
        |context, args| {
            context.charge_bytes(args.bytes(0).len() + args.bytes(1).len())?;
            let constraints = Constraints::parse(context, args.bytes(0))?;
            let version = Version::parse(args.bytes(1)).map_err(FuncError::new)?;
            Ok(Value::Bool(constraints.allow(&version)))
        },
    ),
];
