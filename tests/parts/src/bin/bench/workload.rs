//! The objects that wait, the secrets that they name, and the proof that each ended right.

use std::collections::BTreeMap;

use futures::{StreamExt as _, TryStreamExt as _};
use k8s_openapi::api::core::v1::{Namespace, Secret};
use keyferry_parts::binaries::{self, Binary};
use keyferry_parts::{ControlPlane, FakeAws};
use kube::api::{DeleteParams, ListParams, PostParams};
use kube::core::GroupVersionKind;
use kube::discovery::ApiResource;
use kube::{Api, Client};
use serde_json::json;
use tokio::process::Command;
use tokio::time::{Duration, Instant, sleep};

use crate::Error;

pub(crate) use kube::api::DynamicObject;

/// Requests at once, as many as keyferry writes.
pub(crate) const CONCURRENCY: usize = 32;

/// So many objects in a namespace, each with one `dataFrom.extract` of a secret of its own.
pub(crate) struct Workload {
    pub(crate) namespace: String,
    pub(crate) objects: usize,
    /// Name → uid.
    pub(crate) created: BTreeMap<String, String>,
}

fn resource(kind: &str) -> ApiResource {
    ApiResource::from_gvk(&GroupVersionKind::gvk("external-secrets.io", "v1", kind))
}

pub(crate) fn external_secrets(client: &Client, namespace: &str) -> Api<DynamicObject> {
    Api::namespaced_with(client.clone(), namespace, &resource("ExternalSecret"))
}

impl Workload {
    pub(crate) async fn install_crds(plane: &ControlPlane) -> Result<(), Error> {
        let kubectl = binaries::locate(Binary::Kubectl).await?;
        for arguments in [
            &["apply"][..],
            &["wait", "--for=condition=Established", "--timeout=60s"][..],
        ] {
            let mut command = Command::new(&kubectl);
            command
                .arg("--kubeconfig")
                .arg(plane.kubeconfig())
                .args(arguments)
                .arg("-f")
                .arg("crds/");
            let output = command.output().await?;
            if !output.status.success() {
                return Err(String::from_utf8_lossy(&output.stderr).into_owned().into());
            }
        }
        Ok(())
    }

    pub(crate) async fn create(client: &Client, namespace: &str, objects: usize) -> Result<Self, Error> {
        let post = PostParams::default();
        let namespaces = Api::<Namespace>::all(client.clone());
        namespaces
            .create(
                &post,
                &serde_json::from_value(json!({"metadata": {"name": namespace}}))?,
            )
            .await?;
        let stores =
            Api::<DynamicObject>::namespaced_with(client.clone(), namespace, &resource("SecretStore"));
        let aws = json!({"aws": {"service": "SecretsManager", "region": keyferry_parts::fake_aws::REGION}});
        let store =
            DynamicObject::new("aws", &resource("SecretStore")).data(json!({"spec": {"provider": aws}}));
        stores.create(&post, &store).await?;

        let api = external_secrets(client, namespace);
        let created = futures::stream::iter(0..objects).map(|number| {
            let api = api.clone();
            async move {
                let name = name(number);
                let spec = json!({
                    "refreshInterval": "1h",
                    "secretStoreRef": {"name": "aws"},
                    "dataFrom": [{"extract": {"key": key(number)}}],
                });
                let object =
                    DynamicObject::new(&name, &resource("ExternalSecret")).data(json!({"spec": spec}));
                let object = api.create(&PostParams::default(), &object).await?;
                Ok::<_, Error>((name, object.metadata.uid.unwrap_or_default()))
            }
        });
        let created = created.buffer_unordered(CONCURRENCY).try_collect().await?;
        Ok(Self {
            namespace: namespace.to_owned(),
            objects,
            created,
        })
    }

    /// Puts the secrets into AWS.
    pub(crate) fn fill(&self, aws: &FakeAws) {
        for number in 0..self.objects {
            aws.home()
                .put_secret(&key(number), json!(values(number)).to_string());
        }
    }

    /// Every Secret is there with exactly its values, and no other.
    pub(crate) async fn verify(&self, client: &Client) -> Result<(), Error> {
        let list = Api::<Secret>::namespaced(client.clone(), &self.namespace)
            .list(&ListParams::default())
            .await?;
        if list.items.len() != self.objects {
            return Err(format!("{} Secrets of {} are there", list.items.len(), self.objects).into());
        }
        let found: BTreeMap<String, Secret> = list
            .items
            .into_iter()
            .filter_map(|secret| Some((secret.metadata.name.clone()?, secret)))
            .collect();
        for number in 0..self.objects {
            let data = found.get(&name(number)).and_then(|secret| secret.data.as_ref());
            let wanted = values(number)
                .into_iter()
                .map(|(key, value)| (key, value.into_bytes()));
            let got = data
                .into_iter()
                .flatten()
                .map(|(key, value)| (key.clone(), value.0.clone()));
            if !wanted.eq(got) {
                return Err(format!("the Secret {} has not its values", name(number)).into());
            }
        }
        Ok(())
    }

    /// Removes everything, so that the next measurement starts with as much as this one did.
    pub(crate) async fn remove(&self, client: &Client) -> Result<(), Error> {
        let external = external_secrets(client, &self.namespace);
        external
            .delete_collection(&DeleteParams::default(), &ListParams::default())
            .await?;
        let secrets = Api::<Secret>::namespaced(client.clone(), &self.namespace);
        secrets
            .delete_collection(&DeleteParams::default(), &ListParams::default())
            .await?;
        let deadline = Instant::now() + Duration::from_mins(1);
        while !external
            .list_metadata(&ListParams::default().limit(1))
            .await?
            .items
            .is_empty()
        {
            if Instant::now() > deadline {
                return Err("the ExternalSecrets do not go away".into());
            }
            sleep(Duration::from_millis(100)).await;
        }
        Ok(())
    }
}

pub(crate) fn name(number: usize) -> String {
    format!("object-{number:05}")
}

fn key(number: usize) -> String {
    format!("bench/secret-{number:05}")
}

/// What a database's credentials look like.
pub(crate) fn values(number: usize) -> BTreeMap<String, String> {
    let pairs = [
        ("host", format!("database-{number}.example.internal")),
        ("password", format!("correct-horse-battery-staple-{number}")),
        ("username", format!("app-{number}")),
    ];
    pairs
        .into_iter()
        .map(|(key, value)| (key.to_owned(), value))
        .collect()
}
