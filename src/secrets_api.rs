//! Every request on Kubernetes Secrets. No other module speaks to them.
//!
//! Answers are metadata only, also for POST and DELETE, where kube's typed calls would return values. The one exception
//! is [`read_values`], for the closed list of Secrets that are *sources*: store and generator credentials and template
//! sources. The operator never reads a target's values back.

pub(crate) mod request;
mod write;

use std::{collections::BTreeMap, time::Duration};

use k8s_openapi::api::core::v1::Secret;
use kube::{Client, api::PartialObjectMeta};

pub use request::{Error, is_name};
pub use write::{Guarded, Wanted, create, delete, merge, overwrite, values_equal};

use self::request::found;
use crate::secret_bytes::SecretBytes;

/// A call that takes longer is given up; the queue tries again.
const CALL_TIMEOUT: Duration = Duration::from_secs(10);

/// A Secret as we see it: never with values.
pub type SecretMeta = PartialObjectMeta<Secret>;

/// The values of a Secret that is a source.
#[derive(Debug)]
pub struct SourceSecret {
    /// Uid of the Secret that was read.
    pub uid: String,
    /// Its resourceVersion.
    pub resource_version: String,
    /// Its data, decoded.
    pub data: BTreeMap<String, SecretBytes>,
}

/// What a Table GET tells about a Secret without its values.
#[derive(Debug, PartialEq, Eq)]
pub struct Shape {
    /// The type, such as `Opaque`.
    pub type_: String,
    /// How many keys its data holds.
    pub keys: usize,
}

/// How a target is looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Look {
    /// By GET.
    Get,
    /// By a patch that changes nothing: needs no permission to get, list or watch.
    Patch,
}

impl Look {
    /// The verb that roles grant it by.
    pub fn verb(self) -> &'static str {
        match self {
            Self::Get => "get",
            Self::Patch => "patch",
        }
    }

    fn at(
        self,
        namespace: &str,
        name: &str,
        accept: &'static str,
    ) -> Result<http::Request<kube::client::Body>, Error> {
        match self {
            Self::Get => request::get(namespace, name, accept),
            Self::Patch => request::touch(namespace, name, accept),
        }
    }
}

/// Metadata of a Secret, or nothing where there is none.
pub async fn metadata(
    client: &Client,
    namespace: &str,
    name: &str,
    look: Look,
) -> Result<Option<SecretMeta>, Error> {
    found(request::metadata(client, look.at(namespace, name, request::METADATA)?).await)
}

/// Type and number of keys, from the columns that `kubectl get` shows.
pub async fn shape(client: &Client, namespace: &str, name: &str, look: Look) -> Result<Shape, Error> {
    let table = request::json(client, look.at(namespace, name, request::TABLE)?).await?;
    let column = |wanted: &str| {
        let at = table
            .get("columnDefinitions")?
            .as_array()?
            .iter()
            .position(|c| c.get("name").and_then(|n| n.as_str()) == Some(wanted))?;
        table
            .get("rows")?
            .as_array()?
            .first()?
            .get("cells")?
            .as_array()?
            .get(at)
            .cloned()
    };
    let type_ = column("Type").and_then(|c| c.as_str().map(str::to_owned));
    let keys = column("Data")
        .and_then(|c| c.as_u64())
        .and_then(|n| usize::try_from(n).ok());
    match (type_, keys) {
        (Some(type_), Some(keys)) => Ok(Shape { type_, keys }),
        _ => Err(Error::Answer(
            "the table of a Secret has no Type and Data columns",
        )),
    }
}

/// The values of a *source* Secret: credentials or templates. The operator never uses it on a target; the command that
/// restores ESO's hashes does.
pub async fn read_values(
    client: &Client,
    namespace: &str,
    name: &str,
) -> Result<Option<SourceSecret>, Error> {
    let Some(body) = found(request::bytes(client, request::get(namespace, name, request::FULL)?).await)?
    else {
        return Ok(None);
    };
    let secret: Secret =
        serde_json::from_slice(&body).map_err(|_| Error::Answer("the API server's Secret is not JSON"))?;
    let data = secret
        .data
        .unwrap_or_default()
        .into_iter()
        .map(|(k, v)| (k, SecretBytes::new(v.0)))
        .collect();
    Ok(Some(SourceSecret {
        uid: secret.metadata.uid.unwrap_or_default(),
        resource_version: secret.metadata.resource_version.unwrap_or_default(),
        data,
    }))
}
