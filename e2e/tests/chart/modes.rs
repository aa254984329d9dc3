//! What the chart gives the operator in each mode.

use serde_json::Value;

use crate::render::{allowed, arguments, container, of_kind, render, the, try_render};

const CONTROLLER: &str = "keyferry-controller";

fn controller_role(objects: &[Value]) -> &Value {
    let roles = of_kind(objects, "ClusterRole");
    roles
        .into_iter()
        .find(|role| role["metadata"]["name"] == CONTROLLER)
        .unwrap()
}

#[tokio::test]
async fn cluster_mode_serves_everything_with_one_cluster_role() {
    let objects = render(&[]).await;
    let allowed = allowed(&[controller_role(&objects)]);
    assert!(allowed.contains(&"/secrets: watch".to_owned()));
    assert!(allowed.contains(&"external-secrets.io/clustersecretstores: watch".to_owned()));
    assert!(of_kind(&objects, "Role").is_empty());
    assert!(
        !arguments(&objects)
            .iter()
            .any(|flag| flag.starts_with("--namespace"))
    );
}

#[tokio::test]
async fn nothing_is_allowed_by_a_wildcard_and_nothing_touches_webhooks_or_crds() {
    let everything = render(&["leaderElect=true", "genericTargets.enabled=true"]).await;
    let roles = [of_kind(&everything, "ClusterRole"), of_kind(&everything, "Role")].concat();
    for allowed in allowed(&roles) {
        assert!(!allowed.contains('*'), "{allowed}");
        assert!(
            !allowed.starts_with("admissionregistration") && !allowed.starts_with("apiextensions"),
            "{allowed}"
        );
        assert!(
            !allowed.starts_with("rbac") && !allowed.starts_with("/pods"),
            "{allowed}"
        );
    }
}

#[tokio::test]
async fn generic_targets_bring_their_flag_and_rights_on_config_maps_and_just_the_named_kinds() {
    let without = render(&[]).await;
    let flag = "--unsafe-allow-generic-targets=true";
    assert!(!arguments(&without).contains(&flag));
    let objects = render(&[
        "genericTargets.enabled=true",
        "genericTargets.resources[0].apiGroup=argoproj.io",
        "genericTargets.resources[0].resources={applications}",
        "genericTargets.resources[0].verbs={get,patch}",
    ])
    .await;
    assert!(arguments(&objects).contains(&flag));
    let before = allowed(&[controller_role(&without)]);
    let mut added = allowed(&[controller_role(&objects)]);
    added.retain(|right| !before.contains(right));
    assert_eq!(
        added.into_iter().collect::<Vec<_>>(),
        [
            "/configmaps: create",
            "/configmaps: delete",
            "/configmaps: patch",
            "argoproj.io/applications: get",
            "argoproj.io/applications: patch"
        ]
    );
}

#[tokio::test]
async fn several_namespaces_get_a_role_each_and_no_cluster_role() {
    let objects = render(&["watchNamespaces={shop,mail}"]).await;
    assert!(of_kind(&objects, "ClusterRole").is_empty());
    assert!(of_kind(&objects, "ClusterRoleBinding").is_empty());
    let mut namespaces: Vec<_> = of_kind(&objects, "Role")
        .iter()
        .map(|role| role["metadata"]["namespace"].as_str().unwrap().to_owned())
        .collect();
    namespaces.sort();
    assert_eq!(namespaces, ["mail", "shop"]);
    assert!(arguments(&objects).contains(&"--namespace=mail,shop"));
    let allowed = allowed(&of_kind(&objects, "Role"));
    assert!(
        !allowed
            .iter()
            .any(|one| one.contains("cluster") || one.contains("namespaces")),
        "{allowed:?}"
    );
}

#[tokio::test]
async fn one_namespace_gets_one_role() {
    let objects = render(&["scopedNamespace=shop", "scopedRBAC=true"]).await;
    assert!(of_kind(&objects, "ClusterRole").is_empty());
    assert_eq!(the(&objects, "Role")["metadata"]["namespace"], "shop");
    assert!(arguments(&objects).contains(&"--namespace=shop"));
    assert!(arguments(&objects).contains(&"--enable-cluster-store-reconciler=false"));
    let own = render(&["scopedRBAC=true"]).await;
    assert_eq!(the(&own, "Role")["metadata"]["namespace"], "keyferry");
}

#[tokio::test]
async fn the_modes_cannot_be_mixed() {
    let error = try_render(&["watchNamespaces={shop}", "scopedNamespace=mail"])
        .await
        .unwrap_err();
    assert!(error.contains("set the one or the other"), "{error}");
}

#[tokio::test]
async fn tokens_are_limited_to_the_names_that_are_given() {
    let objects = render(&["rbac.serviceAccountTokenNames={reader}"]).await;
    let rules = controller_role(&objects)["rules"].as_array().unwrap();
    let rule = rules
        .iter()
        .find(|rule| rule["resources"][0] == "serviceaccounts/token")
        .unwrap();
    assert_eq!(rule["resourceNames"], serde_json::json!(["reader"]));
    let none = render(&["rbac.serviceAccountTokenCreate=false"]).await;
    assert!(
        !allowed(&[controller_role(&none)])
            .iter()
            .any(|one| one.contains("serviceaccounts/token"))
    );
}

#[tokio::test]
async fn without_the_drift_watch_secrets_are_neither_listed_nor_watched() {
    let objects = render(&["driftWatch=false"]).await;
    let allowed = allowed(&of_kind(&objects, "ClusterRole"));
    assert!(
        !allowed.contains(&"/secrets: list".to_owned()) && !allowed.contains(&"/secrets: watch".to_owned())
    );
    assert!(arguments(&objects).contains(&"--drift-watch=false"));
}

#[tokio::test]
async fn two_replicas_need_a_leader() {
    let error = try_render(&["replicaCount=2"]).await.unwrap_err();
    assert!(error.contains("set leaderElect to true"), "{error}");
    let objects = render(&["replicaCount=2", "leaderElect=true"]).await;
    assert_eq!(
        the(&objects, "Deployment")["spec"]["strategy"]["rollingUpdate"]["maxSurge"],
        1
    );
    assert!(arguments(&objects).contains(&"--enable-leader-election=true"));
    assert!(allowed(&of_kind(&objects, "Role")).contains(&"coordination.k8s.io/leases: update".to_owned()));
    let one = render(&[]).await;
    assert_eq!(
        the(&one, "Deployment")["spec"]["strategy"]["rollingUpdate"]["maxSurge"],
        0
    );
}

#[tokio::test]
async fn the_pod_is_restricted() {
    let objects = render(&[]).await;
    let pod = &the(&objects, "Deployment")["spec"]["template"]["spec"];
    let context = &container(&objects)["securityContext"];
    assert_eq!(context["runAsUser"], 65532);
    assert_eq!(context["readOnlyRootFilesystem"], true);
    assert_eq!(context["allowPrivilegeEscalation"], false);
    assert_eq!(context["capabilities"]["drop"][0], "ALL");
    assert_eq!(pod["securityContext"]["seccompProfile"]["type"], "RuntimeDefault");
    assert!(context["enabled"].is_null() && pod["securityContext"]["enabled"].is_null());
    let openshift = render(&["global.compatibility.openshift.adaptSecurityContext=force"]).await;
    assert!(container(&openshift)["securityContext"]["runAsUser"].is_null());
}
