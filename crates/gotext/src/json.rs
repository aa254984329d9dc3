//! JSON as Go's `encoding/json` reads and writes it: its error texts, its escapes, its forms of numbers, and
//! sorted keys.
//!
//! Own code, because `serde_json` gives other error texts, keeps no bytes that are not UTF-8 and prints floats
//! in another form.

mod decode;
mod encode;
pub(crate) mod string;
mod value;

pub(crate) use decode::parse_what_fits;
pub use decode::{Error, parse};
pub(crate) use encode::sorted;
pub use encode::{Html, to_vec, to_vec_indented};
pub use value::{MAX_DEPTH, Number, UnsupportedFloat, Value};

#[cfg(test)]
mod tests;
