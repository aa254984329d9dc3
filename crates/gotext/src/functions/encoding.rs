//! Base64, base32 and hexadecimal: `b64enc`, `b64dec`, `b32enc`, `b32dec`, `hexdec`.
//!
//! A decoder gives the *text* of its error as if it were the value, as sprig does. The decoders are written here
//! because that text holds the offset at which Go gives up, and because Go skips line ends; what is well formed goes
//! through the crate.

use std::borrow::Cow;
use std::sync::LazyLock;

use data_encoding::{BASE32, BASE64, Encoding};
use zeroize::{Zeroize, Zeroizing};

use crate::strconv::is_print;
use crate::template::{Args, Context, FuncError, Function, Type, Value};

/// The functions of this family.
pub(super) const TABLE: &[Function] = &[
    Function::fixed("b64enc", &[Type::String], Type::String, |context, args| {
        encode(context, args, &BASE64)
    }),
    Function::fixed("b64dec", &[Type::String], Type::String, |context, args| {
        decode(context, args, base64)
    }),
    Function::fixed("b32enc", &[Type::String], Type::String, |context, args| {
        encode(context, args, &BASE32)
    }),
    Function::fixed("b32dec", &[Type::String], Type::String, |context, args| {
        decode(context, args, base32)
    }),
    Function::fixed("hexdec", &[Type::String], Type::String, |context, args| {
        decode(context, args, hexadecimal)
    }),
];

fn encode(context: &mut Context<'_>, args: Args<'_>, encoding: &Encoding) -> Result<Value, FuncError> {
    let input = args.bytes(0);
    context.charge_bytes(encoding.encode_len(input.len()))?;
    Ok(Value::string(encoding.encode(input)))
}

fn decode(
    context: &mut Context<'_>,
    args: Args<'_>,
    decoder: fn(&[u8]) -> Result<Vec<u8>, String>,
) -> Result<Value, FuncError> {
    let input = args.bytes(0);
    context.charge_bytes(input.len())?;
    Ok(match decoder(input) {
        Ok(bytes) => Value::string(bytes),
        Err(text) => Value::string(text),
    })
}

/// Go's `base64.StdEncoding.DecodeString`: padding required, line ends skipped, unused bits ignored.
pub(crate) fn base64(input: &[u8]) -> Result<Vec<u8>, String> {
    match well_formed_base64(input) {
        Some(bytes) => Ok(bytes),
        None => any_base64(input),
    }
}

/// What has nothing but digits and line ends, up to padding at its end, decoded faster than one digit at a time.
fn well_formed_base64(input: &[u8]) -> Option<Vec<u8>> {
    static DECODER: LazyLock<Option<Encoding>> = LazyLock::new(|| {
        let mut base64 = BASE64.specification();
        base64.check_trailing_bits = false;
        base64.encoding().ok()
    });
    let mut digits = Cow::Borrowed(input);
    if memchr::memchr2(b'\r', b'\n', input).is_some() {
        let mut joined = Vec::with_capacity(input.len());
        for part in input.split(|byte| matches!(byte, b'\r' | b'\n')) {
            joined.extend_from_slice(part);
        }
        digits = Cow::Owned(joined);
    }
    // The crate would go on after padding in the middle.
    let last_padding = digits.len().checked_sub(2)?;
    let padding_ends_it = memchr::memchr(b'=', &digits).is_none_or(|at| at >= last_padding);
    let decoded = padding_ends_it
        .then(|| DECODER.as_ref()?.decode(&digits).ok())
        .flatten();
    if let Cow::Owned(joined) = &mut digits {
        joined.zeroize();
    }
    decoded
}

fn any_base64(input: &[u8]) -> Result<Vec<u8>, String> {
    let corrupt = |at: usize| format!("illegal base64 data at input byte {at}");
    let mut out = Vec::with_capacity(input.len() / 4 * 3);
    let mut quantum = [0_u8; 4];
    let mut filled = 0;
    let mut at = 0;
    while let Some(&byte) = input.get(at) {
        at += 1;
        if let Some(digit) = base64_digit(byte) {
            if let Some(slot) = quantum.get_mut(filled) {
                *slot = digit;
            }
            filled += 1;
            if filled == 4 {
                push_base64(&mut out, quantum, 3);
                filled = 0;
            }
        } else if byte == b'=' {
            if filled < 2 {
                return Err(corrupt(at - 1));
            }
            if filled == 2 {
                at = after_line_ends(input, at);
                match input.get(at) {
                    None => return Err(corrupt(input.len())),
                    Some(b'=') => at += 1,
                    Some(_) => return Err(corrupt(at - 1)),
                }
            }
            at = after_line_ends(input, at);
            if at < input.len() {
                return Err(corrupt(at));
            }
            push_base64(&mut out, quantum, filled - 1);
            return Ok(out);
        } else if !matches!(byte, b'\r' | b'\n') {
            return Err(corrupt(at - 1));
        }
    }
    if filled > 0 {
        return Err(corrupt(input.len() - filled));
    }
    Ok(out)
}

fn base64_digit(byte: u8) -> Option<u8> {
    Some(match byte {
        b'A'..=b'Z' => byte - b'A',
        b'a'..=b'z' => byte - b'a' + 26,
        b'0'..=b'9' => byte - b'0' + 52,
        b'+' => 62,
        b'/' => 63,
        _ => return None,
    })
}

fn push_base64(out: &mut Vec<u8>, [a, b, c, d]: [u8; 4], count: usize) {
    let bytes = [a << 2 | b >> 4, b << 4 | c >> 2, c << 6 | d];
    out.extend_from_slice(bytes.get(..count).unwrap_or_default());
}

fn after_line_ends(input: &[u8], mut at: usize) -> usize {
    while matches!(input.get(at), Some(b'\r' | b'\n')) {
        at += 1;
    }
    at
}

/// Go's `base32.StdEncoding.DecodeString`: as [`base64`], but offsets do not count line ends.
fn base32(input: &[u8]) -> Result<Vec<u8>, String> {
    let corrupt = |at: usize| format!("illegal base32 data at input byte {at}");
    let input: Zeroizing<Vec<u8>> = Zeroizing::new(
        input
            .iter()
            .copied()
            .filter(|byte| !matches!(byte, b'\r' | b'\n'))
            .collect(),
    );
    let mut out = Vec::with_capacity(input.len() / 8 * 5);
    let mut bits = 0_u64;
    let mut filled = 0_usize;
    for (at, byte) in input.iter().enumerate() {
        let left = input.len() - at - 1;
        if *byte == b'=' && filled >= 2 && left < 8 {
            if left + filled < 7 {
                return Err(corrupt(input.len()));
            }
            let padding = input.get(at + 1..).unwrap_or_default();
            if let Some(bad) = padding.iter().take(7 - filled).position(|byte| *byte != b'=') {
                return Err(corrupt(at + bad));
            }
            // These lengths hold no whole byte more than one digit less would.
            if matches!(filled, 3 | 6) {
                return Err(corrupt(at));
            }
            push_base32(&mut out, bits, filled);
            return Ok(out);
        }
        let digit = match byte {
            b'A'..=b'Z' => byte - b'A',
            b'2'..=b'7' => byte - b'2' + 26,
            _ => return Err(corrupt(at)),
        };
        bits = bits << 5 | u64::from(digit);
        filled += 1;
        if filled == 8 {
            push_base32(&mut out, bits, 8);
            (bits, filled) = (0, 0);
        }
    }
    if filled > 0 {
        return Err(corrupt(input.len() - filled));
    }
    Ok(out)
}

/// Appends the whole bytes of `digits` five-bit digits.
fn push_base32(out: &mut Vec<u8>, bits: u64, digits: usize) {
    let bytes = (bits << (64 - 5 * digits)).to_be_bytes();
    out.extend_from_slice(bytes.get(..digits * 5 / 8).unwrap_or_default());
}

/// Go's `hex.DecodeString`.
fn hexadecimal(input: &[u8]) -> Result<Vec<u8>, String> {
    let digit = |byte: u8| {
        char::from(byte)
            .to_digit(16)
            .and_then(|digit| u8::try_from(digit).ok())
            .ok_or_else(|| invalid_hexadecimal(byte))
    };
    let mut out = Vec::with_capacity(input.len() / 2);
    let mut pairs = input.chunks_exact(2);
    for pair in &mut pairs {
        if let [high, low] = *pair {
            out.push(digit(high)? << 4 | digit(low)?);
        }
    }
    if let [last] = *pairs.remainder() {
        digit(last)?;
        return Err("encoding/hex: odd length hex string".to_owned());
    }
    Ok(out)
}

fn invalid_hexadecimal(byte: u8) -> String {
    let character = char::from(byte);
    let shown = if is_print(character) {
        format!(" '{character}'")
    } else {
        String::new()
    };
    format!("encoding/hex: invalid byte: U+{byte:04X}{shown}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base64_gives_up_at_the_offset_go_names() {
        for (input, want) in [
            ("aGVs\nbG8=", Ok("hello")),
            ("aGVsbG9=", Ok("hello")),
            ("aGVsbG8=\r\n", Ok("hello")),
            ("", Ok("")),
            ("aGVsbG8", Err(4)),
            ("aGVsbG8= ", Err(8)),
            ("_-==", Err(0)),
            ("a===", Err(1)),
            ("aa=", Err(3)),
            ("aa=a", Err(2)),
            ("aa==aa==", Err(4)),
        ] {
            let want = want
                .map(|text| text.as_bytes().to_vec())
                .map_err(|at| format!("illegal base64 data at input byte {at}"));
            assert_eq!(base64(input.as_bytes()), want, "{input:?}");
        }
    }

    #[test]
    fn base32_gives_up_at_the_offset_go_names() {
        for (input, want) in [
            ("NBSWY3DP", Ok("hello")),
            ("NBSW\nY3DP", Ok("hello")),
            ("ME======", Ok("a")),
            ("ME", Err(0)),
            ("ME=====", Err(7)),
            ("ME==A===", Err(3)),
            ("MEA=====", Err(3)),
            ("me======", Err(0)),
        ] {
            let want = want
                .map(|text| text.as_bytes().to_vec())
                .map_err(|at| format!("illegal base32 data at input byte {at}"));
            assert_eq!(base32(input.as_bytes()), want, "{input:?}");
        }
    }

    #[test]
    fn hexadecimal_names_the_first_byte_that_is_no_digit() {
        assert_eq!(hexadecimal(b"00fF").unwrap(), [0, 255]);
        assert_eq!(
            hexadecimal(b"0g").unwrap_err(),
            "encoding/hex: invalid byte: U+0067 'g'"
        );
        assert_eq!(
            hexadecimal(b"0\n").unwrap_err(),
            "encoding/hex: invalid byte: U+000A"
        );
        assert_eq!(
            hexadecimal(b"abc").unwrap_err(),
            "encoding/hex: odd length hex string"
        );
    }
}
