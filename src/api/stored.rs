//! An object as the API server stores it, whether or not it can be read as its kind.
//!
//! Own piece because kube's `DeserializeGuard` drops what could not be read; whose object it is, and whose status it may
//! have, is decided by parts of it.

use std::{borrow::Cow, collections::BTreeMap};

use k8s_openapi::apimachinery::pkg::apis::meta::v1::{ManagedFieldsEntry, ObjectMeta, OwnerReference, Time};
use kube::Resource;
use serde::{Deserialize, Deserializer, de::DeserializeOwned};
use serde_json::{Value, value::RawValue};

use super::{
    ClusterExternalSecret, ClusterExternalSecretSpec, ClusterExternalSecretStatus, ClusterSecretStore,
    ExternalSecret, ExternalSecretSpec, ExternalSecretStatus, SecretStore, SecretStoreSpec,
    SecretStoreStatus, secret_store::ClusterSecretStoreSpec,
};

/// The object, or what is there instead.
#[derive(Clone, Debug)]
pub struct Stored<T>(pub Result<T, Box<Unreadable>>);

/// An object that cannot be read as its kind.
#[derive(Clone, Debug, Default)]
pub struct Unreadable {
    /// Its metadata.
    pub metadata: ObjectMeta,
    /// All of it.
    pub json: Value,
    /// Why it cannot be read. Names fields and types; may quote what stands in them.
    pub why: String,
}

impl Unreadable {
    /// The text at a JSON pointer, where there is one.
    pub fn text(&self, pointer: &str) -> Option<&str> {
        self.json.pointer(pointer)?.as_str()
    }

    /// A part of the object that can be read for itself, such as its status.
    pub fn part<P: DeserializeOwned>(&self, pointer: &str) -> Option<P> {
        P::deserialize(self.json.pointer(pointer)?).ok()
    }
}

/// A kind of ours, as what is read of it makes it.
pub trait Assemble: Sized {
    /// Its spec.
    type Spec: DeserializeOwned;
    /// Its status.
    type Status: DeserializeOwned;
    /// Puts it together.
    fn assemble(metadata: ObjectMeta, spec: Self::Spec, status: Option<Self::Status>) -> Self;
}

macro_rules! assemble {
    ($($kind:ident: $spec:ty, $status:ty;)*) => {$(
        impl Assemble for $kind {
            type Spec = $spec;
            type Status = $status;

            fn assemble(metadata: ObjectMeta, spec: $spec, status: Option<$status>) -> Self {
                Self { metadata, spec, status }
            }
        }
    )*};
}

assemble! {
    ExternalSecret: ExternalSecretSpec, ExternalSecretStatus;
    ClusterExternalSecret: ClusterExternalSecretSpec, ClusterExternalSecretStatus;
    SecretStore: SecretStoreSpec, SecretStoreStatus;
    ClusterSecretStore: ClusterSecretStoreSpec, SecretStoreStatus;
}

impl<'de, T: Assemble> Deserialize<'de> for Stored<T> {
    /// Fails only where there is no object with metadata at all.
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = Box::<RawValue>::deserialize(deserializer)?;
        // Nearly all can be read: to make a tree of each on the way would cost more than all the rest.
        if let Ok(parts) = serde_json::from_str::<Parts<T::Spec, T::Status>>(text.get()) {
            return Ok(Self(Ok(parts.assemble())));
        }
        let (why, json) = match serde_json::from_str::<Value>(text.get()) {
            Ok(json) => match Parts::<T::Spec, T::Status>::deserialize(&json) {
                Ok(parts) => return Ok(Self(Ok(parts.assemble()))),
                Err(why) => (why, json),
            },
            // Nested too deep. One such object must not take the list of all others away.
            Err(why) => (why, Value::Null),
        };
        let Outline { metadata } = serde_json::from_str(text.get()).map_err(serde::de::Error::custom)?;
        Ok(Self(Err(Box::new(Unreadable {
            metadata: metadata.into(),
            why: why.to_string(),
            json,
        }))))
    }
}

/// An object as it is read.
#[derive(Deserialize)]
struct Parts<S, U> {
    metadata: Identity,
    spec: S,
    status: Option<U>,
}

impl<S, U> Parts<S, U> {
    fn assemble<T: Assemble<Spec = S, Status = U>>(self) -> T {
        T::assemble(self.metadata.into(), self.spec, self.status)
    }
}

/// What is read of an object of which nothing else can be.
#[derive(Deserialize)]
struct Outline {
    metadata: Identity,
}

/// What somebody here looks at of the metadata of our kinds. The trees of `managedFields` are larger than all the rest, and
/// may nest deeper than can be read; who wrote is enough.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Identity {
    name: Option<String>,
    namespace: Option<String>,
    uid: Option<String>,
    resource_version: Option<String>,
    generation: Option<i64>,
    deletion_timestamp: Option<Time>,
    finalizers: Option<Vec<String>>,
    labels: Option<BTreeMap<String, String>>,
    annotations: Option<BTreeMap<String, String>>,
    owner_references: Option<Vec<OwnerReference>>,
    managed_fields: Option<Vec<FieldOwner>>,
}

/// An entry of `managedFields` without its fields.
#[derive(Deserialize)]
struct FieldOwner {
    manager: Option<String>,
    operation: Option<String>,
    subresource: Option<String>,
    time: Option<Time>,
}

impl From<Identity> for ObjectMeta {
    fn from(identity: Identity) -> Self {
        let owners = identity.managed_fields.map(|owners| {
            let entry = |owner: FieldOwner| ManagedFieldsEntry {
                manager: owner.manager,
                operation: owner.operation,
                subresource: owner.subresource,
                time: owner.time,
                ..ManagedFieldsEntry::default()
            };
            owners.into_iter().map(entry).collect()
        });
        Self {
            name: identity.name,
            namespace: identity.namespace,
            uid: identity.uid,
            resource_version: identity.resource_version,
            generation: identity.generation,
            deletion_timestamp: identity.deletion_timestamp,
            finalizers: identity.finalizers,
            labels: identity.labels,
            annotations: identity.annotations,
            owner_references: identity.owner_references,
            managed_fields: owners,
            ..Self::default()
        }
    }
}

impl<T: Resource> Resource for Stored<T> {
    type DynamicType = T::DynamicType;
    type Scope = T::Scope;

    fn kind(dt: &Self::DynamicType) -> Cow<'_, str> {
        T::kind(dt)
    }

    fn group(dt: &Self::DynamicType) -> Cow<'_, str> {
        T::group(dt)
    }

    fn version(dt: &Self::DynamicType) -> Cow<'_, str> {
        T::version(dt)
    }

    fn plural(dt: &Self::DynamicType) -> Cow<'_, str> {
        T::plural(dt)
    }

    fn meta(&self) -> &ObjectMeta {
        match &self.0 {
            Ok(object) => object.meta(),
            Err(unreadable) => &unreadable.metadata,
        }
    }

    fn meta_mut(&mut self) -> &mut ObjectMeta {
        match &mut self.0 {
            Ok(object) => object.meta_mut(),
            Err(unreadable) => &mut unreadable.metadata,
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::api::SecretStore;

    #[test]
    fn an_object_that_cannot_be_read_keeps_its_metadata_and_its_parts() {
        let stored: Stored<SecretStore> = serde_json::from_value(json!({
            "apiVersion": "external-secrets.io/v1", "kind": "SecretStore",
            "metadata": { "name": "s", "namespace": "n", "uid": "u" },
            "spec": { "controller": "mine", "provider": { "aws": "not an object" } },
            "status": { "capabilities": "ReadWrite" },
        }))
        .unwrap();
        assert_eq!(stored.meta().name.as_deref(), Some("s"));
        let unreadable = stored.0.unwrap_err();
        assert_eq!(unreadable.text("/spec/controller"), Some("mine"));
        assert_eq!(
            unreadable.part::<String>("/status/capabilities").as_deref(),
            Some("ReadWrite")
        );
        assert!(unreadable.why.contains("invalid type"), "{}", unreadable.why);
    }

    #[test]
    fn an_object_that_is_nested_too_deep_is_unreadable_and_its_neighbours_are_read() {
        let deep = format!("{}1{}", "[".repeat(5000), "]".repeat(5000));
        let store = |name: &str, more: &str| {
            format!(
                r#"{{"metadata":{{"name":"{name}","uid":"u","managedFields":[{{"fieldsV1":{{"f":{deep}}}}}]}},"spec":{{"provider":{{"fake":{more}}}}}}}"#
            )
        };
        let list = format!(
            "[{},{}]",
            store("deep", &deep),
            r#"{"metadata":{"name":"flat"},"spec":{"provider":{"fake":1}}}"#
        );
        let stored: Vec<Stored<SecretStore>> = serde_json::from_str(&list).unwrap();
        let names = stored.iter().map(|store| store.meta().name.as_deref());
        assert_eq!(names.collect::<Vec<_>>(), [Some("deep"), Some("flat")]);
        let [deep, flat] = &*stored else { panic!("two") };
        assert!(flat.0.is_ok());
        assert!(deep.0.as_ref().unwrap_err().why.contains("recursion limit"));
    }

    #[test]
    fn what_has_no_metadata_is_no_object() {
        assert!(serde_json::from_value::<Stored<SecretStore>>(json!({ "kind": "SecretStore" })).is_err());
    }
}
