//! Which namespaces may use a ClusterSecretStore.
//!
//! No condition allows all. Otherwise one match suffices, of any condition and within it of its selector, its names or
//! its regular expressions. Pure: the namespace's labels are given.

use std::collections::{BTreeMap, BTreeSet};

use gotext::regexp::Regexp;
use kube::core::{Selector, SelectorExt};

use super::validate::Finding;
use crate::api::secret_store::StoreCondition;

/// The conditions of one store, ready to be asked.
#[derive(Clone, Debug, Default)]
pub struct Conditions {
    any_of: Vec<Condition>,
}

#[derive(Clone, Debug)]
struct Condition {
    selector: Option<Selector>,
    names: BTreeSet<String>,
    regexes: Vec<Regexp>,
}

impl Conditions {
    /// Reads conditions; what cannot be read is told, and then matches nothing.
    pub(super) fn parse(conditions: &[StoreCondition], findings: &mut Vec<Finding>) -> Self {
        let condition = |(at, condition): (usize, &StoreCondition)| {
            let field = format!("spec.conditions[{at}]");
            let selector = condition.namespace_selector.clone();
            let selector = selector.and_then(|selector| match Selector::try_from(selector) {
                Ok(selector) => Some(selector),
                Err(e) => {
                    findings.push(Finding::invalid(
                        format!("{field}.namespaceSelector"),
                        e.to_string(),
                    ));
                    None
                }
            });
            let regexes = condition.namespace_regexes.iter().flatten().enumerate();
            let regexes = regexes.filter_map(|(at, pattern)| match Regexp::new(pattern) {
                Ok(regex) => Some(regex),
                Err(e) => {
                    let field = format!("{field}.namespaceRegexes[{at}]");
                    findings.push(Finding::invalid(field, e.to_string()));
                    None
                }
            });
            Condition {
                selector,
                regexes: regexes.collect(),
                names: condition.namespaces.iter().flatten().cloned().collect(),
            }
        };
        Self {
            any_of: conditions.iter().enumerate().map(condition).collect(),
        }
    }

    /// Whether objects of a namespace may use the store.
    pub fn allows(&self, namespace: &str, labels: &BTreeMap<String, String>) -> bool {
        let matches = |condition: &Condition| {
            condition.names.contains(namespace)
                || condition
                    .selector
                    .as_ref()
                    .is_some_and(|selector| selector.matches(labels))
                || condition
                    .regexes
                    .iter()
                    .any(|regex| regex.is_match(namespace.as_bytes()))
        };
        self.any_of.is_empty() || self.any_of.iter().any(matches)
    }

    /// Whether labels are needed to decide.
    pub fn need_labels(&self) -> bool {
        self.any_of.iter().any(|condition| condition.selector.is_some())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn allows(conditions: serde_json::Value, namespace: &str) -> bool {
        let labels = [
            ("kubernetes.io/metadata.name", namespace),
            ("team", "red"),
            ("stage", "test"),
        ];
        let labels = labels
            .map(|(key, value)| (key.to_owned(), value.to_owned()))
            .into();
        let mut findings = Vec::new();
        let conditions = Conditions::parse(
            &serde_json::from_value::<Vec<_>>(conditions).unwrap(),
            &mut findings,
        );
        assert_eq!(findings, []);
        conditions.allows(namespace, &labels)
    }

    #[test]
    fn a_namespace_is_allowed_when_any_part_of_any_condition_matches() {
        let cases = [
            ("no condition", json!([]), true),
            ("its name alone", json!([{ "namespaces": ["app"] }]), true),
            (
                "its name among others",
                json!([{ "namespaces": ["some", "app"] }]),
                true,
            ),
            ("another name alone", json!([{ "namespaces": ["some"] }]), false),
            (
                "only other names",
                json!([{ "namespaces": ["some", "thing"] }]),
                false,
            ),
            (
                "a label",
                json!([{ "namespaceSelector": { "matchLabels": { "team": "red" } } }]),
                true,
            ),
            (
                "all labels",
                json!([{ "namespaceSelector": { "matchLabels": { "team": "red", "stage": "test" } } }]),
                true,
            ),
            (
                "only some of the labels",
                json!([{ "namespaceSelector": { "matchLabels": { "team": "red", "stage": "live" } } }]),
                false,
            ),
            (
                "no label",
                json!([{ "namespaceSelector": { "matchLabels": { "team": "blue" } } }]),
                false,
            ),
            (
                "the second of two conditions",
                json!([{ "namespaces": ["some"] }, { "namespaceSelector": { "matchLabels": { "team": "red" } } }]),
                true,
            ),
            (
                "the name beside a selector that does not match",
                json!([{ "namespaces": ["app"], "namespaceSelector": { "matchLabels": { "team": "blue" } } }]),
                true,
            ),
            (
                "none of two conditions",
                json!([{ "namespaces": ["some"] }, { "namespaceSelector": { "matchLabels": { "team": "blue" } } }]),
                false,
            ),
        ];
        for (name, conditions, allowed) in cases {
            assert_eq!(allows(conditions, "app"), allowed, "{name}");
        }
    }

    #[test]
    fn regular_expressions_match_anywhere_in_the_name() {
        let cases = [
            (json!(["pp"]), true),
            (json!(["^a"]), true),
            (json!(["^pp"]), false),
            (json!(["^ap+$"]), true),
            (json!(["x", "app"]), true),
            (json!(["x", "y"]), false),
            (json!([""]), true),
        ];
        for (regexes, allowed) in cases {
            assert_eq!(
                allows(json!([{ "namespaceRegexes": regexes }]), "app"),
                allowed,
                "{regexes}"
            );
        }
    }

    #[test]
    fn an_empty_selector_allows_all_and_an_empty_condition_none() {
        assert!(allows(json!([{ "namespaceSelector": {} }]), "app"));
        assert!(!allows(json!([{}]), "app"));
    }

    #[test]
    fn selector_expressions_are_those_of_kubernetes() {
        let allows = |expression| {
            allows(
                json!([{ "namespaceSelector": { "matchExpressions": [expression] } }]),
                "app",
            )
        };
        assert!(allows(
            json!({ "key": "team", "operator": "In", "values": ["red", "blue"] })
        ));
        assert!(!allows(
            json!({ "key": "team", "operator": "NotIn", "values": ["red"] })
        ));
        assert!(allows(
            json!({ "key": "absent", "operator": "NotIn", "values": ["red"] })
        ));
        assert!(allows(json!({ "key": "team", "operator": "Exists" })));
        assert!(allows(json!({ "key": "absent", "operator": "DoesNotExist" })));
    }

    #[test]
    fn what_cannot_be_read_is_told_with_its_place_and_allows_nobody() {
        let conditions = json!([
            { "namespaceRegexes": ["ok", "("] },
            { "namespaceSelector": { "matchExpressions": [{ "key": "a", "operator": "Like" }] } },
        ]);
        let mut findings = Vec::new();
        let conditions = Conditions::parse(
            &serde_json::from_value::<Vec<_>>(conditions).unwrap(),
            &mut findings,
        );
        let fields: Vec<_> = findings.iter().map(|f| f.field.as_str()).collect();
        assert_eq!(
            fields,
            [
                "spec.conditions[0].namespaceRegexes[1]",
                "spec.conditions[1].namespaceSelector"
            ]
        );
        assert!(!conditions.allows("app", &BTreeMap::new()));
    }
}
