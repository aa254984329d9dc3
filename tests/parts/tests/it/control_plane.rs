use std::path::Path;

use k8s_openapi::api::authentication::v1::{TokenRequest, TokenRequestSpec};
use k8s_openapi::api::core::v1::{Namespace, Secret, ServiceAccount};
use keyferry_parts::ControlPlane;
use keyferry_parts::audit::count_by_verb_and_resource;
use keyferry_parts::control_plane::{Authorization, Fairness, Options, User};
use kube::api::PostParams;
use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::{Api, Client};
use serde_json::json;

async fn client(kubeconfig: &Path) -> Client {
    let config = Kubeconfig::read_from(kubeconfig).unwrap();
    Client::try_from(
        kube::Config::from_custom_kubeconfig(config, &KubeConfigOptions::default())
            .await
            .unwrap(),
    )
    .unwrap()
}

async fn create<K>(api: &Api<K>, object: serde_json::Value) -> K
where
    K: Clone + std::fmt::Debug + serde::Serialize + serde::de::DeserializeOwned,
{
    api.create(&PostParams::default(), &serde_json::from_value(object).unwrap())
        .await
        .unwrap()
}

#[tokio::test]
async fn requests_are_counted_by_verb_and_resource() {
    let plane = ControlPlane::shared().await.unwrap();
    let kube = plane.client().await.unwrap();
    create(
        &Api::<Namespace>::all(kube.clone()),
        json!({"metadata": {"name": "counted"}}),
    )
    .await;
    let mark = plane.audit().mark().unwrap();
    let secrets = Api::<Secret>::namespaced(kube, "counted");
    create(&secrets, json!({"metadata": {"name": "a"}})).await;
    secrets.get("a").await.unwrap();
    secrets.get("a").await.unwrap();
    let requests = plane.audit().since(mark).unwrap();
    let counts = count_by_verb_and_resource(requests.iter().filter(|request| request.is_in("counted")));
    let expected = [(("create", "secrets"), 1), (("get", "secrets"), 2)];
    assert_eq!(
        counts,
        expected
            .map(|((verb, resource), n)| ((verb.into(), resource.into()), n))
            .into()
    );
}

#[tokio::test]
async fn a_service_account_gets_a_token_that_the_server_accepts() {
    let plane = ControlPlane::shared().await.unwrap();
    let kube = plane.client().await.unwrap();
    create(
        &Api::<Namespace>::all(kube.clone()),
        json!({"metadata": {"name": "tokens"}}),
    )
    .await;
    let accounts = Api::<ServiceAccount>::namespaced(kube, "tokens");
    create(&accounts, json!({"metadata": {"name": "app"}})).await;
    let token = async |audience: &str| {
        let audiences = Some(vec![audience.to_owned()]);
        let spec = Some(TokenRequestSpec {
            audiences,
            ..TokenRequestSpec::default()
        });
        let request = TokenRequest {
            spec,
            ..TokenRequest::default()
        };
        let answer = accounts
            .create_token_request("app", &PostParams::default(), &request)
            .await;
        answer.unwrap().status.unwrap().token.unwrap()
    };
    assert_eq!(token("sts.amazonaws.com").await.split('.').count(), 3);

    let given = token("https://kubernetes.default.svc").await;
    let folder = tempfile::tempdir().unwrap();
    let kubeconfig = folder.path().join("kubeconfig");
    plane.write_kubeconfig(&kubeconfig, &given).unwrap();
    let mark = plane.audit().mark().unwrap();
    client(&kubeconfig).await.apiserver_version().await.unwrap();
    let seen = plane.audit().since(mark).unwrap();
    assert!(
        seen.iter()
            .any(|request| request.user.username == "system:serviceaccount:tokens:app"),
        "{seen:?}"
    );
}

#[tokio::test]
async fn rbac_denies_a_user_without_a_binding_and_everything_ends_with_the_plane() {
    let users = vec![User {
        name: "operator".to_owned(),
        groups: vec!["operators".to_owned()],
    }];
    let options = Options {
        authorization: Authorization::Rbac,
        fairness: Fairness::Off,
        users,
        ..Options::default()
    };
    let plane = ControlPlane::start(options).await.unwrap();
    let folder = plane.folder().to_owned();
    let outside = tempfile::tempdir().unwrap();
    let kubeconfig = outside.path().join("kubeconfig");
    plane
        .write_kubeconfig(&kubeconfig, plane.token("operator").unwrap())
        .unwrap();
    let denied = Api::<Secret>::default_namespaced(client(&kubeconfig).await)
        .get("a")
        .await
        .unwrap_err();
    assert!(matches!(denied, kube::Error::Api(status) if status.code == 403));
    let processes = plane.process_ids();
    drop(plane);
    assert!(!folder.exists());
    for process in processes {
        assert!(!Path::new(&format!("/proc/{process}")).exists());
    }
}
