//! The manifests of `examples/` that are about templates, applied as they stand.

use kube::{
    Api,
    api::{DynamicObject, Patch, PatchParams},
    core::{ApiResource, GroupVersionKind},
};
use serde_json::Value;

use crate::world::{Space, put};

impl Space {
    /// Applies the manifests of an example in this space's namespace.
    async fn example(&self, file: &str) {
        let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("examples")
            .join(file);
        let text = std::fs::read_to_string(path).unwrap();
        for mut object in serde_saphyr::from_multiple::<Value>(&text).unwrap() {
            object["metadata"]["namespace"] = self.namespace.as_str().into();
            let text = |value: &Value| value.as_str().unwrap().to_owned();
            let (api_version, kind) = (text(&object["apiVersion"]), text(&object["kind"]));
            let (group, version) = api_version.split_once('/').unwrap_or(("", &api_version));
            let resource = ApiResource::from_gvk(&GroupVersionKind::gvk(group, version, &kind));
            let api: Api<DynamicObject> =
                Api::namespaced_with(self.client.clone(), &self.namespace, &resource);
            let name = text(&object["metadata"]["name"]);
            let params = PatchParams::apply("example").force();
            api.patch(&name, &params, &Patch::Apply(object)).await.unwrap();
        }
    }
}

async fn space() -> Space {
    let space = Space::new().await;
    space.store().await;
    space
}

#[tokio::test(flavor = "multi_thread")]
async fn the_example_of_a_template_renders_a_configuration_file() {
    let space = space().await;
    let value = r#"{"username":"app","password":"p@ss/\"word\"","host":"db.example.com"}"#;
    put(&space.aws, "template/database", value).await;
    space.example("template.yaml").await;
    let wanted = [
        (
            "url",
            "postgresql://app:p%40ss%2F%22word%22@db.example.com:5432/app",
        ),
        ("config.json", r#"{"password":"p@ss/\"word\"","user":"app"}"#),
    ];
    space.holds("app-config", &wanted).await;
    let meta = space.secret("app-config").await.metadata;
    assert_eq!(
        meta.annotations.unwrap()["example.com/database-host"],
        "db.example.com"
    );
    assert_eq!(meta.labels.unwrap()["app.kubernetes.io/name"], "app");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_example_of_templates_in_a_config_map_renders_them() {
    let space = space().await;
    put(
        &space.aws,
        "template-from/database",
        r#"{"username":"app","password":"p@ss"}"#,
    )
    .await;
    space.example("template-from.yaml").await;
    let wanted = [
        ("app.ini", "[database]\nuser = app\npassword = p@ss\n"),
        ("DATABASE_USER", "app"),
        ("DATABASE_PASSWORD", "p@ss"),
    ];
    space.holds("app-from-templates", &wanted).await;
    let labels = space.secret("app-from-templates").await.metadata.labels.unwrap();
    assert_eq!(labels["app-rotated-by"], "keyferry");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_example_of_a_pull_secret_renders_a_docker_config() {
    let space = space().await;
    let value = r#"{"host":"registry.example.com","user":"robot","token":"t0ken"}"#;
    put(&space.aws, "docker-config/registry", value).await;
    space.example("docker-config.yaml").await;
    let config = r#"{"auths":{"registry.example.com":{"auth":"cm9ib3Q6dDBrZW4=","password":"t0ken","username":"robot"}}}"#;
    space.holds("pull-secret", &[(".dockerconfigjson", config)]).await;
    let type_ = space.secret("pull-secret").await.type_;
    assert_eq!(type_.as_deref(), Some("kubernetes.io/dockerconfigjson"));
}
