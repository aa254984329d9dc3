//! What a JWK means: a key of a kind that Go can write as PKIX or PKCS#8, or one that it cannot.

use zeroize::Zeroizing;

use super::super::crypto::error::CryptoError;
use super::super::x509::ec_key::{Curve, EcKey};
use super::super::x509::private_key::PrivateKey;
use super::super::x509::rsa_key::{Parts, RsaKey, public_pkcs1};
use super::super::x509::{der, oids};
use super::Fields;

/// A key, as Go's `any` holds it after `Raw`. Numbers of RSA and EC keys are not checked until they are written.
pub(in crate::functions) enum Key {
    RsaPublic {
        modulus: Vec<u8>,
        exponent: i64,
    },
    RsaPrivate(Fields),
    EcPublic(Curve, Point),
    EcPrivate(Curve, Point, Zeroizing<Vec<u8>>),
    Ed25519Public(Vec<u8>),
    Ed25519Private(PrivateKey),
    /// A kind without a standard form; the Go type's name.
    Other(&'static str),
}

/// Coordinates as they stand in the JWK.
pub(in crate::functions) struct Point {
    x: Vec<u8>,
    y: Vec<u8>,
}

fn significant(number: &[u8]) -> &[u8] {
    let zeros = number.iter().take_while(|&&byte| byte == 0).count();
    number.get(zeros..).unwrap_or_default()
}

/// The size of a number in bits.
fn bit_length(number: &[u8]) -> usize {
    let digits = significant(number);
    digits
        .first()
        .map_or(0, |first| digits.len() * 8 - first.leading_zeros() as usize)
}

/// A number in `size` bytes, which must be enough.
fn filled(number: &[u8], size: usize) -> Zeroizing<Vec<u8>> {
    let digits = significant(number);
    let mut filled = Zeroizing::new(Vec::with_capacity(size));
    filled.resize(size.saturating_sub(digits.len()), 0);
    filled.extend_from_slice(digits);
    filled
}

/// The lowest 64 bits, as Go's `Int64`.
fn low_bits(number: &[u8]) -> i64 {
    number
        .iter()
        .fold(0_i64, |sum, &byte| (sum << 8) | i64::from(byte))
}

impl Curve {
    /// Bits of the field and of the order.
    const fn bits(self) -> usize {
        match self {
            Self::P224 => 224,
            Self::P256 => 256,
            Self::P384 => 384,
            Self::P521 => 521,
        }
    }
}

impl Point {
    /// # Errors
    /// A coordinate is longer than the field.
    fn encode(&self, curve: Curve) -> Result<Vec<u8>, CryptoError> {
        if bit_length(&self.x).max(bit_length(&self.y)) > curve.bits() {
            return Err(CryptoError::text("overflowing coordinate"));
        }
        let size = curve.size();
        Ok([
            &[4],
            filled(&self.x, size).as_slice(),
            filled(&self.y, size).as_slice(),
        ]
        .concat())
    }
}

impl Key {
    /// # Errors
    /// An unknown curve, or an OKP private key that does not belong to its public one.
    pub(super) fn from_fields(fields: &Fields) -> Result<Self, CryptoError> {
        Ok(match fields.kind() {
            ("RSA", false) => Self::RsaPublic {
                modulus: fields.get("n").to_vec(),
                exponent: low_bits(fields.get("e")),
            },
            ("RSA", true) => Self::RsaPrivate(fields.clone()),
            ("EC", private) => {
                let curve = match fields.curve() {
                    "P-256" => Curve::P256,
                    "P-384" => Curve::P384,
                    "P-521" => Curve::P521,
                    other => return Err(unknown_curve(other)),
                };
                let point = Point {
                    x: fields.get("x").to_vec(),
                    y: fields.get("y").to_vec(),
                };
                if private {
                    Self::EcPrivate(curve, point, Zeroizing::new(fields.get("d").to_vec()))
                } else {
                    Self::EcPublic(curve, point)
                }
            }
            ("OKP", private) => okp(fields, private)?,
            _ => Self::Other("[]uint8"),
        })
    }

    /// A public key in PKIX form.
    ///
    /// # Errors
    /// It is a private key, or has no such form.
    pub(super) fn to_pkix(&self) -> Result<der::Der, CryptoError> {
        let unsupported = |name: &str| {
            Err(CryptoError::format(format!(
                "x509: unsupported public key type: {name}"
            )))
        };
        match self {
            Self::RsaPublic { modulus, exponent } => {
                let algorithm = der::sequence(&[&der::oid(oids::RSA), &der::null()]);
                Ok(der::sequence(&[
                    &algorithm,
                    &der::bits(&public_pkcs1(modulus, *exponent)),
                ]))
            }
            Self::EcPublic(curve, point) => {
                let point = point.encode(*curve)?;
                curve.check_point(&point)?;
                let algorithm = der::sequence(&[&der::oid(oids::EC_PUBLIC_KEY), &der::oid(curve.oid())]);
                Ok(der::sequence(&[&algorithm, &der::bits(&point)]))
            }
            Self::Ed25519Public(key) => Ok(der::sequence(&[
                &der::sequence(&[&der::oid(oids::ED25519)]),
                &der::bits(key),
            ])),
            Self::RsaPrivate(_) => unsupported("*rsa.PrivateKey"),
            Self::EcPrivate(..) => unsupported("*ecdsa.PrivateKey"),
            Self::Ed25519Private(_) => unsupported("ed25519.PrivateKey"),
            Self::Other(name) => unsupported(name),
        }
    }

    /// A private key in PKCS#8 form.
    ///
    /// # Errors
    /// It is a public key, has no such form, or its numbers do not belong together.
    pub(super) fn to_pkcs8(&self) -> Result<der::Der, CryptoError> {
        let unknown = |name: &str| {
            Err(CryptoError::format(format!(
                "x509: unknown key type while marshaling PKCS#8: {name}"
            )))
        };
        match self {
            Self::RsaPrivate(fields) => PrivateKey::Rsa(rsa(fields)?).to_pkcs8(),
            Self::EcPrivate(curve, point, scalar) => {
                let key = ec(*curve, point, scalar).map_err(|error| {
                    error.after("x509: failed to marshal EC private key while building PKCS#8: ")
                })?;
                PrivateKey::Ec(key).to_pkcs8()
            }
            Self::Ed25519Private(key) => key.to_pkcs8(),
            Self::RsaPublic { .. } => unknown("*rsa.PublicKey"),
            Self::EcPublic(..) => unknown("*ecdsa.PublicKey"),
            Self::Ed25519Public(_) => unknown("ed25519.PublicKey"),
            Self::Other(name) => unknown(name),
        }
    }
}

fn unknown_curve(name: &str) -> CryptoError {
    CryptoError::format(format!(
        "failed to build public key: invalid curve algorithm {name}"
    ))
}

fn okp(fields: &Fields, private: bool) -> Result<Key, CryptoError> {
    let (x, d) = (fields.get("x"), fields.get("d"));
    let refuse = |text| Err(CryptoError::text(text));
    if private && d.is_empty() {
        return refuse("failed to build public key: cannot use empty seed");
    }
    let key = match (fields.curve(), private) {
        ("Ed25519", false) => return Ok(Key::Ed25519Public(x.to_vec())),
        ("X25519", false) => return Ok(Key::Other("x25519.PublicKey")),
        ("Ed25519" | "X25519", true) if d.len() != 32 => {
            return if fields.curve() == "Ed25519" {
                refuse("failed to build public key: wrong private key size")
            } else {
                Err(CryptoError::format(format!(
                    "failed to build public key: unable to construct x25519 private key from seed: unexpected seed size: {}",
                    d.len()
                )))
            };
        }
        ("Ed25519", true) => PrivateKey::ed25519(d)?,
        ("X25519", true) => PrivateKey::x25519(d)?,
        (other, _) => return Err(unknown_curve(other)),
    };
    match key {
        PrivateKey::Ed25519(_, ref public) if public == x => Ok(Key::Ed25519Private(key)),
        PrivateKey::X25519(_, ref public) if public == x => Ok(Key::Other("x25519.PrivateKey")),
        _ => refuse("failed to build public key: invalid x value given d value"),
    }
}

fn rsa(fields: &Fields) -> Result<RsaKey, CryptoError> {
    let crt = ["dp", "dq", "qi"].map(|name| fields.get(name));
    RsaKey::check(&Parts {
        modulus: fields.get("n"),
        public_exponent: low_bits(fields.get("e")),
        private_exponent: fields.get("d"),
        primes: ["p", "q"].map(|name| fields.get(name)),
        crt: crt.iter().all(|number| !number.is_empty()).then_some(crt),
    })
}

/// Go writes the point that the JWK gives, whether or not it belongs to the scalar.
fn ec(curve: Curve, point: &Point, scalar: &[u8]) -> Result<EcKey, CryptoError> {
    let point = point.encode(curve)?;
    match bit_length(scalar) {
        0 => return Err(CryptoError::text("ecdsa: private key scalar is zero or negative")),
        bits if bits > curve.bits() => return Err(CryptoError::text("ecdsa: private key scalar too large")),
        _ => {}
    }
    curve.check_point(&point)?;
    let key = EcKey::from_scalar(curve, &filled(scalar, curve.size()))?;
    Ok(EcKey { point, ..key })
}
