//! As whom AWS is asked.
//!
//! Requests share an answer, a batch or credentials only if their identities are equal, so everything that could make AWS
//! answer differently is in this one type, resolved: no defaults, no references. A field left out here would be a leak
//! between tenants.

use std::fmt;

/// A caller of AWS. Built by [`Claim`](super::claim::Claim) and nowhere else.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Identity {
    pub(super) partition: &'static str,
    pub(super) region: String,
    pub(super) fips: bool,
    pub(super) source: Source,
    pub(super) chain: Vec<Role>,
    /// None where the identity takes part in no session.
    pub(super) session_name: Option<String>,
}

/// Where the first credentials come from.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Source {
    /// The operator's own.
    Operator,
    /// Keys of Secrets, as they were when they were read.
    Secret(Box<StaticKeys>),
    /// A `ServiceAccount` and the role it is annotated with.
    ServiceAccount {
        /// Its namespace.
        namespace: String,
        /// Its name.
        name: String,
        /// Its uid: one made anew under the same name is another one.
        uid: String,
        /// The role of its annotation.
        role: String,
        /// Audiences of its token, in the order they are asked for.
        audiences: Vec<String>,
    },
}

/// Static credentials, key by key.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct StaticKeys {
    /// The access key id.
    pub(super) access_key_id: SecretKey,
    /// The secret access key.
    pub(super) secret_access_key: SecretKey,
    /// The session token, for temporary credentials.
    pub(super) session_token: Option<SecretKey>,
}

/// One key of one state of one Secret.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct SecretKey {
    pub(super) namespace: String,
    pub(super) name: String,
    pub(super) key: String,
    pub(super) uid: String,
    pub(super) resource_version: String,
}

/// A role and how it is assumed.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Role {
    pub(super) arn: String,
    pub(super) external_id: Option<String>,
    /// Sorted by key.
    pub(super) tags: Vec<(String, String)>,
    /// Sorted.
    pub(super) transitive_tag_keys: Vec<String>,
}

impl Role {
    /// A role assumed with nothing but its name.
    pub(super) fn plain(arn: String) -> Self {
        Self {
            arn,
            external_id: None,
            tags: Vec::new(),
            transitive_tag_keys: Vec::new(),
        }
    }
}

impl Identity {
    /// The region whose endpoints are called and for which requests are signed.
    #[must_use]
    pub fn region(&self) -> &str {
        &self.region
    }

    /// The partition: `aws`, `aws-cn`, `aws-us-gov`.
    #[must_use]
    pub fn partition(&self) -> &str {
        self.partition
    }

    /// The AWS account that calls are made from, where the last role's ARN tells it.
    #[must_use]
    pub fn account(&self) -> Option<&str> {
        let arn = match (self.chain.last(), &self.source) {
            (Some(role), _) => &role.arn,
            (None, Source::ServiceAccount { role, .. }) => role,
            (None, Source::Operator | Source::Secret(_)) => return None,
        };
        arn.split(':').nth(4).filter(|account| !account.is_empty())
    }

    /// The identity that assumes this one's last role; none where there is no role to assume.
    pub(super) fn parent(&self) -> Option<(Self, &Role)> {
        let (last, before) = self.chain.split_last()?;
        let mut parent = Self {
            chain: before.to_vec(),
            ..self.clone()
        };
        if parent.chain.is_empty() && !matches!(parent.source, Source::ServiceAccount { .. }) {
            parent.session_name = None;
        }
        Some((parent, last))
    }
}

/// For logs: who and where, without session tags.
impl fmt::Display for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.source {
            Source::Operator => f.write_str("the operator")?,
            Source::Secret(keys) => {
                let key = &keys.access_key_id;
                write!(f, "Secret {}/{}", key.namespace, key.name)?;
            }
            Source::ServiceAccount {
                namespace,
                name,
                role,
                ..
            } => {
                write!(f, "ServiceAccount {namespace}/{name} as {role}")?;
            }
        }
        for role in &self.chain {
            write!(f, " as {}", role.arn)?;
        }
        write!(f, " in {}", self.region)
    }
}

/// The partition that a region belongs to.
pub(super) fn partition_of(region: &str) -> &'static str {
    const PREFIXES: [(&str, &str); 7] = [
        ("cn-", "aws-cn"),
        ("us-gov-", "aws-us-gov"),
        ("us-isob-", "aws-iso-b"),
        ("us-iso-", "aws-iso"),
        ("eu-isoe-", "aws-iso-e"),
        ("us-isof-", "aws-iso-f"),
        ("eusc-", "aws-eusc"),
    ];
    PREFIXES
        .iter()
        .find(|(prefix, _)| region.starts_with(prefix))
        .map_or("aws", |(_, partition)| partition)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn identity(source: Source, chain: &[&str]) -> Identity {
        Identity {
            partition: "aws",
            region: "eu-west-1".to_owned(),
            fips: false,
            source,
            chain: chain.iter().map(|arn| Role::plain((*arn).to_owned())).collect(),
            session_name: Some("session".to_owned()),
        }
    }

    #[test]
    fn the_account_is_that_of_the_last_role() {
        let first = "arn:aws:iam::111111111111:role/a";
        let last = "arn:aws:iam::222222222222:role/b";
        assert_eq!(
            identity(Source::Operator, &[first, last]).account(),
            Some("222222222222")
        );
        assert_eq!(identity(Source::Operator, &[]).account(), None);
    }

    #[test]
    fn stores_with_different_last_roles_share_what_comes_before() {
        let first = "arn:aws:iam::111111111111:role/hub";
        let one = identity(Source::Operator, &[first, "arn:aws:iam::222222222222:role/b"]);
        let other = identity(Source::Operator, &[first, "arn:aws:iam::333333333333:role/c"]);
        assert_ne!(one, other);
        assert_eq!(one.parent().unwrap().0, other.parent().unwrap().0);
        let hub = one.parent().unwrap().0;
        let root = hub.parent().unwrap().0;
        assert_eq!((root.chain.len(), root.session_name), (0, None));
    }

    #[test]
    fn the_partition_follows_the_region() {
        assert_eq!(partition_of("eu-west-1"), "aws");
        assert_eq!(partition_of("cn-north-1"), "aws-cn");
        assert_eq!(partition_of("us-gov-west-1"), "aws-us-gov");
    }
}
