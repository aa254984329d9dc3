//! What a release of the chart promises to those who installed an earlier one. `e2e/charts` keeps the earlier ones.

use std::collections::BTreeMap;
use std::fs;

use serde_json::Value;

use crate::render::{CHART, REPOSITORY, helm, of_kind};

/// Paths of the charts that were released, by name and version.
fn released() -> BTreeMap<String, String> {
    let folder = fs::read_dir(format!("{REPOSITORY}/e2e/charts")).unwrap();
    let charts: BTreeMap<_, _> = folder
        .map(|entry| entry.unwrap())
        .map(|entry| {
            (
                entry.file_name().into_string().unwrap(),
                entry.path().display().to_string(),
            )
        })
        .collect();
    assert!(!charts.is_empty());
    charts
}

async fn rendered(chart: &str, flags: &[&str]) -> Vec<Value> {
    let template = ["template", "keyferry", chart, "--namespace", "keyferry"];
    let text = helm(&[&template, flags].concat()).await.unwrap();
    serde_saphyr::from_multiple(&text).unwrap()
}

/// What `--reset-then-reuse-values` and a file of old values need.
#[tokio::test]
async fn every_value_of_an_earlier_chart_is_accepted() {
    for (name, chart) in released() {
        let values = format!("{chart}/values.yaml");
        let objects = rendered(CHART, &["--values", &values]).await;
        assert!(!of_kind(&objects, "Deployment").is_empty(), "{name}");
    }
}

/// Kubernetes refuses to change these: an upgrade would fail half way.
#[tokio::test]
async fn what_cannot_be_changed_in_place_stays_as_it_was() {
    let fixed = [
        ("Deployment", "/spec/selector"),
        ("ClusterRoleBinding", "/roleRef"),
        ("RoleBinding", "/roleRef"),
        ("Service", "/spec/clusterIP"),
    ];
    let modes: [&[&str]; 2] = [
        &["--set", "replicaCount=2,leaderElect=true"],
        &["--set", "scopedRBAC=true,metrics.service.enabled=true"],
    ];
    for (name, chart) in released() {
        for mode in modes {
            let then = rendered(&chart, mode).await;
            let now = rendered(CHART, mode).await;
            for (kind, path) in fixed {
                let parts = |objects: &[Value]| -> BTreeMap<String, Option<Value>> {
                    let objects = of_kind(objects, kind).into_iter();
                    let part = |object: &Value| object.pointer(path).cloned();
                    objects
                        .map(|object| (object["metadata"]["name"].to_string(), part(object)))
                        .collect()
                };
                assert_eq!(parts(&then), parts(&now), "{name}: {path} of {kind}");
            }
        }
    }
}

/// Objects that an earlier CRD took are taken and kept whole by this one.
#[tokio::test]
async fn crds_only_gain_fields() {
    for (name, chart) in released() {
        for entry in fs::read_dir(format!("{chart}/files/crds")).unwrap() {
            let entry = entry.unwrap();
            let read =
                |path: &str| -> Value { serde_saphyr::from_str(&fs::read_to_string(path).unwrap()).unwrap() };
            let file = entry.file_name().into_string().unwrap();
            let then = read(&entry.path().display().to_string());
            let now = read(&format!("{REPOSITORY}/crds/{file}"));
            assert_eq!(then["spec"]["names"], now["spec"]["names"], "{name}: {file}");
            for version in then["spec"]["versions"].as_array().unwrap() {
                let versions = now["spec"]["versions"].as_array().unwrap();
                let same = versions.iter().find(|one| one["name"] == version["name"]);
                let same = same.unwrap_or_else(|| panic!("{name}: {file} loses {}", version["name"]));
                assert_eq!(version["storage"], same["storage"], "{name}: {file}");
                let mut lost = vec![];
                let schema = |version: &Value| version["schema"]["openAPIV3Schema"].clone();
                compare(&schema(version), &schema(same), "", &mut lost);
                assert!(lost.is_empty(), "{name}: {file}: {lost:?}");
            }
        }
    }
}

/// What the newer schema no longer takes of what the older took, as far as types, fields, choices and duties say.
fn compare(then: &Value, now: &Value, at: &str, lost: &mut Vec<String>) {
    for word in [
        "type",
        "x-kubernetes-preserve-unknown-fields",
        "x-kubernetes-int-or-string",
    ] {
        if then[word] != now[word] {
            lost.push(format!("{at}: {word} was {} and is {}", then[word], now[word]));
        }
    }
    let list = |schema: &Value, word: &str| schema[word].as_array().cloned().unwrap_or_default();
    for required in list(now, "required") {
        if !list(then, "required").contains(&required) {
            lost.push(format!("{at}: {required} is required"));
        }
    }
    if !now["enum"].is_null() {
        let gone = list(then, "enum")
            .into_iter()
            .filter(|one| !list(now, "enum").contains(one));
        lost.extend(gone.map(|one| format!("{at}: {one} is no longer allowed")));
        if then["enum"].is_null() {
            lost.push(format!("{at}: only {} is allowed", now["enum"]));
        }
    }
    for (field, schema) in then["properties"].as_object().into_iter().flatten() {
        let at = format!("{at}.{field}");
        match &now["properties"][field] {
            Value::Null => lost.push(format!("{at} is gone")),
            now => compare(schema, now, &at, lost),
        }
    }
    for inner in ["items", "additionalProperties"] {
        if then[inner].is_object() {
            compare(&then[inner], &now[inner], &format!("{at}[]"), lost);
        }
    }
}

#[test]
fn a_schema_that_takes_less_is_found_out() {
    let then: Value = serde_json::json!({ "type": "object", "required": ["a"], "properties": {
        "a": { "type": "string", "enum": ["x", "y"] },
        "b": { "type": "array", "items": { "type": "object", "properties": { "c": { "type": "string" } } } },
    } });
    let now = serde_json::json!({ "type": "object", "required": ["a", "b"], "properties": {
        "a": { "type": "string", "enum": ["x"] },
        "b": { "type": "array", "items": { "type": "object", "properties": { "d": { "type": "string" } } } },
    } });
    let mut lost = vec![];
    compare(&then, &now, "", &mut lost);
    assert_eq!(
        lost,
        [
            ": \"b\" is required",
            ".a: \"y\" is no longer allowed",
            ".b[].c is gone"
        ]
    );
    lost.clear();
    compare(&then, &then, "", &mut lost);
    assert!(lost.is_empty());
}

/// What release.yml checks against the tag, before there is a tag.
#[test]
fn the_version_is_the_same_everywhere() {
    let version = env!("CARGO_PKG_VERSION");
    let read = |path: &str| fs::read_to_string(format!("{REPOSITORY}/{path}")).unwrap();
    let chart: Value = serde_saphyr::from_str(&read("charts/keyferry/Chart.yaml")).unwrap();
    assert_eq!(chart["version"], version);
    assert_eq!(chart["appVersion"], version);
    let readme = read("README.md");
    let named: Vec<_> = readme.split("REGISTRY/keyferry:").skip(1).collect();
    assert!(!named.is_empty() && named.iter().all(|rest| rest.starts_with(version)));
    assert!(
        !released().contains_key(&format!("keyferry-{version}")),
        "{version} was released: give the chart a new version before changing it"
    );
}
