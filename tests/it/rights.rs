//! Every right that the chart gives in cluster mode is needed: an operator that lacks just that one says so, by verb and
//! resource, in its log or on the object.

mod rehearsal;
mod scenario;

use std::{collections::BTreeSet, panic::AssertUnwindSafe};

use futures::{FutureExt, StreamExt};
use k8s_openapi::api::{
    authentication::v1::TokenRequest,
    core::v1::{Namespace, ServiceAccount},
    rbac::v1::{ClusterRole, ClusterRoleBinding},
};
use keyferry_parts::{
    ControlPlane,
    control_plane::{Authorization, Options},
};
use kube::{
    Api, Client,
    api::{ListParams, PostParams},
};
use serde_json::{Value, json};

use self::scenario::Scenario;
use crate::{
    harness::dynamic,
    world::{Operator, Start, apply_crds, crds_in, on_eso_crds, until},
};

/// What the chart renders with a Lease, which has every right that there is.
const RENDERED: &str = include_str!("../../e2e/tests/chart/goldens/highly-available.yaml");
/// Operators at once; each is a process.
const AT_ONCE: usize = 8;

/// A verb on a resource.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Right {
    verb: String,
    resource: String,
}

impl Right {
    /// Whether a text says that this is what is lacking: the API server's words, or ours.
    fn is_named_in(&self, text: &str) -> bool {
        let Self { verb, resource } = self;
        text.contains(&format!("cannot {verb} resource \"{resource}\""))
            || text.contains(&format!("grant keyferry `{verb}` on {resource}"))
                && !text.contains(&format!("`{verb}` on {resource}/"))
    }
}

/// The rules of the controller's `ClusterRole`, and of the Role for its Lease.
fn rules() -> Vec<Value> {
    let objects = serde_saphyr::from_multiple::<Value>(RENDERED).unwrap();
    let ours = ["keyferry-controller", "keyferry-leaderelection"];
    let roles = objects.iter().filter(|object| {
        let is_role = object["kind"].as_str().is_some_and(|kind| kind.ends_with("Role"));
        is_role && ours.contains(&object["metadata"]["name"].as_str().unwrap())
    });
    roles
        .flat_map(|role| role["rules"].as_array().unwrap().clone())
        .collect()
}

fn texts(list: &Value) -> impl Iterator<Item = String> {
    let texts = list.as_array().unwrap().iter();
    texts.map(|text| text.as_str().unwrap().to_owned())
}

fn rights(rules: &[Value]) -> BTreeSet<Right> {
    let mut rights = BTreeSet::new();
    for rule in rules {
        for resource in texts(&rule["resources"]) {
            rights.extend(texts(&rule["verbs"]).map(|verb| Right {
                verb,
                resource: resource.clone(),
            }));
        }
    }
    rights
}

/// The rules that allow everything but one right.
fn without(rules: &[Value], right: &Right) -> Vec<Value> {
    let mut left = vec![];
    for rule in rules {
        for resource in texts(&rule["resources"]) {
            let mut rule = rule.clone();
            rule["resources"] = json!([resource]);
            let lacking = |verb: &String| resource == right.resource && *verb == right.verb;
            let verbs: Vec<_> = texts(&rule["verbs"]).filter(|verb| !lacking(verb)).collect();
            rule["verbs"] = json!(verbs);
            if !verbs.is_empty() {
                left.push(rule);
            }
        }
    }
    left
}

/// A namespace, a class of stores and an operator for it, all of one name.
struct Tenant {
    client: Client,
    name: String,
}

impl Tenant {
    /// One whose operator may do what these rules say, and how that is started.
    async fn new(plane: &ControlPlane, name: String, rules: &[Value]) -> (Self, Start) {
        let client = plane.client().await.unwrap();
        let tenant = Self { client, name };
        let (client, name) = (&tenant.client, &tenant.name);
        let namespace = json!({ "metadata": { "name": name } });
        create(&Api::<Namespace>::all(client.clone()), namespace).await;
        let accounts: Api<ServiceAccount> = Api::namespaced(client.clone(), name);
        create(&accounts, json!({ "metadata": { "name": "keyferry" } })).await;
        let role = json!({ "metadata": { "name": name }, "rules": rules });
        create(&Api::<ClusterRole>::all(client.clone()), role).await;
        let binding = json!({
            "metadata": { "name": name },
            "roleRef": { "apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": name },
            "subjects": [{ "kind": "ServiceAccount", "name": "keyferry", "namespace": name }],
        });
        create(&Api::<ClusterRoleBinding>::all(client.clone()), binding).await;

        let (params, request) = (PostParams::default(), TokenRequest::default());
        let issued = accounts.create_token_request("keyferry", &params, &request);
        let token = issued.await.unwrap().status.unwrap().token.unwrap();
        let kubeconfig = plane.folder().join(format!("{name}.kubeconfig"));
        plane.write_kubeconfig(&kubeconfig, &token).unwrap();
        // The Lease is in the operator's own namespace.
        let mut config: Value = serde_json::from_slice(&std::fs::read(&kubeconfig).unwrap()).unwrap();
        config["contexts"][0]["context"]["namespace"] = json!(name);
        std::fs::write(&kubeconfig, config.to_string()).unwrap();
        let start = Start {
            class: Some(name.clone()),
            kubeconfig: Some(kubeconfig),
            ..Start::default()
        };
        (tenant, start)
    }

    /// What the operator says to people: warnings and errors in its log, and conditions of its objects.
    async fn said(&self, operator: &Operator) -> Vec<String> {
        let mut said = vec![];
        for line in operator.log().lines() {
            let line: Value = serde_json::from_str(line).unwrap_or_default();
            if line["level"] == "WARN" || line["level"] == "ERROR" {
                let texts = line.as_object().into_iter().flatten();
                said.extend(texts.filter_map(|(_, value)| Some(value.as_str()?.to_owned())));
            }
        }
        for (kind, namespace) in [
            ("ExternalSecret", Some(self.name.as_str())),
            ("SecretStore", Some(&self.name)),
            ("ClusterSecretStore", None),
            ("ClusterExternalSecret", None),
        ] {
            let objects = dynamic(&self.client, "v1", kind, namespace);
            for object in objects.list(&ListParams::default()).await.unwrap() {
                let of_another = namespace.is_none() && object.metadata.name.as_deref() != Some(&self.name);
                if !of_another && let Some(conditions) = object.data["status"]["conditions"].as_array() {
                    said.extend(
                        conditions
                            .iter()
                            .map(|condition| condition["message"].to_string()),
                    );
                }
            }
        }
        // A message inside JSON has its quotes escaped.
        said.iter().map(|text| text.replace("\\\"", "\"")).collect()
    }
}

async fn create<K>(api: &Api<K>, object: Value)
where
    K: Clone + std::fmt::Debug + serde::Serialize + serde::de::DeserializeOwned,
{
    let object = serde_json::from_value(object).unwrap();
    api.create(&PostParams::default(), &object).await.unwrap();
}

/// Plays a scenario before an operator that lacks this one right, until it says so. It may say that of no other right.
async fn is_missed(plane: &ControlPlane, at: usize, all: &[Value], right: &Right, scenario: Scenario) {
    let (tenant, mut start) = Tenant::new(plane, format!("right-{at:02}"), &without(all, right)).await;
    start.arguments = scenario.arguments();
    let operator = Operator::launch(&start, &tenant.name).await;
    scenario.play(&tenant).await;
    let said = until(&format!("{right:?} to be named in {scenario:?}"), || async {
        let said = tenant.said(&operator).await;
        if said.iter().any(|text| right.is_named_in(text)) {
            Ok(said)
        } else {
            Err(format!("{said:#?}"))
        }
    })
    .await;
    for other in rights(all).iter().filter(|other| *other != right) {
        let wrong: Vec<_> = said.iter().filter(|text| other.is_named_in(text)).collect();
        assert!(
            wrong.is_empty(),
            "it lacks {right:?} and asks for {other:?}: {wrong:?}"
        );
    }
    operator.kill().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_operator_that_lacks_any_one_right_of_the_chart_names_it() {
    // Which CRDs there are changes nothing about rights.
    if on_eso_crds() {
        return;
    }
    let plane = ControlPlane::start(Options {
        authorization: Authorization::Rbac,
        owners_are_checked: true,
        ..Options::default()
    })
    .await
    .unwrap();
    apply_crds(&plane.client().await.unwrap(), &crds_in("crds")).await;
    let rules = rules();
    let rights = rights(&rules);
    assert!(rights.len() > 40, "{rights:?}");
    let cases = rights.iter().flat_map(|right| {
        Scenario::of(right)
            .into_iter()
            .map(move |scenario| (right, scenario))
    });
    // All of them, and not the first that is wrong.
    let wrong: Vec<_> = futures::stream::iter(cases.enumerate())
        .map(async |(at, (right, scenario))| {
            let missed = AssertUnwindSafe(is_missed(&plane, at, &rules, right, scenario));
            missed.catch_unwind().await.err().map(|_| (right, scenario))
        })
        .buffer_unordered(AT_ONCE)
        .filter_map(std::future::ready)
        .collect()
        .await;
    assert!(
        wrong.is_empty(),
        "not named, or named wrongly, as said above: {wrong:?}"
    );
}
