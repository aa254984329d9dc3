//! Writes PKCS#12 files in `go-pkcs12`'s "modern" form: PBES2 with AES-256-CBC, MAC with SHA-256, 2048 rounds.

use aws_lc_rs::digest;

use super::super::crypto::error::CryptoError;
use super::super::x509::certificate::Certificate;
use super::super::x509::private_key::PrivateKey;
use super::super::x509::{der, oids as x509_oids};
use super::oids;
use super::pbe::{self, Password};

const ROUNDS: u32 = 2048;
const BMP_STRING: u8 = 0x1e;

/// Random bytes for one file.
pub(super) struct Salts {
    pub(super) certificates: ([u8; 16], [u8; 16]),
    pub(super) key: ([u8; 16], [u8; 16]),
    pub(super) mac: [u8; 16],
}

/// How many random bytes a file takes.
pub(super) const SALT_BYTES: usize = 80;

impl Salts {
    /// Cuts random bytes into salts and initialisation vectors.
    pub(super) fn cut(random: &[u8; SALT_BYTES]) -> Self {
        let part = |index: usize| random.as_chunks::<16>().0.get(index).copied().unwrap_or_default();
        Self {
            certificates: (part(0), part(1)),
            key: (part(2), part(3)),
            mac: part(4),
        }
    }
}

/// A file of a private key, its certificate and the certificates above it.
///
/// # Errors
/// `pkcs12: …` in Go's words.
pub(super) fn key_store(
    key: &PrivateKey,
    leaf: &Certificate,
    above: &[Certificate],
    password: &[u8],
    salts: &Salts,
) -> Result<der::Der, CryptoError> {
    let password = pbe::password(password)?;
    let fingerprint = digest::digest(&digest::SHA1_FOR_LEGACY_USE_ONLY, &leaf.raw);
    let link = attribute(oids::LOCAL_KEY_ID, &der::octets(fingerprint.as_ref()));
    let mut bags = vec![cert_bag(leaf, &[&link])];
    bags.extend(above.iter().map(|certificate| cert_bag(certificate, &[])));
    let plain_key = key
        .to_pkcs8()
        .map_err(|error| error.after("pkcs12: error encoding PKCS#8 private key: "))?;
    let (algorithm, encrypted) = pbe::encrypt(&plain_key, &password, ROUNDS, &salts.key.0, &salts.key.1)?;
    let shrouded = der::sequence(&[&algorithm, &der::octets(&encrypted)]);
    let key_bag = bag(oids::SHROUDED_KEY_BAG, &shrouded, &[&link]);
    let certificates = encrypted_safe(&bags, &password, salts)?;
    let keys = content_info(oids::DATA, &der::octets(&der::sequence(&[&key_bag])));
    finish(&[&certificates, &keys], &password, salts)
}

/// A file of certificates that Java shall trust, named by their subjects.
///
/// # Errors
/// `pkcs12: …` in Go's words.
pub(super) fn trust_store(
    certificates: &[Certificate],
    password: &[u8],
    salts: &Salts,
) -> Result<der::Der, CryptoError> {
    let password = pbe::password(password)?;
    let trusted = attribute(
        oids::JAVA_TRUST_STORE,
        &der::oid(x509_oids::ANY_EXTENDED_KEY_USAGE),
    );
    let mut bags = Vec::with_capacity(certificates.len());
    for certificate in certificates {
        let name = pbe::bmp_string(certificate.subject.to_text().as_bytes())?;
        let name = attribute(oids::FRIENDLY_NAME, &der::wrap(BMP_STRING, &[&name]));
        bags.push(cert_bag(certificate, &[&trusted, &name]));
    }
    let safe = encrypted_safe(&bags, &password, salts)?;
    finish(&[&safe], &password, salts)
}

fn attribute(oid: &[u8], value: &[u8]) -> der::Der {
    der::sequence(&[&der::oid(oid), &der::wrap(der::SET, &[value])])
}

/// Attributes are a SET OF, whose members DER sorts by their encoding.
fn bag(oid: &[u8], value: &[u8], attributes: &[&[u8]]) -> der::Der {
    let mut sorted = attributes.to_vec();
    sorted.sort_unstable();
    der::sequence(&[
        &der::oid(oid),
        &der::wrap(der::context_constructed(0), &[value]),
        &der::wrap(der::SET, &sorted),
    ])
}

fn cert_bag(certificate: &Certificate, attributes: &[&[u8]]) -> der::Der {
    let octets = der::wrap(der::context_constructed(0), &[&der::octets(&certificate.raw)]);
    let value = der::sequence(&[&der::oid(oids::X509_CERTIFICATE), &octets]);
    bag(oids::CERT_BAG, &value, attributes)
}

fn content_info(oid: &[u8], content: &[u8]) -> der::Der {
    der::sequence(&[
        &der::oid(oid),
        &der::wrap(der::context_constructed(0), &[content]),
    ])
}

fn encrypted_safe(bags: &[der::Der], password: &Password, salts: &Salts) -> Result<der::Der, CryptoError> {
    let bags: Vec<&[u8]> = bags.iter().map(|bag| bag.as_slice()).collect();
    let plain = der::sequence(&bags);
    let (algorithm, encrypted) = pbe::encrypt(
        &plain,
        password,
        ROUNDS,
        &salts.certificates.0,
        &salts.certificates.1,
    )?;
    let content = der::sequence(&[
        &der::oid(oids::DATA),
        &algorithm,
        &der::wrap(der::context(0), &[&encrypted]),
    ]);
    Ok(content_info(
        oids::ENCRYPTED_DATA,
        &der::sequence(&[&der::small(0), &content]),
    ))
}

fn finish(safes: &[&[u8]], password: &Password, salts: &Salts) -> Result<der::Der, CryptoError> {
    let safes = der::sequence(safes);
    let hash = der::sequence(&[&der::oid(oids::SHA256)]);
    let algorithm = pbe::decode(&hash, &super::super::x509::asn1::ALGORITHM)?;
    let mac = pbe::mac(&algorithm, &salts.mac, ROUNDS.into(), &safes, password)?;
    let digest = der::sequence(&[&hash, &der::octets(mac.as_ref())]);
    let mac = der::sequence(&[&digest, &der::octets(&salts.mac), &der::small(ROUNDS)]);
    Ok(der::sequence(&[
        &der::small(3),
        &content_info(oids::DATA, &der::octets(&safes)),
        &mac,
    ]))
}
