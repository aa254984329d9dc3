//! Versions: `semver`, `semverCompare`, by the rules of Masterminds' `semver` v3.4: lenient about missing parts, with
//! the constraint language of package managers.

mod constraint;
mod methods;
mod scan;
mod version;

use crate::template::{FuncError, Function, Object, Type, Value};

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

/// What `deepCopy` makes of a version: Go's copy leaves out the unexported fields, so it is 0.0.0. `None` for other
/// objects.
pub(super) fn copied(object: &dyn Object) -> Option<Value> {
    object
        .as_any()
        .downcast_ref()
        .map(|shown: &Shown| Value::object(shown.zeroed()))
}
