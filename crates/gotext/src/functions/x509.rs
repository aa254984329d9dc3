//! X.509 certificates and private keys, read and written as Go's `crypto/x509` does.
//!
//! The template functions that use them are in [`super::pem`], [`super::pkcs12`], [`super::jwk`] and [`super::crypto`].

pub(super) mod asn1;
pub(super) mod certificate;
pub(super) mod chain;
pub(super) mod der;
pub(super) mod ec_key;
mod extensions;
pub(super) mod issue;
mod name;
pub(super) mod oids;
pub(super) mod private_key;
pub(super) mod rsa_key;
