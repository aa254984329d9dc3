//! Finalizers that ESO left go from what is being deleted. None is ever put on anything.

use std::{fmt::Debug, time::Duration};

use kube::{
    Api, Resource,
    api::{PartialObjectMeta, Patch, PatchParams},
};
use serde_json::json;

/// When a finalizer that could not be removed is tried again.
const RETRY: Duration = Duration::from_mins(5);
/// One removal, a read and a write, may take this long.
const CALL_TIMEOUT: Duration = Duration::from_secs(20);

/// Why a finalizer stays.
#[derive(Debug, thiserror::Error)]
pub(super) enum Error {
    /// The server's text names the right that is missing. It has seen metadata only: no value can stand in it.
    #[error("the API server refuses ({code}): {message}")]
    Refused {
        /// HTTP status.
        code: u16,
        /// What it says.
        message: String,
    },
    #[error("somebody else changed the object meanwhile")]
    Changed,
    #[error("the API server could not be reached")]
    Unreachable(#[source] Box<kube::Error>),
    #[error("the API server did not answer in time")]
    Timeout,
}

impl Error {
    /// Whether a right is missing.
    pub(super) fn is_forbidden(&self) -> bool {
        matches!(self, Self::Refused { code: 403, .. })
    }

    /// When another try may do better.
    pub(super) fn retry(&self) -> Duration {
        match self {
            Self::Refused {
                code: 429 | 500.., ..
            }
            | Self::Unreachable(_)
            | Self::Timeout => Duration::from_secs(5),
            Self::Refused { .. } => RETRY,
            Self::Changed => Duration::from_secs(1),
        }
    }
}

impl From<kube::Error> for Error {
    fn from(error: kube::Error) -> Self {
        match error {
            kube::Error::Api(status) if status.code == 409 => Self::Changed,
            kube::Error::Api(status) => Self::Refused {
                code: status.code,
                message: status.message,
            },
            error => Self::Unreachable(Box::new(error)),
        }
    }
}

/// Takes one finalizer off an object, if both are there.
pub(super) async fn remove<K>(
    api: &Api<PartialObjectMeta<K>>,
    name: &str,
    finalizer: &str,
) -> Result<(), Error>
where
    K: Clone + Debug,
    PartialObjectMeta<K>: Resource + Clone + Debug + serde::de::DeserializeOwned,
{
    let removed = async {
        let Some(meta) = api.get_metadata_opt(name).await? else {
            return Ok(());
        };
        let mut finalizers = meta.metadata.finalizers.unwrap_or_default();
        finalizers.retain(|f| f != finalizer);
        // The resourceVersion keeps finalizers that came meanwhile, and the uid an object of the same name.
        let patch = json!({ "metadata": {
            "finalizers": finalizers,
            "resourceVersion": meta.metadata.resource_version,
            "uid": meta.metadata.uid,
        }});
        api.patch_metadata(name, &PatchParams::default(), &Patch::Merge(&patch))
            .await
            .map(drop)
    };
    match tokio::time::timeout(CALL_TIMEOUT, removed).await {
        Ok(Err(kube::Error::Api(status))) if status.code == 404 => Ok(()),
        Ok(answer) => Ok(answer?),
        Err(_) => Err(Error::Timeout),
    }
}
