//! The manifests of `examples/` that are about templates, applied as they stand.

use crate::{
    examples::apply,
    world::{Space, put},
};

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
    apply(&space, "template.yaml").await;
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
    apply(&space, "template-from.yaml").await;
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
    apply(&space, "docker-config.yaml").await;
    let config = r#"{"auths":{"registry.example.com":{"auth":"cm9ib3Q6dDBrZW4=","password":"t0ken","username":"robot"}}}"#;
    space.holds("pull-secret", &[(".dockerconfigjson", config)]).await;
    let type_ = space.secret("pull-secret").await.type_;
    assert_eq!(type_.as_deref(), Some("kubernetes.io/dockerconfigjson"));
}
