//! Pieces of schema that the API types share: what a name, a key or a namespace may look like, and CEL rules.
//!
//! Nothing here may be narrower than ESO's CRDs together with its webhook: a manifest that it takes is taken here.

use schemars::{Schema, transform::Transform};
use serde_json::{Value, json};

/// Where a CRD's schema keeps CEL rules.
const RULES: &str = "x-kubernetes-validations";

/// When a sync window opens: five cron fields, or a descriptor.
pub(super) const SCHEDULE: &str =
    r"^(@(annually|yearly|monthly|weekly|daily|midnight|hourly)|@every [^\s]+.*|[^\s]+( [^\s]+){4})$";

/// Name of a Kubernetes object.
pub(super) fn name(schema: &mut Schema) {
    text(
        schema,
        253,
        r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$",
    );
}

/// Key in a Secret or ConfigMap.
pub(super) fn key(schema: &mut Schema) {
    text(schema, 253, r"^[-._a-zA-Z0-9]+$");
}

/// Name of a namespace; on a list, each of its items.
pub(super) fn namespace(schema: &mut Schema) {
    text(schema, 63, r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?$");
}

fn text(schema: &mut Schema, max: u16, pattern: &str) {
    let schema = schema.ensure_object();
    let bounds = json!({ "minLength": 1, "maxLength": max, "pattern": pattern });
    match (schema.get_mut("items").and_then(Value::as_object_mut), bounds) {
        (Some(items), Value::Object(bounds)) => items.extend(bounds),
        (None, Value::Object(bounds)) => schema.extend(bounds),
        _ => {}
    }
}

/// CEL rules with their messages. Only for what one element or scalar decides: the API server limits what rules may
/// cost, and lists have no bound here.
pub(super) struct Rules(pub(super) &'static [(&'static str, &'static str)]);

impl Transform for Rules {
    fn transform(&mut self, schema: &mut Schema) {
        let rules: Vec<_> = self
            .0
            .iter()
            .map(|(rule, message)| json!({ "rule": rule, "message": message }))
            .collect();
        schema.insert(RULES.to_owned(), json!(rules));
    }
}

/// Leaves out every rule below: a spec inside another object meets no webhook there, and what is wrong with it is told
/// by the operator.
pub(super) fn without_rules(schema: &mut Schema) {
    fn strip(value: &mut Value) {
        match value {
            Value::Object(object) => {
                object.remove(RULES);
                object.values_mut().for_each(strip);
            }
            Value::Array(items) => items.iter_mut().for_each(strip),
            _ => {}
        }
    }
    let object = schema.ensure_object();
    object.remove(RULES);
    object.values_mut().for_each(strip);
}

/// Exactly one of an object's members.
pub(super) fn one_member(schema: &mut Schema) {
    schema.insert("minProperties".to_owned(), json!(1));
    schema.insert("maxProperties".to_owned(), json!(1));
}
