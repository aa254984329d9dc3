//! A store as the API server holds it, of either kind, and which operator serves it.

use k8s_openapi::{api::core::v1::ObjectReference, apimachinery::pkg::apis::meta::v1::ObjectMeta};
use serde_json::{Value, json};

use crate::{
    api::{
        ClusterSecretStore, SecretStore, SecretStoreSpec, SecretStoreStatus, Unreadable,
        condition::StatusCondition,
        external_secret::StoreKind,
        names,
        secret_store::{AwsProvider, Provider},
    },
    aws::StoreName,
};

/// Which stores an operator serves.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ControllerClass(String);

impl ControllerClass {
    /// The class whose operator also serves stores that name none.
    const DEFAULT: &str = "default";

    /// The class that `--controller-class` names.
    pub fn new(name: impl Into<String>) -> Self {
        Self(name.into())
    }

    /// Whether a store with this `spec.controller` is served. The class `default` serves stores that name it or none;
    /// any other class serves only those that name it, so that it can stand beside another operator.
    pub fn serves(&self, controller: Option<&str>) -> bool {
        match controller.unwrap_or_default() {
            "" => self.0 == Self::DEFAULT,
            named => self.0 == named,
        }
    }
}

impl Default for ControllerClass {
    fn default() -> Self {
        Self::new(Self::DEFAULT)
    }
}

/// A SecretStore or a ClusterSecretStore.
#[derive(Clone, Debug)]
pub struct StoreObject {
    /// Which of the two.
    pub kind: StoreKind,
    /// Its metadata.
    pub metadata: ObjectMeta,
    /// What it asks for.
    pub spec: SecretStoreSpec,
    /// What was last reported.
    pub status: Option<SecretStoreStatus>,
    /// Why the stored object cannot be read; then the spec says only whose it is.
    pub unreadable: Option<String>,
}

impl StoreObject {
    /// A store that cannot be read. Its class and the names of its providers still say whose it is.
    pub fn unreadable(kind: StoreKind, stored: Unreadable) -> Self {
        let providers = stored.json.pointer("/spec/provider").and_then(Value::as_object);
        let named = providers
            .into_iter()
            .flatten()
            .filter(|(_, value)| !value.is_null());
        let mut provider = Provider::default();
        for (name, value) in named {
            if name == "aws" {
                // Nothing is done with it: what stands for it need only be there.
                provider.aws =
                    serde_json::from_value(json!({ "service": "SecretsManager", "region": "unread" })).ok();
            } else {
                provider.others.insert(name.clone(), value.clone());
            }
        }
        Self {
            kind,
            spec: SecretStoreSpec {
                controller: stored.text("/spec/controller").map(str::to_owned),
                provider,
                ..SecretStoreSpec::default()
            },
            status: stored.part("/status"),
            metadata: stored.metadata,
            unreadable: Some(stored.why),
        }
    }

    /// The store by name.
    pub fn name(&self) -> StoreName {
        StoreName {
            kind: self.kind,
            namespace: match self.kind {
                StoreKind::SecretStore => self.metadata.namespace.clone(),
                StoreKind::ClusterSecretStore => None,
            },
            name: self.metadata.name.clone().unwrap_or_default(),
        }
    }

    /// Its uid; empty only for an object that was never stored.
    pub fn uid(&self) -> &str {
        self.metadata.uid.as_deref().unwrap_or_default()
    }

    /// Its generation.
    pub fn generation(&self) -> i64 {
        self.metadata.generation.unwrap_or_default()
    }

    /// Whether it is being deleted.
    pub fn is_deleting(&self) -> bool {
        self.metadata.deletion_timestamp.is_some()
    }

    /// Whether this operator answers for the store: its class, and AWS among its providers. Every other store is left
    /// alone, its status too.
    pub fn is_ours(&self, class: &ControllerClass) -> bool {
        self.aws().is_some() && class.serves(self.spec.controller.as_deref())
    }

    /// The provider, if it is AWS.
    pub fn aws(&self) -> Option<&AwsProvider> {
        self.spec.provider.aws.as_ref()
    }

    /// What the last status says of `Ready`; nothing where it has no such condition.
    pub fn reported_ready(&self) -> Option<bool> {
        self.ready().map(|ready| ready.status == "True")
    }

    /// Why it cannot be used, as the last status says.
    pub fn reported_trouble(&self) -> Option<String> {
        self.ready()
            .filter(|ready| ready.status == "False")?
            .message
            .clone()
    }

    fn ready(&self) -> Option<&StatusCondition> {
        let conditions = self.status.as_ref()?.conditions.as_ref()?;
        conditions.iter().find(|condition| condition.type_ == "Ready")
    }

    /// The store, as an event refers to it.
    pub fn reference(&self) -> ObjectReference {
        ObjectReference {
            api_version: Some(names::API_VERSION.to_owned()),
            kind: Some(kind_name(self.kind).to_owned()),
            namespace: self.metadata.namespace.clone(),
            name: self.metadata.name.clone(),
            uid: self.metadata.uid.clone(),
            resource_version: self.metadata.resource_version.clone(),
            field_path: None,
        }
    }
}

impl From<SecretStore> for StoreObject {
    fn from(store: SecretStore) -> Self {
        Self {
            kind: StoreKind::SecretStore,
            metadata: store.metadata,
            spec: store.spec,
            status: store.status,
            unreadable: None,
        }
    }
}

impl From<ClusterSecretStore> for StoreObject {
    fn from(store: ClusterSecretStore) -> Self {
        Self {
            kind: StoreKind::ClusterSecretStore,
            metadata: store.metadata,
            spec: store.spec.0,
            status: store.status,
            unreadable: None,
        }
    }
}

/// The kind as users write it.
pub fn kind_name(kind: StoreKind) -> &'static str {
    match kind {
        StoreKind::SecretStore => "SecretStore",
        StoreKind::ClusterSecretStore => "ClusterSecretStore",
    }
}

/// How many providers a store names.
pub(super) fn providers(provider: &Provider) -> usize {
    usize::from(provider.aws.is_some()) + provider.others.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Differs: docs/differences.md#classes.
    #[test]
    fn the_default_class_serves_stores_that_name_it_or_none_and_others_only_those_that_name_them() {
        let cases = [
            ("default", None, true),
            ("default", Some(""), true),
            ("default", Some("default"), true),
            ("default", Some("other"), false),
            ("keyferry", None, false),
            ("keyferry", Some(""), false),
            ("keyferry", Some("default"), false),
            ("keyferry", Some("keyferry"), true),
        ];
        for (class, controller, served) in cases {
            assert_eq!(
                ControllerClass::new(class).serves(controller),
                served,
                "{class} {controller:?}"
            );
        }
    }

    #[test]
    fn a_store_of_another_provider_keeps_it_and_is_not_ours() {
        let store: SecretStore = serde_json::from_value(serde_json::json!({
            "apiVersion": names::API_VERSION, "kind": "SecretStore", "metadata": { "name": "v", "namespace": "n" },
            "spec": { "provider": { "vault": { "server": "https://vault" } } },
        }))
        .unwrap();
        let written = serde_json::to_value(&store).unwrap();
        assert_eq!(
            written.pointer("/spec/provider"),
            Some(&serde_json::json!({ "vault": { "server": "https://vault" } }))
        );
        assert!(!StoreObject::from(store).is_ours(&ControllerClass::default()));
    }
}
