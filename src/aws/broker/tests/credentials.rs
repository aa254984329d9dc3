//! As whom AWS is asked, and how often STS is.

use std::{sync::Arc, time::Duration};

use keyferry_parts::{Fault, When, fake_aws::Trust};

use crate::{
    api::{
        auth::{SessionTag, SessionTagsPolicy},
        external_secret::StoreKind,
        secret_store::AwsProvider,
    },
    aws::{
        Class, Fault as Cause, StoreName, WebIdentity,
        testing::{World, provider, scope, until, with_account, with_keys},
    },
};

const READER: &str = "arn:aws:iam::111111111111:role/reader";
const HUB: &str = "arn:aws:iam::222222222222:role/hub";
const TARGET: &str = "arn:aws:iam::333333333333:role/target";

#[tokio::test]
async fn static_keys_of_a_secret_are_used() {
    let world = World::start().await;
    world.aws.add_access_key("AKIAONE", "444444444444", "one");
    world
        .aws
        .vault("444444444444", "us-east-1")
        .put_secret("app", "of account 4");
    let identity = world.reader("a", "AKIAONE").await;
    assert_eq!(world.text(&identity, "app").await, "of account 4");
    assert_eq!(world.count("AssumeRole"), 0);
}

#[tokio::test]
async fn missing_credential_secrets_and_keys_are_named() {
    let world = World::start().await;
    let error = world.identity(&with_keys(), "a").await.unwrap_err();
    assert_eq!(error.class, Class::Credentials(Cause::SecretMissing));
    assert_eq!(
        error.text,
        "unable to create session: could not fetch SecretAccessKey secret: cannot get Kubernetes secret \"keys\" from \
         namespace \"a\": not found"
    );
    world.kube.secret("b", "keys", &[("secret", "x")]);
    let error = world.identity(&with_keys(), "b").await.unwrap_err();
    assert_eq!(error.class, Class::Credentials(Cause::KeyMissing));
    assert!(
        error
            .text
            .ends_with("could not fetch accessKeyID secret: cannot find secret data for key: \"id\""),
        "{error}"
    );
}

#[tokio::test]
async fn a_service_accounts_token_is_exchanged_for_its_role() {
    let world = World::start().await;
    let annotations = [
        ("eks.amazonaws.com/role-arn", READER),
        ("eks.amazonaws.com/audience", "amazonaws.com"),
    ];
    world.kube.account("a", "reader", &annotations);
    let trust = Trust {
        audience: Some("amazonaws.com".to_owned()),
        subject: Some("system:serviceaccount:a:reader".to_owned()),
        ..Trust::default()
    };
    world.aws.trust(READER, trust);
    world
        .aws
        .vault("111111111111", "us-east-1")
        .put_secret("app", "of account 1");
    let identity = world.identity(&with_account("reader"), "a").await.unwrap();
    assert_eq!(world.text(&identity, "app").await, "of account 1");
    let call = &world
        .aws
        .calls()
        .matching(&When::operation("AssumeRoleWithWebIdentity"))[0];
    assert_eq!(
        call.text("RoleSessionName"),
        Some("external-secrets-provider-aws")
    );
    assert_eq!(call.text("DurationSeconds"), Some("3600"));
    assert_eq!(call.access_key_id, None);
}

#[tokio::test]
async fn a_service_account_without_a_role_or_without_being_there_is_told() {
    let world = World::start().await;
    world.kube.account("a", "reader", &[]);
    let error = world.identity(&with_account("reader"), "a").await.unwrap_err();
    assert_eq!(
        error.text,
        "unable to create session: an IAM role must be associated with service account reader (namespace: a)"
    );
    let error = world.identity(&with_account("other"), "a").await.unwrap_err();
    assert_eq!(error.class, Class::Credentials(Cause::ServiceAccountMissing));
}

#[tokio::test]
async fn roles_are_assumed_in_order_and_the_last_with_external_id_and_tags() {
    let world = World::with(|settings| settings.cluster_name = Some("prod".to_owned())).await;
    world.keys("a", "AKIAONE");
    world.aws.trust(
        HUB,
        Trust {
            callers: vec!["AKIAONE".to_owned()],
            ..Trust::default()
        },
    );
    let trust = Trust {
        callers: vec!["assumed-role/hub/prod.a.store".to_owned()],
        external_id: Some("ext".to_owned()),
        tags: vec![("team".to_owned(), "x".to_owned())],
        ..Trust::default()
    };
    world.aws.trust(TARGET, trust);
    world
        .aws
        .vault("333333333333", "us-east-1")
        .put_secret("app", "of account 3");
    let aws = AwsProvider {
        additional_roles: Some(vec![HUB.to_owned()]),
        role: Some(TARGET.to_owned()),
        external_id: Some("ext".to_owned()),
        session_tags: Some(vec![SessionTag {
            key: "team".to_owned(),
            value: "x".to_owned(),
        }]),
        transitive_tag_keys: Some(vec!["team".to_owned()]),
        ..with_keys()
    };
    let identity = world.identity(&aws, "a").await.unwrap();
    assert_eq!(world.text(&identity, "app").await, "of account 3");
    let calls = world.aws.calls().matching(&When::operation("AssumeRole"));
    let roles: Vec<_> = calls.iter().filter_map(|call| call.text("RoleArn")).collect();
    assert_eq!(roles, [HUB, TARGET]);
    assert_eq!(
        (calls[0].text("ExternalId"), calls[0].pairs("Tags").len()),
        (None, 0)
    );
    assert_eq!(calls[1].text("ExternalId"), Some("ext"));
    assert_eq!(calls[1].pairs("Tags"), [("team", "x")]);
    assert_eq!(calls[1].texts("TransitiveTagKeys"), ["team"]);
    assert_eq!(calls[1].text("RoleSessionName"), Some("prod.a.store"));
}

#[tokio::test]
async fn simple_tags_name_the_namespace_of_the_object() {
    let world = World::start().await;
    world
        .kube
        .secret("infra", "keys", &[("id", "AKIAONE"), ("secret", "x")]);
    let mut aws = AwsProvider {
        role: Some(TARGET.to_owned()),
        session_tags_policy: Some(SessionTagsPolicy::Simple),
        ..with_keys()
    };
    let keys = aws.auth.as_mut().unwrap().secret_ref.as_mut().unwrap();
    for selector in [&mut keys.access_key_id, &mut keys.secret_access_key] {
        selector.as_mut().unwrap().namespace = Some("infra".to_owned());
    }
    for namespace in ["a", "b"] {
        let cluster_wide = crate::aws::StoreScope {
            kind: StoreKind::ClusterSecretStore,
            store_namespace: None,
            ..scope(&aws, namespace)
        };
        let identity = world.broker.identify(&cluster_wide).await.unwrap();
        drop(world.urgent(&identity, "app").await);
    }
    let calls = world.aws.calls().matching(&When::operation("AssumeRole"));
    let namespaces: Vec<_> = calls.iter().map(|call| call.pairs("Tags")[0]).collect();
    assert_eq!(namespaces, [("esoNamespace", "a"), ("esoNamespace", "b")]);
}

#[tokio::test]
async fn a_role_that_is_refused_is_told_with_awss_reason() {
    let world = World::start().await;
    world.keys("a", "AKIAONE");
    world.aws.trust(
        TARGET,
        Trust {
            callers: vec!["nobody".to_owned()],
            ..Trust::default()
        },
    );
    let aws = AwsProvider {
        role: Some(TARGET.to_owned()),
        ..with_keys()
    };
    let identity = world.identity(&aws, "a").await.unwrap();
    let error = world.urgent(&identity, "app").await.unwrap_err();
    assert_eq!(error.class, Class::Credentials(Cause::RoleRefused));
    assert_eq!(
        error.text,
        format!(
            "unable to create session: AssumeRole was refused: AccessDenied: User: \
             arn:aws:iam::123456789012:user/AKIAONE is not authorized to perform: sts:AssumeRole on resource: {TARGET}"
        )
    );
    assert_eq!(world.count("GetSecretValue"), 0);
    assert_eq!(world.broker.validate(&scope(&aws, "a")).await, Err(error));
}

#[tokio::test]
async fn fifty_objects_share_one_session() {
    let world = World::start().await;
    world.keys("a", "AKIAONE");
    let vault = world.aws.vault("333333333333", "us-east-1");
    let aws = AwsProvider {
        role: Some(TARGET.to_owned()),
        ..with_keys()
    };
    let reads = (0..50).map(|number| {
        let id = format!("app-{number}");
        vault.put_secret(&id, id.clone());
        let (world, aws) = (&world, &aws);
        async move {
            let identity = world.identity(aws, "a").await.unwrap();
            assert_eq!(world.text(&identity, &id).await, id);
        }
    });
    futures::future::join_all(reads).await;
    assert_eq!(world.count("AssumeRole"), 1);
    let secrets = world
        .kube
        .requests()
        .iter()
        .filter(|request| request.contains("/secrets/"))
        .count();
    assert_eq!(secrets, 1, "the credentials Secret is read once for all");
}

#[tokio::test]
async fn stores_that_start_alike_share_the_first_hop() {
    let world = World::start().await;
    world.keys("a", "AKIAONE");
    for role in [TARGET, READER] {
        let aws = AwsProvider {
            additional_roles: Some(vec![HUB.to_owned()]),
            role: Some(role.to_owned()),
            ..with_keys()
        };
        let identity = world.identity(&aws, "a").await.unwrap();
        drop(world.urgent(&identity, "app").await);
    }
    assert_eq!(
        world
            .aws
            .calls()
            .count(&When::operation("AssumeRole").on("role/hub")),
        1
    );
    assert_eq!(world.count("AssumeRole"), 3);
}

#[tokio::test]
async fn an_expired_session_is_replaced_before_anybody_is_told() {
    let world = World::start().await;
    world.keys("a", "AKIAONE");
    world
        .aws
        .vault("333333333333", "us-east-1")
        .put_secret("app", "value");
    let aws = AwsProvider {
        additional_roles: Some(vec![HUB.to_owned()]),
        role: Some(TARGET.to_owned()),
        ..with_keys()
    };
    let identity = world.identity(&aws, "a").await.unwrap();
    assert_eq!(world.text(&identity, "app").await, "value");
    world.aws.expire_sessions();
    assert_eq!(world.text(&identity, "app").await, "value");
    assert_eq!(
        world
            .aws
            .calls()
            .count(&When::operation("AssumeRole").on("role/hub")),
        2
    );
}

#[tokio::test]
async fn rotated_static_keys_are_looked_up_again_when_aws_rejects_the_old_ones() {
    let world = World::start().await;
    world.aws.refuse_unknown_keys();
    world.aws.add_access_key("AKIANEW", "123456789012", "user");
    world.aws.home().put_secret("app", "value");
    let before = world.reader("a", "AKIAOLD").await;
    world.keys("a", "AKIANEW");
    assert_eq!(world.text(&before, "app").await, "value");
    let after = world.identity(&with_keys(), "a").await.unwrap();
    assert_ne!(before, after);
    assert_eq!(world.text(&after, "app").await, "value");
}

#[tokio::test]
async fn keys_that_stay_rejected_are_looked_up_once_and_reported() {
    let world = World::start().await;
    world.aws.refuse_unknown_keys();
    let identity = world.reader("a", "AKIAOLD").await;
    for _ in 0..20 {
        let error = world.urgent(&identity, "app").await.unwrap_err();
        assert_eq!(error.class, Class::Credentials(Cause::Rejected));
        assert_eq!(
            error.text,
            "AWS does not accept the credentials: GetSecretValue: UnrecognizedClientException"
        );
    }
    let looks = world
        .kube
        .requests()
        .iter()
        .filter(|request| request.contains("/secrets/"))
        .count();
    assert_eq!(looks, 2);
}

#[tokio::test]
async fn validation_looks_at_credential_secrets_anew() {
    let world = World::start().await;
    let before = world.reader("a", "AKIAOLD").await;
    world.keys("a", "AKIANEW");
    assert_eq!(world.identity(&with_keys(), "a").await.unwrap(), before);
    world.broker.validate(&scope(&with_keys(), "a")).await.unwrap();
    assert_ne!(world.identity(&with_keys(), "a").await.unwrap(), before);
    world.kube.remove("secrets", "a", "keys");
    let error = world
        .broker
        .validate(&scope(&with_keys(), "a"))
        .await
        .unwrap_err();
    assert_eq!(error.class, Class::Credentials(Cause::SecretMissing));
    assert!(
        world.identity(&with_keys(), "a").await.is_err(),
        "keys that are gone are not used any more"
    );
}

#[tokio::test]
async fn validation_makes_no_call_to_a_service_and_shares_sessions() {
    let world = World::start().await;
    world.keys("a", "AKIAONE");
    let aws = AwsProvider {
        role: Some(TARGET.to_owned()),
        ..with_keys()
    };
    for _ in 0..5 {
        world.broker.validate(&scope(&aws, "a")).await.unwrap();
    }
    assert_eq!(
        world.aws.calls().by_operation().into_iter().collect::<Vec<_>>(),
        [("AssumeRole".to_owned(), 1)]
    );
}

#[tokio::test]
async fn a_failing_role_is_tried_by_one_and_its_recovery_is_told() {
    let world = World::start().await;
    world.keys("a", "AKIAONE");
    world
        .aws
        .vault("333333333333", "us-east-1")
        .put_secret("app", "value");
    let aws = AwsProvider {
        role: Some(TARGET.to_owned()),
        ..with_keys()
    };
    let identity = world.identity(&aws, "a").await.unwrap();
    let mut recoveries = world.broker.subscribe_recoveries();
    let fault = world.aws.inject(
        When::operation("AssumeRole"),
        Fault::access_denied("sts:AssumeRole"),
    );
    let reads = (0..100).map(|number| {
        let (world, identity) = (&world, &identity);
        async move {
            world
                .urgent(identity, &format!("app-{number}"))
                .await
                .unwrap_err()
        }
    });
    let errors = futures::future::join_all(reads).await;
    assert!(
        errors
            .iter()
            .all(|error| error.class == Class::Credentials(Cause::RoleRefused))
    );
    assert_eq!(world.count("AssumeRole"), 1);
    drop(fault);
    world
        .broker
        .store_changed(StoreKind::SecretStore, Some("a"), "store");
    assert_eq!(world.text(&identity, "app").await, "value");
    let store = StoreName {
        kind: StoreKind::SecretStore,
        namespace: Some("a".to_owned()),
        name: "store".to_owned(),
    };
    assert_eq!(recoveries.recv().await.unwrap(), store);
}

#[tokio::test]
async fn a_changed_service_account_is_looked_at_again() {
    let world = World::start().await;
    world
        .kube
        .account("a", "reader", &[("eks.amazonaws.com/role-arn", READER)]);
    let before = world.identity(&with_account("reader"), "a").await.unwrap();
    world
        .kube
        .account("a", "reader", &[("eks.amazonaws.com/role-arn", TARGET)]);
    assert_eq!(
        world.identity(&with_account("reader"), "a").await.unwrap(),
        before
    );
    world.broker.service_account_changed("a", "reader");
    let after = world.identity(&with_account("reader"), "a").await.unwrap();
    assert_eq!(
        (before.account(), after.account()),
        (Some("111111111111"), Some("333333333333"))
    );
}

#[tokio::test]
async fn a_service_account_that_appears_helps_at_once() {
    let world = World::start().await;
    let mut recoveries = world.broker.subscribe_recoveries();
    assert!(world.identity(&with_account("reader"), "a").await.is_err());
    world
        .kube
        .account("a", "reader", &[("eks.amazonaws.com/role-arn", READER)]);
    assert!(
        world.identity(&with_account("reader"), "a").await.is_err(),
        "the failure is remembered"
    );
    world.broker.service_account_changed("a", "reader");
    assert!(world.identity(&with_account("reader"), "a").await.is_ok());
    assert_eq!(recoveries.recv().await.unwrap().name, "store");
}

#[tokio::test]
async fn the_operators_own_irsa_identity_goes_through_our_endpoint() {
    let folder = std::env::temp_dir().join(format!("keyferry-own-chain-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let file = folder.join("token");
    // {"alg":"none"}.{"aud":"sts.amazonaws.com","sub":"system:serviceaccount:keyferry:keyferry","exp":4102444800}
    let claims =
        r#"{"aud":"sts.amazonaws.com","sub":"system:serviceaccount:keyferry:keyferry","exp":4102444800}"#;
    let part = |text: &str| base64::Engine::encode(&base64::engine::general_purpose::URL_SAFE_NO_PAD, text);
    std::fs::write(
        &file,
        format!("{}.{}.x\n", part(r#"{"alg":"none"}"#), part(claims)),
    )
    .unwrap();
    let world = World::with(|settings| {
        settings.web_identity = WebIdentity {
            role_arn: Some(READER.to_owned()),
            token_file: Some(file),
            session_name: None,
        };
    })
    .await;
    world
        .aws
        .vault("333333333333", "us-east-1")
        .put_secret("app", "value");
    let aws = AwsProvider {
        role: Some(TARGET.to_owned()),
        ..provider()
    };
    let identity = world.identity(&aws, "a").await.unwrap();
    assert_eq!(world.text(&identity, "app").await, "value");
    let calls = world.aws.calls().by_operation();
    assert_eq!(
        (calls.get("AssumeRoleWithWebIdentity"), calls.get("AssumeRole")),
        (Some(&1), Some(&1))
    );
    std::fs::remove_dir_all(&folder).unwrap();
}

#[tokio::test]
async fn half_an_irsa_identity_of_the_operator_is_an_error_and_no_reason_to_use_the_nodes() {
    let world = World::with(|settings| settings.web_identity.role_arn = Some(READER.to_owned())).await;
    let identity = world.identity(&provider(), "a").await.unwrap();
    let error = world.urgent(&identity, "app").await.unwrap_err();
    assert!(error.text.contains("must be set together"), "{error}");
}

#[tokio::test]
async fn short_sessions_are_renewed_without_a_failing_read() {
    let world = World::start().await;
    world.aws.limit_sessions(Duration::from_secs(2));
    world.keys("a", "AKIAONE");
    world
        .aws
        .vault("333333333333", "us-east-1")
        .put_secret("app", "value");
    let aws = AwsProvider {
        role: Some(TARGET.to_owned()),
        ..with_keys()
    };
    let identity = world.identity(&aws, "a").await.unwrap();
    let reading = async {
        while world.count("AssumeRole") < 2 {
            assert_eq!(world.text(&identity, "app").await, "value");
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), reading)
        .await
        .unwrap();
    let renewals = || world.metric("keyferry_credential_renewals_total", &["success"]);
    until(|| renewals() >= 2.0).await;
    assert!(Arc::strong_count(&identity) > 0);
}

#[tokio::test]
async fn the_account_behind_static_keys_is_asked_once() {
    let world = World::start().await;
    let identity = world.reader("a", "AKIAONE").await;
    for number in 0..10 {
        drop(world.urgent(&identity, &format!("app-{number}")).await);
    }
    until(|| world.count("GetCallerIdentity") == 1).await;
    let answered = || world.metric("keyferry_aws_calls_total", &["GetCallerIdentity", "success"]);
    until(|| answered() >= 1.0).await;
    drop(world.urgent(&identity, "app").await);
    assert_eq!(world.count("GetCallerIdentity"), 1);
}
