//! What the operator can say is in the pages for those who run it: log lines, metrics, alerts.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use crate::render::{CHART, REPOSITORY};

/// The operator's sources, without their tests.
fn sources() -> String {
    fn collect(folder: &Path, found: &mut Vec<PathBuf>) {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() && path.file_name().unwrap() != "tests" {
                collect(&path, found);
            } else if path.extension().is_some_and(|extension| extension == "rs")
                && !path.ends_with("tests.rs")
            {
                found.push(path);
            }
        }
    }
    let mut found = vec![];
    collect(&Path::new(REPOSITORY).join("src"), &mut found);
    found
        .iter()
        .map(|path| fs::read_to_string(path).unwrap())
        .collect()
}

fn page(name: &str) -> String {
    fs::read_to_string(format!("{REPOSITORY}/docs/{name}.md")).unwrap()
}

/// The texts in quotes of a piece of source.
fn quoted(source: &str) -> impl Iterator<Item = &str> {
    source.split('"').skip(1).step_by(2)
}

#[test]
fn every_warning_and_error_of_the_log_is_explained() {
    let sources = sources();
    let mut messages = BTreeSet::new();
    for level in ["tracing::warn!(", "tracing::error!("] {
        for call in sources.split(level).skip(1) {
            let (call, _) = call.split_once(");").unwrap();
            messages.insert(quoted(call).find(|text| text.contains(' ')).unwrap());
        }
    }
    assert!(messages.len() > 20, "{messages:?}");
    let page = page("operations");
    for message in messages {
        let (beginning, _) = message.split_once(';').unwrap_or((message, ""));
        assert!(
            page.contains(&format!("`{beginning}")),
            "docs/operations.md says nothing of: {message}"
        );
    }
}

#[test]
fn every_cause_of_a_condition_has_something_to_do() {
    let source = fs::read_to_string(format!("{REPOSITORY}/src/sync/cause.rs")).unwrap();
    let (_, list) = source.split_once("\ncauses! {").unwrap();
    let (list, _) = list.split_once("\n}").unwrap();
    let causes: Vec<_> = list
        .lines()
        .filter_map(|line| line.trim().split_once(" => "))
        .map(|(name, _)| name)
        .collect();
    assert!(causes.len() > 30, "{causes:?}");
    let page = page("conditions");
    for cause in causes {
        let row = page
            .lines()
            .find(|line| line.starts_with(&format!("| `{cause}` | ")));
        let cells: Vec<_> = row
            .unwrap_or_else(|| panic!("docs/conditions.md says nothing of {cause}"))
            .trim_matches('|')
            .split('|')
            .map(str::trim)
            .collect();
        assert!(
            cells.len() == 4 && cells.iter().all(|cell| !cell.is_empty()),
            "{cells:?}"
        );
    }
}

/// A metric as the pages write it. Those of several kinds are made from the kind.
fn is_metric(name: &str) -> bool {
    let families = [
        "keyferry_",
        "controller_runtime_",
        "workqueue_",
        "leader_election_master_",
    ];
    let kinds = ["externalsecret_", "secretstore_"];
    name.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_')
        && (families.iter().any(|family| name.starts_with(family))
            || kinds
                .iter()
                .any(|kind| name.trim_start_matches("cluster").starts_with(kind)))
}

#[test]
fn every_metric_is_listed_and_has_something_to_do() {
    let sources = sources();
    let literals = sources.match_indices('"').map(|(at, _)| &sources[at + 1..]);
    let made: BTreeSet<_> = literals
        .filter_map(|rest| rest.split_once('"'))
        .map(|(text, _)| text)
        .filter(|text| is_metric(text))
        .collect();
    assert!(made.len() > 20, "{made:?}");
    let listed = page("metrics");
    for metric in &made {
        assert!(
            listed.contains(&format!("`{metric}`")),
            "docs/metrics.md says nothing of {metric}"
        );
    }
    let operations = page("operations");
    for metric in listed.split('`').filter(|text| is_metric(text)) {
        assert!(
            operations.contains(&format!("`{metric}`")),
            "docs/operations.md says nothing of {metric}"
        );
    }
}

#[test]
fn every_alert_is_in_the_page_for_those_who_run_it() {
    let alerts = fs::read_to_string(format!("{CHART}/files/alerts.yaml")).unwrap();
    let page = page("operations");
    for name in alerts
        .lines()
        .filter_map(|line| line.trim().strip_prefix("- alert: "))
    {
        let link = format!("[{name}](alerts.md#{})", name.to_lowercase());
        assert!(page.contains(&link), "{name}");
    }
}
