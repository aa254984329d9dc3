//! The numbers of an RSA key, out of the PKCS#8 form in which aws-lc gives it.

use der::{
    Decode as _, Reader, SliceReader,
    asn1::{AnyRef, OctetStringRef, UintRef},
};
use zeroize::Zeroizing;

/// A non-negative number, big-endian without leading zeros.
pub(super) type Number = Zeroizing<Vec<u8>>;

/// What OpenSSH wants of an RSA key.
#[derive(Debug)]
pub(super) struct Numbers {
    pub(super) modulus: Number,
    pub(super) public_exponent: Number,
    pub(super) private_exponent: Number,
    pub(super) primes: [Number; 2],
    /// The inverse of the second prime modulo the first.
    pub(super) coefficient: Number,
}

/// Reads `PrivateKeyInfo` (RFC 5208) with an `RSAPrivateKey` (RFC 8017) in it.
pub(super) fn numbers(pkcs8: &[u8]) -> Option<Numbers> {
    let key = SliceReader::new(pkcs8).ok()?.sequence(|reader| {
        u8::decode(reader)?;
        AnyRef::decode(reader)?;
        let key = <&OctetStringRef>::decode(reader)?;
        reader.drain(reader.remaining_len())?;
        Ok::<_, der::Error>(key)
    });
    let numbers = SliceReader::new(key.ok()?.as_bytes()).ok()?.sequence(|reader| {
        u8::decode(reader)?;
        let mut number = || Ok::<_, der::Error>(Zeroizing::new(UintRef::decode(reader)?.as_bytes().to_vec()));
        let modulus = number()?;
        let public_exponent = number()?;
        let private_exponent = number()?;
        let primes = [number()?, number()?];
        // The exponents modulo each prime, which OpenSSH computes anew.
        number()?;
        number()?;
        let coefficient = number()?;
        Ok::<_, der::Error>(Numbers {
            modulus,
            public_exponent,
            private_exponent,
            primes,
            coefficient,
        })
    });
    numbers.ok()
}
