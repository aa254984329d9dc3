//! `keyferry plan` and `keyferry migrate`: what they say, and that they touch nothing that they should not.

use std::path::Path;

use k8s_openapi::api::{apps::v1::Deployment, core::v1::Namespace};
use keyferry_parts::{ControlPlane, When, control_plane::Options};
use kube::{
    Api, Client,
    api::{ApiResource, DynamicObject, GroupVersionKind},
};

use super::*;
use crate::{
    generators::keys,
    harness,
    stalling::{Hold, Stall, Stalling},
    world::{REGION, world},
};

/// Runs a command to its end: its exit code, what it printed, and what it complained of.
pub(crate) async fn keyferry(kubeconfig: &Path, arguments: &[&str]) -> (i32, String, String) {
    keyferry_of(&world().await.proxy.url(), kubeconfig, arguments).await
}

/// The same with another AWS.
pub(crate) async fn keyferry_of(
    endpoint: &str,
    kubeconfig: &Path,
    arguments: &[&str],
) -> (i32, String, String) {
    let output = tokio::process::Command::new(env!("CARGO_BIN_EXE_keyferry"))
        .args(arguments)
        .arg(format!("--kubeconfig={}", kubeconfig.display()))
        .env("AWS_ACCESS_KEY_ID", "AKIDOPERATOR")
        .env("AWS_SECRET_ACCESS_KEY", "operator-secret-key")
        .env("AWS_EC2_METADATA_DISABLED", "true")
        .env("AWS_SECRETSMANAGER_ENDPOINT", endpoint)
        .env("AWS_SSM_ENDPOINT", endpoint)
        .env("AWS_STS_ENDPOINT", endpoint)
        .env("AWS_ECR_ENDPOINT", endpoint)
        .output()
        .await
        .unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    (
        output.status.code().unwrap(),
        text(output.stdout),
        text(output.stderr),
    )
}

fn lines(text: &str) -> Vec<&str> {
    text.lines().collect()
}

/// Values that nothing may print.
const CANARY: [(&str, &str); 2] = [("v", "canary-one"), ("w", "canary-two")];
const ROTATED: [(&str, &str); 2] = [("v", "canary-old"), ("w", "canary-two")];

#[tokio::test(flavor = "multi_thread")]
async fn plan_compares_each_object_with_what_eso_left_and_shows_and_writes_nothing() {
    let space = &space("rehearsed").await;
    space.put("v", "canary-one").await;
    space.put("w", "canary-two").await;
    let left =
        |name: &'static str, creation: &'static str, data: &'static [(&'static str, &'static str)]| Left {
            name,
            creation,
            refresh: ("Periodic", "1h"),
            data,
            age: SignedDuration::from_mins(5),
        };
    for creation in POLICIES {
        let name: &'static str = format!("equal-{}", creation.to_lowercase()).leak();
        left(name, creation, &CANARY).put(space).await;
        let name: &'static str = format!("stale-{}", creation.to_lowercase()).leak();
        left(name, creation, &ROTATED).put(space).await;
    }
    left("deleted", "Owner", &CANARY).put(space).await;
    space.delete_secret("deleted").await;
    // Ours, with no hash of ESO's; and with a key that the source no longer has.
    left("continued", "Owner", &CANARY).put(space).await;
    left("one-more", "Owner", &CANARY).put(space).await;
    for name in ["continued", "one-more"] {
        let without = json!({ "metadata": { "annotations": { DATA_HASH: null } } });
        space.patch_secret(name, without).await;
    }
    space.edit("one-more", json!({ "more": "canary-more" })).await;
    space
        .apply("unreadable", json!({ "data": [entry(space, "v", "absent")] }))
        .await;
    let none = json!({ "target": { "creationPolicy": "None" }, "data": [entry(space, "v", "v")] });
    space.apply("not-written", none).await;
    // Nothing of these is read or written again, although the source has another value by now.
    for (name, refresh) in [
        ("once", ("CreatedOnce", "1h")),
        ("zero", ("Periodic", "0")),
        ("changes", ("OnChange", "1h")),
    ] {
        let stale = Left {
            refresh,
            ..left(name, "Owner", &ROTATED)
        };
        stale.put(space).await;
    }
    // These are: an edit is put right whatever the policy.
    let edited = Left {
        refresh: ("OnChange", "1h"),
        ..left("edited", "Owner", &CANARY)
    };
    edited.put(space).await;
    space.edit("edited", json!({ "v": "canary-edit" })).await;
    space.foreign_secret("foreign", &[("v", "canary-theirs")]).await;
    let one = json!({ "data": [entry(space, "v", "v")] });
    space.apply("foreign", one.clone()).await;
    let with = |target: Value, name: &str| json!({ "target": target, "data": [entry(space, "v", name)] });
    // Nothing to merge into, and nothing is made.
    let merge = with(json!({ "creationPolicy": "Merge" }), "v");
    space.apply("nowhere", merge).await;
    // The sources are gone, and with them the Secret; what others wrote stays.
    let gone = with(json!({ "deletionPolicy": "Delete" }), "absent");
    for name in ["gone", "gone-foreign"] {
        space.apply(name, gone.clone()).await;
    }
    space
        .foreign_secret("gone-foreign", &[("v", "canary-theirs")])
        .await;
    // Frozen, it stays whatever is read.
    left("frozen", "Owner", &ROTATED).put(space).await;
    let frozen = json!({ "spec": { "target": { "immutable": true } } });
    let (objects, params) = (space.objects(), PatchParams::default());
    let patched = objects.patch("frozen", &params, &Patch::Merge(frozen)).await;
    patched.unwrap();
    let before = versions(space).await;
    let mark = space.world.plane.audit().mark().unwrap();

    let namespace = format!("--namespace={}", space.namespace);
    let kubeconfig = space.world.plane.kubeconfig();
    let arguments = ["plan", "--controller-class=rehearsed", &namespace];
    let (code, out, complaint) = keyferry(&kubeconfig, &arguments).await;
    let said: Vec<_> = lines(&out)
        .into_iter()
        .map(|line| {
            let mut words = line.split_whitespace();
            let verdict = words.next().unwrap();
            let name = words
                .next()
                .unwrap()
                .strip_prefix(&format!("{}/", space.namespace))
                .unwrap();
            (name, verdict)
        })
        .collect();
    assert_eq!(
        said,
        [
            ("changes", "settled"),
            ("continued", "equal"),
            ("deleted", "missing"),
            ("edited", "different"),
            ("equal-createormerge", "equal"),
            ("equal-merge", "equal"),
            ("equal-orphan", "equal"),
            ("equal-owner", "equal"),
            ("foreign", "failed"),
            ("frozen", "settled"),
            ("gone", "equal"),
            ("gone-foreign", "failed"),
            ("not-written", "not-written"),
            ("nowhere", "equal"),
            ("once", "settled"),
            ("one-more", "different"),
            ("stale-createormerge", "different"),
            ("stale-merge", "different"),
            ("stale-orphan", "different"),
            ("stale-owner", "different"),
            ("unreadable", "failed"),
            ("zero", "settled"),
        ],
        "{complaint}"
    );
    assert_eq!(code, 1);
    for cause in ["SecretNotFound: ", "TargetNotAdopted: ", "TargetOwned: "] {
        assert!(out.contains(cause), "{out}");
    }
    assert!(
        !out.contains("canary") && !complaint.contains("canary"),
        "{out}{complaint}"
    );
    assert_eq!(versions(space).await, before);
    assert_eq!(space.real_writes(mark), Vec::<String>::new());

    // Objects by name; and one that is not there.
    let one = format!("{}/equal-owner", space.namespace);
    let (code, out, _) = keyferry(&kubeconfig, &[&arguments[..], &[&one]].concat()).await;
    assert_eq!(
        (code, lines(&out)),
        (0, vec![format!("equal        {one}").as_str()])
    );
    let (code, _, complaint) = keyferry(&kubeconfig, &[&arguments[..], &["some/thing"]].concat()).await;
    assert_eq!(code, 1);
    assert!(
        complaint.contains("there is no ExternalSecret some/thing"),
        "{complaint}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn plan_says_of_what_could_not_be_read_no_more_than_that() {
    let space = &space("unanswered").await;
    space.put("v", "canary-one").await;
    space.config_map("texts", &[("k", "{{ .v }}")]).await;
    let template =
        json!({ "templateFrom": [{ "configMap": { "name": "texts", "items": [{ "key": "k" }] } }] });
    let spec = json!({ "target": { "template": template }, "data": [entry(space, "v", "v")] });
    space.apply("app", spec).await;
    let stalling = Stalling::start(space.world.plane).await;
    stalling.stall(Stall {
        method: "GET",
        path: "/configmaps/",
        hold: Hold::Refuse,
    });
    let name = format!("{}/app", space.namespace);
    let arguments = ["plan", "--controller-class=unanswered", &*name];
    let (code, out, complaint) = keyferry(&stalling.kubeconfig(), &arguments).await;
    assert_eq!(code, 1, "{out}{complaint}");
    let wanted = "ApiServerUnavailable: error fetching templateFrom data: could not read ConfigMap texts: ";
    assert!(out.contains(wanted), "{out}");
    // A command that ends tries nothing again.
    assert!(!out.contains("trying again"), "{out}");
}

#[tokio::test(flavor = "multi_thread")]
async fn plan_renders_templates_and_makes_nothing_that_cannot_be_unmade() {
    let space = &space("rehearsed-more").await;
    space.put("v", "canary-one").await;
    let rendered = |text: &str| {
        json!({
            "data": [entry(space, "v", "v")], "target": { "template": { "data": { "file": text } } },
        })
    };
    let left = |name: &'static str, data: &'static [(&'static str, &'static str)]| Left {
        name,
        creation: "Owner",
        refresh: ("Periodic", "1h"),
        data,
        age: SignedDuration::from_mins(5),
    };
    let equal = left("equal", &[("file", "value=canary-one")]);
    equal.put_with(space, rendered("value={{ .v }}")).await;
    let stale = left("stale", &[("file", "value=canary-old")]);
    stale.put_with(space, rendered("value={{ .v }}")).await;
    let drawn = left("drawn", &[("file", "canary-drawn")]);
    drawn.put_with(space, rendered("{{ randAlphaNum 12 }}")).await;
    space.apply("failing", rendered("{{ .v | fail }}")).await;
    let made = left("made", &GENERATED);
    made.put_with(space, password(space, ("Periodic", "1h")).await)
        .await;
    // A login that AWS would have to be asked for, and somebody to pay for.
    let auth = keys(space, "keys", "AKIDPLANNED").await;
    let login = json!({ "region": REGION, "auth": auth });
    generator(space, "ECRAuthorizationToken", "registry", login).await;
    let from = from("ECRAuthorizationToken", "registry");
    let mixed = json!({ "dataFrom": [from], "data": [entry(space, "v", "v")] });
    space.apply("mixed", mixed).await;
    let before = versions(space).await;
    let (mark, calls) = (space.world.plane.audit().mark().unwrap(), space.reads("v"));

    let namespace = format!("--namespace={}", space.namespace);
    let kubeconfig = space.world.plane.kubeconfig();
    let arguments = ["plan", "--controller-class=rehearsed-more", &namespace];
    let (code, out, complaint) = keyferry(&kubeconfig, &arguments).await;
    let object = |verdict: &str, name: &str| format!("{verdict:<12} {}/{name}", space.namespace);
    let said = lines(&out);
    assert_eq!(
        said.iter()
            .take(2)
            .chain(said.iter().skip(3))
            .copied()
            .collect::<Vec<_>>(),
        [
            object("generated", "drawn"),
            object("equal", "equal"),
            object("generated", "made"),
            object("generated", "mixed"),
            object("different", "stale"),
        ],
        "{complaint}"
    );
    let failing = format!(
        "{}  TemplateFailed: could not apply template",
        object("failed", "failing")
    );
    assert!(said[2].starts_with(&failing), "{}", said[2]);
    assert_eq!(code, 1);
    for text in [&out, &complaint] {
        assert!(
            !text.contains("canary") && !text.contains("made-by-eso"),
            "{text}"
        );
    }
    assert_eq!(versions(space).await, before);
    assert!(space.reads("v") > calls, "what is rendered is read");
    assert_eq!(space.real_writes(mark), Vec::<String>::new());
    let logins = When::operation("GetAuthorizationToken").by("AKIDPLANNED");
    assert_eq!(space.world.proxy.calls().count(&logins), 0);
}

/// The CRD of a kind of ESO's that is served in one version, and takes everything.
fn of_any_shape(kind: &str, plural: &str, version: &str) -> Value {
    json!({
        "apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
        "metadata": { "name": format!("{plural}.external-secrets.io") },
        "spec": {
            "group": "external-secrets.io", "scope": "Namespaced",
            "names": { "kind": kind, "plural": plural },
            "versions": [{
                "name": version, "served": true, "storage": true,
                "schema": { "openAPIV3Schema": { "type": "object", "x-kubernetes-preserve-unknown-fields": true } },
            }],
        },
    })
}

/// A cluster with ESO's objects of its own, where no operator runs.
struct Cluster {
    plane: ControlPlane,
    client: Client,
}

impl Cluster {
    async fn new() -> Self {
        let plane = ControlPlane::start(Options::default()).await.unwrap();
        let client = plane.client().await.unwrap();
        harness::install(&client, "tests/eso-crds/v1-stored").await;
        let push = of_any_shape("PushSecret", "pushsecrets", "v1alpha1");
        crate::world::apply_crds(&client, &[push]).await;
        harness::namespace(&client, "team").await;
        let cluster = Self { plane, client };
        until("PushSecrets to be served", || async {
            let list = cluster
                .api("v1alpha1", "PushSecret")
                .list(&ListParams::default())
                .await;
            list.map(drop).map_err(|e| e.to_string())
        })
        .await;
        cluster
    }

    /// Objects of the group in the namespace `team`, or of the whole cluster.
    fn api(&self, version: &str, kind: &str) -> Api<DynamicObject> {
        harness::dynamic(
            &self.client,
            version,
            kind,
            (!kind.starts_with("Cluster")).then_some("team"),
        )
    }

    /// Makes an object with these finalizers.
    async fn put(&self, version: &str, kind: &str, name: &str, finalizers: &[&str], spec: Value) {
        let object = json!({
            "apiVersion": format!("external-secrets.io/{version}"), "kind": kind, "spec": spec,
            "metadata": { "name": name, "finalizers": finalizers },
        });
        self.api(version, kind)
            .create(&PostParams::default(), &serde_json::from_value(object).unwrap())
            .await
            .unwrap();
    }

    async fn finalizers(&self, version: &str, kind: &str, name: &str) -> Vec<String> {
        let object = self.api(version, kind).get(name).await.unwrap();
        object.metadata.finalizers.unwrap_or_default()
    }

    async fn namespace_finalizers(&self) -> Vec<String> {
        let namespaces: Api<Namespace> = Api::all(self.client.clone());
        let team = namespaces.get("team").await.unwrap();
        team.metadata.finalizers.unwrap_or_default()
    }

    /// ESO's Deployment, with so many replicas.
    async fn eso(&self, replicas: i32) {
        self.deployment("external-secrets", "eso", replicas).await;
    }

    async fn deployment(&self, label: &str, image: &str, replicas: i32) {
        let labels = json!({ "app.kubernetes.io/name": label });
        let deployment = json!({
            "apiVersion": "apps/v1", "kind": "Deployment", "metadata": { "name": "eso", "labels": labels },
            "spec": {
                "replicas": replicas, "selector": { "matchLabels": labels },
                "template": {
                    "metadata": { "labels": labels },
                    "spec": { "containers": [{ "name": "eso", "image": image }] },
                },
            },
        });
        Api::<Deployment>::namespaced(self.client.clone(), "team")
            .patch(
                "eso",
                &PatchParams::apply("test").force(),
                &Patch::Apply(deployment),
            )
            .await
            .unwrap();
    }

    async fn keyferry(&self, arguments: &[&str]) -> (i32, String, String) {
        keyferry(&self.plane.kubeconfig(), arguments).await
    }
}

fn aws_store(more: Value) -> Value {
    let mut store = json!({ "provider": { "aws": { "service": "SecretsManager", "region": REGION } } });
    store
        .as_object_mut()
        .unwrap()
        .extend(more.as_object().unwrap().clone());
    store
}

fn reading(store: &str, kind: &str) -> Value {
    json!({
        "secretStoreRef": { "name": store, "kind": kind }, "data": [{ "secretKey": "v", "remoteRef": { "key": "v" } }],
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn check_says_for_each_object_what_keyferry_would_do_with_it() {
    let cluster = Cluster::new().await;
    let vault = json!({ "provider": { "vault": { "server": "https://vault.example" } } });
    cluster
        .put("v1", "SecretStore", "aws", &[], aws_store(json!({})))
        .await;
    cluster.put("v1", "SecretStore", "vault", &[], vault).await;
    let other = aws_store(json!({ "controller": "other" }));
    cluster.put("v1", "ClusterSecretStore", "other", &[], other).await;
    let selector = json!({ "conditions": [{ "namespaceRegexes": ["("] }] });
    cluster
        .put("v1", "ClusterSecretStore", "broken", &[], aws_store(selector))
        .await;
    for (name, store, kind) in [
        ("served", "aws", "SecretStore"),
        ("of-vault", "vault", "SecretStore"),
        ("of-other", "other", "ClusterSecretStore"),
        ("of-broken", "broken", "ClusterSecretStore"),
        ("storeless", "absent", "SecretStore"),
    ] {
        cluster
            .put("v1", "ExternalSecret", name, &[FINALIZER], reading(store, kind))
            .await;
    }
    let mut spec = reading("aws", "SecretStore");
    spec["refreshInterval"] = json!("soon");
    cluster.put("v1", "ExternalSecret", "invalid", &[], spec).await;
    let of = |more: Value| {
        let mut spec = json!({ "externalSecretSpec": reading("aws", "SecretStore") });
        spec.as_object_mut()
            .unwrap()
            .extend(more.as_object().unwrap().clone());
        spec
    };
    cluster
        .put("v1", "ClusterExternalSecret", "everywhere", &[], of(json!({})))
        .await;
    let often = of(json!({ "refreshTime": "often" }));
    cluster
        .put("v1", "ClusterExternalSecret", "nowhere", &[], often)
        .await;
    cluster
        .put("v1alpha1", "PushSecret", "pushed", &[], json!({}))
        .await;
    cluster.eso(1).await;
    // A release of Helm's made the CRD, and would delete it.
    let gvk = GroupVersionKind::gvk("apiextensions.k8s.io", "v1", "CustomResourceDefinition");
    let crds: Api<DynamicObject> = Api::all_with(cluster.client.clone(), &ApiResource::from_gvk(&gvk));
    let crd = "secretstores.external-secrets.io";
    let annotate = async |annotations: Value| {
        let patch = Patch::Merge(json!({ "metadata": { "annotations": annotations } }));
        crds.patch(crd, &PatchParams::default(), &patch).await.unwrap();
    };
    annotate(json!({ "meta.helm.sh/release-name": "eso" })).await;

    let (code, out, complaint) = cluster.keyferry(&["migrate", "--check"]).await;
    assert_eq!((code, complaint.as_str()), (1, ""));
    let wanted = [
        (
            "BLOCKS",
            "CustomResourceDefinition secretstores.external-secrets.io",
            "helm.sh/resource-policy: keep",
        ),
        (
            "refused",
            "ClusterExternalSecret nowhere",
            "spec.refreshTime \"often\"",
        ),
        ("refused", "ClusterSecretStore broken", "namespaceRegexes[0]"),
        (
            "refused",
            "ExternalSecret team/invalid",
            "spec.refreshInterval \"soon\"",
        ),
        ("refused", "ExternalSecret team/of-broken", "is not ready"),
        (
            "refused",
            "ExternalSecret team/storeless",
            "there is no SecretStore \"absent\"",
        ),
        (
            "left-alone",
            "ClusterSecretStore other",
            "\"other\" is not \"default\"",
        ),
        (
            "left-alone",
            "ExternalSecret team/of-other",
            "has another spec.controller",
        ),
        (
            "left-alone",
            "ExternalSecret team/of-vault",
            "has another provider than AWS",
        ),
        ("left-alone", "PushSecret team/pushed", "nothing pushes it"),
        ("left-alone", "SecretStore team/vault", "provider vault"),
        ("later", "5 × ExternalSecret", "--release-finalizers"),
        ("later", "Deployment team/eso", "scale it to 0"),
        ("served", "ClusterExternalSecret everywhere", ""),
        ("served", "ExternalSecret team/served", ""),
        ("served", "SecretStore team/aws", ""),
    ];
    let said = lines(&out);
    assert_eq!(said.len(), wanted.len(), "{out}");
    for (line, (verdict, object, note)) in said.iter().zip(wanted) {
        let start = format!("{verdict:<10} {object}");
        assert!(
            line.starts_with(&start) && line.contains(note),
            "{line}\nwanted {start} … {note}"
        );
    }

    // One namespace, where nothing needs attention any more.
    annotate(json!({ "helm.sh/resource-policy": "keep" })).await;
    for name in ["invalid", "of-vault", "of-other", "of-broken", "storeless"] {
        let release = json!({ "metadata": { "finalizers": null } });
        let objects = cluster.api("v1", "ExternalSecret");
        objects
            .patch(name, &PatchParams::default(), &Patch::Merge(release))
            .await
            .unwrap();
        objects.delete(name, &DeleteParams::default()).await.unwrap();
    }
    cluster
        .api("v1", "SecretStore")
        .delete("vault", &DeleteParams::default())
        .await
        .unwrap();
    cluster
        .api("v1alpha1", "PushSecret")
        .delete("pushed", &DeleteParams::default())
        .await
        .unwrap();
    let (code, out, _) = cluster
        .keyferry(&["migrate", "--check", "--namespace=team"])
        .await;
    assert_eq!(code, 0, "{out}");
}

#[tokio::test(flavor = "multi_thread")]
async fn release_takes_esos_finalizers_off_and_nothing_else_and_only_when_told_to() {
    const GUARD: &str = "example.com/guard";
    const STORE: &str = "secretstore.externalsecrets.io/finalizer";
    const PUSH: &str = "pushsecret.externalsecrets.io/finalizer";
    const CLUSTER: &str = "externalsecrets.external-secrets.io/clusterexternalsecret-cleanup";
    let cluster = Cluster::new().await;
    let held: [(&str, &str, &str, &str, Value); 5] = [
        (
            "v1",
            "ExternalSecret",
            "e",
            FINALIZER,
            reading("s", "SecretStore"),
        ),
        ("v1", "SecretStore", "s", STORE, aws_store(json!({}))),
        ("v1", "ClusterSecretStore", "c", STORE, aws_store(json!({}))),
        (
            "v1",
            "ClusterExternalSecret",
            "x",
            CLUSTER,
            json!({ "externalSecretSpec": reading("s", "SecretStore") }),
        ),
        ("v1alpha1", "PushSecret", "p", PUSH, json!({})),
    ];
    for (version, kind, name, finalizer, spec) in &held {
        cluster
            .put(version, kind, name, &[GUARD, finalizer], spec.clone())
            .await;
    }
    cluster
        .put(
            "v1",
            "ExternalSecret",
            "free",
            &[GUARD],
            reading("s", "SecretStore"),
        )
        .await;
    let namespaces: Api<Namespace> = Api::all(cluster.client.clone());
    let on_namespace = "externalsecrets.external-secrets.io/ces-x";
    let finalizers = json!({ "metadata": { "finalizers": [on_namespace, GUARD] } });
    namespaces
        .patch("team", &PatchParams::default(), &Patch::Merge(finalizers))
        .await
        .unwrap();

    // Shown, not done.
    let (code, out, _) = cluster.keyferry(&["migrate", "--release-finalizers"]).await;
    assert_eq!(code, 0);
    let wanted = [
        format!("ExternalSecret team/e  {FINALIZER}"),
        format!("SecretStore team/s  {STORE}"),
        format!("ClusterSecretStore c  {STORE}"),
        format!("ClusterExternalSecret x  {CLUSTER}"),
        format!("PushSecret team/p  {PUSH}"),
        format!("Namespace team  {on_namespace}"),
        "ESO left finalizers on 6 objects; add --yes to release them".to_owned(),
    ];
    assert_eq!(lines(&out), wanted);
    assert_eq!(
        cluster.finalizers("v1", "ExternalSecret", "e").await,
        [GUARD, FINALIZER]
    );

    // Not while ESO runs.
    cluster.eso(1).await;
    let (code, _, complaint) = cluster.keyferry(&["migrate", "--restore-hashes", "--yes"]).await;
    assert_eq!(code, 1);
    assert!(complaint.contains("ESO runs already"), "{complaint}");
    let (code, _, complaint) = cluster
        .keyferry(&["migrate", "--release-finalizers", "--yes"])
        .await;
    assert_eq!(code, 1);
    assert!(complaint.contains("ESO still runs (team/eso)"), "{complaint}");
    assert_eq!(
        cluster.finalizers("v1", "ExternalSecret", "e").await,
        [GUARD, FINALIZER]
    );
    assert_eq!(cluster.namespace_finalizers().await, [on_namespace, GUARD]);

    cluster.eso(0).await;
    let free = cluster.api("v1", "ExternalSecret").get("free").await.unwrap();
    let (code, out, complaint) = cluster
        .keyferry(&["migrate", "--release-finalizers", "--yes"])
        .await;
    assert_eq!((code, complaint.as_str()), (0, ""));
    assert_eq!(
        lines(&out).last(),
        Some(&"released ESO's finalizers of 6 objects")
    );
    for (version, kind, name, ..) in &held {
        assert_eq!(cluster.finalizers(version, kind, name).await, [GUARD], "{kind}");
    }
    assert_eq!(cluster.namespace_finalizers().await, [GUARD]);
    let now = cluster.api("v1", "ExternalSecret").get("free").await.unwrap();
    assert_eq!(now.metadata.resource_version, free.metadata.resource_version);

    // And then there is nothing left.
    let (code, out, _) = cluster.keyferry(&["migrate", "--release-finalizers"]).await;
    assert_eq!(code, 0);
    assert_eq!(
        lines(&out),
        ["ESO left finalizers on 0 objects; add --yes to release them"]
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn where_eso_serves_only_an_older_version_every_command_says_to_upgrade_it_first() {
    let plane = ControlPlane::start(Options::default()).await.unwrap();
    let client = plane.client().await.unwrap();
    let older = of_any_shape("ExternalSecret", "externalsecrets", "v1beta1");
    crate::world::apply_crds(&client, &[older]).await;
    until("the older version to be served", || async {
        let groups = client.list_api_groups().await.map_err(|e| e.to_string())?;
        let served = groups
            .groups
            .iter()
            .any(|group| group.name == "external-secrets.io");
        served.then_some(()).ok_or_else(String::new)
    })
    .await;
    let says = "the CRDs of external-secrets.io serve v1beta1 and not v1: upgrade ESO first";
    let kubeconfig = plane.kubeconfig();
    let (code, out, complaint) = keyferry(&kubeconfig, &["migrate", "--check"]).await;
    assert_eq!(code, 1, "{out}{complaint}");
    assert!(out.starts_with("BLOCKS") && out.contains(says), "{out}");
    for command in [&["plan"][..], &["migrate", "--release-finalizers", "--yes"]] {
        let (code, out, complaint) = keyferry(&kubeconfig, command).await;
        assert_eq!((code, out.as_str()), (1, ""), "{command:?}");
        assert!(complaint.contains(says), "{complaint}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_running_eso_is_known_by_its_image_under_any_name() {
    let cluster = Cluster::new().await;
    let image = "registry.example/mirror/external-secrets:v1.0.0@sha256:0000";
    cluster.deployment("renamed", image, 1).await;
    let (_, out, _) = cluster.keyferry(&["migrate", "--check"]).await;
    assert!(out.contains("Deployment team/eso  ESO runs"), "{out}");
    let (code, _, complaint) = cluster
        .keyferry(&["migrate", "--release-finalizers", "--yes"])
        .await;
    assert_eq!(code, 1);
    assert!(complaint.contains("ESO still runs (team/eso)"), "{complaint}");
    cluster
        .deployment("renamed", "registry.example/keyferry:v1", 1)
        .await;
    let (_, out, _) = cluster.keyferry(&["migrate", "--check"]).await;
    assert!(!out.contains("Deployment"), "{out}");
}

#[tokio::test(flavor = "multi_thread")]
async fn hashes_are_not_restored_while_a_keyferry_of_the_class_runs() {
    let cluster = Cluster::new().await;
    let image = "registry.example/mirror/keyferry:v1.0.0";
    let restore = ["migrate", "--restore-hashes", "--yes"];
    cluster.deployment("renamed", image, 1).await;
    let (code, _, complaint) = cluster.keyferry(&restore).await;
    assert_eq!(code, 1);
    assert!(
        complaint.contains("keyferry still runs (team/eso): scale it to 0 first"),
        "{complaint}"
    );
    let of_another = [&restore[..], &["--controller-class=other"]].concat();
    let (code, _, complaint) = cluster.keyferry(&of_another).await;
    assert_eq!((code, complaint.as_str()), (0, ""));
    cluster.deployment("renamed", image, 0).await;
    let (code, _, complaint) = cluster.keyferry(&restore).await;
    assert_eq!((code, complaint.as_str()), (0, ""));
}
