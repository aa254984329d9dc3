//! The CRDs take what ESO takes together with its webhook, refuse what that refuses where one element decides, and
//! install over ESO's.

use keyferry_parts::{ControlPlane, control_plane::Options};
use kube::{
    Api, Client,
    api::{ApiResource, DynamicObject, GroupVersionKind, PostParams},
};
use serde_json::{Value, json};

use crate::harness::{cluster, dynamic, eventually, install, namespace};

/// Kinds of `generators.external-secrets.io`.
const GENERATORS: [&str; 8] = [
    "ClusterGenerator",
    "ECRAuthorizationToken",
    "Fake",
    "MFA",
    "Password",
    "SSHKey",
    "STSSessionToken",
    "UUID",
];

fn generators(client: &Client, kind: &str) -> Api<DynamicObject> {
    let kind = GroupVersionKind::gvk("generators.external-secrets.io", "v1alpha1", kind);
    let resource = ApiResource::from_gvk(&kind);
    match kind.kind.as_str() {
        "ClusterGenerator" => Api::all_with(client.clone(), &resource),
        _ => Api::namespaced_with(client.clone(), "default", &resource),
    }
}

fn object(version: &str, kind: &str, name: &str, spec: &Value) -> DynamicObject {
    let group = if GENERATORS.contains(&kind) {
        "generators.external-secrets.io"
    } else {
        "external-secrets.io"
    };
    serde_json::from_value(json!({
        "apiVersion": format!("{group}/{version}"), "kind": kind,
        "metadata": { "name": name }, "spec": spec,
    }))
    .unwrap()
}

/// What the API server says to an object that it would have to store; nothing where it takes it.
async fn refusal(client: &Client, kind: &str, spec: &Value) -> Option<String> {
    let is_generator = GENERATORS.contains(&kind);
    let api = if is_generator {
        generators(client, kind)
    } else {
        let namespace = (kind != "ClusterSecretStore").then_some("default");
        dynamic(client, "v1", kind, namespace)
    };
    let version = if is_generator { "v1alpha1" } else { "v1" };
    let dry_run = PostParams {
        dry_run: true,
        ..PostParams::default()
    };
    match api.create(&dry_run, &object(version, kind, "tried", spec)).await {
        Ok(_) => None,
        Err(kube::Error::Api(status)) if status.code == 422 => Some(status.message),
        Err(other) => panic!("{other}"),
    }
}

/// Each spec with what must be said of it; an empty text where it is taken.
async fn assert_judged(kind: &str, cases: impl IntoIterator<Item = (Value, &str)>) {
    let client = cluster().await;
    for (spec, wanted) in cases {
        let said = refusal(&client, kind, &spec).await;
        let right = match &said {
            None => wanted.is_empty(),
            Some(said) => !wanted.is_empty() && said.contains(wanted),
        };
        assert!(right, "{spec}\nwanted {wanted:?}, the server said {said:?}");
    }
}

fn external_secret(patch: &Value) -> Value {
    let mut spec = json!({
        "secretStoreRef": { "name": "s" }, "data": [{ "secretKey": "k", "remoteRef": { "key": "a" } }],
    });
    spec.as_object_mut()
        .unwrap()
        .extend(patch.as_object().unwrap().clone());
    spec
}

#[tokio::test]
async fn entries_of_data_and_data_from_are_judged_one_by_one() {
    let generator = json!({ "generatorRef": { "kind": "Password", "name": "p" } });
    let store = json!({ "storeRef": { "name": "s" } });
    let from = |entry: Value| json!({ "dataFrom": [entry] });
    let rewrite = |op: Value| json!({ "dataFrom": [{ "extract": { "key": "a" }, "rewrite": [op] }] });
    let data = |entry: Value| json!({ "data": [entry] });
    let regexp = json!({ "source": "a", "target": "b" });
    assert_judged(
        "ExternalSecret",
        [
            (json!({}), "either data or dataFrom should be specified"),
            (
                json!({ "data": [], "dataFrom": [] }),
                "either data or dataFrom should be specified",
            ),
            (from(json!({ "extract": { "key": "a" } })), ""),
            (from(json!({ "find": { "name": { "regexp": "x" } } })), ""),
            (from(json!({ "sourceRef": generator })), ""),
            (from(json!({ "sourceRef": store })), ""),
            (from(json!({ "extract": { "key": "a" }, "sourceRef": store })), ""),
            (
                from(json!({})),
                "one of extract, find and sourceRef.generatorRef must be set",
            ),
            (
                from(json!({ "extract": { "key": "a" }, "find": {} })),
                "extract and find exclude one another",
            ),
            (
                from(json!({ "extract": { "key": "a" }, "sourceRef": generator })),
                "generatorRef and extract or find exclude",
            ),
            (
                from(json!({ "find": {}, "sourceRef": generator })),
                "generatorRef and extract or find exclude",
            ),
            (from(json!({ "sourceRef": {} })), "at least 1 properties"),
            (rewrite(json!({ "merge": {} })), ""),
            (rewrite(json!({ "regexp": regexp })), ""),
            (rewrite(json!({})), "at least 1 properties"),
            (
                rewrite(json!({ "regexp": regexp, "transform": { "template": "t" } })),
                "at most 1",
            ),
            (
                data(json!({ "secretKey": "k", "remoteRef": { "key": "a" }, "sourceRef": generator })),
                "",
            ),
            (
                data(json!({ "secretKey": "a b", "remoteRef": { "key": "a" } })),
                "should match",
            ),
            (
                data(json!({ "secretKey": "k", "remoteRef": {} })),
                "remoteRef.key: Required",
            ),
            (
                data(json!({ "secretKey": "k", "remoteRef": { "key": "a", "decodingStrategy": "Hex" } })),
                "Unsupported",
            ),
        ],
    )
    .await;
}

#[tokio::test]
async fn policies_and_templates_that_eso_refuses_are_refused() {
    let template = |template: Value| external_secret(&json!({ "target": { "template": template } }));
    let token = "kubernetes.io/service-account-token";
    let annotated = json!({ "annotations": { "kubernetes.io/service-account.name": "x" } });
    let cases = [
        (
            template(json!({ "type": "bootstrap.kubernetes.io/token" })),
            "must not be bootstrap",
        ),
        (
            template(json!({ "type": token, "metadata": annotated })),
            "must not be used with the annotation",
        ),
        (template(json!({ "type": "Opaque", "metadata": annotated })), ""),
        (template(json!({ "type": token })), ""),
        (
            template(json!({ "type": token, "metadata": { "labels": { "a": "b" } } })),
            "",
        ),
        (
            template(json!({ "templateFrom": [{ "literal": "a: b", "target": "spec.anything" }] })),
            "",
        ),
        (template(json!({ "engineVersion": "v1" })), "Unsupported"),
        (
            external_secret(&json!({ "refreshPolicy": "Always" })),
            "Unsupported",
        ),
        (external_secret(&json!({ "refreshInterval": "nonsense" })), ""),
        (
            external_secret(&json!({ "syncWindows": {
                "kind": "allow",
                "windows": [
                    { "schedule": "0 8 * * 1-5", "duration": "8h" }, { "schedule": "@daily", "duration": "1h" },
                    { "schedule": "@every 1h30m", "duration": "1m" },
                ],
            } })),
            "",
        ),
        (
            external_secret(&json!({ "syncWindows": { "kind": "allow", "windows": [] } })),
            "at least 1 items",
        ),
    ];
    assert_judged("ExternalSecret", cases).await;
    for creation in ["Owner", "Orphan", "Merge", "None", "CreateOrMerge"] {
        for deletion in ["Delete", "Merge", "Retain"] {
            let wanted = match (creation, deletion) {
                ("Merge" | "None" | "CreateOrMerge", "Delete") => {
                    "deletionPolicy=Delete must not be used when the controller doesn't own the secret"
                }
                ("None", "Merge") => "deletionPolicy=Merge must not be used with creationPolicy=None",
                _ => "",
            };
            let target = json!({ "target": { "creationPolicy": creation, "deletionPolicy": deletion } });
            assert_judged("ExternalSecret", [(external_secret(&target), wanted)]).await;
        }
    }
}

#[tokio::test]
async fn stores_are_judged_as_eso_judges_them() {
    let aws = |patch: Value| {
        let mut aws = json!({ "service": "SecretsManager", "region": "eu-west-1" });
        aws.as_object_mut()
            .unwrap()
            .extend(patch.as_object().unwrap().clone());
        json!({ "provider": { "aws": aws } })
    };
    let with = |field: &str, value: Value| {
        let mut spec = aws(json!({}));
        spec.as_object_mut().unwrap().insert(field.to_owned(), value);
        spec
    };
    let manager = |options: Value| aws(json!({ "secretsManager": options }));
    let reserved = "customSessionTags cannot contain automatically injected reserved keys";
    let cases = [
        (aws(json!({})), ""),
        (aws(json!({ "service": "ParameterStore" })), ""),
        (aws(json!({ "service": "S3" })), "Unsupported"),
        (aws(json!({ "region": "noop." })), ""),
        (aws(json!({ "auth": { "jwt": {} } })), ""),
        (aws(json!({ "customSessionTags": { "a": "b" } })), ""),
        (
            aws(json!({ "customSessionTags": { "a": "b", "esoStoreName": "c" } })),
            reserved,
        ),
        (manager(json!({ "recoveryWindowInDays": 0 })), ""),
        (manager(json!({ "recoveryWindowInDays": 30 })), ""),
        (
            manager(json!({ "recoveryWindowInDays": 6 })),
            "must be 0 or between 7 and 30",
        ),
        (manager(json!({ "forceDeleteWithoutRecovery": true })), ""),
        (
            manager(json!({ "forceDeleteWithoutRecovery": true, "recoveryWindowInDays": 7 })),
            "must not be set with forceDeleteWithoutRecovery",
        ),
        (with("refreshInterval", json!(30)), ""),
        (with("refreshInterval", json!("30")), ""),
        (with("refreshInterval", json!("1h")), ""),
        (
            with(
                "conditions",
                json!([{ "namespaceSelector": {} }, { "namespaceRegexes": ["("] }]),
            ),
            "",
        ),
        (
            with("conditions", json!([{ "namespaces": ["UPPER"] }])),
            "should match",
        ),
        (json!({ "provider": {} }), "at least 1 properties"),
        (json!({ "provider": { "vault": {}, "fake": {} } }), "at most 1"),
        (json!({ "provider": { "anything": { "at": ["all"] } } }), ""),
    ];
    assert_judged("SecretStore", cases.clone()).await;
    assert_judged("ClusterSecretStore", cases).await;
}

#[tokio::test]
async fn what_is_read_back_holds_no_default_in_lists_but_those_that_eso_has() {
    let client = cluster().await;
    namespace(&client, "crd-defaults").await;
    let api = dynamic(&client, "v1", "ExternalSecret", Some("crd-defaults"));
    let spec = json!({
        "secretStoreRef": { "name": "s" },
        "data": [{ "secretKey": "k", "remoteRef": { "key": "a" } }],
        "dataFrom": [
            { "extract": { "key": "a" }, "rewrite": [{ "merge": {} }] },
            { "find": { "path": "p" } },
            { "sourceRef": { "generatorRef": { "kind": "UUID", "name": "u" } } },
        ],
        "target": { "template": { "templateFrom": [{ "secret": { "name": "x", "items": [{ "key": "k" }] } }] } },
    });
    let stored = api
        .create(
            &PostParams::default(),
            &object("v1", "ExternalSecret", "e", &spec),
        )
        .await
        .unwrap();
    let mut wanted = spec;
    wanted["refreshInterval"] = json!("1h0m0s");
    wanted["dataFrom"][0]["rewrite"][0]["merge"] = json!({
        "into": "", "priorityPolicy": "Strict", "conflictPolicy": "Error", "strategy": "Extract",
    });
    wanted["dataFrom"][2]["sourceRef"]["generatorRef"]["apiVersion"] =
        json!("generators.external-secrets.io/v1alpha1");
    wanted["target"] = json!({
        "creationPolicy": "Owner", "deletionPolicy": "Retain",
        "template": {
            "engineVersion": "v2", "mergePolicy": "Replace",
            "templateFrom": [{
                "target": "Data", "secret": { "name": "x", "items": [{ "key": "k", "templateAs": "Values" }] },
            }],
        },
    });
    assert_eq!(stored.data.get("spec"), Some(&wanted));
}

#[tokio::test]
async fn generators_are_judged_as_eso_judges_them() {
    let secret = json!({ "name": "s", "key": "k" });
    let keys = json!({ "secretRef": { "accessKeyIDSecretRef": secret, "secretAccessKeySecretRef": secret } });
    let account = json!({ "jwt": { "serviceAccountRef": { "name": "a", "audiences": ["x"] } } });
    let region = |more: Value| {
        let mut spec = json!({ "region": "eu-west-1" });
        spec.as_object_mut()
            .unwrap()
            .extend(more.as_object().unwrap().clone());
        spec
    };
    let aws = |own: Vec<(Value, &'static str)>| {
        let common = [
            (region(json!({})), ""),
            (
                region(json!({ "auth": keys, "role": "arn:aws:iam::123456789012:role/r" })),
                "",
            ),
            (region(json!({ "auth": account })), ""),
            (json!({}), "region: Required"),
            (json!({ "region": 1 }), "must be of type string"),
            (
                region(json!({ "auth": { "jwt": { "serviceAccountRef": {} } } })),
                "name: Required",
            ),
            (
                region(
                    json!({ "auth": { "secretRef": { "accessKeyIDSecretRef": { "key": "not a key" } } } }),
                ),
                "should match",
            ),
        ];
        common.into_iter().chain(own).collect::<Vec<_>>()
    };
    let scopes = ["public", "private", "anything"].map(|scope| (region(json!({ "scope": scope })), ""));
    assert_judged("ECRAuthorizationToken", aws(scopes.into())).await;
    let asked = |parameters: Value| region(json!({ "requestParameters": parameters }));
    let sessions = vec![
        (
            asked(json!({ "sessionDuration": 900, "serialNumber": "s", "tokenCode": "1" })),
            "",
        ),
        (asked(json!({})), ""),
        (
            asked(json!({ "sessionDuration": "1h" })),
            "must be of type integer",
        ),
    ];
    assert_judged("STSSessionToken", aws(sessions)).await;
    let passwords = [
        (json!({}), ""),
        (
            json!({ "length": 12, "digits": 0, "symbols": 2, "symbolCharacters": "-_" }),
            "",
        ),
        (
            json!({ "noUpper": true, "allowRepeat": true, "secretKeys": ["a", "b"] }),
            "",
        ),
        (json!({ "secretKeys": [] }), "at least 1 items"),
        (json!({ "encoding": "base32" }), ""),
        (json!({ "encoding": "base58" }), "Unsupported"),
        (json!({ "length": "12" }), "must be of type integer"),
        (json!({ "noUpper": "yes" }), "must be of type boolean"),
    ];
    assert_judged("Password", passwords).await;
    let ssh = [
        (json!({}), ""),
        (json!({ "keyType": "rsa", "keySize": 4096, "comment": "c" }), ""),
        (json!({ "keyType": "ecdsa", "keySize": 256 }), ""),
        (json!({ "keyType": "ed25519" }), ""),
        (json!({ "keyType": "dsa" }), "Unsupported"),
        (json!({ "keySize": 255 }), "greater than or equal to 256"),
        (json!({ "keySize": 8193 }), "less than or equal to 8192"),
    ];
    assert_judged("SSHKey", ssh).await;
    let seed = |more: Value| {
        let mut spec = json!({ "secret": secret });
        spec.as_object_mut()
            .unwrap()
            .extend(more.as_object().unwrap().clone());
        spec
    };
    let codes = [
        (seed(json!({})), ""),
        (
            seed(
                json!({ "length": 8, "timePeriod": 60, "algorithm": "sha512", "when": "2026-01-01T00:00:00Z" }),
            ),
            "",
        ),
        (json!({}), "secret: Required"),
        (seed(json!({ "when": "yesterday" })), "must be of type date-time"),
        (seed(json!({ "length": "6" })), "must be of type integer"),
    ];
    assert_judged("MFA", codes).await;
    let fakes = [
        (json!({}), ""),
        (json!({ "controller": "mine", "data": { "k": "v" } }), ""),
        (json!({ "data": { "k": 1 } }), "must be of type string"),
    ];
    assert_judged("Fake", fakes).await;
    assert_judged("UUID", [(json!({}), "")]).await;
    let cluster = |kind: &str, generator: Value| json!({ "kind": kind, "generator": generator });
    let clusters = [
        (cluster("Password", json!({ "passwordSpec": {} })), ""),
        (cluster("UUID", json!({ "uuidSpec": {} })), ""),
        (
            cluster("SSHKey", json!({ "sshKeySpec": { "keyType": "rsa" } })),
            "",
        ),
        (cluster("MFA", json!({ "mfaSpec": { "secret": secret } })), ""),
        (
            cluster("Fake", json!({ "fakeSpec": { "data": { "k": "v" } } })),
            "",
        ),
        (
            cluster(
                "ECRAuthorizationToken",
                json!({ "ecrAuthorizationTokenSpec": region(json!({})) }),
            ),
            "",
        ),
        (
            cluster(
                "STSSessionToken",
                json!({ "stsSessionTokenSpec": region(json!({})) }),
            ),
            "",
        ),
        // Those of others are kept as they are.
        (
            cluster(
                "VaultDynamicSecret",
                json!({ "vaultDynamicSecretSpec": { "path": "p" } }),
            ),
            "",
        ),
        (
            cluster("ClusterGenerator", json!({ "passwordSpec": {} })),
            "Unsupported",
        ),
        (cluster("Nothing", json!({ "passwordSpec": {} })), "Unsupported"),
        (cluster("Password", json!({})), "at least 1 properties"),
        (
            cluster("Password", json!({ "passwordSpec": {}, "uuidSpec": {} })),
            "at most 1",
        ),
        (
            cluster("Password", json!({ "passwordSpec": { "length": "12" } })),
            "must be of type integer",
        ),
        (cluster("MFA", json!({ "mfaSpec": {} })), "secret: Required"),
        (json!({ "generator": { "uuidSpec": {} } }), "kind: Required"),
        (json!({ "kind": "UUID" }), "generator: Required"),
    ];
    assert_judged("ClusterGenerator", clusters).await;
}

#[tokio::test]
async fn generators_are_read_back_with_the_defaults_that_eso_has_and_no_others() {
    let client = cluster().await;
    let secret = json!({ "name": "s", "key": "k" });
    let password = json!({ "length": 24, "noUpper": false, "allowRepeat": false, "encoding": "raw" });
    let cases = [
        ("Password", json!({}), password.clone()),
        ("SSHKey", json!({}), json!({ "keyType": "rsa" })),
        (
            "SSHKey",
            json!({ "keyType": "ed25519" }),
            json!({ "keyType": "ed25519" }),
        ),
        ("MFA", json!({ "secret": secret }), json!({ "secret": secret })),
        ("Fake", json!({}), json!({})),
        ("UUID", json!({}), json!({})),
        (
            "ECRAuthorizationToken",
            json!({ "region": "r" }),
            json!({ "region": "r" }),
        ),
        (
            "STSSessionToken",
            json!({ "region": "r", "requestParameters": {} }),
            json!({ "region": "r", "requestParameters": {} }),
        ),
        (
            "ClusterGenerator",
            json!({ "kind": "Password", "generator": { "passwordSpec": {} } }),
            json!({ "kind": "Password", "generator": { "passwordSpec": password } }),
        ),
    ];
    for (kind, spec, wanted) in cases {
        let dry_run = PostParams {
            dry_run: true,
            ..PostParams::default()
        };
        let stored = generators(&client, kind)
            .create(&dry_run, &object("v1alpha1", kind, "defaulted", &spec))
            .await
            .unwrap();
        assert_eq!(stored.data.get("spec"), Some(&wanted), "{kind}");
    }
}

/// A control plane of its own: the CRDs of the shared one must stay.
#[tokio::test]
async fn a_vault_store_comes_back_byte_equal_when_our_crds_replace_those_of_eso() {
    let plane = ControlPlane::start(Options::default()).await.unwrap();
    let client = plane.client().await.unwrap();
    let spec = json!({
        "controller": "theirs",
        "provider": { "vault": {
            "server": "https://vault.example", "path": "kv", "namespace": "team", "caBundle": "Y2E=",
            "headers": { "x": "y" }, "readYourWrites": true,
            "caProvider": { "type": "ConfigMap", "name": "ca", "key": "ca.crt" },
            "auth": { "kubernetes": {
                "role": "r", "serviceAccountRef": { "name": "a", "audiences": ["vault"] },
            } },
        } },
        "conditions": [{ "namespaces": ["a"], "namespaceSelector": { "matchLabels": { "a": "b" } } }],
    });
    let kinds = [("SecretStore", Some("default")), ("ClusterSecretStore", None)];

    install(&client, "tests/eso-crds/v1beta1-stored").await;
    for (kind, namespace) in kinds {
        let api = dynamic(&client, "v1beta1", kind, namespace);
        api.create(&PostParams::default(), &object("v1beta1", kind, "old", &spec))
            .await
            .unwrap();
    }
    install(&client, "tests/eso-crds/v1-stored").await;
    let mut before = Vec::new();
    for (kind, namespace) in kinds {
        let api = dynamic(&client, "v1", kind, namespace);
        api.create(&PostParams::default(), &object("v1", kind, "new", &spec))
            .await
            .unwrap();
        for name in ["old", "new"] {
            before.push(serde_json::to_string(&api.get(name).await.unwrap()).unwrap());
        }
    }
    install(&client, "crds").await;
    // The server changes to a new schema a moment after the CRD was stored.
    eventually("our schema is in force", || async {
        let api = dynamic(&client, "v1", "SecretStore", Some("default"));
        let dry_run = PostParams {
            dry_run: true,
            ..PostParams::default()
        };
        let unknown = json!({ "provider": { "unknown": { "kept": true } } });
        let tried = api
            .create(&dry_run, &object("v1", "SecretStore", "tried", &unknown))
            .await
            .ok()?;
        (tried.data.get("spec") == Some(&unknown)).then_some(())
    })
    .await;
    let mut after = Vec::new();
    for (kind, namespace) in kinds {
        let api = dynamic(&client, "v1", kind, namespace);
        for name in ["old", "new"] {
            after.push(serde_json::to_string(&api.get(name).await.unwrap()).unwrap());
        }
    }
    assert_eq!(after, before);
    assert!(
        after
            .iter()
            .all(|store| store.contains("\"mountPath\":\"kubernetes\"")),
        "their defaults stay"
    );
}
