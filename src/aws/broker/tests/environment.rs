//! The operator's own credentials, the node's, and proxies: what the environment decides. Each case has a process of its own.

use std::sync::{Arc, Mutex};

use axum::{
    Router,
    extract::State,
    http::{HeaderMap, Uri},
};
use keyferry_parts::{FakeAws, When, fake_aws::Trust};

use crate::{
    api::secret_store::AwsProvider,
    aws::{
        Class, Fault,
        testing::{World, in_own_process, provider, with_account, with_keys},
    },
};

const MODULE: &str = "aws::broker::tests::environment";
const TARGET: &str = "arn:aws:iam::333333333333:role/target";

fn run(test: &str, environment: &[(&str, &str)]) {
    in_own_process(&format!("{MODULE}::{test}"), environment);
}

/// Something near the node that answers each path with a text and remembers what it was asked.
struct Near {
    url: String,
    asked: Arc<Mutex<Vec<String>>>,
}

async fn near() -> Near {
    async fn answer(
        State(asked): State<Arc<Mutex<Vec<String>>>>,
        uri: Uri,
        headers: HeaderMap,
    ) -> (http::StatusCode, String) {
        let authorization = headers
            .get("authorization")
            .map(|value| value.to_str().unwrap().to_owned());
        asked
            .lock()
            .unwrap()
            .push(format!("{} {}", uri.path(), authorization.unwrap_or_default()));
        let keys = r#"{"Code":"Success","Type":"AWS-HMAC","LastUpdated":"2026-01-01T00:00:00Z",
            "AccessKeyId":"AKIANEAR","SecretAccessKey":"x","Token":"t","Expiration":"2100-01-01T00:00:00Z"}"#;
        let body = match uri.path() {
            "/latest/api/token" => "token",
            "/latest/meta-data/iam/security-credentials/" => "node-role",
            "/latest/meta-data/iam/security-credentials/node-role" | "/v1/credentials" => keys,
            _ => return (http::StatusCode::NOT_FOUND, String::new()),
        };
        (http::StatusCode::OK, body.to_owned())
    }
    let asked = Arc::<Mutex<Vec<String>>>::default();
    let router = Router::new()
        .fallback(answer)
        .with_state(Arc::clone(&asked))
        .layer(axum::middleware::map_response(
            |mut response: axum::response::Response| async move {
                let ttl = http::HeaderValue::from_static("21600");
                response
                    .headers_mut()
                    .insert("x-aws-ec2-metadata-token-ttl-seconds", ttl);
                response
            },
        ));
    let listener = tokio::net::TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
    Near { url, asked }
}

/// Which access key a store without an identity reads with.
async fn own_key() -> String {
    let world = World::start().await;
    world.aws.home().put_secret("app", "value");
    let identity = world.identity(&provider(), "a").await.unwrap();
    assert_eq!(world.text(&identity, "app").await, "value");
    world.aws.calls().matching(&When::operation("GetSecretValue"))[0]
        .access_key_id
        .clone()
        .unwrap()
}

#[tokio::test]
#[ignore = "has a process of its own"]
async fn reads_with_the_keys_of_the_environment() {
    assert_eq!(own_key().await, "AKIAENV");
}

#[test]
fn the_environments_keys_are_the_operators_own() {
    let keys = [("AWS_ACCESS_KEY_ID", "AKIAENV"), ("AWS_SECRET_ACCESS_KEY", "x")];
    run("reads_with_the_keys_of_the_environment", &keys);
}

#[tokio::test]
#[ignore = "has a process of its own"]
async fn reads_with_keys_from_nearby() {
    assert_eq!(own_key().await, "AKIANEAR");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_container_endpoint_such_as_pod_identity_is_asked_with_its_token() {
    let near = near().await;
    let endpoint = format!("{}/v1/credentials", near.url);
    run(
        "reads_with_keys_from_nearby",
        &[
            ("AWS_CONTAINER_CREDENTIALS_FULL_URI", &endpoint),
            ("AWS_CONTAINER_AUTHORIZATION_TOKEN", "pod-token"),
        ],
    );
    assert_eq!(*near.asked.lock().unwrap(), ["/v1/credentials pod-token"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_nodes_credentials_are_used_where_nobody_names_an_identity() {
    let near = near().await;
    run(
        "reads_with_keys_from_nearby",
        &[("AWS_EC2_METADATA_SERVICE_ENDPOINT", &near.url)],
    );
    assert!(!near.asked.lock().unwrap().is_empty());
}

#[tokio::test]
#[ignore = "has a process of its own"]
async fn identities_that_are_named_and_fail() {
    let world = World::start().await;
    world.aws.refuse_unknown_keys();
    world.aws.trust(
        TARGET,
        Trust {
            callers: vec!["nobody".to_owned()],
            ..Trust::default()
        },
    );
    // No Secret, no ServiceAccount, no role, keys that AWS does not know, a role that may not be assumed.
    assert!(world.identity(&with_keys(), "absent").await.is_err());
    assert!(world.identity(&with_account("absent"), "a").await.is_err());
    world.kube.account("a", "bare", &[]);
    assert!(world.identity(&with_account("bare"), "a").await.is_err());
    let unknown = world.reader("a", "AKIAUNKNOWN").await;
    let error = world.urgent(&unknown, "app").await.unwrap_err();
    assert_eq!(error.class, Class::Credentials(Fault::Rejected));
    world
        .kube
        .account("a", "reader", &[("eks.amazonaws.com/role-arn", TARGET)]);
    let account = world.identity(&with_account("reader"), "a").await.unwrap();
    let error = world.urgent(&account, "app").await.unwrap_err();
    assert_eq!(error.class, Class::Credentials(Fault::RoleRefused));
    world.aws.add_access_key("AKIAKNOWN", "123456789012", "user");
    world.keys("b", "AKIAKNOWN");
    let role = AwsProvider {
        role: Some(TARGET.to_owned()),
        ..with_keys()
    };
    let chained = world.identity(&role, "b").await.unwrap();
    assert!(world.urgent(&chained, "app").await.is_err());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_nodes_credentials_are_never_used_where_an_identity_is_named() {
    let near = near().await;
    run(
        "identities_that_are_named_and_fail",
        &[("AWS_EC2_METADATA_SERVICE_ENDPOINT", &near.url)],
    );
    assert_eq!(*near.asked.lock().unwrap(), Vec::<String>::new());
}

#[tokio::test]
#[ignore = "has a process of its own"]
async fn reads_through_the_proxy() {
    let world = World::with(|settings| {
        settings.endpoints.secrets_manager = Some("http://secretsmanager.invalid".to_owned());
    })
    .await;
    let identity = world.reader("a", "AKIAONE").await;
    assert_eq!(world.text(&identity, "app").await, "behind the proxy");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_proxy_of_the_environment_is_used() {
    let behind = FakeAws::start().unwrap();
    behind.home().put_secret("app", "behind the proxy");
    run("reads_through_the_proxy", &[("HTTP_PROXY", &behind.url())]);
    assert_eq!(behind.calls().count(&When::operation("GetSecretValue")), 1);
}
