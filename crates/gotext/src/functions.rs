//! The functions templates can call besides Go's built-ins: sprig's, as far as secrets may use them, and those of
//! External Secrets.
//!
//! Each family is a module with a table of names, Go signatures and code; here they are joined. Functions that read
//! the environment or the network (`env`, `expandenv`, `getHostByName`) do not exist. Every function works within the
//! [`Limits`](crate::template::Limits) of its [`Context`](crate::template::Context).

mod cast;
mod crypto;
mod date;
mod defaults;
mod dict;
pub(crate) mod encoding;
mod equal;
mod flow;
mod hash;
mod json;
mod jwk;
mod list;
mod math;
mod path;
mod pem;
mod pkcs12;
mod random;
mod reflect;
mod regex;
mod semver;
mod strings;
mod text;
mod url;
mod x509;
mod yaml;

use crate::template::{Function, Functions};

/// The tables of all families. No two have a name in common.
const TABLES: &[&[Function]] = &[
    crypto::TABLE,
    date::TABLE,
    defaults::TABLE,
    dict::TABLE,
    encoding::TABLE,
    flow::TABLE,
    hash::TABLE,
    json::TABLE,
    jwk::TABLE,
    list::TABLE,
    math::TABLE,
    path::TABLE,
    pem::TABLE,
    pkcs12::TABLE,
    random::TABLE,
    reflect::TABLE,
    regex::TABLE,
    semver::TABLE,
    strings::TABLE,
    url::TABLE,
    yaml::TABLE,
];

/// All functions: sprig's and External Secrets'.
pub fn all() -> Functions {
    Functions::from_tables(TABLES)
}

#[cfg(test)]
mod tests;
