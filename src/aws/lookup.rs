//! What the cluster holds for a claim: states and values of credential Secrets, annotations and tokens of
//! `ServiceAccounts`. Each look is live and by name; nothing is remembered here.

use std::time::Duration;

use aws_credential_types::Credentials;
use k8s_openapi::api::{
    authentication::v1::{TokenRequest, TokenRequestSpec},
    core::v1::ServiceAccount,
};
use kube::{Api, Client, api::PostParams};
use zeroize::Zeroizing;

use super::{
    claim::{Claim, ClaimedSource, Found, KeyName, State},
    error::{Class, Error, Fault},
};
use crate::{
    rights,
    secret_bytes::SecretBytes,
    secrets_api::{self, SourceSecret},
};

const ROLE_ANNOTATION: &str = "eks.amazonaws.com/role-arn";
const AUDIENCE_ANNOTATION: &str = "eks.amazonaws.com/audience";
const TIMEOUT: Duration = Duration::from_secs(10);
const PROVIDER: &str = "Secret";

/// Reads what identities are made of.
#[derive(Clone)]
pub(super) struct Lookup {
    kube: Client,
}

impl Lookup {
    pub(super) fn new(kube: Client) -> Self {
        Self { kube }
    }

    /// Finds what a claim speaks of. Static credentials come along: they and the states they were read in belong
    /// together.
    pub(super) async fn find(&self, claim: &Claim) -> Result<(Found, Option<Credentials>), Error> {
        match &claim.source {
            ClaimedSource::Operator => Ok((Found::Operator, None)),
            ClaimedSource::Secret {
                access_key_id,
                secret_access_key,
                session_token,
            } => {
                let (found, credentials) = self
                    .keys(access_key_id, secret_access_key, session_token.as_ref())
                    .await?;
                Ok((found, Some(credentials)))
            }
            ClaimedSource::ServiceAccount { namespace, name, .. } => {
                Ok((self.account(namespace, name).await?, None))
            }
        }
    }

    async fn keys(
        &self,
        access_key_id: &KeyName,
        secret_access_key: &KeyName,
        session_token: Option<&KeyName>,
    ) -> Result<(Found, Credentials), Error> {
        let mut seen = Vec::new();
        let (secret_state, secret) = self
            .value(&mut seen, secret_access_key, "SecretAccessKey")
            .await?;
        let (id_state, id) = self.value(&mut seen, access_key_id, "accessKeyID").await?;
        let token = match session_token {
            Some(key) => Some(self.value(&mut seen, key, "SessionToken").await?),
            None => None,
        };
        let (token_state, token) = token.unzip();
        let mut credentials = Credentials::builder()
            .provider_name(PROVIDER)
            .access_key_id(text(&id, "accessKeyID")?)
            .secret_access_key(text(&secret, "SecretAccessKey")?);
        if let Some(token) = token {
            credentials = credentials.session_token(text(&token, "SessionToken")?);
        }
        let found = Found::Secret {
            access_key_id: id_state,
            secret_access_key: secret_state,
            session_token: token_state,
        };
        Ok((found, credentials.build()))
    }

    /// One key. Secrets seen before are not read twice, so that an id and its key come from one state.
    async fn value(
        &self,
        seen: &mut Vec<(String, String, SourceSecret)>,
        key: &KeyName,
        field: &str,
    ) -> Result<(State, SecretBytes), Error> {
        let known = |(namespace, name, _): &&(String, String, SourceSecret)| {
            (namespace, name) == (&key.namespace, &key.name)
        };
        if seen.iter().find(known).is_none() {
            let read = secrets_api::read_values(&self.kube, &key.namespace, &key.name).await;
            let secret = read
                .map_err(|error| secret_trouble(key, field, &error))?
                .ok_or_else(|| {
                    no_secret(key, field, "not found", Class::Credentials(Fault::SecretMissing))
                })?;
            seen.push((key.namespace.clone(), key.name.clone(), secret));
        }
        let secret = seen.iter().find(known).map(|(_, _, secret)| secret);
        let value = secret.and_then(|secret| Some((secret, secret.data.get(&key.key)?)));
        let (secret, value) = value.ok_or_else(|| {
            let text = format!(
                "could not fetch {field} secret: cannot find secret data for key: \"{}\"",
                key.key
            );
            Error::new(Class::Credentials(Fault::KeyMissing), "credentials", text)
        })?;
        let state = State {
            uid: secret.uid.clone(),
            resource_version: secret.resource_version.clone(),
        };
        Ok((state, value.clone()))
    }

    async fn account(&self, namespace: &str, name: &str) -> Result<Found, Error> {
        let api: Api<ServiceAccount> = Api::namespaced(self.kube.clone(), namespace);
        let found = tokio::time::timeout(TIMEOUT, api.get_metadata(name)).await;
        let account = found
            .map_err(|_| account_trouble(namespace, name, &AN_ACCOUNT, None))?
            .map_err(|error| account_trouble(namespace, name, &AN_ACCOUNT, Some(&error)))?;
        let annotation = |key: &str| {
            let annotations = account.metadata.annotations.as_ref()?;
            annotations.get(key).filter(|value| !value.is_empty()).cloned()
        };
        let role = annotation(ROLE_ANNOTATION).ok_or_else(|| {
            let text = format!(
                "an IAM role must be associated with service account {name} (namespace: {namespace})"
            );
            Error::new(Class::Credentials(Fault::NoRole), "credentials", text)
        })?;
        Ok(Found::ServiceAccount {
            uid: account.metadata.uid.clone().unwrap_or_default(),
            role,
            audience: annotation(AUDIENCE_ANNOTATION),
        })
    }

    /// A token of a `ServiceAccount` for these audiences. Its lifetime is the API server's default: it is used once.
    pub(super) async fn token(
        &self,
        namespace: &str,
        name: &str,
        audiences: &[String],
    ) -> Result<Zeroizing<String>, Error> {
        let api: Api<ServiceAccount> = Api::namespaced(self.kube.clone(), namespace);
        let request = TokenRequest {
            spec: Some(TokenRequestSpec {
                audiences: Some(audiences.to_vec()),
                ..TokenRequestSpec::default()
            }),
            ..TokenRequest::default()
        };
        let params = PostParams::default();
        let issued = tokio::time::timeout(TIMEOUT, api.create_token_request(name, &params, &request)).await;
        let issued = issued
            .map_err(|_| account_trouble(namespace, name, &A_TOKEN, None))?
            .map_err(|error| account_trouble(namespace, name, &A_TOKEN, Some(&error)))?;
        let token = issued.status.and_then(|status| status.token);
        token
            .map(Zeroizing::new)
            .ok_or_else(|| account_trouble(namespace, name, &A_TOKEN, None))
    }
}

/// Whether a text can be a credential: the SDK panics where one cannot stand in a header.
pub(super) fn is_credential(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_graphic())
}

/// A credential as text. It travels in headers, where a line break or a control character cannot stand: `echo` leaves one.
fn text(value: &SecretBytes, field: &str) -> Result<String, Error> {
    let refuse = |why: &str| {
        let text = format!("could not fetch {field} secret: the value {why}");
        Error::new(Class::Credentials(Fault::KeyMissing), "credentials", text)
    };
    let text = std::str::from_utf8(value.expose()).map_err(|_| refuse("is not text"))?;
    if text.is_empty() {
        return Err(refuse("is empty"));
    }
    if text.ends_with(['\n', '\r']) {
        return Err(refuse("has a line break at its end; write it without"));
    }
    if !is_credential(text) {
        return Err(refuse(
            "holds a space, a line break or another character that no AWS credential has; write it without",
        ));
    }
    Ok(text.to_owned())
}

fn no_secret(key: &KeyName, field: &str, why: &str, class: Class) -> Error {
    let KeyName { namespace, name, .. } = key;
    let text = format!(
        "could not fetch {field} secret: cannot get Kubernetes secret \"{name}\" from namespace \"{namespace}\": {why}"
    );
    Error::new(class, "credentials", text)
}

fn secret_trouble(key: &KeyName, field: &str, error: &secrets_api::Error) -> Error {
    let class = if error.is_forbidden() {
        Class::Credentials(Fault::KubernetesDenied)
    } else {
        Class::Transient
    };
    let why = match error.code() {
        _ if error.is_forbidden() => refused("get", "secrets"),
        Some(code) => format!("HTTP {code}"),
        None => "the API server could not be asked".to_owned(),
    };
    no_secret(key, field, &why, class)
}

/// What is needed to look at a `ServiceAccount`, as verb and resource.
const AN_ACCOUNT: [&str; 2] = ["get", "serviceaccounts"];
/// What is needed for a token of it.
const A_TOKEN: [&str; 2] = ["create", "serviceaccounts/token"];

fn refused(verb: &str, resource: &str) -> String {
    format!(
        "the API server refuses keyferry; {} here",
        rights::lacking(verb, resource)
    )
}

fn account_trouble(
    namespace: &str,
    name: &str,
    [verb, resource]: &[&str; 2],
    error: Option<&kube::Error>,
) -> Error {
    let code = match error {
        Some(kube::Error::Api(status)) => Some(status.code),
        _ => None,
    };
    let (class, why) = match code {
        Some(404) => (
            Class::Credentials(Fault::ServiceAccountMissing),
            "not found".to_owned(),
        ),
        Some(401 | 403) => (
            Class::Credentials(Fault::KubernetesDenied),
            refused(verb, resource),
        ),
        Some(code) => (Class::Transient, format!("HTTP {code}")),
        None => (Class::Transient, "the API server could not be asked".to_owned()),
    };
    let text = format!("cannot use Kubernetes ServiceAccount \"{name}\" of namespace \"{namespace}\": {why}");
    Error::new(class, "credentials", text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_credential_that_cannot_stand_in_a_header_is_refused_and_not_shown() {
        let said = |value: &[u8]| {
            let error = text(&SecretBytes::from(value.to_vec()), "SessionToken").unwrap_err();
            assert_eq!(error.class, Class::Credentials(Fault::KeyMissing));
            assert!(!error.text.contains("AKID"), "{}", error.text);
            error.text
        };
        for value in [&b"AKID\n"[..], b"AKID\r\n"] {
            assert!(said(value).ends_with("has a line break at its end; write it without"));
        }
        assert!(said(b"").ends_with("is empty"));
        assert!(said(b"AKID\xff").ends_with("is not text"));
        for value in ["AK\nID", "AKID\u{7f}", " AKID", "AKIDé"] {
            assert!(said(value.as_bytes()).contains("holds a space, a line break"));
        }
    }

    #[test]
    fn base64_is_taken_as_it_is() {
        let token = "FwoGZXIvYXdzE+/a==";
        assert_eq!(
            text(&SecretBytes::from(token.to_owned()), "SessionToken").unwrap(),
            token
        );
    }
}
