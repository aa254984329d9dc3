//! The tests that documentation names exist.

use std::{collections::BTreeSet, fs, path::Path};

use super::root;

/// Modules and tests below a folder, as their paths in code: `policies::lives`, `policies::lives::each_…`.
fn known(folder: &Path, module: &str, into: &mut BTreeSet<String>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let stem = path.file_stem().unwrap().to_str().unwrap().to_owned();
        let inside = if module.is_empty() {
            stem
        } else {
            format!("{module}::{stem}")
        };
        if path.is_dir() {
            known(&path, &inside, into);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            tests_of(&fs::read_to_string(&path).unwrap(), &inside, into);
            into.insert(inside);
        }
    }
}

fn tests_of(text: &str, module: &str, into: &mut BTreeSet<String>) {
    let mut module = module.to_owned();
    let mut is_test = false;
    for line in text.lines().map(str::trim) {
        if line == "mod tests {" {
            module += "::tests";
            into.insert(module.clone());
        }
        is_test |= line == "#[test]" || line.starts_with("#[tokio::test");
        let function = line
            .strip_prefix("async fn ")
            .or_else(|| line.strip_prefix("fn "));
        if let Some(function) = function.filter(|_| is_test) {
            let name = function.split('(').next().unwrap();
            into.insert(format!("{module}::{name}"));
            is_test = false;
        }
    }
}

/// What stands between backticks.
fn quoted(line: &str) -> impl Iterator<Item = &str> {
    line.split('`').skip(1).step_by(2)
}

fn is_path(text: &str) -> bool {
    let is_step = |step: &str| {
        !step.is_empty()
            && step
                .bytes()
                .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_')
    };
    text.contains("::") && text.split("::").all(is_step)
}

fn all() -> BTreeSet<String> {
    let mut all = BTreeSet::new();
    for folder in ["tests/it", "src"] {
        known(&root().join(folder), "", &mut all);
    }
    all
}

#[test]
fn every_test_that_documentation_names_exists() {
    let known = all();
    let mut missing = vec![];
    for entry in fs::read_dir(root().join("docs")).unwrap() {
        let path = entry.unwrap().path();
        let Ok(text) = fs::read_to_string(&path) else {
            continue;
        };
        for named in text.lines().flat_map(quoted).filter(|text| is_path(text)) {
            if !known.contains(named) {
                missing.push(format!("{}: {named}", path.display()));
            }
        }
    }
    assert!(missing.is_empty(), "{missing:#?}");
}

#[test]
fn every_behaviour_names_the_test_that_shows_it() {
    let known = all();
    let text = fs::read_to_string(root().join("docs/behaviours.md")).unwrap();
    let rows = text
        .lines()
        .filter(|line| line.starts_with("| ") && !line.ends_with("| Test |"));
    let shows = |cell: &str| {
        let is_shown = |named: &str| known.contains(named) || root().join(named).is_file();
        quoted(cell).any(is_shown) || cell.contains("](policies.md)")
    };
    let bare: Vec<_> = rows
        .filter(|row| !row.trim_end_matches(" |").rsplit(" | ").next().is_some_and(shows))
        .collect();
    assert!(bare.is_empty(), "{bare:#?}");
}
