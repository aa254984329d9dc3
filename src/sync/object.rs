//! An ExternalSecret as the watch keeps it: pruned to what the stages need, its spec parsed.

use std::{
    collections::{BTreeMap, BTreeSet},
    hash::{DefaultHasher, Hasher},
    sync::Arc,
};

use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{ManagedFieldsEntry, ObjectMeta, OwnerReference};

use super::{
    absence::OnMissing,
    cause::{Cause, Failure},
    fingerprint,
    spec::{self, GenericKind, Rules, Spec, StoreName},
};
use crate::api::{ExternalSecret, ExternalSecretSpec, ExternalSecretStatus, Stored, names};

/// kubectl's copy of the manifest: as large as the object, and of no use here.
const LAST_APPLIED: &str = "kubectl.kubernetes.io/last-applied-configuration";

/// An ExternalSecret, pruned.
#[derive(Clone, Debug)]
pub struct Object {
    /// Namespace.
    pub namespace: Box<str>,
    /// Name.
    pub name: Box<str>,
    /// Value of the created-by label of what it owns.
    pub created_by: Box<str>,
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
    /// The ClusterExternalSecret that keeps it.
    pub provisioned: Option<Box<Provisioned>>,
    /// The stores it names, also where the spec is refused.
    pub stores: BTreeSet<StoreName>,
    /// The parsed spec, or why it is refused.
    pub spec: Result<Arc<Spec>, Failure>,
    /// What the status said: seeds the record after a start, and nothing else.
    pub status: ExternalSecretStatus,
    /// Another manager that wrote the status after us, and when.
    pub foreign_status_writer: Option<(Box<str>, Timestamp)>,
}

impl Object {
    /// Prunes and parses what the watch delivers. An object that cannot be read keeps its metadata, its stores and its
    /// status, as far as those can be read, and says why.
    pub fn new(watched: Stored<ExternalSecret>, rules: &Rules) -> Self {
        Self::after(None, watched, rules)
    }

    /// The same, where the object was known before: each status that we write comes back, and is no reason to parse
    /// templates and expressions again.
    pub fn after(before: Option<&Self>, watched: Stored<ExternalSecret>, rules: &Rules) -> Self {
        match watched.0 {
            Ok(object) => {
                let name = object.metadata.name.clone().unwrap_or_default();
                let spec = before
                    .filter(|before| before.is_of(&object.metadata))
                    .and_then(|before| before.spec.clone().ok())
                    .map_or_else(|| Spec::parse(&object.spec, &name, rules).map(Arc::new), Ok);
                let stores = spec::stores(&object.spec);
                let provisioned = Provisioned::new(&object);
                Self {
                    provisioned: provisioned.map(Box::new),
                    ..Self::build(
                        before,
                        object.metadata,
                        stores,
                        spec,
                        object.status.unwrap_or_default(),
                    )
                }
            }
            Err(unreadable) => {
                let text = format!(
                    "the stored object cannot be read: {}; apply it again",
                    unreadable.why
                );
                let failure = Failure::new(Cause::Malformed, text);
                let stores = spec::stores_of_unreadable(&unreadable, "/spec");
                let status = unreadable.part("/status").unwrap_or_default();
                Self::build(before, unreadable.metadata, stores, Err(failure), status)
            }
        }
    }

    fn build(
        before: Option<&Self>,
        metadata: ObjectMeta,
        stores: BTreeSet<StoreName>,
        spec: Result<Arc<Spec>, Failure>,
        mut status: ExternalSecretStatus,
    ) -> Self {
        // Each was read into room for four.
        status.conditions.iter_mut().for_each(Vec::shrink_to_fit);
        status.entries.iter_mut().for_each(Vec::shrink_to_fit);
        let mut annotations = metadata.annotations.unwrap_or_default();
        let labels = metadata.labels.unwrap_or_default();
        let generation = metadata.generation.unwrap_or_default();
        // ESO hashes all annotations, kubectl's included: the hash comes before the pruning.
        let form = fingerprint::synced_form(generation, &annotations, &labels).into();
        annotations.remove(LAST_APPLIED);
        let finalizers = metadata.finalizers.unwrap_or_default();
        let spec = spec.and_then(|spec| {
            let on_missing = OnMissing::of(&annotations)?;
            if let (OnMissing::Keep, Some(kind)) = (on_missing, &spec.target.kind) {
                return Err(Failure::new(
                    Cause::InvalidSpec,
                    format!(
                        "the annotation {} cannot be keep for a {kind}, only for a Secret; use fail or skip",
                        names::ON_MISSING_ANNOTATION
                    ),
                ));
            }
            if spec.on_missing == on_missing {
                return Ok(spec);
            }
            let spec = Arc::unwrap_or_clone(spec);
            Ok(Arc::new(Spec { on_missing, ..spec }))
        });
        let [namespace, name] = [metadata.namespace, metadata.name].map(Option::unwrap_or_default);
        Self {
            created_by: before.map_or_else(
                || fingerprint::created_by(&namespace, &name).into(),
                |before| before.created_by.clone(),
            ),
            namespace: namespace.into(),
            name: name.into(),
            uid: metadata.uid.unwrap_or_default().into(),
            generation,
            annotations,
            labels,
            form,
            deleting: metadata.deletion_timestamp.is_some(),
            finalizer_left: finalizers.iter().any(|f| f == names::ESO_FINALIZER),
            provisioned: None,
            stores,
            spec,
            status,
            foreign_status_writer: foreign_status_writer(&metadata.managed_fields.unwrap_or_default()),
        }
    }

    /// Whether the spec is that of this metadata.
    fn is_of(&self, metadata: &ObjectMeta) -> bool {
        metadata.uid.as_deref() == Some(&*self.uid) && metadata.generation == Some(self.generation)
    }

    /// Name of the Secret, where the spec says one.
    pub fn secret_name(&self) -> Option<&str> {
        let target = &self.spec.as_ref().ok()?.target;
        target.kind.is_none().then_some(&*target.name)
    }

    /// Kind and name of the target, where the spec says one that is no Secret.
    pub fn generic_target(&self) -> Option<(&GenericKind, &str)> {
        let target = &self.spec.as_ref().ok()?.target;
        Some((target.kind.as_ref()?, &*target.name))
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

/// What a ClusterExternalSecret compares of an ExternalSecret that it keeps.
#[derive(Clone, Debug)]
pub struct Provisioned {
    /// Name of the ClusterExternalSecret.
    pub by: Box<str>,
    /// Its uid when it last wrote.
    pub by_uid: Box<str>,
    /// Digest of the spec.
    pub spec: u64,
}

impl Provisioned {
    fn new(object: &ExternalSecret) -> Option<Self> {
        let owners = object.metadata.owner_references.as_deref()?;
        let by = controller(owners).filter(|owner| is_cluster_external_secret(owner))?;
        Some(Self {
            by: by.name.as_str().into(),
            by_uid: by.uid.as_str().into(),
            spec: spec_digest(&object.spec),
        })
    }
}

/// The owner that controls an object.
pub fn controller(owners: &[OwnerReference]) -> Option<&OwnerReference> {
    owners.iter().find(|owner| owner.controller == Some(true))
}

/// Whether an owner is a ClusterExternalSecret, of whichever version.
pub fn is_cluster_external_secret(owner: &OwnerReference) -> bool {
    let group = owner.api_version.split_once('/').map(|(group, _)| group);
    owner.kind == names::CLUSTER_EXTERNAL_SECRET && group == Some(names::GROUP)
}

/// Equal for specs that mean the same: ESO writes a duration of `1h` as `1h0m0s`. Holds within this process.
pub fn spec_digest(spec: &ExternalSecretSpec) -> u64 {
    let plain = |text: &mut String| {
        if let Ok(duration) = gotext::duration::parse(&*text) {
            *text = duration.to_string();
        }
    };
    let mut spec = spec.clone();
    spec.refresh_interval.iter_mut().for_each(plain);
    let windows = spec
        .sync_windows
        .iter_mut()
        .flat_map(|windows| &mut windows.windows);
    windows.for_each(|window| plain(&mut window.duration));
    let mut digest = DefaultHasher::new();
    // A spec that came as JSON is written as JSON without fail.
    digest.write(&serde_json::to_vec(&spec).unwrap_or_default());
    digest.finish()
}

/// The newest writer of the status, where it is not us and came after us: two operators share a class.
pub fn foreign_status_writer(fields: &[ManagedFieldsEntry]) -> Option<(Box<str>, Timestamp)> {
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
    fn durations_that_mean_the_same_make_no_other_spec() {
        let spec = |interval: &str, window: &str, key: &str| {
            serde_json::from_value::<ExternalSecretSpec>(serde_json::json!({
                "refreshInterval": interval,
                "syncWindows": { "kind": "allow", "windows": [{ "schedule": "@daily", "duration": window }] },
                "data": [{ "secretKey": "k", "remoteRef": { "key": key } }],
            }))
            .unwrap()
        };
        let digest = spec_digest(&spec("1h", "90m", "a"));
        assert_eq!(spec_digest(&spec("1h0m0s", "1h30m0s", "a")), digest);
        for other in [
            spec("2h", "90m", "a"),
            spec("1h", "91m", "a"),
            spec("1h", "90m", "b"),
        ] {
            assert_ne!(spec_digest(&other), digest);
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

    #[test]
    fn a_spec_is_parsed_once_for_each_generation_and_annotations_are_followed() {
        let stored = |uid: &str, generation: i64, on_missing: &str| -> Stored<ExternalSecret> {
            serde_json::from_value(serde_json::json!({
                "apiVersion": "external-secrets.io/v1", "kind": "ExternalSecret",
                "metadata": {
                    "name": "es", "namespace": "app", "uid": uid, "generation": generation,
                    "annotations": { "keyferry.dev/on-missing": on_missing },
                },
                "spec": {
                    "secretStoreRef": { "name": "aws" },
                    "target": { "template": { "data": { "k": "{{ .k }}" } } },
                    "data": [{ "secretKey": "k", "remoteRef": { "key": "a" } }],
                },
            }))
            .unwrap()
        };
        let rules = Rules::default();
        let first = Object::new(stored("u", 1, "keep"), &rules);
        let template = |object: &Object| object.spec.as_ref().unwrap().target.template.clone().unwrap();
        let again = |uid: &str, generation: i64| {
            let later = Object::after(Some(&first), stored(uid, generation, "skip"), &rules);
            assert_eq!(later.spec.clone().unwrap().on_missing, OnMissing::Skip);
            Arc::ptr_eq(&template(&first), &template(&later))
        };
        assert!(again("u", 1));
        assert!(!again("u", 2));
        assert!(!again("another", 1));
        let refused = Object::after(Some(&first), stored("u", 1, "what"), &rules);
        assert_eq!(refused.spec.as_ref().unwrap_err().cause, Cause::InvalidSpec);
        let healed = Object::after(Some(&refused), stored("u", 1, "keep"), &rules);
        assert!(healed.spec.is_ok());
    }

    fn unreadable(spec: &serde_json::Value) -> Object {
        let json = serde_json::json!({
            "apiVersion": "external-secrets.io/v1", "kind": "ExternalSecret",
            "metadata": { "name": "es", "namespace": "app", "uid": "u", "generation": 2 },
            "spec": spec,
            "status": { "syncedResourceVersion": "1-abc" },
        });
        let stored: Stored<ExternalSecret> = serde_json::from_value(json).unwrap();
        assert!(stored.0.is_err());
        Object::new(stored, &Rules::default())
    }

    #[test]
    fn an_object_that_cannot_be_read_keeps_its_stores_and_its_status() {
        let object = unreadable(&serde_json::json!({
            "secretStoreRef": { "name": "vault" },
            "data": [{ "secretKey": 7, "sourceRef": { "storeRef": { "name": "c", "kind": "ClusterSecretStore" } } }, 1],
            "dataFrom": "nothing",
        }));
        let names: Vec<_> = object.stores.iter().map(ToString::to_string).collect();
        assert_eq!(names.len(), 2, "{names:?}");
        assert!(names.concat().contains("vault"), "{names:?}");
        assert_eq!(object.status.synced_resource_version.as_deref(), Some("1-abc"));
        assert_eq!(object.spec.unwrap_err().cause, Cause::Malformed);
    }

    #[test]
    fn an_object_that_names_nothing_readable_names_no_store() {
        assert!(
            unreadable(&serde_json::json!({ "secretStoreRef": "vault" }))
                .stores
                .is_empty()
        );
    }
}
