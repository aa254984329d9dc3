//! Every function called with ordinary and odd arguments: nil, wrong types, empty and negative ones, bytes that are
//! not UTF-8. `calls/sprig.json` holds what Go's sprig gave for each call, in the form of the tables of `cases/`; the
//! data is `{"s": "hello", "num": "42"}`, and a missing key is an error.

#[path = "cases/row.rs"]
#[expect(dead_code, reason = "the rows of other tables have further fields")]
mod row;
#[path = "cases/template.rs"]
mod template;

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
