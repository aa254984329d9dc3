//! ESO's functions on PKCS#12 files: keys and certificates out of them, and files out of PEM text.

mod archive;
mod oids;
mod pbe;
mod writer;

use data_encoding::BASE64;
use zeroize::Zeroizing;

use super::crypto::error::{CryptoError, NIL_DEREFERENCE};
use super::pem;
use super::x509::certificate::Certificate;
use super::x509::chain;
use super::x509::private_key::PrivateKey;
use crate::template::{Args, Context, FuncError, Function, Type, Value};
use archive::Archive;
use writer::{SALT_BYTES, Salts};

const CERTIFICATE: &[u8] = b"CERTIFICATE";
const ONE: &[Type] = &[Type::String];
const TWO: &[Type] = &[Type::String, Type::String];
const THREE: &[Type] = &[Type::String, Type::String, Type::String];

/// The functions of this family.
pub(super) const TABLE: &[Function] = &[
    Function::fixed("pkcs12key", ONE, Type::String, |context, args| {
        key(context, b"", args.bytes(0))
    }),
    Function::fixed("pkcs12keyPass", TWO, Type::String, |context, args| {
        key(context, args.bytes(0), args.bytes(1))
    }),
    Function::fixed("pkcs12cert", ONE, Type::String, |context, args| {
        certificates(context, b"", args.bytes(0))
    }),
    Function::fixed("pkcs12certPass", TWO, Type::String, |context, args| {
        certificates(context, args.bytes(0), args.bytes(1))
    }),
    Function::fixed("pemToPkcs12", TWO, Type::String, |context, args| {
        key_store(context, args, Above::Dropped)
    })
    .drawing_random(),
    Function::fixed("pemToPkcs12Pass", THREE, Type::String, |context, args| {
        key_store(context, args, Above::Dropped)
    })
    .drawing_random(),
    Function::fixed("fullPemToPkcs12", TWO, Type::String, |context, args| {
        key_store(context, args, Above::Kept)
    })
    .drawing_random(),
    Function::fixed("fullPemToPkcs12Pass", THREE, Type::String, |context, args| {
        key_store(context, args, Above::Kept)
    })
    .drawing_random(),
    Function::fixed("pemTruststoreToPKCS12", ONE, Type::String, trust_store).drawing_random(),
    Function::fixed("pemTruststoreToPKCS12Pass", TWO, Type::String, trust_store).drawing_random(),
];

fn key(context: &mut Context<'_>, password: &[u8], file: &[u8]) -> Result<Value, FuncError> {
    context.check_deadline()?;
    context.charge_bytes(file.len())?;
    let archive = Archive::read(file, password)
        .map_err(|error| error.after("unable to decode pkcs12 with password: "))?;
    Ok(Value::string(pem::encode(
        b"PRIVATE KEY",
        &archive.key.to_pkcs8()?,
    )))
}

fn certificates(context: &mut Context<'_>, password: &[u8], file: &[u8]) -> Result<Value, FuncError> {
    context.check_deadline()?;
    context.charge_bytes(file.len().saturating_mul(2))?;
    let archive = Archive::read(file, password)
        .map_err(|error| error.after("unable to decode pkcs12 certificate with password: "))?;
    // Without a single chain the certificates stay in the order of the file.
    let unordered: Zeroizing<Vec<u8>> = Zeroizing::new(
        archive
            .certificates
            .iter()
            .flat_map(|certificate| pem::encode(CERTIFICATE, &certificate.raw).to_vec())
            .collect(),
    );
    Ok(Value::string(
        chain::read(&unordered).map_or(unordered, |ordered| chain::to_pem(&ordered)),
    ))
}

/// What becomes of the certificates after the first.
#[derive(Clone, Copy, PartialEq)]
enum Above {
    Kept,
    Dropped,
}

/// Arguments: certificates, key, and the password if the function takes one.
fn key_store(context: &mut Context<'_>, args: Args<'_>, above: Above) -> Result<Value, FuncError> {
    context.check_deadline()?;
    context.charge_bytes(args.bytes(0).len().saturating_mul(2))?;
    let salts = salts(context)?;
    Ok(key_store_file(
        args.bytes(0),
        args.bytes(1),
        args.bytes(2),
        above,
        &salts,
    )?)
}

fn key_store_file(
    certificates: &[u8],
    key: &[u8],
    password: &[u8],
    above: Above,
    salts: &Salts,
) -> Result<Value, CryptoError> {
    let (leaf, rest) = pem::decode(certificates);
    let leaf = Certificate::parse(&leaf.ok_or(NIL_DEREFERENCE)?.bytes)?;
    let above = if above == Above::Kept {
        every_certificate(rest)?
    } else {
        Vec::new()
    };
    let (key, _) = pem::decode(key);
    let key = PrivateKey::parse_any(&key.ok_or(NIL_DEREFERENCE)?.bytes)?;
    let file = writer::key_store(&key, &leaf, &above, password, salts)?;
    Ok(Value::string(BASE64.encode(&file)))
}

/// Arguments: certificates, and the password if the function takes one.
fn trust_store(context: &mut Context<'_>, args: Args<'_>) -> Result<Value, FuncError> {
    context.check_deadline()?;
    context.charge_bytes(args.bytes(0).len().saturating_mul(2))?;
    let certificates = every_certificate(args.bytes(0))?;
    let file = writer::trust_store(&certificates, args.bytes(1), &salts(context)?)?;
    Ok(Value::string(BASE64.encode(&file)))
}

fn salts(context: &mut Context<'_>) -> Result<Salts, FuncError> {
    let mut random = [0; SALT_BYTES];
    context.fill_random(&mut random)?;
    Ok(Salts::cut(&random))
}

/// The certificates of a PEM text that holds nothing else.
///
/// # Errors
/// Anything but certificates and their line ends, in Go's words.
fn every_certificate(mut text: &[u8]) -> Result<Vec<Certificate>, CryptoError> {
    let mut certificates = Vec::new();
    while !text.is_empty() {
        let (block, rest) = pem::decode(text);
        text = rest;
        certificates.push(Certificate::parse(&block.ok_or(NIL_DEREFERENCE)?.bytes)?);
    }
    Ok(certificates)
}
