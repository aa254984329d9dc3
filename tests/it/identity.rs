//! As whom AWS is asked.

use k8s_openapi::api::core::v1::ServiceAccount;
use keyferry_parts::{FakeAws, Fault, When};
use kube::{Api, api::PostParams};
use serde_json::json;

use crate::world::{Operator, Space, Start, provider, put, until};

const OTHER: &str = "222222222222";
const THIRD: &str = "333333333333";

/// A client in another account: moto keeps accounts apart by the assumed role.
pub(crate) async fn in_account(space: &Space, account: &str) -> aws_sdk_secretsmanager::Client {
    let config = aws_sdk_sts::Config::builder()
        .behavior_version(aws_sdk_sts::config::BehaviorVersion::latest())
        .region(aws_sdk_sts::config::Region::new(crate::world::REGION))
        .endpoint_url(space.world.moto.url())
        .credentials_provider(aws_sdk_secretsmanager::config::Credentials::new(
            "AKIDTEST", "secret", None, None, "test",
        ))
        .build();
    let sts = aws_sdk_sts::Client::from_conf(config);
    let role = format!("arn:aws:iam::{account}:role/arrange");
    let assumed = sts
        .assume_role()
        .role_arn(role)
        .role_session_name("arrange")
        .send()
        .await
        .unwrap();
    let credentials = assumed.credentials().unwrap();
    let (id, secret) = (credentials.access_key_id(), credentials.secret_access_key());
    let provider = aws_sdk_secretsmanager::config::Credentials::new(
        id,
        secret,
        Some(credentials.session_token().to_owned()),
        None,
        "test",
    );
    let config = aws_sdk_secretsmanager::Config::builder()
        .behavior_version(aws_sdk_secretsmanager::config::BehaviorVersion::latest())
        .region(aws_sdk_secretsmanager::config::Region::new(crate::world::REGION))
        .endpoint_url(space.world.moto.url())
        .credentials_provider(provider)
        .build();
    aws_sdk_secretsmanager::Client::from_conf(config)
}

async fn service_account(space: &Space, name: &str, role: &str) {
    let account: ServiceAccount = serde_json::from_value(json!({
        "metadata": { "name": name, "annotations": { "eks.amazonaws.com/role-arn": role } },
    }))
    .unwrap();
    let api: Api<ServiceAccount> = Api::namespaced(space.client.clone(), &space.namespace);
    api.create(&PostParams::default(), &account).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_role_in_another_account_is_used_through_a_service_account_and_through_role() {
    let space = Space::new().await;
    put(
        &in_account(&space, OTHER).await,
        &space.id("k"),
        "of the other account",
    )
    .await;
    put(
        &in_account(&space, THIRD).await,
        &space.id("k"),
        "of the third account",
    )
    .await;
    space.put("k", "of the operator's account").await;
    service_account(&space, "irsa", &format!("arn:aws:iam::{OTHER}:role/app")).await;
    let jwt = json!({ "jwt": { "serviceAccountRef": { "name": "irsa" } } });
    space.store().await;
    space.store_with("irsa", json!({ "auth": jwt })).await;
    space
        .store_with(
            "role",
            json!({ "role": format!("arn:aws:iam::{OTHER}:role/app") }),
        )
        .await;
    let chain = json!({
        "auth": jwt,
        "additionalRoles": [format!("arn:aws:iam::{OTHER}:role/hop")],
        "role": format!("arn:aws:iam::{THIRD}:role/last"),
    });
    space.store_with("chain", chain).await;
    for store in ["aws", "irsa", "role", "chain"] {
        let spec = json!({
            "secretStoreRef": { "name": store }, "data": [{ "secretKey": "v", "remoteRef": { "key": space.id("k") } }],
        });
        space.apply(store, spec).await;
    }
    space.holds("aws", &[("v", "of the operator's account")]).await;
    space.holds("irsa", &[("v", "of the other account")]).await;
    space.holds("role", &[("v", "of the other account")]).await;
    space.holds("chain", &[("v", "of the third account")]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn static_credentials_are_read_from_the_stores_secret_and_a_changed_secret_is_followed() {
    let space = Space::unserved().await;
    let fake = FakeAws::start().unwrap();
    fake.refuse_unknown_keys();
    fake.add_access_key("AKIDFIRST", "111111111111", "first");
    fake.vault("111111111111", crate::world::REGION)
        .put_secret("k", "v");
    let start = Start {
        class: Some("static".to_owned()),
        endpoint: Some(fake.url()),
        ..Start::default()
    };
    let operator = Operator::start(&start, "static").await;
    space
        .foreign_secret("credentials", &[("id", "AKIDFIRST"), ("key", "first-secret")])
        .await;
    let auth = json!({ "auth": { "secretRef": {
        "accessKeyIDSecretRef": { "name": "credentials", "key": "id" },
        "secretAccessKeySecretRef": { "name": "credentials", "key": "key" },
    }}});
    space
        .store_spec(
            "aws",
            json!({ "controller": "static", "provider": { "aws": provider(auth) } }),
        )
        .await;
    let spec =
        json!({ "refreshInterval": "1s", "data": [{ "secretKey": "v", "remoteRef": { "key": "k" } }] });
    space.apply("app", spec).await;
    space.holds("app", &[("v", "v")]).await;
    fake.add_access_key("AKIDSECOND", "111111111111", "second");
    space
        .patch_secret(
            "credentials",
            json!({ "stringData": { "id": "AKIDSECOND", "key": "second-secret" } }),
        )
        .await;
    let expired = Fault::error(
        400,
        "UnrecognizedClientException",
        "The security token included in the request is invalid.",
    );
    let _expired = fake.inject(When::any().by("AKIDFIRST"), expired);
    fake.vault("111111111111", crate::world::REGION)
        .put_secret("k", "w");
    space.holds("app", &[("v", "w")]).await;
    drop(operator);
}

#[tokio::test(flavor = "multi_thread")]
async fn external_id_session_tags_and_session_name_reach_sts() {
    let space = Space::unserved().await;
    let fake = FakeAws::start().unwrap();
    fake.vault(OTHER, crate::world::REGION).put_secret("k", "v");
    let start = Start {
        class: Some("sts".to_owned()),
        endpoint: Some(fake.url()),
        arguments: vec!["--cluster-name=prod".to_owned()],
        ..Start::default()
    };
    let operator = Operator::start(&start, "sts").await;
    service_account(&space, "irsa", &format!("arn:aws:iam::{OTHER}:role/app")).await;
    let aws = json!({
        "auth": { "jwt": { "serviceAccountRef": { "name": "irsa", "audiences": ["extra"] } } },
        "role": format!("arn:aws:iam::{OTHER}:role/last"),
        "externalID": "external-42",
        "sessionTagsPolicy": "Custom",
        "customSessionTags": { "team": "red" },
        "transitiveTagKeys": ["team"],
    });
    space
        .store_spec(
            "aws",
            json!({ "controller": "sts", "provider": { "aws": provider(aws) } }),
        )
        .await;
    space
        .apply(
            "app",
            json!({ "data": [{ "secretKey": "v", "remoteRef": { "key": "k" } }] }),
        )
        .await;
    space.holds("app", &[("v", "v")]).await;

    let calls = fake.calls().matching(&When::operation("AssumeRole"));
    let last = calls.last().unwrap();
    assert_eq!(last.text("ExternalId"), Some("external-42"));
    let mut tags = last.pairs("Tags");
    tags.sort_unstable();
    assert_eq!(
        tags,
        [
            ("esoNamespace", &*space.namespace),
            ("esoStoreKind", "SecretStore"),
            ("esoStoreName", "aws"),
            ("team", "red")
        ]
    );
    assert_eq!(last.texts("TransitiveTagKeys"), ["team"]);
    let session = format!("prod.{}.aws", space.namespace);
    assert_eq!(last.text("RoleSessionName"), Some(&*session));
    let token = fake
        .calls()
        .matching(&When::operation("AssumeRoleWithWebIdentity"));
    assert_eq!(token.last().unwrap().text("RoleSessionName"), Some(&*session));
    drop(operator);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cluster_store_without_namespaces_reads_as_the_namespace_that_uses_it() {
    let spaces = [Space::new().await, Space::new().await];
    let name = format!("referent-{}", spaces[0].namespace);
    let store = json!({
        "apiVersion": "external-secrets.io/v1", "kind": "ClusterSecretStore", "metadata": { "name": name },
        "spec": { "provider": { "aws": provider(json!({
            "auth": { "jwt": { "serviceAccountRef": { "name": "reader" } } },
        })) } },
    });
    let patch = kube::api::Patch::Apply(store);
    spaces[0]
        .cluster_stores()
        .patch(&name, &kube::api::PatchParams::apply("user"), &patch)
        .await
        .unwrap();
    for (space, account) in spaces.iter().zip([OTHER, THIRD]) {
        service_account(space, "reader", &format!("arn:aws:iam::{account}:role/reader")).await;
        put(
            &in_account(space, account).await,
            "referent/shared",
            &format!("of {account}"),
        )
        .await;
        let spec = json!({
            "secretStoreRef": { "kind": "ClusterSecretStore", "name": name },
            "data": [{ "secretKey": "v", "remoteRef": { "key": "referent/shared" } }],
        });
        space.apply("app", spec).await;
    }
    spaces[0].holds("app", &[("v", &format!("of {OTHER}"))]).await;
    spaces[1].holds("app", &[("v", &format!("of {THIRD}"))]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn two_tenants_with_the_same_secret_name_never_see_each_others_value() {
    let space = Space::new().await;
    for (tenant, account) in [("red", OTHER), ("blue", THIRD)] {
        put(&in_account(&space, account).await, &space.id("same"), tenant).await;
        space
            .store_with(
                tenant,
                json!({ "role": format!("arn:aws:iam::{account}:role/{tenant}") }),
            )
            .await;
    }
    let names: Vec<_> = (0..20)
        .flat_map(|n| ["red", "blue"].map(|tenant| (tenant, format!("{tenant}{n}"))))
        .collect();
    for (tenant, name) in &names {
        let spec = json!({
            "secretStoreRef": { "name": tenant }, "refreshInterval": "1s",
            "data": [{ "secretKey": "v", "remoteRef": { "key": space.id("same") } }],
        });
        space.apply(name, spec).await;
    }
    for (tenant, name) in &names {
        space.holds(name, &[("v", tenant)]).await;
    }
    let reads = space.reads("same");
    until("a hundred further reads", || {
        std::future::ready(if space.reads("same") > reads + 20 {
            Ok(())
        } else {
            Err(String::new())
        })
    })
    .await;
    for (tenant, name) in &names {
        assert_eq!(space.data(name).await.unwrap()["v"], *tenant);
    }
}
