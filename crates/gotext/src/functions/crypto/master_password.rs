//! `derivePassword`: the Master Password algorithm, version 1, with sprig's tables.

use aws_lc_rs::hmac;
use zeroize::Zeroizing;

use super::error::CryptoError;

const SCOPE: &[u8] = b"com.lyndir.masterpassword";

/// The shapes of passwords of one kind; a letter names a class of characters.
pub(super) type Templates = &'static [&'static str];

const LONG: Templates = &[
    "CvcvnoCvcvCvcv",
    "CvcvCvcvnoCvcv",
    "CvcvCvcvCvcvno",
    "CvccnoCvcvCvcv",
    "CvccCvcvnoCvcv",
    "CvccCvcvCvcvno",
    "CvcvnoCvccCvcv",
    "CvcvCvccnoCvcv",
    "CvcvCvccCvcvno",
    "CvcvnoCvcvCvcc",
    "CvcvCvcvnoCvcc",
    "CvcvCvcvCvccno",
    "CvccnoCvccCvcv",
    "CvccCvccnoCvcv",
    "CvccCvccCvcvno",
    "CvcvnoCvccCvcc",
    "CvcvCvccnoCvcc",
    "CvcvCvccCvccno",
    "CvccnoCvcvCvcc",
    "CvccCvcvnoCvcc",
    "CvccCvcvCvccno",
];

/// The shapes of a kind of password, if there is such a kind.
pub(super) fn templates(kind: &[u8]) -> Option<Templates> {
    Some(match kind {
        b"maximum" => &["anoxxxxxxxxxxxxxxxxx", "axxxxxxxxxxxxxxxxxno"],
        b"long" => LONG,
        b"medium" => &["CvcnoCvc", "CvcCvcno"],
        b"short" => &["Cvcn"],
        b"basic" => &["aaanaaan", "aannaaan", "aaannaaa"],
        b"pin" => &["nnnn"],
        _ => return None,
    })
}

const fn characters(class: u8) -> &'static [u8] {
    match class {
        b'V' => b"AEIOU",
        b'C' => b"BCDFGHJKLMNPQRSTVWXYZ",
        b'v' => b"aeiou",
        b'c' => b"bcdfghjklmnpqrstvwxyz",
        b'A' => b"AEIOUBCDFGHJKLMNPQRSTVWXYZ",
        b'a' => b"AEIOUaeiouBCDFGHJKLMNPQRSTVWXYZbcdfghjklmnpqrstvwxyz",
        b'n' => b"0123456789",
        b'o' => b"@&%?,=[]_:-+*$#!'^~;()/.",
        _ => b"AEIOUaeiouBCDFGHJKLMNPQRSTVWXYZbcdfghjklmnpqrstvwxyz0123456789!@#$%^&*()",
    }
}

/// Length of a text as four bytes; Go lets longer ones overflow.
#[expect(clippy::cast_possible_truncation, reason = "Go converts the length to uint32")]
const fn length(text: &[u8]) -> [u8; 4] {
    (text.len() as u32).to_be_bytes()
}

/// # Errors
/// scrypt refuses its parameters, which are fixed.
pub(super) fn derive(
    counter: u32,
    templates: Templates,
    password: &[u8],
    user: &[u8],
    site: &[u8],
) -> Result<Vec<u8>, CryptoError> {
    let failed = |_| CryptoError::text("failed to derive password");
    let salt = [SCOPE, &length(user), user].concat();
    // N = 32768, r = 8, p = 2.
    let parameters =
        scrypt::Params::new(15, 8, 2).map_err(|_| CryptoError::text("failed to derive password"))?;
    let mut key = Zeroizing::new([0; 64]);
    scrypt::scrypt(password, &salt, &parameters, key.as_mut_slice()).map_err(failed)?;
    let message = [SCOPE, &length(site), site, &counter.to_be_bytes()].concat();
    let seed = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, key.as_slice()), &message);
    let mut seed = seed.as_ref().iter().map(|&byte| usize::from(byte));
    let mut pick = |count: usize| seed.next().unwrap_or_default() % count;
    let template = templates.get(pick(templates.len())).copied().unwrap_or_default();
    Ok(template
        .bytes()
        .filter_map(|class| {
            let characters = characters(class);
            characters.get(pick(characters.len())).copied()
        })
        .collect())
}
