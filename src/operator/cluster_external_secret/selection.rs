//! Which namespaces a ClusterExternalSecret selects. Pure: labels are given.

use std::collections::{BTreeMap, BTreeSet};

use k8s_openapi::apimachinery::pkg::apis::meta::v1::LabelSelector;
use kube::core::{Selector, SelectorExt};

use super::failure::{Cause, Failure};
use crate::api::ClusterExternalSecretSpec;

/// Selectors and names; one match suffices, and without any, none matches.
#[derive(Clone, Debug, Default)]
pub(in crate::operator) struct Selection {
    selectors: Vec<Selector>,
    names: BTreeSet<Box<str>>,
}

impl Selection {
    /// Reads what the spec says. What cannot be read is told with its place, and nothing is selected.
    pub(super) fn parse(spec: &ClusterExternalSecretSpec) -> Result<Self, Failure> {
        let deprecated = spec.namespace_selector.iter();
        let deprecated = deprecated.map(|selector| ("spec.namespaceSelector".to_owned(), selector));
        let listed = spec.namespace_selectors.iter().flatten().enumerate();
        let listed = listed.map(|(i, selector)| (format!("spec.namespaceSelectors[{i}]"), selector));
        let selectors = deprecated
            .chain(listed)
            .map(|(field, selector)| read(selector).map_err(|why| refused(&field, &why)))
            .collect::<Result<_, _>>()?;
        let names = spec.namespaces.iter().flatten();
        Ok(Self {
            selectors,
            names: names.map(|name| name.as_str().into()).collect(),
        })
    }

    /// Whether a namespace with these labels is selected.
    pub(in crate::operator) fn selects(&self, namespace: &str, labels: &BTreeMap<String, String>) -> bool {
        self.names.contains(namespace) || self.selectors.iter().any(|selector| selector.matches(labels))
    }
}

fn read(selector: &LabelSelector) -> Result<Selector, String> {
    for expression in selector.match_expressions.iter().flatten() {
        let values = expression.values.as_ref().map_or(0, Vec::len);
        // kube takes these; a NotIn without values would select every namespace.
        match expression.operator.as_str() {
            "In" | "NotIn" if values == 0 => {
                return Err(format!(
                    "{} of {:?} needs values",
                    expression.operator, expression.key
                ));
            }
            "Exists" | "DoesNotExist" if values > 0 => {
                return Err(format!(
                    "{} of {:?} takes no values",
                    expression.operator, expression.key
                ));
            }
            _ => {}
        }
    }
    Selector::try_from(selector.clone())
        .map_err(|_| "an operator is none of In, NotIn, Exists and DoesNotExist".to_owned())
}

fn refused(field: &str, why: &str) -> Failure {
    Failure::new(
        Cause::InvalidSpec,
        format!("{field} is not a label selector: {why}; correct it"),
    )
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn spec(mut spec: Value) -> ClusterExternalSecretSpec {
        spec["externalSecretSpec"] = json!({});
        serde_json::from_value(spec).unwrap()
    }

    fn selects(given: Value) -> bool {
        let labels = [("kubernetes.io/metadata.name", "app"), ("team", "red")];
        let labels = labels.map(|(k, v)| (k.to_owned(), v.to_owned())).into();
        Selection::parse(&spec(given)).unwrap().selects("app", &labels)
    }

    #[test]
    fn a_namespace_is_selected_by_any_selector_or_by_name() {
        let red = json!({ "matchLabels": { "team": "red" } });
        let blue = json!({ "matchLabels": { "team": "blue" } });
        let cases = [
            (json!({}), false),
            (json!({ "namespaceSelector": red }), true),
            (json!({ "namespaceSelector": blue }), false),
            (json!({ "namespaceSelectors": [blue, red] }), true),
            (json!({ "namespaceSelectors": [] }), false),
            (json!({ "namespaceSelectors": [{}] }), true),
            (
                json!({ "namespaceSelector": red, "namespaceSelectors": [blue] }),
                true,
            ),
            (json!({ "namespaces": ["other", "app"] }), true),
            (json!({ "namespaces": ["other"] }), false),
            (
                json!({ "namespaces": ["app"], "namespaceSelectors": [blue] }),
                true,
            ),
        ];
        for (given, wanted) in cases {
            assert_eq!(selects(given.clone()), wanted, "{given}");
        }
    }

    #[test]
    fn expressions_are_those_of_kubernetes() {
        let expression =
            |expression: Value| json!({ "namespaceSelectors": [{ "matchExpressions": [expression] }] });
        let cases = [
            (
                json!({ "key": "team", "operator": "In", "values": ["red", "blue"] }),
                true,
            ),
            (
                json!({ "key": "team", "operator": "NotIn", "values": ["red"] }),
                false,
            ),
            (
                json!({ "key": "absent", "operator": "NotIn", "values": ["red"] }),
                true,
            ),
            (json!({ "key": "team", "operator": "Exists" }), true),
            (json!({ "key": "team", "operator": "DoesNotExist" }), false),
        ];
        for (case, wanted) in cases {
            assert_eq!(selects(expression(case.clone())), wanted, "{case}");
        }
    }

    #[test]
    fn a_selector_that_cannot_be_read_selects_nothing_and_is_named() {
        let cases = [
            json!({ "key": "team", "operator": "Like", "values": ["red"] }),
            json!({ "key": "team", "operator": "In" }),
            json!({ "key": "team", "operator": "NotIn", "values": [] }),
            json!({ "key": "team", "operator": "Exists", "values": ["red"] }),
        ];
        for case in cases {
            let given = json!({ "namespaceSelectors": [{}, { "matchExpressions": [case] }] });
            let failure = Selection::parse(&spec(given)).unwrap_err();
            assert_eq!(failure.cause, Cause::InvalidSpec, "{case}");
            assert!(
                failure.text.starts_with("spec.namespaceSelectors[1] is not"),
                "{failure}"
            );
        }
    }
}
