//! The tests that documentation names exist, and differences are shown by the tests that name them.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::Path,
};

use super::root;

/// Modules and tests, as their paths in code (`policies::lives`, `policies::lives::each_…`), and the lines of
/// docs/differences.md that each of them shows.
type Known = BTreeMap<String, BTreeSet<String>>;

/// How a test names a line of docs/differences.md.
const DIFFERS: &str = "/// Differs: docs/differences.md#";

fn known(folder: &Path, module: &str, into: &mut Known) {
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
            into.entry(inside).or_default();
        }
    }
}

fn tests_of(text: &str, module: &str, into: &mut Known) {
    let mut module = module.to_owned();
    let mut is_test = false;
    let mut differs = BTreeSet::new();
    for line in text.lines().map(str::trim) {
        if line == "mod tests {" {
            module += "::tests";
            into.entry(module.clone()).or_default();
        }
        if let Some(named) = line.strip_prefix(DIFFERS) {
            differs.insert(named.trim_end_matches('.').to_owned());
        }
        is_test |= line == "#[test]" || line.starts_with("#[tokio::test");
        let function = line
            .strip_prefix("async fn ")
            .or_else(|| line.strip_prefix("fn "));
        if let Some(function) = function.filter(|_| is_test) {
            let name = function.split('(').next().unwrap();
            into.insert(format!("{module}::{name}"), std::mem::take(&mut differs));
            is_test = false;
        }
    }
    assert!(differs.is_empty(), "{module}: {differs:?} stand at no test");
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

fn all() -> Known {
    let mut all = Known::new();
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
            if !known.contains_key(named) {
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
        let is_shown = |named: &str| known.contains_key(named) || root().join(named).is_file();
        quoted(cell).any(is_shown) || cell.contains("](policies.md)")
    };
    let bare: Vec<_> = rows
        .filter(|row| !row.trim_end_matches(" |").rsplit(" | ").next().is_some_and(shows))
        .collect();
    assert!(bare.is_empty(), "{bare:#?}");
}

/// The lines of docs/differences.md, by their names.
fn differences() -> BTreeSet<String> {
    let text = fs::read_to_string(root().join("docs/differences.md")).unwrap();
    let is_line = |line: &&str| line.starts_with("| ") && !line.ends_with("| Way back |");
    let name = |line: &str| {
        let name = line
            .strip_prefix("| <a id=\"")
            .and_then(|rest| rest.split_once("\"></a>"));
        name.map_or_else(
            || format!("a difference without a name: {line}"),
            |(name, _)| name.to_owned(),
        )
    };
    let lines: Vec<_> = text.lines().filter(is_line).map(name).collect();
    let names: BTreeSet<_> = lines.iter().cloned().collect();
    assert_eq!(names.len(), lines.len(), "no name stands for two differences");
    names
}

/// The lines of docs/differences.md that a text links to.
fn linked(text: &str) -> impl Iterator<Item = &str> {
    text.split("(differences.md#")
        .skip(1)
        .filter_map(|rest| rest.split(')').next())
}

#[test]
fn every_difference_is_shown_by_a_test_that_names_it() {
    let named: BTreeSet<_> = all().into_values().flatten().collect();
    assert_eq!(named, differences());
}

#[test]
fn every_behaviour_that_differs_links_to_differences_that_its_tests_show() {
    let (known, differences) = (all(), differences());
    let text = fs::read_to_string(root().join("docs/behaviours.md")).unwrap();
    let mut wrong = vec![];
    for row in text.lines().filter(|line| line.starts_with("| ")) {
        let shown: BTreeSet<_> = quoted(row)
            .filter_map(|test| known.get(test))
            .flatten()
            .map(String::as_str)
            .collect();
        let links: Vec<_> = linked(row).collect();
        let is_marked = row.contains("differs") || row.contains("difference");
        if is_marked && links.is_empty() || links.iter().any(|link| !shown.contains(link)) {
            wrong.push(row);
        }
    }
    for entry in fs::read_dir(root().join("docs")).unwrap() {
        let Ok(text) = fs::read_to_string(entry.unwrap().path()) else {
            continue;
        };
        let known = |link: &&str| differences.contains(*link);
        assert!(linked(&text).all(|link| known(&link)), "{text}");
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}
