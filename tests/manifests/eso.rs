//! CRDs in the shape of ESO's, made from ours: other providers declared and nothing unknown kept, none of our status
//! fields, rules left to a webhook, and `v1beta1` with a schema of its own. Tests run on them to show that keyferry
//! works there, and that ours install over them.

use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use serde_json::{Map, Value, json};

/// Which version objects are stored in.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stage {
    /// An installation of some years ago.
    V1beta1,
    /// One of today, which may still hold objects of then.
    V1,
}

/// Status fields that only we have.
const OURS: [&str; 6] = [
    "observedGeneration",
    "cause",
    "entries",
    "omitted",
    "expires",
    "target",
];

/// The CRD as ESO would install it.
pub(crate) fn shaped(crd: &CustomResourceDefinition, stage: Stage) -> Value {
    let mut crd = serde_json::to_value(crd).unwrap();
    let mut v1 = crd.pointer("/spec/versions/0").unwrap().clone();
    let schema = v1.pointer_mut("/schema/openAPIV3Schema").unwrap();
    strip(schema);
    let Some(status) = schema.pointer_mut("/properties/status/properties") else {
        return generator(crd, v1);
    };
    let status = status.as_object_mut().unwrap();
    for field in OURS {
        status.remove(field);
    }
    if let Some(provider) = schema.pointer_mut("/properties/spec/properties/provider") {
        provider
            .as_object_mut()
            .unwrap()
            .remove("x-kubernetes-preserve-unknown-fields");
        let providers = provider
            .pointer_mut("/properties")
            .unwrap()
            .as_object_mut()
            .unwrap();
        providers.extend(others());
    }
    // In v1beta1 the rules were looser still; what matters is that it has fields and not "anything".
    let mut v1beta1 = v1.clone();
    set(&mut v1, json!({ "storage": stage == Stage::V1 }));
    let is_old = stage == Stage::V1beta1;
    set(
        &mut v1beta1,
        json!({ "name": "v1beta1", "served": is_old, "storage": is_old, "deprecated": true }),
    );
    *crd.pointer_mut("/spec/versions").unwrap() = json!([v1, v1beta1]);
    crd
}

/// Generators have one version and no status.
fn generator(mut crd: Value, mut version: Value) -> Value {
    let spec = "/schema/openAPIV3Schema/properties/spec/properties/generator";
    if let Some(generator) = version.pointer_mut(spec) {
        generator
            .as_object_mut()
            .unwrap()
            .remove("x-kubernetes-preserve-unknown-fields");
    }
    *crd.pointer_mut("/spec/versions").unwrap() = json!([version]);
    crd
}

fn set(object: &mut Value, fields: Value) {
    let Value::Object(fields) = fields else { return };
    object.as_object_mut().unwrap().extend(fields);
}

/// Removes descriptions and rules, except the one rule that ESO's CRDs have.
fn strip(schema: &mut Value) {
    let Some(object) = schema.as_object_mut() else {
        return;
    };
    if object.get("description").is_some_and(Value::is_string) {
        object.remove("description");
    }
    let about_tags = |rules: &Value| rules.to_string().contains("customSessionTags cannot contain");
    if object
        .get("x-kubernetes-validations")
        .is_some_and(|rules| !about_tags(rules))
    {
        object.remove("x-kubernetes-validations");
    }
    for (key, child) in object.iter_mut() {
        if key == "properties" {
            child.as_object_mut().unwrap().values_mut().for_each(strip);
        } else {
            strip(child);
        }
    }
}

/// Providers of others: a typed one with defaults, nested references and maps, and a small one.
fn others() -> Map<String, Value> {
    let text = || json!({ "type": "string" });
    let key =
        || json!({ "type": "object", "properties": { "name": text(), "namespace": text(), "key": text() } });
    let account = json!({
        "type": "object",
        "properties": { "name": text(), "namespace": text(), "audiences": { "type": "array", "items": text() } },
        "required": ["name"],
    });
    let vault = json!({
        "type": "object",
        "required": ["server"],
        "properties": {
            "server": text(),
            "path": text(),
            "namespace": text(),
            "version": { "type": "string", "enum": ["v1", "v2"], "default": "v2" },
            "caBundle": { "type": "string", "format": "byte" },
            "caProvider": {
                "type": "object",
                "properties": {
                    "type": { "type": "string", "enum": ["Secret", "ConfigMap"] },
                    "name": text(), "namespace": text(), "key": text(),
                },
                "required": ["name", "type"],
            },
            "headers": { "type": "object", "additionalProperties": text() },
            "readYourWrites": { "type": "boolean" },
            "forwardInconsistent": { "type": "boolean" },
            "auth": {
                "type": "object",
                "properties": {
                    "namespace": text(),
                    "tokenSecretRef": key(),
                    "appRole": {
                        "type": "object",
                        "properties": {
                            "path": { "type": "string", "default": "approle" },
                            "roleId": text(), "roleRef": key(), "secretRef": key(),
                        },
                        "required": ["path", "secretRef"],
                    },
                    "kubernetes": {
                        "type": "object",
                        "properties": {
                            "mountPath": { "type": "string", "default": "kubernetes" },
                            "role": text(), "serviceAccountRef": account, "secretRef": key(),
                        },
                        "required": ["mountPath", "role"],
                    },
                },
            },
        },
    });
    let fake = json!({
        "type": "object",
        "required": ["data"],
        "properties": {
            "validationResult": { "type": "integer" },
            "data": {
                "type": "array",
                "items": {
                    "type": "object",
                    "properties": { "key": text(), "value": text(), "version": text() },
                    "required": ["key"],
                },
            },
        },
    });
    Map::from_iter([("vault".to_owned(), vault), ("fake".to_owned(), fake)])
}
