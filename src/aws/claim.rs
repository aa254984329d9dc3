//! Who a store says it is: read from its spec alone, before anything is looked up.
//!
//! Decides precedence (token over static keys over the operator's own identity), the order of roles, session tags, the
//! session's name, and that a namespaced store stays in its namespace. Makes no call; [`Claim::resolve`] then pins what
//! the cluster holds and is the only place where an [`Identity`] is built.

use super::{
    error::{Class, Error},
    identity::{Identity, Role, SecretKey, Source, StaticKeys, partition_of},
    scope::StoreScope,
};
use crate::api::{
    auth::{AwsAuthSecretRef, AwsJwtAuth, SessionTagsPolicy},
    external_secret::StoreKind,
    secret_store::AwsProvider,
    selectors::SecretKeySelector,
};

/// The session name that trust policies may expect.
const SESSION_NAME: &str = "external-secrets-provider-aws";
/// Longest name that STS takes.
const SESSION_NAME_LIMIT: usize = 64;
const OPERATION: &str = "store";

/// What a store claims, resolved as far as its spec goes.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Claim {
    region: String,
    fips: bool,
    pub(super) source: ClaimedSource,
    chain: Vec<Role>,
    session_name: String,
}

/// Where credentials are to be looked up.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) enum ClaimedSource {
    Operator,
    Secret {
        access_key_id: KeyName,
        secret_access_key: KeyName,
        session_token: Option<KeyName>,
    },
    ServiceAccount {
        namespace: String,
        name: String,
        audiences: Vec<String>,
    },
}

/// A key of a Secret by name.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct KeyName {
    pub(super) namespace: String,
    pub(super) name: String,
    pub(super) key: String,
}

/// What was found in the cluster for a claim.
#[derive(Clone, Debug)]
pub(super) enum Found {
    Operator,
    Secret {
        access_key_id: State,
        secret_access_key: State,
        session_token: Option<State>,
    },
    ServiceAccount {
        uid: String,
        role: String,
        audience: Option<String>,
    },
}

/// The state of a Secret.
#[derive(Clone, Debug)]
pub(super) struct State {
    pub(super) uid: String,
    pub(super) resource_version: String,
}

/// Whether the user's namespace is known, which session tags may need.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Purpose {
    /// To read.
    Read,
    /// To validate a store by itself: where session tags name a namespace that nobody has yet, the last role is left to
    /// the objects.
    Validate,
}

impl Claim {
    /// Reads a store's spec.
    pub(super) fn of(
        scope: &StoreScope<'_>,
        cluster: Option<&str>,
        use_fips: bool,
        purpose: Purpose,
    ) -> Result<Self, Error> {
        let (region, fips) = region_of(&scope.aws.region)?;
        let source = match &scope.aws.auth {
            Some(auth) if let Some(jwt) = &auth.jwt => service_account(scope, jwt)?,
            Some(auth) if let Some(keys) = &auth.secret_ref => static_keys(scope, keys)?,
            _ => ClaimedSource::Operator,
        };
        Ok(Self {
            region,
            fips: fips || use_fips,
            source,
            chain: chain_of(scope, purpose)?,
            session_name: session_name(scope, cluster),
        })
    }

    /// Pins what the cluster holds. The only maker of identities.
    pub(super) fn resolve(&self, found: Found) -> Option<Identity> {
        let pin = |key: &KeyName, state: State| SecretKey {
            namespace: key.namespace.clone(),
            name: key.name.clone(),
            key: key.key.clone(),
            uid: state.uid,
            resource_version: state.resource_version,
        };
        let source = match (&self.source, found) {
            (ClaimedSource::Operator, Found::Operator) => Source::Operator,
            (
                ClaimedSource::Secret {
                    access_key_id,
                    secret_access_key,
                    session_token,
                },
                Found::Secret {
                    access_key_id: id,
                    secret_access_key: secret,
                    session_token: token,
                },
            ) => Source::Secret(Box::new(StaticKeys {
                access_key_id: pin(access_key_id, id),
                secret_access_key: pin(secret_access_key, secret),
                session_token: match (session_token, token) {
                    (Some(key), Some(state)) => Some(pin(key, state)),
                    (None, None) => None,
                    _ => return None,
                },
            })),
            (
                ClaimedSource::ServiceAccount {
                    namespace,
                    name,
                    audiences,
                },
                Found::ServiceAccount { uid, role, audience },
            ) => Source::ServiceAccount {
                namespace: namespace.clone(),
                name: name.clone(),
                uid,
                role,
                audiences: std::iter::once(audience.unwrap_or_else(|| DEFAULT_AUDIENCE.to_owned()))
                    .chain(audiences.iter().cloned())
                    .collect(),
            },
            _ => return None,
        };
        let sessions = !self.chain.is_empty() || matches!(source, Source::ServiceAccount { .. });
        Some(Identity {
            partition: partition_of(&self.region),
            region: self.region.clone(),
            fips: self.fips,
            source,
            chain: self.chain.clone(),
            session_name: sessions.then(|| self.session_name.clone()),
        })
    }

    /// The claim that an identity was resolved from, as far as AWS can tell: resolving it again gives the same identity
    /// or shows what changed in the cluster.
    pub(super) fn of_identity(identity: &Identity) -> Self {
        let name = |key: &SecretKey| KeyName {
            namespace: key.namespace.clone(),
            name: key.name.clone(),
            key: key.key.clone(),
        };
        Self {
            region: identity.region.clone(),
            fips: identity.fips,
            source: match &identity.source {
                Source::Operator => ClaimedSource::Operator,
                Source::Secret(keys) => ClaimedSource::Secret {
                    access_key_id: name(&keys.access_key_id),
                    secret_access_key: name(&keys.secret_access_key),
                    session_token: keys.session_token.as_ref().map(name),
                },
                // The first audience is the annotation's or the default, which are looked up again.
                Source::ServiceAccount {
                    namespace,
                    name,
                    audiences,
                    ..
                } => ClaimedSource::ServiceAccount {
                    namespace: namespace.clone(),
                    name: name.clone(),
                    audiences: audiences.iter().skip(1).cloned().collect(),
                },
            },
            chain: identity.chain.clone(),
            session_name: identity.session_name.clone().unwrap_or_default(),
        }
    }

    /// Whether the cluster must be asked to resolve it.
    pub(super) fn needs_lookup(&self) -> bool {
        self.source != ClaimedSource::Operator
    }

    pub(super) fn uses_service_account(&self, wanted_namespace: &str, wanted_name: &str) -> bool {
        matches!(&self.source, ClaimedSource::ServiceAccount { namespace, name, .. }
            if namespace == wanted_namespace && name == wanted_name)
    }
}

/// The audience of IRSA tokens where the `ServiceAccount` names none.
const DEFAULT_AUDIENCE: &str = "sts.amazonaws.com";

fn refuse(text: impl Into<String>) -> Error {
    Error::new(Class::Config, OPERATION, text)
}

/// A region is one label of a host name. The FIPS pseudo-regions `fips-us-east-1` and `us-east-1-fips` mean the region
/// and its FIPS endpoints.
fn region_of(region: &str) -> Result<(String, bool), Error> {
    let bare = region
        .strip_prefix("fips-")
        .or_else(|| region.strip_suffix("-fips"));
    let label = bare.unwrap_or(region);
    let edge = |b: Option<&u8>| b.is_some_and(u8::is_ascii_alphanumeric);
    let bytes = label.as_bytes();
    let is_label = bytes.len() <= 63
        && edge(bytes.first())
        && edge(bytes.last())
        && bytes.iter().all(|b| b.is_ascii_alphanumeric() || *b == b'-');
    if is_label {
        Ok((label.to_ascii_lowercase(), bare.is_some()))
    } else {
        Err(refuse(format!("region not found: {region}")))
    }
}

/// The namespace that a reference means. Only a `ClusterSecretStore` may name one.
fn namespace_of(scope: &StoreScope<'_>, named: Option<&str>, field: &str) -> Result<String, Error> {
    let named = named.filter(|namespace| !namespace.is_empty());
    let own = scope.store_namespace.unwrap_or(scope.object_namespace);
    match (scope.kind, named) {
        (StoreKind::SecretStore, Some(namespace)) if namespace != own => Err(refuse(format!(
            "invalid {field}: a SecretStore may refer to its own namespace only, not to {namespace:?}"
        ))),
        (StoreKind::SecretStore, _) => Ok(own.to_owned()),
        (StoreKind::ClusterSecretStore, Some(namespace)) => Ok(namespace.to_owned()),
        (StoreKind::ClusterSecretStore, None) if scope.object_namespace.is_empty() => Err(refuse(format!(
            "invalid {field}: without a namespace it is known only for an ExternalSecret that uses the store"
        ))),
        (StoreKind::ClusterSecretStore, None) => Ok(scope.object_namespace.to_owned()),
    }
}

fn service_account(scope: &StoreScope<'_>, jwt: &AwsJwtAuth) -> Result<ClaimedSource, Error> {
    const FIELD: &str = "Auth.JWT.ServiceAccountRef";
    let account = jwt
        .service_account_ref
        .as_ref()
        .filter(|account| !account.name.is_empty());
    let account =
        account.ok_or_else(|| refuse(format!("invalid {FIELD}: auth.jwt names no ServiceAccount")))?;
    Ok(ClaimedSource::ServiceAccount {
        namespace: namespace_of(scope, account.namespace.as_deref(), FIELD)?,
        name: account.name.clone(),
        audiences: account.audiences.clone().unwrap_or_default(),
    })
}

fn static_keys(scope: &StoreScope<'_>, keys: &AwsAuthSecretRef) -> Result<ClaimedSource, Error> {
    let key = |selector: &SecretKeySelector, field: &str| {
        let part = |part: &Option<String>, what: &str| {
            let part = part.clone().filter(|part| !part.is_empty());
            part.ok_or_else(|| refuse(format!("invalid {field}: the {what} is missing")))
        };
        Ok(KeyName {
            namespace: namespace_of(scope, selector.namespace.as_deref(), field)?,
            name: part(&selector.name, "name")?,
            key: part(&selector.key, "key")?,
        })
    };
    let needed = |selector: &Option<SecretKeySelector>, field: &str| match selector {
        Some(selector) => key(selector, field),
        None => Err(refuse(format!("invalid {field}: it is missing"))),
    };
    Ok(ClaimedSource::Secret {
        secret_access_key: needed(&keys.secret_access_key, "Auth.SecretRef.SecretAccessKey")?,
        access_key_id: needed(&keys.access_key_id, "Auth.SecretRef.AccessKeyID")?,
        session_token: match &keys.session_token {
            Some(selector) => Some(key(selector, "Auth.SecretRef.SessionToken")?),
            None => None,
        },
    })
}

/// Roles in the order they are assumed. External id and tags go with `role`, the last.
fn chain_of(scope: &StoreScope<'_>, purpose: Purpose) -> Result<Vec<Role>, Error> {
    let aws = scope.aws;
    let arn = |arn: &String, field: &str| {
        if arn.starts_with("arn:") {
            Ok(arn.clone())
        } else {
            Err(refuse(format!(
                "{field} must be the ARN of a role (arn:aws:iam::<account>:role/<name>), not {arn:?}"
            )))
        }
    };
    let mut chain = Vec::new();
    for role in aws.additional_roles.iter().flatten() {
        chain.push(Role::plain(arn(role, "additionalRoles")?));
    }
    let nobody_yet = scope.object_namespace.is_empty() && tags_name_the_namespace(aws);
    if let Some(role) = aws.role.as_ref().filter(|role| !role.is_empty())
        && !(purpose == Purpose::Validate && nobody_yet)
    {
        let mut transitive_tag_keys = aws.transitive_tag_keys.clone().unwrap_or_default();
        transitive_tag_keys.sort();
        transitive_tag_keys.dedup();
        chain.push(Role {
            arn: arn(role, "role")?,
            external_id: aws.external_id.clone().filter(|id| !id.is_empty()),
            tags: session_tags(scope),
            transitive_tag_keys,
        });
    }
    Ok(chain)
}

fn tags_name_the_namespace(aws: &AwsProvider) -> bool {
    matches!(
        aws.session_tags_policy,
        Some(SessionTagsPolicy::Simple | SessionTagsPolicy::Custom)
    )
}

fn session_tags(scope: &StoreScope<'_>) -> Vec<(String, String)> {
    let aws = scope.aws;
    let mut tags: Vec<(String, String)> = match aws.session_tags_policy.unwrap_or_default() {
        SessionTagsPolicy::None => aws
            .session_tags
            .iter()
            .flatten()
            .map(|tag| (tag.key.clone(), tag.value.clone()))
            .collect(),
        SessionTagsPolicy::Simple => own_tags(scope).into(),
        SessionTagsPolicy::Custom => {
            let own = own_tags(scope);
            let custom = aws.custom_session_tags.iter().flatten();
            let custom = custom.filter(|(key, value)| {
                !key.is_empty() && !value.is_empty() && own.iter().all(|(own, _)| own != *key)
            });
            let mut tags: Vec<_> = custom.map(|(key, value)| (key.clone(), value.clone())).collect();
            tags.extend(own.clone());
            tags
        }
    };
    tags.sort();
    tags
}

fn own_tags(scope: &StoreScope<'_>) -> [(String, String); 3] {
    let kind = match scope.kind {
        StoreKind::SecretStore => "SecretStore",
        StoreKind::ClusterSecretStore => "ClusterSecretStore",
    };
    [
        ("esoNamespace".to_owned(), scope.object_namespace.to_owned()),
        ("esoStoreName".to_owned(), scope.name.to_owned()),
        ("esoStoreKind".to_owned(), kind.to_owned()),
    ]
}

/// `<cluster>.<namespace>.<store>` where the cluster has a name. A cluster-wide store is one caller, whoever uses it, so it
/// has no namespace there: a session for each namespace would multiply the calls to STS.
fn session_name(scope: &StoreScope<'_>, cluster: Option<&str>) -> String {
    let Some(cluster) = cluster else {
        return SESSION_NAME.to_owned();
    };
    let full = match scope.store_namespace {
        Some(namespace) => format!("{cluster}.{namespace}.{}", scope.name),
        None => format!("{cluster}.{}", scope.name),
    };
    let allowed = |c: char| {
        if c.is_ascii_alphanumeric() || "_=,.@+-".contains(c) {
            c
        } else {
            '-'
        }
    };
    let clean: String = full.chars().map(allowed).collect();
    if clean.len() <= SESSION_NAME_LIMIT {
        return clean;
    }
    let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, full.as_bytes());
    let hash = u32::from_be_bytes(digest.as_ref().first_chunk().copied().unwrap_or_default());
    let hash = format!("{hash:08x}");
    let head: String = clean.chars().take(SESSION_NAME_LIMIT - 1 - hash.len()).collect();
    format!("{head}-{hash}")
}

#[cfg(test)]
mod tests;
