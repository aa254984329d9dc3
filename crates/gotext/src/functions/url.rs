//! URLs: `urlParse` takes one apart into a map, `urlJoin` puts one together.
//!
//! The rules are those of Go's `net/url`, on bytes; the `url` crate follows another standard and would normalize
//! what Go leaves alone.

mod address;
mod escape;
mod parse;
mod print;

use zeroize::Zeroizing;

use super::reflect::NIL_POINTER;
use crate::template::{Args, Context, Entries, FuncError, Function, Map, Text, Type, Value};

/// The functions of this family.
pub(super) const TABLE: &[Function] = &[
    Function::fixed("urlParse", &[Type::String], Type::ANY_MAP, url_parse),
    Function::fixed("urlJoin", &[Type::ANY_MAP], Type::String, url_join),
];

/// A URL in parts, each without its escapes.
#[derive(Default)]
struct Url {
    scheme: Vec<u8>,
    /// What follows the scheme if that is no path.
    opaque: Vec<u8>,
    user: Option<User>,
    host: Vec<u8>,
    path: Vec<u8>,
    query: Vec<u8>,
    fragment: Vec<u8>,
}

struct User {
    name: Zeroizing<Vec<u8>>,
    password: Option<Zeroizing<Vec<u8>>>,
}

/// The host of a URL, and the URL as Go prints it.
///
/// # Errors
/// Go's text, which quotes the URL.
pub(super) fn host_and_text(url: &[u8]) -> Result<(Vec<u8>, Vec<u8>), Vec<u8>> {
    let url = parse::parse(url)?;
    let text = print::print(&url).to_vec();
    Ok((url.host, text))
}

fn url_parse(context: &mut Context<'_>, args: Args<'_>) -> Result<Value, FuncError> {
    let text = args.bytes(0);
    context.charge_bytes(text.len().saturating_mul(3))?;
    let url = parse::parse(text)
        .map_err(|error| FuncError::new([b"unable to parse url: ", error.as_slice()].concat()))?;
    let hostname = parse::hostname(&url.host).to_vec();
    let user = url
        .user
        .as_ref()
        .map_or(Text::EMPTY, |user| print::user(user).into_text());
    let parts: [(&str, Text); 8] = [
        ("scheme", url.scheme.into()),
        ("host", url.host.into()),
        ("hostname", hostname.into()),
        ("path", url.path.into()),
        ("query", url.query.into()),
        ("opaque", url.opaque.into()),
        ("fragment", url.fragment.into()),
        ("userinfo", user),
    ];
    let entries: Entries = parts
        .into_iter()
        .map(|(name, part)| (Text::from(name), Value::String(part)))
        .collect();
    Ok(Value::Map(Map::any(entries)))
}

fn url_join(context: &mut Context<'_>, args: Args<'_>) -> Result<Value, FuncError> {
    let map = args.map(0);
    let part = |name: &str| match map.get(name.as_bytes()) {
        None => Ok(Vec::new()),
        Some(Value::String(text)) => Ok(text.to_vec()),
        Some(other) => match other.type_of() {
            None => Err(FuncError::new(NIL_POINTER)),
            Some(found) => Err(FuncError::new(format!(
                "unable to parse {name} key, must be of type string, but {found} found"
            ))),
        },
    };
    let mut url = Url {
        scheme: part("scheme")?,
        host: part("host")?,
        path: part("path")?,
        query: part("query")?,
        opaque: part("opaque")?,
        fragment: part("fragment")?,
        user: None,
    };
    let user = Zeroizing::new(part("userinfo")?);
    if !user.is_empty() {
        let whole = Zeroizing::new([b"proto://", user.as_slice(), b"@host"].concat());
        let parsed = parse::parse(&whole).map_err(|error| {
            FuncError::new([b"unable to parse userinfo in dict: ", error.as_slice()].concat())
        })?;
        url.user = parsed.user;
    }
    let length = url.path.len() + url.query.len() + url.opaque.len() + url.fragment.len() + url.host.len();
    context.charge_bytes(length.saturating_add(user.len()).saturating_mul(3))?;
    Ok(Value::String(print::print(&url).into_text()))
}
