//! Reading JSON.

use zeroize::Zeroizing;

use super::value::{MAX_DEPTH, Number, Value};
use crate::strconv::{self, REPLACEMENT, push_rune, quote_rune, runes};

/// Why a text is not JSON, in Go's words, which may quote one character or a number of it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// The text ends too early.
    #[error("unexpected end of JSON input")]
    UnexpectedEnd,
    /// A byte stands where it must not.
    #[error("invalid character {} {context}", quoted(*.byte))]
    InvalidCharacter {
        /// The byte.
        byte: u8,
        /// Where it stands.
        context: String,
        /// Bytes read before it.
        offset: usize,
    },
    /// Arrays and objects are nested too deeply.
    #[error("exceeded max depth")]
    TooDeep,
    /// A number is too large for a `float64`.
    #[error("json: cannot unmarshal number {0} into Go value of type float64")]
    NumberOverflow(String),
}

fn quoted(byte: u8) -> String {
    quote_rune(u32::from(byte))
}

/// `json.Unmarshal` into an `any`.
pub fn parse(text: &[u8]) -> Result<Value, Error> {
    match parse_what_fits(text)? {
        (_, Some(number)) => Err(Error::NumberOverflow(number)),
        (value, None) => Ok(value),
    }
}

/// What `json.Unmarshal` leaves in an `any` where it fails only for a number that does not fit: null in the number's
/// place. With it comes the first such number.
pub(crate) fn parse_what_fits(text: &[u8]) -> Result<(Value, Option<String>), Error> {
    let mut parser = Parser {
        text,
        at: 0,
        overflow: None,
    };
    let value = parser.value(0)?;
    parser.space();
    if parser.peek().is_some() {
        return Err(parser.invalid("after top-level value"));
    }
    // A number that does not fit matters only in a text that is JSON.
    Ok((value, parser.overflow))
}

struct Parser<'t> {
    text: &'t [u8],
    at: usize,
    overflow: Option<String>,
}

impl<'t> Parser<'t> {
    fn peek(&self) -> Option<u8> {
        self.text.get(self.at).copied()
    }

    fn space(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\t' | b'\r' | b'\n')) {
            self.at += 1;
        }
    }

    /// The error for the byte here, or for the end where more could have followed.
    fn unexpected(&self, context: &str) -> Error {
        if self.peek().is_none() {
            Error::UnexpectedEnd
        } else {
            self.invalid(context)
        }
    }

    /// The error for the byte here; the end counts as a space, as in Go.
    fn invalid(&self, context: &str) -> Error {
        let byte = self.peek().unwrap_or(b' ');
        Error::InvalidCharacter {
            byte,
            context: context.to_owned(),
            offset: self.at,
        }
    }

    fn value(&mut self, depth: usize) -> Result<Value, Error> {
        self.space();
        match self.peek() {
            Some(b'{') => self.object(depth + 1),
            Some(b'[') => self.array(depth + 1),
            Some(b'"') => self.string().map(Value::String),
            Some(b'-' | b'0'..=b'9') => self.number(),
            Some(b't') => self.literal("true").map(|()| Value::Bool(true)),
            Some(b'f') => self.literal("false").map(|()| Value::Bool(false)),
            Some(b'n') => self.literal("null").map(|()| Value::Null),
            _ => Err(self.unexpected("looking for beginning of value")),
        }
    }

    fn array(&mut self, depth: usize) -> Result<Value, Error> {
        if depth > MAX_DEPTH {
            return Err(Error::TooDeep);
        }
        self.at += 1;
        self.space();
        let mut elements = Vec::new();
        if self.peek() == Some(b']') {
            self.at += 1;
            return Ok(Value::Array(elements));
        }
        loop {
            elements.push(self.value(depth)?);
            self.space();
            match self.peek() {
                Some(b',') => self.at += 1,
                Some(b']') => {
                    self.at += 1;
                    return Ok(Value::Array(elements));
                }
                _ => return Err(self.unexpected("after array element")),
            }
        }
    }

    fn object(&mut self, depth: usize) -> Result<Value, Error> {
        if depth > MAX_DEPTH {
            return Err(Error::TooDeep);
        }
        self.at += 1;
        self.space();
        let mut members = Vec::new();
        if self.peek() == Some(b'}') {
            self.at += 1;
            return Ok(Value::Object(members));
        }
        loop {
            self.space();
            if self.peek() != Some(b'"') {
                return Err(self.unexpected("looking for beginning of object key string"));
            }
            let key = self.string()?.to_vec();
            self.space();
            if self.peek() != Some(b':') {
                return Err(self.unexpected("after object key"));
            }
            self.at += 1;
            members.push((key, self.value(depth)?));
            self.space();
            match self.peek() {
                Some(b',') => self.at += 1,
                Some(b'}') => {
                    self.at += 1;
                    return Ok(Value::Object(members));
                }
                _ => return Err(self.unexpected("after object key:value pair")),
            }
        }
    }

    fn literal(&mut self, word: &str) -> Result<(), Error> {
        for expected in word.chars() {
            if self.peek().map(char::from) != Some(expected) {
                return Err(self.invalid(&format!("in literal {word} (expecting '{expected}')")));
            }
            self.at += 1;
        }
        Ok(())
    }

    fn number(&mut self) -> Result<Value, Error> {
        let start = self.at;
        if self.peek() == Some(b'-') {
            self.at += 1;
        }
        if self.peek() == Some(b'0') {
            self.at += 1;
        } else {
            self.digits("in numeric literal")?;
        }
        if self.peek() == Some(b'.') {
            self.at += 1;
            self.digits("after decimal point in numeric literal")?;
        }
        if matches!(self.peek(), Some(b'e' | b'E')) {
            self.at += 1;
            if matches!(self.peek(), Some(b'+' | b'-')) {
                self.at += 1;
            }
            self.digits("in exponent of numeric literal")?;
        }
        let text = self
            .text
            .get(start..self.at)
            .and_then(|text| str::from_utf8(text).ok());
        let text = text.unwrap_or_default();
        // Without an exponent only a number of more than 308 digits can be too large.
        let may_overflow = text.len() > 308 || text.contains(['e', 'E']);
        if may_overflow && strconv::parse_float(text.as_bytes()).is_err() {
            self.overflow.get_or_insert_with(|| text.to_owned());
            return Ok(Value::Null);
        }
        Ok(Value::Number(Number::from_text(text)))
    }

    fn digits(&mut self, context: &str) -> Result<(), Error> {
        if !self.peek().is_some_and(|byte| byte.is_ascii_digit()) {
            return Err(self.invalid(context));
        }
        while self.peek().is_some_and(|byte| byte.is_ascii_digit()) {
            self.at += 1;
        }
        Ok(())
    }

    fn string(&mut self) -> Result<Zeroizing<Vec<u8>>, Error> {
        self.at += 1;
        let mut out = Zeroizing::new(Vec::new());
        loop {
            self.plain(&mut out);
            match self.peek() {
                None => return Err(Error::UnexpectedEnd),
                Some(b'"') => {
                    self.at += 1;
                    return Ok(out);
                }
                Some(b'\\') => {
                    self.at += 1;
                    self.escape(&mut out)?;
                }
                Some(_) => return Err(self.invalid("in string literal")),
            }
        }
    }

    /// Copies up to the next quote, backslash or control character; invalid bytes become U+FFFD.
    fn plain(&mut self, out: &mut Vec<u8>) {
        let rest = self.text.get(self.at..).unwrap_or_default();
        let ends = |byte: &u8| *byte < b' ' || matches!(byte, b'"' | b'\\');
        let length = rest.iter().position(ends).unwrap_or(rest.len());
        let plain = rest.get(..length).unwrap_or_default();
        self.at += length;
        out.reserve(length);
        if str::from_utf8(plain).is_ok() {
            out.extend_from_slice(plain);
        } else {
            for (_, character, _) in runes(plain) {
                push_rune(out, u32::from(character.unwrap_or(REPLACEMENT)));
            }
        }
    }

    fn escape(&mut self, out: &mut Vec<u8>) -> Result<(), Error> {
        let byte = match self.peek() {
            Some(byte @ (b'"' | b'\\' | b'/')) => byte,
            Some(b'b') => 8,
            Some(b'f') => 12,
            Some(b'n') => b'\n',
            Some(b'r') => b'\r',
            Some(b't') => b'\t',
            Some(b'u') => {
                self.at += 1;
                let mut code = self.hex()?;
                if (0xD800..0xDC00).contains(&code)
                    && let Some(low) = self.low_surrogate()
                {
                    code = 0x10000 + ((code - 0xD800) << 10 | (low - 0xDC00));
                    self.at += 6;
                }
                push_rune(out, code);
                return Ok(());
            }
            _ => return Err(self.invalid("in string escape code")),
        };
        out.push(byte);
        self.at += 1;
        Ok(())
    }

    fn hex(&mut self) -> Result<u32, Error> {
        let mut code = 0;
        for _ in 0..4 {
            let digit = self.peek().and_then(|byte| char::from(byte).to_digit(16));
            let digit = digit.ok_or_else(|| self.invalid("in \\u hexadecimal character escape"))?;
            code = code << 4 | digit;
            self.at += 1;
        }
        Ok(code)
    }

    /// The second half of a surrogate pair, if an escape for one begins here.
    fn low_surrogate(&self) -> Option<u32> {
        let digits: &'t [u8] = self.text.get(self.at..)?.strip_prefix(b"\\u")?.get(..4)?;
        let code = digits.iter().try_fold(0, |code, digit| {
            char::from(*digit).to_digit(16).map(|digit| code << 4 | digit)
        })?;
        (0xDC00..0xE000).contains(&code).then_some(code)
    }
}
