//! A broker between a fake AWS and a small API server that serves Secrets, `ServiceAccounts` and tokens.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex},
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use axum::{
    Router,
    body::Bytes,
    extract::State,
    http::{Method, StatusCode, Uri, header},
    response::{IntoResponse, Response},
};
use base64::{Engine as _, engine::general_purpose};
use keyferry_parts::FakeAws;
use serde_json::{Value, json};

use super::{
    Aspect, Broker, Identity, Lane, Read, Settings, StoreScope, Version, error::Error, read::Answer,
};
use crate::api::{
    auth::{AwsAuth, AwsAuthSecretRef, AwsJwtAuth},
    external_secret::StoreKind,
    secret_store::{AwsProvider, AwsService},
    selectors::{SecretKeySelector, ServiceAccountSelector},
};

pub(super) const REGION: &str = "us-east-1";
/// How long a test waits for what must come.
const DEADLINE: Duration = Duration::from_secs(20);

/// Everything that a test of the broker needs.
pub(super) struct World {
    pub(super) aws: FakeAws,
    pub(super) kube: Cluster,
    pub(super) broker: Broker,
    pub(super) registry: prometheus::Registry,
}

impl World {
    pub(super) async fn start() -> Self {
        Self::with(|_| {}).await
    }

    pub(super) async fn with(change: impl FnOnce(&mut Settings)) -> Self {
        let aws = FakeAws::start().unwrap();
        let kube = Cluster::start().await;
        let mut settings = Settings::default();
        settings.endpoints.secrets_manager = Some(aws.url());
        settings.endpoints.ssm = Some(aws.url());
        settings.endpoints.sts = Some(aws.url());
        change(&mut settings);
        let registry = prometheus::Registry::new();
        let broker = Broker::new(settings, kube.client(), &registry).unwrap();
        Self {
            aws,
            kube,
            broker,
            registry,
        }
    }

    /// A Secret `keys` with this access key id.
    pub(super) fn keys(&self, namespace: &str, access_key_id: &str) {
        self.kube.secret(
            namespace,
            "keys",
            &[("id", access_key_id), ("secret", "planted-secret-key")],
        );
    }

    pub(super) async fn identity(&self, aws: &AwsProvider, namespace: &str) -> Result<Arc<Identity>, Error> {
        self.broker.identify(&scope(aws, namespace)).await
    }

    /// An identity with static keys of a namespace.
    pub(super) async fn reader(&self, namespace: &str, access_key_id: &str) -> Arc<Identity> {
        self.keys(namespace, access_key_id);
        self.identity(&with_keys(), namespace).await.unwrap()
    }

    pub(super) async fn urgent(&self, identity: &Arc<Identity>, id: &str) -> Result<Arc<Answer>, Error> {
        self.broker
            .read(identity, None, &current(id), Lane::NOW, false)
            .await
    }

    pub(super) async fn text(&self, identity: &Arc<Identity>, id: &str) -> String {
        text(&self.urgent(identity, id).await.unwrap())
    }

    pub(super) async fn parameter(&self, identity: &Arc<Identity>, id: &str) -> Result<Arc<Answer>, Error> {
        self.broker
            .read(identity, None, &parameter(id), Lane::NOW, false)
            .await
    }

    /// Waits until so many such calls have been made.
    pub(super) async fn called(&self, operation: &str, times: usize) {
        until(|| self.count(operation) >= times).await;
    }

    pub(super) fn count(&self, operation: &str) -> usize {
        self.aws
            .calls()
            .by_operation()
            .get(operation)
            .copied()
            .unwrap_or_default()
    }

    /// The sum of a counter's series that carry these label values.
    pub(super) fn metric(&self, name: &str, labels: &[&str]) -> f64 {
        let families = self.registry.gather();
        let series = families
            .iter()
            .filter(|family| family.name() == name)
            .flat_map(prometheus::proto::MetricFamily::get_metric);
        let wanted = series.filter(|metric| {
            labels
                .iter()
                .all(|label| metric.get_label().iter().any(|pair| pair.value() == *label))
        });
        wanted.map(|metric| metric.get_counter().get_value()).sum()
    }
}

/// Runs an ignored test in a process of its own, where the environment is what it is told.
pub(super) fn in_own_process(test: &str, environment: &[(&str, &str)]) {
    let output = std::process::Command::new(std::env::current_exe().unwrap())
        .args(["--ignored", "--exact", test])
        .env("NO_PROXY", "127.0.0.1")
        .envs(environment.iter().copied())
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(
        output.status.success() && said.contains("1 passed"),
        "{test}: {said}"
    );
}

/// Waits for a condition.
pub(super) async fn until(mut holds: impl FnMut() -> bool) {
    let waiting = async {
        while !holds() {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    };
    tokio::time::timeout(DEADLINE, waiting)
        .await
        .expect("what was waited for did not come");
}

pub(super) fn text(answer: &Answer) -> String {
    String::from_utf8(answer.text.as_ref().unwrap().expose().to_vec()).unwrap()
}

pub(super) fn current(id: &str) -> Read {
    Read {
        service: AwsService::SecretsManager,
        id: id.to_owned(),
        version: Version::of_secret(None),
        aspect: Aspect::Value,
    }
}

/// A parameter as it is now.
pub(super) fn parameter(id: &str) -> Read {
    Read {
        service: AwsService::ParameterStore,
        version: Version::Selector(None),
        ..current(id)
    }
}

pub(super) fn provider() -> AwsProvider {
    AwsProvider {
        service: AwsService::SecretsManager,
        region: REGION.to_owned(),
        auth: None,
        role: None,
        additional_roles: None,
        external_id: None,
        session_tags: None,
        transitive_tag_keys: None,
        session_tags_policy: None,
        custom_session_tags: None,
        secrets_manager: None,
        prefix: None,
    }
}

/// Static credentials of the Secret `keys`.
pub(super) fn with_keys() -> AwsProvider {
    let selector = |key: &str| {
        Some(SecretKeySelector {
            name: Some("keys".to_owned()),
            namespace: None,
            key: Some(key.to_owned()),
        })
    };
    let keys = AwsAuthSecretRef {
        access_key_id: selector("id"),
        secret_access_key: selector("secret"),
        session_token: None,
    };
    AwsProvider {
        auth: Some(AwsAuth {
            secret_ref: Some(keys),
            jwt: None,
        }),
        ..provider()
    }
}

/// The role of a `ServiceAccount`.
pub(super) fn with_account(name: &str) -> AwsProvider {
    let account = ServiceAccountSelector {
        name: name.to_owned(),
        namespace: None,
        audiences: None,
    };
    let jwt = AwsJwtAuth {
        service_account_ref: Some(account),
    };
    AwsProvider {
        auth: Some(AwsAuth {
            secret_ref: None,
            jwt: Some(jwt),
        }),
        ..provider()
    }
}

pub(super) fn scope<'a>(aws: &'a AwsProvider, namespace: &'a str) -> StoreScope<'a> {
    StoreScope {
        kind: StoreKind::SecretStore,
        store_namespace: Some(namespace),
        name: "store",
        uid: "uid",
        generation: 1,
        aws,
        retry: None,
        object_namespace: namespace,
    }
}

/// A small API server.
pub(super) struct Cluster {
    url: String,
    state: Arc<Objects>,
    server: tokio::task::JoinHandle<()>,
}

#[derive(Default)]
struct Objects {
    by_path: Mutex<HashMap<String, Value>>,
    requests: Mutex<Vec<String>>,
    versions: Mutex<u64>,
}

impl Drop for Cluster {
    fn drop(&mut self) {
        self.server.abort();
    }
}

impl Cluster {
    async fn start() -> Self {
        let state = Arc::<Objects>::default();
        let router = Router::new().fallback(serve).with_state(Arc::clone(&state));
        let listener = tokio::net::TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let server = tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        Self { url, state, server }
    }

    fn client(&self) -> kube::Client {
        // Another test may have been first.
        drop(rustls::crypto::aws_lc_rs::default_provider().install_default());
        kube::Client::try_from(kube::Config::new(self.url.parse().unwrap())).unwrap()
    }

    pub(super) fn secret(&self, namespace: &str, name: &str, data: &[(&str, &str)]) {
        let encoded = data.iter().map(|(key, value)| {
            (
                (*key).to_owned(),
                Value::String(general_purpose::STANDARD.encode(value)),
            )
        });
        let data: serde_json::Map<_, _> = encoded.collect();
        self.put("secrets", namespace, name, json!({"data": data}));
    }

    pub(super) fn account(&self, namespace: &str, name: &str, annotations: &[(&str, &str)]) {
        let annotations: HashMap<_, _> = annotations.iter().copied().collect();
        self.put(
            "serviceaccounts",
            namespace,
            name,
            json!({"metadata": {"annotations": annotations}}),
        );
    }

    pub(super) fn remove(&self, kind: &str, namespace: &str, name: &str) {
        self.state
            .by_path
            .lock()
            .unwrap()
            .remove(&path(kind, namespace, name));
    }

    /// `METHOD path` of each request.
    pub(super) fn requests(&self) -> Vec<String> {
        self.state.requests.lock().unwrap().clone()
    }

    fn put(&self, kind: &str, namespace: &str, name: &str, mut object: Value) {
        let version = {
            let mut versions = self.state.versions.lock().unwrap();
            *versions += 1;
            versions.to_string()
        };
        let meta = &mut object["metadata"];
        meta["name"] = name.into();
        meta["namespace"] = namespace.into();
        meta["uid"] = format!("uid-of-{namespace}-{name}").into();
        meta["resourceVersion"] = version.into();
        self.state
            .by_path
            .lock()
            .unwrap()
            .insert(path(kind, namespace, name), object);
    }
}

fn path(kind: &str, namespace: &str, name: &str) -> String {
    format!("/api/v1/namespaces/{namespace}/{kind}/{name}")
}

async fn serve(State(objects): State<Arc<Objects>>, method: Method, uri: Uri, body: Bytes) -> Response {
    let path = uri.path().to_owned();
    objects.requests.lock().unwrap().push(format!("{method} {path}"));
    let found = |path: &str| objects.by_path.lock().unwrap().get(path).cloned();
    let answer = match path.strip_suffix("/token") {
        Some(account) if method == Method::POST => found(account).map(|account| token(&account, &body)),
        _ => found(&path),
    };
    let (status, body) = match answer {
        Some(object) => (StatusCode::OK, object),
        None => (
            StatusCode::NOT_FOUND,
            json!({"kind": "Status", "apiVersion": "v1", "status": "Failure", "reason": "NotFound", "code": 404,
                   "message": "not found", "metadata": {}}),
        ),
    };
    (
        status,
        [(header::CONTENT_TYPE, "application/json")],
        body.to_string(),
    )
        .into_response()
}

fn token(account: &Value, request: &[u8]) -> Value {
    let request: Value = serde_json::from_slice(request).unwrap();
    let meta = &account["metadata"];
    let (namespace, name) = (
        meta["namespace"].as_str().unwrap(),
        meta["name"].as_str().unwrap(),
    );
    let expires = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs() + 3600;
    let claims = json!({
        "aud": request["spec"]["audiences"],
        "sub": format!("system:serviceaccount:{namespace}:{name}"),
        "exp": expires,
    });
    let part = |value: &Value| general_purpose::URL_SAFE_NO_PAD.encode(value.to_string());
    let token = format!(
        "{}.{}.planted-signature",
        part(&json!({"alg": "none"})),
        part(&claims)
    );
    json!({"kind": "TokenRequest", "apiVersion": "authentication.k8s.io/v1", "metadata": {},
           "spec": {"audiences": request["spec"]["audiences"]},
           "status": {"token": token, "expirationTimestamp": "2100-01-01T00:00:00Z"}})
}
