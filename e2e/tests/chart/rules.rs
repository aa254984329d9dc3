//! Alerts and dashboard.

use std::process::Command;

use serde_json::Value;

use crate::render::{CHART, REPOSITORY};

fn alerts() -> Vec<Value> {
    let text = std::fs::read_to_string(format!("{CHART}/files/alerts.yaml")).unwrap();
    let file: Value = serde_saphyr::from_str(&text).unwrap();
    file["groups"][0]["rules"].as_array().unwrap().clone()
}

#[test]
fn every_alert_fires_when_it_should_and_a_healthy_operator_fires_none() {
    let tests = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/chart/alerts_test.yaml");
    let output = Command::new("promtool").args(["test", "rules", tests]).output();
    let output = output.expect("promtool, which Debian's package prometheus has");
    let said = [output.stdout, output.stderr].concat();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&said));
    let text = std::fs::read_to_string(tests).unwrap();
    for alert in alerts() {
        let name = alert["alert"].as_str().unwrap();
        assert!(
            text.contains(&format!("alertname: {name}\n")),
            "{name} has no test"
        );
    }
}

#[test]
fn every_alert_names_its_section_of_the_runbook() {
    let runbook = std::fs::read_to_string(format!("{REPOSITORY}/docs/alerts.md")).unwrap();
    for alert in alerts() {
        let name = alert["alert"].as_str().unwrap();
        let section = alert["annotations"]["runbook"].as_str().unwrap();
        assert_eq!(section, format!("docs/alerts.md#{}", name.to_lowercase()));
        assert!(runbook.contains(&format!("\n## {name}\n")), "{name}");
    }
}

/// Metrics that alerts and dashboard use are documented, and so exist.
#[test]
fn alerts_and_dashboard_use_documented_metrics() {
    let documented = std::fs::read_to_string(format!("{REPOSITORY}/docs/metrics.md")).unwrap();
    let alerts = std::fs::read_to_string(format!("{CHART}/files/alerts.yaml")).unwrap();
    let dashboard = std::fs::read_to_string(format!("{CHART}/files/dashboard.json")).unwrap();
    let names = format!("{alerts}{dashboard}");
    let names = names.split(|c: char| !c.is_ascii_alphanumeric() && c != '_');
    for name in names {
        let prefixes = [
            "keyferry_",
            "externalsecret_",
            "secretstore_",
            "clustersecretstore_",
            "controller_runtime_",
        ];
        if prefixes.iter().any(|prefix| name.starts_with(prefix)) {
            let metric = name.strip_suffix("_bucket").unwrap_or(name);
            assert!(documented.contains(&format!("`{metric}`")), "{metric}");
        }
    }
}

/// The page shows what a run of `make e2e` had each query evaluated to.
#[test]
fn every_query_of_the_dashboard_is_shown_with_data() {
    let text = std::fs::read_to_string(format!("{CHART}/files/dashboard.json")).unwrap();
    let dashboard: Value = serde_json::from_str(&text).unwrap();
    let page = std::fs::read_to_string(format!("{REPOSITORY}/docs/dashboard.md")).unwrap();
    for panel in dashboard["panels"].as_array().unwrap() {
        let title = panel["title"].as_str().unwrap();
        for target in panel["targets"].as_array().unwrap() {
            let row = format!("\n| {title} | `{}` | ", target["expr"].as_str().unwrap());
            let (_, rest) = page.split_once(&row).unwrap_or_else(|| panic!("no row: {row}"));
            assert!(rest.starts_with(char::is_alphanumeric), "no data: {row}");
        }
    }
}
