//! Passwords, keys and ciphers of sprig and ESO: `bcrypt`, `htpasswd`, `derivePassword`, `genPrivateKey`, the
//! certificate makers, `encryptAES`, `decryptAES`, `rsaDecrypt`.

mod aes_cbc;
mod certificate;
pub(super) mod error;
mod master_password;

use aws_lc_rs::rsa::{
    KeySize, OAEP_SHA1_MGF1SHA1, OAEP_SHA256_MGF1SHA256, OAEP_SHA512_MGF1SHA512, OaepAlgorithm,
    OaepPrivateDecryptingKey, PrivateDecryptingKey,
};
use data_encoding::BASE64;
use zeroize::Zeroizing;

use super::pem;
use super::x509::ec_key::{Curve, EcKey};
use super::x509::private_key::PrivateKey;
use super::x509::rsa_key::RsaKey;
use crate::template::{Args, Context, FuncError, Function, Text, Type, UintKind, Value};
use error::CryptoError;

const TWO: &[Type] = &[Type::String, Type::String];
const THREE: &[Type] = &[Type::String, Type::String, Type::String];
const LIST: Type = Type::ANY_LIST;

/// The functions of this family.
pub(super) const TABLE: &[Function] = &[
    Function::fixed("bcrypt", &[Type::String], Type::String, |context, args| {
        bcrypt_text(context, args.bytes(0)).map(Value::String)
    })
    .drawing_random(),
    Function::fixed("htpasswd", THREE, Type::String, htpasswd).drawing_random(),
    Function::fixed(
        "derivePassword",
        &[
            Type::Uint(UintKind::Uint32),
            Type::String,
            Type::String,
            Type::String,
            Type::String,
        ],
        Type::String,
        derive_password,
    ),
    Function::fixed("genPrivateKey", &[Type::String], Type::String, generate_key).drawing_random(),
    Function::fixed("buildCustomCert", TWO, certificate::TYPE, certificate::custom),
    Function::fixed(
        "genCA",
        &[Type::String, Type::INT],
        certificate::TYPE,
        certificate::authority,
    )
    .drawing_random()
    .reading_clock(),
    Function::fixed(
        "genCAWithKey",
        &[Type::String, Type::INT, Type::String],
        certificate::TYPE,
        certificate::authority,
    )
    .drawing_random()
    .reading_clock(),
    Function::fixed(
        "genSelfSignedCert",
        &[Type::String, LIST, LIST, Type::INT],
        certificate::TYPE,
        certificate::self_signed,
    )
    .drawing_random()
    .reading_clock(),
    Function::fixed(
        "genSelfSignedCertWithKey",
        &[Type::String, LIST, LIST, Type::INT, Type::String],
        certificate::TYPE,
        certificate::self_signed,
    )
    .drawing_random()
    .reading_clock(),
    Function::fixed(
        "genSignedCert",
        &[Type::String, LIST, LIST, Type::INT, certificate::TYPE],
        certificate::TYPE,
        certificate::signed,
    )
    .drawing_random()
    .reading_clock(),
    Function::fixed(
        "genSignedCertWithKey",
        &[
            Type::String,
            LIST,
            LIST,
            Type::INT,
            certificate::TYPE,
            Type::String,
        ],
        certificate::TYPE,
        certificate::signed,
    )
    .drawing_random()
    .reading_clock(),
    Function::fixed("encryptAES", TWO, Type::String, aes_cbc::encrypt).drawing_random(),
    Function::fixed("decryptAES", TWO, Type::String, aes_cbc::decrypt),
    Function::fixed(
        "rsaDecrypt",
        &[Type::String, Type::String, Type::String, Type::String],
        Type::String,
        rsa_decrypt,
    ),
];

/// Steps charged for one bcrypt hash, so that a template cannot ask for thousands.
const BCRYPT_STEPS: u64 = 50_000;
/// Steps charged for one scrypt derivation.
const SCRYPT_STEPS: u64 = 100_000;
/// Steps charged for one RSA key; the search for primes takes up to seconds.
const RSA_KEY_STEPS: u64 = 500_000;
/// The work factor that sprig uses; it is not an argument.
const BCRYPT_COST: u32 = 10;

/// Charges for work that is long on little input.
fn charge(context: &mut Context<'_>, steps: u64) -> Result<(), FuncError> {
    context.charge(steps)?;
    Ok(context.check_deadline()?)
}

/// As in sprig, the text of an error is the value.
fn bcrypt_text(context: &mut Context<'_>, password: &[u8]) -> Result<Text, FuncError> {
    if password.len() > 72 {
        return Ok("failed to encrypt string with bcrypt: bcrypt: password length exceeds 72 bytes".into());
    }
    charge(context, BCRYPT_STEPS)?;
    let mut salt = [0; 16];
    context.fill_random(&mut salt)?;
    let hash = ::bcrypt::hash_with_salt(password, BCRYPT_COST, salt);
    let hash = hash.map_err(|error| FuncError::new(error.to_string()))?;
    Ok(hash.format_for_version(::bcrypt::Version::TwoA).into())
}

fn htpasswd(context: &mut Context<'_>, args: Args<'_>) -> Result<Value, FuncError> {
    let (user, password) = (args.bytes(0), args.bytes(1));
    context.charge_bytes(user.len() + 80)?;
    if user.contains(&b':') {
        return Ok(Value::string([b"invalid username: ", user].concat()));
    }
    let hash: Text = if args.bytes(2) == b"sha" {
        let sum = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA1_FOR_LEGACY_USE_ONLY, password);
        format!("{{SHA}}{}", BASE64.encode(sum.as_ref())).into()
    } else {
        bcrypt_text(context, password)?
    };
    Ok(Value::string([user, b":", &hash].concat()))
}

fn derive_password(context: &mut Context<'_>, args: Args<'_>) -> Result<Value, FuncError> {
    let Some(templates) = master_password::templates(args.bytes(1)) else {
        return Ok(Value::string(
            [b"cannot find password template ", args.bytes(1)].concat(),
        ));
    };
    charge(context, SCRYPT_STEPS)?;
    let counter = u32::try_from(args.uint(0)).unwrap_or(u32::MAX);
    let derived = master_password::derive(counter, templates, args.bytes(2), args.bytes(3), args.bytes(4))?;
    Ok(Value::string(derived))
}

/// An RSA key of the two sizes that sprig makes.
fn rsa_key(context: &mut Context<'_>, size: KeySize) -> Result<PrivateKey, FuncError> {
    charge(context, RSA_KEY_STEPS)?;
    Ok(PrivateKey::Rsa(RsaKey::generate(size)?))
}

fn generate_key(context: &mut Context<'_>, args: Args<'_>) -> Result<Value, FuncError> {
    let key = match args.bytes(0) {
        b"" | b"rsa" => rsa_key(context, KeySize::Rsa4096)?,
        b"ecdsa" => ec_key(context)?,
        b"ed25519" => {
            let seed = context.random_bytes(32)?;
            PrivateKey::ed25519(&seed)?
        }
        // DSA is out of use since FIPS 186-5, and its parameters take seconds to find.
        b"dsa" => return Err(FuncError::new("DSA keys are not generated")),
        other => return Ok(Value::string([b"Unknown type ", other].concat())),
    };
    Ok(Value::string(key.to_pem()?))
}

/// A key on P-256. A draw that is no scalar of the curve, one in 2^32, is repeated.
fn ec_key(context: &mut Context<'_>) -> Result<PrivateKey, FuncError> {
    for _ in 0..8 {
        let scalar = context.random_bytes(Curve::P256.size())?;
        if let Ok(key) = EcKey::from_scalar(Curve::P256, &scalar) {
            return Ok(PrivateKey::Ec(key));
        }
    }
    Err(FuncError::new("no randomness available"))
}

/// Arguments: scheme, hash, encrypted bytes, private key.
fn rsa_decrypt(context: &mut Context<'_>, args: Args<'_>) -> Result<Value, FuncError> {
    match args.bytes(0) {
        b"None" => Ok(Value::String(args.text(2))),
        b"RSA-OAEP" => {
            charge(context, 1000)?;
            let hash = match args.bytes(1) {
                b"SHA1" => &OAEP_SHA1_MGF1SHA1,
                b"SHA512" => &OAEP_SHA512_MGF1SHA512,
                _ => &OAEP_SHA256_MGF1SHA256,
            };
            Ok(Value::string(oaep_decrypt(hash, args.bytes(2), args.bytes(3))?))
        }
        other => {
            let words = [b"decryption scheme ", other, b" is not supported"].concat();
            Err(FuncError::new(words))
        }
    }
}

fn oaep_decrypt(
    algorithm: &'static OaepAlgorithm,
    encrypted: &[u8],
    key: &[u8],
) -> Result<Zeroizing<Vec<u8>>, CryptoError> {
    let (Some(block), _) = pem::decode(key) else {
        return Err(CryptoError::text("failed to decode PEM block"));
    };
    let key =
        PrivateKey::parse_any(&block.bytes).map_err(|error| error.after("could not parse private key: "))?;
    let PrivateKey::Rsa(rsa) = &key else {
        return Err(CryptoError::text("could not parse RSA private key"));
    };
    if !(2048..=8192).contains(&rsa.bits()) {
        return Err(CryptoError::format(format!(
            "error decrypting data with RSA: crypto/rsa: {}-bit keys cannot decrypt (2048 to 8192 bits can)",
            rsa.bits()
        )));
    }
    let failed = || CryptoError::text("error decrypting data with RSA: crypto/rsa: decryption error");
    let private = PrivateDecryptingKey::from_pkcs8(&key.to_pkcs8()?).map_err(|_| failed())?;
    let private = OaepPrivateDecryptingKey::new(private).map_err(|_| failed())?;
    let mut plain = Zeroizing::new(vec![0; private.min_output_size()]);
    let length = private
        .decrypt(algorithm, encrypted, &mut plain, None)
        .map_err(|_| failed())?
        .len();
    plain.truncate(length);
    Ok(plain)
}
