//! Reads X.509 certificates as Go's `crypto/x509` does: the same inputs, the same words for the rest.
//!
//! Nothing here verifies anything: no signature, no validity, no chain.

use std::net::IpAddr;

use super::super::crypto::error::CryptoError;
use super::der::{self, BitString, Reader, SEQUENCE};
use super::ec_key::Curve;
use super::extensions;
use super::name::Name;
use super::oids;

/// What the template functions need of a certificate.
#[derive(Default)]
pub(crate) struct Certificate {
    /// The whole of it, DER.
    pub(crate) raw: Vec<u8>,
    /// The subject, DER.
    pub(crate) raw_subject: Vec<u8>,
    pub(crate) subject: Name,
    /// The `AlgorithmIdentifier` contents and the bits of the public key.
    pub(crate) public_key: (Vec<u8>, Vec<u8>),
    /// `None` where Go has a nil slice, which templates can tell from an empty one.
    pub(crate) subject_key_id: Option<Vec<u8>>,
    /// `None` where Go has a nil slice.
    pub(crate) authority_key_id: Option<Vec<u8>>,
    pub(crate) dns_names: Vec<String>,
    pub(crate) ip_addresses: Vec<IpAddr>,
    pub(crate) email_addresses: Vec<String>,
    pub(crate) uris: Vec<String>,
}

const fn malformed(text: &'static str) -> CryptoError {
    CryptoError::text(text)
}

impl Certificate {
    /// Reads exactly one certificate.
    ///
    /// # Errors
    /// `x509: …` in Go's words.
    pub(crate) fn parse(der: &[u8]) -> Result<Self, CryptoError> {
        let certificate = Self::parse_first(der)?;
        if certificate.raw.len() == der.len() {
            Ok(certificate)
        } else {
            Err(malformed("x509: trailing data"))
        }
    }

    /// Reads certificates that follow each other.
    ///
    /// # Errors
    /// `x509: …` in Go's words.
    pub(crate) fn parse_all(mut der: &[u8]) -> Result<Vec<Self>, CryptoError> {
        let mut all = Vec::new();
        while !der.is_empty() {
            let certificate = Self::parse_first(der)?;
            der = der.get(certificate.raw.len()..).unwrap_or_default();
            all.push(certificate);
        }
        Ok(all)
    }

    fn parse_first(der: &[u8]) -> Result<Self, CryptoError> {
        let raw = Reader::new(der)
            .element(SEQUENCE)
            .ok_or(malformed("x509: malformed certificate"))?;
        let mut outer = Reader::new(
            Reader::new(raw)
                .read(SEQUENCE)
                .ok_or(malformed("x509: malformed certificate"))?,
        );
        let mut certificate = Self {
            raw: raw.to_vec(),
            ..Self::default()
        };
        let mut tbs = Reader::new(
            outer
                .read(SEQUENCE)
                .ok_or(malformed("x509: malformed tbs certificate"))?,
        );

        let version = version(&mut tbs)?;
        let serial = tbs.integer().ok_or(malformed("x509: malformed serial number"))?;
        if serial.first().is_some_and(|byte| byte & 0x80 != 0) {
            return Err(malformed("x509: negative serial number"));
        }
        let inner_algorithm = tbs
            .read(SEQUENCE)
            .ok_or(malformed("x509: malformed signature algorithm identifier"))?;
        let outer_algorithm = outer
            .read(SEQUENCE)
            .ok_or(malformed("x509: malformed algorithm identifier"))?;
        if inner_algorithm != outer_algorithm {
            return Err(malformed(
                "x509: inner and outer signature algorithm identifiers don't match",
            ));
        }
        algorithm(inner_algorithm)?;
        Name::parse(tbs.element(SEQUENCE).ok_or(malformed("x509: malformed issuer"))?)?;
        validity(tbs.read(SEQUENCE).ok_or(malformed("x509: malformed validity"))?)?;
        // Go says "issuer" here too.
        let subject = tbs.element(SEQUENCE).ok_or(malformed("x509: malformed issuer"))?;
        certificate.subject = Name::parse(subject)?;
        certificate.raw_subject = subject.to_vec();
        certificate.public_key = public_key(tbs.read(SEQUENCE).ok_or(malformed("x509: malformed spki"))?)?;

        if version > 1 {
            tbs.optional(der::context(1))
                .ok_or(malformed("x509: malformed issuerUniqueID"))?;
            tbs.optional(der::context(2))
                .ok_or(malformed("x509: malformed subjectUniqueID"))?;
        }
        if version == 3
            && let Some(list) = tbs
                .optional(der::context_constructed(3))
                .ok_or(malformed("x509: malformed extensions"))?
        {
            extensions::read(list, &mut certificate)?;
        }
        outer.bit_string().ok_or(malformed("x509: malformed signature"))?;
        Ok(certificate)
    }
}

fn version(tbs: &mut Reader<'_>) -> Result<i64, CryptoError> {
    let malformed = CryptoError::text("x509: malformed version");
    let version = match tbs.optional(der::context_constructed(0)) {
        None => return Err(malformed),
        Some(None) => 0,
        Some(Some(inner)) => {
            let mut inner = Reader::new(inner);
            match inner.int64(der::INTEGER) {
                Some(version @ 0..) if inner.is_empty() => version,
                _ => return Err(malformed),
            }
        }
    };
    if version > 2 {
        Err(CryptoError::text("x509: invalid version"))
    } else {
        Ok(version + 1)
    }
}

/// An `AlgorithmIdentifier`'s contents: the identifier and the parameters with their header (empty if absent).
fn algorithm(contents: &[u8]) -> Result<(&[u8], &[u8]), CryptoError> {
    let mut reader = Reader::new(contents);
    let oid = reader.oid().ok_or(malformed("x509: malformed OID"))?;
    if reader.is_empty() {
        return Ok((oid, &[]));
    }
    let parameters = reader.any().ok_or(malformed("x509: malformed parameters"))?;
    Ok((oid, parameters.full))
}

fn public_key(spki: &[u8]) -> Result<(Vec<u8>, Vec<u8>), CryptoError> {
    let mut spki = Reader::new(spki);
    let identifier = spki
        .read(SEQUENCE)
        .ok_or(malformed("x509: malformed public key algorithm identifier"))?;
    let (oid, parameters) = algorithm(identifier)?;
    let bits = spki
        .bit_string()
        .ok_or(malformed("x509: malformed subjectPublicKey"))?;
    check_public_key(oid, parameters, bits)?;
    Ok((identifier.to_vec(), bits.right_align()))
}

fn check_public_key(oid: &[u8], parameters: &[u8], bits: BitString<'_>) -> Result<(), CryptoError> {
    let data = bits.right_align();
    let refuse = |text| Err(CryptoError::text(text));
    match oid {
        oids::RSA => {
            if parameters != [der::NULL, 0] {
                return refuse("x509: RSA key missing NULL parameters");
            }
            let Some(key) = Reader::new(&data).read(SEQUENCE) else {
                return refuse("x509: invalid RSA public key");
            };
            let mut key = Reader::new(key);
            let Some(modulus) = key.integer() else {
                return refuse("x509: invalid RSA modulus");
            };
            let Some(exponent) = key.int64(der::INTEGER) else {
                return refuse("x509: invalid RSA public exponent");
            };
            if not_positive(modulus) {
                return refuse("x509: RSA modulus is not a positive number");
            }
            if exponent <= 0 {
                return refuse("x509: RSA public exponent is not a positive number");
            }
            Ok(())
        }
        oids::EC_PUBLIC_KEY => {
            let Some(curve) = Reader::new(parameters).oid() else {
                return refuse("x509: invalid ECDSA parameters");
            };
            let Some(curve) = Curve::from_oid(curve) else {
                return refuse("x509: unsupported elliptic curve");
            };
            curve.check_point(&data)
        }
        oids::ED25519 if !parameters.is_empty() => {
            refuse("x509: Ed25519 key encoded with illegal parameters")
        }
        oids::ED25519 if data.len() != 32 => refuse("x509: wrong Ed25519 public key size"),
        oids::X25519 if !parameters.is_empty() => refuse("x509: X25519 key encoded with illegal parameters"),
        oids::X25519 if data.len() != 32 => refuse("crypto/ecdh: invalid public key"),
        oids::DSA => {
            let Some(y) = Reader::new(&data).integer() else {
                return refuse("x509: invalid DSA public key");
            };
            let numbers = Reader::new(parameters).read(SEQUENCE).and_then(|parameters| {
                let mut parameters = Reader::new(parameters);
                Some([
                    parameters.integer()?,
                    parameters.integer()?,
                    parameters.integer()?,
                ])
            });
            let Some(numbers) = numbers else {
                return refuse("x509: invalid DSA parameters");
            };
            if not_positive(y) || numbers.into_iter().any(not_positive) {
                return refuse("x509: zero or negative DSA parameter");
            }
            Ok(())
        }
        _ => Ok(()),
    }
}

/// Whether two's complement bytes are zero or negative.
fn not_positive(number: &[u8]) -> bool {
    matches!(number, [] | [0] | [0x80..=0xff, ..])
}

fn validity(contents: &[u8]) -> Result<(), CryptoError> {
    let mut reader = Reader::new(contents);
    time(&mut reader)?;
    time(&mut reader)
}

fn time(reader: &mut Reader<'_>) -> Result<(), CryptoError> {
    if reader.peek(der::UTC_TIME) {
        let valid = reader
            .read(der::UTC_TIME)
            .is_some_and(|text| is_time(text, 2, true));
        return if valid {
            Ok(())
        } else {
            Err(malformed("x509: malformed UTCTime"))
        };
    }
    if reader.peek(der::GENERALIZED_TIME) {
        let valid = reader
            .read(der::GENERALIZED_TIME)
            .is_some_and(|text| is_time(text, 4, false));
        return if valid {
            Ok(())
        } else {
            Err(malformed("x509: malformed GeneralizedTime"))
        };
    }
    Err(malformed("x509: unsupported time format"))
}

/// Whether `text` is a date and time of day with a zone (`Z` or an offset that is not zero).
fn is_time(text: &[u8], year_digits: usize, seconds_may_lack: bool) -> bool {
    let digits = text.iter().take_while(|byte| byte.is_ascii_digit()).count();
    let (number, zone) = text.split_at(digits);
    let full = year_digits + 10;
    if digits != full && !(seconds_may_lack && digits == full - 2) {
        return false;
    }
    let field = |from: usize, length: usize| {
        number
            .get(from..from + length)
            .unwrap_or(b"0")
            .iter()
            .fold(0_u32, |sum, digit| sum * 10 + u32::from(digit - b'0'))
    };
    let (year, at) = (field(0, year_digits), year_digits);
    // Two-digit years stand for 1969 to 2068; only whether 29 February exists matters.
    let year = if year_digits == 2 {
        if year >= 69 { 1900 + year } else { 2000 + year }
    } else {
        year
    };
    let days = match field(at, 2) {
        1 | 3 | 5 | 7 | 8 | 10 | 12 => 31,
        4 | 6 | 9 | 11 => 30,
        2 if year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) => 29,
        2 => 28,
        _ => return false,
    };
    let day = field(at + 2, 2);
    let in_range =
        (1..=days).contains(&day) && field(at + 4, 2) < 24 && field(at + 6, 2) < 60 && field(at + 8, 2) < 60;
    let zone_fits = match zone {
        [b'Z'] => true,
        [b'+' | b'-', hours @ .., tens, ones]
            if hours.len() == 2 && zone.iter().skip(1).all(u8::is_ascii_digit) =>
        {
            let minutes = u32::from(tens - b'0') * 10 + u32::from(ones - b'0');
            let hours = hours
                .iter()
                .fold(0_u32, |sum, digit| sum * 10 + u32::from(digit - b'0'));
            hours <= 24 && minutes < 60 && hours + minutes > 0
        }
        _ => false,
    };
    in_range && zone_fits
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_follow_the_forms_that_go_accepts() {
        for good in ["240229000000Z", "2402290000Z", "491231235959+0100"] {
            assert!(is_time(good.as_bytes(), 2, true), "{good}");
        }
        for bad in [
            "230229000000Z",
            "240229000000",
            "240229000000+0000",
            "241301000000Z",
            "240101240000Z",
            "2401010000000Z",
        ] {
            assert!(!is_time(bad.as_bytes(), 2, true), "{bad}");
        }
        assert!(is_time(b"20500101000000Z", 4, false));
        assert!(!is_time(b"205001010000Z", 4, false));
    }

    #[test]
    fn junk_is_a_malformed_certificate() {
        let error = |bytes: &[u8]| Certificate::parse(bytes).err().map(|error| error.to_string());
        assert_eq!(error(b"").as_deref(), Some("x509: malformed certificate"));
        assert_eq!(
            error(&[0x30, 0]).as_deref(),
            Some("x509: malformed tbs certificate")
        );
        assert_eq!(
            error(&[0x30, 2, 0x30, 0]).as_deref(),
            Some("x509: malformed serial number")
        );
    }
}
