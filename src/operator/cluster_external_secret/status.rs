//! What is reported of a ClusterExternalSecret, and its writing: only when it changed.

use std::{collections::BTreeMap, time::Duration};

use kube::{
    Api, Client,
    api::{PartialObjectMeta, Patch, PatchParams},
};
use serde_json::json;

use super::{
    failure::{Cause, Failure},
    object::ClusterObject,
};
use crate::api::{
    ClusterExternalSecret, ClusterExternalSecretStatus,
    cluster_external_secret::{ClusterExternalSecretCondition, FailedNamespace},
    names,
};

/// One write may take this long.
const WRITE_TIMEOUT: Duration = Duration::from_secs(10);

/// What is remembered of an object between its turns.
#[derive(Clone, Debug)]
pub(super) struct Record {
    pub(super) uid: Box<str>,
    /// Turns in a row that failed.
    pub(super) failures: u32,
    /// The status written last, as older CRDs keep less of it; and the one it replaced, which the watch may still show.
    pub(super) written: Option<Written>,
}

#[derive(Clone, Debug)]
pub(super) struct Written {
    status: ClusterExternalSecretStatus,
    replaced: ClusterExternalSecretStatus,
}

impl Record {
    pub(super) fn new(uid: &str) -> Self {
        Self {
            uid: uid.into(),
            failures: 0,
            written: None,
        }
    }
}

/// Where the ExternalSecret stands, and where it does not.
#[derive(Clone, Debug, Default)]
pub(super) struct Provisioned {
    /// Namespaces that have it.
    pub(super) done: Vec<Box<str>>,
    /// Namespaces that should have it.
    pub(super) failed: BTreeMap<Box<str>, Failure>,
}

impl Provisioned {
    /// The cause that is reported, of many.
    pub(super) fn cause(&self) -> Option<Cause> {
        self.failed.values().map(|failure| failure.cause).min()
    }
}

/// The status of an object that was provisioned.
pub(super) fn provisioned(
    object: &ClusterObject,
    name: &str,
    outcome: &Provisioned,
) -> ClusterExternalSecretStatus {
    let failed = outcome.failed.iter().map(|(namespace, failure)| FailedNamespace {
        namespace: namespace.to_string(),
        reason: Some(failure.text.clone()),
    });
    let message = outcome.failed.iter().next().map(|(namespace, failure)| {
        let others = match outcome.failed.len() {
            1 => String::new(),
            all => format!(" (and {} more, see failedNamespaces)", all - 1),
        };
        format!(
            "one or more namespaces failed: {namespace}: {}{others}",
            failure.text
        )
    });
    let mut done: Vec<_> = outcome.done.iter().map(ToString::to_string).collect();
    done.sort_unstable();
    ClusterExternalSecretStatus {
        external_secret_name: Some(name.to_owned()),
        failed_namespaces: Some(failed.collect()).filter(|failed: &Vec<_>| !failed.is_empty()),
        provisioned_namespaces: Some(done).filter(|done| !done.is_empty()),
        conditions: Some(vec![ready(message)]),
        observed_generation: Some(object.generation),
        cause: outcome.cause().map(|cause| cause.name().to_owned()),
    }
}

/// The status of an object that cannot be acted upon: what stands stays as it is.
pub(super) fn refused(object: &ClusterObject, failure: &Failure) -> ClusterExternalSecretStatus {
    ClusterExternalSecretStatus {
        conditions: Some(vec![ready(Some(failure.to_string()))]),
        observed_generation: Some(object.generation),
        cause: Some(failure.cause.name().to_owned()),
        ..object.status.clone()
    }
}

fn ready(message: Option<String>) -> ClusterExternalSecretCondition {
    let status = if message.is_none() { "True" } else { "False" };
    ClusterExternalSecretCondition {
        type_: "Ready".to_owned(),
        status: status.to_owned(),
        message,
    }
}

/// Writes a status, unless it stands.
pub(super) async fn write(
    client: &Client,
    object: &ClusterObject,
    record: &mut Record,
    wanted: ClusterExternalSecretStatus,
) -> Result<(), ()> {
    // ESO's CRD keeps neither of the two.
    let visible = |status: &ClusterExternalSecretStatus| ClusterExternalSecretStatus {
        observed_generation: None,
        cause: None,
        ..status.clone()
    };
    let stands = match &record.written {
        Some(written) => {
            let shown = object.status == written.replaced || visible(&object.status) == visible(&wanted);
            written.status == wanted && shown
        }
        None => object.status == wanted,
    };
    if stands {
        return Ok(());
    }
    let status = json!({ "status": {
        "externalSecretName": wanted.external_secret_name,
        "failedNamespaces": wanted.failed_namespaces,
        "provisionedNamespaces": wanted.provisioned_namespaces,
        "conditions": wanted.conditions,
        "observedGeneration": wanted.observed_generation,
        "cause": wanted.cause,
    }});
    let api: Api<PartialObjectMeta<ClusterExternalSecret>> = Api::all(client.clone());
    let params = PatchParams {
        field_manager: Some(names::STATUS_MANAGER.to_owned()),
        ..PatchParams::default()
    };
    let patch = Patch::Merge(&status);
    let written = api.patch_status(&object.name, &params, &patch);
    match tokio::time::timeout(WRITE_TIMEOUT, written).await {
        Ok(Ok(_)) => {
            record.written = Some(Written {
                status: wanted,
                replaced: object.status.clone(),
            });
            Ok(())
        }
        // Gone.
        Ok(Err(kube::Error::Api(status))) if status.code == 404 => Ok(()),
        Ok(Err(error)) => {
            tracing::warn!(name = %object.name, %error, "the status of a ClusterExternalSecret could not be written");
            Err(())
        }
        Err(_) => {
            tracing::warn!(name = %object.name, "the status of a ClusterExternalSecret was not written in time");
            Err(())
        }
    }
}
