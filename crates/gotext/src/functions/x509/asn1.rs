//! Decodes DER into typed fields the way Go's `encoding/asn1` does, with its error texts.
//!
//! Private keys and PKCS#12 files are read through this; certificates are not (Go reads those with `cryptobyte`, see
//! [`super::der`]). A structure is described by a static [`Shape`]; decoding gives a tree of [`Value`]s of the same form.

use super::super::crypto::error::CryptoError;
use super::der;

/// What a field is declared as in Go.
pub(crate) enum Shape {
    Int,
    BigInt,
    Oid,
    Octets,
    BitString,
    /// Any element, kept as it is.
    Raw,
    Struct(&'static str, &'static [Field]),
    /// `SEQUENCE OF` the shape.
    List(&'static Self),
    /// `SET OF` structures.
    Set(&'static Self),
}

/// How a field of a structure is tagged.
#[derive(Clone, Copy, PartialEq)]
pub(crate) enum Tagging {
    Universal,
    /// `asn1:"tag:N"`
    Implicit(u32),
    /// `asn1:"tag:N,explicit"`
    Explicit(u32),
}

pub(crate) struct Field {
    pub(crate) shape: &'static Shape,
    pub(crate) tagging: Tagging,
    pub(crate) optional: bool,
    pub(crate) default: Option<i64>,
}

impl Field {
    pub(crate) const fn new(shape: &'static Shape) -> Self {
        Self {
            shape,
            tagging: Tagging::Universal,
            optional: false,
            default: None,
        }
    }

    pub(crate) const fn optional(self) -> Self {
        Self {
            optional: true,
            ..self
        }
    }

    pub(crate) const fn default(self, value: i64) -> Self {
        Self {
            optional: true,
            default: Some(value),
            ..self
        }
    }

    pub(crate) const fn tagged(self, tagging: Tagging) -> Self {
        Self { tagging, ..self }
    }
}

/// A decoded field.
pub(crate) enum Value<'a> {
    /// An optional field that is not there.
    Absent,
    Int(i64),
    /// Two's complement bytes.
    BigInt(&'a [u8]),
    Oid(&'a [u8]),
    Octets(&'a [u8]),
    BitString(&'a [u8]),
    Raw {
        tag: u32,
        contents: &'a [u8],
        full: &'a [u8],
    },
    Fields(Vec<Self>),
}

impl<'a> Value<'a> {
    /// A field of a structure or an element of a list.
    pub(crate) fn at(&self, index: usize) -> &Self {
        match self {
            Self::Fields(fields) => fields.get(index).unwrap_or(&Value::Absent),
            _ => &Value::Absent,
        }
    }

    pub(crate) fn items(&self) -> &[Self] {
        match self {
            Self::Fields(fields) => fields,
            _ => &[],
        }
    }

    pub(crate) fn int(&self) -> i64 {
        if let Self::Int(value) = self { *value } else { 0 }
    }

    /// The bytes of an integer, identifier, octet or bit string, or the contents of a raw element; empty when absent.
    pub(crate) fn bytes(&self) -> &'a [u8] {
        match self {
            Self::BigInt(bytes)
            | Self::Oid(bytes)
            | Self::Octets(bytes)
            | Self::BitString(bytes)
            | Self::Raw { contents: bytes, .. } => bytes,
            Self::Absent | Self::Int(_) | Self::Fields(_) => &[],
        }
    }

    /// A raw element with its header; empty when absent.
    pub(crate) fn full(&self) -> &'a [u8] {
        if let Self::Raw { full, .. } = self {
            full
        } else {
            &[]
        }
    }

    pub(crate) fn is_absent(&self) -> bool {
        matches!(self, Self::Absent)
    }
}

/// Decodes the first element; what follows it is returned.
///
/// # Errors
/// `asn1: structure error: …` or `asn1: syntax error: …`.
pub(crate) fn decode<'a>(
    bytes: &'a [u8],
    shape: &'static Shape,
) -> Result<(Value<'a>, &'a [u8]), CryptoError> {
    let (value, end) = field(bytes, 0, &Field::new(shape))?;
    Ok((value, bytes.get(end..).unwrap_or_default()))
}

fn structural(text: &str) -> CryptoError {
    CryptoError::format(format!("asn1: structure error: {text}"))
}

fn syntax(text: &str) -> CryptoError {
    CryptoError::format(format!("asn1: syntax error: {text}"))
}

#[derive(Clone, Copy)]
struct Header {
    class: u8,
    compound: bool,
    tag: u32,
    length: usize,
}

fn header(bytes: &[u8], offset: usize) -> Result<(Header, usize), CryptoError> {
    let truncated = || syntax("truncated tag or length");
    let Some(&first) = bytes.get(offset) else {
        return Err(CryptoError::text("asn1: internal error in parseTagAndLength"));
    };
    let mut at = offset + 1;
    let mut tag = u32::from(first & 0x1f);
    if tag == 0x1f {
        (tag, at) = base128(bytes, at)?;
        if tag < 0x1f {
            return Err(syntax("non-minimal tag"));
        }
    }
    let &form = bytes.get(at).ok_or_else(truncated)?;
    at += 1;
    let mut length = usize::from(form & 0x7f);
    if form & 0x80 != 0 {
        let count = length;
        if count == 0 {
            return Err(syntax("indefinite length found (not DER)"));
        }
        length = 0;
        for _ in 0..count {
            let &digit = bytes.get(at).ok_or_else(truncated)?;
            at += 1;
            if length >= 1 << 23 {
                return Err(structural("length too large"));
            }
            length = (length << 8) | usize::from(digit);
            if length == 0 {
                return Err(structural("superfluous leading zeros in length"));
            }
        }
        if length < 0x80 {
            return Err(structural("non-minimal length"));
        }
    }
    Ok((
        Header {
            class: first >> 6,
            compound: first & 0x20 != 0,
            tag,
            length,
        },
        at,
    ))
}

fn base128(bytes: &[u8], mut at: usize) -> Result<(u32, usize), CryptoError> {
    let mut value = 0_u64;
    for digits in 0.. {
        let Some(&byte) = bytes.get(at) else { break };
        if digits == 5 {
            return Err(structural("base 128 integer too large"));
        }
        if digits == 0 && byte == 0x80 {
            return Err(syntax("integer is not minimally encoded"));
        }
        value = (value << 7) | u64::from(byte & 0x7f);
        at += 1;
        if byte & 0x80 == 0 {
            return match u32::try_from(value) {
                Ok(value) if value <= u32::MAX >> 1 => Ok((value, at)),
                _ => Err(structural("base 128 integer too large")),
            };
        }
    }
    Err(syntax("truncated base 128 integer"))
}

impl Shape {
    /// The universal tag, whether it is constructed, and the Go type's name.
    const fn universal(&self) -> (u32, bool, &'static str) {
        match self {
            Self::Int => (2, false, "int"),
            Self::BigInt => (2, false, ""),
            Self::Oid => (6, false, "ObjectIdentifier"),
            Self::Octets => (4, false, ""),
            Self::BitString => (3, false, "BitString"),
            Self::Raw => (0, false, "RawValue"),
            Self::Struct(name, _) => (16, true, name),
            Self::List(_) => (16, true, ""),
            Self::Set(_) => (17, true, ""),
        }
    }
}

/// Go's `%+v` of a field's parameters. The pointers in it differ from run to run; they are printed as `0x0` here.
fn describe(field: &Field) -> String {
    let pointer = |present: bool| if present { "0x0" } else { "<nil>" };
    format!(
        "{{optional:{} explicit:{} application:false private:false defaultValue:{} tag:{} stringType:0 timeType:0 set:{} omitEmpty:false}}",
        field.optional,
        matches!(field.tagging, Tagging::Explicit(_)),
        pointer(field.default.is_some()),
        pointer(field.tagging != Tagging::Universal),
        matches!(field.shape, Shape::Set(_)),
    )
}

fn absent(field: &Field) -> Option<Value<'static>> {
    field
        .optional
        .then(|| field.default.map_or(Value::Absent, Value::Int))
}

fn field<'a>(bytes: &'a [u8], start: usize, field: &Field) -> Result<(Value<'a>, usize), CryptoError> {
    if start == bytes.len() {
        return absent(field)
            .map(|value| (value, start))
            .ok_or_else(|| syntax("sequence truncated"));
    }
    let (mut head, mut at) = header(bytes, start)?;
    let any = matches!(field.shape, Shape::Raw);
    if let Tagging::Explicit(tag) = field.tagging {
        if at == bytes.len() {
            return Err(structural("explicit tag has no child"));
        }
        if head.class == 2 && head.tag == tag && (head.length == 0 || head.compound) {
            if !any {
                if head.length == 0 {
                    return Err(structural("zero length explicit tag was not an asn1.Flag"));
                }
                (head, at) = header(bytes, at)?;
            }
        } else {
            return absent(field)
                .map(|value| (value, start))
                .ok_or_else(|| structural("explicitly tagged member didn't match"));
        }
    }
    let (universal, compound, name) = field.shape.universal();
    let (class, tag, match_any) = match field.tagging {
        Tagging::Implicit(tag) => (2, tag, false),
        Tagging::Universal | Tagging::Explicit(_) => (0, universal, any),
    };
    if !match_any && (head.class != class || head.tag != tag) || !any && head.compound != compound {
        return absent(field).map(|value| (value, start)).ok_or_else(|| {
            structural(&format!(
                "tags don't match ({tag} vs {{class:{} tag:{} length:{} isCompound:{}}}) {} {name} @{at}",
                head.class,
                head.tag,
                head.length,
                head.compound,
                describe(field),
            ))
        });
    }
    let end = at
        .checked_add(head.length)
        .filter(|&end| end <= bytes.len())
        .ok_or_else(|| syntax("data truncated"))?;
    let inner = bytes.get(at..end).unwrap_or_default();
    let full = bytes.get(start..end).unwrap_or_default();
    contents(field.shape, &head, inner, full).map(|value| (value, end))
}

fn contents<'a>(
    shape: &Shape,
    head: &Header,
    inner: &'a [u8],
    full: &'a [u8],
) -> Result<Value<'a>, CryptoError> {
    Ok(match shape {
        Shape::Raw => Value::Raw {
            tag: head.tag,
            contents: inner,
            full,
        },
        Shape::Oid => {
            object_identifier(inner)?;
            Value::Oid(inner)
        }
        Shape::BitString => {
            let Some((&padding, bits)) = inner.split_first() else {
                return Err(syntax("zero length BIT STRING"));
            };
            if padding > 7
                || bits.is_empty() && padding > 0
                || inner.last().is_some_and(|last| last & ((1 << padding) - 1) != 0)
            {
                return Err(syntax("invalid padding bits in BIT STRING"));
            }
            Value::BitString(bits)
        }
        Shape::Octets => Value::Octets(inner),
        Shape::BigInt => {
            check_integer(inner)?;
            Value::BigInt(inner)
        }
        Shape::Int => {
            check_integer(inner)?;
            Value::Int(der::int64(inner).ok_or_else(|| structural("integer too large"))?)
        }
        Shape::Struct(_, declared) => {
            let mut at = 0;
            let mut fields = Vec::with_capacity(declared.len());
            for each in *declared {
                let (value, end) = field(inner, at, each)?;
                fields.push(value);
                at = end;
            }
            Value::Fields(fields)
        }
        Shape::List(item) | Shape::Set(item) => list(inner, item)?,
    })
}

fn list<'a>(inner: &'a [u8], item: &'static Shape) -> Result<Value<'a>, CryptoError> {
    let (universal, compound, _) = item.universal();
    let any = matches!(item, Shape::Raw);
    let mut at = 0;
    let mut count = 0;
    while at < inner.len() {
        let (head, body) = header(inner, at)?;
        if !any && (head.class != 0 || head.compound != compound || head.tag != universal) {
            return Err(structural("sequence tag mismatch"));
        }
        at = body
            .checked_add(head.length)
            .filter(|&end| end <= inner.len())
            .ok_or_else(|| syntax("truncated sequence"))?;
        count += 1;
    }
    let mut items = Vec::with_capacity(count);
    at = 0;
    for _ in 0..count {
        let (value, end) = field(inner, at, &Field::new(item))?;
        items.push(value);
        at = end;
    }
    Ok(Value::Fields(items))
}

fn check_integer(bytes: &[u8]) -> Result<(), CryptoError> {
    match bytes {
        [] => Err(structural("empty integer")),
        [0, second, ..] if second & 0x80 == 0 => Err(structural("integer not minimally-encoded")),
        [0xff, second, ..] if second & 0x80 != 0 => Err(structural("integer not minimally-encoded")),
        _ => Ok(()),
    }
}

fn object_identifier(bytes: &[u8]) -> Result<(), CryptoError> {
    if bytes.is_empty() {
        return Err(syntax("zero length OBJECT IDENTIFIER"));
    }
    let mut at = 0;
    while at < bytes.len() {
        (_, at) = base128(bytes, at)?;
    }
    Ok(())
}

/// `pkix.AlgorithmIdentifier`: fields are the identifier and its optional parameters.
pub(crate) static ALGORITHM: Shape = Shape::Struct(
    "AlgorithmIdentifier",
    &[Field::new(&Shape::Oid), Field::new(&Shape::Raw).optional()],
);

#[cfg(test)]
mod tests {
    use super::*;

    static PAIR: Shape = Shape::Struct(
        "pair",
        &[
            Field::new(&Shape::Int),
            Field::new(&Shape::Octets).tagged(Tagging::Explicit(0)).optional(),
        ],
    );

    fn error(bytes: &[u8]) -> String {
        decode(bytes, &PAIR)
            .err()
            .map(|error| error.to_string())
            .unwrap_or_default()
    }

    #[test]
    fn a_structure_is_decoded_field_by_field() {
        let Ok((value, rest)) = decode(&[0x30, 8, 2, 1, 5, 0xa0, 3, 4, 1, 9, 7], &PAIR) else {
            panic!("refused")
        };
        assert_eq!(
            (value.at(0).int(), value.at(1).bytes(), rest),
            (5, &[9][..], &[7][..])
        );
        let Ok((value, _)) = decode(&[0x30, 3, 2, 1, 5], &PAIR) else {
            panic!("refused")
        };
        assert!(value.at(1).is_absent());
    }

    #[test]
    fn errors_read_as_go_writes_them() {
        assert_eq!(error(b""), "asn1: syntax error: sequence truncated");
        assert_eq!(error(b"x"), "asn1: syntax error: truncated tag or length");
        assert_eq!(
            error(b"hello"),
            "asn1: structure error: tags don't match (16 vs {class:1 tag:8 length:101 isCompound:true}) {optional:false \
             explicit:false application:false private:false defaultValue:<nil> tag:<nil> stringType:0 timeType:0 set:false \
             omitEmpty:false} pair @2"
        );
        assert_eq!(error(&[0x30, 5, 2, 1]), "asn1: syntax error: data truncated");
        assert_eq!(
            error(&[0x30, 0x80]),
            "asn1: syntax error: indefinite length found (not DER)"
        );
        assert_eq!(
            error(&[0x30, 4, 2, 2, 0, 1]),
            "asn1: structure error: integer not minimally-encoded"
        );
    }
}
