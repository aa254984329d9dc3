//! Runs the tables of `cases/`, whose expectations come from the Go programs, and prints how many rows pass.
//!
//! `GOTEXT_CASES` names another folder. The fields of the rows are described in `cases/README.md`.

#[path = "cases/cron.rs"]
mod cron;
#[path = "cases/gjson.rs"]
mod gjson;
#[path = "cases/regex.rs"]
mod regex;
#[path = "cases/row.rs"]
mod row;
#[path = "cases/template.rs"]
mod template;
#[path = "cases/yaml.rs"]
mod yaml;

use std::path::PathBuf;

use row::{Failure, Row};

/// One table and how to run a row of it.
struct Family {
    name: &'static str,
    /// The field that tells a row from the others.
    title: &'static str,
    run: fn(&Row) -> Result<(), Failure>,
}

const FAMILIES: &[Family] = &[
    Family {
        name: "template",
        title: "template",
        run: template::run,
    },
    Family {
        name: "functions",
        title: "template",
        run: template::run,
    },
    Family {
        name: "gjson",
        title: "path",
        run: gjson::run,
    },
    Family {
        name: "regex",
        title: "re",
        run: regex::run,
    },
    Family {
        name: "yaml-emit",
        title: "v",
        run: yaml::emit,
    },
    Family {
        name: "yaml-parse",
        title: "y",
        run: yaml::parse,
    },
    Family {
        name: "cron",
        title: "expr",
        run: cron::run,
    },
];

fn folder() -> PathBuf {
    let default = concat!(env!("CARGO_MANIFEST_DIR"), "/cases");
    std::env::var_os("GOTEXT_CASES").map_or_else(|| PathBuf::from(default), PathBuf::from)
}

#[test]
fn every_row_of_every_table_gives_what_go_gives() {
    let (mut tables, mut failed) = (0, 0);
    for family in FAMILIES {
        let path = folder().join(format!("{}.json", family.name));
        let Ok(text) = std::fs::read(&path) else { continue };
        let rows: Vec<Row> = serde_json::from_slice(&text).expect("a table is an array of objects");
        tables += 1;
        let mut passed = 0;
        for row in &rows {
            match (family.run)(row) {
                Ok(()) => passed += 1,
                Err(failure) => println!("{} {}:\n{failure}", family.name, row.title(family.title)),
            }
        }
        println!("{}: {passed}/{}", family.name, rows.len());
        failed += rows.len() - passed;
    }
    assert!(tables > 0, "no table in {}", folder().display());
    assert_eq!(failed, 0, "rows failed");
}
