//! One ExternalSecret in one namespace: made, corrected, or left alone because it is another's.
//!
//! What is watched decides whether anything is asked; a write follows a fresh look and never an old one.

use std::time::Duration;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::{ObjectMeta, OwnerReference};
use kube::{
    Api, Client,
    api::{DeleteParams, PartialObjectMeta, PostParams, Preconditions},
};

use super::{
    failure::{Cause, Failure},
    object::{ClusterObject, Wanted},
};
use crate::{
    api::{ExternalSecret, names},
    sync::object::{Object, controller, spec_digest},
};

/// One request may take this long.
const CALL_TIMEOUT: Duration = Duration::from_secs(10);
/// Looks at an ExternalSecret that others change at the same time.
const LOOKS: u32 = 3;

/// What became of a namespace.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Done {
    /// It has the ExternalSecret as wanted.
    Stands,
    /// It is going, or gone: nothing is wanted there.
    NamespaceGone,
}

/// Sees to it that a namespace has the ExternalSecret. `known` is what the watch shows there.
pub(super) async fn provision(
    client: &Client,
    object: &ClusterObject,
    wanted: &Wanted,
    namespace: &str,
    known: Option<&Object>,
) -> Result<Done, Failure> {
    if let Some(known) = known {
        let kept = known.provisioned.as_deref().filter(|p| *p.by == *object.name);
        let Some(kept) = kept else {
            return Err(already_exists(&wanted.name));
        };
        if known.deleting {
            return Err(being_deleted(&wanted.name));
        }
        let equal = kept.spec == wanted.digest
            && *kept.by_uid == *object.uid
            && known.labels == wanted.labels
            && known.annotations == wanted.annotations;
        if equal {
            return Ok(Done::Stands);
        }
    }
    let api: Api<ExternalSecret> = Api::namespaced(client.clone(), namespace);
    let mut there = known.is_some();
    for _ in 0..LOOKS {
        let live = if there {
            timely("read", api.get_opt(&wanted.name))
                .await
                .map_err(Refusal::failure)?
        } else {
            None
        };
        let written = match live {
            None => create(&api, object, wanted).await,
            Some(live) => correct(&api, object, wanted, live).await?,
        };
        match written {
            Ok(()) => return Ok(Done::Stands),
            // Made by somebody else, changed, or gone, since we looked: look again.
            Err(refusal) if refusal.is_outdated() => there = true,
            Err(refusal) if refusal.is_namespace_gone() => return Ok(Done::NamespaceGone),
            Err(refusal) => return Err(refusal.failure()),
        }
    }
    Err(Failure::new(
        Cause::ApiServerUnavailable,
        format!("ExternalSecret {} keeps changing; trying again", wanted.name),
    ))
}

async fn create(api: &Api<ExternalSecret>, object: &ClusterObject, wanted: &Wanted) -> Result<(), Refusal> {
    let external_secret = ExternalSecret {
        metadata: ObjectMeta {
            name: Some(wanted.name.to_string()),
            labels: Some(wanted.labels.clone()),
            annotations: Some(wanted.annotations.clone()),
            owner_references: Some(vec![owner(object)]),
            ..ObjectMeta::default()
        },
        spec: wanted.spec.clone(),
        status: None,
    };
    timely("create", api.create(&by_us(), &external_secret))
        .await
        .map(drop)
}

/// Replaces labels, annotations and spec of an ExternalSecret that is ours; keeps finalizers and foreign owners.
async fn correct(
    api: &Api<ExternalSecret>,
    object: &ClusterObject,
    wanted: &Wanted,
    mut live: ExternalSecret,
) -> Result<Result<(), Refusal>, Failure> {
    let owners = live.metadata.owner_references.get_or_insert_default();
    let Some(ours) = controller(owners).filter(|by| is_us(by, object)).cloned() else {
        return Err(already_exists(&wanted.name));
    };
    if live.metadata.deletion_timestamp.is_some() {
        return Err(being_deleted(&wanted.name));
    }
    // Compared without what does not change their meaning, such as 1h for 1h0m0s.
    let same_spec = spec_digest(&live.spec) == wanted.digest;
    let meta = &live.metadata;
    let same_labels = meta.labels.clone().unwrap_or_default() == wanted.labels;
    let same_annotations = meta.annotations.clone().unwrap_or_default() == wanted.annotations;
    if same_spec && same_labels && same_annotations && ours.uid == *object.uid {
        return Ok(Ok(()));
    }
    let owners = live.metadata.owner_references.get_or_insert_default();
    owners.retain(|owner| *owner != ours);
    owners.push(owner(object));
    live.metadata.labels = Some(wanted.labels.clone());
    live.metadata.annotations = Some(wanted.annotations.clone());
    if !same_spec {
        live.spec = wanted.spec.clone();
    }
    live.status = None;
    // The resourceVersion that was read goes along: what changed since is not overwritten.
    Ok(timely("update", api.replace(&wanted.name, &by_us(), &live))
        .await
        .map(drop))
}

/// Deletes an ExternalSecret that this object kept where it is wanted no more. Its Secret goes by garbage collection.
pub(super) async fn delete(client: &Client, known: &Object) -> Result<(), Failure> {
    let api: Api<PartialObjectMeta<ExternalSecret>> = Api::namespaced(client.clone(), &known.namespace);
    let this_one = DeleteParams {
        preconditions: Some(Preconditions {
            uid: Some(known.uid.to_string()),
            ..Preconditions::default()
        }),
        ..DeleteParams::default()
    };
    match timely("delete", api.delete(&known.name, &this_one)).await {
        Ok(_) => Ok(()),
        // Gone, or another one: the watch tells.
        Err(Refusal(Some(kube::Error::Api(status)), _)) if matches!(status.code, 404 | 409) => Ok(()),
        Err(refusal) => Err(refusal.failure()),
    }
}

fn owner(object: &ClusterObject) -> OwnerReference {
    OwnerReference {
        api_version: names::API_VERSION.to_owned(),
        kind: names::CLUSTER_EXTERNAL_SECRET.to_owned(),
        name: object.name.to_string(),
        uid: object.uid.to_string(),
        controller: Some(true),
        block_owner_deletion: Some(true),
    }
}

/// By name: an object that was restored from a backup has another uid, and keeps what it made.
fn is_us(controller: &OwnerReference, object: &ClusterObject) -> bool {
    crate::sync::object::is_cluster_external_secret(controller) && *controller.name == *object.name
}

fn by_us() -> PostParams {
    PostParams {
        field_manager: Some(names::STATUS_MANAGER.to_owned()),
        ..PostParams::default()
    }
}

fn already_exists(name: &str) -> Failure {
    Failure::new(
        Cause::AlreadyExists,
        format!(
            "external secret already exists in namespace: {name} is not kept by this object; delete it, or set \
             spec.externalSecretName"
        ),
    )
}

fn being_deleted(name: &str) -> Failure {
    Failure::new(
        Cause::BeingDeleted,
        format!(
            "ExternalSecret {name} is being deleted and its finalizers hold it; it is made anew when it is gone"
        ),
    )
}

/// What the API server said to a request, nothing where it said nothing in time; and the verb.
struct Refusal(Option<kube::Error>, &'static str);

impl Refusal {
    fn api(&self) -> Option<&kube::core::Status> {
        match &self.0 {
            Some(kube::Error::Api(status)) => Some(status),
            _ => None,
        }
    }

    fn is_outdated(&self) -> bool {
        let gone = |status: &kube::core::Status| status.code == 404 && self.1 == "update";
        self.api()
            .is_some_and(|status| status.code == 409 || gone(status))
    }

    fn is_namespace_gone(&self) -> bool {
        self.api().is_some_and(|status| {
            (status.code == 404 && self.1 == "create")
                || (status.code == 403 && status.message.contains("because it is being terminated"))
        })
    }

    fn failure(self) -> Failure {
        match self.0 {
            Some(error) => Failure::of(&error, self.1),
            None => Failure::new(
                Cause::ApiServerUnavailable,
                format!("could not {} the ExternalSecret in time; trying again", self.1),
            ),
        }
    }
}

async fn timely<T>(verb: &'static str, call: impl Future<Output = kube::Result<T>>) -> Result<T, Refusal> {
    match tokio::time::timeout(CALL_TIMEOUT, call).await {
        Ok(Ok(answer)) => Ok(answer),
        Ok(Err(error)) => Err(Refusal(Some(error), verb)),
        Err(_) => Err(Refusal(None, verb)),
    }
}
