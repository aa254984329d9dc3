//! IP addresses in brackets: whether they are any, in the words of Go's `net/netip`.
//!
//! The standard library reads the same addresses but does not say what is wrong with others.

use crate::strconv::quote;

/// The kind of an address.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Family {
    V4,
    V6,
}

/// What is wrong, and the text it is wrong at, if Go names that.
type Problem<'a> = (&'static str, Option<&'a [u8]>);

/// Reads an address; the error is Go's text.
pub(super) fn check(text: &[u8]) -> Result<Family, String> {
    let result = match text.iter().find(|byte| matches!(byte, b'.' | b':' | b'%')) {
        Some(b'.') => v4(text).map(|()| Family::V4),
        Some(b':') => v6(text).map(|()| Family::V6),
        Some(_) => Err(("missing IPv6 address", None)),
        None => Err(("unable to parse IP", None)),
    };
    result.map_err(|(problem, at)| {
        let at = at.map_or_else(String::new, |at| format!(" (at {})", quote(at)));
        format!("ParseAddr({}): {problem}{at}", quote(text))
    })
}

fn v4(text: &[u8]) -> Result<(), Problem<'_>> {
    let (mut value, mut digits, mut dots) = (0_u32, 0, 0);
    for (at, byte) in text.iter().enumerate() {
        let here = text.get(at..);
        match byte {
            b'0'..=b'9' => {
                if digits == 1 && value == 0 {
                    return Err(("IPv4 field has octet with leading zero", None));
                }
                value = value * 10 + u32::from(byte - b'0');
                digits += 1;
                if value > 255 {
                    return Err(("IPv4 field has value >255", None));
                }
            }
            b'.' if digits == 0 || at + 1 == text.len() => {
                return Err(("IPv4 field must have at least one digit", here));
            }
            b'.' if dots == 3 => return Err(("IPv4 address too long", None)),
            b'.' => (value, digits, dots) = (0, 0, dots + 1),
            _ => return Err(("unexpected character", here)),
        }
    }
    if dots < 3 {
        Err(("IPv4 address too short", None))
    } else {
        Ok(())
    }
}

fn v6(text: &[u8]) -> Result<(), Problem<'_>> {
    let end = memchr::memchr(b'%', text).unwrap_or(text.len());
    if end + 1 == text.len() {
        return Err(("zone must be a non-empty string", None));
    }
    let mut rest = text.get(..end).unwrap_or(text);
    let mut ellipsis = false;
    let mut bytes = 0;
    if let Some(after) = rest.strip_prefix(b"::") {
        ellipsis = true;
        rest = after;
        if rest.is_empty() {
            return Ok(());
        }
    }
    while bytes < 16 {
        let digits = rest.iter().take_while(|byte| byte.is_ascii_hexdigit()).count();
        if digits > 4 {
            return Err(("each group must have 4 or less digits", Some(rest)));
        }
        if digits == 0 {
            return Err((
                "each colon-separated field must have at least one digit",
                Some(rest),
            ));
        }
        if rest.get(digits) == Some(&b'.') {
            if !ellipsis && bytes != 12 {
                return Err((
                    "embedded IPv4 address must replace the final 2 fields of the address",
                    Some(rest),
                ));
            }
            if bytes > 12 {
                return Err((
                    "too many hex fields to fit an embedded IPv4 at the end of the address",
                    Some(rest),
                ));
            }
            v4(rest)?;
            bytes += 4;
            rest = &[];
            break;
        }
        bytes += 2;
        rest = rest.get(digits..).unwrap_or_default();
        match rest {
            [] => break,
            [b':'] => return Err(("colon must be followed by more characters", Some(rest))),
            [b':', b':', ..] if ellipsis => {
                return Err(("multiple :: in address", rest.get(1..)));
            }
            [b':', b':', after @ ..] => {
                ellipsis = true;
                rest = after;
                if rest.is_empty() {
                    break;
                }
            }
            [b':', after @ ..] => rest = after,
            _ => return Err(("unexpected character, want colon", Some(rest))),
        }
    }
    if !rest.is_empty() {
        return Err(("trailing garbage after address", Some(rest)));
    }
    match (bytes < 16, ellipsis) {
        (true, false) => Err(("address string too short", None)),
        (false, true) => Err(("the :: must expand to at least one field of zeros", None)),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_read_and_others_explained() {
        for text in [
            "::",
            "::1",
            "fe80::1%en0",
            "1:2:3:4:5:6:7:8",
            "::ffff:1.2.3.4",
            "1::",
        ] {
            assert_eq!(check(text.as_bytes()), Ok(Family::V6), "{text}");
        }
        assert_eq!(check(b"1.2.3.4"), Ok(Family::V4));
        for (text, want) in [
            ("host", r#"ParseAddr("host"): unable to parse IP"#),
            ("1:2", r#"ParseAddr("1:2"): address string too short"#),
            (
                "1::2::3",
                r#"ParseAddr("1::2::3"): multiple :: in address (at ":3")"#,
            ),
            (
                "12345::",
                r#"ParseAddr("12345::"): each group must have 4 or less digits (at "12345::")"#,
            ),
        ] {
            assert_eq!(check(text.as_bytes()), Err(want.to_owned()));
        }
    }
}
