//! What each mode may do, asked of the API server, and that it is enough.

use std::collections::BTreeSet;

use k8s_openapi::api::rbac::v1::ClusterRole;
use keyferry_parts::audit::{Mark, Request};
use kube::Api;
use serde_json::{Value, json};

use crate::world::{CHART, HOME, SHOP, World, until};
use crate::{Failure, screen};

const ELSEWHERE: &str = "elsewhere";

/// Rights that the cases here do not use, each with a test of `tests/it` or a server's rule that needs it.
const ELSEWHERE_USED: &[&str] = &[
    // Templates and generators: templates.rs, generators.rs.
    "get configmaps",
    "list configmaps",
    "watch configmaps",
    "get clustergenerators",
    "get ecrauthorizationtokens",
    "get fakes",
    "get mfas",
    "get passwords",
    "get sshkeys",
    "get stssessiontokens",
    "get uuids",
    // Namespaces that no longer match: cluster_external_secret. Here garbage collection is faster.
    "delete externalsecrets",
    // What ESO left on objects and stores: migration.rs, stores.rs, cluster_external_secret.
    "get clusterexternalsecrets",
    "patch clusterexternalsecrets",
    "patch secretstores",
    "patch clustersecretstores",
    // The admission plugin OwnerReferencesPermissionEnforcement, which OpenShift has.
    "update externalsecrets/finalizers",
    "update clusterexternalsecrets/finalizers",
];

/// `kubectl auth can-i` as the operator.
async fn may(
    world: &World<'_>,
    account: &str,
    verb: &str,
    resource: &str,
    namespace: &str,
) -> Result<bool, Failure> {
    let who = format!("--as=system:serviceaccount:{HOME}:{account}");
    let place = if namespace.is_empty() {
        "--all-namespaces".to_owned()
    } else {
        format!("--namespace={namespace}")
    };
    // It exits with 1 for a no.
    match world
        .kubectl
        .run(&["auth", "can-i", verb, resource, &who, &place])
        .await
    {
        Ok(answer) => Ok(answer.starts_with("yes")),
        Err(error) if error.to_string().ends_with("no") => Ok(false),
        Err(error) => Err(error),
    }
}

/// The mode serves `served` and may do nothing elsewhere.
async fn is_limited_to(world: &World<'_>, release: &str, served: &[&str]) -> Result<(), Failure> {
    for verb in ["get", "list", "watch", "create", "patch", "delete"] {
        for namespace in served {
            if !may(world, release, verb, "secrets", namespace).await? {
                return Err(format!("it may not {verb} Secrets in {namespace}, which it serves").into());
            }
        }
        for namespace in [ELSEWHERE, SHOP, "kube-system", ""] {
            if may(world, release, verb, "secrets", namespace).await? {
                return Err(
                    format!("it may {verb} Secrets in {namespace:?}, which it does not serve").into(),
                );
            }
        }
    }
    for (verb, resource) in [
        ("create", "serviceaccounts/token"),
        ("list", "namespaces"),
        ("list", "clustersecretstores.external-secrets.io"),
        ("list", "externalsecrets.external-secrets.io"),
    ] {
        if may(world, release, verb, resource, "").await? {
            return Err(format!("it may {verb} {resource} in the whole cluster").into());
        }
    }
    Ok(())
}

/// What an operator was not allowed is in the audit log, and nobody else looks at it. No mode tries what it may not have.
fn nothing_was_refused(world: &World<'_>, account: &str) -> Result<(), Failure> {
    let Some(node) = world.node else { return Ok(()) };
    let operator = format!("system:serviceaccount:{HOME}:{account}");
    let mut requests = node.audit().since(Mark::default())?;
    requests.retain(|request| request.user.username == operator);
    // In one namespace or, where that is empty, in the whole cluster: each is a right of its own.
    let right = |request: &Request| {
        let namespace = request.object.as_ref().map(|object| object.namespace.clone());
        (request.verb.clone(), request.resource(), namespace)
    };
    let (refused, allowed): (Vec<_>, Vec<_>) = requests.iter().partition(|request| request.code() == 403);
    // What was allowed at another time was refused while a Role was being taken away before the replica that it served.
    let allowed: BTreeSet<_> = allowed.into_iter().map(right).collect();
    let refused: BTreeSet<_> = refused
        .into_iter()
        .filter(|request| !allowed.contains(&right(request)))
        .map(|request| format!("{} {}", request.verb, request.uri))
        .collect();
    if refused.is_empty() {
        Ok(())
    } else {
        Err(format!("it asks for what it may not have: {refused:?}").into())
    }
}

/// A second operator with its own class beside the first; objects in and out of its namespaces.
async fn mode(world: &World<'_>, release: &str, values: &Value, served: &[&str]) -> Result<(), Failure> {
    let mut all = json!({ "controllerClass": release, "installCRDs": false });
    if let (Value::Object(all), Value::Object(values)) = (&mut all, values) {
        all.extend(values.clone());
    }
    for namespace in served.iter().chain(&[ELSEWHERE]) {
        world.restricted_namespace(namespace).await?;
        world
            .apply(&json!({
                "apiVersion": "external-secrets.io/v1", "kind": "SecretStore",
                "metadata": { "name": release, "namespace": namespace },
                "spec": {
                    "controller": release,
                    "provider": { "aws": { "service": "SecretsManager", "region": crate::aws::REGION } },
                },
            }))
            .await?;
        world.put(&format!("of-{release}"), "seen").await?;
        world
            .apply(&World::object(namespace, release, &format!("of-{release}")))
            .await?;
    }
    world.install(release, &all).await?;
    for namespace in served {
        world
            .wait_for_password(namespace, &format!("of-{release}"), "seen")
            .await?;
    }
    if world
        .password(ELSEWHERE, &format!("of-{release}"))
        .await?
        .is_some()
    {
        return Err("it wrote a Secret in a namespace that it does not serve".into());
    }
    is_limited_to(world, release, served).await?;
    nothing_was_refused(world, release)?;
    world.uninstall(release).await
}

pub(crate) async fn several_namespaces(world: &World<'_>) -> Result<(), Failure> {
    let served = ["served-one", "served-two"];
    for namespace in served {
        world.restricted_namespace(namespace).await?;
    }
    mode(
        world,
        "keyferry-several",
        &json!({ "watchNamespaces": served }),
        &served,
    )
    .await
}

pub(crate) async fn one_namespace(world: &World<'_>) -> Result<(), Failure> {
    world.restricted_namespace("served-alone").await?;
    let values = json!({ "scopedNamespace": "served-alone", "scopedRBAC": true });
    mode(world, "keyferry-scoped", &values, &["served-alone"]).await
}

/// The mode that sees the most; what would make more of it is forbidden.
pub(crate) async fn cluster(world: &World<'_>) -> Result<(), Failure> {
    for namespace in [ELSEWHERE, SHOP, "kube-system", ""] {
        if !may(world, "keyferry", "watch", "secrets", namespace).await? {
            return Err(format!("it may not watch Secrets in {namespace:?}").into());
        }
    }
    for (verb, resource) in [
        ("update", "secrets"),
        ("deletecollection", "secrets"),
        ("create", "pods"),
        ("create", "pods/exec"),
        ("get", "nodes"),
        ("create", "serviceaccounts"),
        ("impersonate", "serviceaccounts"),
        ("patch", "namespaces"),
        ("patch", "configmaps"),
        ("create", "clusterrolebindings.rbac.authorization.k8s.io"),
        ("escalate", "clusterroles.rbac.authorization.k8s.io"),
        ("patch", "customresourcedefinitions.apiextensions.k8s.io"),
        (
            "patch",
            "mutatingwebhookconfigurations.admissionregistration.k8s.io",
        ),
    ] {
        for namespace in ["kube-system", ""] {
            if may(world, "keyferry", verb, resource, namespace).await? {
                return Err(format!("it may {verb} {resource} in {namespace:?}").into());
            }
        }
    }
    Ok(())
}

pub(crate) async fn pod_security(world: &World<'_>) -> Result<(), Failure> {
    let values = json!({
        "controllerClass": "refused", "installCRDs": false,
        "securityContext": { "allowPrivilegeEscalation": true, "runAsNonRoot": false, "runAsUser": 0 },
        "podSecurityContext": { "runAsNonRoot": false },
    });
    world.helm(CHART, "keyferry-refused", &values, &[]).await?;
    let refused = until("Pod Security to refuse the Pod", || async {
        let why = world
            .kubectl
            .run(&[
                "-n",
                HOME,
                "get",
                "deployment",
                "keyferry-refused",
                "-o",
                "jsonpath={.status.conditions[?(@.type==\"ReplicaFailure\")].message}",
            ])
            .await
            .map_err(|error| error.to_string())?;
        if why.contains("violates PodSecurity \"restricted") {
            Ok(why)
        } else {
            Err(why)
        }
    })
    .await?;
    screen::note(&refused);
    world.uninstall("keyferry-refused").await
}

/// Compares the cluster role with what the cluster's audit log saw the operator do in the cases before.
pub(crate) async fn every_right_is_used(world: &World<'_>) -> Result<(), Failure> {
    let Some(node) = world.node else {
        screen::note("skipped: only a node of our own has an audit log");
        return Ok(());
    };
    let roles: Api<ClusterRole> = Api::all(world.client.clone());
    let role = roles.get("keyferry-controller").await?;
    let mut allowed = BTreeSet::new();
    for rule in role.rules.unwrap_or_default() {
        for resource in rule.resources.unwrap_or_default() {
            allowed.extend(rule.verbs.iter().map(|verb| format!("{verb} {resource}")));
        }
    }
    let operator = format!("system:serviceaccount:{HOME}:keyferry");
    let requests = node.audit().since(Mark::default())?;
    let used: BTreeSet<String> = requests
        .iter()
        .filter(|request| request.user.username == operator)
        .map(|request| format!("{} {}", request.verb, request.resource()))
        .collect();
    let unused: Vec<_> = allowed.difference(&used).map(String::as_str).collect();
    screen::note(&format!(
        "{} rights, of which these cases used {}",
        allowed.len(),
        allowed.len() - unused.len()
    ));
    let idle: Vec<_> = unused
        .iter()
        .filter(|right| !ELSEWHERE_USED.contains(right))
        .collect();
    nothing_was_refused(world, "keyferry")?;
    if idle.is_empty() {
        Ok(())
    } else {
        Err(format!("rights that nothing uses: {idle:?}").into())
    }
}
