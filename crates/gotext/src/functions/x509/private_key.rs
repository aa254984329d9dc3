//! Private keys of any kind: reading PKCS#8, PKCS#1, SEC 1 and OpenSSL's DSA form, and writing them as Go does.

use aws_lc_rs::agreement;
use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair as _};
use zeroize::Zeroizing;

use super::super::crypto::error::CryptoError;
use super::super::pem;
use super::asn1::{self, Field, Shape};
use super::ec_key::{EcKey, SEC1};
use super::rsa_key::{self, Rejected, RsaKey};
use super::{der, oids};

/// A private key, as Go's `any` holds one.
pub(crate) enum PrivateKey {
    Rsa(RsaKey),
    Ec(EcKey),
    /// The seed, 32 bytes, and the public key.
    Ed25519(Zeroizing<Vec<u8>>, Vec<u8>),
    /// The scalar, 32 bytes, and the public key.
    X25519(Zeroizing<Vec<u8>>, Vec<u8>),
    /// Read, but nothing can be done with it.
    Dsa,
}

/// `pkcs8` of `crypto/x509`.
pub(crate) static PKCS8: Shape = Shape::Struct(
    "pkcs8",
    &[
        Field::new(&Shape::Int),
        Field::new(&asn1::ALGORITHM),
        Field::new(&Shape::Octets),
    ],
);

static DSA_KEY: Shape = Shape::Struct(
    "DSAKeyFormat",
    &[
        Field::new(&Shape::Int),
        Field::new(&Shape::BigInt),
        Field::new(&Shape::BigInt),
        Field::new(&Shape::BigInt),
        Field::new(&Shape::BigInt),
        Field::new(&Shape::BigInt),
    ],
);

fn is(bytes: &[u8], shape: &'static Shape) -> bool {
    asn1::decode(bytes, shape).is_ok()
}

const USE_EC: CryptoError = CryptoError::text(
    "x509: failed to parse private key (use ParseECPrivateKey instead for this key format)",
);
const USE_PKCS1: CryptoError = CryptoError::text(
    "x509: failed to parse private key (use ParsePKCS1PrivateKey instead for this key format)",
);
const USE_PKCS8: CryptoError = CryptoError::text(
    "x509: failed to parse private key (use ParsePKCS8PrivateKey instead for this key format)",
);

impl PrivateKey {
    /// Tries PKCS#1, PKCS#8 and SEC 1, as ESO does.
    ///
    /// # Errors
    /// None of them fits; which one was meant is not told.
    pub(crate) fn parse_any(der: &[u8]) -> Result<Self, CryptoError> {
        Self::parse_pkcs1(der)
            .or_else(|_| Self::parse_pkcs8(der))
            .or_else(|_| Self::parse_sec1(der))
            .map_err(|_| CryptoError::text("unable to parse private key type"))
    }

    /// # Errors
    /// Go's words.
    pub(crate) fn parse_pkcs1(der: &[u8]) -> Result<Self, CryptoError> {
        RsaKey::parse(der)
            .map(Self::Rsa)
            .map_err(|rejected| match rejected {
                Rejected::Structure(_) if is(der, &SEC1) => USE_EC,
                Rejected::Structure(_) if is(der, &PKCS8) => USE_PKCS8,
                Rejected::Structure(error) | Rejected::Key(error) => error,
            })
    }

    /// # Errors
    /// Go's words.
    pub(crate) fn parse_sec1(der: &[u8]) -> Result<Self, CryptoError> {
        Self::parse_sec1_on(der, None)
    }

    fn parse_sec1_on(der: &[u8], curve: Option<&[u8]>) -> Result<Self, CryptoError> {
        match asn1::decode(der, &SEC1) {
            Ok((key, _)) => EcKey::from_fields(&key, curve).map(Self::Ec),
            Err(_) if is(der, &PKCS8) => Err(USE_PKCS8),
            Err(_) if is(der, &rsa_key::PKCS1) => Err(USE_PKCS1),
            Err(error) => Err(error.after("x509: failed to parse EC private key: ")),
        }
    }

    /// # Errors
    /// Go's words.
    pub(crate) fn parse_pkcs8(der: &[u8]) -> Result<Self, CryptoError> {
        let key = match asn1::decode(der, &PKCS8) {
            Ok((key, _)) => key,
            Err(_) if is(der, &SEC1) => return Err(USE_EC),
            Err(_) if is(der, &rsa_key::PKCS1) => return Err(USE_PKCS1),
            Err(error) => return Err(error),
        };
        let (algorithm, parameters, inner) =
            (key.at(1).at(0).bytes(), key.at(1).at(1).full(), key.at(2).bytes());
        match algorithm {
            oids::RSA => Self::parse_pkcs1(inner)
                .map_err(|error| error.after("x509: failed to parse RSA private key embedded in PKCS#8: ")),
            oids::EC_PUBLIC_KEY => {
                let curve = asn1::decode(parameters, &Shape::Oid)
                    .ok()
                    .map(|(oid, _)| oid.bytes());
                Self::parse_sec1_on(inner, curve)
                    .map_err(|error| error.after("x509: failed to parse EC private key embedded in PKCS#8: "))
            }
            oids::ED25519 => {
                let seed = curve25519("Ed25519", parameters, inner)?;
                if seed.len() != 32 {
                    return Err(CryptoError::format(format!(
                        "x509: invalid Ed25519 private key length: {}",
                        seed.len()
                    )));
                }
                Self::ed25519(seed)
            }
            oids::X25519 => Self::x25519(curve25519("X25519", parameters, inner)?),
            other => Err(CryptoError::format(format!(
                "x509: PKCS#8 wrapping contained private key with unknown algorithm: {}",
                der::oid_text(other)
            ))),
        }
    }

    /// The key of an Ed25519 seed of 32 bytes.
    pub(crate) fn ed25519(seed: &[u8]) -> Result<Self, CryptoError> {
        let pair = Ed25519KeyPair::from_seed_unchecked(seed)
            .map_err(|_| CryptoError::text("ed25519: bad seed length"))?;
        Ok(Self::Ed25519(
            Zeroizing::new(seed.to_vec()),
            pair.public_key().as_ref().to_vec(),
        ))
    }

    /// The key of an X25519 scalar.
    pub(crate) fn x25519(scalar: &[u8]) -> Result<Self, CryptoError> {
        let public = agreement::PrivateKey::from_private_key(&agreement::X25519, scalar)
            .ok()
            .and_then(|key| key.compute_public_key().ok())
            .ok_or(CryptoError::text("crypto/ecdh: invalid private key size"))?;
        Ok(Self::X25519(
            Zeroizing::new(scalar.to_vec()),
            public.as_ref().to_vec(),
        ))
    }

    /// Reads PEM text the way sprig does: by the type of the first block.
    ///
    /// # Errors
    /// sprig's words around Go's.
    pub(crate) fn parse_pem(text: &[u8]) -> Result<Self, CryptoError> {
        let (Some(block), _) = pem::decode(text) else {
            return Err(CryptoError::text("no PEM data in input"));
        };
        let label = String::from_utf8_lossy(&block.label);
        if label == "PRIVATE KEY" {
            return Self::parse_pkcs8(&block.bytes).map_err(|error| error.after("decoding PEM as PKCS#8: "));
        }
        match label.strip_suffix(" PRIVATE KEY") {
            None => Err(CryptoError::format(format!(
                "no private key data in PEM block of type {label}"
            ))),
            Some("RSA") => Self::parse_pkcs1(&block.bytes)
                .map_err(|error| error.after("parsing RSA private key from PEM: ")),
            Some("EC") => Self::parse_sec1(&block.bytes)
                .map_err(|error| error.after("parsing EC private key from PEM: ")),
            Some("DSA") => match asn1::decode(&block.bytes, &DSA_KEY) {
                Ok(_) => Ok(Self::Dsa),
                Err(error) => Err(error.after("parsing DSA private key from PEM: ")),
            },
            Some(_) => Err(CryptoError::format(format!("invalid private key type {label}"))),
        }
    }

    /// PKCS#8 DER.
    ///
    /// # Errors
    /// DSA keys have no such form in Go.
    pub(crate) fn to_pkcs8(&self) -> Result<der::Der, CryptoError> {
        let algorithm = self.algorithm().ok_or(CryptoError::text(
            "x509: unknown key type while marshaling PKCS#8: *dsa.PrivateKey",
        ))?;
        let inner = match self {
            Self::Rsa(key) => key.to_pkcs1(),
            Self::Ec(key) => key.to_sec1(false),
            Self::Ed25519(secret, _) | Self::X25519(secret, _) => der::octets(secret),
            Self::Dsa => der::Der::default(),
        };
        Ok(der::sequence(&[&der::small(0), &algorithm, &der::octets(&inner)]))
    }

    /// PEM in the form that belongs to the kind of key, as sprig writes it.
    pub(crate) fn to_pem(&self) -> Result<Zeroizing<Vec<u8>>, CryptoError> {
        Ok(match self {
            Self::Rsa(key) => pem::encode(b"RSA PRIVATE KEY", &key.to_pkcs1()),
            Self::Ec(key) => pem::encode(b"EC PRIVATE KEY", &key.to_sec1(true)),
            Self::Ed25519(..) | Self::X25519(..) | Self::Dsa => {
                pem::encode(b"PRIVATE KEY", &self.to_pkcs8()?)
            }
        })
    }

    /// The `AlgorithmIdentifier` of the key.
    fn algorithm(&self) -> Option<der::Der> {
        Some(match self {
            Self::Rsa(_) => der::sequence(&[&der::oid(oids::RSA), &der::null()]),
            Self::Ec(key) => der::sequence(&[&der::oid(oids::EC_PUBLIC_KEY), &der::oid(key.curve.oid())]),
            Self::Ed25519(..) => der::sequence(&[&der::oid(oids::ED25519)]),
            Self::X25519(..) => der::sequence(&[&der::oid(oids::X25519)]),
            Self::Dsa => return None,
        })
    }

    /// The public key: its `AlgorithmIdentifier` and the bytes of its BIT STRING.
    pub(crate) fn public(&self) -> Option<(der::Der, Vec<u8>)> {
        let bytes = match self {
            Self::Rsa(key) => key.public_pkcs1().to_vec(),
            Self::Ec(key) => key.point.clone(),
            Self::Ed25519(_, public) | Self::X25519(_, public) => public.clone(),
            Self::Dsa => return None,
        };
        self.algorithm().map(|algorithm| (algorithm, bytes))
    }
}

/// The OCTET STRING inside a PKCS#8 key of RFC 8410.
fn curve25519<'a>(name: &str, parameters: &[u8], inner: &'a [u8]) -> Result<&'a [u8], CryptoError> {
    if !parameters.is_empty() {
        return Err(CryptoError::format(format!(
            "x509: invalid {name} private key parameters"
        )));
    }
    match asn1::decode(inner, &Shape::Octets) {
        Ok((octets, _)) => Ok(octets.bytes()),
        Err(error) => Err(error.after(&format!("x509: invalid {name} private key: "))),
    }
}
