use std::sync::Arc;

use aws_sdk_secretsmanager::error::ProvideErrorMetadata;
use aws_sdk_sts::types::Tag;
use aws_smithy_http_client::tls::rustls_provider::CryptoMode;
use aws_smithy_http_client::tls::{Provider, TlsContext, TrustStore};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use keyferry_parts::fake_aws::{Caller, Denied, SecretValue, Trust};
use keyferry_parts::{FakeAws, When};
use serde_json::json;

use crate::sdk;

const ROLE: &str = "arn:aws:iam::123456789012:role/reader";

fn code(error: &impl ProvideErrorMetadata) -> String {
    error.code().unwrap_or_default().to_owned()
}

#[tokio::test]
async fn versions_stages_and_deletion_are_as_in_secrets_manager() {
    let aws = FakeAws::start().unwrap();
    let client = sdk::secrets_manager(&aws.url(), sdk::user("key"));
    let first = aws.home().put_secret("db", "one");
    aws.home().put_secret("db", SecretValue::Binary(vec![0, 255]));
    let get = || client.get_secret_value().secret_id("db");
    let current = get().send().await.unwrap();
    assert_eq!(current.secret_binary().unwrap().as_ref(), [0, 255]);
    assert_eq!(current.version_stages(), ["AWSCURRENT"]);
    let previous = get().version_stage("AWSPREVIOUS").send().await.unwrap();
    assert_eq!(
        (previous.secret_string(), previous.version_id()),
        (Some("one"), Some(first.as_str()))
    );
    aws.home().serve_stale("db", 1);
    assert_eq!(get().send().await.unwrap().secret_string(), Some("one"));
    assert_eq!(get().send().await.unwrap().secret_string(), None);
    let arn = aws.home().secret_arn("db").unwrap();
    let partial = arn.rsplit_once('-').unwrap().0;
    for id in [arn.as_str(), partial] {
        client.get_secret_value().secret_id(id).send().await.unwrap();
    }
    let absent = get().version_stage("OTHER").send().await.unwrap_err();
    assert_eq!(code(&absent), "ResourceNotFoundException");
    aws.home().mark_for_deletion("db");
    let marked = get().send().await.unwrap_err();
    assert!(marked.message().unwrap().contains("was marked for deletion"));
    assert_eq!(code(&marked), "InvalidRequestException");
}

#[tokio::test]
async fn a_batch_reports_each_id_and_refuses_what_aws_refuses() {
    let aws = FakeAws::start().unwrap();
    let client = sdk::secrets_manager(&aws.url(), sdk::user("key"));
    for name in ["a", "b", "hole", "secret"] {
        aws.home().put_secret(name, name);
    }
    aws.omit_from_batches("hole");
    let deny = |action: &str, resource: Option<&str>| {
        aws.deny(Denied {
            action: action.to_owned(),
            caller: None,
            resource: resource.map(str::to_owned),
        });
    };
    deny("secretsmanager:GetSecretValue", Some("secret"));
    let batch = |ids: &[&str]| {
        let ids = ids.iter().map(|id| (*id).to_owned()).collect();
        client.batch_get_secret_value().set_secret_id_list(Some(ids))
    };
    let answer = batch(&["a", "hole", "secret", "missing", "b"])
        .send()
        .await
        .unwrap();
    let values: Vec<_> = answer
        .secret_values()
        .iter()
        .filter_map(|value| value.secret_string())
        .collect();
    assert_eq!(values, ["a", "b"]);
    let errors: Vec<_> = answer
        .errors()
        .iter()
        .filter_map(|e| Some((e.secret_id()?, e.error_code()?)))
        .collect();
    assert_eq!(
        errors,
        [
            ("secret", "AccessDeniedException"),
            ("missing", "ResourceNotFoundException")
        ]
    );

    aws.page_size(1);
    let first = batch(&["a", "b"]).send().await.unwrap();
    let second = batch(&["a", "b"])
        .next_token(first.next_token().unwrap())
        .send()
        .await
        .unwrap();
    assert_eq!(
        (first.secret_values()[0].name(), second.secret_values()[0].name()),
        (Some("a"), Some("b"))
    );
    assert_eq!(second.next_token(), None);

    assert_eq!(
        code(&batch(&["a", "a"]).send().await.unwrap_err()),
        "InvalidParameterException"
    );
    let many: Vec<String> = (0..21).map(|n| format!("s{n}")).collect();
    let many: Vec<&str> = many.iter().map(String::as_str).collect();
    assert_eq!(
        code(&batch(&many).send().await.unwrap_err()),
        "ValidationException"
    );
    deny("secretsmanager:BatchGetSecretValue", None);
    assert_eq!(
        code(&batch(&["a"]).send().await.unwrap_err()),
        "AccessDeniedException"
    );
}

#[tokio::test]
async fn a_value_tells_whose_credentials_fetched_it() {
    let aws = FakeAws::start().unwrap();
    aws.home().put_secret(
        "who",
        SecretValue::ByCaller(Arc::new(|caller: &Caller| {
            caller.role.clone().unwrap_or_default()
        })),
    );
    let sts = sdk::sts(&aws.url(), sdk::user("key"));
    for role in [ROLE, "arn:aws:iam::123456789012:role/other"] {
        let assumed = sts
            .assume_role()
            .role_arn(role)
            .role_session_name("it")
            .send()
            .await
            .unwrap();
        let client = sdk::secrets_manager(&aws.url(), sdk::session(assumed.credentials().unwrap()));
        assert_eq!(
            client
                .get_secret_value()
                .secret_id("who")
                .send()
                .await
                .unwrap()
                .secret_string(),
            Some(role)
        );
    }
    assert_eq!(
        aws.calls()
            .count(&When::operation("GetSecretValue").by("assumed-role/other/it")),
        1
    );
    aws.expire_sessions();
    let assumed = sts
        .assume_role()
        .role_arn(ROLE)
        .role_session_name("it")
        .send()
        .await
        .unwrap();
    let client = sdk::secrets_manager(&aws.url(), sdk::session(assumed.credentials().unwrap()));
    client.get_secret_value().secret_id("who").send().await.unwrap();
    aws.expire_sessions();
    let expired = client
        .get_secret_value()
        .secret_id("who")
        .send()
        .await
        .unwrap_err();
    assert_eq!(code(&expired), "ExpiredTokenException");
}

#[tokio::test]
async fn a_role_is_assumed_only_as_its_trust_policy_says() {
    let aws = FakeAws::start().unwrap();
    let trust = Trust {
        external_id: Some("external".to_owned()),
        tags: vec![("team".to_owned(), "blue".to_owned())],
        ..Trust::default()
    };
    aws.trust(ROLE, trust);
    let sts = sdk::sts(&aws.url(), sdk::user("key"));
    let tag = |key: &str| Tag::builder().key(key).value("blue").build().unwrap();
    let assume = || sts.assume_role().role_arn(ROLE).role_session_name("session");
    let refused = assume().external_id("external").send().await.unwrap_err();
    assert_eq!(refused.code(), Some("AccessDenied"));
    let assumed = assume()
        .external_id("external")
        .tags(tag("team"))
        .transitive_tag_keys("team")
        .send()
        .await
        .unwrap();
    let refused = assume()
        .tags(tag("team"))
        .tags(tag("TEAM"))
        .send()
        .await
        .unwrap_err();
    assert_eq!(refused.code(), Some("InvalidParameterValue"));

    let call = aws
        .calls()
        .matching(&When::operation("AssumeRole"))
        .into_iter()
        .nth(1)
        .unwrap();
    assert_eq!(
        (call.text("RoleSessionName"), call.text("ExternalId")),
        (Some("session"), Some("external"))
    );
    assert_eq!(
        (call.pairs("Tags"), call.texts("TransitiveTagKeys")),
        (vec![("team", "blue")], vec!["team"])
    );

    let chained = sdk::sts(&aws.url(), sdk::session(assumed.credentials().unwrap()));
    let longer = chained
        .assume_role()
        .role_arn(format!("{ROLE}2"))
        .role_session_name("it")
        .duration_seconds(3601);
    assert_eq!(longer.send().await.unwrap_err().code(), Some("ValidationError"));
    let identity = chained.get_caller_identity().send().await.unwrap();
    assert_eq!(
        identity.arn(),
        Some("arn:aws:sts::123456789012:assumed-role/reader/session")
    );
}

#[tokio::test]
async fn a_web_identity_needs_the_audience_and_the_subject_that_the_role_trusts() {
    let aws = FakeAws::start().unwrap();
    let subject = "system:serviceaccount:a:app";
    let audience = "sts.amazonaws.com";
    aws.trust(
        ROLE,
        Trust {
            audience: Some(audience.into()),
            subject: Some(subject.into()),
            ..Trust::default()
        },
    );
    let sts = sdk::sts(&aws.url(), sdk::user("unused"));
    let token = |audience: &str, subject: &str, expires: u64| {
        let claims = json!({"aud": [audience], "sub": subject, "exp": expires}).to_string();
        format!("e30.{}.c2ln", URL_SAFE_NO_PAD.encode(claims))
    };
    let assume = async |token: String| {
        let request = sts
            .assume_role_with_web_identity()
            .role_arn(ROLE)
            .role_session_name("it")
            .web_identity_token(token);
        request
            .send()
            .await
            .map_err(|error| error.code().unwrap_or_default().to_owned())
    };
    let far = 4_000_000_000;
    assert_eq!(
        assume(token("other", subject, far)).await.unwrap_err(),
        "InvalidIdentityToken"
    );
    assert_eq!(
        assume(token(audience, "system:serviceaccount:b:app", far))
            .await
            .unwrap_err(),
        "AccessDenied"
    );
    assert_eq!(
        assume(token(audience, subject, 1)).await.unwrap_err(),
        "ExpiredTokenException"
    );
    let assumed = assume(token(audience, subject, far)).await.unwrap();
    assert!(assumed.credentials().unwrap().access_key_id().starts_with("ASIA"));
    let call = aws
        .calls()
        .matching(&When::operation("AssumeRoleWithWebIdentity"))
        .pop()
        .unwrap();
    assert_eq!(call.access_key_id, None);
}

#[tokio::test]
async fn a_client_that_trusts_its_authority_speaks_tls_with_it() {
    let aws = FakeAws::start_tls().unwrap();
    aws.home().put_secret("a", "over tls");
    let answer = |trusted: TrustStore| {
        let context = TlsContext::builder().with_trust_store(trusted).build().unwrap();
        let tls = Provider::Rustls(CryptoMode::AwsLc);
        let http = aws_smithy_http_client::Builder::new()
            .tls_provider(tls)
            .tls_context(context)
            .build_https();
        let config = sdk::secrets_manager(&aws.url(), sdk::user("key"))
            .config()
            .to_builder()
            .http_client(http);
        let client = aws_sdk_secretsmanager::Client::from_conf(config.build());
        client.get_secret_value().secret_id("a").send()
    };
    let trusted = TrustStore::empty().with_pem_certificate(aws.authority_pem().unwrap());
    assert_eq!(answer(trusted).await.unwrap().secret_string(), Some("over tls"));
    let other = FakeAws::start_tls().unwrap();
    let stranger = TrustStore::empty().with_pem_certificate(other.authority_pem().unwrap());
    assert!(answer(stranger).await.unwrap_err().as_service_error().is_none());
}
