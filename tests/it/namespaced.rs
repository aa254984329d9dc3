//! Served namespaces: with Roles in them alone, and nothing asked for that they do not allow.

use k8s_openapi::api::{
    core::v1::{Namespace, Secret},
    rbac::v1::{Role, RoleBinding},
};
use keyferry::api::{ExternalSecret, SecretStore};
use keyferry_parts::{
    ControlPlane,
    control_plane::{Authorization, Options, User},
};
use kube::{
    Api, Client,
    api::{DeleteParams, Patch, PatchParams, PostParams},
};
use serde_json::{Value, json};

use crate::world::{Operator, Start, apply_crds, crds_in, provider, put, secrets_manager, until, world};

/// What the operator needs in a namespace that it serves.
pub(crate) fn rules(secrets: &[&str]) -> Value {
    json!([
        { "apiGroups": ["external-secrets.io"], "resources": ["externalsecrets", "secretstores"], "verbs": ["list", "watch"] },
        {
            "apiGroups": ["external-secrets.io"], "resources": ["externalsecrets/status", "secretstores/status"],
            "verbs": ["patch"],
        },
        { "apiGroups": [""], "resources": ["secrets"], "verbs": secrets },
        { "apiGroups": [""], "resources": ["serviceaccounts"], "verbs": ["list", "watch"] },
        { "apiGroups": ["events.k8s.io"], "resources": ["events"], "verbs": ["create"] },
    ])
}

/// Lets the user `keyferry` do this in a namespace.
pub(crate) async fn grant(client: &Client, namespace: &str, rules: &Value) {
    let role = json!({ "metadata": { "name": "keyferry" }, "rules": rules });
    let binding = json!({
        "metadata": { "name": "keyferry" },
        "roleRef": { "apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "keyferry" },
        "subjects": [{ "apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": "keyferry" }],
    });
    let role: Role = serde_json::from_value(role).unwrap();
    let binding: RoleBinding = serde_json::from_value(binding).unwrap();
    let params = PostParams::default();
    let api = Api::namespaced(client.clone(), namespace);
    api.create(&params, &role).await.unwrap();
    let api = Api::namespaced(client.clone(), namespace);
    api.create(&params, &binding).await.unwrap();
}

/// A cluster with RBAC in which the user `keyferry` may do `secrets` with Secrets of the namespaces `allowed`.
struct Cluster {
    plane: ControlPlane,
    client: Client,
}

impl Cluster {
    async fn new(namespaces: &[&str], allowed: &[&str], secrets: &[&str]) -> Self {
        let options = Options {
            authorization: Authorization::Rbac,
            users: vec![User {
                name: "keyferry".to_owned(),
                groups: vec![],
            }],
            ..Options::default()
        };
        let plane = ControlPlane::start(options).await.unwrap();
        let client = plane.client().await.unwrap();
        apply_crds(&client, &crds_in("crds")).await;
        let cluster = Self { plane, client };
        for name in namespaces {
            let namespace: Namespace =
                serde_json::from_value(json!({ "metadata": { "name": name } })).unwrap();
            let api: Api<Namespace> = Api::all(cluster.client.clone());
            api.create(&PostParams::default(), &namespace).await.unwrap();
            let store = json!({ "provider": { "aws": provider(json!({})) } });
            cluster
                .apply::<SecretStore>(name, "SecretStore", "aws", store)
                .await;
        }
        for name in allowed {
            grant(&cluster.client, name, &rules(secrets)).await;
        }
        cluster
    }

    async fn apply<K>(&self, namespace: &str, kind: &str, name: &str, spec: Value)
    where
        K: kube::Resource<Scope = k8s_openapi::NamespaceResourceScope>
            + Clone
            + std::fmt::Debug
            + serde::de::DeserializeOwned,
        K::DynamicType: Default,
    {
        let object = json!({
            "apiVersion": "external-secrets.io/v1", "kind": kind, "metadata": { "name": name }, "spec": spec,
        });
        let api: Api<K> = Api::namespaced(self.client.clone(), namespace);
        api.patch(name, &PatchParams::apply("user").force(), &Patch::Apply(object))
            .await
            .unwrap();
    }

    async fn object(&self, namespace: &str, secret: &str, interval: &str) {
        let data = json!([{ "secretKey": "v", "remoteRef": { "key": secret } }]);
        let spec = json!({ "refreshInterval": interval, "secretStoreRef": { "name": "aws" }, "data": data });
        self.apply::<ExternalSecret>(namespace, "ExternalSecret", "app", spec)
            .await;
    }

    fn secrets(&self, namespace: &str) -> Api<Secret> {
        Api::namespaced(self.client.clone(), namespace)
    }

    async fn holds(&self, namespace: &str, wanted: &str) {
        until(&format!("the Secret of {namespace}"), || async {
            let secret = self.secrets(namespace).get_opt("app").await.unwrap();
            let data = secret.and_then(|secret| secret.data).unwrap_or_default();
            let value = data
                .get("v")
                .map(|value| String::from_utf8_lossy(&value.0).into_owned());
            if value.as_deref() == Some(wanted) {
                Ok(())
            } else {
                Err(format!("{value:?}"))
            }
        })
        .await;
    }

    async fn force_sync(&self, namespace: &str) {
        let forced = Patch::Merge(json!({ "metadata": { "annotations": { "force-sync": "1" } } }));
        let objects: Api<ExternalSecret> = Api::namespaced(self.client.clone(), namespace);
        objects
            .patch("app", &PatchParams::default(), &forced)
            .await
            .unwrap();
    }

    /// Starts the operator as the user whom RBAC limits.
    async fn operator(&self, name: &str, arguments: &[&str]) -> Operator {
        let kubeconfig = self.plane.folder().join("limited.kubeconfig");
        let token = self.plane.token("keyferry").unwrap();
        self.plane.write_kubeconfig(&kubeconfig, token).unwrap();
        let start = Start {
            kubeconfig: Some(kubeconfig),
            arguments: arguments.iter().map(|&argument| argument.to_owned()).collect(),
            ..Start::default()
        };
        Operator::start(&start, name).await
    }

    /// What the operator asked for and was refused.
    fn refused(&self) -> Vec<String> {
        let requests = self
            .plane
            .audit()
            .since(keyferry_parts::audit::Mark::default())
            .unwrap();
        requests
            .iter()
            .filter(|request| request.user.username == "keyferry" && request.code() == 403)
            .map(|request| format!("{} {}", request.verb, request.uri))
            .collect()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn several_namespaces_are_served_by_roles_in_them_and_nothing_else_is_asked_for() {
    let all = ["verbs-a", "verbs-b", "verbs-c"];
    let secrets = ["list", "watch", "create", "patch", "get", "delete"];
    let cluster = Cluster::new(&all, &["verbs-a", "verbs-b"], &secrets).await;
    let aws = secrets_manager(world().await.moto.url(), "AKIDTEST", None);
    put(&aws, "namespaced/one", "first").await;
    for namespace in all {
        cluster.object(namespace, "namespaced/one", "1h").await;
    }
    let operator = cluster
        .operator("namespaced", &["--namespace=verbs-a,verbs-b"])
        .await;
    cluster.holds("verbs-a", "first").await;
    cluster.holds("verbs-b", "first").await;

    // Each namespace has watches of its own: a repair in one, a deletion in the other.
    let delete = DeleteParams::default();
    cluster.secrets("verbs-b").delete("app", &delete).await.unwrap();
    cluster.holds("verbs-b", "first").await;
    put(&aws, "namespaced/one", "second").await;
    cluster.force_sync("verbs-a").await;
    cluster.holds("verbs-a", "second").await;

    assert_eq!(cluster.secrets("verbs-c").get_opt("app").await.unwrap(), None);
    assert_eq!(cluster.refused(), Vec::<String>::new());
    operator.stop().await;
}

/// Differs: docs/differences.md#no-drift-watch.
#[tokio::test(flavor = "multi_thread")]
async fn without_drift_watch_no_list_watch_or_get_of_secrets_is_asked_for_and_refreshes_still_arrive() {
    let cluster = Cluster::new(&["blind"], &["blind"], &["create", "patch", "delete"]).await;
    let aws = secrets_manager(world().await.moto.url(), "AKIDTEST", None);
    put(&aws, "blind/one", "first").await;
    cluster.object("blind", "blind/one", "1s").await;
    let operator = cluster
        .operator("blind", &["--namespace=blind", "--drift-watch=false"])
        .await;
    cluster.holds("blind", "first").await;
    put(&aws, "blind/one", "second").await;
    cluster.holds("blind", "second").await;
    // Nobody watches: it comes back with the next new value, or when asked for.
    let (secrets, delete) = (cluster.secrets("blind"), DeleteParams::default());
    secrets.delete("app", &delete).await.unwrap();
    put(&aws, "blind/one", "third").await;
    cluster.holds("blind", "third").await;
    secrets.delete("app", &delete).await.unwrap();
    cluster.force_sync("blind").await;
    cluster.holds("blind", "third").await;
    assert_eq!(cluster.refused(), Vec::<String>::new());
    operator.stop().await;
}
