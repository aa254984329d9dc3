//! Percent escapes: which bytes each part of a URL may hold as they are.

/// The part of a URL that a text belongs to.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Part {
    Path,
    Host,
    /// The zone of an IPv6 address.
    Zone,
    User,
    Fragment,
}

fn must_escape(byte: u8, part: Part) -> bool {
    if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.' | b'~') {
        return false;
    }
    match part {
        Part::Host | Part::Zone => !matches!(
            byte,
            b'!' | b'$'
                | b'&'
                | b'\''
                | b'('
                | b')'
                | b'*'
                | b'+'
                | b','
                | b';'
                | b'='
                | b':'
                | b'['
                | b']'
                | b'<'
                | b'>'
                | b'"'
        ),
        Part::Path => !matches!(byte, b'$' | b'&' | b'+' | b',' | b'/' | b':' | b';' | b'=' | b'@'),
        Part::User => !matches!(byte, b'$' | b'&' | b'+' | b',' | b';' | b'='),
        Part::Fragment => !matches!(
            byte,
            b'$' | b'&' | b'+' | b',' | b'/' | b':' | b';' | b'=' | b'?' | b'@' | b'!' | b'(' | b')' | b'*'
        ),
    }
}

/// The text with every byte escaped that the part cannot hold.
pub(super) fn escape(text: &[u8], part: Part) -> Vec<u8> {
    const DIGITS: &[u8; 16] = b"0123456789ABCDEF";
    let digit = |nibble: u8| DIGITS.get(usize::from(nibble)).copied().unwrap_or(b'0');
    let mut out = Vec::with_capacity(text.len());
    for byte in text {
        if must_escape(*byte, part) {
            out.extend([b'%', digit(byte >> 4), digit(byte & 15)]);
        } else {
            out.push(*byte);
        }
    }
    out
}

/// The text without escapes. The error is Go's text.
pub(super) fn unescape(text: &[u8], part: Part) -> Result<Vec<u8>, Vec<u8>> {
    let mut out = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some((first, after)) = rest.split_first() {
        if *first != b'%' {
            if matches!(part, Part::Host | Part::Zone) && first.is_ascii() && must_escape(*first, part) {
                let quoted = crate::strconv::quote(&[*first]);
                return Err(format!("invalid character {quoted} in host name").into_bytes());
            }
            out.push(*first);
            rest = after;
            continue;
        }
        let escape = rest.get(..3).unwrap_or(rest);
        let invalid = || {
            let quoted = crate::strconv::quote(escape);
            Err(format!("invalid URL escape {quoted}").into_bytes())
        };
        let (Some(high), Some(low)) = (nibble(escape.get(1)), nibble(escape.get(2))) else {
            return invalid();
        };
        let byte = high << 4 | low;
        // A host may only escape what is not ASCII; a zone also what it could hold anyway, and spaces.
        let allowed = match part {
            Part::Host => high >= 8 || byte == b'%',
            Part::Zone => byte == b'%' || byte == b' ' || !must_escape(byte, Part::Host),
            Part::Path | Part::User | Part::Fragment => true,
        };
        if !allowed {
            return invalid();
        }
        out.push(byte);
        rest = rest.get(3..).unwrap_or_default();
    }
    Ok(out)
}

fn nibble(byte: Option<&u8>) -> Option<u8> {
    let digit = char::from(*byte?).to_digit(16)?;
    u8::try_from(digit).ok()
}
