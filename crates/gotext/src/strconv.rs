//! Numbers and quoted strings in Go's text forms (package `strconv`): what Go prints for a float, how it
//! quotes bytes, and which texts it accepts as numbers, with the messages it gives for those it does not.
//!
//! Strings are bytes; nothing here assumes UTF-8. Nothing here reads or keeps state.

mod float;
mod parse;
mod printable;
mod quote;
mod rune;

pub use float::{FloatForm, FloatSize, format_float};
pub use parse::{
    NumError, NumErrorKind, atoi, parse_bool, parse_float, parse_float_lossy, parse_int, parse_uint,
};
pub use printable::is_print;
pub use quote::{
    InvalidQuoting, UnquotedChar, can_backquote, quote, quote_rune, quote_rune_to_ascii, quote_to_ascii,
    unquote, unquote_char,
};
pub use rune::{REPLACEMENT, decode_last_rune, decode_rune, push_rune, runes};

#[cfg(test)]
mod tests;
