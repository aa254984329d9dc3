//! Every request on targets that are no Secrets. Answers are metadata only: what these objects hold is never read back.
//!
//! They are written by server-side apply: the fields of others are theirs, and what we no longer want goes. Own requests
//! instead of kube's, because bodies are wiped here, and answers are metadata also for DELETE.

mod kinds;

use std::collections::BTreeMap;

use http::Method;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{ManagedFieldsEntry, OwnerReference};
use kube::{
    Client,
    api::{ApiResource, DynamicObject, PartialObjectMeta},
};
use serde::Serialize;
use serde_json::{Map, Value, json};

pub use kinds::{Kinds, Unresolved};

use crate::{
    secrets_api::{
        Error, Look, is_name,
        request::{self, JSON_PATCH, METADATA, body, build, found, pointer},
    },
    sync::fields::Fields,
};

const APPLY_PATCH: &str = "application/apply-patch+yaml";

/// An object as we see it: never with values.
pub type ResourceMeta = PartialObjectMeta<DynamicObject>;

/// One object of a kind.
#[derive(Clone, Copy, Debug)]
pub struct At<'a> {
    /// Its kind, as the API server serves it.
    pub resource: &'a ApiResource,
    /// Namespace.
    pub namespace: &'a str,
    /// Name.
    pub name: &'a str,
}

impl At<'_> {
    fn path(&self, query: &str) -> Result<String, Error> {
        let resource = self.resource;
        let parts = [&resource.version, &resource.plural];
        if !parts.iter().all(|part| is_name(part)) || !is_name(self.namespace) || !is_name(self.name) {
            return Err(Error::Answer("no object can have that name"));
        }
        let root = if resource.group.is_empty() {
            format!("/api/{}", resource.version)
        } else if is_name(&resource.group) {
            format!("/apis/{}/{}", resource.group, resource.version)
        } else {
            return Err(Error::Answer("no kind can have that group"));
        };
        let (namespace, plural, name) = (self.namespace, &resource.plural, self.name);
        Ok(format!("{root}/namespaces/{namespace}/{plural}/{name}{query}"))
    }
}

/// What we declare of an object.
#[derive(Clone, Debug, Default)]
pub struct Wanted<'a> {
    /// Labels.
    pub labels: BTreeMap<String, String>,
    /// Annotations.
    pub annotations: BTreeMap<String, String>,
    /// Owner references.
    pub owners: Vec<OwnerReference>,
    /// Finalizers.
    pub finalizers: Vec<String>,
    /// Everything else.
    pub fields: Option<&'a Fields>,
}

/// Metadata of an object, or nothing where there is none.
pub async fn metadata(client: &Client, at: At<'_>, look: Look) -> Result<Option<ResourceMeta>, Error> {
    let (method, body) = match look {
        Look::Get => (Method::GET, None),
        Look::Patch => (Method::PATCH, Some(request::NOTHING)),
    };
    found(request::metadata(client, build(method, &at.path("")?, METADATA, body)?).await)
}

/// Server-side apply: onto exactly the object that was seen, whoever else holds our fields; or, where none was seen, only
/// if nobody holds them.
pub async fn apply(
    client: &Client,
    at: At<'_>,
    manager: &str,
    seen: Option<&ResourceMeta>,
    wanted: &Wanted<'_>,
) -> Result<ResourceMeta, Error> {
    #[derive(Serialize)]
    struct Applied<'a> {
        #[serde(rename = "apiVersion")]
        api_version: &'a str,
        kind: &'a str,
        metadata: Map<String, Value>,
        #[serde(flatten)]
        fields: Option<&'a Map<String, Value>>,
    }
    let mut metadata = Map::new();
    let mut field = |name: &str, value: Value, declared: bool| {
        if declared {
            metadata.insert(name.to_owned(), value);
        }
    };
    field("name", json!(at.name), true);
    field("namespace", json!(at.namespace), true);
    field("labels", json!(wanted.labels), !wanted.labels.is_empty());
    field(
        "annotations",
        json!(wanted.annotations),
        !wanted.annotations.is_empty(),
    );
    field("ownerReferences", json!(wanted.owners), !wanted.owners.is_empty());
    field(
        "finalizers",
        json!(wanted.finalizers),
        !wanted.finalizers.is_empty(),
    );
    if let Some(seen) = seen {
        field("uid", json!(seen.metadata.uid), true);
        field("resourceVersion", json!(seen.metadata.resource_version), true);
    }
    let applied = Applied {
        api_version: &at.resource.api_version,
        kind: &at.resource.kind,
        metadata,
        fields: wanted.fields.map(Fields::expose),
    };
    let uri = at.path(&format!("?fieldManager={manager}&force={}", seen.is_some()))?;
    let request = build(
        Method::PATCH,
        &uri,
        METADATA,
        Some((APPLY_PATCH, body(&applied)?)),
    )?;
    request::metadata(client, request).await
}

/// Replaces who holds which fields of exactly the object that was seen, and nothing else of it.
pub async fn replace_managers(
    client: &Client,
    at: At<'_>,
    seen: &ResourceMeta,
    managers: &[ManagedFieldsEntry],
) -> Result<ResourceMeta, Error> {
    let patch = json!([
        { "op": "replace", "path": "/metadata/resourceVersion", "value": seen.metadata.resource_version },
        { "op": "replace", "path": "/metadata/managedFields", "value": managers },
    ]);
    let request = build(
        Method::PATCH,
        &at.path("")?,
        METADATA,
        Some((JSON_PATCH, body(&patch)?)),
    )?;
    request::metadata(client, request).await
}

/// Whether the object holds exactly these values at these places, asked without reading one: a dry run of `test`
/// operations.
pub async fn holds(client: &Client, at: At<'_>, fields: &Fields) -> Result<bool, Error> {
    let mut tests = vec![];
    for (key, value) in fields.expose() {
        test(&format!("/{}", pointer(key)), value, &mut tests);
    }
    let request = build(
        Method::PATCH,
        &at.path("?dryRun=All")?,
        METADATA,
        Some((JSON_PATCH, body(&tests)?)),
    )?;
    request::held(request::bytes(client, request).await)
}

fn test(path: &str, value: &Value, tests: &mut Vec<Value>) {
    match value {
        Value::Object(map) if !map.is_empty() => {
            for (key, value) in map {
                test(&format!("{path}/{}", pointer(key)), value, tests);
            }
        }
        _ => tests.push(json!({ "op": "test", "path": path, "value": value })),
    }
}

/// DELETE of exactly the object that was seen.
pub async fn delete(client: &Client, at: At<'_>, seen: &ResourceMeta) -> Result<(), Error> {
    request::delete(client, &at.path("")?, &seen.metadata).await
}
