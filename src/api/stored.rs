//! An object as the API server stores it, whether or not it can be read as its kind.
//!
//! Own piece because kube's `DeserializeGuard` drops what could not be read; whose object it is, and whose status it may
//! have, is decided by parts of it.

use std::borrow::Cow;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use kube::Resource;
use serde::{Deserialize, Deserializer, de::DeserializeOwned};
use serde_json::{Value, value::RawValue};

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

impl<'de, T: DeserializeOwned> Deserialize<'de> for Stored<T> {
    /// Fails only where there is no object with metadata at all.
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        struct Identified {
            metadata: ObjectMeta,
        }
        let text = Box::<RawValue>::deserialize(deserializer)?;
        // Nearly all can be read: to make a tree of each on the way would cost more than all the rest.
        if let Ok(object) = serde_json::from_str(text.get()) {
            return Ok(Self(Ok(object)));
        }
        let json: Value = serde_json::from_str(text.get()).map_err(serde::de::Error::custom)?;
        match T::deserialize(&json) {
            Ok(object) => Ok(Self(Ok(object))),
            Err(why) => {
                let Identified { metadata } =
                    Identified::deserialize(&json).map_err(serde::de::Error::custom)?;
                Ok(Self(Err(Box::new(Unreadable {
                    metadata,
                    why: why.to_string(),
                    json,
                }))))
            }
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
    fn what_has_no_metadata_is_no_object() {
        assert!(serde_json::from_value::<Stored<SecretStore>>(json!({ "kind": "SecretStore" })).is_err());
    }
}
