//! The committed manifests are what the code says. `UPDATE=1 cargo test --test manifests` rewrites them.

#![expect(
    clippy::unwrap_used,
    reason = "a test that cannot go on should stop where it is"
)]

mod docs;
mod eso;

use std::{collections::BTreeMap, fs, path::Path};

use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::{
    CustomResourceDefinition, JSONSchemaProps, JSONSchemaPropsOrArray, JSONSchemaPropsOrBool,
};

/// Largest CRD, and all of them, as committed.
const ONE_CRD: usize = 120_000;
const ALL_CRDS: usize = 350_000;

/// `kubectl apply` without `--server-side` keeps the whole object in an annotation of at most this size.
const LAST_APPLIED: usize = 262_144;

/// Defaults that ESO's CRDs have. Any other one would show up in what users read back.
const DEFAULTS: &[(&str, &str)] = &[
    (
        "externalsecrets spec.dataFrom[].rewrite[].merge.conflictPolicy",
        "\"Error\"",
    ),
    ("externalsecrets spec.dataFrom[].rewrite[].merge.into", "\"\""),
    (
        "externalsecrets spec.dataFrom[].rewrite[].merge.priorityPolicy",
        "\"Strict\"",
    ),
    (
        "externalsecrets spec.dataFrom[].rewrite[].merge.strategy",
        "\"Extract\"",
    ),
    (
        "externalsecrets spec.dataFrom[].sourceRef.generatorRef.apiVersion",
        "\"generators.external-secrets.io/v1alpha1\"",
    ),
    (
        "externalsecrets spec.data[].sourceRef.generatorRef.apiVersion",
        "\"generators.external-secrets.io/v1alpha1\"",
    ),
    ("externalsecrets spec.refreshInterval", "\"1h0m0s\""),
    (
        "externalsecrets spec.target",
        "{\"creationPolicy\":\"Owner\",\"deletionPolicy\":\"Retain\"}",
    ),
    ("externalsecrets spec.target.creationPolicy", "\"Owner\""),
    ("externalsecrets spec.target.deletionPolicy", "\"Retain\""),
    ("externalsecrets spec.target.template.engineVersion", "\"v2\""),
    ("externalsecrets spec.target.template.mergePolicy", "\"Replace\""),
    (
        "externalsecrets spec.target.template.templateFrom[].configMap.items[].templateAs",
        "\"Values\"",
    ),
    (
        "externalsecrets spec.target.template.templateFrom[].secret.items[].templateAs",
        "\"Values\"",
    ),
    (
        "externalsecrets spec.target.template.templateFrom[].target",
        "\"Data\"",
    ),
    ("externalsecrets status.binding.name", "\"\""),
    (
        "clustersecretstores spec.provider.aws.sessionTagsPolicy",
        "\"None\"",
    ),
    ("secretstores spec.provider.aws.sessionTagsPolicy", "\"None\""),
    (
        "clustergenerators spec.generator.passwordSpec.allowRepeat",
        "false",
    ),
    (
        "clustergenerators spec.generator.passwordSpec.encoding",
        "\"raw\"",
    ),
    ("clustergenerators spec.generator.passwordSpec.length", "24"),
    ("clustergenerators spec.generator.passwordSpec.noUpper", "false"),
    ("passwords spec.allowRepeat", "false"),
    ("passwords spec.encoding", "\"raw\""),
    ("passwords spec.length", "24"),
    ("passwords spec.noUpper", "false"),
    ("clustergenerators spec.generator.sshKeySpec.keyType", "\"rsa\""),
    ("sshkeys spec.keyType", "\"rsa\""),
];

/// Equal to the committed file, or made so under `UPDATE=1`.
fn assert_committed(path: &Path, text: &str) {
    if std::env::vars().any(|(name, value)| name == "UPDATE" && value == "1") {
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
    let committed = fs::read_to_string(path).unwrap_or_default();
    assert!(
        committed == text,
        "{} is not what the code says: run `make crds`",
        path.display()
    );
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Calls `visit` with the path of each field of the served version, and its schema.
fn each_field(crd: &CustomResourceDefinition, visit: &mut dyn FnMut(&str, &JSONSchemaProps)) {
    let version = crd.spec.versions.iter().find(|v| v.served).unwrap();
    let schema = version
        .schema
        .as_ref()
        .unwrap()
        .open_api_v3_schema
        .as_ref()
        .unwrap();
    walk("", schema, visit);
}

fn walk(path: &str, schema: &JSONSchemaProps, visit: &mut dyn FnMut(&str, &JSONSchemaProps)) {
    for (name, child) in schema.properties.iter().flatten() {
        let path = if path.is_empty() {
            name.clone()
        } else {
            format!("{path}.{name}")
        };
        visit(&path, child);
        walk(&path, child, visit);
    }
    if let Some(JSONSchemaPropsOrArray::Schema(items)) = &schema.items {
        walk(&format!("{path}[]"), items, visit);
    }
    if let Some(JSONSchemaPropsOrBool::Schema(values)) = &schema.additional_properties {
        walk(&format!("{path}{{}}"), values, visit);
    }
}

#[test]
fn the_committed_crds_are_those_of_the_code() {
    let files = keyferry::crds::files().unwrap();
    for (name, text) in &files {
        assert_committed(&root().join("crds").join(name), text);
    }
    let committed = fs::read_dir(root().join("crds")).unwrap().count();
    assert_eq!(
        committed,
        files.len(),
        "crds/ holds files that the code does not print"
    );
}

#[test]
fn the_committed_reference_is_that_of_the_code() {
    let text = keyferry::reference::markdown().unwrap();
    assert_committed(&root().join("docs/reference.md"), &text);
    for crd in keyferry::crds::all().unwrap() {
        each_field(&crd, &mut |path, _| {
            let is_elsewhere = path.starts_with("spec.externalSecretSpec.");
            let is_told = text.contains(&format!("| `{path}` |"));
            assert!(
                is_told || is_elsewhere || !path.contains('.'),
                "{path} is not told"
            );
        });
    }
}

#[test]
fn the_eso_shaped_crds_are_made_from_ours() {
    for crd in keyferry::crds::all().unwrap() {
        let file = format!("{}_{}.yaml", crd.spec.group, crd.spec.names.plural);
        for (folder, stage) in [
            ("v1beta1-stored", eso::Stage::V1beta1),
            ("v1-stored", eso::Stage::V1),
        ] {
            let text = serde_saphyr::to_string(&eso::shaped(&crd, stage)).unwrap();
            assert_committed(&root().join("tests/eso-crds").join(folder).join(&file), &text);
        }
    }
}

#[test]
fn the_printed_yaml_reads_back_as_the_same_crds() {
    for (crd, (_, text)) in keyferry::crds::all()
        .unwrap()
        .into_iter()
        .zip(keyferry::crds::files().unwrap())
    {
        let read: serde_json::Value = serde_saphyr::from_str(&text).unwrap();
        assert_eq!(read, serde_json::to_value(crd).unwrap());
    }
}

#[test]
fn the_crds_are_small_enough_for_client_side_apply() {
    let files = keyferry::crds::files().unwrap();
    for (name, text) in &files {
        assert!(text.len() <= ONE_CRD, "{name} has {} bytes", text.len());
    }
    assert!(files.iter().map(|(_, text)| text.len()).sum::<usize>() <= ALL_CRDS);
    for crd in keyferry::crds::all().unwrap() {
        assert!(serde_json::to_vec(&crd).unwrap().len() < LAST_APPLIED);
    }
}

#[test]
fn every_field_of_the_crds_is_described() {
    for crd in keyferry::crds::all().unwrap() {
        each_field(&crd, &mut |path, schema| {
            let description = schema.description.as_deref().unwrap_or_default();
            assert!(
                !description.is_empty(),
                "{path} of {} has no description",
                crd.spec.names.kind
            );
            assert!(
                description.len() <= 600,
                "the description of {path} is long: {description}"
            );
        });
    }
}

#[test]
fn defaults_of_the_crds_are_exactly_those_that_eso_has() {
    let mut found = BTreeMap::new();
    for crd in keyferry::crds::all().unwrap() {
        each_field(&crd, &mut |path, schema| {
            if let Some(default) = &schema.default {
                found.insert(format!("{} {path}", crd.spec.names.plural), default.0.to_string());
            }
        });
    }
    let wanted: BTreeMap<String, String> = DEFAULTS
        .iter()
        .flat_map(|(path, value)| {
            // A ClusterExternalSecret holds the spec of an ExternalSecret.
            let inside = path
                .strip_prefix("externalsecrets spec.")
                .map(|field| format!("clusterexternalsecrets spec.externalSecretSpec.{field}"));
            std::iter::once((*path).to_owned())
                .chain(inside)
                .map(|path| (path, (*value).to_owned()))
        })
        .collect();
    assert_eq!(found, wanted);
}

#[test]
fn only_the_refresh_time_may_be_null_and_no_list_is_bounded() {
    for crd in keyferry::crds::all().unwrap() {
        each_field(&crd, &mut |path, schema| {
            assert_eq!(schema.nullable.is_some(), path == "status.refreshTime", "{path}");
            assert_eq!(schema.max_items, None, "{path}");
            assert_eq!(schema.x_kubernetes_list_type, None, "{path}");
            let formats = ["date-time", "int32", "int64"];
            assert!(
                schema.format.as_deref().is_none_or(|f| formats.contains(&f)),
                "{path}"
            );
        });
    }
}
