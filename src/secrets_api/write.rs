//! The writes: always operation Update under one manager name, always `data`, always guarded by what was seen.

use std::collections::BTreeMap;

use base64::{display::Base64Display, engine::general_purpose::STANDARD};
use bytes::Bytes;
use http::Method;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::OwnerReference;
use kube::Client;
use serde::{Serialize, Serializer, ser::SerializeMap};

use super::{
    SecretMeta,
    request::{self, Error, JSON, JSON_PATCH, MERGE_PATCH, METADATA, body, build, path, pointer},
};
use crate::secret_bytes::SecretBytes;

/// A whole Secret as it should be; metadata is what we declare or, for a present Secret, that merged with what is there.
#[derive(Clone, Debug, Default)]
pub struct Wanted {
    /// Data, by key.
    pub data: BTreeMap<String, SecretBytes>,
    /// Labels.
    pub labels: BTreeMap<String, String>,
    /// Annotations.
    pub annotations: BTreeMap<String, String>,
    /// Owner references.
    pub owners: Vec<OwnerReference>,
    /// Finalizers.
    pub finalizers: Vec<String>,
    /// The type; nothing leaves a present Secret's type alone and makes a new one `Opaque`.
    pub type_: Option<String>,
    /// Only ever set, never unset.
    pub immutable: bool,
}

/// The Secret that a write may change: as it was seen, or not at all.
#[derive(Clone, Copy, Debug)]
pub struct Guarded<'a> {
    /// Namespace.
    pub namespace: &'a str,
    /// Name.
    pub name: &'a str,
    /// Field manager of this ExternalSecret.
    pub manager: &'a str,
    /// resourceVersion that was seen.
    pub resource_version: &'a str,
}

/// Data as the API wants it: base64, written straight into the body.
struct Data<'a>(&'a BTreeMap<String, SecretBytes>, &'a [String]);

impl Serialize for Data<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.0.len() + self.1.len()))?;
        for (key, value) in self.0 {
            map.serialize_entry(key, &Value(value))?;
        }
        for key in self.1 {
            map.serialize_entry(key, &())?;
        }
        map.end()
    }
}

struct Value<'a>(&'a SecretBytes);

impl Serialize for Value<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&Base64Display::new(self.0.expose(), &STANDARD))
    }
}

#[derive(Serialize)]
struct Op<'a, T: Serialize> {
    #[serde(rename = "op")]
    verb: &'static str,
    path: &'a str,
    value: T,
}

/// POST of a Secret that is not there.
pub async fn create(
    client: &Client,
    namespace: &str,
    name: &str,
    manager: &str,
    wanted: &Wanted,
) -> Result<SecretMeta, Error> {
    #[derive(Serialize)]
    #[serde(rename_all = "camelCase")]
    struct Metadata<'a> {
        name: &'a str,
        namespace: &'a str,
        labels: &'a BTreeMap<String, String>,
        annotations: &'a BTreeMap<String, String>,
        #[serde(skip_serializing_if = "<[_]>::is_empty")]
        owner_references: &'a [OwnerReference],
        #[serde(skip_serializing_if = "<[_]>::is_empty")]
        finalizers: &'a [String],
    }
    #[derive(Serialize)]
    #[serde(rename_all = "camelCase")]
    struct New<'a> {
        api_version: &'a str,
        kind: &'a str,
        metadata: Metadata<'a>,
        data: Data<'a>,
        #[serde(rename = "type", skip_serializing_if = "Option::is_none")]
        type_: Option<&'a str>,
        #[serde(skip_serializing_if = "Option::is_none")]
        immutable: Option<bool>,
    }
    let new = New {
        api_version: "v1",
        kind: "Secret",
        metadata: Metadata {
            name,
            namespace,
            labels: &wanted.labels,
            annotations: &wanted.annotations,
            owner_references: &wanted.owners,
            finalizers: &wanted.finalizers,
        },
        data: Data(&wanted.data, &[]),
        type_: wanted.type_.as_deref(),
        immutable: wanted.immutable.then_some(true),
    };
    let uri = path(namespace, None, &manager_query(manager))?;
    request::metadata(
        client,
        build(Method::POST, &uri, METADATA, Some((JSON, body(&new)?)))?,
    )
    .await
}

/// JSON Patch of a present Secret: the whole data map is replaced, so foreign and hidden keys go.
pub async fn overwrite(client: &Client, at: Guarded<'_>, wanted: &Wanted) -> Result<SecretMeta, Error> {
    let mut ops: Vec<serde_json::Value> = vec![];
    let mut op = |path: &str, value: serde_json::Value| {
        ops.push(serde_json::json!({ "op": "add", "path": path, "value": value }));
    };
    op("/metadata/labels", serde_json::json!(wanted.labels));
    op("/metadata/annotations", serde_json::json!(wanted.annotations));
    op("/metadata/ownerReferences", serde_json::json!(wanted.owners));
    if !wanted.finalizers.is_empty() {
        op("/metadata/finalizers", serde_json::json!(wanted.finalizers));
    }
    if let Some(type_) = &wanted.type_ {
        op("/type", serde_json::json!(type_));
    }
    if wanted.immutable {
        op("/immutable", serde_json::json!(true));
    }
    // The precondition comes first; `replace` gives 409 where `test` would give an answer that looks like a bad patch.
    let guard = Op {
        verb: "replace",
        path: "/metadata/resourceVersion",
        value: at.resource_version,
    };
    let data = Op {
        verb: "add",
        path: "/data",
        value: Data(&wanted.data, &[]),
    };
    let patch = Whole {
        guard,
        data,
        rest: ops,
    };
    send_patch(client, at, JSON_PATCH, body(&patch)?, "").await
}

/// A patch is an array; its parts differ in type.
struct Whole<'a> {
    guard: Op<'a, &'a str>,
    data: Op<'a, Data<'a>>,
    rest: Vec<serde_json::Value>,
}

impl Serialize for Whole<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        use serde::ser::SerializeSeq;
        let mut seq = serializer.serialize_seq(Some(2 + self.rest.len()))?;
        seq.serialize_element(&self.guard)?;
        seq.serialize_element(&self.data)?;
        for op in &self.rest {
            seq.serialize_element(op)?;
        }
        seq.end()
    }
}

/// Merge patch of a present Secret: only our keys; `dropped` keys and `null` metadata go.
pub async fn merge(
    client: &Client,
    at: Guarded<'_>,
    wanted: &Wanted,
    dropped: &[String],
    metadata: serde_json::Map<String, serde_json::Value>,
) -> Result<SecretMeta, Error> {
    #[derive(Serialize)]
    struct MergePatch<'a> {
        metadata: serde_json::Map<String, serde_json::Value>,
        #[serde(skip_serializing_if = "Option::is_none")]
        data: Option<Data<'a>>,
        #[serde(rename = "type", skip_serializing_if = "Option::is_none")]
        type_: Option<&'a str>,
        #[serde(skip_serializing_if = "Option::is_none")]
        immutable: Option<bool>,
    }
    let mut metadata = metadata;
    metadata.insert("resourceVersion".to_owned(), at.resource_version.into());
    let has_data = !wanted.data.is_empty() || !dropped.is_empty();
    let patch = MergePatch {
        metadata,
        data: has_data.then_some(Data(&wanted.data, dropped)),
        type_: wanted.type_.as_deref(),
        immutable: wanted.immutable.then_some(true),
    };
    send_patch(client, at, MERGE_PATCH, body(&patch)?, "").await
}

/// Whether the Secret holds exactly these values for these keys, asked without reading one: a dry run of `test`
/// operations.
pub async fn values_equal(
    client: &Client,
    at: Guarded<'_>,
    data: &BTreeMap<String, SecretBytes>,
) -> Result<bool, Error> {
    #[derive(Serialize)]
    struct Test<'a> {
        op: &'static str,
        path: String,
        value: Value<'a>,
    }
    let ops: Vec<_> = data
        .iter()
        .map(|(key, value)| Test {
            op: "test",
            path: format!("/data/{}", pointer(key)),
            value: Value(value),
        })
        .collect();
    request::held(send_patch(client, at, JSON_PATCH, body(&ops)?, "&dryRun=All").await)
}

/// DELETE of exactly the Secret that was seen.
pub async fn delete(client: &Client, namespace: &str, name: &str, seen: &SecretMeta) -> Result<(), Error> {
    request::delete(client, &path(namespace, Some(name), "")?, &seen.metadata).await
}

async fn send_patch(
    client: &Client,
    at: Guarded<'_>,
    content_type: &'static str,
    body: Bytes,
    query: &str,
) -> Result<SecretMeta, Error> {
    let uri = path(
        at.namespace,
        Some(at.name),
        &format!("{}{query}", manager_query(at.manager)),
    )?;
    request::metadata(
        client,
        build(Method::PATCH, &uri, METADATA, Some((content_type, body)))?,
    )
    .await
}

fn manager_query(manager: &str) -> String {
    format!("fieldManager={manager}")
}
