//! The least that a client can do: create each Secret, patch each status, 32 objects at a time, and read no answer's data.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use futures::{StreamExt as _, TryStreamExt as _};
use http::header::{ACCEPT, CONTENT_TYPE, HeaderValue};
use http::{Method, Request};
use http_body_util::BodyExt as _;
use kube::Client;
use kube::client::Body;
use serde_json::{Value, json};

use crate::measure::Process;
use crate::observer::Observer;
use crate::rig::Rig;
use crate::scenario::{COLD_WITHIN, cpu_since, float};
use crate::workload::{CONCURRENCY, Shape, Workload, name};
use crate::{Error, report};

const METADATA_ONLY: HeaderValue =
    HeaderValue::from_static("application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1");

/// What it took.
pub(crate) struct Floor {
    pub(crate) seconds: f64,
    /// Of its client and the observer, for each object.
    pub(crate) cpu_ms: f64,
}

/// Measures it over objects of a namespace of its own, and removes them.
pub(crate) async fn measure(rig: &Rig, objects: usize, namespace: &str) -> Result<Floor, Error> {
    report::say(&format!("{objects} objects: the machine's floor"));
    let workload = Workload::create(&rig.client, Shape::new(namespace, objects)).await?;
    let observer = Observer::start(&rig.client).await?;
    let own = Process::new(std::process::id());
    let cpu = own.cpu()?;
    let started = tokio::time::Instant::now();
    sync(&rig.client, &workload).await?;
    observer.wait_for(objects, COLD_WITHIN, || Ok(())).await?;
    let floor = Floor {
        seconds: started.elapsed().as_secs_f64(),
        cpu_ms: cpu_since(own, cpu)? / float(objects),
    };
    workload.verify(&rig.client, objects, 0).await?;
    drop(observer);
    workload.remove(&rig.client).await?;
    Ok(floor)
}

pub(crate) async fn sync(client: &Client, workload: &Workload) -> Result<(), Error> {
    let numbers = futures::stream::iter(0..workload.shape.objects).map(Ok::<_, Error>);
    numbers
        .try_for_each_concurrent(CONCURRENCY, |number| sync_one(client, workload, number))
        .await
}

async fn sync_one(client: &Client, workload: &Workload, number: usize) -> Result<(), Error> {
    let name = name(number);
    let uid = workload.created.get(&name).ok_or("an object without uid")?;
    sync_object(client, workload, number, uid).await
}

/// The two writes of one object.
pub(crate) async fn sync_object(
    client: &Client,
    workload: &Workload,
    number: usize,
    uid: &str,
) -> Result<(), Error> {
    let (namespace, name) = (&workload.shape.namespace, name(number));
    let data: serde_json::Map<String, Value> = workload
        .shape
        .wanted(number, 0)
        .into_iter()
        .map(|(key, value)| (key, STANDARD.encode(value).into()))
        .collect();
    let owner = json!({
        "apiVersion": "external-secrets.io/v1", "kind": "ExternalSecret", "name": name, "uid": uid,
        "controller": true, "blockOwnerDeletion": true,
    });
    let secret = json!({
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {
            "name": name,
            "labels": {"reconcile.external-secrets.io/managed": "true"},
            "ownerReferences": [owner],
        },
        "data": data,
        "type": "Opaque",
    });
    let path = format!("/api/v1/namespaces/{namespace}/secrets?fieldManager=floor");
    send(client, Method::POST, path, "application/json", &secret).await?;

    let now = jiff::Timestamp::now().strftime("%FT%TZ").to_string();
    let status = json!({"status": {
        "refreshTime": now,
        "syncedResourceVersion": "1-0123456789abcdef0123456789abcdef",
        "binding": {"name": name},
        "conditions": [{
            "type": "Ready", "status": "True", "reason": "SecretSynced", "message": "secret synced",
            "lastTransitionTime": now,
        }],
    }});
    let path = format!(
        "/apis/external-secrets.io/v1/namespaces/{namespace}/externalsecrets/{name}/status?fieldManager=floor"
    );
    send(
        client,
        Method::PATCH,
        path,
        "application/merge-patch+json",
        &status,
    )
    .await
}

async fn send(
    client: &Client,
    method: Method,
    path: String,
    content_type: &'static str,
    body: &Value,
) -> Result<(), Error> {
    let request = Request::builder()
        .method(method)
        .uri(&path)
        .header(ACCEPT, METADATA_ONLY);
    let request = request
        .header(CONTENT_TYPE, content_type)
        .body(Body::from(serde_json::to_vec(body)?))?;
    let response = client.send(request).await?;
    let status = response.status();
    let answer = response.into_body().collect().await?.to_bytes();
    if status.is_success() {
        return Ok(());
    }
    Err(format!("{path}: {status} {}", String::from_utf8_lossy(&answer)).into())
}
