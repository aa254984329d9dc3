use serde_json::{Value, json};

use super::*;
use crate::api::{ClusterSecretStore, SecretStore, names};

/// A store of kind `kind` in namespace `app`, whose spec is a valid one with `patch` merged into it.
fn store(kind: &str, patch: &Value) -> StoreObject {
    let mut spec = json!({ "provider": { "aws": { "service": "SecretsManager", "region": "eu-west-1" } } });
    merge(&mut spec, patch);
    let namespace = (kind == "SecretStore").then_some("app");
    let metadata = json!({ "name": "s", "namespace": namespace });
    let object =
        json!({ "apiVersion": names::API_VERSION, "kind": kind, "metadata": metadata, "spec": spec });
    if kind == "SecretStore" {
        StoreObject::from(serde_json::from_value::<SecretStore>(object).unwrap())
    } else {
        StoreObject::from(serde_json::from_value::<ClusterSecretStore>(object).unwrap())
    }
}

fn merge(into: &mut Value, patch: &Value) {
    match (into, patch) {
        (Value::Object(into), Value::Object(patch)) => {
            for (key, value) in patch {
                merge(into.entry(key.clone()).or_insert(Value::Null), value);
            }
        }
        (into, patch) => *into = patch.clone(),
    }
}

/// What is wrong, or an empty text.
fn wrong(kind: &str, patch: &Value) -> String {
    validate(&store(kind, patch), SUPPORTED)
        .err()
        .map(|f| f.to_string())
        .unwrap_or_default()
}

fn aws(patch: Value) -> Value {
    Value::from_iter([("provider", Value::from_iter([("aws", patch)]))])
}

#[test]
fn a_region_is_one_label_of_a_host_name_and_not_one_of_a_list() {
    for region in [
        "eu-west-1",
        "us-gov-east-1",
        "cn-north-1",
        "xx-nowhere-9",
        "fips-us-east-1",
        "us-east-1-fips",
        "a",
    ] {
        assert_eq!(
            wrong("SecretStore", &aws(json!({ "region": region }))),
            "",
            "{region}"
        );
    }
    for region in [
        "",
        "noop.",
        ".",
        "eu west",
        "eu_west",
        "a/b",
        "-a",
        "a-",
        "evil.example.com",
        "ä",
    ] {
        let wrong = wrong("SecretStore", &aws(json!({ "region": region })));
        let text = format!("spec.provider.aws.region: region not found: {region}");
        assert_eq!(wrong, text);
    }
    assert!(!wrong("SecretStore", &aws(json!({ "region": "a".repeat(64) }))).is_empty());
}

/// Differs: docs/differences.md#not-supported.
#[test]
fn a_service_that_is_not_implemented_is_told_with_its_field() {
    let store = |service: &str| store("SecretStore", &aws(json!({ "service": service })));
    let findings = validate(&store("CertificateManager"), SUPPORTED).unwrap_err();
    assert!(findings.all_unsupported());
    assert_eq!(
        findings.to_string(),
        "spec.provider.aws.service: CertificateManager is not implemented yet"
    );
    for service in ["SecretsManager", "ParameterStore"] {
        assert!(validate(&store(service), SUPPORTED).is_ok(), "{service}");
    }
}

#[test]
fn the_recovery_window_is_aws_own_or_seven_to_thirty_days_and_not_with_force() {
    let wrong = |options: Value| wrong("SecretStore", &aws(json!({ "secretsManager": options })));
    for days in [0, 7, 8, 30] {
        assert_eq!(wrong(json!({ "recoveryWindowInDays": days })), "", "{days}");
    }
    for days in [-1, 1, 6, 31, 10_000_000_000_i64] {
        assert!(
            wrong(json!({ "recoveryWindowInDays": days })).contains("invalid DeleteSecretInput"),
            "{days}"
        );
    }
    assert_eq!(wrong(json!({ "forceDeleteWithoutRecovery": true })), "");
    assert_eq!(
        wrong(json!({ "forceDeleteWithoutRecovery": true, "recoveryWindowInDays": 0 })),
        ""
    );
    assert_eq!(
        wrong(json!({ "forceDeleteWithoutRecovery": false, "recoveryWindowInDays": 7 })),
        ""
    );
    assert!(!wrong(json!({ "forceDeleteWithoutRecovery": true, "recoveryWindowInDays": 7 })).is_empty());
}

#[test]
fn a_namespaced_store_stays_in_its_namespace() {
    let secret_ref = |field: &str, namespace: &str| {
        aws(
            json!({ "auth": { "secretRef": { field: { "name": "n", "key": "k", "namespace": namespace } } } }),
        )
    };
    let fields = [
        "accessKeyIDSecretRef",
        "secretAccessKeySecretRef",
        "sessionTokenSecretRef",
    ];
    for field in fields {
        assert_eq!(wrong("SecretStore", &secret_ref(field, "app")), "");
        let wrong_namespace = wrong("SecretStore", &secret_ref(field, "other"));
        let text = format!("spec.provider.aws.auth.secretRef.{field}.namespace: ");
        assert!(wrong_namespace.starts_with(&text), "{wrong_namespace}");
        assert_eq!(wrong("ClusterSecretStore", &secret_ref(field, "other")), "");
    }
    let account = |namespace: &str| {
        aws(json!({ "auth": { "jwt": { "serviceAccountRef": { "name": "n", "namespace": namespace } } } }))
    };
    assert_eq!(wrong("SecretStore", &account("app")), "");
    assert!(wrong("SecretStore", &account("other")).contains("auth.jwt.serviceAccountRef.namespace"));
    assert_eq!(wrong("ClusterSecretStore", &account("other")), "");
}

#[test]
fn a_cluster_store_that_names_no_namespace_is_referent() {
    let is_referent = |kind: &str, patch: &Value| {
        let store = store(kind, patch);
        validate(&store, SUPPORTED).unwrap().is_referent
    };
    let account = aws(json!({ "auth": { "jwt": { "serviceAccountRef": { "name": "n" } } } }));
    assert!(is_referent("ClusterSecretStore", &account));
    assert!(!is_referent("SecretStore", &account));
    assert!(!is_referent("ClusterSecretStore", &json!({})));
    let with_namespace =
        aws(json!({ "auth": { "jwt": { "serviceAccountRef": { "name": "n", "namespace": "n" } } } }));
    assert!(!is_referent("ClusterSecretStore", &with_namespace));
}

/// Differs: docs/differences.md#shortest-store-interval.
#[test]
fn refresh_intervals_are_seconds_or_go_durations() {
    let parse = |interval: Value| {
        let store = store("SecretStore", &json!({ "refreshInterval": interval }));
        validate(&store, SUPPORTED).map(|settings| settings.refresh)
    };
    let seconds = |n| Some(Duration::from_secs(n));
    let valid = [
        (json!(null), None),
        (json!(0), None),
        (json!("0"), None),
        (json!("0s"), None),
        (json!(1), seconds(10)),
        (json!("1ns"), seconds(10)),
        (json!("9.9s"), seconds(10)),
        (json!("11s"), seconds(11)),
        (json!(30), seconds(30)),
        (json!(3600), seconds(3_600)),
        (json!("30s"), seconds(30)),
        (json!("5m"), seconds(300)),
        (json!("1h30m"), seconds(5_400)),
        (json!("1.5h"), seconds(5_400)),
    ];
    for (interval, wanted) in valid {
        assert_eq!(parse(interval.clone()), Ok(wanted), "{interval}");
    }
    for interval in [
        json!(-1),
        json!("-1s"),
        json!("30"),
        json!("abc"),
        json!(""),
        json!("5 m"),
        json!("1d"),
    ] {
        let wrong = parse(interval.clone()).unwrap_err().to_string();
        assert!(wrong.starts_with("spec.refreshInterval: "), "{interval}: {wrong}");
    }
}

#[test]
fn retry_settings_need_a_duration() {
    let wrong = |settings: Value| wrong("SecretStore", &json!({ "retrySettings": settings }));
    assert_eq!(wrong(json!({ "maxRetries": 5, "retryInterval": "10s" })), "");
    assert_eq!(wrong(json!({})), "");
    assert!(wrong(json!({ "retryInterval": "soon" })).starts_with("spec.retrySettings: "));
}

#[test]
fn exactly_one_provider_is_named() {
    let two = json!({ "provider": { "vault": { "server": "https://vault" } } });
    assert_eq!(
        wrong("SecretStore", &two),
        "spec.provider: secret stores must only have exactly one backend specified, found 2"
    );
}

#[test]
fn regular_expressions_of_conditions_must_compile() {
    let conditions = |regex: &str| json!({ "conditions": [{ "namespaceRegexes": [regex] }] });
    assert_eq!(wrong("ClusterSecretStore", &conditions("^team-.*$")), "");
    assert!(
        wrong("ClusterSecretStore", &conditions(r"\1"))
            .starts_with("spec.conditions[0].namespaceRegexes[0]: ")
    );
}

#[test]
fn everything_that_is_wrong_is_told_at_once() {
    let patch = json!({
        "refreshInterval": "30",
        "provider": { "aws": { "region": "noop.", "service": "CertificateManager" } },
    });
    let findings = validate(&store("SecretStore", &patch), SUPPORTED).unwrap_err();
    assert!(!findings.all_unsupported());
    assert_eq!(findings.to_string().matches("; spec.").count(), 2, "{findings}");
}
