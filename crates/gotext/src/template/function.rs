//! What a template function is: a Go signature and Rust code.
//!
//! The evaluator checks number and types of arguments against the signature, with Go's error texts, before it calls
//! the code. So the code may rely on [`Args`] holding what the signature promises.

use std::collections::HashMap;
use std::fmt;

use super::context::Context;
use super::limits::Limit;
use super::list::List;
use super::map::Map;
use super::object::Object;
use super::text::Text;
use super::types::Type;
use super::uses::Uses;
use super::value::Value;

/// A function's Go signature. An `error` result is not listed: every function may fail.
#[derive(Clone, Copy, Debug)]
pub struct Signature {
    /// Types of the parameters; the last is the element type if `variadic`.
    pub params: &'static [Type],
    /// Whether the last parameter is `...T`.
    pub variadic: bool,
    /// The static type of the result. [`Type::Any`] if the Go function returns `interface {}`.
    pub result: Type,
}

impl Signature {
    /// A signature with a fixed number of parameters.
    pub const fn fixed(params: &'static [Type], result: Type) -> Self {
        Self {
            params,
            variadic: false,
            result,
        }
    }

    /// A signature whose last parameter repeats.
    pub const fn variadic(params: &'static [Type], result: Type) -> Self {
        Self {
            params,
            variadic: true,
            result,
        }
    }
}

/// The Rust code of a function.
pub type Call = fn(&mut Context<'_>, Args<'_>) -> Result<Value, FuncError>;

/// One function: its name in templates, its Go signature, its code.
#[derive(Clone, Copy)]
pub struct Function {
    /// The name templates call it by.
    pub name: &'static str,
    /// Its Go signature.
    pub signature: Signature,
    /// Its code.
    pub call: Call,
    /// What it may read besides its arguments.
    pub(super) uses: Uses,
}

impl Function {
    /// A function with a fixed number of parameters.
    pub const fn fixed(name: &'static str, params: &'static [Type], result: Type, call: Call) -> Self {
        Self {
            name,
            signature: Signature::fixed(params, result),
            call,
            uses: Uses::NOTHING,
        }
    }

    /// A function whose last parameter repeats.
    pub const fn variadic(name: &'static str, params: &'static [Type], result: Type, call: Call) -> Self {
        Self {
            name,
            signature: Signature::variadic(params, result),
            call,
            uses: Uses::NOTHING,
        }
    }

    /// The same, for a function that may read the clock: see
    /// [`Template::uses_clock`](super::Template::uses_clock).
    #[must_use]
    pub const fn reading_clock(mut self) -> Self {
        self.uses.clock = true;
        self
    }

    /// The same, for a function that may draw random bytes: see
    /// [`Template::uses_random`](super::Template::uses_random).
    #[must_use]
    pub const fn drawing_random(mut self) -> Self {
        self.uses.random = true;
        self
    }
}

impl fmt::Debug for Function {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Function({})", self.name)
    }
}

/// The functions a template may call besides Go's built-ins; they win over built-ins of the same name.
#[derive(Clone, Debug, Default)]
pub struct Functions(HashMap<&'static str, &'static Function>);

impl Functions {
    /// No functions but Go's built-ins.
    pub fn new() -> Self {
        Self::default()
    }

    /// Joins tables; a later table wins over an earlier one.
    pub fn from_tables(tables: &[&'static [Function]]) -> Self {
        Self(
            tables
                .iter()
                .flat_map(|table| table.iter())
                .map(|function| (function.name, function))
                .collect(),
        )
    }

    /// The function called `name`.
    pub fn get(&self, name: &str) -> Option<&'static Function> {
        self.0.get(name).copied()
    }

    /// All names, in no order.
    pub fn names(&self) -> impl Iterator<Item = &'static str> {
        self.0.keys().copied()
    }
}

/// Why a function failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FuncError {
    /// Go's error (or panic) text, which may quote data: it follows `error calling NAME: `.
    Message(Text),
    /// A bound was reached; the text never quotes data.
    Limit(Limit),
}

impl FuncError {
    /// An error with Go's text.
    pub fn new(text: impl Into<Text>) -> Self {
        Self::Message(text.into())
    }
}

impl fmt::Display for FuncError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Message(text) => f.write_str(&text.to_lossy()),
            Self::Limit(limit) => limit.fmt(f),
        }
    }
}

impl std::error::Error for FuncError {}

impl From<Limit> for FuncError {
    fn from(limit: Limit) -> Self {
        Self::Limit(limit)
    }
}

/// The arguments of a call, checked against the signature; variadic ones follow the fixed ones.
///
/// The typed getters give the zero value where the signature promised another type: a mistake in a table, not
/// something a template can cause.
#[derive(Clone, Copy)]
pub struct Args<'a>(&'a [Value]);

impl<'a> Args<'a> {
    /// Wraps the values.
    pub fn new(values: &'a [Value]) -> Self {
        Self(values)
    }

    /// Number of arguments.
    pub fn len(self) -> usize {
        self.0.len()
    }

    /// Whether there are no arguments.
    pub fn is_empty(self) -> bool {
        self.0.is_empty()
    }

    /// All arguments.
    pub fn all(self) -> &'a [Value] {
        self.0
    }

    /// The arguments from `start` on: the variadic ones.
    pub fn rest(self, start: usize) -> &'a [Value] {
        self.0.get(start..).unwrap_or_default()
    }

    /// Argument `i` as it is (an `interface {}` parameter's dynamic value); nil if absent.
    pub fn value(self, i: usize) -> &'a Value {
        self.0.get(i).unwrap_or(&Value::Nil)
    }

    /// A `string` (or `[]uint8`) argument's bytes.
    pub fn bytes(self, i: usize) -> &'a [u8] {
        match self.0.get(i) {
            Some(Value::String(text) | Value::Bytes(text)) => text,
            _ => &[],
        }
    }

    /// A `string` argument to keep.
    pub fn text(self, i: usize) -> Text {
        match self.0.get(i) {
            Some(Value::String(text) | Value::Bytes(text)) => text.clone(),
            _ => Text::EMPTY,
        }
    }

    /// A signed integer argument.
    pub fn int(self, i: usize) -> i64 {
        match self.0.get(i) {
            Some(Value::Int(_, n)) => *n,
            _ => 0,
        }
    }

    /// An unsigned integer argument.
    pub fn uint(self, i: usize) -> u64 {
        match self.0.get(i) {
            Some(Value::Uint(_, n)) => *n,
            _ => 0,
        }
    }

    /// A floating-point argument.
    pub fn float(self, i: usize) -> f64 {
        match self.0.get(i) {
            Some(Value::Float(_, x)) => *x,
            _ => 0.0,
        }
    }

    /// A `bool` argument.
    pub fn bool(self, i: usize) -> bool {
        matches!(self.0.get(i), Some(Value::Bool(true)))
    }

    /// A slice argument.
    pub fn list(self, i: usize) -> List {
        match self.0.get(i) {
            Some(Value::List(list)) => list.clone(),
            _ => List::nil(&Type::Any),
        }
    }

    /// A map argument, by reference as in Go.
    pub fn map(self, i: usize) -> Map {
        match self.0.get(i) {
            Some(Value::Map(map)) => map.clone(),
            _ => Map::nil(&Type::Any),
        }
    }

    /// An object argument of the concrete type `T`.
    pub fn object<T: Object>(self, i: usize) -> Option<&'a T> {
        match self.0.get(i) {
            Some(Value::Object(object)) => object.as_any().downcast_ref(),
            _ => None,
        }
    }
}
