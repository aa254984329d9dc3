//! Key pairs for SSH, made by aws-lc and written in OpenSSH's formats.
//!
//! The formats are own code: the stable release of the `ssh-key` crate brings a second generation of hash and cipher
//! crates, and the next one is not released yet.

mod openssh;
mod pkcs1;

use aws_lc_rs::{
    encoding::{AsBigEndian, AsDer, Curve25519SeedBin, EcPrivateKeyBin, Pkcs8V1Der},
    rsa::{self, KeySize},
    signature::{
        ECDSA_P256_SHA256_ASN1_SIGNING, ECDSA_P384_SHA384_ASN1_SIGNING, ECDSA_P521_SHA512_ASN1_SIGNING,
        EcdsaKeyPair, Ed25519KeyPair, KeyPair as _,
    },
};
use zeroize::Zeroizing;

use self::openssh::Pair;
use super::{Values, refusal::Refusal};
use crate::{
    api::generator::{SshKeySpec, SshKeyType},
    secret_bytes::SecretBytes,
};

/// A new key pair. An RSA key of 8192 bits takes seconds of work: not for a thread that others wait for.
pub(super) fn generate(spec: &SshKeySpec) -> Result<Values, Refusal> {
    let comment = spec.comment.as_deref().unwrap_or_default();
    if comment.chars().any(char::is_control) {
        return Err(Refusal::invalid(
            "comment holds a line break or another control character, which would end the public key's line",
        ));
    }
    let pair = match spec.key_type.unwrap_or_default() {
        SshKeyType::Rsa => rsa(spec.key_size)?,
        SshKeyType::Ecdsa => ecdsa(spec.key_size)?,
        SshKeyType::Ed25519 => ed25519()?,
    };
    let private = openssh::private_key(&pair, comment).ok_or_else(no_key)?;
    Ok(Values::from([
        ("privateKey".to_owned(), private),
        (
            "publicKey".to_owned(),
            SecretBytes::from(openssh::public_key(&pair, comment)),
        ),
    ]))
}

fn no_key() -> Refusal {
    Refusal::passing("no key could be made")
}

fn rsa(bits: Option<i64>) -> Result<Pair, Refusal> {
    let size = match bits.unwrap_or(2048) {
        2048 => KeySize::Rsa2048,
        3072 => KeySize::Rsa3072,
        4096 => KeySize::Rsa4096,
        8192 => KeySize::Rsa8192,
        other => {
            return Err(Refusal::invalid(format!(
                "keySize {other} is not one of RSA; use 2048, 3072, 4096 or 8192"
            )));
        }
    };
    let key = rsa::KeyPair::generate(size).map_err(|_| no_key())?;
    let pkcs8: Pkcs8V1Der<'_> = key.as_der().map_err(|_| no_key())?;
    let numbers = pkcs1::numbers(pkcs8.as_ref()).ok_or_else(no_key)?;
    Ok(Pair::Rsa(numbers))
}

/// An unknown size is P-256, as ESO has it.
fn ecdsa(bits: Option<i64>) -> Result<Pair, Refusal> {
    let (curve, algorithm) = match bits {
        Some(384) => ("nistp384", &ECDSA_P384_SHA384_ASN1_SIGNING),
        Some(521) => ("nistp521", &ECDSA_P521_SHA512_ASN1_SIGNING),
        _ => ("nistp256", &ECDSA_P256_SHA256_ASN1_SIGNING),
    };
    let key = EcdsaKeyPair::generate(algorithm).map_err(|_| no_key())?;
    let scalar: EcPrivateKeyBin<'_> = key.private_key().as_be_bytes().map_err(|_| no_key())?;
    Ok(Pair::Ecdsa {
        curve,
        point: key.public_key().as_ref().to_vec(),
        scalar: Zeroizing::new(scalar.as_ref().to_vec()),
    })
}

fn ed25519() -> Result<Pair, Refusal> {
    let key = Ed25519KeyPair::generate().map_err(|_| no_key())?;
    let seed = key.seed().map_err(|_| no_key())?;
    let seed: Curve25519SeedBin<'_> = seed.as_be_bytes().map_err(|_| no_key())?;
    Ok(Pair::Ed25519 {
        public: key.public_key().as_ref().to_vec(),
        seed: Zeroizing::new(seed.as_ref().to_vec()),
    })
}

#[cfg(test)]
mod tests;
