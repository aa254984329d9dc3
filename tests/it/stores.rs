//! Stores are validated and reported on; those of others are left alone.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use k8s_openapi::api::core::v1::Secret;
use keyferry::{
    api::{SecretStore, Stored, external_secret::StoreKind, secret_store::AwsService},
    aws::{Aspect, Broker, Endpoints, Lane, Read, Settings, Version},
    operator::store::{
        ControllerClass, Metrics, SUPPORTED, StoreContext, StoreEvent, StoreObject, StoreOutcome, Stores,
        reconcile,
    },
};
use keyferry_parts::{
    AuditLog, ControlPlane, FakeAws, Fault, When, audit::Mark, control_plane::Options, fake_aws::Trust,
};
use kube::{
    Api, Client,
    api::{DeleteParams, DynamicObject, Patch, PatchParams, PostParams},
};
use prometheus::{IntCounter, Registry};
use serde_json::{Value, json};

use crate::harness::{cluster, dynamic, install, namespace, plane};

/// An operator's view of stores, without the queue that would drive it, and the AWS that it asks.
struct World {
    kube: Client,
    aws: FakeAws,
    context: StoreContext,
    events: Arc<Mutex<Vec<StoreEvent>>>,
    namespace: &'static str,
    audit: AuditLog,
}

impl World {
    /// In a namespace of its own, where no operator runs.
    async fn new(name: &'static str) -> Self {
        Self::on(cluster().await, plane().await.audit().clone(), name).await
    }

    async fn on(kube: Client, audit: AuditLog, name: &'static str) -> Self {
        namespace(&kube, name).await;
        let aws = FakeAws::start().unwrap();
        let endpoint = Some(aws.url());
        let settings = Settings {
            endpoints: Endpoints {
                secrets_manager: endpoint.clone(),
                ssm: endpoint.clone(),
                sts: endpoint,
                ..Endpoints::default()
            },
            ..Settings::default()
        };
        let registry = Registry::new();
        let events = Arc::<Mutex<Vec<StoreEvent>>>::default();
        let heard = Arc::clone(&events);
        let class = ControllerClass::default();
        let context = StoreContext {
            client: kube.clone(),
            broker: Broker::new(settings, kube.clone(), &registry).unwrap(),
            stores: Arc::new(Stores::new(class.clone(), SUPPORTED)),
            events: Arc::new(move |event| heard.lock().unwrap().push(event)),
            metrics: Metrics::new(&registry, true).unwrap(),
            foreign: IntCounter::new("foreign", "yields").unwrap(),
            class,
            interval: Some(Duration::from_mins(5)),
        };
        Self {
            kube,
            aws,
            context,
            events,
            namespace: name,
            audit,
        }
    }

    fn api(&self, kind: &str) -> Api<DynamicObject> {
        dynamic(
            &self.kube,
            "v1",
            kind,
            (kind == "SecretStore").then_some(self.namespace),
        )
    }

    /// Creates a store named like the namespace.
    async fn create(&self, kind: &str, spec: Value) {
        let object = json!({
            "apiVersion": "external-secrets.io/v1", "kind": kind, "spec": spec,
            "metadata": { "name": self.namespace, "finalizers": ["secretstore.externalsecrets.io/finalizer"] },
        });
        let object = serde_json::from_value(object).unwrap();
        self.api(kind)
            .create(&PostParams::default(), &object)
            .await
            .unwrap();
    }

    /// The store as the API server has it.
    async fn stored(&self, kind: &str) -> Value {
        serde_json::to_value(self.api(kind).get(self.namespace).await.unwrap()).unwrap()
    }

    /// One pass, as after an event of the watch.
    async fn pass(&self, kind: &str) -> StoreOutcome {
        let stored = self.stored(kind).await;
        let store: StoreObject = if kind == "SecretStore" {
            serde_json::from_value::<SecretStore>(stored).unwrap().into()
        } else {
            serde_json::from_value::<keyferry::api::ClusterSecretStore>(stored)
                .unwrap()
                .into()
        };
        self.context.stores.observe(&store);
        reconcile(&self.context, &store).await
    }

    /// `Ready` as status, reason and message, and the cause.
    async fn reported(&self, kind: &str) -> [String; 4] {
        let stored = self.stored(kind).await;
        let text = |path: &str| {
            stored
                .pointer(path)
                .and_then(Value::as_str)
                .unwrap_or_default()
                .to_owned()
        };
        let ready = |field: &str| text(&format!("/status/conditions/0/{field}"));
        [
            ready("status"),
            ready("reason"),
            ready("message"),
            text("/status/cause"),
        ]
    }

    async fn put_credentials(&self, data: Value) {
        let secrets: Api<Secret> = Api::namespaced(self.kube.clone(), self.namespace);
        let secret = json!({ "apiVersion": "v1", "kind": "Secret", "metadata": { "name": "aws" }, "stringData": data });
        let params = PatchParams::apply("test").force();
        secrets
            .patch("aws", &params, &Patch::Apply(secret))
            .await
            .unwrap();
    }

    fn mark(&self) -> Mark {
        self.audit.mark().unwrap()
    }

    /// Writes on this namespace's and cluster-wide stores of its name since the mark.
    fn writes(&self, mark: Mark) -> usize {
        let requests = self.audit.since(mark).unwrap();
        let ours = |request: &&keyferry_parts::audit::Request| {
            request.is_write()
                && request
                    .object
                    .as_ref()
                    .is_some_and(|object| object.name == self.namespace)
        };
        requests.iter().filter(ours).count()
    }

    fn reasons(&self) -> Vec<&'static str> {
        self.events
            .lock()
            .unwrap()
            .iter()
            .map(|event| event.reason)
            .collect()
    }
}

fn store(patch: &Value) -> Value {
    let key = |key: &str| json!({ "name": "aws", "key": key });
    let mut aws = json!({
        "service": "SecretsManager", "region": "us-east-1",
        "auth": { "secretRef": { "accessKeyIDSecretRef": key("id"), "secretAccessKeySecretRef": key("secret") } },
    });
    aws.as_object_mut()
        .unwrap()
        .extend(patch.as_object().unwrap().clone());
    json!({ "provider": { "aws": aws } })
}

fn credentials() -> Value {
    json!({ "id": "AKIAEXAMPLE", "secret": "not-a-secret" })
}

#[tokio::test]
async fn a_store_with_credentials_becomes_ready_and_is_written_and_told_of_once() {
    let world = World::new("store-ready").await;
    world.put_credentials(credentials()).await;
    world
        .create(
            "SecretStore",
            store(&json!({ "role": "arn:aws:iam::123456789012:role/reader" })),
        )
        .await;
    let mark = world.mark();
    let outcome = world.pass("SecretStore").await;
    assert!(outcome.ready && outcome.changed_to_ready);
    assert_eq!(outcome.next, Some(Duration::from_mins(5)));
    assert_eq!(
        world.reported("SecretStore").await,
        ["True", "Valid", "store validated", ""]
    );
    let stored = world.stored("SecretStore").await;
    assert_eq!(stored.pointer("/status/capabilities"), Some(&json!("ReadWrite")));
    assert_eq!(
        stored.pointer("/status/observedGeneration"),
        stored.pointer("/metadata/generation")
    );
    let again = world.pass("SecretStore").await;
    assert!(again.ready && !again.changed_to_ready);
    assert_eq!(world.writes(mark), 1);
    assert_eq!(world.reasons(), ["Valid"]);
    let view = world
        .context
        .stores
        .lookup(StoreKind::SecretStore, "store-ready", "store-ready")
        .unwrap();
    assert_eq!(view.ready, Some(true));
}

#[tokio::test]
async fn missing_credentials_are_told_and_their_coming_makes_the_store_ready() {
    let world = World::new("store-credentials").await;
    world.create("SecretStore", store(&json!({}))).await;
    let outcome = world.pass("SecretStore").await;
    assert!(!outcome.ready);
    assert!(outcome.next.is_some_and(|next| next <= Duration::from_secs(1)));
    let [status, reason, message, cause] = world.reported("SecretStore").await;
    assert_eq!(
        [status, reason, cause],
        ["False", "InvalidProviderConfig", "CredentialsMissing"]
    );
    assert!(
        message.starts_with(
            "CredentialsMissing: unable to create session: could not fetch SecretAccessKey secret: "
        ),
        "{message}"
    );

    world.put_credentials(json!({ "id": "AKIAEXAMPLE" })).await;
    world.pass("SecretStore").await;
    let [.., message, _] = world.reported("SecretStore").await;
    assert!(
        message.contains("cannot find secret data for key: \"secret\""),
        "{message}"
    );

    world.put_credentials(credentials()).await;
    let outcome = world.pass("SecretStore").await;
    assert!(outcome.ready && outcome.changed_to_ready);
    assert_eq!(
        world.reported("SecretStore").await,
        ["True", "Valid", "store validated", ""]
    );
    assert_eq!(
        world.reasons(),
        ["InvalidProviderConfig", "InvalidProviderConfig", "Valid"]
    );
}

#[tokio::test]
async fn a_spec_that_cannot_be_acted_upon_waits_for_a_new_one() {
    let world = World::new("store-invalid").await;
    let region = "spec.provider.aws.region: region not found: noop.";
    let service = "spec.provider.aws.service: CertificateManager is not implemented yet";
    let cases = [
        (json!({ "region": "noop." }), "InvalidSpec", region),
        (
            json!({ "service": "CertificateManager" }),
            "NotSupported",
            service,
        ),
    ];
    for (patch, cause, text) in cases {
        world.create("SecretStore", store(&patch)).await;
        let outcome = world.pass("SecretStore").await;
        assert_eq!((outcome.ready, outcome.next), (false, None));
        let [status, reason, message, told] = world.reported("SecretStore").await;
        assert_eq!([status, reason, told], ["False", "InvalidProviderConfig", cause]);
        assert!(message.starts_with(&format!("{cause}: {text}; ")), "{message}");
        world
            .api("SecretStore")
            .delete(world.namespace, &DeleteParams::default())
            .await
            .unwrap();
        world.pass("SecretStore").await;
    }
    assert!(world.aws.calls().by_operation().is_empty());
}

#[tokio::test]
async fn a_role_that_refuses_makes_the_store_not_ready_and_a_failing_service_does_not() {
    let world = World::new("store-role").await;
    world.put_credentials(credentials()).await;
    let role = "arn:aws:iam::123456789012:role/locked";
    world.create("SecretStore", store(&json!({ "role": role }))).await;
    {
        let _down = world.aws.inject(When::operation("AssumeRole"), Fault::internal());
        let outcome = world.pass("SecretStore").await;
        assert!(outcome.ready, "nothing is known against it");
        let [status, reason, message, cause] = world.reported("SecretStore").await;
        assert_eq!(
            [status, reason, cause],
            ["True", "ValidationUnknown", "Unavailable"]
        );
        assert_eq!(message, "could not determine validation status");
    }
    world.aws.trust(
        role,
        Trust {
            callers: vec!["somebody-else".to_owned()],
            ..Trust::default()
        },
    );
    // What failed is asked for again a moment later, by one caller.
    let told = crate::harness::eventually("the role's refusal is told", || async {
        world.pass("SecretStore").await;
        let [status, _, message, cause] = world.reported("SecretStore").await;
        (status == "False").then_some((message, cause))
    })
    .await;
    assert_eq!(told.1, "CredentialsRefused");
    assert!(
        told.0
            .starts_with("CredentialsRefused: unable to create session: "),
        "{}",
        told.0
    );
    let _down = world.aws.inject(When::operation("AssumeRole"), Fault::internal());
    let outcome = world.pass("SecretStore").await;
    assert!(!outcome.ready, "a check that could not be made does not mend it");
    assert_eq!(world.reported("SecretStore").await[0], "False");
}

/// Differs: docs/differences.md#classes.
#[tokio::test]
async fn stores_of_other_classes_and_providers_are_not_touched() {
    let world = World::new("store-foreign").await;
    let mut other_class = store(&json!({}));
    other_class["controller"] = json!("somebody");
    let vault = json!({ "provider": { "vault": { "server": "https://vault" } } });
    for spec in [other_class, vault] {
        world.create("SecretStore", spec).await;
        let mark = world.mark();
        assert_eq!(world.pass("SecretStore").await, StoreOutcome::default());
        world
            .api("SecretStore")
            .delete(world.namespace, &DeleteParams::default())
            .await
            .unwrap();
        assert_eq!(world.pass("SecretStore").await, StoreOutcome::default());
        let stored = world.stored("SecretStore").await;
        assert_eq!(stored.pointer("/status"), None);
        assert!(
            stored.pointer("/metadata/finalizers").is_some(),
            "their finalizer is theirs"
        );
        assert_eq!(world.writes(mark), 1, "only the test's own deletion");
        let release = json!({ "metadata": { "finalizers": [] } });
        let patch = Patch::Merge(release);
        world
            .api("SecretStore")
            .patch(world.namespace, &PatchParams::default(), &patch)
            .await
            .unwrap();
    }
    assert_eq!(world.reasons(), Vec::<&str>::new());
}

/// Differs: docs/differences.md#no-finalizers.
#[tokio::test]
async fn a_store_of_ours_that_is_deleted_is_let_go() {
    let world = World::new("store-deleted").await;
    world.create("ClusterSecretStore", store(&json!({}))).await;
    let api = world.api("ClusterSecretStore");
    api.delete(world.namespace, &DeleteParams::default())
        .await
        .unwrap();
    assert_eq!(world.pass("ClusterSecretStore").await, StoreOutcome::default());
    assert!(api.get_opt(world.namespace).await.unwrap().is_none());
}

#[tokio::test]
async fn a_cluster_store_with_the_credentials_of_its_users_is_ready_unasked() {
    let world = World::new("store-referent").await;
    world.create("ClusterSecretStore", store(&json!({}))).await;
    assert!(world.pass("ClusterSecretStore").await.ready);
    assert_eq!(
        world.reported("ClusterSecretStore").await,
        ["True", "Valid", "store validated", ""]
    );
}

/// A control plane of its own, whose CRDs lack our status fields.
#[tokio::test]
async fn on_eso_shaped_crds_a_store_is_reported_on_and_written_once_as_well() {
    let plane = ControlPlane::start(Options::default()).await.unwrap();
    let kube = plane.client().await.unwrap();
    install(&kube, "tests/eso-crds/v1-stored").await;
    let world = World::on(kube, plane.audit().clone(), "store-eso-crds").await;
    world.create("SecretStore", store(&json!({}))).await;
    world.pass("SecretStore").await;
    let [status, _, message, cause] = world.reported("SecretStore").await;
    assert_eq!([status.as_str(), cause.as_str()], ["False", ""]);
    assert!(message.starts_with("CredentialsMissing: "), "{message}");
    world.put_credentials(credentials()).await;
    let mark = world.mark();
    assert!(world.pass("SecretStore").await.changed_to_ready);
    assert!(world.pass("SecretStore").await.ready);
    assert_eq!(world.writes(mark), 1);
    assert_eq!(
        world.reported("SecretStore").await,
        ["True", "Valid", "store validated", ""]
    );
}

#[tokio::test]
async fn a_store_whose_stored_object_cannot_be_read_says_so_in_its_status() {
    let world = World::new("store-unreadable").await;
    world.create("SecretStore", store(&json!({}))).await;
    // As an older CRD may have let it through.
    let mut stored = world.stored("SecretStore").await;
    stored["spec"]["provider"]["aws"]["region"] = json!(7);
    let unreadable = serde_json::from_value::<Stored<SecretStore>>(stored).unwrap();
    let read = StoreObject::unreadable(StoreKind::SecretStore, *unreadable.0.unwrap_err());
    world.context.stores.observe(&read);
    let outcome = reconcile(&world.context, &read).await;
    assert!(!outcome.ready);
    let [status, reason, message, cause] = world.reported("SecretStore").await;
    assert_eq!(
        [status, reason, cause],
        ["False", "InvalidProviderConfig", "InvalidSpec"]
    );
    assert!(
        message.contains("the stored object cannot be read: "),
        "{message}"
    );
    assert_eq!(world.reasons(), ["InvalidProviderConfig"]);

    // Applied again, it is a store like any other.
    world.put_credentials(credentials()).await;
    assert!(world.pass("SecretStore").await.changed_to_ready);
}

#[tokio::test]
async fn a_store_of_another_provider_or_class_that_cannot_be_read_is_left_alone() {
    let world = World::new("store-unread-other").await;
    let vault = json!({ "provider": { "vault": { "server": "https://vault" } } });
    world.create("SecretStore", vault).await;
    let before = world.stored("SecretStore").await;
    let specs = [
        json!({ "provider": { "vault": { "server": "https://vault" } }, "retrySettings": "often" }),
        json!({ "provider": { "aws": { "region": 7 } }, "controller": "other" }),
    ];
    for spec in specs {
        let mut stored = before.clone();
        stored["spec"] = spec;
        let unreadable = serde_json::from_value::<Stored<SecretStore>>(stored).unwrap();
        let read = StoreObject::unreadable(StoreKind::SecretStore, *unreadable.0.unwrap_err());
        world.context.stores.observe(&read);
        assert_eq!(reconcile(&world.context, &read).await, StoreOutcome::default());
    }
    assert_eq!(world.stored("SecretStore").await, before);
    assert_eq!(world.reasons(), Vec::<&str>::new());
}

#[tokio::test]
async fn an_interval_that_needs_sixty_four_bits_is_read() {
    let world = World::new("store-interval").await;
    world.put_credentials(credentials()).await;
    let mut spec = store(&json!({}));
    spec["refreshInterval"] = json!(5_000_000_000_u64);
    world.create("SecretStore", spec).await;
    let outcome = world.pass("SecretStore").await;
    assert!(outcome.ready);
    assert_eq!(outcome.next, Some(Duration::from_secs(5_000_000_000)));
}

/// Differs: docs/differences.md#contested-status.
#[tokio::test]
async fn a_status_that_another_operator_writes_too_is_left_to_it_for_a_while() {
    let world = World::new("store-contested").await;
    world.create("SecretStore", store(&json!({}))).await;
    world.pass("SecretStore").await;
    let [ours, ..] = world.reported("SecretStore").await;
    assert_eq!(ours, "False", "it has no credentials");
    // Times of managers have seconds: the other writes until its time is later than ours.
    let params = PatchParams {
        field_manager: Some("external-secrets".to_owned()),
        ..PatchParams::default()
    };
    let mut tries = 0;
    crate::world::until("the other to have written last", || {
        tries += 1;
        let theirs = json!({ "status": { "conditions": [{
            "type": "Ready", "status": "True", "reason": "Valid", "message": format!("theirs {tries}"),
            "lastTransitionTime": "2026-01-01T00:00:00Z",
        }] } });
        let api = world.api("SecretStore");
        let params = &params;
        let name = world.namespace;
        async move {
            let written = api
                .patch_status(name, params, &Patch::Merge(theirs))
                .await
                .unwrap();
            let times: Vec<_> = written
                .metadata
                .managed_fields
                .unwrap()
                .into_iter()
                .filter(|entry| entry.subresource.is_some())
                .map(|entry| (entry.time.map(|time| time.0), entry.manager))
                .collect();
            let newest = times.iter().max().cloned().unwrap();
            let ours = times
                .iter()
                .find(|(_, manager)| manager.as_deref() == Some("keyferry"));
            // The entry of who wrote nothing that stands is gone; it stands with its other fields.
            if newest.1.as_deref() == Some("external-secrets") && ours.is_some_and(|ours| ours.0 < newest.0) {
                Ok(())
            } else {
                Err(format!("{times:?}"))
            }
        }
    })
    .await;
    let mark = world.mark();
    let outcome = world.pass("SecretStore").await;
    world.pass("SecretStore").await;
    assert_eq!(world.writes(mark), 0);
    assert!(
        !outcome.ready,
        "what we found still decides who may use the store"
    );
    assert_eq!(world.context.foreign.get(), 1, "counted and told once");
}

/// Differs: docs/differences.md#lacking-action.
#[tokio::test]
async fn a_store_whose_role_may_not_batch_says_which_action_it_lacks_once_reads_have_shown_it() {
    let world = World::new("store-batchless").await;
    world.put_credentials(credentials()).await;
    world.create("SecretStore", store(&json!({}))).await;
    world.pass("SecretStore").await;
    let action = "secretsmanager:BatchGetSecretValue";
    let _denied = world.aws.inject(
        When::operation("BatchGetSecretValue"),
        Fault::access_denied(action),
    );
    let view = world
        .context
        .stores
        .lookup(StoreKind::SecretStore, world.namespace, world.namespace)
        .unwrap();
    let aws = view.aws.as_ref().unwrap();
    let broker = &world.context.broker;
    let identity = &broker.identify(&view.scope(aws, world.namespace)).await.unwrap();
    let reads = (0..30).map(|n| async move {
        let read = Read {
            service: AwsService::SecretsManager,
            id: format!("absent/{n}"),
            version: Version::of_secret(None),
            aspect: Aspect::Value,
        };
        broker.read(identity, None, &read, Lane::NOW, false).await
    });
    let answers = futures::future::join_all(reads).await;
    assert!(answers.iter().all(Result::is_err), "there is none of them");

    assert!(world.pass("SecretStore").await.ready);
    let [status, reason, message, cause] = world.reported("SecretStore").await;
    assert_eq!([status, reason, cause], ["True", "Valid", ""]);
    assert!(
        message.starts_with("store validated; ") && message.contains(action),
        "{message}"
    );
}
