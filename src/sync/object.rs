//! An ExternalSecret as the watch keeps it: pruned to what the stages need, its spec parsed.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{ManagedFieldsEntry, ObjectMeta};
use kube::core::DeserializeGuard;

use super::{
    cause::{Cause, Failure},
    fingerprint,
    spec::{self, Spec, StoreName},
};
use crate::api::{ExternalSecret, ExternalSecretStatus, names};

/// kubectl's copy of the manifest: as large as the object, and of no use here.
const LAST_APPLIED: &str = "kubectl.kubernetes.io/last-applied-configuration";

/// An ExternalSecret, pruned.
#[derive(Clone, Debug)]
pub struct Object {
    /// Namespace.
    pub namespace: Box<str>,
    /// Name.
    pub name: Box<str>,
    /// Uid: a recreated object is another one.
    pub uid: Box<str>,
    /// `metadata.generation`.
    pub generation: i64,
    /// Annotations, without kubectl's copy of the manifest.
    pub annotations: BTreeMap<String, String>,
    /// Labels.
    pub labels: BTreeMap<String, String>,
    /// Generation and hash of labels and annotations: changes when either does.
    pub form: Box<str>,
    /// When it is to be deleted, it is not synced any more.
    pub deleting: bool,
    /// Whether ESO left its finalizer.
    pub finalizer_left: bool,
    /// The stores it names, also where the spec is refused.
    pub stores: BTreeSet<StoreName>,
    /// The parsed spec, or why it is refused.
    pub spec: Result<Spec, Failure>,
    /// What the status said: seeds the record after a start, and nothing else.
    pub status: ExternalSecretStatus,
    /// Another manager that wrote the status after us, and when.
    pub foreign_status_writer: Option<(Box<str>, Timestamp)>,
}

impl Object {
    /// Prunes and parses what the watch delivers. An object that cannot be read keeps its metadata and says why.
    pub fn new(watched: DeserializeGuard<ExternalSecret>) -> Self {
        match watched.0 {
            Ok(object) => {
                let name = object.metadata.name.clone().unwrap_or_default();
                let spec = Spec::parse(&object.spec, &name);
                let stores = spec::stores(&object.spec);
                Self::build(object.metadata, stores, spec, object.status.unwrap_or_default())
            }
            Err(invalid) => {
                let failure = Failure::new(
                    Cause::Malformed,
                    format!(
                        "the stored object cannot be read: {}; apply it again",
                        invalid.error
                    ),
                );
                Self::build(
                    invalid.metadata,
                    BTreeSet::new(),
                    Err(failure),
                    ExternalSecretStatus::default(),
                )
            }
        }
    }

    fn build(
        metadata: ObjectMeta,
        stores: BTreeSet<StoreName>,
        spec: Result<Spec, Failure>,
        status: ExternalSecretStatus,
    ) -> Self {
        let mut annotations = metadata.annotations.unwrap_or_default();
        let labels = metadata.labels.unwrap_or_default();
        let generation = metadata.generation.unwrap_or_default();
        // ESO hashes all annotations, kubectl's included: the hash comes before the pruning.
        let form = fingerprint::synced_form(generation, &annotations, &labels).into();
        annotations.remove(LAST_APPLIED);
        let finalizers = metadata.finalizers.unwrap_or_default();
        Self {
            namespace: metadata.namespace.unwrap_or_default().into(),
            name: metadata.name.unwrap_or_default().into(),
            uid: metadata.uid.unwrap_or_default().into(),
            generation,
            annotations,
            labels,
            form,
            deleting: metadata.deletion_timestamp.is_some(),
            finalizer_left: finalizers.iter().any(|f| f == names::ESO_FINALIZER),
            stores,
            spec,
            status,
            foreign_status_writer: foreign_status_writer(&metadata.managed_fields.unwrap_or_default()),
        }
    }

    /// Name of the Secret, where the spec says one.
    pub fn target_name(&self) -> Option<&str> {
        self.spec.as_ref().ok().map(|spec| &*spec.target.name)
    }

    /// Values of the annotations that ask for a sync whatever the policy.
    pub fn force_sync(&self) -> [Option<&str>; 2] {
        names::FORCE_SYNC_ANNOTATIONS.map(|name| self.annotations.get(name).map(String::as_str))
    }

    /// Whether the Secret stays when the object goes, by our annotation.
    pub fn retained_on_delete(&self) -> bool {
        self.annotations
            .get(names::ON_DELETE_ANNOTATION)
            .is_some_and(|value| value == "retain")
    }
}

/// The newest writer of the status, where it is not us and came after us: two operators share a class.
fn foreign_status_writer(fields: &[ManagedFieldsEntry]) -> Option<(Box<str>, Timestamp)> {
    let status = || {
        fields
            .iter()
            .filter(|entry| entry.subresource.as_deref() == Some("status"))
    };
    let time = |entry: &ManagedFieldsEntry| entry.time.as_ref().map_or(Timestamp::MIN, |time| time.0);
    let ours = status()
        .filter(|e| e.manager.as_deref() == Some(names::STATUS_MANAGER))
        .map(time)
        .max()?;
    let newest = status()
        .filter(|e| e.manager.as_deref() != Some(names::STATUS_MANAGER))
        .max_by_key(|e| time(e))?;
    (time(newest) > ours).then(|| (newest.manager.clone().unwrap_or_default().into(), time(newest)))
}

#[cfg(test)]
mod tests {
    use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;

    use super::*;

    fn writer(manager: &str, second: i64) -> ManagedFieldsEntry {
        ManagedFieldsEntry {
            manager: Some(manager.to_owned()),
            subresource: Some("status".to_owned()),
            time: Some(Time(Timestamp::from_second(second).unwrap())),
            ..ManagedFieldsEntry::default()
        }
    }

    #[test]
    fn a_status_that_another_operator_left_before_us_is_not_a_contest() {
        assert_eq!(foreign_status_writer(&[writer("external-secrets", 5)]), None);
        assert_eq!(
            foreign_status_writer(&[writer("external-secrets", 5), writer("keyferry", 6)]),
            None
        );
    }

    #[test]
    fn another_operator_that_writes_the_status_after_us_is_named() {
        let fields = [writer("keyferry", 5), writer("external-secrets", 6)];
        let (writer, at) = foreign_status_writer(&fields).unwrap();
        assert_eq!((&*writer, at.as_second()), ("external-secrets", 6));
    }
}
