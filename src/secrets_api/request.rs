//! Building and sending requests: bodies are wiped after use, answers are collected here and never logged. Also for
//! `resources_api`, whose objects hold values too.

use bytes::Bytes;
use http::{Method, Request, header};
use http_body_util::BodyExt;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use kube::{Client, api::PartialObjectMeta, client::Body};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::json;
use zeroize::Zeroizing;

use super::CALL_TIMEOUT;
use crate::rights;

pub(crate) const JSON: &str = "application/json";
pub(crate) const JSON_PATCH: &str = "application/json-patch+json";
pub(crate) const MERGE_PATCH: &str = "application/merge-patch+json";

pub(crate) const METADATA: &str = "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1";
pub(super) const TABLE: &str = "application/json;as=Table;g=meta.k8s.io;v=v1";
pub(super) const FULL: &str = JSON;

/// Larger answers than this are refused: a Secret holds at most 1 MiB, base64 and managedFields included.
const ANSWER_LIMIT: usize = 8 * 1024 * 1024;

/// Why a request on a target or source failed. The texts hold no values.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The API server refused; its reason and code are kept.
    #[error("the API server answered {code} {reason}")]
    Refused {
        /// HTTP status code.
        code: u16,
        /// Kubernetes reason, such as `Conflict`.
        reason: String,
        /// The server's message. It may quote what was sent: for classing only, never to be shown.
        message: Redacted,
    },
    /// No answer in time.
    #[error("the API server did not answer in time")]
    Timeout,
    /// The connection failed.
    #[error("the API server could not be reached")]
    Unreachable(#[source] Box<kube::Error>),
    /// The answer was not what was asked for.
    #[error("unexpected answer of the API server: {0}")]
    Answer(&'static str),
}

/// Text that must not reach logs or users.
#[derive(Clone, Default)]
pub struct Redacted(pub(crate) String);

impl std::fmt::Debug for Redacted {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("[redacted]")
    }
}

impl Error {
    /// HTTP status code of a refusal.
    pub fn code(&self) -> Option<u16> {
        match self {
            Self::Refused { code, .. } => Some(*code),
            _ => None,
        }
    }

    /// There is no such object.
    pub fn is_not_found(&self) -> bool {
        self.code() == Some(404)
    }

    /// Somebody else wrote first, or the object exists already.
    pub fn is_conflict(&self) -> bool {
        self.code() == Some(409)
    }

    /// The object is immutable.
    pub fn is_immutable(&self) -> bool {
        matches!(self, Self::Refused { code: 422, message, .. } if message.0.contains("field is immutable"))
    }

    /// The server refused what we sent: trying again without a change is in vain.
    pub fn is_invalid(&self) -> bool {
        matches!(self.code(), Some(400 | 413 | 422))
    }

    /// The namespace is being deleted.
    pub fn is_terminating_namespace(&self) -> bool {
        matches!(self, Self::Refused { code: 403, message, .. } if message.0.contains("because it is being terminated"))
    }

    /// What refused, where it was no lack of permission.
    pub fn policy(&self) -> Option<&'static str> {
        match self {
            Self::Refused {
                code: 403, message, ..
            } if message.0.contains("exceeded quota") => Some("a ResourceQuota of the namespace"),
            Self::Refused {
                code: 400..=499,
                message,
                ..
            } if message.0.contains("admission webhook")
                || message.0.contains("ValidatingAdmissionPolicy") =>
            {
                Some("an admission policy of the cluster")
            }
            _ => None,
        }
    }

    /// What we sent has a field that the kind's schema has not; the server says so in an internal error.
    pub fn is_undeclared_field(&self) -> bool {
        let says = |message: &Redacted| {
            [
                "field not declared in schema",
                "failed to create typed patch object",
            ]
            .iter()
            .any(|text| message.0.contains(text))
        };
        matches!(self, Self::Refused { message, .. } if says(message))
    }

    /// The verb that we lack, where the server names it.
    pub fn denied_verb(&self) -> Option<&'static str> {
        let Self::Refused { message, .. } = self else {
            return None;
        };
        ["get", "create", "patch", "delete"]
            .into_iter()
            .find(|verb| message.0.contains(&format!("cannot {verb} resource")))
    }

    /// We may not write an owner reference that blocks a deletion.
    pub fn is_of_an_owner(&self) -> bool {
        matches!(self, Self::Refused { code: 403, message, .. } if rights::is_of_an_owner(&message.0))
    }

    /// We lack a permission.
    pub fn is_forbidden(&self) -> bool {
        matches!(self.code(), Some(401 | 403))
    }
}

impl From<kube::Error> for Error {
    fn from(error: kube::Error) -> Self {
        match error {
            kube::Error::Api(status) => Self::Refused {
                code: status.code,
                reason: status.reason.clone(),
                message: Redacted(status.message),
            },
            other => Self::Unreachable(Box::new(other)),
        }
    }
}

/// Whether a text can be the name of a Secret or namespace: a DNS subdomain. Anything else could change the path of a
/// request.
pub fn is_name(text: &str) -> bool {
    let label = |label: &str| {
        let inner = label
            .bytes()
            .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-');
        inner && !label.is_empty() && !label.starts_with('-') && !label.ends_with('-')
    };
    text.len() <= 253 && text.split('.').all(label)
}

pub(super) fn path(namespace: &str, name: Option<&str>, query: &str) -> Result<String, Error> {
    if !is_name(namespace) || !name.is_none_or(is_name) {
        return Err(Error::Answer("no Secret can have that name"));
    }
    let mut path = format!("/api/v1/namespaces/{namespace}/secrets");
    if let Some(name) = name {
        path.push('/');
        path.push_str(name);
    }
    if !query.is_empty() {
        path.push('?');
        path.push_str(query);
    }
    Ok(path)
}

pub(super) fn get(namespace: &str, name: &str, accept: &'static str) -> Result<Request<Body>, Error> {
    build(Method::GET, &path(namespace, Some(name), "")?, accept, None)
}

/// A patch that changes nothing; its answer is what a GET would give.
pub(super) fn touch(namespace: &str, name: &str, accept: &'static str) -> Result<Request<Body>, Error> {
    let uri = path(namespace, Some(name), "")?;
    build(Method::PATCH, &uri, accept, Some(NOTHING))
}

/// The body of a patch that changes nothing.
pub(crate) const NOTHING: (&str, Bytes) = (MERGE_PATCH, Bytes::from_static(b"{}"));

/// DELETE of exactly the object that was seen; it may be gone already.
pub(crate) async fn delete(client: &Client, uri: &str, seen: &ObjectMeta) -> Result<(), Error> {
    let options = json!({
        "apiVersion": "v1",
        "kind": "DeleteOptions",
        "propagationPolicy": "Background",
        "preconditions": { "uid": seen.uid, "resourceVersion": seen.resource_version },
    });
    let request = build(Method::DELETE, uri, METADATA, Some((JSON, body(&options)?)))?;
    found(bytes(client, request).await).map(drop)
}

/// A dry run of `test` operations: whether all of them hold.
pub(crate) fn held<T>(answer: Result<T, Error>) -> Result<bool, Error> {
    match answer {
        Ok(_) => Ok(true),
        Err(error) if error.code() == Some(422) => Ok(false),
        Err(error) => Err(error),
    }
}

/// An object that is not there is no error.
pub(crate) fn found<T>(answer: Result<T, Error>) -> Result<Option<T>, Error> {
    match answer {
        Ok(found) => Ok(Some(found)),
        Err(error) if error.is_not_found() => Ok(None),
        Err(error) => Err(error),
    }
}

/// A key as a JSON pointer token.
pub(crate) fn pointer(key: &str) -> String {
    key.replace('~', "~0").replace('/', "~1")
}

pub(crate) fn build(
    method: Method,
    uri: &str,
    accept: &'static str,
    body: Option<(&'static str, Bytes)>,
) -> Result<Request<Body>, Error> {
    let mut request = Request::builder()
        .method(method)
        .uri(uri)
        .header(header::ACCEPT, accept);
    let body = match body {
        Some((content_type, bytes)) => {
            request = request.header(header::CONTENT_TYPE, content_type);
            Body::from(bytes)
        }
        None => Body::empty(),
    };
    request
        .body(body)
        .map_err(|_| Error::Answer("the request could not be built"))
}

/// A body that is wiped when the request has been sent.
pub(crate) fn body<T: Serialize>(value: &T) -> Result<Bytes, Error> {
    let mut buffer = Zeroizing::new(Vec::with_capacity(1024));
    serde_json::to_writer(&mut *buffer, value).map_err(|_| Error::Answer("the body could not be written"))?;
    Ok(Bytes::from_owner(buffer))
}

/// Sends and collects. Errors are parsed from `Status` answers.
pub(crate) async fn bytes(client: &Client, request: Request<Body>) -> Result<Bytes, Error> {
    let exchange = async {
        let response = client.send(request).await?;
        let status = response.status();
        let body = http_body_util::Limited::new(response.into_body(), ANSWER_LIMIT)
            .collect()
            .await
            .map_err(|_| Error::Answer("the answer was cut off or too large"))?
            .to_bytes();
        if status.is_success() {
            return Ok(body);
        }
        let parsed: serde_json::Value = serde_json::from_slice(&body).unwrap_or_default();
        let text = |field: &str| {
            parsed
                .get(field)
                .and_then(|v| v.as_str())
                .unwrap_or_default()
                .to_owned()
        };
        Err(Error::Refused {
            code: status.as_u16(),
            reason: text("reason"),
            message: Redacted(text("message")),
        })
    };
    tokio::time::timeout(CALL_TIMEOUT, exchange)
        .await
        .map_err(|_| Error::Timeout)?
}

pub(super) async fn json(client: &Client, request: Request<Body>) -> Result<serde_json::Value, Error> {
    serde_json::from_slice(&bytes(client, request).await?)
        .map_err(|_| Error::Answer("the answer is not JSON"))
}

pub(crate) async fn metadata<K: DeserializeOwned>(
    client: &Client,
    request: Request<Body>,
) -> Result<PartialObjectMeta<K>, Error> {
    serde_json::from_slice(&bytes(client, request).await?)
        .map_err(|_| Error::Answer("the answer is not object metadata"))
}
