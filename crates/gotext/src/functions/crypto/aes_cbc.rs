//! `encryptAES` and `decryptAES`: AES-256-CBC under a password that is used as the key itself, as sprig does it.

use aes::Aes256;
use aes::cipher::block_padding::{NoPadding, Pkcs7};
use aes::cipher::{BlockModeDecrypt, BlockModeEncrypt, KeyIvInit};
use data_encoding::BASE64;
use zeroize::Zeroizing;

use super::super::encoding;
use super::error::CryptoError;
use crate::template::{Args, Context, FuncError, Value};

const BLOCK: usize = 16;

/// The first 32 bytes of the password, filled up with zeros.
fn key(password: &[u8]) -> Zeroizing<[u8; 32]> {
    let mut key = Zeroizing::new([0; 32]);
    for (slot, byte) in key.iter_mut().zip(password) {
        *slot = *byte;
    }
    key
}

fn failed() -> CryptoError {
    CryptoError::text("AES failed")
}

/// Arguments: password, plain text. The result is base64 of the initialisation vector and the blocks.
pub(super) fn encrypt(context: &mut Context<'_>, args: Args<'_>) -> Result<Value, FuncError> {
    let (password, plain) = (args.bytes(0), args.bytes(1));
    if plain.is_empty() {
        return Ok(Value::EMPTY);
    }
    context.charge_bytes(plain.len().saturating_mul(2))?;
    let vector = context.random_bytes(BLOCK)?;
    let cipher =
        cbc::Encryptor::<Aes256>::new_from_slices(key(password).as_slice(), &vector).map_err(|_| failed())?;
    let encrypted = cipher.encrypt_padded_vec::<Pkcs7>(plain);
    Ok(Value::string(
        BASE64.encode(&[vector.as_slice(), &encrypted].concat()),
    ))
}

/// Arguments: password, the result of [`encrypt`]. Whatever the last byte says is taken off the end: a wrong password
/// gives garbage or an error, as in sprig.
pub(super) fn decrypt(context: &mut Context<'_>, args: Args<'_>) -> Result<Value, FuncError> {
    let (password, text) = (args.bytes(0), args.bytes(1));
    if text.is_empty() {
        return Ok(Value::EMPTY);
    }
    context.charge_bytes(text.len())?;
    let data = encoding::base64(text).map_err(FuncError::new)?;
    let Some((vector, encrypted)) = data.split_at_checked(BLOCK) else {
        let capacity = text.len() / 4 * 3;
        let words = if capacity >= BLOCK {
            // Go decodes into a larger buffer and only looks at its capacity here.
            format!(
                "runtime error: slice bounds out of range [{BLOCK}:{}]",
                data.len()
            )
        } else {
            format!("runtime error: slice bounds out of range [:{BLOCK}] with capacity {capacity}")
        };
        return Err(FuncError::new(words));
    };
    if !encrypted.len().is_multiple_of(BLOCK) {
        return Err(FuncError::new("crypto/cipher: input not full blocks"));
    }
    let mut plain = Zeroizing::new(encrypted.to_vec());
    let cipher =
        cbc::Decryptor::<Aes256>::new_from_slices(key(password).as_slice(), vector).map_err(|_| failed())?;
    cipher
        .decrypt_padded::<NoPadding>(&mut plain)
        .map_err(|_| failed())?;
    let Some(&last) = plain.last() else {
        return Err(FuncError::new("runtime error: index out of range [-1]"));
    };
    let kept = plain.len().checked_sub(last.into());
    let Some(kept) = kept else {
        let end = i64::try_from(plain.len()).unwrap_or_default() - i64::from(last);
        return Err(FuncError::new(format!(
            "runtime error: slice bounds out of range [:{end}]"
        )));
    };
    plain.truncate(kept);
    Ok(Value::string(plain))
}
