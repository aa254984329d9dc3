//! Runs helm on the chart.

use std::process::Command;

use keyferry_parts::binaries::{self, Binary};
use serde_json::Value;

pub(crate) const CHART: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../charts/keyferry");
pub(crate) const REPOSITORY: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/..");

/// Runs helm; gives stdout, or stderr where it fails.
pub(crate) async fn helm(arguments: &[&str]) -> Result<String, String> {
    let helm = binaries::locate(Binary::Helm).await.unwrap();
    let output = Command::new(helm).args(arguments).output().unwrap();
    if output.status.success() {
        Ok(String::from_utf8(output.stdout).unwrap())
    } else {
        Err(String::from_utf8_lossy(&output.stderr).into_owned())
    }
}

/// What is rendered with these `--set` values, or why nothing is.
pub(crate) async fn try_render(values: &[&str]) -> Result<Vec<Value>, String> {
    let mut arguments = vec!["template", "keyferry", CHART, "--namespace", "keyferry"];
    for value in values {
        arguments.extend(["--set", value]);
    }
    let text = helm(&arguments).await?;
    let documents = serde_saphyr::from_multiple::<Value>(&text).unwrap();
    Ok(documents
        .into_iter()
        .filter(|document| !document.is_null())
        .collect())
}

pub(crate) async fn render(values: &[&str]) -> Vec<Value> {
    try_render(values).await.unwrap()
}

/// The objects of a kind.
pub(crate) fn of_kind<'a>(objects: &'a [Value], kind: &str) -> Vec<&'a Value> {
    objects.iter().filter(|object| object["kind"] == kind).collect()
}

/// The one object of a kind.
pub(crate) fn the<'a>(objects: &'a [Value], kind: &str) -> &'a Value {
    let found = of_kind(objects, kind);
    assert_eq!(found.len(), 1, "{kind}: {found:#?}");
    found[0]
}

pub(crate) fn container(objects: &[Value]) -> &Value {
    &the(objects, "Deployment")["spec"]["template"]["spec"]["containers"][0]
}

pub(crate) fn arguments(objects: &[Value]) -> Vec<&str> {
    container(objects)["args"]
        .as_array()
        .unwrap()
        .iter()
        .filter_map(Value::as_str)
        .collect()
}

/// Every `group/resource: verb` that the rules of these roles allow.
pub(crate) fn allowed(roles: &[&Value]) -> Vec<String> {
    let strings = |value: &Value| -> Vec<String> {
        value
            .as_array()
            .into_iter()
            .flatten()
            .filter_map(Value::as_str)
            .map(str::to_owned)
            .collect()
    };
    let mut allowed = vec![];
    for rule in roles.iter().flat_map(|role| role["rules"].as_array().unwrap()) {
        for group in strings(&rule["apiGroups"]) {
            for resource in strings(&rule["resources"]) {
                for verb in strings(&rule["verbs"]) {
                    allowed.push(format!("{group}/{resource}: {verb}"));
                }
            }
        }
    }
    allowed.sort();
    allowed.dedup();
    allowed
}
