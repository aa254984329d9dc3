//! Go values with methods and named fields: `time.Time`, `*semver.Version`, sprig's certificate.
//!
//! Each family of functions brings its own objects; the evaluator only knows this trait.

use std::any::Any;
use std::fmt;

use super::context::Context;
use super::function::{Args, FuncError, Signature};
use super::text::Text;
use super::types::Type;
use super::value::Value;

/// A method that templates may call: `{{ $version.Compare $other }}`.
#[derive(Clone, Copy)]
pub struct Method {
    /// The exported Go name.
    pub name: &'static str,
    /// Parameters without the receiver, and the result.
    pub signature: Signature,
    /// 0, or the number of Go results where templates may not call the method for it: calling `Date`, with 3, is
    /// the error `function Date has 3 return values; should be 1 or 2`. Of two, the signature has the second.
    pub results: u8,
    /// The code; the receiver comes as the object itself.
    pub call: fn(&dyn Object, &mut Context<'_>, Args<'_>) -> Result<Value, FuncError>,
}

/// A Go struct, or a pointer to one.
pub trait Object: Any + Send + Sync {
    /// The Go type's name as `reflect` prints it; a leading `*` marks a pointer.
    fn type_name(&self) -> &'static str;

    /// What `String()` or `Error()` gives, if the type has one: `fmt` then prints that for `%v` and `%s`.
    fn string(&self) -> Option<Text> {
        None
    }

    /// What `GoString()` gives, if the type has one: `%#v` prints that instead of the fields.
    fn go_string(&self) -> Option<Text> {
        None
    }

    /// Whether this is a nil pointer of its type.
    fn is_nil(&self) -> bool {
        false
    }

    /// The struct's fields in order, for `fmt`, for field access (exported names only) and for JSON.
    fn fields(&self) -> Vec<(&'static str, Value)> {
        Vec::new()
    }

    /// The exported methods.
    fn methods(&self) -> &'static [Method] {
        &[]
    }

    /// What `MarshalJSON` or `MarshalText` gives as JSON text, if the type has one (`time.Time` has). A failure has the
    /// text of `json.Marshal`.
    fn json(&self) -> Option<Result<Text, FuncError>> {
        None
    }

    /// Go's `==` (pointers: the same object; structs: equal fields).
    fn equals(&self, other: &dyn Object) -> bool;

    /// `reflect.DeepEqual`.
    fn deep_equals(&self, other: &dyn Object) -> bool {
        self.equals(other)
    }

    /// For downcasting to the concrete type.
    fn as_any(&self) -> &dyn Any;
}

impl dyn Object {
    /// The Go type.
    pub fn go_type(&self) -> Type {
        Type::Object(self.type_name())
    }
}

impl fmt::Debug for dyn Object {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Object({})", self.type_name())
    }
}
