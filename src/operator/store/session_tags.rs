//! Session tags within what STS takes. It would refuse the role otherwise, with a message about all tags at once.

use std::collections::BTreeSet;

use super::validate::Finding;
use crate::api::{auth::SessionTagsPolicy, secret_store::AwsProvider};

/// STS takes this many session tags,
const TAGS: usize = 50;
/// keys of this many characters,
const KEY: usize = 128;
/// and values of this many.
const VALUE: usize = 256;
/// Tags that the policies Simple and Custom add: namespace, store and kind. Their lengths are bounded by Kubernetes.
const OWN: [&str; 3] = ["esoNamespace", "esoStoreName", "esoStoreKind"];

/// Tags are sent with `role` only; without one there is nothing to check.
pub(super) fn check(aws: &AwsProvider, findings: &mut Vec<Finding>) {
    if aws.role.as_deref().unwrap_or_default().is_empty() {
        return;
    }
    let policy = aws.session_tags_policy.unwrap_or_default();
    let (field, tags): (_, Vec<(&str, &str)>) = match policy {
        SessionTagsPolicy::None => {
            let tags = aws.session_tags.iter().flatten();
            (
                "sessionTags",
                tags.map(|tag| (tag.key.as_str(), tag.value.as_str())).collect(),
            )
        }
        SessionTagsPolicy::Simple => ("sessionTagsPolicy", Vec::new()),
        SessionTagsPolicy::Custom => {
            let tags = aws.custom_session_tags.iter().flatten();
            // Tags without key or value are left out when the role is assumed.
            let tags = tags.map(|(key, value)| (key.as_str(), value.as_str()));
            (
                "customSessionTags",
                tags.filter(|(key, value)| !key.is_empty() && !value.is_empty())
                    .collect(),
            )
        }
    };
    let own: &[&str] = if policy == SessionTagsPolicy::None {
        &[]
    } else {
        &OWN
    };
    let mut refuse = |field: &str, text: String| {
        findings.push(Finding::invalid(format!("spec.provider.aws.{field}"), text));
    };
    if tags.len() + own.len() > TAGS {
        refuse(
            field,
            format!(
                "at most {TAGS} session tags can be sent, not {}",
                tags.len() + own.len()
            ),
        );
    }
    // STS tells keys apart without regard to case.
    let mut keys: BTreeSet<String> = own.iter().map(|key| key.to_lowercase()).collect();
    for (key, value) in tags {
        if !(1..=KEY).contains(&key.chars().count()) {
            refuse(
                field,
                format!("the key of a session tag has 1 to {KEY} characters: {key:?}"),
            );
        }
        if value.chars().count() > VALUE {
            refuse(
                field,
                format!("the value of a session tag has at most {VALUE} characters: that of {key:?}"),
            );
        }
        if !keys.insert(key.to_lowercase()) && policy == SessionTagsPolicy::None {
            refuse(field, format!("the session tag {key:?} is given twice"));
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::api::auth::SessionTag;

    fn store(policy: SessionTagsPolicy) -> AwsProvider {
        let role = "arn:aws:iam::1:role/r";
        let store = json!({
            "service": "SecretsManager", "region": "eu-west-1", "role": role, "sessionTagsPolicy": policy,
        });
        serde_json::from_value(store).unwrap()
    }

    fn tag(key: &str, value: &str) -> SessionTag {
        SessionTag {
            key: key.to_owned(),
            value: value.to_owned(),
        }
    }

    fn found(aws: &AwsProvider) -> Vec<String> {
        let mut findings = Vec::new();
        check(aws, &mut findings);
        findings
            .into_iter()
            .map(|f| format!("{}: {}", f.field, f.text))
            .collect()
    }

    #[test]
    fn fifty_tags_are_sent_and_no_more() {
        let mut aws = store(SessionTagsPolicy::None);
        aws.session_tags = Some((0..50).map(|n| tag(&n.to_string(), "v")).collect());
        assert_eq!(found(&aws), Vec::<String>::new());
        aws.session_tags = Some((0..51).map(|n| tag(&n.to_string(), "v")).collect());
        assert_eq!(
            found(&aws),
            ["spec.provider.aws.sessionTags: at most 50 session tags can be sent, not 51"]
        );
        let mut aws = store(SessionTagsPolicy::Custom);
        aws.custom_session_tags = Some((0..48).map(|n| (n.to_string(), "v".to_owned())).collect());
        assert_eq!(found(&aws).len(), 1, "three tags of our own are sent as well");
    }

    #[test]
    fn keys_and_values_have_bounds_and_keys_differ_in_more_than_case() {
        let mut aws = store(SessionTagsPolicy::None);
        aws.session_tags = Some(vec![
            tag(&"k".repeat(129), "v"),
            tag("a", &"v".repeat(257)),
            tag("A", "v"),
        ]);
        assert_eq!(found(&aws).len(), 3);
    }

    #[test]
    fn without_a_role_no_tags_are_sent() {
        let mut aws = store(SessionTagsPolicy::None);
        aws.role = None;
        aws.session_tags = Some(vec![tag("", "v")]);
        assert_eq!(found(&aws), Vec::<String>::new());
    }
}
