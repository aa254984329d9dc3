//! Selecting a value of a JSON document with a path, as the Go library gjson 1.18 does it.
//!
//! A path is keys separated by dots (`a.b.0`), with `*` and `?` patterns, `#` for the elements of an array,
//! queries (`#(name=="x").value`), modifiers (`@keys`), pipes and selectors (`{a,b}`). The document is not
//! checked first: from broken JSON the search takes what it finds, as the Go library does. Own code, because
//! the one crate for these paths reads common ones differently and prints numbers another way.

mod budget;
mod modifier;
mod path;
mod pretty;
mod scan;
mod search;
mod valid;
mod value;
mod wildcard;

pub use budget::{LimitExceeded, Limits};
pub use valid::valid;
pub use value::{Kind, Match};

use budget::Budget;

/// The value at `path`, which [`exists`](Match::exists) or not (`gjson.Get`), within the default limits.
pub fn get<'j>(json: &'j [u8], path: &(impl AsRef<[u8]> + ?Sized)) -> Result<Match<'j>, LimitExceeded> {
    get_within(json, path, Limits::default())
}

/// [`get`] within other limits.
pub fn get_within<'j>(
    json: &'j [u8],
    path: &(impl AsRef<[u8]> + ?Sized),
    limits: Limits,
) -> Result<Match<'j>, LimitExceeded> {
    search::get(json, path.as_ref(), &Budget::new(limits))
}

/// The value a `property` names: a key with exactly this name first, dots and all, else the value at the path.
pub fn get_property<'j>(json: &'j [u8], property: &str) -> Result<Match<'j>, LimitExceeded> {
    if property.contains('.') {
        let literal = get(json, &property.replace('.', "\\."))?;
        if literal.exists() {
            return Ok(literal);
        }
    }
    get(json, property)
}

/// The first value of a document (`gjson.Parse`).
pub fn parse(json: &[u8]) -> Match<'_> {
    value::parse(json)
}

#[cfg(test)]
mod tests;
