//! Go's `text/template`: what a template means, to the byte, and what its errors say.
//!
//! A template is parsed once into a tree ([`Template`]) and executed against a [`Value`] any number of times.
//! This module decides the language: lexing, parsing, evaluation, the built-in functions, `fmt`'s verbs and the
//! texts of errors. It does not decide which further functions exist (see [`crate::functions`]), and it does no
//! I/O: the clock and randomness come in through [`ExecOptions`].
//!
//! ```
//! use gotext::template::{
//!     ExecOptions, Limits, Map, MissingKey, ParseOptions, SystemClock, SystemRandom, Template, Value,
//! };
//!
//! let (functions, limits) = (gotext::functions::all(), Limits::default());
//! let parse = ParseOptions { left_delim: b"", right_delim: b"", functions: &functions, limits: &limits };
//! let template = Template::parse("url", "https://{{ .user | urlquery }}@{{ .host | upper }}/", &parse)?;
//!
//! let exec = ExecOptions {
//!     missing_key: MissingKey::Error,
//!     limits: &limits,
//!     clock: &SystemClock,
//!     random: &SystemRandom,
//! };
//! let data = Value::Map(Map::strings([("user", "a b"), ("host", "db")]));
//! assert_eq!(*template.execute(&data, &exec)?, b"https://a+b@DB/");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

pub mod buffer;
mod builtins;
pub mod context;
pub mod error;
mod exec;
pub mod function;
mod lexer;
pub mod limits;
pub mod list;
pub mod map;
mod named;
mod node;
pub mod object;
mod parse;
pub mod print;
mod reads;
mod regexps;
pub mod text;
pub mod types;
mod uses;
pub mod value;

#[cfg(test)]
mod tests;

use std::fmt;

use zeroize::Zeroizing;

pub use buffer::Buffer;
pub use context::{Clock, Context, Random, SystemClock, SystemRandom};
pub use error::{ExecError, ParseError, Reason, TemplateOrigin};
pub use exec::MissingKey;
pub use function::{Args, FuncError, Function, Functions, Signature};
pub use limits::{Limit, Limits};
pub use list::List;
pub use map::{Entries, Map};
pub use object::{Method, Object};
pub use text::Text;
pub use types::{FloatKind, IntKind, Type, UintKind};
pub use value::Value;

/// How a template is parsed.
#[derive(Clone, Copy)]
pub struct ParseOptions<'a> {
    /// The left delimiter; empty means `{{`.
    pub left_delim: &'a [u8],
    /// The right delimiter; empty means `}}`.
    pub right_delim: &'a [u8],
    /// The functions besides Go's built-ins.
    pub functions: &'a Functions,
    /// Bounds of the text and its nesting.
    pub limits: &'a Limits,
}

/// How a template is executed.
#[derive(Clone, Copy)]
pub struct ExecOptions<'a> {
    /// What a key gives that a map does not have.
    pub missing_key: MissingKey,
    /// Bounds of the execution.
    pub limits: &'a Limits,
    /// Where functions read the time, and what the time bound is measured by.
    pub clock: &'a dyn Clock,
    /// Where functions get random bytes.
    pub random: &'a dyn Random,
}

/// A parsed template, with those it defines. It can be executed from many threads at once.
///
/// The source is kept, and wiped on drop, as the template may hold secrets itself.
pub struct Template {
    name: Text,
    source: Text,
    trees: parse::Trees,
    regexps: regexps::Regexps,
}

impl Template {
    /// Parses `text`. The name appears in errors only; in Go and here it is also that of the main template, which
    /// `{{template}}` may call.
    pub fn parse(
        name: impl Into<Text>,
        text: impl Into<Text>,
        options: &ParseOptions<'_>,
    ) -> Result<Self, ParseError> {
        let (name, source) = (name.into(), text.into());
        let delims = parse::Delims {
            left: options.left_delim,
            right: options.right_delim,
        };
        let trees = parse::parse(&name, &source, &delims, options.functions, options.limits)?;
        Ok(Self {
            name,
            source,
            trees,
            regexps: regexps::Regexps::default(),
        })
    }

    /// Executes the template on `data`, giving its output.
    ///
    /// `data` is usually a map; functions such as `set` change maps in it, as in Go.
    pub fn execute(&self, data: &Value, options: &ExecOptions<'_>) -> Result<Zeroizing<Vec<u8>>, ExecError> {
        let mut context =
            Context::new(options.clock, options.random, options.limits).with_regexps(&self.regexps);
        let exec = exec::Exec::new(
            &self.trees,
            &self.source,
            &self.name,
            options.missing_key,
            &mut context,
        );
        Ok(exec.run(data)?.into_bytes())
    }

    /// Whether the output may depend on randomness: whether a function that may draw random bytes stands in the main
    /// template or in one it calls, in a branch that is taken or not. Such a template gives another output each time.
    pub fn uses_random(&self) -> bool {
        self.uses().random
    }

    /// Whether the output may depend on the clock, told as by [`Self::uses_random`].
    pub fn uses_clock(&self) -> bool {
        self.uses().clock
    }

    /// Whether the output may depend on an entry of the map that it is executed on whose key fulfils `wanted`: whether
    /// such a key is asked for by name (`.a`, `$.a`, `index . "a"`), in a branch that is taken or not, or whether
    /// something is done with the map as a whole.
    pub fn may_read(&self, wanted: impl Fn(&[u8]) -> bool) -> bool {
        reads::of(&self.trees, &self.name, &self.source, &wanted)
    }

    fn uses(&self) -> uses::Uses {
        uses::of(&self.trees, &self.name)
    }

    /// The name given to [`Self::parse`].
    pub fn name(&self) -> &Text {
        &self.name
    }
}

impl fmt::Debug for Template {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Template({} bytes)", self.source.len())
    }
}
