//! A version, its order and its text.

use std::cmp::Ordering;

use super::scan::{digit, shape};
use crate::strconv::parse_uint;

/// Three numbers, a pre-release and build metadata.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Version {
    pub(super) major: u64,
    pub(super) minor: u64,
    pub(super) patch: u64,
    pub(super) prerelease: Vec<u8>,
    pub(super) build: Vec<u8>,
    /// The text it was read from.
    pub(super) original: Vec<u8>,
}

pub(super) const INVALID: &str = "invalid semantic version";
pub(super) const LEADING_ZERO: &str = "version segment starts with 0";

impl Version {
    /// Reads a version; missing numbers are 0. The error is the library's text, which may quote a number.
    pub(super) fn parse(text: &[u8]) -> Result<Self, String> {
        let Some(shape) = shape(text, digit).filter(|shape| shape.length == text.len()) else {
            return Err(INVALID.to_owned());
        };
        let number = |part: &[u8]| {
            if part.is_empty() {
                return Ok(0);
            }
            parse_uint(part, 10, 64).map_err(|error| format!("error parsing version segment: {error}"))
        };
        let version = Self {
            major: number(shape.major)?,
            minor: number(shape.minor)?,
            patch: number(shape.patch)?,
            prerelease: shape.prerelease.to_vec(),
            build: shape.build.to_vec(),
            original: text.to_vec(),
        };
        if !version.prerelease.is_empty() {
            check_prerelease(&version.prerelease)?;
        }
        Ok(version)
    }

    /// The canonical text, without a `v`.
    pub(super) fn to_text(&self) -> Vec<u8> {
        let mut out = format!("{}.{}.{}", self.major, self.minor, self.patch).into_bytes();
        for (mark, part) in [(b'-', &self.prerelease), (b'+', &self.build)] {
            if !part.is_empty() {
                out.push(mark);
                out.extend_from_slice(part);
            }
        }
        out
    }

    /// Whether it precedes a release.
    pub(super) fn is_prerelease(&self) -> bool {
        !self.prerelease.is_empty()
    }

    /// The order of versions, which ignores build metadata.
    pub(super) fn compare(&self, other: &Self) -> Ordering {
        let numbers = |version: &Self| (version.major, version.minor, version.patch);
        numbers(self)
            .cmp(&numbers(other))
            .then_with(|| match (self.is_prerelease(), other.is_prerelease()) {
                (false, false) => Ordering::Equal,
                (false, true) => Ordering::Greater,
                (true, false) => Ordering::Less,
                (true, true) => compare_prereleases(&self.prerelease, &other.prerelease),
            })
    }
}

/// The order of two pre-releases, word by word.
pub(super) fn compare_prereleases(a: &[u8], b: &[u8]) -> Ordering {
    let mut left = a.split(|byte| *byte == b'.');
    let mut right = b.split(|byte| *byte == b'.');
    loop {
        match (left.next(), right.next()) {
            (None, None) => return Ordering::Equal,
            (left, right) => match compare_words(left.unwrap_or_default(), right.unwrap_or_default()) {
                Ordering::Equal => {}
                order => return order,
            },
        }
    }
}

/// Numbers come before words; a missing word before all.
fn compare_words(a: &[u8], b: &[u8]) -> Ordering {
    if a == b || a.is_empty() || b.is_empty() {
        return a.is_empty().cmp(&b.is_empty()).reverse();
    }
    match (parse_uint(a, 10, 64), parse_uint(b, 10, 64)) {
        (Err(_), Err(_)) => a.cmp(b),
        (Ok(_), Err(_)) => Ordering::Less,
        (Err(_), Ok(_)) => Ordering::Greater,
        // Unequal texts of equal numbers (`01`, `1`) have no order; the library calls the left one less.
        (Ok(a), Ok(b)) => a.cmp(&b).then(Ordering::Less),
    }
}

/// Words that are numbers may not start with 0.
pub(super) fn check_prerelease(text: &[u8]) -> Result<(), String> {
    for word in text.split(|byte| *byte == b'.') {
        if word.is_empty() {
            return Err("invalid prerelease string".to_owned());
        }
        if word.iter().all(u8::is_ascii_digit) {
            if word.len() > 1 && word.starts_with(b"0") {
                return Err(LEADING_ZERO.to_owned());
            }
        } else if !word
            .iter()
            .all(|byte| byte.is_ascii_alphanumeric() || *byte == b'-')
        {
            return Err("invalid prerelease string".to_owned());
        }
    }
    Ok(())
}

/// Words of letters, digits and hyphens.
pub(super) fn check_build(text: &[u8]) -> Result<(), String> {
    let valid = |word: &[u8]| {
        !word.is_empty()
            && word
                .iter()
                .all(|byte| byte.is_ascii_alphanumeric() || *byte == b'-')
    };
    if text.split(|byte| *byte == b'.').all(valid) {
        Ok(())
    } else {
        Err("invalid metadata string".to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn printed(text: &str) -> Result<String, String> {
        Version::parse(text.as_bytes()).map(|version| String::from_utf8(version.to_text()).unwrap())
    }

    #[test]
    fn missing_numbers_are_zero_and_a_leading_v_is_dropped() {
        assert_eq!(printed("v1.2").unwrap(), "1.2.0");
        assert_eq!(printed("1").unwrap(), "1.0.0");
        assert_eq!(printed("01.02.03-a.1+b.01").unwrap(), "1.2.3-a.1+b.01");
    }

    #[test]
    fn texts_of_another_shape_are_no_versions() {
        for text in ["", "1.2.3.4", "a", "1.2.", "V1", "1.2.3-", "1 ", "1.2-a..b"] {
            assert_eq!(printed(text).unwrap_err(), INVALID, "{text}");
        }
        assert_eq!(printed("1.0.0-01").unwrap_err(), LEADING_ZERO);
        assert_eq!(
            printed("99999999999999999999").unwrap_err(),
            "error parsing version segment: strconv.ParseUint: parsing \"99999999999999999999\": value out of range"
        );
    }

    #[test]
    fn prereleases_order_numbers_before_words_and_shorter_before_longer() {
        let order = [
            "1.0.0-1",
            "1.0.0-2",
            "1.0.0-10",
            "1.0.0-a",
            "1.0.0-a.1",
            "1.0.0-b",
            "1.0.0",
            "1.0.1-a",
        ];
        for pair in order.windows(2) {
            let [a, b] = [0, 1].map(|at| Version::parse(pair[at].as_bytes()).unwrap());
            assert_eq!(a.compare(&b), Ordering::Less, "{pair:?}");
            assert_eq!(b.compare(&a), Ordering::Greater, "{pair:?}");
        }
    }
}
