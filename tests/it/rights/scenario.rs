//! What the operator needs each right for.

use k8s_openapi::api::core::v1::ServiceAccount;
use kube::{
    Api,
    api::{ApiResource, DeleteParams, DynamicObject, GroupVersionKind, Patch, PatchParams},
};
use serde_json::{Value, json};

use super::{Right, Tenant, create};
use crate::world::{provider, put, secrets_manager, until, world};

/// Something that needs a right.
#[derive(Clone, Copy, Debug)]
pub(super) enum Scenario {
    /// The operator starts.
    Start,
    /// It takes, or keeps, the Lease.
    Lease,
    /// A ClusterSecretStore is validated.
    ClusterStore,
    /// An ExternalSecret becomes a Secret.
    Sync,
    /// The value changes.
    Rotation,
    /// The value goes, and with it the Secret.
    Loss,
    /// A template is taken from a ConfigMap or a Secret.
    Template(&'static str),
    /// A value is made by a generator of this kind, of which there is none.
    Generator(&'static str),
    /// A generator reads a Secret.
    GeneratorCredentials,
    /// A store has credentials in a Secret.
    StoreCredentials,
    /// A store has the role of a ServiceAccount.
    ServiceAccount,
    /// An object of this kind is deleted that carries ESO's finalizer.
    Release(&'static str),
    /// A ClusterExternalSecret makes an ExternalSecret,
    Provision,
    /// changes it,
    Reprovision,
    /// and deletes it where it is wanted no more.
    Unprovision,
}

impl Scenario {
    /// What a right is needed for. Some are for several things.
    pub(super) fn of(right: &Right) -> Vec<Self> {
        let one = match (&*right.verb, &*right.resource) {
            ("get" | "list" | "watch", "configmaps") => Self::Template("configMap"),
            ("list" | "watch", _) => Self::Start,
            (_, "leases") => Self::Lease,
            ("get" | "patch", "externalsecrets") => Self::Release("ExternalSecret"),
            ("update", "externalsecrets") => Self::Reprovision,
            ("delete", "externalsecrets") => Self::Unprovision,
            ("patch", "secretstores") => Self::Release("SecretStore"),
            ("patch", "clustersecretstores") => Self::Release("ClusterSecretStore"),
            ("get" | "patch", "clusterexternalsecrets") => Self::Release("ClusterExternalSecret"),
            ("patch", "clustersecretstores/status") => Self::ClusterStore,
            ("patch", "externalsecrets/status" | "secretstores/status")
            | ("update", "externalsecrets/finalizers")
            | ("create", "secrets" | "events") => Self::Sync,
            ("create", "externalsecrets")
            | ("patch", "clusterexternalsecrets/status")
            | ("update", "clusterexternalsecrets/finalizers") => Self::Provision,
            ("get", "secrets") => {
                return vec![
                    Self::Template("secret"),
                    Self::StoreCredentials,
                    Self::GeneratorCredentials,
                ];
            }
            ("patch", "secrets") => Self::Rotation,
            ("delete", "secrets") => Self::Loss,
            ("get", "serviceaccounts") | ("create", "serviceaccounts/token") => Self::ServiceAccount,
            ("get", generators) => Self::Generator(match generators {
                "clustergenerators" => "ClusterGenerator",
                "ecrauthorizationtokens" => "ECRAuthorizationToken",
                "fakes" => "Fake",
                "mfas" => "MFA",
                "passwords" => "Password",
                "sshkeys" => "SSHKey",
                "stssessiontokens" => "STSSessionToken",
                "uuids" => "UUID",
                _ => panic!("nothing is known that needs {right:?}"),
            }),
            _ => panic!("nothing is known that needs {right:?}"),
        };
        vec![one]
    }

    /// What the operator is started with.
    pub(super) fn arguments(self) -> Vec<String> {
        let lease = [
            "--enable-leader-election",
            "--leader-election-id=keyferry",
            "--leader-election-lease-duration=20s",
            "--leader-election-renew-deadline=15s",
            "--leader-election-retry-period=200ms",
        ];
        match self {
            Self::Lease => lease.map(str::to_owned).into(),
            _ => vec![],
        }
    }

    /// Does what users do.
    pub(super) async fn play(self, tenant: &Tenant) {
        match self {
            Self::Start | Self::Lease => {}
            Self::ClusterStore => tenant.cluster_store(json!({})).await,
            Self::Sync => tenant.synced(json!({})).await,
            Self::Rotation => {
                tenant.synced(json!({})).await;
                tenant.is_reported("ExternalSecret", "app").await;
                tenant.put("second").await;
            }
            Self::Loss => {
                tenant
                    .synced(json!({ "target": { "deletionPolicy": "Delete" } }))
                    .await;
                tenant.is_reported("ExternalSecret", "app").await;
                tenant.remove().await;
            }
            Self::Template(source) => {
                let from = json!([{ source: { "name": "texts", "items": [{ "key": "text" }] } }]);
                tenant
                    .synced(json!({ "target": { "template": { "templateFrom": from } } }))
                    .await;
            }
            Self::Generator(kind) => tenant.generated(kind).await,
            Self::GeneratorCredentials => {
                let spec = json!({ "secret": { "name": "seed", "key": "seed" } });
                tenant.apply("MFA", "some", spec, json!({})).await;
                tenant.generated("MFA").await;
            }
            Self::StoreCredentials => {
                let key = json!({ "name": "keys", "key": "key" });
                let auth =
                    json!({ "secretRef": { "accessKeyIDSecretRef": key, "secretAccessKeySecretRef": key } });
                tenant.store(json!({ "auth": auth }), json!({})).await;
            }
            Self::ServiceAccount => {
                let role = "arn:aws:iam::111122223333:role/reader";
                let account = json!({ "metadata": { "name": "reader", "annotations": { "eks.amazonaws.com/role-arn": role } } });
                let accounts: Api<ServiceAccount> = Api::namespaced(tenant.client.clone(), &tenant.name);
                create(&accounts, account).await;
                let auth = json!({ "jwt": { "serviceAccountRef": { "name": "reader" } } });
                tenant.store(json!({ "auth": auth }), json!({})).await;
            }
            Self::Release(kind) => tenant.released(kind).await,
            Self::Provision => tenant.provisioned(json!({}), json!({})).await,
            Self::Reprovision => {
                tenant.provisioned(json!({}), json!({})).await;
                tenant.is_reported("ClusterExternalSecret", &tenant.name).await;
                let labels = json!({ "externalSecretMetadata": { "labels": { "team": "red" } } });
                tenant.provisioned(labels, json!({})).await;
            }
            Self::Unprovision => {
                tenant.provisioned(json!({}), json!({})).await;
                tenant.is_reported("ClusterExternalSecret", &tenant.name).await;
                let nowhere = json!({ "namespaceSelectors": [{ "matchLabels": { "no": "namespace" } }] });
                tenant.provisioned(nowhere, json!({})).await;
            }
        }
    }
}

/// Whether a kind is cluster-wide, and its resource.
fn resource(kind: &str) -> (bool, ApiResource) {
    let (group, version) = if kind.ends_with("Secret") || kind.ends_with("Store") {
        ("external-secrets.io", "v1")
    } else {
        ("generators.external-secrets.io", "v1alpha1")
    };
    let gvk = GroupVersionKind::gvk(group, version, kind);
    (kind.starts_with("Cluster"), ApiResource::from_gvk(&gvk))
}

impl Tenant {
    fn api(&self, kind: &str) -> Api<DynamicObject> {
        match resource(kind) {
            (true, resource) => Api::all_with(self.client.clone(), &resource),
            (false, resource) => Api::namespaced_with(self.client.clone(), &self.name, &resource),
        }
    }

    async fn apply(&self, kind: &str, name: &str, spec: Value, metadata: Value) {
        let resource = resource(kind).1;
        let mut metadata = metadata;
        metadata["name"] = json!(name);
        let object = json!({
            "apiVersion": resource.api_version, "kind": kind, "metadata": metadata, "spec": spec,
        });
        let params = PatchParams::apply("user").force();
        let patch = Patch::Apply(object);
        self.api(kind).patch(name, &params, &patch).await.unwrap();
    }

    /// Waits until the operator has written a status.
    pub(super) async fn is_reported(&self, kind: &str, name: &str) {
        until(&format!("a status of {kind} {name}"), || async {
            let object = self.api(kind).get(name).await.map_err(|e| e.to_string())?;
            let status = &object.data["status"];
            if status["conditions"][0]["status"] == "True" {
                Ok(())
            } else {
                Err(status.to_string())
            }
        })
        .await;
    }

    fn key(&self) -> String {
        format!("{}/value", self.name)
    }

    async fn put(&self, value: &str) {
        let aws = secrets_manager(world().await.moto.url(), "AKIDTEST", None);
        put(&aws, &self.key(), value).await;
    }

    async fn remove(&self) {
        let aws = secrets_manager(world().await.moto.url(), "AKIDTEST", None);
        let removed = aws.delete_secret().secret_id(self.key());
        removed.force_delete_without_recovery(true).send().await.unwrap();
    }

    /// A store of the operator's class, with more in `spec.provider.aws`.
    async fn store(&self, aws: Value, metadata: Value) {
        let spec = json!({ "controller": self.name, "provider": { "aws": provider(aws) } });
        self.apply("SecretStore", "aws", spec, metadata).await;
    }

    async fn cluster_store(&self, metadata: Value) {
        let spec = json!({ "controller": self.name, "provider": { "aws": provider(json!({})) } });
        self.apply("ClusterSecretStore", &self.name, spec, metadata).await;
    }

    fn reading(&self) -> Value {
        json!({
            "refreshInterval": "1s", "secretStoreRef": { "name": "aws" },
            "data": [{ "secretKey": "v", "remoteRef": { "key": self.key() } }],
        })
    }

    /// An ExternalSecret of a value that is there, with more in its spec.
    pub(super) async fn synced(&self, more: Value) {
        self.synced_with(more, json!({})).await;
    }

    async fn synced_with(&self, more: Value, metadata: Value) {
        self.put("first").await;
        self.store(json!({}), json!({})).await;
        self.apply("ExternalSecret", "app", with(self.reading(), more), metadata)
            .await;
    }

    async fn generated(&self, kind: &str) {
        let generator =
            json!({ "apiVersion": "generators.external-secrets.io/v1alpha1", "kind": kind, "name": "some" });
        self.synced(json!({ "dataFrom": [{ "sourceRef": { "generatorRef": generator } }] }))
            .await;
    }

    /// A ClusterExternalSecret for the operator's namespace, with more in its spec.
    async fn provisioned(&self, more: Value, metadata: Value) {
        self.put("first").await;
        self.cluster_store(json!({})).await;
        let store = json!({ "secretStoreRef": { "kind": "ClusterSecretStore", "name": self.name } });
        let spec = json!({
            "externalSecretSpec": with(self.reading(), store),
            "namespaceSelectors": [{ "matchLabels": { "kubernetes.io/metadata.name": self.name } }],
        });
        self.apply("ClusterExternalSecret", &self.name, with(spec, more), metadata)
            .await;
    }

    async fn released(&self, kind: &str) {
        let with = |finalizer: &str| json!({ "finalizers": [finalizer] });
        let of_stores = with("secretstore.externalsecrets.io/finalizer");
        let name = match kind {
            "SecretStore" => {
                self.store(json!({}), of_stores).await;
                "aws"
            }
            "ClusterSecretStore" => {
                self.cluster_store(of_stores).await;
                &self.name
            }
            "ExternalSecret" => {
                let finalizer = with("externalsecrets.external-secrets.io/externalsecret-cleanup");
                self.synced_with(json!({}), finalizer).await;
                "app"
            }
            _ => {
                let finalizer = with("externalsecrets.external-secrets.io/clusterexternalsecret-cleanup");
                self.provisioned(json!({}), finalizer).await;
                &self.name
            }
        };
        self.is_reported(kind, name).await;
        let params = DeleteParams::default();
        self.api(kind).delete(name, &params).await.unwrap();
    }
}

fn with(mut spec: Value, more: Value) -> Value {
    for (field, value) in more.as_object().unwrap() {
        spec[field] = value.clone();
    }
    spec
}
