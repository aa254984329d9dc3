//! Reads and writes single DER elements the way Go's `cryptobyte` does.
//!
//! Which byte strings count as an element, an INTEGER or an OBJECT IDENTIFIER is decided here; what they mean is not.
//! A reader crate would accept and refuse other inputs than Go (high tags, lengths, integer forms), which is why this is
//! its own hundred lines. Everything the writer returns is wiped on drop, because key material passes through it.

use zeroize::Zeroizing;

pub(crate) const BOOLEAN: u8 = 0x01;
pub(crate) const INTEGER: u8 = 0x02;
pub(crate) const BIT_STRING: u8 = 0x03;
pub(crate) const OCTET_STRING: u8 = 0x04;
pub(crate) const NULL: u8 = 0x05;
pub(crate) const OBJECT_IDENTIFIER: u8 = 0x06;
pub(crate) const UTF8_STRING: u8 = 0x0c;
pub(crate) const NUMERIC_STRING: u8 = 0x12;
pub(crate) const PRINTABLE_STRING: u8 = 0x13;
pub(crate) const T61_STRING: u8 = 0x14;
pub(crate) const IA5_STRING: u8 = 0x16;
pub(crate) const UTC_TIME: u8 = 0x17;
pub(crate) const GENERALIZED_TIME: u8 = 0x18;
pub(crate) const BMP_STRING: u8 = 0x1e;
pub(crate) const SEQUENCE: u8 = 0x30;
pub(crate) const SET: u8 = 0x31;

/// The tag of a context-specific primitive element.
pub(crate) const fn context(number: u8) -> u8 {
    0x80 | number
}

/// The tag of a context-specific constructed element.
pub(crate) const fn context_constructed(number: u8) -> u8 {
    0xa0 | number
}

/// One element: its tag, its contents, and the whole of it.
#[derive(Clone, Copy)]
pub(crate) struct Element<'a> {
    pub(crate) tag: u8,
    pub(crate) contents: &'a [u8],
    pub(crate) full: &'a [u8],
}

/// A BIT STRING: packed bytes and the number of padding bits in the last one.
#[derive(Clone, Copy)]
pub(crate) struct BitString<'a> {
    pub(crate) bytes: &'a [u8],
    pub(crate) padding: u8,
}

impl BitString<'_> {
    /// The bits moved to the right end, as Go's `RightAlign`.
    pub(crate) fn right_align(&self) -> Vec<u8> {
        let mut carry = 0_u8;
        self.bytes
            .iter()
            .map(|&byte| {
                let moved = if self.padding == 0 {
                    byte
                } else {
                    (byte >> self.padding) | (carry << (8 - self.padding))
                };
                carry = byte;
                moved
            })
            .collect()
    }
}

/// Consumes elements from the front of a byte string. Every method returns `None` where Go returns false.
#[derive(Clone, Copy)]
pub(crate) struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    pub(crate) fn new(bytes: &'a [u8]) -> Self {
        Self(bytes)
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether the next element has this tag.
    pub(crate) fn peek(&self, tag: u8) -> bool {
        self.0.first() == Some(&tag)
    }

    /// The next element, whatever its tag.
    pub(crate) fn any(&mut self) -> Option<Element<'a>> {
        let (&tag, after_tag) = self.0.split_first()?;
        if tag & 0x1f == 0x1f {
            return None;
        }
        let (&first, after_first) = after_tag.split_first()?;
        let (length, header) = if first & 0x80 == 0 {
            (usize::from(first), 2)
        } else {
            let count = usize::from(first & 0x7f);
            if count == 0 || count > 4 {
                return None;
            }
            let digits = after_first.get(..count)?;
            let length = digits
                .iter()
                .fold(0_u64, |sum, &digit| (sum << 8) | u64::from(digit));
            if length < 128 || digits.first() == Some(&0) || length > u64::from(u32::MAX) - 6 {
                return None;
            }
            (usize::try_from(length).ok()?, 2 + count)
        };
        let (full, rest) = self.0.split_at_checked(header.checked_add(length)?)?;
        let contents = full.get(header..)?;
        self.0 = rest;
        Some(Element { tag, contents, full })
    }

    /// The contents of the next element, which must have this tag.
    pub(crate) fn read(&mut self, tag: u8) -> Option<&'a [u8]> {
        self.expect(tag).map(|element| element.contents)
    }

    /// The next element with its header, which must have this tag.
    pub(crate) fn element(&mut self, tag: u8) -> Option<&'a [u8]> {
        self.expect(tag).map(|element| element.full)
    }

    fn expect(&mut self, tag: u8) -> Option<Element<'a>> {
        let mut ahead = *self;
        let element = ahead.any().filter(|element| element.tag == tag)?;
        *self = ahead;
        Some(element)
    }

    /// The contents of the next element if it has this tag; the outer `None` is a malformed element.
    #[expect(clippy::option_option, reason = "malformed and absent are different answers")]
    pub(crate) fn optional(&mut self, tag: u8) -> Option<Option<&'a [u8]>> {
        if self.peek(tag) {
            self.read(tag).map(Some)
        } else {
            Some(None)
        }
    }

    /// The bytes of a minimally encoded two's complement INTEGER.
    pub(crate) fn integer(&mut self) -> Option<&'a [u8]> {
        self.integer_tagged(INTEGER)
    }

    fn integer_tagged(&mut self, tag: u8) -> Option<&'a [u8]> {
        self.read(tag).filter(|bytes| match bytes {
            [] => false,
            [0, second, ..] => second & 0x80 != 0,
            [0xff, second, ..] => second & 0x80 == 0,
            _ => true,
        })
    }

    /// An INTEGER that fits 64 bits.
    pub(crate) fn int64(&mut self, tag: u8) -> Option<i64> {
        self.integer_tagged(tag).and_then(int64)
    }

    /// The contents of an OBJECT IDENTIFIER whose parts all fit 31 bits.
    pub(crate) fn oid(&mut self) -> Option<&'a [u8]> {
        let bytes = self.read(OBJECT_IDENTIFIER)?;
        oid_parts(bytes).map(|_| bytes)
    }

    /// A BOOLEAN in its only two DER forms.
    pub(crate) fn boolean(&mut self) -> Option<bool> {
        match self.read(BOOLEAN)? {
            [0] => Some(false),
            [0xff] => Some(true),
            _ => None,
        }
    }

    /// A BIT STRING with clear padding bits.
    pub(crate) fn bit_string(&mut self) -> Option<BitString<'a>> {
        let (&padding, bytes) = self.read(BIT_STRING)?.split_first()?;
        let clear = match bytes.last() {
            None => padding == 0,
            Some(last) => padding <= 7 && last & ((1 << padding) - 1) == 0,
        };
        clear.then_some(BitString { bytes, padding })
    }
}

/// The value of a two's complement integer of at most eight bytes.
pub(crate) fn int64(bytes: &[u8]) -> Option<i64> {
    let (first, _) = bytes.split_first()?;
    if bytes.len() > 8 {
        return None;
    }
    let start: i64 = if first & 0x80 == 0 { 0 } else { -1 };
    Some(
        bytes
            .iter()
            .fold(start, |sum, &byte| (sum << 8) | i64::from(byte)),
    )
}

/// The parts of an OBJECT IDENTIFIER, or `None` where Go refuses it.
pub(crate) fn oid_parts(bytes: &[u8]) -> Option<Vec<u64>> {
    let mut parts = Vec::new();
    let mut value = 0_u64;
    let mut digits = 0;
    for &byte in bytes {
        if digits == 0 && byte == 0x80 {
            return None;
        }
        value = (value << 7) | u64::from(byte & 0x7f);
        digits += 1;
        if digits > 5 || value > u64::from(u32::MAX >> 1) {
            return None;
        }
        if byte & 0x80 == 0 {
            if parts.is_empty() {
                let first = (value / 40).min(2);
                parts.extend([first, value - first * 40]);
            } else {
                parts.push(value);
            }
            value = 0;
            digits = 0;
        }
    }
    (digits == 0 && !parts.is_empty()).then_some(parts)
}

/// An OBJECT IDENTIFIER as dotted numbers; empty for one that cannot be read.
pub(crate) fn oid_text(bytes: &[u8]) -> String {
    let parts = oid_parts(bytes).unwrap_or_default();
    parts.iter().map(u64::to_string).collect::<Vec<_>>().join(".")
}

/// A written element.
pub(crate) type Der = Zeroizing<Vec<u8>>;

/// An element with this tag around the joined parts.
pub(crate) fn wrap(tag: u8, parts: &[&[u8]]) -> Der {
    let length: usize = parts.iter().map(|part| part.len()).sum();
    let digits = length.to_be_bytes();
    let significant = digits
        .iter()
        .position(|&digit| digit != 0)
        .and_then(|start| digits.get(start..))
        .unwrap_or_default();
    let mut out = Zeroizing::new(Vec::with_capacity(length + 2 + digits.len()));
    out.push(tag);
    match significant {
        [] => out.push(0),
        [short] if *short < 0x80 => out.push(*short),
        long => {
            out.push(0x80 | u8::try_from(long.len()).unwrap_or_default());
            out.extend_from_slice(long);
        }
    }
    for part in parts {
        out.extend_from_slice(part);
    }
    out
}

pub(crate) fn sequence(parts: &[&[u8]]) -> Der {
    wrap(SEQUENCE, parts)
}

pub(crate) fn octets(bytes: &[u8]) -> Der {
    wrap(OCTET_STRING, &[bytes])
}

pub(crate) fn oid(bytes: &[u8]) -> Der {
    wrap(OBJECT_IDENTIFIER, &[bytes])
}

pub(crate) fn null() -> Der {
    wrap(NULL, &[])
}

/// A BIT STRING of whole bytes.
pub(crate) fn bits(bytes: &[u8]) -> Der {
    wrap(BIT_STRING, &[&[0], bytes])
}

/// A non-negative INTEGER from its big-endian bytes, in the shortest form.
pub(crate) fn unsigned(big_endian: &[u8]) -> Der {
    let start = big_endian
        .iter()
        .position(|&byte| byte != 0)
        .unwrap_or(big_endian.len());
    let digits = big_endian.get(start..).unwrap_or_default();
    match digits.first() {
        None => wrap(INTEGER, &[&[0]]),
        Some(first) if first & 0x80 != 0 => wrap(INTEGER, &[&[0], digits]),
        Some(_) => wrap(INTEGER, &[digits]),
    }
}

pub(crate) fn small(value: u32) -> Der {
    unsigned(&value.to_be_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_are_written_in_the_shortest_form_and_read_back() {
        for length in [0, 1, 127, 128, 255, 256, 65_535, 65_536] {
            let contents = vec![7; length];
            let written = octets(&contents);
            let mut reader = Reader::new(&written);
            assert_eq!(reader.read(OCTET_STRING), Some(contents.as_slice()));
            assert!(reader.is_empty());
        }
    }

    #[test]
    fn elements_that_are_not_der_are_refused() {
        for bytes in [
            &[][..],
            &[0x30],
            &[0x30, 0x80],
            &[0x30, 0x81, 0x7f],
            &[0x30, 0x82, 0, 0x80],
            &[0x1f, 0x01, 0],
            &[0x30, 2, 0],
        ] {
            assert!(Reader::new(bytes).any().is_none(), "{bytes:x?}");
        }
    }

    #[test]
    fn integers_must_be_minimal() {
        assert_eq!(Reader::new(&[2, 1, 0xff]).int64(INTEGER), Some(-1));
        assert_eq!(Reader::new(&[2, 2, 0, 0x80]).int64(INTEGER), Some(128));
        assert_eq!(Reader::new(&[2, 2, 0, 1]).int64(INTEGER), None);
        assert_eq!(Reader::new(&[2, 0]).int64(INTEGER), None);
    }

    #[test]
    fn object_identifiers_print_as_dotted_numbers() {
        assert_eq!(
            oid_text(&[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1, 1]),
            "1.2.840.113549.1.1.1"
        );
        assert_eq!(oid_text(&[0x55, 4, 3]), "2.5.4.3");
        assert_eq!(oid_text(&[0x80, 1]), "");
    }

    #[test]
    fn a_bit_string_is_aligned_to_the_right() {
        let string = BitString {
            bytes: &[0b1011_0000, 0b1000_0000],
            padding: 7,
        };
        assert_eq!(string.right_align(), [0b0000_0001, 0b0110_0001]);
    }
}
