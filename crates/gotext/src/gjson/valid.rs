//! Whether a text is valid JSON (`gjson.Valid`).

/// Whether the text is one JSON value and white space. Strings may hold any bytes but control characters.
///
/// Any depth of nesting is checked without recursion.
pub fn valid(json: &[u8]) -> bool {
    let mut open: Vec<u8> = Vec::new();
    let mut rest = space(json);
    loop {
        // A value begins here.
        let Some((byte, after)) = rest.split_first() else {
            return false;
        };
        match byte {
            b'{' => {
                let after = space(after);
                match after.split_first() {
                    Some((b'}', after)) => rest = after,
                    _ => match key(after) {
                        Some(value) => {
                            open.push(b'}');
                            rest = value;
                            continue;
                        }
                        None => return false,
                    },
                }
            }
            b'[' => {
                let after = space(after);
                let Some((b']', after)) = after.split_first() else {
                    open.push(b']');
                    rest = after;
                    continue;
                };
                rest = after;
            }
            _ => match scalar(rest) {
                Some(after) => rest = after,
                None => return false,
            },
        }
        // A value ended here; brackets may end too.
        loop {
            rest = space(rest);
            let Some(bracket) = open.last() else {
                return rest.is_empty();
            };
            match rest.split_first() {
                Some((b',', after)) => {
                    let after = space(after);
                    let next = if *bracket == b'}' { key(after) } else { Some(after) };
                    let Some(next) = next else { return false };
                    rest = next;
                    break;
                }
                Some((byte, after)) if byte == bracket => {
                    open.pop();
                    rest = after;
                }
                _ => return false,
            }
        }
    }
}

fn space(text: &[u8]) -> &[u8] {
    let width = text
        .iter()
        .take_while(|byte| matches!(byte, b' ' | b'\t' | b'\n' | b'\r'))
        .count();
    text.get(width..).unwrap_or_default()
}

/// What follows a key and its colon.
fn key(text: &[u8]) -> Option<&[u8]> {
    let rest = string(text.strip_prefix(b"\"")?)?;
    Some(space(space(rest).strip_prefix(b":")?))
}

fn scalar(text: &[u8]) -> Option<&[u8]> {
    match text.first()? {
        b'"' => string(text.get(1..)?),
        b't' => text.strip_prefix(b"true"),
        b'f' => text.strip_prefix(b"false"),
        b'n' => text.strip_prefix(b"null"),
        _ => number(text),
    }
}

/// What follows the closing quote.
fn string(text: &[u8]) -> Option<&[u8]> {
    let mut rest = text;
    loop {
        let (byte, after) = rest.split_first()?;
        rest = match byte {
            b'"' => return Some(after),
            b'\\' => match after.split_first()? {
                (b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't', after) => after,
                (b'u', after) => {
                    let (digits, after) = after.split_at_checked(4)?;
                    digits.iter().all(u8::is_ascii_hexdigit).then_some(after)?
                }
                _ => return None,
            },
            0..b' ' => return None,
            _ => after,
        };
    }
}

fn number(text: &[u8]) -> Option<&[u8]> {
    let rest = text.strip_prefix(b"-").unwrap_or(text);
    let mut rest = match rest.strip_prefix(b"0") {
        Some(rest) => rest,
        None => digits(rest)?,
    };
    if let Some(fraction) = rest.strip_prefix(b".") {
        rest = digits(fraction)?;
    }
    if let Some((b'e' | b'E', exponent)) = rest.split_first() {
        let exponent = match exponent.split_first() {
            Some((b'+' | b'-', exponent)) => exponent,
            _ => exponent,
        };
        rest = digits(exponent)?;
    }
    Some(rest)
}

/// What follows one digit or more.
fn digits(text: &[u8]) -> Option<&[u8]> {
    let width = text.iter().take_while(|byte| byte.is_ascii_digit()).count();
    (width > 0).then(|| text.get(width..))?
}
