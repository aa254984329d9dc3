//! Distinguished names: reading them and printing them as Go's `pkix.Name` does.

use data_encoding::HEXLOWER;

use super::super::crypto::error::CryptoError;
use super::der::{self, Reader, SEQUENCE, SET};

/// The attributes of a name, in order.
#[derive(Default)]
pub(crate) struct Name(Vec<Attribute>);

struct Attribute {
    /// Contents of the OBJECT IDENTIFIER.
    oid: Vec<u8>,
    value: String,
}

/// The attributes that Go keeps in fields of their own, in the order in which it prints them backwards, with their
/// names; all are `2.5.4.N`.
const KNOWN: [(u8, &str); 9] = [
    (6, "C"),
    (8, "ST"),
    (7, "L"),
    (9, "STREET"),
    (17, "POSTALCODE"),
    (10, "O"),
    (11, "OU"),
    (3, "CN"),
    (5, "SERIALNUMBER"),
];

impl Name {
    /// Reads a name with its header.
    ///
    /// # Errors
    /// `x509: invalid RDNSequence…`
    pub(crate) fn parse(raw: &[u8]) -> Result<Self, CryptoError> {
        let invalid = || CryptoError::text("x509: invalid RDNSequence");
        let mut sequence = Reader::new(Reader::new(raw).read(SEQUENCE).ok_or_else(invalid)?);
        let mut attributes = Vec::new();
        while !sequence.is_empty() {
            let mut set = Reader::new(sequence.read(SET).ok_or_else(invalid)?);
            while !set.is_empty() {
                let pair = set
                    .read(SEQUENCE)
                    .ok_or(CryptoError::text("x509: invalid RDNSequence: invalid attribute"))?;
                let mut pair = Reader::new(pair);
                let oid = pair.oid().ok_or(CryptoError::text(
                    "x509: invalid RDNSequence: invalid attribute type",
                ))?;
                let value = pair.any().ok_or(CryptoError::text(
                    "x509: invalid RDNSequence: invalid attribute value",
                ))?;
                let value = string(value.tag, value.contents)
                    .map_err(|error| error.after("x509: invalid RDNSequence: invalid attribute value: "))?;
                attributes.push(Attribute {
                    oid: oid.to_vec(),
                    value,
                });
            }
        }
        Ok(Self(attributes))
    }

    /// Go's `Name.String`, which is RFC 2253 with the attributes in an order of its own.
    pub(crate) fn to_text(&self) -> String {
        let mut groups: Vec<Vec<&Attribute>> = Vec::new();
        groups.extend(
            self.0
                .iter()
                .filter(|attribute| known(&attribute.oid).is_none())
                .map(|attribute| vec![attribute]),
        );
        for (number, _) in KNOWN {
            let of_kind: Vec<_> = self
                .0
                .iter()
                .filter(|attribute| attribute.oid == [0x55, 4, number])
                .collect();
            // A name has one common name and one serial number in Go: the last, if it is not empty.
            let kept = if matches!(number, 3 | 5) {
                of_kind
                    .last()
                    .copied()
                    .filter(|attribute| !attribute.value.is_empty())
                    .into_iter()
                    .collect()
            } else {
                of_kind
            };
            if !kept.is_empty() {
                groups.push(kept);
            }
        }
        let printed: Vec<String> = groups
            .iter()
            .rev()
            .map(|group| {
                group
                    .iter()
                    .map(|attribute| attribute.to_text())
                    .collect::<Vec<_>>()
                    .join("+")
            })
            .collect();
        printed.join(",")
    }
}

/// The short name of an attribute.
fn known(oid: &[u8]) -> Option<&'static str> {
    let [0x55, 4, number] = oid else { return None };
    KNOWN
        .iter()
        .find(|(known, _)| known == number)
        .map(|(_, name)| *name)
}

impl Attribute {
    fn to_text(&self) -> String {
        let Some(name) = known(&self.oid) else {
            let encoded = encode_string(self.value.as_bytes()).unwrap_or_default();
            return format!("{}=#{}", der::oid_text(&self.oid), HEXLOWER.encode(&encoded));
        };
        let mut text = format!("{name}=");
        let last = self.value.len().saturating_sub(1);
        for (at, letter) in self.value.char_indices() {
            let escaped = match letter {
                ',' | '+' | '"' | '\\' | '<' | '>' | ';' => true,
                ' ' => at == 0 || at == last,
                '#' => at == 0,
                _ => false,
            };
            if escaped {
                text.push('\\');
            }
            text.push(letter);
        }
        text
    }
}

/// A Go string as ASN.1: `PrintableString` where its letters allow it, else `UTF8String`.
///
/// # Errors
/// The bytes are not UTF-8.
pub(crate) fn encode_string(text: &[u8]) -> Result<der::Der, CryptoError> {
    if text
        .iter()
        .all(|&byte| is_printable(byte) && byte != b'*' && byte != b'&')
    {
        return Ok(der::wrap(der::PRINTABLE_STRING, &[text]));
    }
    if std::str::from_utf8(text).is_err() {
        return Err(CryptoError::text("asn1: string not valid UTF-8"));
    }
    Ok(der::wrap(der::UTF8_STRING, &[text]))
}

const fn is_printable(byte: u8) -> bool {
    matches!(byte, b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'\''..=b')' | b'+'..=b'/' | b' ' | b':' | b'=' | b'?' | b'*' | b'&')
}

fn string(tag: u8, bytes: &[u8]) -> Result<String, CryptoError> {
    let invalid = |kind| Err(CryptoError::text(kind));
    let ascii = || bytes.iter().map(|&byte| char::from(byte)).collect();
    match tag {
        der::T61_STRING => Ok(ascii()),
        der::PRINTABLE_STRING if bytes.iter().all(|&byte| is_printable(byte)) => Ok(ascii()),
        der::PRINTABLE_STRING => invalid("invalid PrintableString"),
        der::UTF8_STRING => {
            String::from_utf8(bytes.to_vec()).map_err(|_| CryptoError::text("invalid UTF-8 string"))
        }
        der::BMP_STRING => bmp_string(bytes).ok_or(CryptoError::text("invalid BMPString")),
        der::IA5_STRING if bytes.is_ascii() => Ok(ascii()),
        der::IA5_STRING => invalid("invalid IA5String"),
        der::NUMERIC_STRING if bytes.iter().all(|byte| byte.is_ascii_digit() || *byte == b' ') => Ok(ascii()),
        der::NUMERIC_STRING => invalid("invalid NumericString"),
        other => Err(CryptoError::format(format!("unsupported string type: {other}"))),
    }
}

fn bmp_string(bytes: &[u8]) -> Option<String> {
    let bytes = bytes
        .strip_suffix(&[0, 0])
        .filter(|_| bytes.len().is_multiple_of(2))
        .unwrap_or(bytes);
    let (pairs, []) = bytes.as_chunks::<2>() else {
        return None;
    };
    pairs
        .iter()
        .map(|&pair| {
            let point = u16::from_be_bytes(pair);
            let excluded = matches!(point, 0xfffe | 0xffff | 0xfdd0..=0xfdef);
            char::from_u32(u32::from(point)).filter(|_| !excluded)
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(attributes: &[(u8, &str)]) -> String {
        let attributes = attributes.iter().map(|&(number, value)| Attribute {
            oid: vec![0x55, 4, number],
            value: value.into(),
        });
        Name(attributes.collect()).to_text()
    }

    #[test]
    fn names_print_backwards_with_equal_kinds_joined() {
        assert_eq!(
            name(&[(6, "DE"), (10, "A"), (10, "B"), (3, "x")]),
            "CN=x,O=A+O=B,C=DE"
        );
        assert_eq!(name(&[(3, "first"), (3, "last")]), "CN=last");
    }

    #[test]
    fn unknown_attributes_print_as_encoded_bytes_at_the_end() {
        assert_eq!(name(&[(4, "x"), (3, "c")]), "CN=c,2.5.4.4=#130178");
    }

    #[test]
    fn special_letters_are_escaped() {
        assert_eq!(name(&[(3, " #a,b+\"c ")]), "CN=\\ #a\\,b\\+\\\"c\\ ");
        assert_eq!(name(&[(3, "#x")]), "CN=\\#x");
    }
}
