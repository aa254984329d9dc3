//! OBJECT IDENTIFIERs as the contents of their DER encoding.

/// `1.2.840.113549.1.1.1`
pub(crate) const RSA: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1, 1];
/// `1.2.840.113549.1.1.11`
pub(crate) const SHA256_WITH_RSA: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1, 11];
/// `1.2.840.10040.4.1`
pub(crate) const DSA: &[u8] = &[0x2a, 0x86, 0x48, 0xce, 0x38, 4, 1];
/// `1.2.840.10045.2.1`
pub(crate) const EC_PUBLIC_KEY: &[u8] = &[0x2a, 0x86, 0x48, 0xce, 0x3d, 2, 1];
/// `1.2.840.10045.4.3.2`
pub(crate) const ECDSA_WITH_SHA256: &[u8] = &[0x2a, 0x86, 0x48, 0xce, 0x3d, 4, 3, 2];
/// `1.2.840.10045.4.3.3`
pub(crate) const ECDSA_WITH_SHA384: &[u8] = &[0x2a, 0x86, 0x48, 0xce, 0x3d, 4, 3, 3];
/// `1.2.840.10045.4.3.4`
pub(crate) const ECDSA_WITH_SHA512: &[u8] = &[0x2a, 0x86, 0x48, 0xce, 0x3d, 4, 3, 4];
/// `1.3.132.0.33`
pub(crate) const P224: &[u8] = &[0x2b, 0x81, 4, 0, 33];
/// `1.2.840.10045.3.1.7`
pub(crate) const P256: &[u8] = &[0x2a, 0x86, 0x48, 0xce, 0x3d, 3, 1, 7];
/// `1.3.132.0.34`
pub(crate) const P384: &[u8] = &[0x2b, 0x81, 4, 0, 34];
/// `1.3.132.0.35`
pub(crate) const P521: &[u8] = &[0x2b, 0x81, 4, 0, 35];
/// `1.3.101.110`
pub(crate) const X25519: &[u8] = &[0x2b, 0x65, 110];
/// `1.3.101.112`
pub(crate) const ED25519: &[u8] = &[0x2b, 0x65, 112];

/// `2.5.4.3`
pub(crate) const COMMON_NAME: &[u8] = &[0x55, 4, 3];
/// `2.5.29.14`
pub(crate) const SUBJECT_KEY_ID: &[u8] = &[0x55, 0x1d, 14];
/// `2.5.29.15`
pub(crate) const KEY_USAGE: &[u8] = &[0x55, 0x1d, 15];
/// `2.5.29.17`
pub(crate) const SUBJECT_ALT_NAME: &[u8] = &[0x55, 0x1d, 17];
/// `2.5.29.19`
pub(crate) const BASIC_CONSTRAINTS: &[u8] = &[0x55, 0x1d, 19];
/// `2.5.29.30`
pub(crate) const NAME_CONSTRAINTS: &[u8] = &[0x55, 0x1d, 30];
/// `2.5.29.31`
pub(crate) const CRL_DISTRIBUTION_POINTS: &[u8] = &[0x55, 0x1d, 31];
/// `2.5.29.32`
pub(crate) const CERTIFICATE_POLICIES: &[u8] = &[0x55, 0x1d, 32];
/// `2.5.29.33`
pub(crate) const POLICY_MAPPINGS: &[u8] = &[0x55, 0x1d, 33];
/// `2.5.29.35`
pub(crate) const AUTHORITY_KEY_ID: &[u8] = &[0x55, 0x1d, 35];
/// `2.5.29.36`
pub(crate) const POLICY_CONSTRAINTS: &[u8] = &[0x55, 0x1d, 36];
/// `2.5.29.37`
pub(crate) const EXTENDED_KEY_USAGE: &[u8] = &[0x55, 0x1d, 37];
/// `2.5.29.37.0`
pub(crate) const ANY_EXTENDED_KEY_USAGE: &[u8] = &[0x55, 0x1d, 37, 0];
/// `2.5.29.54`
pub(crate) const INHIBIT_ANY_POLICY: &[u8] = &[0x55, 0x1d, 54];
/// `1.3.6.1.5.5.7.1.1`
pub(crate) const AUTHORITY_INFO_ACCESS: &[u8] = &[0x2b, 6, 1, 5, 5, 7, 1, 1];
/// `1.3.6.1.5.5.7.3.1`
pub(crate) const SERVER_AUTH: &[u8] = &[0x2b, 6, 1, 5, 5, 7, 3, 1];
/// `1.3.6.1.5.5.7.3.2`
pub(crate) const CLIENT_AUTH: &[u8] = &[0x2b, 6, 1, 5, 5, 7, 3, 2];
