//! RSA private keys: what Go accepts as one, and its PKCS#1 form.
//!
//! The arithmetic only checks that the numbers of a key belong together (and fills in CRT values that a JWK left out);
//! generating, signing and decrypting are aws-lc's.

use aws_lc_rs::encoding::AsDer;
use aws_lc_rs::rsa::{KeyPair, KeySize};
use num_bigint::BigUint;
use zeroize::Zeroizing;

use super::super::crypto::error::CryptoError;
use super::asn1::{self, Field, Shape, Tagging, Value};
use super::der;

/// Big-endian bytes of a non-negative number.
pub(crate) type Number = Zeroizing<Vec<u8>>;

/// An RSA private key of two primes whose numbers are known to belong together.
pub(crate) struct RsaKey {
    pub(crate) modulus: Number,
    pub(crate) public_exponent: i64,
    private_exponent: Number,
    primes: [Number; 2],
    exponents: [Number; 2],
    coefficient: Number,
}

/// `pkcs1PrivateKey` of `crypto/x509`.
pub(crate) static PKCS1: Shape = Shape::Struct(
    "pkcs1PrivateKey",
    &[
        Field::new(&Shape::Int),
        Field::new(&Shape::BigInt),
        Field::new(&Shape::Int),
        Field::new(&Shape::BigInt),
        Field::new(&Shape::BigInt),
        Field::new(&Shape::BigInt),
        Field::new(&Shape::BigInt).optional(),
        Field::new(&Shape::BigInt).optional(),
        Field::new(&Shape::BigInt).optional(),
        Field::new(&Shape::List(&ADDITIONAL_PRIME))
            .optional()
            .tagged(Tagging::Universal),
    ],
);

static ADDITIONAL_PRIME: Shape = Shape::Struct(
    "pkcs1AdditionalRSAPrime",
    &[
        Field::new(&Shape::BigInt),
        Field::new(&Shape::BigInt),
        Field::new(&Shape::BigInt),
    ],
);

/// The numbers of a key before they are checked; CRT values may be missing.
pub(crate) struct Parts<'a> {
    pub(crate) modulus: &'a [u8],
    pub(crate) public_exponent: i64,
    pub(crate) private_exponent: &'a [u8],
    pub(crate) primes: [&'a [u8]; 2],
    /// dP, dQ and qInv.
    pub(crate) crt: Option<[&'a [u8]; 3]>,
}

impl RsaKey {
    /// Reads PKCS#1 DER. `None` for what is not that structure, so that the caller can name the one it is.
    ///
    /// # Errors
    /// Go's words for a key whose numbers do not belong together.
    pub(crate) fn parse(der: &[u8]) -> Result<Self, Rejected> {
        let (key, rest) = asn1::decode(der, &PKCS1).map_err(Rejected::Structure)?;
        if !rest.is_empty() {
            return Err(Rejected::Key(CryptoError::text(
                "asn1: syntax error: trailing data",
            )));
        }
        Self::from_fields(&key).map_err(Rejected::Key)
    }

    fn from_fields(key: &Value<'_>) -> Result<Self, CryptoError> {
        if key.at(0).int() > 1 {
            return Err(CryptoError::text("x509: unsupported private key version"));
        }
        let numbers = [1, 3, 4, 5, 6, 7, 8];
        if numbers.iter().any(|&index| not_positive(key.at(index))) {
            return Err(CryptoError::text(
                "x509: private key contains zero or negative value",
            ));
        }
        if !key.at(9).items().is_empty() {
            return Err(CryptoError::text(
                "x509: RSA keys of more than two primes are not supported",
            ));
        }
        let crt = [key.at(6), key.at(7), key.at(8)];
        Self::check(&Parts {
            modulus: key.at(1).bytes(),
            public_exponent: key.at(2).int(),
            private_exponent: key.at(3).bytes(),
            primes: [key.at(4).bytes(), key.at(5).bytes()],
            crt: crt
                .iter()
                .all(|value| !value.is_absent())
                .then(|| crt.map(Value::bytes)),
        })
    }

    /// Checks what Go checks before it uses a key, in its order, and completes it.
    ///
    /// # Errors
    /// Go's words for the first number that does not fit.
    #[expect(
        clippy::many_single_char_names,
        reason = "the names that RFC 8017 gives these numbers"
    )]
    pub(crate) fn check(parts: &Parts<'_>) -> Result<Self, CryptoError> {
        let refuse = |text| Err(CryptoError::text(text));
        let [n, d, p, q] = [
            parts.modulus,
            parts.private_exponent,
            parts.primes[0],
            parts.primes[1],
        ]
        .map(BigUint::from_bytes_be);
        let one = BigUint::from(1_u8);
        if n <= one || p <= one || q <= one {
            return refuse("modulus must be > 1");
        }
        check_below(&d, &n)?;
        let (p_minus, q_minus) = (&p - &one, &q - &one);
        if p_minus <= one || q_minus <= one {
            return refuse("modulus must be > 1");
        }
        let [d_p, d_q, inverse] = match parts.crt {
            Some(crt) => crt.map(BigUint::from_bytes_be),
            None if !p.bit(0) => return refuse("crypto/rsa: p is even"),
            None => [
                &d % &p_minus,
                &d % &q_minus,
                (&q % &p).modinv(&p).unwrap_or_default(),
            ],
        };
        check_below(&inverse, &p)?;
        if !n.bit(0) {
            return refuse("crypto/rsa: public modulus is even");
        }
        let e = match u64::try_from(parts.public_exponent) {
            Err(_) | Ok(0 | 1) => return refuse("crypto/rsa: public exponent too small or negative"),
            Ok(even) if even & 1 == 0 => return refuse("crypto/rsa: public exponent is even"),
            Ok(large) if large > (1 << 31) - 1 => return refuse("crypto/rsa: public exponent too large"),
            Ok(e) => BigUint::from(e),
        };
        if p >= n || q >= n {
            return refuse("crypto/rsa: invalid prime");
        }
        if (&p * &q) % &n != BigUint::ZERO {
            return refuse("crypto/rsa: p * q != n");
        }
        for (exponent, modulus) in [(&d_p, &p_minus), (&d_q, &q_minus)] {
            if exponent >= modulus || (&e * exponent) % modulus != one {
                return refuse("crypto/rsa: invalid CRT exponent");
            }
        }
        if (&q * &inverse) % &p != one {
            return refuse("crypto/rsa: invalid CRT coefficient");
        }
        if &d % &p_minus != d_p {
            return refuse("crypto/rsa: d does not match dP");
        }
        if &d % &q_minus != d_q {
            return refuse("crypto/rsa: d does not match dQ");
        }
        let difference = if p > q { &p - &q } else { &q - &p };
        if difference == BigUint::ZERO {
            return refuse("crypto/rsa: p == q");
        }
        if difference.bits() + 100 <= n.bits() / 2 {
            return refuse("crypto/rsa: |p - q| too small");
        }
        if d.bits() <= n.bits() / 2 {
            return refuse("crypto/rsa: d too small");
        }
        let number = |value: &BigUint| Zeroizing::new(value.to_bytes_be());
        Ok(Self {
            modulus: number(&n),
            public_exponent: parts.public_exponent,
            private_exponent: number(&d),
            primes: [number(&p), number(&q)],
            exponents: [number(&d_p), number(&d_q)],
            coefficient: number(&inverse),
        })
    }

    /// Makes a key. aws-lc draws the primes from its own generator, seeded by the system.
    ///
    /// # Errors
    /// The generator failed.
    pub(crate) fn generate(size: KeySize) -> Result<Self, CryptoError> {
        let failed = || CryptoError::text("crypto/rsa: key generation failed");
        let pair = KeyPair::generate(size).map_err(|_| failed())?;
        let pkcs8 = AsDer::<aws_lc_rs::encoding::Pkcs8V1Der<'_>>::as_der(&pair).map_err(|_| failed())?;
        let (key, _) = asn1::decode(pkcs8.as_ref(), &super::private_key::PKCS8).map_err(|_| failed())?;
        Self::parse(key.at(2).bytes()).map_err(|_| failed())
    }

    /// PKCS#1 DER.
    pub(crate) fn to_pkcs1(&self) -> der::Der {
        let [p, q] = &self.primes;
        let [d_p, d_q] = &self.exponents;
        let exponent = der::unsigned(&self.public_exponent.to_be_bytes());
        let [n, d, p, q, d_p, d_q, inverse] = [
            &self.modulus,
            &self.private_exponent,
            p,
            q,
            d_p,
            d_q,
            &self.coefficient,
        ]
        .map(|number| der::unsigned(number));
        der::sequence(&[&der::small(0), &n, &exponent, &d, &p, &q, &d_p, &d_q, &inverse])
    }

    /// The public key as PKCS#1 DER.
    pub(crate) fn public_pkcs1(&self) -> der::Der {
        public_pkcs1(&self.modulus, self.public_exponent)
    }

    /// The size of the modulus.
    pub(crate) fn bits(&self) -> u64 {
        BigUint::from_bytes_be(&self.modulus).bits()
    }
}

pub(crate) fn public_pkcs1(modulus: &[u8], exponent: i64) -> der::Der {
    der::sequence(&[&der::unsigned(modulus), &der::unsigned(&exponent.to_be_bytes())])
}

/// Go stores a number in as many words of 64 bits as its modulus has, and says so where it does not fit them.
fn check_below(number: &BigUint, modulus: &BigUint) -> Result<(), CryptoError> {
    if number < modulus {
        Ok(())
    } else if number.bits().div_ceil(8) > modulus.bits().div_ceil(64) * 8 {
        Err(CryptoError::text("input overflows the modulus size"))
    } else {
        Err(CryptoError::text("input overflows the modulus"))
    }
}

/// Why bytes are not a PKCS#1 key.
pub(crate) enum Rejected {
    /// They are not that structure; it may be another one.
    Structure(CryptoError),
    /// They are, but not of a usable key.
    Key(CryptoError),
}

/// Whether a present INTEGER is zero or negative.
fn not_positive(value: &Value<'_>) -> bool {
    !value.is_absent() && matches!(value.bytes(), [] | [0] | [0x80..=0xff, ..])
}
