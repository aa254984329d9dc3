//! The world that tests act in.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    sync::atomic::{AtomicU32, Ordering},
    time::Duration,
};

use aws_sdk_secretsmanager::{config::Credentials, primitives::Blob};
use k8s_openapi::api::core::v1::{Namespace, Secret};
use keyferry::api::{ClusterSecretStore, ExternalSecret, ExternalSecretStatus, SecretStore};
use keyferry_parts::audit::{Mark, Request};
use keyferry_parts::{Child, ControlPlane, CountingProxy, Lifeline, Moto, free_ports};
use kube::{
    Api, Client,
    api::{Patch, PatchParams, PostParams},
};
use serde_json::{Value, json};
use tokio::sync::OnceCell;

/// A condition that does not come within this is a failure. Long, because machines that build are slow.
pub(crate) const DEADLINE: Duration = Duration::from_secs(90);
/// How often conditions are looked at.
const LOOK: Duration = Duration::from_millis(50);

pub(crate) const REGION: &str = "eu-central-1";

/// Which CRDs the tests run on.
pub(crate) fn on_eso_crds() -> bool {
    std::env::var_os("KEYFERRY_TEST_CRDS").is_some_and(|value| value == "eso")
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Waits for something, with a deadline; says what it waited for and what it saw last.
pub(crate) async fn until<T, F: Future<Output = Result<T, String>>>(
    what: &str,
    mut look: impl FnMut() -> F,
) -> T {
    let mut ticks = tokio::time::interval(LOOK);
    let mut seen = String::new();
    let found = tokio::time::timeout(DEADLINE, async {
        loop {
            ticks.tick().await;
            match look().await {
                Ok(found) => return found,
                Err(now) => seen = now,
            }
        }
    });
    match found.await {
        Ok(found) => found,
        Err(_) => panic!("waited {} s for {what}; last seen: {seen}", DEADLINE.as_secs()),
    }
}

/// A keyferry process.
pub(crate) struct Operator {
    child: Child,
    pub(crate) metrics: u16,
    pub(crate) health: u16,
}

/// How an operator is started.
#[derive(Clone, Debug, Default)]
pub(crate) struct Start {
    pub(crate) class: Option<String>,
    pub(crate) kubeconfig: Option<PathBuf>,
    pub(crate) endpoint: Option<String>,
    pub(crate) arguments: Vec<String>,
    pub(crate) environment: Vec<(String, String)>,
}

impl Operator {
    pub(crate) async fn start(start: &Start, name: &str) -> Self {
        let operator = Self::launch(start, name).await;
        until("keyferry to be ready", || async {
            let answer = get(operator.health, "/readyz").await;
            if answer.as_ref().is_ok_and(|(status, _)| *status == 200) {
                Ok(())
            } else {
                Err(format!("{answer:?}"))
            }
        })
        .await;
        operator
    }

    /// Starts one that may never be ready.
    pub(crate) async fn launch(start: &Start, name: &str) -> Self {
        let plane = ControlPlane::shared().await.unwrap();
        let [metrics, health] = free_ports().unwrap();
        let mut arguments = vec![
            "run".to_owned(),
            format!(
                "--kubeconfig={}",
                start
                    .kubeconfig
                    .clone()
                    .unwrap_or_else(|| plane.kubeconfig())
                    .display()
            ),
            format!("--metrics-addr=127.0.0.1:{metrics}"),
            format!("--live-addr=127.0.0.1:{health}"),
            "--loglevel=trace".to_owned(),
        ];
        arguments.extend(
            start
                .class
                .iter()
                .map(|class| format!("--controller-class={class}")),
        );
        arguments.extend(start.arguments.iter().cloned());
        let endpoint = match &start.endpoint {
            Some(endpoint) => endpoint.clone(),
            None => world().await.proxy.url(),
        };
        let mut environment: Vec<(String, String)> = [
            ("AWS_ACCESS_KEY_ID", "AKIDOPERATOR"),
            ("AWS_SECRET_ACCESS_KEY", "operator-secret-key"),
            ("AWS_EC2_METADATA_DISABLED", "true"),
            ("AWS_SECRETSMANAGER_ENDPOINT", &endpoint),
            ("AWS_SSM_ENDPOINT", &endpoint),
            ("AWS_STS_ENDPOINT", &endpoint),
            ("AWS_ECR_ENDPOINT", &endpoint),
            ("AWS_ECR_PUBLIC_ENDPOINT", &endpoint),
        ]
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .into();
        environment.extend(start.environment.iter().cloned());
        let log = match std::env::var_os("KEYFERRY_TEST_LOGS") {
            Some(folder) => PathBuf::from(folder),
            None => plane.folder().to_owned(),
        }
        .join(format!("{name}.log"));
        let lifeline = Lifeline::new().unwrap();
        let binary = PathBuf::from(env!("CARGO_BIN_EXE_keyferry"));
        let child = Child::start(&lifeline, &binary, arguments, environment, log).unwrap();
        Self {
            child,
            metrics,
            health,
        }
    }

    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    pub(crate) fn log(&self) -> String {
        String::from_utf8_lossy(&std::fs::read(self.child.log()).unwrap()).into_owned()
    }

    pub(crate) async fn metrics(&self) -> String {
        get(self.metrics, "/metrics").await.unwrap().1
    }

    /// Waits until so many objects of a space, and no other number, have had their turn.
    pub(crate) async fn has_turned(&self, space: &Space, objects: usize) {
        until("each object to have had its turn", || async {
            let metrics = self.metrics().await;
            let turns = metrics
                .lines()
                .filter(|l| l.starts_with("externalsecret_sync_calls_total") && l.contains(&space.namespace))
                .count();
            (turns == objects)
                .then_some(())
                .ok_or_else(|| format!("{turns} of {objects}"))
        })
        .await;
    }

    /// SIGKILL, as a node that dies.
    pub(crate) async fn kill(mut self) {
        self.child.signal(keyferry_parts::child::Signal::KILL);
        self.ended().await;
    }

    /// Waits until it has ended by itself; gives the exit status.
    pub(crate) async fn ended(&mut self) -> std::process::ExitStatus {
        until("the process to end", || {
            std::future::ready(self.child.ended().ok_or_else(String::new))
        })
        .await
    }

    /// SIGTERM, as a rollout; gives the exit status.
    pub(crate) async fn stop(mut self) -> std::process::ExitStatus {
        self.child.signal(keyferry_parts::child::Signal::TERM);
        self.ended().await
    }
}

/// GET on loopback, without a client of its own.
pub(crate) async fn get(port: u16, path: &str) -> std::io::Result<(u16, String)> {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let mut stream = tokio::net::TcpStream::connect(("127.0.0.1", port)).await?;
    stream
        .write_all(format!("GET {path} HTTP/1.0\r\nHost: localhost\r\n\r\n").as_bytes())
        .await?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await?;
    let status = answer
        .split(' ')
        .nth(1)
        .and_then(|code| code.parse().ok())
        .unwrap_or_default();
    let body = answer
        .split_once("\r\n\r\n")
        .map(|(_, body)| body.to_owned())
        .unwrap_or_default();
    Ok((status, body))
}

/// What all tests share.
pub(crate) struct World {
    pub(crate) plane: &'static ControlPlane,
    pub(crate) moto: &'static Moto,
    pub(crate) proxy: CountingProxy,
}

/// The shared world, with CRDs installed.
pub(crate) async fn world() -> &'static World {
    static WORLD: OnceCell<World> = OnceCell::const_new();
    WORLD
        .get_or_init(|| async {
            // The proxy's server lives in a runtime that outlives each test's.
            let (plane, moto) = tokio::join!(ControlPlane::shared(), Moto::shared());
            let (plane, moto) = (plane.unwrap(), moto.unwrap());
            let client = plane.client().await.unwrap();
            install_crds(&client).await;
            World {
                plane,
                moto,
                proxy: CountingProxy::start(moto.url()).unwrap(),
            }
        })
        .await
}

/// The operator that serves the default class.
pub(crate) async fn operator() -> &'static Operator {
    static OPERATOR: OnceCell<Operator> = OnceCell::const_new();
    OPERATOR
        .get_or_init(|| async { Operator::start(&Start::default(), "operator").await })
        .await
}

/// CRDs from a folder, as they ship.
pub(crate) fn crds_in(folder: &str) -> Vec<Value> {
    let mut crds = vec![];
    for entry in std::fs::read_dir(root().join(folder)).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|extension| extension == "yaml") {
            let text = std::fs::read_to_string(path).unwrap();
            crds.push(serde_saphyr::from_str::<Value>(&text).unwrap());
        }
    }
    crds
}

pub(crate) async fn apply_crds(client: &Client, crds: &[Value]) {
    use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition as Crd;
    let api: Api<Crd> = Api::all(client.clone());
    for crd in crds {
        let name = crd["metadata"]["name"].as_str().unwrap().to_owned();
        api.patch(&name, &PatchParams::apply("test").force(), &Patch::Apply(crd))
            .await
            .unwrap();
        until("the CRD to be established", || async {
            let crd = api.get(&name).await.map_err(|e| e.to_string())?;
            let conditions = crd
                .status
                .and_then(|status| status.conditions)
                .unwrap_or_default();
            let established = conditions
                .iter()
                .any(|c| c.type_ == "Established" && c.status == "True");
            if established {
                Ok(())
            } else {
                Err(format!("{conditions:?}"))
            }
        })
        .await;
    }
}

async fn install_crds(client: &Client) {
    let folder = if on_eso_crds() {
        "tests/eso-crds/v1-stored"
    } else {
        "crds"
    };
    apply_crds(client, &crds_in(folder)).await;
}

/// A test's own namespace and name prefix.
pub(crate) struct Space {
    pub(crate) client: Client,
    pub(crate) namespace: String,
    pub(crate) aws: aws_sdk_secretsmanager::Client,
    pub(crate) world: &'static World,
}

impl Space {
    /// A space that the shared operator serves.
    pub(crate) async fn new() -> Self {
        operator().await;
        Self::unserved().await
    }

    /// A space that nobody serves unless its stores name a class.
    pub(crate) async fn unserved() -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let world = world().await;
        // Each test has a runtime of its own, and a client belongs to one.
        let client = world.plane.client().await.unwrap();
        let namespace = format!("t{}", COUNT.fetch_add(1, Ordering::Relaxed));
        let object = Namespace {
            metadata: kube::core::ObjectMeta {
                name: Some(namespace.clone()),
                ..Default::default()
            },
            ..Namespace::default()
        };
        Api::<Namespace>::all(client.clone())
            .create(&PostParams::default(), &object)
            .await
            .unwrap();
        Self {
            client,
            namespace,
            aws: secrets_manager(world.moto.url(), "AKIDTEST", None),
            world,
        }
    }

    pub(crate) fn id(&self, name: &str) -> String {
        format!("{}/{name}", self.namespace)
    }

    /// Creates or rotates a secret at AWS.
    pub(crate) async fn put(&self, name: &str, value: &str) {
        put(&self.aws, &self.id(name), value).await;
    }

    pub(crate) async fn put_binary(&self, name: &str, value: &[u8]) {
        let create = self
            .aws
            .create_secret()
            .name(self.id(name))
            .secret_binary(Blob::new(value));
        create.send().await.unwrap();
    }

    /// Deletes a secret at AWS for good.
    pub(crate) async fn remove(&self, name: &str) {
        self.aws
            .delete_secret()
            .secret_id(self.id(name))
            .force_delete_without_recovery(true)
            .send()
            .await
            .unwrap();
    }

    /// Writes by operators and their commands in this space, dry runs included.
    pub(crate) fn writes(&self, since: Mark) -> Vec<Request> {
        let requests = self.world.plane.audit().since(since).unwrap().into_iter();
        requests
            .filter(|r| r.is_in(&self.namespace) && r.is_write() && r.user_agent.starts_with("keyferry/"))
            .collect()
    }

    /// The same without dry runs, as verb and path.
    pub(crate) fn real_writes(&self, since: Mark) -> Vec<String> {
        let writes = self.writes(since).into_iter();
        let real = writes.filter(|r| !r.uri.contains("dryRun=All"));
        real.map(|r| format!("{} {}", r.verb, r.uri)).collect()
    }

    /// Waits until the first condition of a store says all of this.
    pub(crate) async fn store_says(&self, name: &str, parts: &[&str]) {
        until(&format!("the store {name} to say why"), || async {
            let status = self.stores().get(name).await.unwrap().status.unwrap_or_default();
            let conditions = status.conditions.unwrap_or_default();
            let message = conditions.first().and_then(|c| c.message.clone());
            let message = message.unwrap_or_default();
            if parts.iter().all(|part| message.contains(part)) {
                Ok(())
            } else {
                Err(message)
            }
        })
        .await;
    }

    pub(crate) fn stores(&self) -> Api<SecretStore> {
        Api::namespaced(self.client.clone(), &self.namespace)
    }

    pub(crate) fn cluster_stores(&self) -> Api<ClusterSecretStore> {
        Api::all(self.client.clone())
    }

    pub(crate) fn objects(&self) -> Api<ExternalSecret> {
        Api::namespaced(self.client.clone(), &self.namespace)
    }

    pub(crate) fn secrets(&self) -> Api<Secret> {
        Api::namespaced(self.client.clone(), &self.namespace)
    }

    /// A store that reads with the operator's own identity.
    pub(crate) async fn store(&self) {
        self.store_with("aws", json!({})).await;
    }

    /// A store with more in `spec.provider.aws`.
    pub(crate) async fn store_with(&self, name: &str, aws: Value) {
        self.store_spec(name, json!({ "provider": { "aws": provider(aws) } }))
            .await;
    }

    /// The store `aws`, that operators of this class serve.
    pub(crate) async fn store_of(&self, class: &str) {
        let spec = json!({ "controller": class, "provider": { "aws": provider(json!({})) } });
        self.store_spec("aws", spec).await;
    }

    pub(crate) async fn store_spec(&self, name: &str, spec: Value) {
        let store = json!({
            "apiVersion": "external-secrets.io/v1", "kind": "SecretStore",
            "metadata": { "name": name, "namespace": self.namespace }, "spec": spec,
        });
        let patch = Patch::Apply(store);
        self.stores()
            .patch(name, &PatchParams::apply("user").force(), &patch)
            .await
            .unwrap();
    }

    /// The spec of an ExternalSecret that reads one secret into the key `v`.
    pub(crate) fn one(&self, name: &str, interval: &str) -> Value {
        json!({
            "refreshInterval": interval, "data": [{ "secretKey": "v", "remoteRef": { "key": self.id(name) } }],
        })
    }

    /// An ExternalSecret with this spec, on the store `aws` unless it says otherwise.
    pub(crate) async fn apply(&self, name: &str, spec: Value) {
        self.apply_with(name, spec, json!({})).await;
    }

    pub(crate) async fn apply_with(&self, name: &str, spec: Value, metadata: Value) {
        self.try_apply(name, spec, metadata).await.unwrap();
    }

    pub(crate) async fn try_apply(
        &self,
        name: &str,
        spec: Value,
        metadata: Value,
    ) -> Result<(), kube::Error> {
        let mut spec = spec;
        if spec.get("secretStoreRef").is_none() {
            spec["secretStoreRef"] = json!({ "name": "aws" });
        }
        let mut metadata = metadata;
        metadata["name"] = json!(name);
        metadata["namespace"] = json!(self.namespace);
        let object = json!({
            "apiVersion": "external-secrets.io/v1", "kind": "ExternalSecret", "metadata": metadata, "spec": spec,
        });
        let patch = Patch::Apply(object);
        self.objects()
            .patch(name, &PatchParams::apply("user").force(), &patch)
            .await
            .map(|_| ())
    }

    /// Waits until a store is Ready.
    pub(crate) async fn ready_store(&self, name: &str) {
        until("the store to be Ready", || async {
            let status = self
                .stores()
                .get(name)
                .await
                .map_err(|e| e.to_string())?
                .status
                .unwrap_or_default();
            let conditions = status.conditions.unwrap_or_default();
            if conditions.iter().any(|c| c.status == "True") {
                Ok(())
            } else {
                Err(format!("{conditions:?}"))
            }
        })
        .await;
    }

    pub(crate) async fn annotate(&self, name: &str, key: &str, value: &str) {
        let patch = Patch::Merge(json!({ "metadata": { "annotations": { key: value } } }));
        self.objects()
            .patch(name, &PatchParams::default(), &patch)
            .await
            .unwrap();
    }

    pub(crate) async fn status(&self, name: &str) -> ExternalSecretStatus {
        self.objects().get(name).await.unwrap().status.unwrap_or_default()
    }

    /// Waits until Ready has this status; gives reason and message.
    pub(crate) async fn ready(&self, name: &str, wanted: &str) -> (String, String) {
        self.ready_where(name, |status, _, _| status == wanted).await
    }

    /// Waits for a Ready condition that fulfils a predicate of status, reason and message.
    pub(crate) async fn ready_where(
        &self,
        name: &str,
        wanted: impl Fn(&str, &str, &str) -> bool,
    ) -> (String, String) {
        let (_, reason, message) = self.told_where(name, wanted).await;
        (reason, message)
    }

    /// See [`Self::ready_where`]; gives the whole status too, as it was read with them.
    async fn told_where(
        &self,
        name: &str,
        wanted: impl Fn(&str, &str, &str) -> bool,
    ) -> (ExternalSecretStatus, String, String) {
        until(&format!("Ready of {}/{name}", self.namespace), || async {
            let object = self.objects().get(name).await.map_err(|e| e.to_string())?;
            let status = object.status.unwrap_or_default();
            let conditions = status.conditions.as_deref().unwrap_or_default();
            let ready = conditions
                .iter()
                .find(|c| c.type_ == "Ready")
                .ok_or("no Ready condition yet")?;
            let reason = ready.reason.clone().unwrap_or_default();
            let message = ready.message.clone().unwrap_or_default();
            if wanted(&ready.status, &reason, &message) {
                Ok((status, reason, message))
            } else {
                Err(format!("{} {reason}: {message}", ready.status))
            }
        })
        .await
    }

    /// Waits for a failure with this cause; gives the message.
    pub(crate) async fn fails(&self, name: &str, cause: &str) -> String {
        let prefix = format!("{cause}: ");
        let (status, reason, message) = self
            .told_where(name, |status, _, message| {
                status == "False" && message.starts_with(&prefix)
            })
            .await;
        assert_eq!(reason, "SecretSyncedError");
        if !on_eso_crds() {
            assert_eq!(status.cause.as_deref(), Some(cause));
        }
        message
    }

    /// The data of a Secret; nothing where there is none.
    pub(crate) async fn data(&self, name: &str) -> Option<BTreeMap<String, String>> {
        let secret = self.secrets().get_opt(name).await.unwrap()?;
        let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
        Some(
            secret
                .data
                .unwrap_or_default()
                .into_iter()
                .map(|(key, value)| (key, text(value.0)))
                .collect(),
        )
    }

    /// Waits until a Secret holds exactly this.
    pub(crate) async fn holds(&self, name: &str, wanted: &[(&str, &str)]) {
        let wanted: BTreeMap<_, _> = wanted
            .iter()
            .map(|(k, v)| ((*k).to_owned(), (*v).to_owned()))
            .collect();
        until(
            &format!("Secret {}/{name} to hold what is wanted", self.namespace),
            || async {
                let data = self.data(name).await;
                if data.as_ref() == Some(&wanted) {
                    Ok(())
                } else {
                    Err(format!("{data:?}"))
                }
            },
        )
        .await;
    }

    /// Waits until there is no such Secret.
    pub(crate) async fn is_gone(&self, name: &str) {
        until(
            &format!("Secret {}/{name} to be gone", self.namespace),
            || async {
                self.data(name)
                    .await
                    .map_or(Ok(()), |data| Err(format!("{data:?}")))
            },
        )
        .await;
    }

    pub(crate) async fn secret(&self, name: &str) -> Secret {
        self.secrets().get(name).await.unwrap()
    }

    /// Makes a Secret that keyferry did not write.
    pub(crate) async fn foreign_secret(&self, name: &str, data: &[(&str, &str)]) -> Secret {
        let data: BTreeMap<_, _> = data
            .iter()
            .map(|(k, v)| ((*k).to_owned(), (*v).to_owned()))
            .collect();
        let secret = Secret {
            metadata: kube::core::ObjectMeta {
                name: Some(name.to_owned()),
                ..Default::default()
            },
            string_data: Some(data),
            ..Secret::default()
        };
        let params = PostParams {
            field_manager: Some("somebody".to_owned()),
            ..PostParams::default()
        };
        self.secrets().create(&params, &secret).await.unwrap()
    }

    /// Changes data of a Secret as another client.
    pub(crate) async fn edit(&self, name: &str, data: Value) {
        let patch = Patch::Merge(json!({ "stringData": data }));
        let params = PatchParams {
            field_manager: Some("editor".to_owned()),
            ..PatchParams::default()
        };
        self.secrets().patch(name, &params, &patch).await.unwrap();
    }

    pub(crate) async fn patch_secret(&self, name: &str, patch: Value) {
        let params = PatchParams {
            field_manager: Some("editor".to_owned()),
            ..PatchParams::default()
        };
        self.secrets()
            .patch(name, &params, &Patch::Merge(patch))
            .await
            .unwrap();
    }

    pub(crate) async fn delete_secret(&self, name: &str) {
        self.secrets()
            .delete(name, &kube::api::DeleteParams::default())
            .await
            .unwrap();
    }

    /// How often a secret of this space was read.
    pub(crate) fn reads(&self, name: &str) -> usize {
        let calls = self.world.proxy.calls();
        let of = |operation: &str| calls.count(&keyferry_parts::When::operation(operation).on(self.id(name)));
        of("GetSecretValue") + of("BatchGetSecretValue")
    }

    /// Events about an object: reason and text.
    pub(crate) async fn events(&self, name: &str) -> Vec<(String, String)> {
        use k8s_openapi::api::events::v1::Event;
        let api: Api<Event> = Api::namespaced(self.client.clone(), &self.namespace);
        let events = api.list(&kube::api::ListParams::default()).await.unwrap();
        let about = events
            .items
            .into_iter()
            .filter(|e| e.regarding.as_ref().and_then(|r| r.name.as_deref()) == Some(name));
        about
            .map(|e| (e.reason.unwrap_or_default(), e.note.unwrap_or_default()))
            .collect()
    }
}

/// The AWS part of a store's spec.
pub(crate) fn provider(more: Value) -> Value {
    let mut provider = json!({ "service": "SecretsManager", "region": REGION });
    for (key, value) in more.as_object().unwrap() {
        provider[key] = value.clone();
    }
    provider
}

/// A client of an AWS emulator.
pub(crate) fn secrets_manager(
    endpoint: &str,
    key: &str,
    token: Option<String>,
) -> aws_sdk_secretsmanager::Client {
    let config = aws_sdk_secretsmanager::Config::builder()
        .behavior_version(aws_sdk_secretsmanager::config::BehaviorVersion::latest())
        .region(aws_sdk_secretsmanager::config::Region::new(REGION))
        .endpoint_url(endpoint)
        .credentials_provider(Credentials::new(key, "secret", token, None, "test"))
        .build();
    aws_sdk_secretsmanager::Client::from_conf(config)
}

/// Creates or rotates a secret.
pub(crate) async fn put(aws: &aws_sdk_secretsmanager::Client, id: &str, value: &str) {
    if aws
        .create_secret()
        .name(id)
        .secret_string(value)
        .send()
        .await
        .is_err()
    {
        aws.put_secret_value()
            .secret_id(id)
            .secret_string(value)
            .send()
            .await
            .unwrap();
    }
}
