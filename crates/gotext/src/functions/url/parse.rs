//! `url.Parse`.

use zeroize::Zeroizing;

use super::address;
use super::escape::{Part, unescape};
use super::{Url, User};
use crate::strconv::{quote, runes};

type Parsed<T> = Result<T, Vec<u8>>;

/// Takes a URL apart. The error is Go's text, which quotes the URL.
pub(super) fn parse(text: &[u8]) -> Parsed<Url> {
    let (before, fragment) = cut(text, b'#').unwrap_or((text, b""));
    let named = |url: &[u8]| {
        let url = quote(url);
        move |error: Vec<u8>| [format!("parse {url}: ").into_bytes(), error].concat()
    };
    let mut url = without_fragment(before).map_err(named(before))?;
    url.fragment = unescape(fragment, Part::Fragment).map_err(named(text))?;
    Ok(url)
}

/// The host without its port and an IPv6 address without its brackets.
pub(super) fn hostname(host: &[u8]) -> &[u8] {
    let host = match host.iter().rposition(|byte| *byte == b':') {
        Some(colon) if is_port(host.get(colon..).unwrap_or_default()) => {
            host.get(..colon).unwrap_or_default()
        }
        _ => host,
    };
    host.strip_prefix(b"[")
        .and_then(|inner| inner.strip_suffix(b"]"))
        .unwrap_or(host)
}

fn cut(text: &[u8], at: u8) -> Option<(&[u8], &[u8])> {
    let position = memchr::memchr(at, text)?;
    Some((text.get(..position)?, text.get(position + 1..)?))
}

fn fail<T>(text: &str) -> Parsed<T> {
    Err(text.as_bytes().to_vec())
}

fn without_fragment(text: &[u8]) -> Parsed<Url> {
    if text.iter().any(u8::is_ascii_control) {
        return fail("net/url: invalid control character in URL");
    }
    let mut url = Url::default();
    if text == b"*" {
        url.path = text.to_vec();
        return Ok(url);
    }
    let (scheme, rest) = scheme(text)?;
    url.scheme = scheme.to_ascii_lowercase();
    let (mut rest, query) = cut(rest, b'?').unwrap_or((rest, b""));
    url.query = query.to_vec();
    if !rest.starts_with(b"/") {
        if !url.scheme.is_empty() {
            url.opaque = rest.to_vec();
            return Ok(url);
        }
        let (segment, _) = cut(rest, b'/').unwrap_or((rest, b""));
        if segment.contains(&b':') {
            return fail("first path segment in URL cannot contain colon");
        }
    }
    let absolute = !url.scheme.is_empty() || !rest.starts_with(b"///");
    if let Some(authority) = rest.strip_prefix(b"//").filter(|_| absolute) {
        let end = memchr::memchr(b'/', authority).unwrap_or(authority.len());
        let (authority, path) = authority.split_at_checked(end).unwrap_or((authority, b""));
        rest = path;
        let (user, host) = match memchr::memrchr(b'@', authority) {
            Some(at) => (authority.get(..at), authority.get(at + 1..).unwrap_or_default()),
            None => (None, authority),
        };
        url.host = self::host(&url.scheme, host)?;
        url.user = user.map(self::user).transpose()?;
    }
    url.path = unescape(rest, Part::Path)?;
    Ok(url)
}

/// The scheme, if the text starts with one, and what follows its colon.
fn scheme(text: &[u8]) -> Parsed<(&[u8], &[u8])> {
    for (at, byte) in text.iter().enumerate() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' => {}
            b'0'..=b'9' | b'+' | b'-' | b'.' if at > 0 => {}
            b':' if at == 0 => return fail("missing protocol scheme"),
            b':' => {
                let (scheme, rest) = text.split_at_checked(at).unwrap_or((text, b""));
                return Ok((scheme, rest.get(1..).unwrap_or_default()));
            }
            _ => break,
        }
    }
    Ok((b"", text))
}

fn user(text: &[u8]) -> Parsed<User> {
    let valid =
        |character: char| character.is_ascii_alphanumeric() || "-._:~!$&'()*+,;=%@".contains(character);
    if !runes(text).all(|(_, character, _)| character.is_some_and(valid)) {
        return fail("net/url: invalid userinfo");
    }
    let (name, password) = match cut(text, b':') {
        Some((name, password)) => (name, Some(password)),
        None => (text, None),
    };
    Ok(User {
        name: Zeroizing::new(unescape(name, Part::User)?),
        password: match password {
            Some(password) => Some(Zeroizing::new(unescape(password, Part::User)?)),
            None => None,
        },
    })
}

fn host(scheme: &[u8], text: &[u8]) -> Parsed<Vec<u8>> {
    match memchr::memrchr(b'[', text) {
        Some(0) => return bracketed_host(text),
        Some(_) => return fail("invalid IP-literal"),
        None => {}
    }
    if let Some(mut colon) = memchr::memchr(b':', text) {
        // Lists of hosts are accepted where the scheme is not that of the web.
        if !matches!(scheme, b"http" | b"https") {
            colon = memchr::memrchr(b':', text).unwrap_or(colon);
        }
        check_port(text.get(colon..).unwrap_or_default())?;
    }
    unescape(text, Part::Host)
}

fn check_port(port: &[u8]) -> Parsed<()> {
    if is_port(port) {
        Ok(())
    } else {
        fail(&format!("invalid port {} after host", quote(port)))
    }
}

/// Nothing, or a colon and perhaps digits.
fn is_port(text: &[u8]) -> bool {
    match text.split_first() {
        None => true,
        Some((b':', digits)) => digits.iter().all(u8::is_ascii_digit),
        Some(_) => false,
    }
}

/// `[IPv6]` or `[IPv6%25zone]`, perhaps with a port.
fn bracketed_host(text: &[u8]) -> Parsed<Vec<u8>> {
    let Some(end) = memchr::memrchr(b']', text) else {
        return fail("missing ']' in host");
    };
    let port = text.get(end + 1..).unwrap_or_default();
    check_port(port)?;
    let inner = text.get(1..end).unwrap_or_default();
    let name = match memchr::memmem::find(inner, b"%25") {
        None => unescape(inner, Part::Host)?,
        Some(at) => {
            let (address, zone) = inner.split_at_checked(at).unwrap_or((inner, b""));
            [unescape(address, Part::Host)?, unescape(zone, Part::Zone)?].concat()
        }
    };
    match address::check(&name) {
        Ok(address::Family::V6) => Ok([b"[", name.as_slice(), b"]", port].concat()),
        Ok(address::Family::V4) => fail("invalid IP-literal"),
        Err(error) => fail(&format!("invalid host: {error}")),
    }
}
