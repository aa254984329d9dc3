//! Go's `text/template`: what a template means, to the byte, and what its errors say.
//!
//! A template is parsed once into a tree ([`Template`]) and executed against a [`Value`] any number of times.
//! This module decides the language: lexing, parsing, evaluation, the built-in functions, `fmt`'s verbs and the
//! texts of errors. It does not decide which further functions exist (see [`crate::functions`]), and it does no
//! I/O: the clock and randomness come in through [`Context`].

pub mod context;
pub mod function;
pub mod limits;
pub mod list;
pub mod map;
pub mod object;
pub mod text;
pub mod types;
pub mod value;

pub use context::{Clock, Context, Random};
pub use function::{Args, FuncError, Function, Functions, Signature};
pub use limits::{Limit, Limits};
pub use list::List;
pub use map::{Entries, Map};
pub use object::{Method, Object};
pub use text::Text;
pub use types::{FloatKind, IntKind, Type, UintKind};
pub use value::Value;
