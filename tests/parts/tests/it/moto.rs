use keyferry_parts::{CountingProxy, Fault, Moto, When};

use crate::sdk;

#[tokio::test]
async fn accounts_are_kept_apart_by_the_assumed_role() {
    let moto = Moto::shared().await.unwrap();
    let home = sdk::secrets_manager(moto.url(), sdk::user("home"));
    home.create_secret()
        .name("apart/x")
        .secret_string("at home")
        .send()
        .await
        .unwrap();
    let role = "arn:aws:iam::210987654321:role/reader";
    let assumed = sdk::sts(moto.url(), sdk::user("home"))
        .assume_role()
        .role_arn(role)
        .role_session_name("it")
        .send()
        .await;
    let away = sdk::secrets_manager(moto.url(), sdk::session(assumed.unwrap().credentials().unwrap()));
    let missing = away
        .get_secret_value()
        .secret_id("apart/x")
        .send()
        .await
        .unwrap_err()
        .into_service_error();
    assert!(missing.is_resource_not_found_exception());
    assert_eq!(
        home.get_secret_value()
            .secret_id("apart/x")
            .send()
            .await
            .unwrap()
            .secret_string(),
        Some("at home")
    );
}

#[tokio::test]
async fn the_proxy_counts_calls_and_breaks_those_it_is_told_to() {
    let moto = Moto::shared().await.unwrap();
    let proxy = CountingProxy::start(moto.url()).unwrap();
    let url = proxy.url();
    let role = "arn:aws:iam::123456789012:role/proxied";
    let assumed = sdk::sts(&url, sdk::user("key"))
        .assume_role()
        .role_arn(role)
        .role_session_name("it")
        .send()
        .await;
    let client = sdk::secrets_manager(&url, sdk::session(assumed.unwrap().credentials().unwrap()));
    client
        .create_secret()
        .name("proxy/a")
        .secret_string("value")
        .send()
        .await
        .unwrap();
    let get = || client.get_secret_value().secret_id("proxy/a").send();
    assert_eq!(get().await.unwrap().secret_string(), Some("value"));

    let reads = When::operation("GetSecretValue").on("proxy/a");
    let denied = proxy.inject(
        reads.clone().by("role/proxied"),
        Fault::access_denied("secretsmanager:GetSecretValue"),
    );
    let error = get().await.unwrap_err().into_service_error();
    assert_eq!(error.meta().code(), Some("AccessDeniedException"));
    drop(denied);
    let once = proxy.inject_times(1, reads.clone(), Fault::internal());
    assert!(
        get()
            .await
            .unwrap_err()
            .into_service_error()
            .is_internal_service_error()
    );
    get().await.unwrap();
    drop(once);
    let cut = proxy.inject(reads.clone(), Fault::Cut);
    assert!(get().await.unwrap_err().as_service_error().is_none());
    drop(cut);
    let throttle = proxy.inject(reads.clone(), Fault::Throttle { per_second: 0 });
    assert_eq!(
        get().await.unwrap_err().into_service_error().meta().code(),
        Some("ThrottlingException")
    );
    drop(throttle);
    let hang_up = proxy.inject(reads.clone(), Fault::HangUp);
    assert!(get().await.unwrap_err().as_service_error().is_none());
    drop(hang_up);
    assert_eq!(proxy.calls().count(&reads), 7);
    assert_eq!(proxy.calls().count(&reads.by("role/proxied")), 7);
    assert_eq!(proxy.calls().by_operation().get("AssumeRole"), Some(&1));
}
