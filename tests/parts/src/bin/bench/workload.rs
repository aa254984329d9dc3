//! The objects that wait, the secrets that they name, and the proof that each ended right.

use std::collections::BTreeMap;
use std::sync::Arc;

use futures::{StreamExt as _, TryStreamExt as _};
use k8s_openapi::api::core::v1::{Namespace, Secret};
use keyferry_parts::binaries::{self, Binary};
use keyferry_parts::fake_aws::{ACCOUNT, Caller, REGION, SecretValue};
use keyferry_parts::{ControlPlane, FakeAws};
use kube::api::{DeleteParams, ListParams, PostParams};
use kube::core::GroupVersionKind;
use kube::discovery::ApiResource;
use kube::{Api, Client};
use serde_json::{Map, Value, json};
use tokio::process::Command;
use tokio::time::{Duration, Instant, sleep};

use crate::Error;

pub(crate) use kube::api::DynamicObject;

/// Requests at once, as many as keyferry writes.
pub(crate) const CONCURRENCY: usize = 32;

/// Where the values lie.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Service {
    SecretsManager,
    ParameterStore,
}

/// What the objects of a workload are like.
#[derive(Clone)]
pub(crate) struct Shape {
    pub(crate) namespace: String,
    pub(crate) objects: usize,
    pub(crate) interval: &'static str,
    pub(crate) service: Service,
    /// Each store assumes a role of its own in this account; nothing reads as the operator itself.
    pub(crate) roles_in: Option<&'static str>,
    /// Objects take turns with them.
    pub(crate) stores: usize,
    /// So many secrets for all objects; nothing gives each its own.
    pub(crate) secrets: Option<usize>,
    /// Bytes that are added to each password.
    pub(crate) padding: usize,
}

impl Shape {
    /// So many objects, each with one `dataFrom.extract` of a secret of its own.
    pub(crate) fn new(namespace: &str, objects: usize) -> Self {
        Self {
            namespace: namespace.to_owned(),
            objects,
            interval: "1h",
            service: Service::SecretsManager,
            roles_in: None,
            stores: 1,
            secrets: None,
            padding: 0,
        }
    }

    fn secret_of(&self, number: usize) -> usize {
        self.secrets.map_or(number, |secrets| number % secrets)
    }

    fn store_of(&self, number: usize) -> usize {
        number % self.stores
    }

    fn role(&self, store: usize) -> Option<String> {
        let account = self.roles_in?;
        Some(format!("arn:aws:iam::{account}:role/tenant-{store:04}"))
    }

    fn key(&self, secret: usize) -> String {
        format!("/bench/{}/secret-{secret:05}", self.namespace)
    }

    /// What a database's credentials look like, and who has read them.
    fn values(&self, secret: usize, version: usize, reader: &str) -> BTreeMap<String, String> {
        let padding = "x".repeat(self.padding);
        let pairs = [
            ("host", format!("database-{secret}.example.internal")),
            (
                "password",
                format!("correct-horse-battery-staple-{secret}-{version}{padding}"),
            ),
            ("reader", reader.to_owned()),
            ("username", format!("app-{secret}")),
        ];
        pairs
            .into_iter()
            .map(|(key, value)| (key.to_owned(), value))
            .collect()
    }

    /// What the Secret of an object must hold.
    pub(crate) fn wanted(&self, number: usize, version: usize) -> BTreeMap<String, String> {
        let reader = self.role(self.store_of(number)).unwrap_or_default();
        self.values(self.secret_of(number), version, &reader)
    }
}

/// Objects in a namespace of their own.
pub(crate) struct Workload {
    pub(crate) shape: Shape,
    /// Name → uid.
    pub(crate) created: BTreeMap<String, String>,
}

fn resource(kind: &str) -> ApiResource {
    ApiResource::from_gvk(&GroupVersionKind::gvk("external-secrets.io", "v1", kind))
}

pub(crate) fn external_secrets(client: &Client, namespace: &str) -> Api<DynamicObject> {
    Api::namespaced_with(client.clone(), namespace, &resource("ExternalSecret"))
}

pub(crate) fn all_external_secrets(client: &Client) -> Api<DynamicObject> {
    Api::all_with(client.clone(), &resource("ExternalSecret"))
}

pub(crate) async fn create_namespace(client: &Client, name: &str) -> Result<(), Error> {
    let namespace = serde_json::from_value(json!({"metadata": {"name": name}}))?;
    Api::<Namespace>::all(client.clone())
        .create(&PostParams::default(), &namespace)
        .await?;
    Ok(())
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

    /// Creates the namespace, its stores and all objects.
    pub(crate) async fn create(client: &Client, shape: Shape) -> Result<Self, Error> {
        create_namespace(client, &shape.namespace).await?;
        let stores =
            Api::<DynamicObject>::namespaced_with(client.clone(), &shape.namespace, &resource("SecretStore"));
        for store in 0..shape.stores {
            let service = match shape.service {
                Service::SecretsManager => "SecretsManager",
                Service::ParameterStore => "ParameterStore",
            };
            let mut aws = json!({"service": service, "region": REGION});
            if let (Some(role), Some(aws)) = (shape.role(store), aws.as_object_mut()) {
                aws.insert("role".to_owned(), role.into());
            }
            let object = DynamicObject::new(&format!("aws-{store}"), &resource("SecretStore"))
                .data(json!({"spec": {"provider": {"aws": aws}}}));
            stores.create(&PostParams::default(), &object).await?;
        }
        let mut workload = Self {
            shape,
            created: BTreeMap::new(),
        };
        let all = 0..workload.shape.objects;
        let created = futures::stream::iter(all).map(|number| workload.create_one(client, number));
        workload.created = created.buffer_unordered(CONCURRENCY).try_collect().await?;
        Ok(workload)
    }

    /// Creates one object more, or one of the first; gives its name and uid.
    pub(crate) async fn create_one(&self, client: &Client, number: usize) -> Result<(String, String), Error> {
        let name = name(number);
        let shape = &self.shape;
        let spec = json!({
            "refreshInterval": shape.interval,
            "secretStoreRef": {"name": format!("aws-{}", shape.store_of(number))},
            "dataFrom": [{"extract": {"key": shape.key(shape.secret_of(number))}}],
        });
        let object = DynamicObject::new(&name, &resource("ExternalSecret")).data(json!({"spec": spec}));
        let api = external_secrets(client, &shape.namespace);
        let object = api.create(&PostParams::default(), &object).await?;
        Ok((name, object.metadata.uid.unwrap_or_default()))
    }

    /// Puts a version of the secrets into AWS, and those of so many objects more.
    pub(crate) fn fill(&self, aws: &FakeAws, version: usize, more: usize) {
        let account = self.shape.roles_in.unwrap_or(ACCOUNT);
        let vault = aws.vault(account, REGION);
        let secrets = self.shape.secrets.unwrap_or(self.shape.objects + more);
        for secret in 0..secrets {
            let key = self.shape.key(secret);
            match self.shape.service {
                Service::ParameterStore => {
                    let values = self.shape.values(secret, version, "");
                    vault.put_secure_parameter(&key, &json!(values).to_string());
                }
                Service::SecretsManager => {
                    let shape = self.shape.clone();
                    let by_caller = move |caller: &Caller| {
                        let reader = caller.role.as_deref().unwrap_or_default();
                        json!(shape.values(secret, version, reader)).to_string()
                    };
                    vault.put_secret(&key, SecretValue::ByCaller(Arc::new(by_caller)));
                }
            }
        }
    }

    /// Every Secret is there with exactly its values of that version, read by the right identity, and no other.
    pub(crate) async fn verify(&self, client: &Client, objects: usize, version: usize) -> Result<(), Error> {
        let wrong = self.wrong(client, objects, version).await?;
        match wrong.first() {
            None => Ok(()),
            Some(first) => Err(format!(
                "{} Secrets have not their values; {first} is the first",
                wrong.len()
            )
            .into()),
        }
    }

    /// The names of objects whose Secrets do not hold what they should.
    pub(crate) async fn wrong(
        &self,
        client: &Client,
        objects: usize,
        version: usize,
    ) -> Result<Vec<String>, Error> {
        let api = Api::<Secret>::namespaced(client.clone(), &self.shape.namespace);
        let list = api.list(&ListParams::default()).await?;
        if list.items.len() != objects {
            return Err(format!("{} Secrets of {objects} are there", list.items.len()).into());
        }
        let found: BTreeMap<String, Secret> = list
            .items
            .into_iter()
            .filter_map(|secret| Some((secret.metadata.name.clone()?, secret)))
            .collect();
        let is_right = |number: usize| {
            let data = found.get(&name(number)).and_then(|secret| secret.data.as_ref());
            let wanted = self
                .shape
                .wanted(number, version)
                .into_iter()
                .map(|(key, value)| (key, value.into_bytes()));
            let got = data
                .into_iter()
                .flatten()
                .map(|(key, value)| (key.clone(), value.0.clone()));
            wanted.eq(got)
        };
        Ok((0..objects)
            .filter(|number| !is_right(*number))
            .map(name)
            .collect())
    }

    /// Removes everything, so that the next measurement starts with as much as this one did.
    pub(crate) async fn remove(&self, client: &Client) -> Result<(), Error> {
        let external = external_secrets(client, &self.shape.namespace);
        external
            .delete_collection(&DeleteParams::default(), &ListParams::default())
            .await?;
        let secrets = Api::<Secret>::namespaced(client.clone(), &self.shape.namespace);
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

/// Secrets of others: so many, of so many bytes each.
pub(crate) async fn create_foreign_secrets(
    client: &Client,
    namespace: &str,
    count: usize,
    bytes: usize,
) -> Result<(), Error> {
    create_namespace(client, namespace).await?;
    let api = Api::<Secret>::namespaced(client.clone(), namespace);
    let value = "x".repeat(bytes);
    let created = futures::stream::iter(0..count).map(|number| {
        let mut data = Map::new();
        data.insert("value".to_owned(), Value::String(value.clone()));
        let api = api.clone();
        async move {
            let secret = json!({"metadata": {"name": format!("foreign-{number:05}")}, "stringData": data});
            let secret: Secret = serde_json::from_value(secret)?;
            api.create(&PostParams::default(), &secret).await?;
            Ok::<_, Error>(())
        }
    });
    created.buffer_unordered(CONCURRENCY).try_collect().await
}

pub(crate) fn name(number: usize) -> String {
    format!("object-{number:05}")
}
