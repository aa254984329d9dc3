use std::sync::atomic::{AtomicU8, Ordering};

use super::*;
use crate::generators::random::system;

fn one(spec: &PasswordSpec) -> String {
    text(&generate(spec, &system).unwrap(), "password")
}

fn text(values: &Values, key: &str) -> String {
    String::from_utf8(values[key].expose().to_vec()).unwrap()
}

fn refusal(spec: &PasswordSpec) -> String {
    generate(spec, &system).unwrap_err().text
}

fn count(password: &str, set: &str) -> usize {
    password.chars().filter(|c| set.contains(*c)).count()
}

#[test]
fn by_default_it_is_twenty_four_characters_a_quarter_digits_a_quarter_symbols_and_none_twice() {
    for _ in 0..200 {
        let password = one(&PasswordSpec::default());
        let distinct: BTreeSet<char> = password.chars().collect();
        assert_eq!((password.len(), distinct.len()), (24, 24), "{password}");
        assert_eq!(
            (count(&password, DIGITS), count(&password, SYMBOLS)),
            (6, 6),
            "{password}"
        );
    }
}

#[test]
fn the_numbers_and_characters_are_those_asked_for() {
    let spec = PasswordSpec {
        length: Some(40),
        digits: Some(12),
        symbols: Some(20),
        symbol_characters: Some("-_".to_owned()),
        no_upper: Some(true),
        allow_repeat: Some(true),
        ..PasswordSpec::default()
    };
    let password = one(&spec);
    assert_eq!(
        [DIGITS, "-_", LOWER, UPPER].map(|set| count(&password, set)),
        [12, 20, 8, 0],
        "{password}"
    );
}

#[test]
fn each_key_has_a_password_of_its_own() {
    let spec = PasswordSpec {
        secret_keys: Some(vec!["admin".to_owned(), "reader".to_owned()]),
        ..PasswordSpec::default()
    };
    let values = generate(&spec, &system).unwrap();
    assert_eq!(values.keys().collect::<Vec<_>>(), ["admin", "reader"]);
    assert_ne!(text(&values, "admin"), text(&values, "reader"));
}

#[test]
fn it_is_written_in_the_encoding_asked_for() {
    let count = AtomicU8::new(0);
    let fixed = |bytes: &mut [u8]| {
        bytes.fill(count.fetch_add(7, Ordering::Relaxed));
        Ok(())
    };
    let written = |encoding| {
        count.store(0, Ordering::Relaxed);
        let spec = PasswordSpec {
            encoding: Some(encoding),
            ..PasswordSpec::default()
        };
        text(&generate(&spec, &fixed).unwrap(), "password")
    };
    let raw = written(PasswordEncoding::Raw);
    assert_eq!(written(PasswordEncoding::Base64), STANDARD.encode(&raw));
    assert_eq!(written(PasswordEncoding::Base64Url), URL_SAFE.encode(&raw));
    assert_eq!(written(PasswordEncoding::Base32), BASE32.encode(raw.as_bytes()));
    assert_eq!(written(PasswordEncoding::Hex), HEXLOWER.encode(raw.as_bytes()));
}

#[test]
fn what_cannot_be_satisfied_is_refused_with_the_way_out() {
    let spec = PasswordSpec::default;
    for (spec, wanted) in [
        (
            PasswordSpec {
                length: Some(48),
                ..spec()
            },
            "12 digits are asked for, and there are 10",
        ),
        (
            PasswordSpec {
                length: Some(100),
                digits: Some(0),
                symbols: Some(0),
                ..spec()
            },
            "100 letters are asked for, and there are 52",
        ),
        (
            PasswordSpec {
                symbols: Some(3),
                symbol_characters: Some("--".to_owned()),
                ..spec()
            },
            "3 symbols are asked for, and there are 1",
        ),
        (
            PasswordSpec {
                length: Some(8),
                digits: Some(5),
                symbols: Some(4),
                ..spec()
            },
            "5 digits and 4 symbols do not fit into a length of 8",
        ),
        (
            PasswordSpec {
                digits: Some(-1),
                ..spec()
            },
            "must not be negative",
        ),
        (
            PasswordSpec {
                digits: Some(i64::MIN),
                ..spec()
            },
            "must not be negative",
        ),
        (
            PasswordSpec {
                length: Some(i64::MAX),
                ..spec()
            },
            "is more than 65536",
        ),
        (
            PasswordSpec {
                secret_keys: Some(vec!["a".to_owned(), "a".to_owned()]),
                ..spec()
            },
            "secretKeys must be non-empty and unique",
        ),
        (
            PasswordSpec {
                secret_keys: Some(vec![String::new()]),
                ..spec()
            },
            "secretKeys must be non-empty and unique",
        ),
    ] {
        let said = refusal(&spec);
        assert!(said.contains(wanted), "{said}");
    }
}

#[test]
fn symbols_that_are_also_letters_or_digits_do_not_come_twice() {
    let spec = PasswordSpec {
        length: Some(24),
        symbol_characters: Some(format!("{DIGITS}{LOWER}")),
        ..PasswordSpec::default()
    };
    for _ in 0..200 {
        let password = one(&spec);
        let distinct: BTreeSet<char> = password.chars().collect();
        assert_eq!(distinct.len(), 24, "{password}");
    }
    let too_few = PasswordSpec {
        digits: Some(10),
        symbols: Some(1),
        symbol_characters: Some("0".to_owned()),
        ..PasswordSpec::default()
    };
    assert!(refusal(&too_few).contains("occur already"));
}

#[test]
fn without_a_length_or_symbols_of_its_own_the_defaults_hold() {
    let spec = PasswordSpec {
        length: Some(0),
        symbol_characters: Some(String::new()),
        ..PasswordSpec::default()
    };
    let password = one(&spec);
    assert_eq!((password.len(), count(&password, SYMBOLS)), (24, 6));
}

/// Differs: docs/differences.md#password-bounds.
#[test]
fn more_passwords_than_a_secret_can_hold_are_refused() {
    let keys = |n: usize| Some((0..n).map(|n| format!("key-{n}")).collect());
    let long = |n, encoding| PasswordSpec {
        length: Some(LONGEST),
        allow_repeat: Some(true),
        secret_keys: keys(n),
        encoding,
        ..PasswordSpec::default()
    };
    let way_out = "the passwords of all secretKeys together are more than 1048576 bytes";
    for spec in [long(20, None), long(8, Some(PasswordEncoding::Hex))] {
        let text = refusal(&spec);
        assert!(text.starts_with(way_out), "{text}");
    }
    assert_eq!(generate(&long(15, None), &system).unwrap().len(), 15);
}

#[test]
fn a_long_password_takes_few_looks_at_the_source() {
    let looks = AtomicU8::new(0);
    let counted = |bytes: &mut [u8]| {
        looks.fetch_add(1, Ordering::Relaxed);
        system(bytes)
    };
    let spec = PasswordSpec {
        length: Some(4096),
        allow_repeat: Some(true),
        ..PasswordSpec::default()
    };
    generate(&spec, &counted).unwrap();
    // Two numbers of four bytes for each character, one of them for its place; few are drawn again.
    assert!(looks.into_inner() < 40);
}
