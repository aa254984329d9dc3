//! Password-based encryption and authentication of PKCS#12 files: the schemes that `go-pkcs12` knows.
//!
//! No crate of the field reads the old schemes without bringing a second ASN.1 parser and banned crates along; the
//! ciphers and hashes themselves are crates.

use std::num::NonZeroU32;

use aes::cipher::block_padding::NoPadding;
use aes::cipher::{BlockModeDecrypt, BlockModeEncrypt, KeyIvInit};
use aws_lc_rs::{digest, hmac, pbkdf2};
use zeroize::Zeroizing;

use super::super::crypto::error::CryptoError;
use super::super::x509::asn1::{self, ALGORITHM, Field, Shape, Value};
use super::super::x509::der;
use super::oids;

/// Rounds of key derivation that a file may ask for. Files in use have up to 600 000; a file that asks for billions
/// would stop the controller.
const MAX_ITERATIONS: i64 = 2_000_000;

static PBE_PARAMETERS: Shape = Shape::Struct(
    "pbeParams",
    &[Field::new(&Shape::Octets), Field::new(&Shape::Int)],
);
static PBES2_PARAMETERS: Shape =
    Shape::Struct("pbes2Params", &[Field::new(&ALGORITHM), Field::new(&ALGORITHM)]);
static PBKDF2_PARAMETERS: Shape = Shape::Struct(
    "pbkdf2Params",
    &[
        Field::new(&Shape::Raw),
        Field::new(&Shape::Int),
        Field::new(&Shape::Int).optional(),
        Field::new(&ALGORITHM).optional(),
    ],
);

/// A password as PKCS#12 wants it: UTF-16BE with a terminator, or no bytes at all.
pub(super) type Password = Zeroizing<Vec<u8>>;

/// # Errors
/// The password has letters beyond the Basic Multilingual Plane.
pub(super) fn password(text: &[u8]) -> Result<Password, CryptoError> {
    let mut encoded = bmp_string(text)?;
    encoded.extend_from_slice(&[0, 0]);
    Ok(encoded)
}

/// UTF-16BE; what is not UTF-8 becomes U+FFFD, as when Go ranges over a string.
pub(super) fn bmp_string(text: &[u8]) -> Result<Zeroizing<Vec<u8>>, CryptoError> {
    let mut encoded = Zeroizing::new(Vec::with_capacity(2 * text.len() + 2));
    for (_, rune, _) in crate::strconv::runes(text) {
        let rune = rune.unwrap_or(char::REPLACEMENT_CHARACTER);
        let unit = u16::try_from(u32::from(rune)).map_err(|_| {
            CryptoError::text("pkcs12: string contains characters that cannot be encoded in UCS-2")
        })?;
        encoded.extend_from_slice(&unit.to_be_bytes());
    }
    Ok(encoded)
}

/// PBES2 and PBMAC1 take the password as UTF-8.
fn utf8(password: &[u8]) -> Zeroizing<Vec<u8>> {
    let text = password.strip_suffix(&[0, 0]).unwrap_or(password);
    let units = text
        .as_chunks::<2>()
        .0
        .iter()
        .map(|&pair| u16::from_be_bytes(pair));
    let letters: Zeroizing<String> = Zeroizing::new(
        char::decode_utf16(units)
            .map(|letter| letter.unwrap_or(char::REPLACEMENT_CHARACTER))
            .collect(),
    );
    Zeroizing::new(letters.as_bytes().to_vec())
}

fn iterations(count: i64) -> Result<NonZeroU32, CryptoError> {
    if count > MAX_ITERATIONS {
        return Err(CryptoError::format(format!(
            "pkcs12: more than {MAX_ITERATIONS} iterations of key derivation are refused"
        )));
    }
    // Go's loops run once for counts below one.
    Ok(u32::try_from(count)
        .ok()
        .and_then(NonZeroU32::new)
        .unwrap_or(NonZeroU32::MIN))
}

/// Exactly one element.
pub(super) fn decode<'a>(bytes: &'a [u8], shape: &'static Shape) -> Result<Value<'a>, CryptoError> {
    let (value, rest) = asn1::decode(bytes, shape)?;
    if rest.is_empty() {
        Ok(value)
    } else {
        Err(CryptoError::text("pkcs12: trailing data found"))
    }
}

/// Key derivation of RFC 7292, appendix B.2. `purpose` is 1 for keys, 2 for initialisation vectors, 3 for MACs.
fn derive(
    hash: &'static digest::Algorithm,
    salt: &[u8],
    password: &[u8],
    rounds: NonZeroU32,
    purpose: u8,
    size: usize,
) -> Zeroizing<Vec<u8>> {
    let block = hash.block_len();
    let fill = |bytes: &[u8]| -> Vec<u8> {
        let length = bytes.len().div_ceil(block) * block;
        bytes.iter().copied().cycle().take(length).collect()
    };
    let mut input = Zeroizing::new([fill(salt), fill(password)].concat());
    let mut key = Zeroizing::new(Vec::with_capacity(size + hash.output_len()));
    loop {
        let mut first = digest::Context::new(hash);
        first.update(&vec![purpose; block]);
        first.update(&input);
        let mut hashed = first.finish();
        for _ in 1..rounds.get() {
            hashed = digest::digest(hash, hashed.as_ref());
        }
        key.extend_from_slice(hashed.as_ref());
        if key.len() >= size {
            key.truncate(size);
            return key;
        }
        for chunk in input.chunks_mut(block) {
            add(chunk, hashed.as_ref());
        }
    }
}

/// `chunk = chunk + repeated + 1` as big-endian numbers, without the carry out.
fn add(chunk: &mut [u8], hashed: &[u8]) {
    let repeated: Zeroizing<Vec<u8>> =
        Zeroizing::new(hashed.iter().copied().cycle().take(chunk.len()).collect());
    let mut carry = 1_u16;
    for (digit, other) in chunk.iter_mut().zip(repeated.iter()).rev() {
        let sum = u16::from(*digit) + u16::from(*other) + carry;
        let [high, low] = sum.to_be_bytes();
        *digit = low;
        carry = u16::from(high);
    }
}

/// A block cipher with its key and initialisation vector.
enum Cipher {
    TripleDes(Zeroizing<Vec<u8>>, Vec<u8>),
    Rc2(Zeroizing<Vec<u8>>, Vec<u8>),
    Aes(Zeroizing<Vec<u8>>, Vec<u8>),
}

fn cipher(algorithm: &Value<'_>, password: &[u8]) -> Result<Cipher, CryptoError> {
    let (oid, parameters) = (algorithm.at(0).bytes(), algorithm.at(1).full());
    let key_size = match oid {
        oids::PBES2 => return pbes2(parameters, &utf8(password)),
        oids::PBE_SHA_3DES => 24,
        oids::PBE_SHA_RC2_128 => 16,
        oids::PBE_SHA_RC2_40 => 5,
        other => {
            return Err(CryptoError::format(format!(
                "pkcs12: pbe algorithm {} is not supported",
                der::oid_text(other)
            )));
        }
    };
    let parameters = decode(parameters, &PBE_PARAMETERS)?;
    let (salt, rounds) = (parameters.at(0).bytes(), iterations(parameters.at(1).int())?);
    let sha1 = &digest::SHA1_FOR_LEGACY_USE_ONLY;
    let key = derive(sha1, salt, password, rounds, 1, key_size);
    let vector = derive(sha1, salt, password, rounds, 2, 8).to_vec();
    Ok(if key_size == 24 {
        Cipher::TripleDes(key, vector)
    } else {
        Cipher::Rc2(key, vector)
    })
}

/// The parts of PBKDF2 parameters: salt, rounds, length of the key (0 if not given) and the hash.
struct Pbkdf2<'a> {
    salt: &'a [u8],
    rounds: NonZeroU32,
    length: i64,
    hash: pbkdf2::Algorithm,
}

fn pbkdf2_parameters<'a>(
    bytes: &'a [u8],
    salt_words: &'static str,
    hash_words: &str,
) -> Result<Pbkdf2<'a>, CryptoError> {
    let parameters = decode(bytes, &PBKDF2_PARAMETERS)?;
    if !matches!(parameters.at(0), Value::Raw { tag: 4, .. }) {
        return Err(CryptoError::text(salt_words));
    }
    let hash = match parameters.at(3).at(0).bytes() {
        oids::HMAC_SHA256 => pbkdf2::PBKDF2_HMAC_SHA256,
        oids::HMAC_SHA512 => pbkdf2::PBKDF2_HMAC_SHA512,
        oids::HMAC_SHA1 | [] => pbkdf2::PBKDF2_HMAC_SHA1,
        other => {
            return Err(CryptoError::format(format!(
                "pkcs12: {hash_words} {} is not supported",
                der::oid_text(other)
            )));
        }
    };
    let rounds = iterations(parameters.at(1).int())?;
    Ok(Pbkdf2 {
        salt: parameters.at(0).bytes(),
        rounds,
        length: parameters.at(2).int(),
        hash,
    })
}

fn pbes2(parameters: &[u8], password: &[u8]) -> Result<Cipher, CryptoError> {
    let parameters = decode(parameters, &PBES2_PARAMETERS)?;
    let (kdf, scheme) = (parameters.at(0), parameters.at(1));
    if kdf.at(0).bytes() != oids::PBKDF2 {
        return Err(CryptoError::format(format!(
            "pkcs12: pbes2 kdf algorithm {} is not supported",
            der::oid_text(kdf.at(0).bytes())
        )));
    }
    let kdf = pbkdf2_parameters(
        kdf.at(1).full(),
        "pkcs12: only octet string salts are supported for pbes2/pbkdf2",
        "pbes2 prf",
    )?;
    let size = match scheme.at(0).bytes() {
        oids::AES_256_CBC => 32,
        oids::AES_192_CBC => 24,
        oids::AES_128_CBC => 16,
        other => {
            return Err(CryptoError::format(format!(
                "pkcs12: pbes2 algorithm {} is not supported",
                der::oid_text(other)
            )));
        }
    };
    let mut key = Zeroizing::new(vec![0; size]);
    pbkdf2::derive(kdf.hash, kdf.rounds, kdf.salt, password, &mut key);
    let vector = scheme.at(1).bytes();
    if vector.len() != 16 {
        return Err(CryptoError::format(format!(
            "pkcs12: invalid IV length in PBES2 encryption scheme (IV length {} does not match block size 16)",
            vector.len()
        )));
    }
    Ok(Cipher::Aes(key, vector.to_vec()))
}

impl Cipher {
    const fn block(&self) -> usize {
        match self {
            Self::TripleDes(..) | Self::Rc2(..) => 8,
            Self::Aes(..) => 16,
        }
    }

    /// CBC without looking at the padding; `None` if the data is not whole blocks.
    fn decrypt(&self, data: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
        fn run<C: KeyIvInit + BlockModeDecrypt>(
            key: &[u8],
            vector: &[u8],
            data: &[u8],
        ) -> Option<Zeroizing<Vec<u8>>> {
            let mut buffer = Zeroizing::new(data.to_vec());
            C::new_from_slices(key, vector)
                .ok()?
                .decrypt_padded::<NoPadding>(&mut buffer)
                .ok()?;
            Some(buffer)
        }
        match self {
            Self::TripleDes(key, vector) => run::<cbc::Decryptor<des::TdesEde3>>(key, vector, data),
            Self::Rc2(key, vector) => run::<cbc::Decryptor<rc2::Rc2>>(key, vector, data),
            Self::Aes(key, vector) => match key.len() {
                16 => run::<cbc::Decryptor<aes::Aes128>>(key, vector, data),
                24 => run::<cbc::Decryptor<aes::Aes192>>(key, vector, data),
                _ => run::<cbc::Decryptor<aes::Aes256>>(key, vector, data),
            },
        }
    }
}

/// Decrypts what `algorithm` (an `AlgorithmIdentifier`) says it is.
///
/// # Errors
/// `pkcs12: …` in Go's words.
pub(super) fn decrypt(
    algorithm: &Value<'_>,
    data: &[u8],
    password: &[u8],
) -> Result<Zeroizing<Vec<u8>>, CryptoError> {
    let cipher = cipher(algorithm, password)?;
    let block = cipher.block();
    if data.is_empty() {
        return Err(CryptoError::text("pkcs12: empty encrypted data"));
    }
    let padding_error = CryptoError::text("pkcs12: decryption error, incorrect padding");
    let Some(mut plain) = cipher.decrypt(data) else {
        return Err(CryptoError::text(
            "pkcs12: input is not a multiple of the block size",
        ));
    };
    let padding = plain.last().map_or(0, |&last| usize::from(last));
    let Some(kept) = plain
        .len()
        .checked_sub(padding)
        .filter(|_| (1..=block).contains(&padding))
    else {
        return Err(padding_error);
    };
    if plain.iter().skip(kept).any(|&byte| usize::from(byte) != padding) {
        return Err(padding_error);
    }
    plain.truncate(kept);
    Ok(plain)
}

/// AES-256-CBC under PBKDF2 with HMAC-SHA-256: the `AlgorithmIdentifier` and the encrypted bytes.
///
/// # Errors
/// None that can be caused from outside.
pub(super) fn encrypt(
    plain: &[u8],
    password: &[u8],
    rounds: u32,
    salt: &[u8],
    vector: &[u8; 16],
) -> Result<(der::Der, Vec<u8>), CryptoError> {
    let hash = der::sequence(&[&der::oid(oids::HMAC_SHA256), &der::null()]);
    let kdf = der::sequence(&[&der::octets(salt), &der::small(rounds), &hash]);
    let kdf = der::sequence(&[&der::oid(oids::PBKDF2), &kdf]);
    let scheme = der::sequence(&[&der::oid(oids::AES_256_CBC), &der::octets(vector)]);
    let algorithm = der::sequence(&[&der::oid(oids::PBES2), &der::sequence(&[&kdf, &scheme])]);
    let mut key = Zeroizing::new([0_u8; 32]);
    pbkdf2::derive(
        pbkdf2::PBKDF2_HMAC_SHA256,
        iterations(rounds.into())?,
        salt,
        &utf8(password),
        key.as_mut_slice(),
    );
    let failed = || CryptoError::text("pkcs12: encryption failed");
    let cipher =
        cbc::Encryptor::<aes::Aes256>::new_from_slices(key.as_slice(), vector).map_err(|_| failed())?;
    Ok((
        algorithm,
        cipher.encrypt_padded_vec::<aes::cipher::block_padding::Pkcs7>(plain),
    ))
}

/// The MAC that `algorithm` asks for over `message`.
///
/// # Errors
/// `pkcs12: …` in Go's words.
pub(super) fn mac(
    algorithm: &Value<'_>,
    salt: &[u8],
    rounds: i64,
    message: &[u8],
    password: &[u8],
) -> Result<hmac::Tag, CryptoError> {
    let (hash, mac, size) = match algorithm.at(0).bytes() {
        oids::PBMAC1 => return pbmac1(algorithm.at(1).full(), message, &utf8(password)),
        oids::SHA1 => (
            &digest::SHA1_FOR_LEGACY_USE_ONLY,
            hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY,
            20,
        ),
        oids::SHA256 => (&digest::SHA256, hmac::HMAC_SHA256, 32),
        oids::SHA512 => (&digest::SHA512, hmac::HMAC_SHA512, 64),
        other => {
            return Err(CryptoError::format(format!(
                "pkcs12: MAC digest algorithm not supported: {}",
                der::oid_text(other)
            )));
        }
    };
    let key = derive(hash, salt, password, iterations(rounds)?, 3, size);
    Ok(hmac::sign(&hmac::Key::new(mac, &key), message))
}

fn pbmac1(parameters: &[u8], message: &[u8], password: &[u8]) -> Result<hmac::Tag, CryptoError> {
    let parameters = decode(parameters, &PBMAC1_PARAMETERS)
        .map_err(|error| error.after("error decoding PBMAC1 parameters: "))?;
    let (kdf, mac) = (parameters.at(0), parameters.at(1).at(0).bytes());
    if kdf.at(0).bytes() != oids::PBKDF2 {
        return Err(CryptoError::format(format!(
            "pkcs12: PBMAC1 KDF algorithm {} is not supported",
            der::oid_text(kdf.at(0).bytes())
        )));
    }
    let kdf = pbkdf2_parameters(
        kdf.at(1).full(),
        "pkcs12: only octet string salts are supported for PBMAC1/PBKDF2",
        "PBMAC1 PRF",
    )?;
    let mac = match mac {
        oids::HMAC_SHA1 => hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY,
        oids::HMAC_SHA256 => hmac::HMAC_SHA256,
        oids::HMAC_SHA512 => hmac::HMAC_SHA512,
        other => {
            return Err(CryptoError::format(format!(
                "pkcs12: PBMAC1 MAC algorithm {} is not supported",
                der::oid_text(other)
            )));
        }
    };
    let length = match kdf.length {
        ..=0 => {
            return Err(CryptoError::text(
                "pkcs12: PBMAC1 requires explicit KeyLength parameter in PBKDF2 parameters",
            ));
        }
        short @ ..20 => {
            return Err(CryptoError::format(format!(
                "pkcs12: PBMAC1 key length {short} is too short to be secure (minimum 20 octets)"
            )));
        }
        fitting @ ..=64 => usize::try_from(fitting).unwrap_or_default(),
        long => {
            return Err(CryptoError::format(format!(
                "pkcs12: PBMAC1 key length {long} is too large (maximum 64 octets)"
            )));
        }
    };
    let mut key = Zeroizing::new(vec![0; length]);
    pbkdf2::derive(kdf.hash, kdf.rounds, kdf.salt, password, &mut key);
    Ok(hmac::sign(&hmac::Key::new(mac, &key), message))
}

static PBMAC1_PARAMETERS: Shape =
    Shape::Struct("pbmac1Params", &[Field::new(&ALGORITHM), Field::new(&ALGORITHM)]);
