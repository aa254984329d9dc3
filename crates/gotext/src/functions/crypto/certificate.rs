//! sprig's makers of certificates: authorities, self-signed ones, and ones signed by an authority.

use std::any::Any;
use std::net::IpAddr;

use aws_lc_rs::rsa::KeySize;

use super::super::x509::certificate::Certificate;
use super::super::x509::issue::{Issuer, Request, issue};
use super::super::x509::private_key::PrivateKey;
use super::super::{encoding, pem};
use super::error::CryptoError;
use super::rsa_key;
use crate::template::{Args, Context, FuncError, List, Object, Text, Type, Value};

pub(super) const TYPE: Type = Type::Object(NAME);
const NAME: &str = "sprig.certificate";

/// sprig's `certificate`: PEM texts of a certificate and of its private key.
struct Pair {
    certificate: Text,
    key: Text,
}

impl Object for Pair {
    fn type_name(&self) -> &'static str {
        NAME
    }

    fn fields(&self) -> Vec<(&'static str, Value)> {
        vec![
            ("Cert", Value::String(self.certificate.clone())),
            ("Key", Value::String(self.key.clone())),
        ]
    }

    fn equals(&self, other: &dyn Object) -> bool {
        other
            .as_any()
            .downcast_ref::<Self>()
            .is_some_and(|other| self.certificate == other.certificate && self.key == other.key)
    }

    fn as_any(&self) -> &dyn Any {
        self
    }
}

/// `buildCustomCert`: arguments are certificate and key, base64 of PEM texts.
pub(super) fn custom(context: &mut Context<'_>, args: Args<'_>) -> Result<Value, FuncError> {
    context.charge_bytes(args.bytes(0).len().saturating_add(args.bytes(1).len()))?;
    Ok(Value::object(checked(args.bytes(0), args.bytes(1))?))
}

fn checked(certificate: &[u8], key: &[u8]) -> Result<Pair, CryptoError> {
    let certificate = encoding::base64(certificate)
        .map_err(|_| CryptoError::text("unable to decode base64 certificate"))?;
    let key = encoding::base64(key)
        .map(Text::from)
        .map_err(|_| CryptoError::text("unable to decode base64 private key"))?;
    let (block, _) = pem::decode(&certificate);
    let block = block.ok_or(CryptoError::text("unable to decode certificate"))?;
    Certificate::parse(&block.bytes)
        .map_err(|error| error.after("error parsing certificate: decodedCert.Bytes: "))?;
    PrivateKey::parse_pem(&key).map_err(|error| error.after("error parsing private key: "))?;
    Ok(Pair {
        certificate: certificate.into(),
        key,
    })
}

/// `genCA`, `genCAWithKey`: arguments are common name, days, and the key if the function takes one.
pub(super) fn authority(context: &mut Context<'_>, args: Args<'_>) -> Result<Value, FuncError> {
    let key = key(context, args, 2)?;
    let names = Names::default();
    let request = request(context, args.bytes(0), &names, args.int(1), true)?;
    make(&request, &key, &Issuer::Itself)
}

/// `genSelfSignedCert`, `genSelfSignedCertWithKey`: common name, addresses, DNS names, days, and the key if any.
pub(super) fn self_signed(context: &mut Context<'_>, args: Args<'_>) -> Result<Value, FuncError> {
    let key = key(context, args, 4)?;
    let names = Names::read(context, &args.list(1), &args.list(2))?;
    let request = request(context, args.bytes(0), &names, args.int(3), false)?;
    make(&request, &key, &Issuer::Itself)
}

/// `genSignedCert`, `genSignedCertWithKey`: as [`self_signed`] with the authority before the key.
pub(super) fn signed(context: &mut Context<'_>, args: Args<'_>) -> Result<Value, FuncError> {
    let key = key(context, args, 5)?;
    let (signer, signer_key) = match args.object::<Pair>(4) {
        Some(authority) => signer(authority)?,
        None => return Err(FuncError::new("unable to decode certificate")),
    };
    let names = Names::read(context, &args.list(1), &args.list(2))?;
    let request = request(context, args.bytes(0), &names, args.int(3), false)?;
    make(&request, &key, &Issuer::Other(&signer, &signer_key))
}

fn signer(authority: &Pair) -> Result<(Certificate, PrivateKey), CryptoError> {
    let (block, _) = pem::decode(&authority.certificate);
    let block = block.ok_or(CryptoError::text("unable to decode certificate"))?;
    let certificate = Certificate::parse(&block.bytes)
        .map_err(|error| error.after("error parsing certificate: decodedSignerCert.Bytes: "))?;
    let key =
        PrivateKey::parse_pem(&authority.key).map_err(|error| error.after("error parsing private key: "))?;
    Ok((certificate, key))
}

/// The key given as argument `at`, or a new one where the function has no such argument.
fn key(context: &mut Context<'_>, args: Args<'_>, at: usize) -> Result<PrivateKey, FuncError> {
    if args.len() <= at {
        return rsa_key(context, KeySize::Rsa2048);
    }
    context.charge_bytes(args.bytes(at).len())?;
    Ok(PrivateKey::parse_pem(args.bytes(at)).map_err(|error| error.after("parsing private key: "))?)
}

/// The alternative names of a certificate.
#[derive(Default)]
struct Names {
    addresses: Vec<IpAddr>,
    dns: Vec<Text>,
}

impl Names {
    fn read(context: &mut Context<'_>, addresses: &List, dns: &List) -> Result<Self, FuncError> {
        let addresses = addresses
            .iter()
            .map(|value| address(context, value))
            .collect::<Result<_, _>>()?;
        let dns = dns.iter().map(|name| match name {
            Value::String(name) => Ok(name.clone()),
            other => Err(not_a_string(
                context,
                "error processing alternate dns name: ",
                other,
            )),
        });
        Ok(Self {
            addresses,
            dns: dns.collect::<Result<_, _>>()?,
        })
    }
}

fn address(context: &mut Context<'_>, value: &Value) -> Result<IpAddr, FuncError> {
    let Value::String(text) = value else {
        return Err(not_a_string(context, "error parsing ip: ", value));
    };
    text.as_utf8()
        .and_then(|text| text.parse().ok())
        .ok_or_else(|| FuncError::new([b"error parsing ip: ", text.as_bytes()].concat()))
}

fn not_a_string(context: &mut Context<'_>, words: &str, value: &Value) -> FuncError {
    match super::super::text::sprint(context, value) {
        Ok(printed) => FuncError::new([words.as_bytes(), &printed, b" is not a string"].concat()),
        Err(error) => error,
    }
}

fn request<'a>(
    context: &mut Context<'_>,
    common_name: &'a [u8],
    names: &'a Names,
    days: i64,
    authority: bool,
) -> Result<Request<'a>, FuncError> {
    let mut serial = [0; 16];
    context.fill_random(&mut serial)?;
    Ok(Request {
        common_name,
        addresses: names.addresses.clone(),
        dns_names: names.dns.iter().map(Text::as_bytes).collect(),
        serial,
        now: i128::try_from(context.now().as_nanos()).unwrap_or(i128::MAX),
        days,
        authority,
    })
}

fn make(request: &Request<'_>, key: &PrivateKey, issuer: &Issuer<'_>) -> Result<Value, FuncError> {
    let der = issue(request, key, issuer)?;
    Ok(Value::object(Pair {
        certificate: pem::encode(b"CERTIFICATE", &der).into(),
        key: key.to_pem()?.into(),
    }))
}
