//! Numeric constants: a text is read as every kind of number it can be, and its context picks one.

use super::{Parsed, Parser};
use crate::strconv;
use crate::template::lexer::{Item, Kind};
use crate::template::node::Number;
use crate::template::text::Text;
use crate::template::value::Value;

impl Parser<'_> {
    pub(super) fn number(&self, token: Item) -> Parsed<Number> {
        let text = token.span.of(self.source);
        let mut number = Number {
            text: token.span,
            int: None,
            uint: None,
            float: None,
            complex: None,
            ideal: None,
        };
        match token.kind {
            Kind::CharConstant => {
                let code = char_constant(text).map_err(|message| self.fail(message))?;
                number.int = Some(i64::from(code));
                number.uint = Some(u64::from(code));
                number.float = Some(f64::from(code));
            }
            Kind::Complex => {
                number.set_complex(complex(text).map_err(|message| self.fail(message))?);
            }
            _ => match text.strip_suffix(b"i").map(strconv::parse_float) {
                Some(Ok(imaginary)) => number.set_complex((0.0, imaginary)),
                _ => self.real(text, &mut number)?,
            },
        }
        number.ideal = ideal(text, &number);
        Ok(number)
    }

    fn real(&self, text: &[u8], number: &mut Number) -> Parsed<()> {
        number.uint = strconv::parse_uint(text, 0, 64).ok();
        number.int = strconv::parse_int(text, 0, 64).ok();
        if number.int == Some(0) {
            // "-0" is no unsigned number by its syntax.
            number.uint = Some(0);
        }
        if let Some(n) = number.int {
            number.float = Some(int_to_float(n));
        } else if let Some(n) = number.uint {
            number.float = Some(uint_to_float(n));
        } else if let Ok(x) = strconv::parse_float(text) {
            if !looks_like_float(text) {
                return Err(self.fail(format!("integer overflow: {}", strconv::quote(text))));
            }
            number.set_float(x);
        } else {
            return Err(self.fail(format!("illegal number syntax: {}", strconv::quote(text))));
        }
        Ok(())
    }
}

impl Number {
    /// A float is also an integer if it is one exactly.
    fn set_float(&mut self, x: f64) {
        self.float = Some(x);
        self.int = float_to_int(x);
        self.uint = float_to_uint(x);
    }

    fn set_complex(&mut self, parts: (f64, f64)) {
        self.complex = Some(parts);
        if parts.1 == 0.0 {
            self.set_float(parts.0);
        }
    }
}

fn looks_like_float(text: &[u8]) -> bool {
    text.iter().any(|byte| b".eEpP".contains(byte))
}

/// The value of a constant whose context asks for no type.
fn ideal(text: &[u8], number: &Number) -> Option<Value> {
    if let Some(parts) = number.complex {
        return Some(Value::complex(parts.0, parts.1));
    }
    let is_hex_int =
        matches!(text, [b'0', b'x' | b'X', _, ..]) && !text.iter().any(|byte| b"pP".contains(byte));
    match number.float {
        Some(x) if !is_hex_int && !text.starts_with(b"'") && looks_like_float(text) => {
            Some(Value::float64(x))
        }
        _ => number.int.map(Value::int),
    }
}

fn char_constant(text: &[u8]) -> Result<u32, Text> {
    let body = text.get(1..).unwrap_or_default();
    let character = strconv::unquote_char(body, b'\'').map_err(|error| Text::from(error.to_string()))?;
    if body.get(character.width..) == Some(b"'") {
        Ok(character.value)
    } else {
        Err(Text::from([b"malformed character constant: ", text].concat()))
    }
}

/// `1+2i`, as Go's `fmt.Sscan` reads it: it knows no octal and no binary numbers.
fn complex(text: &[u8]) -> Result<(f64, f64), String> {
    let (real, rest) = float_token(text);
    let (imaginary, rest) = float_token(rest);
    if !imaginary.starts_with(b"+") && !imaginary.starts_with(b"-") || !rest.starts_with(b"i") {
        return Err("syntax error scanning complex number".to_owned());
    }
    let part = |text| strconv::parse_float(text).map_err(|error| error.to_string());
    Ok((part(real)?, part(imaginary)?))
}

/// What looks like a floating-point number at the beginning, and the rest.
fn float_token(text: &[u8]) -> (&[u8], &[u8]) {
    fn after<'text>(text: &'text [u8], accepted: &[u8]) -> &'text [u8] {
        let length = text.iter().take_while(|byte| accepted.contains(byte)).count();
        text.get(length..).unwrap_or_default()
    }
    let unsigned = text
        .strip_prefix(b"+")
        .or_else(|| text.strip_prefix(b"-"))
        .unwrap_or(text);
    let (digits, exponents, number): (&[u8], &[u8], _) = match unsigned {
        [b'0', b'x' | b'X', number @ ..] => (b"0123456789abcdefABCDEF_", b"pP", number),
        number => (b"0123456789_", b"eEpP", number),
    };
    let mut rest = after(number, digits);
    if let Some(fraction) = rest.strip_prefix(b".") {
        rest = after(fraction, digits);
    }
    if let [letter, exponent @ ..] = rest
        && exponents.contains(letter)
    {
        let exponent = exponent
            .strip_prefix(b"+")
            .or_else(|| exponent.strip_prefix(b"-"))
            .unwrap_or(exponent);
        rest = after(exponent, b"0123456789_");
    }
    text.split_at(text.len() - rest.len())
}

#[expect(clippy::cast_precision_loss, reason = "Go's conversion rounds too")]
fn int_to_float(n: i64) -> f64 {
    n as f64
}

#[expect(clippy::cast_precision_loss, reason = "Go's conversion rounds too")]
fn uint_to_float(n: u64) -> f64 {
    n as f64
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::float_cmp,
    reason = "checked to be exact"
)]
fn float_to_int(x: f64) -> Option<i64> {
    let n = x as i64;
    (int_to_float(n) == x && n != i64::MAX).then_some(n)
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::float_cmp,
    reason = "checked to be exact"
)]
fn float_to_uint(x: f64) -> Option<u64> {
    let n = x as u64;
    (uint_to_float(n) == x && n != u64::MAX).then_some(n)
}
