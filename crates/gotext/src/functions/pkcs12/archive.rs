//! Reads PKCS#12 files: the private key and the certificates, as `go-pkcs12`'s `DecodeChain`.

use zeroize::Zeroizing;

use super::super::crypto::error::CryptoError;
use super::super::x509::asn1::{ALGORITHM, Field, Shape, Tagging, Value};
use super::super::x509::certificate::Certificate;
use super::super::x509::private_key::PrivateKey;
use super::pbe::{self, decode};
use super::{oids, pbe::Password};

static CONTENT_INFO: Shape = Shape::Struct(
    "contentInfo",
    &[
        Field::new(&Shape::Oid),
        Field::new(&Shape::Raw).optional().tagged(Tagging::Explicit(0)),
    ],
);
static DIGEST_INFO: Shape = Shape::Struct(
    "digestInfo",
    &[Field::new(&ALGORITHM), Field::new(&Shape::Octets)],
);
static MAC_DATA: Shape = Shape::Struct(
    "macData",
    &[
        Field::new(&DIGEST_INFO),
        Field::new(&Shape::Octets),
        Field::new(&Shape::Int).default(1),
    ],
);
static PFX: Shape = Shape::Struct(
    "pfxPdu",
    &[
        Field::new(&Shape::Int),
        Field::new(&CONTENT_INFO),
        Field::new(&MAC_DATA).optional(),
    ],
);
static AUTHENTICATED_SAFE: Shape = Shape::List(&CONTENT_INFO);
static ENCRYPTED_CONTENT: Shape = Shape::Struct(
    "encryptedContentInfo",
    &[
        Field::new(&Shape::Oid),
        Field::new(&ALGORITHM),
        Field::new(&Shape::Octets).optional().tagged(Tagging::Implicit(0)),
    ],
);
static ENCRYPTED_DATA: Shape = Shape::Struct(
    "encryptedData",
    &[Field::new(&Shape::Int), Field::new(&ENCRYPTED_CONTENT)],
);
static ATTRIBUTE: Shape = Shape::Struct(
    "pkcs12Attribute",
    &[Field::new(&Shape::Oid), Field::new(&Shape::Raw)],
);
static SAFE_BAG: Shape = Shape::Struct(
    "safeBag",
    &[
        Field::new(&Shape::Oid),
        Field::new(&Shape::Raw).tagged(Tagging::Explicit(0)),
        Field::new(&Shape::Set(&ATTRIBUTE)).optional(),
    ],
);
static SAFE_CONTENTS: Shape = Shape::List(&SAFE_BAG);
static CERT_BAG: Shape = Shape::Struct(
    "certBag",
    &[
        Field::new(&Shape::Oid),
        Field::new(&Shape::Octets).tagged(Tagging::Explicit(0)),
    ],
);
static SHROUDED_KEY: Shape = Shape::Struct(
    "encryptedPrivateKeyInfo",
    &[Field::new(&ALGORITHM), Field::new(&Shape::Octets)],
);

/// What a file holds. The first certificate is taken for the leaf.
pub(super) struct Archive {
    pub(super) key: PrivateKey,
    pub(super) certificates: Vec<Certificate>,
}

fn refuse<T>(text: &'static str) -> Result<T, CryptoError> {
    Err(CryptoError::text(text))
}

impl Archive {
    /// # Errors
    /// `pkcs12: …` in Go's words.
    pub(super) fn read(file: &[u8], password: &[u8]) -> Result<Self, CryptoError> {
        let (safes, password) = safes(file, pbe::password(password)?)?;
        let mut key = None;
        let mut certificates = Vec::new();
        for safe in &safes {
            let bags = decode(safe, &SAFE_CONTENTS)?;
            for bag in bags.items() {
                let contents = bag.at(1).bytes();
                match bag.at(0).bytes() {
                    oids::CERT_BAG => certificates.push(certificate(contents)?),
                    oids::KEY_BAG | oids::SHROUDED_KEY_BAG if key.is_some() => {
                        return refuse("pkcs12: expected exactly one key bag");
                    }
                    oids::KEY_BAG => key = Some(PrivateKey::parse_pkcs8(contents)?),
                    oids::SHROUDED_KEY_BAG => key = Some(shrouded_key(contents, &password)?),
                    _ => {}
                }
            }
        }
        if certificates.is_empty() {
            return refuse("pkcs12: certificate missing");
        }
        let Some(key) = key else {
            return refuse("pkcs12: private key missing");
        };
        Ok(Self { key, certificates })
    }
}

/// A safe, decrypted.
type Safe = Zeroizing<Vec<u8>>;

/// The decrypted safes, and the password in the form that the file uses (an empty one has two).
fn safes(file: &[u8], mut password: Password) -> Result<(Vec<Safe>, Password), CryptoError> {
    let pfx = decode(file, &PFX).map_err(|error| error.after("pkcs12: error reading P12 data: "))?;
    if pfx.at(0).int() != 3 {
        return refuse("pkcs12: can only decode v3 PFX PDU's");
    }
    if pfx.at(1).at(0).bytes() != oids::DATA {
        return refuse("pkcs12: only password-protected PFX is implemented");
    }
    let content = decode(pfx.at(1).at(1).bytes(), &Shape::Raw)?;
    let content = content.bytes();
    let empty = password.as_slice() == [0, 0];
    if pfx.at(2).is_absent() {
        if !empty {
            return refuse("pkcs12: no MAC in data");
        }
    } else if !verify(pfx.at(2), content, &password)? {
        // Some programs take an empty password for no bytes at all, not for an empty string.
        password = Password::default();
        if !empty || !verify(pfx.at(2), content, &password)? {
            return refuse("pkcs12: decryption password incorrect");
        }
    }
    let contents = decode(content, &AUTHENTICATED_SAFE)?;
    let count = contents.items().len();
    if !(1..=2).contains(&count) {
        return Err(CryptoError::format(format!(
            "pkcs12: expected between 1 and 2 items in the authenticated safe, but this file has {count}"
        )));
    }
    let mut safes = Vec::with_capacity(count);
    for content in contents.items() {
        safes.push(safe(content, &password)?);
    }
    Ok((safes, password))
}

fn verify(mac: &Value<'_>, content: &[u8], password: &[u8]) -> Result<bool, CryptoError> {
    let expected = pbe::mac(
        mac.at(0).at(0),
        mac.at(1).bytes(),
        mac.at(2).int(),
        content,
        password,
    )?;
    Ok(aws_lc_rs::constant_time::verify_slices_are_equal(expected.as_ref(), mac.at(0).at(1).bytes()).is_ok())
}

fn safe(content: &Value<'_>, password: &[u8]) -> Result<Zeroizing<Vec<u8>>, CryptoError> {
    let inner = content.at(1).bytes();
    match content.at(0).bytes() {
        oids::DATA => Ok(Zeroizing::new(decode(inner, &Shape::Octets)?.bytes().to_vec())),
        oids::ENCRYPTED_DATA => {
            let encrypted = decode(inner, &ENCRYPTED_DATA)?;
            if encrypted.at(0).int() != 0 {
                return refuse("pkcs12: only version 0 of EncryptedData is supported");
            }
            pbe::decrypt(encrypted.at(1).at(1), encrypted.at(1).at(2).bytes(), password)
        }
        _ => refuse("pkcs12: only data and encryptedData content types are supported in authenticated safe"),
    }
}

fn certificate(bag: &[u8]) -> Result<Certificate, CryptoError> {
    let bag = decode(bag, &CERT_BAG).map_err(|error| error.after("pkcs12: error decoding cert bag: "))?;
    if bag.at(0).bytes() != oids::X509_CERTIFICATE {
        return refuse("pkcs12: only X509 certificates are supported in cert bags");
    }
    let mut certificates = Certificate::parse_all(bag.at(1).bytes())?;
    match (certificates.pop(), certificates.is_empty()) {
        (Some(only), true) => Ok(only),
        _ => refuse("pkcs12: expected exactly one certificate in the certBag"),
    }
}

fn shrouded_key(bag: &[u8], password: &[u8]) -> Result<PrivateKey, CryptoError> {
    let info = decode(bag, &SHROUDED_KEY)
        .map_err(|error| error.after("pkcs12: error decoding PKCS#8 shrouded key bag: "))?;
    let plain = pbe::decrypt(info.at(0), info.at(1).bytes(), password)
        .map_err(|error| error.after("pkcs12: error decrypting PKCS#8 shrouded key bag: "))?;
    decode(&plain, &Shape::Raw)
        .map_err(|error| error.after("pkcs12: error unmarshaling decrypted private key: "))?;
    PrivateKey::parse_pkcs8(&plain).map_err(|error| error.after("pkcs12: error parsing PKCS#8 private key: "))
}
