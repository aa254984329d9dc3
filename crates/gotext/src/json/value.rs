//! A JSON value: what JSON and YAML texts are parsed to and written from.

use std::fmt;

use zeroize::Zeroizing;

use crate::strconv::{self, FloatForm, FloatSize, format_float};

/// How deep values may be nested when they are read. Go stops at 10,000; less leaves room on small stacks.
pub const MAX_DEPTH: usize = 250;

/// A JSON value. Its debug form shows kinds only, since it may hold secrets.
#[derive(Clone, PartialEq)]
pub enum Value {
    /// `null`
    Null,
    /// `true` or `false`
    Bool(bool),
    /// A number, as it was written.
    Number(Number),
    /// A string, which need not be UTF-8.
    String(Zeroizing<Vec<u8>>),
    /// An array.
    Array(Vec<Self>),
    /// The members of an object in the order they were read; of two with one key the last counts.
    Object(Vec<(Vec<u8>, Self)>),
}

impl Value {
    /// A string value.
    pub fn string(text: impl Into<Vec<u8>>) -> Self {
        Self::String(Zeroizing::new(text.into()))
    }

    /// The member of an object with this key; the last one, if there are several.
    pub fn get(&self, key: impl AsRef<[u8]>) -> Option<&Self> {
        let Self::Object(members) = self else { return None };
        members
            .iter()
            .rev()
            .find(|(name, _)| name == key.as_ref())
            .map(|(_, value)| value)
    }
}

impl fmt::Debug for Value {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Null => formatter.write_str("null"),
            Self::Bool(_) => formatter.write_str("bool"),
            Self::Number(_) => formatter.write_str("number"),
            Self::String(_) => formatter.write_str("string"),
            Self::Array(elements) => write!(formatter, "array of {}", elements.len()),
            Self::Object(members) => write!(formatter, "object of {}", members.len()),
        }
    }
}

/// A number as text in JSON form; only that text compares.
#[derive(Clone, PartialEq, Eq)]
pub struct Number(Zeroizing<String>);

/// The float has no JSON form; the text is that of Go's `json.UnsupportedValueError`.
#[derive(Debug, Clone, Copy, PartialEq, thiserror::Error)]
#[error("json: unsupported value: {}", format_float(*.0, FloatForm::General, None, FloatSize::Bits64))]
pub struct UnsupportedFloat(pub f64);

impl Number {
    /// A number that was read; the text must be a JSON number.
    pub(crate) fn from_text(text: &str) -> Self {
        Self(Zeroizing::new(text.to_owned()))
    }

    /// The number as `json.Marshal` writes a `float64`: with an exponent below 1e-6 and from 1e21 on.
    pub fn from_f64(value: f64) -> Result<Self, UnsupportedFloat> {
        Self::from_float(value, FloatSize::Bits64)
    }

    /// The number as `json.Marshal` writes a `float32`.
    pub fn from_f32(value: f32) -> Result<Self, UnsupportedFloat> {
        Self::from_float(f64::from(value), FloatSize::Bits32)
    }

    fn from_float(value: f64, size: FloatSize) -> Result<Self, UnsupportedFloat> {
        if !value.is_finite() {
            return Err(UnsupportedFloat(value));
        }
        let magnitude = value.abs();
        let plain = match size {
            FloatSize::Bits64 => magnitude == 0.0 || (1e-6..1e21).contains(&magnitude),
            // The bounds Go compares in single precision.
            FloatSize::Bits32 => {
                magnitude == 0.0 || (f64::from(1e-6_f32)..f64::from(1e21_f32)).contains(&magnitude)
            }
        };
        let form = if plain {
            FloatForm::Fixed
        } else {
            FloatForm::Exponent
        };
        let mut text = format_float(value, form, None, size);
        if !plain {
            // One digit is enough for a small negative exponent.
            text = text.replace("e-0", "e-");
        }
        Ok(Self(Zeroizing::new(text)))
    }

    /// The text of the number.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The nearest `float64`; infinite for one that does not fit.
    pub fn to_f64(&self) -> f64 {
        strconv::parse_float_lossy(self.0.as_bytes())
    }

    /// The integer the text is, if it is one without fraction and exponent and fits.
    pub fn to_i64(&self) -> Option<i64> {
        self.0.parse().ok()
    }

    /// The unsigned integer the text is.
    pub fn to_u64(&self) -> Option<u64> {
        self.0.parse().ok()
    }
}

impl fmt::Debug for Number {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("number")
    }
}

impl From<i64> for Number {
    fn from(value: i64) -> Self {
        Self(Zeroizing::new(value.to_string()))
    }
}

impl From<u64> for Number {
    fn from(value: u64) -> Self {
        Self(Zeroizing::new(value.to_string()))
    }
}
