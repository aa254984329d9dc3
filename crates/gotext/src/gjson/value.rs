//! What a search finds: a value with its JSON text, or nothing.

use std::fmt;

use zeroize::Zeroizing;

use super::scan::{Token, nested, part, string_end, token, unescape};
use crate::strconv::{FloatForm, FloatSize, format_float, parse_float_lossy};

/// The kind of a value, in the order Go numbers them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// `null`, or nothing found.
    Null,
    /// `false`
    False,
    /// A number.
    Number,
    /// A string.
    String,
    /// `true`
    True,
    /// An array or object.
    Json,
}

/// Bytes of the document, or bytes of their own that are wiped when dropped.
#[derive(Clone)]
pub(super) enum Text<'j> {
    Borrowed(&'j [u8]),
    Owned(Zeroizing<Vec<u8>>),
}

impl Text<'_> {
    pub(super) fn bytes(&self) -> &[u8] {
        match self {
            Self::Borrowed(bytes) => bytes,
            Self::Owned(bytes) => bytes,
        }
    }

    pub(super) fn into_owned<'a>(self) -> Text<'a> {
        Text::Owned(match self {
            Self::Borrowed(bytes) => Zeroizing::new(bytes.to_vec()),
            Self::Owned(bytes) => bytes,
        })
    }
}

/// A value found in a document, or the lack of one.
///
/// It may hold a secret: its debug form shows the kind only.
#[derive(Clone)]
pub struct Match<'j> {
    pub(super) kind: Kind,
    pub(super) raw: Text<'j>,
    pub(super) text: Text<'j>,
    pub(super) number: f64,
}

impl fmt::Debug for Match<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Match")
            .field("kind", &self.kind)
            .finish_non_exhaustive()
    }
}

impl<'j> Match<'j> {
    pub(super) fn missing() -> Self {
        Self {
            kind: Kind::Null,
            raw: Text::Borrowed(b""),
            text: Text::Borrowed(b""),
            number: 0.0,
        }
    }

    pub(super) fn of(kind: Kind, raw: Text<'j>) -> Self {
        Self {
            kind,
            raw,
            ..Self::missing()
        }
    }

    pub(super) fn string_of(raw: &'j [u8], inner: &'j [u8], escaped: bool) -> Self {
        let text = if escaped {
            Text::Owned(Zeroizing::new(unescape(inner)))
        } else {
            Text::Borrowed(inner)
        };
        Self {
            text,
            ..Self::of(Kind::String, Text::Borrowed(raw))
        }
    }

    pub(super) fn number_of(raw: &'j [u8]) -> Self {
        Self {
            number: parse_float_lossy(raw),
            ..Self::of(Kind::Number, Text::Borrowed(raw))
        }
    }

    pub(super) fn literal(raw: &'j [u8]) -> Self {
        let kind = match raw.first() {
            Some(b't') => Kind::True,
            Some(b'f') => Kind::False,
            _ => Kind::Null,
        };
        Self::of(kind, Text::Borrowed(raw))
    }

    pub(super) fn into_owned<'a>(self) -> Match<'a> {
        Match {
            kind: self.kind,
            raw: self.raw.into_owned(),
            text: self.text.into_owned(),
            number: self.number,
        }
    }

    /// Whether there is a value; `null` is one.
    pub fn exists(&self) -> bool {
        self.kind != Kind::Null || !self.raw().is_empty()
    }

    /// The kind of the value.
    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// The JSON text of the value; empty where there is none.
    pub fn raw(&self) -> &[u8] {
        self.raw.bytes()
    }

    /// Whether the value is an object.
    pub fn is_object(&self) -> bool {
        self.kind == Kind::Json && self.raw().first() == Some(&b'{')
    }

    /// Whether the value is an array.
    pub fn is_array(&self) -> bool {
        self.kind == Kind::Json && self.raw().first() == Some(&b'[')
    }

    /// The value as text (`Result.String`): a string without quotes and escapes, an integer as it stands,
    /// another number as plain decimal, an array or object as JSON; empty for `null` and for no value.
    pub fn to_bytes(&self) -> Zeroizing<Vec<u8>> {
        Zeroizing::new(match self.kind {
            Kind::Null => Vec::new(),
            Kind::False => b"false".to_vec(),
            Kind::True => b"true".to_vec(),
            Kind::String => self.text.bytes().to_vec(),
            Kind::Json => self.raw().to_vec(),
            Kind::Number => {
                let digits = self.raw().strip_prefix(b"-").unwrap_or_else(|| self.raw());
                if !self.raw().is_empty() && digits.iter().all(u8::is_ascii_digit) {
                    self.raw().to_vec()
                } else {
                    format_float(self.number, FloatForm::Fixed, None, FloatSize::Bits64).into_bytes()
                }
            }
        })
    }

    /// `Result.Bool`.
    pub(super) fn is_truthy(&self) -> bool {
        match self.kind {
            Kind::True => true,
            Kind::String => word(self.text.bytes()) == Some(true),
            Kind::Number => self.number != 0.0,
            Kind::Null | Kind::False | Kind::Json => false,
        }
    }

    /// Whether a query for `~false` takes the value.
    pub(super) fn is_falsy(&self) -> bool {
        match self.kind {
            Kind::Null | Kind::False => true,
            Kind::String => word(self.text.bytes()) == Some(false),
            Kind::Number => self.number == 0.0,
            Kind::True | Kind::Json => false,
        }
    }

    /// Visits the members of an object or the elements of an array; any other value visits itself.
    pub(super) fn for_each<E>(
        &self,
        mut visit: impl FnMut(Match<'_>, Match<'_>) -> Result<(), E>,
    ) -> Result<(), E> {
        if !self.exists() {
            return Ok(());
        }
        if self.kind != Kind::Json {
            return visit(Match::missing(), self.clone());
        }
        let json = self.raw();
        let start = json.iter().take_while(|byte| **byte <= b' ').count();
        let object = match json.get(start) {
            Some(b'{') => true,
            Some(b'[') => false,
            _ => return Ok(()),
        };
        let mut at = start + 1;
        while at < json.len() {
            let mut key = Match::missing();
            if object {
                if json.get(at) != Some(&b'"') {
                    at += 1;
                    continue;
                }
                let Some((end, escaped)) = string_end(json, at + 1) else {
                    return Ok(());
                };
                key = Match::string_of(part(json, at, end), part(json, at + 1, end - 1), escaped);
                at = end;
            }
            let separators = |byte: &&u8| **byte <= b' ' || matches!(byte, b',' | b':');
            at += json
                .get(at..)
                .unwrap_or_default()
                .iter()
                .take_while(separators)
                .count();
            let Some((value, end)) = next_value(json, at) else {
                return Ok(());
            };
            visit(key, value)?;
            at = end + 1;
        }
        Ok(())
    }
}

/// `strconv.ParseBool` of the word in lower case.
fn word(text: &[u8]) -> Option<bool> {
    crate::strconv::parse_bool(&text.to_ascii_lowercase()).ok()
}

/// The next value at or after an offset, and the offset after it.
pub(super) fn next_value(json: &[u8], mut at: usize) -> Option<(Match<'_>, usize)> {
    while at < json.len() {
        match token(json, at) {
            Token::Other => at += 1,
            token => return value_at(json, at, token),
        }
    }
    None
}

/// The value of the token at an offset, and the offset after it.
pub(super) fn value_at<'j>(json: &'j [u8], at: usize, token: Token<'j>) -> Option<(Match<'j>, usize)> {
    Some(match token {
        Token::Open(_) => {
            let (raw, end) = nested(json, at);
            (Match::of(Kind::Json, Text::Borrowed(raw)), end)
        }
        Token::String(raw, escaped, end) => {
            (Match::string_of(raw, part(json, at + 1, end - 1), escaped), end)
        }
        Token::Literal(raw, end) => (Match::literal(raw), end),
        Token::Number(raw, end) => (Match::number_of(raw), end),
        Token::Unterminated | Token::Other => return None,
    })
}

pub(super) fn parse(json: &[u8]) -> Match<'_> {
    let start = json.iter().take_while(|byte| **byte <= b' ').count();
    let rest = json.get(start..).unwrap_or_default();
    match token(rest, 0) {
        Token::Open(_) => Match::of(Kind::Json, Text::Borrowed(rest)),
        Token::String(raw, escaped, end) => Match::string_of(raw, part(rest, 1, end - 1), escaped),
        Token::Unterminated => {
            let inner = rest.get(1..).unwrap_or_default();
            Match::string_of(rest, inner, inner.contains(&b'\\'))
        }
        Token::Literal(raw, _) => Match::literal(raw),
        Token::Number(raw, _) => Match::number_of(raw),
        Token::Other => Match::missing(),
    }
}

/// The JSON text to put a found value into another document with.
pub(super) fn embedded(value: &Match<'_>) -> Zeroizing<Vec<u8>> {
    if value.raw().is_empty() {
        value.to_bytes()
    } else {
        Zeroizing::new(value.raw().to_vec())
    }
}
