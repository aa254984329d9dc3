//! What `target.template` makes of what was read. How templates are written is docs/templates.md.

mod examples;
mod sources;

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::{ConfigMap, Secret};
use kube::{
    Api,
    api::{Patch, PatchParams},
};
use serde_json::{Value, json};

use crate::{
    policies::{entry, map},
    world::{Operator, Space, Start, until},
};

impl Space {
    fn config_maps(&self) -> Api<ConfigMap> {
        Api::namespaced(self.client.clone(), &self.namespace)
    }

    /// Makes or changes a ConfigMap.
    pub(crate) async fn config_map(&self, name: &str, data: &[(&str, &str)]) {
        let object = json!({
            "apiVersion": "v1", "kind": "ConfigMap",
            "metadata": { "name": name, "namespace": self.namespace }, "data": map(data),
        });
        let params = PatchParams::apply("user").force();
        self.config_maps()
            .patch(name, &params, &Patch::Apply(object))
            .await
            .unwrap();
    }
}

/// What an object reads that extracts the secret `db`, and how it is written.
fn extract(space: &Space, target: Value) -> Value {
    json!({ "target": target, "dataFrom": [{ "extract": { "key": space.id("db") } }] })
}

async fn space() -> Space {
    let space = Space::new().await;
    space.store().await;
    space.put("db", r#"{"user":"admin","password":"p@ss"}"#).await;
    space
}

/// Waits until a Secret is as wanted, then gives it.
async fn secret_where(space: &Space, name: &str, what: &str, wanted: impl Fn(&Secret) -> bool) -> Secret {
    until(what, || async {
        match space.secrets().get_opt(name).await.unwrap() {
            Some(secret) if wanted(&secret) => Ok(secret),
            other => Err(format!("{:?}", other.map(|secret| secret.metadata))),
        }
    })
    .await
}

fn without<'a>(map: Option<&'a BTreeMap<String, String>>, prefix: &str) -> BTreeMap<&'a str, &'a str> {
    let map = map.into_iter().flatten();
    map.filter(|(name, _)| !name.starts_with(prefix))
        .map(|(name, value)| (name.as_str(), value.as_str()))
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn only_what_the_template_renders_is_written_with_its_labels_annotations_and_finalizers() {
    let space = space().await;
    let target = json!({ "name": "templated", "template": {
        "type": "example.com/config",
        "metadata": {
            "labels": { "user": "{{ .user }}" },
            "annotations": { "note": "of {{ .user }}" },
            "finalizers": ["example.com/wait"],
        },
        "data": { "config.ini": "user={{ .user }}\npassword={{ .password | quote }}\n" },
    }});
    let own = json!({ "labels": { "not": "copied" }, "annotations": { "not": "copied" } });
    space.apply_with("app", extract(&space, target), own).await;
    space
        .holds("templated", &[("config.ini", "user=admin\npassword=\"p@ss\"\n")])
        .await;
    let secret = space.secret("templated").await;
    assert_eq!(secret.type_.as_deref(), Some("example.com/config"));
    let meta = &secret.metadata;
    assert_eq!(
        without(meta.labels.as_ref(), "reconcile.external-secrets.io/"),
        BTreeMap::from([("user", "admin")])
    );
    assert_eq!(
        without(meta.annotations.as_ref(), "keyferry.dev/keys"),
        BTreeMap::from([("note", "of admin")])
    );
    assert_eq!(
        meta.finalizers.as_deref(),
        Some(&["example.com/wait".to_owned()][..])
    );
    assert_eq!(space.ready("app", "True").await.1, "secret synced");
    // Finalizers are added with the next write and never taken away; those of others stay.
    let patch = json!({ "metadata": { "finalizers": ["example.com/other"] } });
    space.patch_secret("templated", patch).await;
    space.put("db", r#"{"user":"admin","password":"next"}"#).await;
    space.annotate("app", "force-sync", "1").await;
    let both = ["example.com/other", "example.com/wait"];
    secret_where(&space, "templated", "both finalizers", |secret| {
        secret
            .metadata
            .finalizers
            .iter()
            .flatten()
            .map(String::as_str)
            .eq(both)
    })
    .await;
    space
        .patch_secret("templated", json!({ "metadata": { "finalizers": null } }))
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_read_is_kept_by_the_merge_policy_and_where_the_template_renders_no_data() {
    let space = space().await;
    let template = json!({ "template": { "mergePolicy": "Merge", "data": { "user": "{{ .user | upper }}", "more": "x" } } });
    space.apply("merged", extract(&space, template)).await;
    let template = json!({ "template": { "metadata": { "labels": { "a": "b" } } } });
    space.apply("labelled", extract(&space, template)).await;
    let template = json!({ "template": { "mergePolicy": "Replace", "engineVersion": "v2", "data": { "only": "{{ len . }}" } } });
    space.apply("replaced", extract(&space, template)).await;
    space
        .holds(
            "merged",
            &[("user", "ADMIN"), ("password", "p@ss"), ("more", "x")],
        )
        .await;
    space
        .holds("labelled", &[("user", "admin"), ("password", "p@ss")])
        .await;
    space.holds("replaced", &[("only", "2")]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn pull_secrets_and_ssh_keys_get_their_types() {
    let space = space().await;
    let config = r#"{"auths":{"registry.example.com":{"auth":"YTpi"}}}"#;
    space.put("object", config).await;
    space.put("text", &json!({ "config": config }).to_string()).await;
    let key = "-----BEGIN OPENSSH PRIVATE KEY-----\nbG9uZw==\n-----END OPENSSH PRIVATE KEY-----\n";
    space.put("ssh", key).await;
    space.put("ssh-json", &json!({ "key": key }).to_string()).await;
    let docker =
        json!({ "type": "kubernetes.io/dockerconfigjson", "data": { ".dockerconfigjson": "{{ .v }}" } });
    let ssh = json!({ "type": "kubernetes.io/ssh-auth", "data": { "ssh-privatekey": "{{ .v }}" } });
    let cases = [
        (
            "docker-object",
            &docker,
            json!({ "key": space.id("object") }),
            ".dockerconfigjson",
            config,
        ),
        (
            "docker-property",
            &docker,
            json!({ "key": space.id("text"), "property": "config" }),
            ".dockerconfigjson",
            config,
        ),
        (
            "ssh",
            &ssh,
            json!({ "key": space.id("ssh") }),
            "ssh-privatekey",
            key,
        ),
        (
            "ssh-property",
            &ssh,
            json!({ "key": space.id("ssh-json"), "property": "key" }),
            "ssh-privatekey",
            key,
        ),
    ];
    for (name, template, remote, _, _) in &cases {
        let spec = json!({ "target": { "template": template }, "data": [{ "secretKey": "v", "remoteRef": remote }] });
        space.apply(name, spec).await;
    }
    for (name, template, _, data_key, value) in &cases {
        space.holds(name, &[(data_key, value)]).await;
        assert_eq!(
            space.secret(name).await.type_.as_deref(),
            template["type"].as_str()
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_changed_template_is_rendered_at_once_and_what_it_no_longer_renders_goes() {
    let space = space().await;
    let template = |data: Value, labels: Value| {
        let template = json!({ "data": data, "metadata": { "labels": labels } });
        extract(&space, json!({ "template": template }))
    };
    space
        .apply(
            "app",
            template(
                json!({ "a": "{{ .user }}", "b": "x" }),
                json!({ "l": "1", "m": "1" }),
            ),
        )
        .await;
    space.holds("app", &[("a", "admin"), ("b", "x")]).await;
    space
        .apply(
            "app",
            template(json!({ "a": "new {{ .user }}" }), json!({ "l": "2" })),
        )
        .await;
    space.holds("app", &[("a", "new admin")]).await;
    let labels = space.secret("app").await.metadata.labels;
    assert_eq!(
        without(labels.as_ref(), "reconcile.external-secrets.io/"),
        BTreeMap::from([("l", "2")])
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn under_merge_and_create_or_merge_keys_of_others_stay_and_rendered_ones_win() {
    let space = space().await;
    for policy in ["Merge", "CreateOrMerge"] {
        let name = &policy.to_lowercase();
        space
            .foreign_secret(name, &[("foreign", "kept"), ("user", "theirs")])
            .await;
        let template = |data: Value| {
            let from = json!([{ "literal": "from: literal", "target": "Data" }]);
            let template = json!({ "templateFrom": from, "data": data });
            extract(&space, json!({ "creationPolicy": policy, "template": template }))
        };
        space
            .apply(name, template(json!({ "user": "{{ .user }}", "gone": "soon" })))
            .await;
        let all = [
            ("foreign", "kept"),
            ("user", "admin"),
            ("gone", "soon"),
            ("from", "literal"),
        ];
        space.holds(name, &all).await;
        space
            .apply(name, template(json!({ "user": "{{ .user }}" })))
            .await;
        space
            .holds(
                name,
                &[("foreign", "kept"), ("user", "admin"), ("from", "literal")],
            )
            .await;
    }
}

/// Differs: docs/differences.md#drawn-values.
#[tokio::test(flavor = "multi_thread")]
async fn what_was_drawn_once_stays_at_interval_zero_and_is_drawn_anew_only_when_it_is_missed_or_asked_for() {
    let space = space().await;
    let spec = |more: &str| {
        let data = json!({ "password": "{{ randAlphaNum 24 }}", "more": more });
        let mut spec = extract(&space, json!({ "template": { "data": data } }));
        spec["refreshInterval"] = json!("0");
        spec
    };
    space.apply("app", spec("one")).await;
    space.ready("app", "True").await;
    let drawn = space.data("app").await.unwrap();
    assert_eq!(drawn["password"].len(), 24);
    // A text in a ConfigMap is only known when it is read.
    space
        .config_map("texts", &[("password", "{{ randAlphaNum 24 }}")])
        .await;
    let from = json!([{ "configMap": { "name": "texts", "items": [{ "key": "password" }] } }]);
    let from_spec = |more: &str| {
        let mut spec = extract(
            &space,
            json!({ "template": { "templateFrom": from, "data": { "more": more } } }),
        );
        spec["refreshInterval"] = json!("0");
        spec
    };
    space.apply("from", from_spec("one")).await;
    space.ready("from", "True").await;
    let drawn_from = space.data("from").await.unwrap();

    space.apply("app", spec("two")).await;
    space.apply("from", from_spec("two")).await;
    for name in ["app", "from"] {
        until("the new generation to be seen", || async {
            let object = space.objects().get(name).await.map_err(|e| e.to_string())?;
            let seen = object.status.clone().unwrap_or_default();
            let seen = seen.observed_generation.map(|g| g.to_string()).or_else(|| {
                // ESO's CRD has no observedGeneration.
                Some(seen.synced_resource_version?.split('-').next()?.to_owned())
            });
            // Where nothing is synced, ESO's CRD tells nothing either.
            let silent = crate::world::on_eso_crds() && name == "app";
            if silent || seen == object.metadata.generation.map(|g| g.to_string()) {
                Ok(())
            } else {
                Err(format!("{seen:?}"))
            }
        })
        .await;
    }
    assert_eq!(space.data("app").await.unwrap(), drawn);
    assert_eq!(space.data("from").await.unwrap(), drawn_from);

    space.annotate("app", "force-sync", "1").await;
    let is_new = |secret: &Secret| {
        let data = secret.data.as_ref().unwrap();
        data["more"].0 == b"two" && data["password"].0 != drawn["password"].as_bytes()
    };
    secret_where(&space, "app", "new values, as asked for", is_new).await;
    space.delete_secret("from").await;
    let is_new = |secret: &Secret| {
        let data = secret.data.as_ref().unwrap();
        data["more"].0 == b"two" && data["password"].0 != drawn_from["password"].as_bytes()
    };
    secret_where(&space, "from", "new values for a Secret that was missed", is_new).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn delimiters_are_those_of_the_flags_and_two_operators_may_have_others() {
    let space = Space::unserved().await;
    let start = Start {
        class: Some("delimiters".to_owned()),
        arguments: vec![
            "--template-left-delimiter=[[".to_owned(),
            "--template-right-delimiter=]]".to_owned(),
        ],
        ..Start::default()
    };
    let operator = Operator::start(&start, "delimiters").await;
    space.store_of("delimiters").await;
    space.put("v", "value").await;
    space.config_map("texts", &[("from", "[[ .v ]] {{ .v }}")]).await;
    let template = json!({
        "templateFrom": [{ "configMap": { "name": "texts", "items": [{ "key": "from" }] } }],
        "data": { "own": "{{ raw }} [[ .v | upper ]]" },
    });
    let spec = json!({ "target": { "template": template }, "data": [entry(&space, "v", "v")] });
    space.apply("app", spec).await;
    space
        .holds("app", &[("own", "{{ raw }} VALUE"), ("from", "value {{ .v }}")])
        .await;
    operator.kill().await;
}
