//! No field of a namespaced kind reads what another namespace holds. Fields of templates are in `templates::sources`.

use serde_json::{Value, json};

use crate::{
    generators::{from, generator},
    world::{Space, provider, until},
};

/// Two namespaces: one has credentials of its own, the other has credentials, a ServiceAccount, a store and a generator
/// that the first names.
struct Tenants {
    ours: Space,
    theirs: Space,
}

/// Keys in the Secrets `own` and `stolen`.
const KEYS: [(&str, &str); 3] = [
    ("id", "AKIDTENANT"),
    ("key", "planted"),
    ("token", "planted-token"),
];

impl Tenants {
    async fn new() -> Self {
        let (ours, theirs) = (Space::new().await, Space::new().await);
        ours.foreign_secret("own", &KEYS).await;
        theirs.foreign_secret("stolen", &KEYS).await;
        theirs.put("v", "theirs").await;
        Self { ours, theirs }
    }

    /// A reference to a key of our own Secret, or of theirs.
    fn reference(&self, key: &str, is_theirs: bool) -> Value {
        if is_theirs {
            json!({ "name": "stolen", "key": key, "namespace": self.theirs.namespace })
        } else {
            json!({ "name": "own", "key": key })
        }
    }

    /// Static keys of which one is theirs.
    fn keys(&self, theirs: &str) -> Value {
        let reference = |key: &str| self.reference(key, key == theirs);
        json!({ "auth": { "secretRef": {
            "accessKeyIDSecretRef": reference("id"),
            "secretAccessKeySecretRef": reference("key"),
            "sessionTokenSecretRef": reference("token"),
        } } })
    }

    /// Applies an object that reads their secret through these fields; it fails, and nothing is written.
    async fn refused(&self, name: &str, spec: Value, cause: &str, parts: &[&str]) {
        self.ours.apply(name, spec).await;
        let message = self.ours.fails(name, cause).await;
        for part in parts {
            assert!(message.contains(part), "{part:?} is missing in: {message}");
        }
        assert_eq!(self.ours.data(name).await, None, "{name}");
    }

    fn reading(&self, more: Value) -> Value {
        let mut spec = more;
        spec["data"] = json!([{ "secretKey": "v", "remoteRef": { "key": self.theirs.id("v") } }]);
        spec
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn no_reference_of_a_stores_credentials_leads_into_another_namespace() {
    let tenants = Tenants::new().await;
    let ours = &tenants.ours;
    let account = json!({ "name": "default", "namespace": tenants.theirs.namespace });
    let cases = [
        (
            "access-key-id",
            tenants.keys("id"),
            "secretRef.accessKeyIDSecretRef",
        ),
        (
            "secret-access-key",
            tenants.keys("key"),
            "secretRef.secretAccessKeySecretRef",
        ),
        (
            "session-token",
            tenants.keys("token"),
            "secretRef.sessionTokenSecretRef",
        ),
        (
            "service-account",
            json!({ "auth": { "jwt": { "serviceAccountRef": account } } }),
            "jwt.serviceAccountRef",
        ),
    ];
    for (name, aws, field) in cases {
        let spec = json!({ "provider": { "aws": provider(aws) } });
        ours.store_spec(name, spec).await;
        let object = tenants.reading(json!({ "secretStoreRef": { "name": name } }));
        tenants
            .refused(name, object, "StoreNotReady", &["is not ready"])
            .await;
        until(&format!("the store {name} to name the field"), || async {
            let status = ours.stores().get(name).await.unwrap().status.unwrap_or_default();
            let message = format!("{:?}", status.conditions);
            let wanted = format!(
                "spec.provider.aws.auth.{field}.namespace: a SecretStore may refer to its own namespace"
            );
            if message.contains(&wanted) {
                Ok(())
            } else {
                Err(message)
            }
        })
        .await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn no_store_of_another_namespace_can_be_named() {
    let tenants = Tenants::new().await;
    let (ours, theirs) = (&tenants.ours, &tenants.theirs);
    theirs.store_with("theirs", json!({})).await;
    theirs.ready_store("theirs").await;
    ours.store().await;
    let not_found = [r#"could not get SecretStore "theirs""#, &*ours.namespace];
    let spec = |name: &str, store: &Value| {
        let source = json!({ "storeRef": store });
        let remote = json!({ "key": theirs.id("v") });
        let with = |field: &str, entry: Value| json!({ field: [entry] });
        match name {
            "store" => tenants.reading(json!({ "secretStoreRef": store })),
            "data" => with(
                "data",
                json!({ "secretKey": "v", "remoteRef": remote, "sourceRef": source }),
            ),
            "extract" => with("dataFrom", json!({ "extract": remote, "sourceRef": source })),
            _ => with(
                "dataFrom",
                json!({ "find": { "name": { "regexp": "v$" } }, "sourceRef": source }),
            ),
        }
    };
    for name in ["store", "data", "extract", "find"] {
        let named = spec(name, &json!({ "name": "theirs" }));
        tenants.refused(name, named, "StoreNotFound", &not_found).await;
        // A namespace is no field of these: the server refuses or drops it, and what is read stays in the namespace.
        let elsewhere = json!({ "name": "theirs", "namespace": theirs.namespace });
        if ours
            .try_apply(name, spec(name, &elsewhere), json!({}))
            .await
            .is_ok()
        {
            ours.fails(name, "StoreNotFound").await;
        }
        // And a name cannot be a path.
        let path = json!({ "name": format!("../{}/theirs", theirs.namespace) });
        let path = ours.try_apply(name, spec(name, &path), json!({})).await;
        assert!(path.is_err(), "{name}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn no_reference_of_a_generator_leads_into_another_namespace() {
    let tenants = Tenants::new().await;
    let (ours, theirs) = (&tenants.ours, &tenants.theirs);
    let own = format!("namespace \"{}\"", ours.namespace);
    // One field at a time: the others name what is there.
    for (kind, short) in [("ECRAuthorizationToken", "ecr"), ("STSSessionToken", "sts")] {
        for field in ["id", "key", "token"] {
            let name = format!("{short}-{field}");
            let mut spec = tenants.keys(field);
            spec["region"] = json!("eu-central-1");
            generator(ours, kind, &name, spec).await;
            let object = json!({ "dataFrom": [from(kind, &name)] });
            tenants
                .refused(&name, object, "CredentialsFailed", &["stolen", &own])
                .await;
        }
    }
    let seed = json!({ "secret": tenants.reference("id", true) });
    generator(ours, "MFA", "mfa", seed).await;
    let object = json!({ "dataFrom": [from("MFA", "mfa")] });
    tenants
        .refused("mfa", object, "GeneratorInvalid", &["stolen", &own])
        .await;
    generator(theirs, "Fake", "theirs", json!({ "data": { "v": "stolen" } })).await;
    let reference = from("Fake", "theirs");
    let object = json!({ "dataFrom": [reference.clone()] });
    tenants
        .refused("fake", object, "GeneratorNotFound", &["theirs", &own])
        .await;
    let mut elsewhere = reference;
    elsewhere["sourceRef"]["generatorRef"]["namespace"] = json!(theirs.namespace);
    let object = json!({ "dataFrom": [elsewhere] });
    if ours.try_apply("fake", object, json!({})).await.is_ok() {
        ours.fails("fake", "GeneratorNotFound").await;
    }
}
