//! Elliptic curve private keys on the curves of NIST, and their SEC 1 form.

use aws_lc_rs::agreement;
use aws_lc_rs::signature::{self, EcdsaSigningAlgorithm, EcdsaVerificationAlgorithm, ParsedPublicKey};
use zeroize::Zeroizing;

use super::super::crypto::error::CryptoError;
use super::asn1::{self, Field, Shape, Tagging};
use super::{der, oids};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Curve {
    /// Only its public keys can be read: aws-lc has no arithmetic for it.
    P224,
    P256,
    P384,
    P521,
}

impl Curve {
    pub(crate) fn from_oid(oid: &[u8]) -> Option<Self> {
        [Self::P224, Self::P256, Self::P384, Self::P521]
            .into_iter()
            .find(|curve| curve.oid() == oid)
    }

    pub(crate) const fn oid(self) -> &'static [u8] {
        match self {
            Self::P224 => oids::P224,
            Self::P256 => oids::P256,
            Self::P384 => oids::P384,
            Self::P521 => oids::P521,
        }
    }

    /// Bytes of a scalar and of a coordinate.
    pub(crate) const fn size(self) -> usize {
        match self {
            Self::P224 => 28,
            Self::P256 => 32,
            Self::P384 => 48,
            Self::P521 => 66,
        }
    }

    const fn name(self) -> &'static str {
        match self {
            Self::P224 => "P224",
            Self::P256 => "P256",
            Self::P384 => "P384",
            Self::P521 => "P521",
        }
    }

    fn agreement(self) -> Option<&'static agreement::Algorithm> {
        match self {
            Self::P224 => None,
            Self::P256 => Some(&agreement::ECDH_P256),
            Self::P384 => Some(&agreement::ECDH_P384),
            Self::P521 => Some(&agreement::ECDH_P521),
        }
    }

    /// The signature algorithm that Go pairs with the curve, and its identifier.
    pub(crate) fn signing(self) -> Option<(&'static EcdsaSigningAlgorithm, &'static [u8])> {
        match self {
            Self::P224 => None,
            Self::P256 => Some((
                &signature::ECDSA_P256_SHA256_ASN1_SIGNING,
                oids::ECDSA_WITH_SHA256,
            )),
            Self::P384 => Some((
                &signature::ECDSA_P384_SHA384_ASN1_SIGNING,
                oids::ECDSA_WITH_SHA384,
            )),
            Self::P521 => Some((
                &signature::ECDSA_P521_SHA512_ASN1_SIGNING,
                oids::ECDSA_WITH_SHA512,
            )),
        }
    }

    fn verification(self) -> Option<&'static EcdsaVerificationAlgorithm> {
        match self {
            Self::P224 => None,
            Self::P256 => Some(&signature::ECDSA_P256_SHA256_ASN1),
            Self::P384 => Some(&signature::ECDSA_P384_SHA384_ASN1),
            Self::P521 => Some(&signature::ECDSA_P521_SHA512_ASN1),
        }
    }

    /// Checks that an uncompressed point is one and lies on the curve.
    ///
    /// # Errors
    /// Go's words.
    pub(crate) fn check_point(self, point: &[u8]) -> Result<(), CryptoError> {
        if point.first() != Some(&4) {
            return Err(CryptoError::text("ecdsa: invalid uncompressed public key"));
        }
        if point.len() != 1 + 2 * self.size() {
            return Err(CryptoError::format(format!(
                "invalid {} point encoding",
                self.name()
            )));
        }
        let (x, y) = point.split_at(1).1.split_at(self.size());
        if self == Self::P521 && (x.first() > Some(&1) || y.first() > Some(&1)) {
            return Err(CryptoError::text("invalid P521Element encoding"));
        }
        match self
            .verification()
            .map(|algorithm| ParsedPublicKey::new(algorithm, point))
        {
            None | Some(Ok(_)) => Ok(()),
            Some(Err(_)) => Err(CryptoError::format(format!("{} point not on curve", self.name()))),
        }
    }
}

/// A private scalar and the public point that belongs to it.
pub(crate) struct EcKey {
    pub(crate) curve: Curve,
    /// [`Curve::size`] bytes.
    pub(crate) scalar: Zeroizing<Vec<u8>>,
    /// Uncompressed.
    pub(crate) point: Vec<u8>,
}

/// `ecPrivateKey` of `crypto/x509`.
pub(crate) static SEC1: Shape = Shape::Struct(
    "ecPrivateKey",
    &[
        Field::new(&Shape::Int),
        Field::new(&Shape::Octets),
        Field::new(&Shape::Oid).optional().tagged(Tagging::Explicit(0)),
        Field::new(&Shape::BitString)
            .optional()
            .tagged(Tagging::Explicit(1)),
    ],
);

impl EcKey {
    /// The key of a scalar of [`Curve::size`] bytes.
    ///
    /// # Errors
    /// The scalar is zero or not below the order of the curve.
    pub(crate) fn from_scalar(curve: Curve, scalar: &[u8]) -> Result<Self, CryptoError> {
        let algorithm = curve.agreement().ok_or(CryptoError::text(
            "x509: private keys on the curve P-224 are not supported",
        ))?;
        let point = agreement::PrivateKey::from_private_key(algorithm, scalar)
            .ok()
            .and_then(|key| key.compute_public_key().ok());
        match point {
            Some(point) => Ok(Self {
                curve,
                scalar: Zeroizing::new(scalar.to_vec()),
                point: point.as_ref().to_vec(),
            }),
            None if scalar.iter().all(|&byte| byte == 0) => {
                Err(CryptoError::text("ecdsa: private key is zero"))
            }
            None => Err(CryptoError::text("input overflows the modulus")),
        }
    }

    /// Reads the SEC 1 structure once it is known to be one; the curve of a surrounding PKCS#8 wins.
    ///
    /// # Errors
    /// Go's words.
    pub(crate) fn from_fields(key: &asn1::Value<'_>, curve: Option<&[u8]>) -> Result<Self, CryptoError> {
        let version = key.at(0).int();
        if version != 1 {
            return Err(CryptoError::format(format!(
                "x509: unknown EC private key version {version}"
            )));
        }
        let curve = Curve::from_oid(curve.unwrap_or_else(|| key.at(2).bytes()))
            .ok_or(CryptoError::text("x509: unknown elliptic curve"))?;
        Self::from_scalar(curve, &fixed_size(curve, key.at(1).bytes())?)
    }

    /// SEC 1 DER; inside PKCS#8 the curve is left out.
    pub(crate) fn to_sec1(&self, with_curve: bool) -> der::Der {
        let curve = if with_curve {
            der::wrap(der::context_constructed(0), &[&der::oid(self.curve.oid())])
        } else {
            der::Der::default()
        };
        let point = der::wrap(der::context_constructed(1), &[&der::bits(&self.point)]);
        der::sequence(&[&der::small(1), &der::octets(&self.scalar), &curve, &point])
    }
}

/// Pads a scalar to the curve's size, dropping leading zeros beyond it.
///
/// # Errors
/// The scalar is longer than the curve's order.
fn fixed_size(curve: Curve, scalar: &[u8]) -> Result<Zeroizing<Vec<u8>>, CryptoError> {
    let size = curve.size();
    let excess = scalar.len().saturating_sub(size);
    let (dropped, digits) = scalar.split_at(excess);
    if dropped.iter().any(|&byte| byte != 0) {
        return Err(CryptoError::text("x509: invalid private key length"));
    }
    let mut fixed = Zeroizing::new(Vec::with_capacity(size));
    fixed.resize(size - digits.len(), 0);
    fixed.extend_from_slice(digits);
    Ok(fixed)
}
