//! One-time codes (TOTP, RFC 6238) from a seed in a Secret.

use aws_lc_rs::hmac;
use data_encoding::BASE32_NOPAD;
use jiff::Timestamp;
use zeroize::Zeroizing;

use super::{Values, refusal::Refusal};
use crate::{api::generator::MfaSpec, secret_bytes::SecretBytes};

const LENGTH: i64 = 6;
/// A code has 31 bits; more digits than a number can hold are a slip.
const LONGEST: i64 = 18;
const PERIOD: i64 = 30;

/// The code of the moment that the spec names, else of now, and for how many seconds it still holds.
pub(super) fn generate(spec: &MfaSpec, seed: &SecretBytes, now: Timestamp) -> Result<Values, Refusal> {
    let period = spec.time_period.filter(|period| *period > 0).unwrap_or(PERIOD);
    let length = spec.length.filter(|length| *length > 0).unwrap_or(LENGTH);
    if length > LONGEST {
        return Err(Refusal::invalid(format!(
            "length {length} is more than {LONGEST}"
        )));
    }
    let at = spec.when.as_ref().map_or(now, |when| when.0).as_second();
    let key = hmac::Key::new(algorithm(spec.algorithm.as_deref())?, &decoded(seed)?);
    let tag = hmac::sign(&key, &at.div_euclid(period).to_be_bytes());
    let modulus = 10_u64.checked_pow(u32::try_from(length).unwrap_or_default());
    let code = truncated(tag.as_ref()) % modulus.unwrap_or(u64::MAX);
    let width = usize::try_from(length).unwrap_or_default();
    Ok(Values::from([
        ("token".to_owned(), format!("{code:0width$}").into()),
        (
            "timeLeft".to_owned(),
            (period - at.rem_euclid(period)).to_string().into(),
        ),
    ]))
}

/// Services show seeds in groups and in either case.
fn decoded(seed: &SecretBytes) -> Result<Zeroizing<Vec<u8>>, Refusal> {
    let bare: Zeroizing<Vec<u8>> = Zeroizing::new(
        seed.expose()
            .iter()
            .filter(|byte| !byte.is_ascii_whitespace() && **byte != b'=')
            .map(u8::to_ascii_uppercase)
            .collect(),
    );
    match BASE32_NOPAD.decode(&bare) {
        Ok(key) if !key.is_empty() => Ok(Zeroizing::new(key)),
        _ => Err(Refusal::invalid(
            "the seed is not base32 (letters A to Z and digits 2 to 7); store it as the service showed it",
        )),
    }
}

fn algorithm(name: Option<&str>) -> Result<hmac::Algorithm, Refusal> {
    let name = name.unwrap_or_default();
    Ok(match name.to_ascii_lowercase().as_str() {
        "" | "sha1" => hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY,
        "sha256" => hmac::HMAC_SHA256,
        "sha384" => hmac::HMAC_SHA384,
        "sha512" => hmac::HMAC_SHA512,
        _ => {
            return Err(Refusal::invalid(format!(
                "algorithm {name:?} is not known; use sha1, sha256, sha384 or sha512"
            )));
        }
    })
}

/// Four bytes at the place that the last one names, without their sign (RFC 4226, 5.3).
fn truncated(tag: &[u8]) -> u64 {
    let at = usize::from(tag.last().copied().unwrap_or_default() & 0x0f);
    let word = tag
        .get(at..)
        .and_then(|rest| rest.first_chunk().copied())
        .unwrap_or_default();
    u64::from(u32::from_be_bytes(word) & 0x7fff_ffff)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The seeds of RFC 6238: the digits again and again, as long as the hash.
    fn seed(length: usize) -> SecretBytes {
        let digits: Vec<u8> = b"1234567890".iter().copied().cycle().take(length).collect();
        BASE32_NOPAD.encode(&digits).into()
    }

    fn values(spec: &MfaSpec, seed: &SecretBytes, second: i64) -> (String, String) {
        let values = generate(spec, seed, Timestamp::from_second(second).unwrap()).unwrap();
        let text = |key: &str| String::from_utf8(values[key].expose().to_vec()).unwrap();
        (text("token"), text("timeLeft"))
    }

    /// Differs: docs/differences.md#one-time-code.
    #[test]
    fn codes_are_those_of_the_standard() {
        for (algorithm, length, second, code) in [
            ("sha1", 20, 59, "94287082"),
            ("SHA256", 32, 59, "46119246"),
            ("sha512", 64, 59, "90693936"),
            ("sha1", 20, 1_111_111_109, "07081804"),
            ("sha256", 32, 20_000_000_000, "77737706"),
        ] {
            let spec = MfaSpec {
                length: Some(8),
                algorithm: Some(algorithm.to_owned()),
                ..MfaSpec::default()
            };
            assert_eq!(
                values(&spec, &seed(length), second).0,
                code,
                "{algorithm} at {second}"
            );
        }
    }

    #[test]
    fn by_default_a_code_has_six_digits_and_holds_thirty_seconds() {
        assert_eq!(
            values(&MfaSpec::default(), &seed(20), 59),
            ("287082".to_owned(), "1".to_owned())
        );
    }

    #[test]
    fn the_moment_and_the_period_can_be_named() {
        use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
        let spec = MfaSpec {
            when: Some(Time(Timestamp::from_second(59).unwrap())),
            time_period: Some(60),
            ..MfaSpec::default()
        };
        let (token, left) = values(&spec, &seed(20), 1_000_000);
        assert_eq!((token.len(), left.as_str()), (6, "1"));
        assert_eq!(token, values(&spec, &seed(20), 5).0);
    }

    #[test]
    fn seeds_are_taken_in_groups_and_in_lower_case() {
        let grouped = SecretBytes::from("gezd gnbv gy3t qojq gezd gnbv gy3t qojq\n".to_owned());
        assert_eq!(values(&MfaSpec::default(), &grouped, 59).0, "287082");
    }

    #[test]
    fn what_makes_no_code_is_refused_without_showing_the_seed() {
        let now = Timestamp::from_second(59).unwrap();
        for bad in ["hunter2!", "", "1890"] {
            let said = generate(&MfaSpec::default(), &bad.to_owned().into(), now)
                .unwrap_err()
                .text;
            assert!(said.contains("not base32") && !said.contains("hunter"), "{said}");
        }
        let spec = |algorithm: Option<&str>, length| MfaSpec {
            algorithm: algorithm.map(str::to_owned),
            length,
            ..MfaSpec::default()
        };
        for spec in [
            spec(Some("md5"), None),
            spec(Some("sha512_256"), None),
            spec(None, Some(19)),
        ] {
            assert!(generate(&spec, &seed(20), now).is_err(), "{spec:?}");
        }
    }
}
