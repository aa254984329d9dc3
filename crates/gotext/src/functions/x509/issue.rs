//! Makes certificates, byte for byte in the form of Go's `x509.CreateCertificate` with sprig's template.
//!
//! A certificate crate would choose another order of extensions, other string types and other key identifiers.

use std::net::IpAddr;

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{EcdsaKeyPair, Ed25519KeyPair, RSA_PKCS1_SHA256};
use aws_lc_rs::{digest, rsa};

use super::super::crypto::error::CryptoError;
use super::certificate::Certificate;
use super::name;
use super::private_key::PrivateKey;
use super::{der, oids};

/// What a new certificate shall say.
pub(crate) struct Request<'a> {
    pub(crate) common_name: &'a [u8],
    pub(crate) addresses: Vec<IpAddr>,
    pub(crate) dns_names: Vec<&'a [u8]>,
    /// 128 random bits.
    pub(crate) serial: [u8; 16],
    /// Nanoseconds since 1970.
    pub(crate) now: i128,
    pub(crate) days: i64,
    pub(crate) authority: bool,
}

/// Who signs.
pub(crate) enum Issuer<'a> {
    Itself,
    Other(&'a Certificate, &'a PrivateKey),
}

const DAY: i64 = 24 * 60 * 60 * 1_000_000_000;

/// The certificate for `key`, DER.
///
/// # Errors
/// Go's words, after `error creating certificate: `.
pub(crate) fn issue(
    request: &Request<'_>,
    key: &PrivateKey,
    issuer: &Issuer<'_>,
) -> Result<Vec<u8>, CryptoError> {
    create(request, key, issuer).map_err(|error| error.after("error creating certificate: "))
}

fn create(request: &Request<'_>, key: &PrivateKey, issuer: &Issuer<'_>) -> Result<Vec<u8>, CryptoError> {
    let signer = match issuer {
        Issuer::Itself => key,
        Issuer::Other(_, signer) => signer,
    };
    let signature_algorithm = signature_algorithm(signer)?;
    let (key_algorithm, public_key) = match key {
        PrivateKey::Dsa => {
            return Err(CryptoError::text(
                "x509: unsupported public key type: *dsa.PublicKey",
            ));
        }
        PrivateKey::X25519(..) => {
            return Err(CryptoError::text(
                "x509: unsupported public key type: *ecdh.PublicKey",
            ));
        }
        PrivateKey::Rsa(_) | PrivateKey::Ec(_) | PrivateKey::Ed25519(..) => key.public().unwrap_or_default(),
    };
    let subject = subject(request.common_name)?;
    let (issuer_name, authority_key_id) = match issuer {
        Issuer::Other(parent, _) if parent.raw_subject != *subject => (
            parent.raw_subject.as_slice(),
            parent.subject_key_id.as_deref().unwrap_or_default(),
        ),
        Issuer::Itself | Issuer::Other(..) => (subject.as_slice(), &[][..]),
    };
    if let Issuer::Other(parent, signer) = issuer
        && is_known(&parent.public_key.0)
        && !signer.public().is_some_and(|(algorithm, bits)| {
            *algorithm == *der::sequence(&[&parent.public_key.0]) && bits == parent.public_key.1
        })
    {
        return Err(CryptoError::text(
            "x509: provided PrivateKey doesn't match parent's PublicKey",
        ));
    }
    let end = request.now + i128::from(request.days.wrapping_mul(DAY));
    let validity = der::sequence(&[&time(request.now)?, &time(end)?]);
    let spki = der::sequence(&[&key_algorithm, &der::bits(&public_key)]);
    let extensions = extensions(request, &subject, &public_key, authority_key_id)?;
    let tbs = der::sequence(&[
        &der::wrap(der::context_constructed(0), &[&der::small(2)]),
        &der::unsigned(&request.serial),
        &signature_algorithm,
        issuer_name,
        &validity,
        &subject,
        &spki,
        &der::wrap(der::context_constructed(3), &[&extensions]),
    ]);
    let signature = sign(signer, &tbs)?;
    Ok(der::sequence(&[&tbs, &signature_algorithm, &der::bits(&signature)]).to_vec())
}

/// Whether Go knows the algorithm of a public key; it compares no others.
fn is_known(algorithm: &[u8]) -> bool {
    let oid = der::Reader::new(algorithm).oid();
    matches!(
        oid,
        Some(oids::RSA | oids::EC_PUBLIC_KEY | oids::ED25519 | oids::DSA)
    )
}

fn subject(common_name: &[u8]) -> Result<der::Der, CryptoError> {
    if common_name.is_empty() {
        return Ok(der::sequence(&[]));
    }
    let value = name::encode_string(common_name)?;
    let attribute = der::sequence(&[&der::oid(oids::COMMON_NAME), &value]);
    Ok(der::sequence(&[&der::wrap(der::SET, &[&attribute])]))
}

fn time(nanoseconds: i128) -> Result<der::Der, CryptoError> {
    let seconds = i64::try_from(nanoseconds.div_euclid(1_000_000_000)).unwrap_or(i64::MAX);
    let at = jiff::Timestamp::from_second(seconds)
        .map_err(|_| CryptoError::text("asn1: structure error: cannot represent time as GeneralizedTime"))?;
    let at = at.to_zoned(jiff::tz::TimeZone::UTC);
    let (tag, year) = match at.year() {
        year @ 1950..2050 => (der::UTC_TIME, format!("{:02}", year % 100)),
        year => (der::GENERALIZED_TIME, format!("{year:04}")),
    };
    let text = format!(
        "{year}{:02}{:02}{:02}{:02}{:02}Z",
        at.month(),
        at.day(),
        at.hour(),
        at.minute(),
        at.second()
    );
    Ok(der::wrap(tag, &[text.as_bytes()]))
}

fn extension(oid: &[u8], critical: bool, value: &[u8]) -> der::Der {
    let critical: &[u8] = if critical { &[der::BOOLEAN, 1, 0xff] } else { &[] };
    der::sequence(&[&der::oid(oid), critical, &der::octets(value)])
}

fn extensions(
    request: &Request<'_>,
    subject: &[u8],
    public_key: &[u8],
    authority_key_id: &[u8],
) -> Result<der::Der, CryptoError> {
    // Digital signature and key encipherment; for an authority certificate signing too. Trailing zero bits are left out.
    let usage: &[u8] = if request.authority {
        &[der::BIT_STRING, 2, 2, 0b1010_0100]
    } else {
        &[der::BIT_STRING, 2, 5, 0b1010_0000]
    };
    let purposes = der::sequence(&[&der::oid(oids::SERVER_AUTH), &der::oid(oids::CLIENT_AUTH)]);
    let constraints: &[u8] = if request.authority {
        &[der::SEQUENCE, 3, der::BOOLEAN, 1, 0xff]
    } else {
        &[der::SEQUENCE, 0]
    };
    let mut all = vec![
        extension(oids::KEY_USAGE, true, usage),
        extension(oids::EXTENDED_KEY_USAGE, false, &purposes),
        extension(oids::BASIC_CONSTRAINTS, true, constraints),
    ];
    if request.authority {
        let hash = digest::digest(&digest::SHA256, public_key);
        let id = hash.as_ref().get(..20).unwrap_or_default();
        all.push(extension(oids::SUBJECT_KEY_ID, false, &der::octets(id)));
    }
    if !authority_key_id.is_empty() {
        let id = der::wrap(der::context(0), &[authority_key_id]);
        all.push(extension(oids::AUTHORITY_KEY_ID, false, &der::sequence(&[&id])));
    }
    if let Some(names) = alternative_names(request)? {
        let subject_is_empty = subject == [der::SEQUENCE, 0];
        all.push(extension(oids::SUBJECT_ALT_NAME, subject_is_empty, &names));
    }
    let all: Vec<&[u8]> = all.iter().map(|extension| extension.as_slice()).collect();
    Ok(der::sequence(&all))
}

fn alternative_names(request: &Request<'_>) -> Result<Option<der::Der>, CryptoError> {
    let mut names = Vec::new();
    for name in &request.dns_names {
        if !name.is_ascii() {
            let quoted = crate::strconv::quote(name);
            return Err(CryptoError::format(format!(
                "x509: {quoted} cannot be encoded as an IA5String"
            )));
        }
        names.push(der::wrap(der::context(2), &[name]));
    }
    for address in &request.addresses {
        names.push(match address.to_canonical() {
            IpAddr::V4(four) => der::wrap(der::context(7), &[&four.octets()]),
            IpAddr::V6(six) => der::wrap(der::context(7), &[&six.octets()]),
        });
    }
    let parts: Vec<&[u8]> = names.iter().map(|name| name.as_slice()).collect();
    Ok((!parts.is_empty()).then(|| der::sequence(&parts)))
}

fn signature_algorithm(signer: &PrivateKey) -> Result<der::Der, CryptoError> {
    match signer {
        PrivateKey::Rsa(_) => Ok(der::sequence(&[&der::oid(oids::SHA256_WITH_RSA), &der::null()])),
        PrivateKey::Ec(key) => {
            let (_, oid) = key
                .curve
                .signing()
                .ok_or(CryptoError::text("x509: unsupported elliptic curve"))?;
            Ok(der::sequence(&[&der::oid(oid)]))
        }
        PrivateKey::Ed25519(..) => Ok(der::sequence(&[&der::oid(oids::ED25519)])),
        PrivateKey::X25519(..) | PrivateKey::Dsa => Err(CryptoError::text(
            "x509: certificate private key does not implement crypto.Signer",
        )),
    }
}

fn sign(signer: &PrivateKey, message: &[u8]) -> Result<Vec<u8>, CryptoError> {
    let failed = || CryptoError::text("x509: signing failed");
    match signer {
        PrivateKey::Rsa(key) => {
            if !(2048..=8192).contains(&key.bits()) {
                return Err(CryptoError::format(format!(
                    "crypto/rsa: {}-bit keys cannot sign (2048 to 8192 bits can)",
                    key.bits()
                )));
            }
            let pair = rsa::KeyPair::from_der(&key.to_pkcs1()).map_err(|_| failed())?;
            let mut signature = vec![0; pair.public_modulus_len()];
            pair.sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), message, &mut signature)
                .map_err(|_| failed())?;
            Ok(signature)
        }
        PrivateKey::Ec(key) => {
            let (algorithm, _) = key.curve.signing().ok_or_else(failed)?;
            let pair = EcdsaKeyPair::from_private_key_and_public_key(algorithm, &key.scalar, &key.point)
                .map_err(|_| failed())?;
            Ok(pair
                .sign(&SystemRandom::new(), message)
                .map_err(|_| failed())?
                .as_ref()
                .to_vec())
        }
        PrivateKey::Ed25519(seed, _) => {
            let pair = Ed25519KeyPair::from_seed_unchecked(seed).map_err(|_| failed())?;
            Ok(pair.sign(message).as_ref().to_vec())
        }
        PrivateKey::X25519(..) | PrivateKey::Dsa => Err(failed()),
    }
}
