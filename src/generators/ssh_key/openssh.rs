//! OpenSSH's formats: a line of `authorized_keys`, and the private key file (`PROTOCOL.key` of OpenSSH), unencrypted.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use zeroize::Zeroizing;

use super::pkcs1::{Number, Numbers};
use crate::secret_bytes::SecretBytes;

const MAGIC: &[u8] = b"openssh-key-v1\0";
/// Unencrypted keys are padded to this.
const BLOCK: usize = 8;
const LINE: usize = 70;

/// A key pair.
pub(super) enum Pair {
    Rsa(Numbers),
    Ecdsa {
        /// As SSH names it, `nistp256`.
        curve: &'static str,
        /// Uncompressed.
        point: Vec<u8>,
        scalar: Number,
    },
    Ed25519 {
        public: Vec<u8>,
        seed: Number,
    },
}

impl Pair {
    fn name(&self) -> String {
        match self {
            Self::Rsa(_) => "ssh-rsa".to_owned(),
            Self::Ecdsa { curve, .. } => format!("ecdsa-sha2-{curve}"),
            Self::Ed25519 { .. } => "ssh-ed25519".to_owned(),
        }
    }

    fn public(&self) -> Wire {
        let wire = Wire::default().text(self.name());
        match self {
            Self::Rsa(key) => wire.number(&key.public_exponent).number(&key.modulus),
            Self::Ecdsa { curve, point, .. } => wire.text(curve).text(point),
            Self::Ed25519 { public, .. } => wire.text(public),
        }
    }

    fn private(&self, wire: Wire) -> Wire {
        let wire = wire.text(self.name());
        match self {
            Self::Rsa(key) => {
                let [p, q] = &key.primes;
                wire.number(&key.modulus)
                    .number(&key.public_exponent)
                    .number(&key.private_exponent)
                    .number(&key.coefficient)
                    .number(p)
                    .number(q)
            }
            Self::Ecdsa { curve, point, scalar } => wire.text(curve).text(point).number(scalar),
            Self::Ed25519 { public, seed } => {
                let both = Zeroizing::new([seed.as_slice(), public].concat());
                wire.text(public).text(both.as_slice())
            }
        }
    }
}

/// Bytes as SSH sends them (RFC 4251, 5).
#[derive(Default)]
struct Wire(Zeroizing<Vec<u8>>);

impl Wire {
    fn raw(mut self, bytes: &[u8]) -> Self {
        self.0.extend_from_slice(bytes);
        self
    }

    fn count(self, count: usize) -> Self {
        self.raw(&u32::try_from(count).unwrap_or(u32::MAX).to_be_bytes())
    }

    fn text(self, text: impl AsRef<[u8]>) -> Self {
        let text = text.as_ref();
        self.count(text.len()).raw(text)
    }

    /// Big-endian and signed: a leading bit must not make a positive number negative.
    fn number(self, number: &[u8]) -> Self {
        let zeros = number.iter().take_while(|byte| **byte == 0).count();
        let bare = number.get(zeros..).unwrap_or_default();
        let sign: &[u8] = if bare.first().is_some_and(|byte| *byte >= 0x80) {
            &[0]
        } else {
            &[]
        };
        self.count(sign.len() + bare.len()).raw(sign).raw(bare)
    }
}

/// A line as it stands in `authorized_keys`.
pub(super) fn public_key(pair: &Pair, comment: &str) -> String {
    let mut line = format!("{} {}", pair.name(), STANDARD.encode(&*pair.public().0));
    if !comment.is_empty() {
        line.push(' ');
        line.push_str(comment);
    }
    line.push('\n');
    line
}

/// The private key file; nothing without randomness.
pub(super) fn private_key(pair: &Pair, comment: &str) -> Option<SecretBytes> {
    // Twice the same number: who decrypts a key sees by it whether that went well.
    let mut check = [0; 4];
    aws_lc_rs::rand::fill(&mut check).ok()?;
    let mut secret = pair
        .private(Wire::default().raw(&check).raw(&check))
        .text(comment)
        .0;
    let padding = secret.len().next_multiple_of(BLOCK) - secret.len();
    secret.extend((1..).take(padding));
    let file = Wire::default()
        .raw(MAGIC)
        .text("none")
        .text("none")
        .text("")
        .count(1)
        .text(&*pair.public().0)
        .text(secret.as_slice())
        .0;
    let encoded = Zeroizing::new(STANDARD.encode(&*file));
    let mut pem = b"-----BEGIN OPENSSH PRIVATE KEY-----\n".to_vec();
    for line in encoded.as_bytes().chunks(LINE) {
        pem.extend_from_slice(line);
        pem.push(b'\n');
    }
    pem.extend_from_slice(b"-----END OPENSSH PRIVATE KEY-----\n");
    Some(SecretBytes::new(pem))
}
