//! Every function called with ordinary and odd arguments: nil, wrong types, empty and negative ones, bytes that are
//! not UTF-8. `calls/sprig.json` holds what Go's sprig gave for each call, in the form of the tables of `cases/`; the
//! data is `{"s": "hello", "num": "42"}`, and a missing key is an error.

#[path = "cases/row.rs"]
#[expect(dead_code, reason = "the rows of other tables have further fields")]
mod row;
#[path = "cases/template.rs"]
mod template;

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use gotext::template::{Clock, ExecOptions, Limits, MissingKey, ParseOptions, Random, Template};
use row::Row;
use serde_json::{Map, Value, json};

fn rows() -> serde_json::Result<Vec<Row>> {
    let rows: Vec<Map<String, Value>> = serde_json::from_str(include_str!("calls/sprig.json"))?;
    rows.into_iter()
        .map(|mut row| {
            row.insert("data".to_owned(), json!({"s": "hello", "num": "42"}));
            for (field, value) in [
                ("root", "map[string]string"),
                ("funcs", "eso"),
                ("missingkey", "error"),
            ] {
                row.insert(field.to_owned(), value.into());
            }
            serde_json::from_value(Value::Object(row))
        })
        .collect()
}

#[test]
fn every_call_gives_what_sprig_gives() {
    let failed: Vec<String> = rows()
        .expect("the table has objects")
        .iter()
        .filter_map(|row| {
            let failure = template::run(row).err()?;
            Some(format!("{}:\n{failure}", row.title("template")))
        })
        .collect();
    assert!(failed.is_empty(), "{}", failed.join("\n"));
}

#[test]
fn every_function_that_has_one_answer_is_called() {
    // These give another answer each time, or are called by tests of their own.
    let elsewhere = [
        "now",
        "ago",
        "shuffle",
        "uuidv4",
        "htpasswd",
        "bcrypt",
        "derivePassword",
        "encryptAES",
        "decryptAES",
        "certSANs",
        "rsaDecrypt",
    ];
    let prefixes = [
        "rand", "gen", "build", "pkcs12", "pem", "fullPem", "filter", "jwk",
    ];
    let rows = rows().expect("the table has objects");
    let templates: Vec<String> = rows.iter().map(|row| row.title("template")).collect();
    let uncalled: Vec<&str> = gotext::functions::all()
        .names()
        .filter(|name| !elsewhere.contains(name) && !prefixes.iter().any(|prefix| name.starts_with(prefix)))
        .filter(|name| {
            !templates.iter().any(|template| {
                template
                    .split(|c: char| !c.is_alphanumeric() && c != '_')
                    .any(|word| word == *name)
            })
        })
        .collect();
    assert!(uncalled.is_empty(), "{uncalled:?}");
}

/// A time that stands still and random bytes, both other ones for each seed.
struct Surroundings {
    seed: u64,
    drawn: AtomicU64,
}

impl Clock for Surroundings {
    fn since_epoch(&self) -> Duration {
        Duration::from_secs(1_700_000_000 + self.seed * 100_000_001)
    }
}

impl Random for Surroundings {
    fn fill(&self, buffer: &mut [u8]) -> bool {
        for byte in buffer {
            let drawn = self.drawn.fetch_add(1, Ordering::Relaxed) + self.seed * 0x9e37_79b9;
            *byte = (drawn.wrapping_mul(0xbf58_476d_1ce4_e5b9) >> 56)
                .try_into()
                .unwrap_or_default();
        }
        true
    }
}

#[test]
fn what_a_function_may_read_is_known_before_it_is_called() {
    let others = [
        "now",
        "ago 5",
        "date `05` 1",
        "date `2006` nil",
        "htmlDate nil",
        "htmlDateInZone nil `UTC`",
        "dateInZone `05` nil `UTC`",
        "date_in_zone `2006` nil `UTC`",
        "durationRound (toDate `2006` `2020`)",
        "shuffle `abcdefgh`",
        "uuidv4",
        "htpasswd `a` `b` ``",
        "bcrypt `a`",
        "encryptAES `k` `v`",
        "randInt 0 999999",
        "randAlpha 9",
        "randAlphaNum 9",
        "randNumeric 9",
        "randAscii 9",
        "randBytes 9",
        "genPrivateKey `ed25519`",
        "(genCA `a` 1).Cert",
        "(genSelfSignedCert `a` nil nil 1).Cert",
        "derivePassword 1 `long` `a` `b` `c`",
    ];
    let rows = rows().expect("the table has objects");
    let templates = rows
        .iter()
        .map(|row| row.text("template").map(str::to_owned).unwrap_or_default());
    let templates = templates.chain(others.map(|call| format!("{{{{ {call} }}}}")));
    let (functions, limits) = (gotext::functions::all(), Limits::default());
    let parsing = ParseOptions {
        left_delim: b"",
        right_delim: b"",
        functions: &functions,
        limits: &limits,
    };
    for text in templates {
        let Ok(template) = Template::parse("t", text.as_str(), &parsing) else {
            continue;
        };
        let output = |time: u64, random: u64| {
            let with = |seed| Surroundings {
                seed,
                drawn: AtomicU64::new(0),
            };
            let rendering = ExecOptions {
                missing_key: MissingKey::Error,
                limits: &limits,
                clock: &with(time),
                random: &with(random),
            };
            let data =
                gotext::template::Value::Map(gotext::template::Map::strings([("s", "hello"), ("num", "42")]));
            template
                .execute(&data, &rendering)
                .map(|output| output.to_vec())
                .map_err(|error| error.full().to_vec())
        };
        let first = output(0, 0);
        if first == output(1, 1) {
            continue;
        }
        assert!(
            first == output(0, 1) || template.uses_random(),
            "{text} uses randomness"
        );
        assert!(
            first == output(1, 0) || template.uses_clock(),
            "{text} uses the clock"
        );
    }
}
