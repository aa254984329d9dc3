//! Roles on EKS, with the API server's real tokens. moto keeps accounts apart by role, so that a value from another account
//! proves that its role was taken; that a trust policy fits the token is AWS's to check.

use serde_json::json;

use crate::Failure;
use crate::aws;
use crate::world::{HOME, SHOP, World};

pub(crate) async fn referenced_service_account(world: &World<'_>) -> Result<(), Failure> {
    let role = "arn:aws:iam::222222222222:role/shop-reader";
    world
        .apply(&json!({
            "apiVersion": "v1", "kind": "ServiceAccount",
            "metadata": { "name": "reader", "namespace": SHOP, "annotations": { "eks.amazonaws.com/role-arn": role } },
        }))
        .await?;
    aws::put(
        &world.aws.account_of(role).await?,
        "of-the-shop",
        &World::value("by reference"),
    )
    .await?;
    world
        .store(
            SHOP,
            "by-reference",
            &json!({ "auth": { "jwt": { "serviceAccountRef": { "name": "reader" } } } }),
        )
        .await?;
    world
        .apply(&World::object(SHOP, "by-reference", "of-the-shop"))
        .await?;
    world.wait_for_password(SHOP, "of-the-shop", "by reference").await
}

pub(crate) async fn projected_token(world: &World<'_>) -> Result<(), Failure> {
    let role = "arn:aws:iam::333333333333:role/keyferry";
    aws::put(
        &world.aws.account_of(role).await?,
        "of-the-platform",
        &World::value("by projection"),
    )
    .await?;
    // What EKS's webhook adds to the Pod of an annotated ServiceAccount.
    let token = "/var/run/secrets/eks.amazonaws.com/serviceaccount";
    let source = json!({ "serviceAccountToken": { "audience": "sts.amazonaws.com", "expirationSeconds": 86400, "path": "token" } });
    let values = json!({
        "serviceAccount": { "annotations": { "eks.amazonaws.com/role-arn": role } },
        "extraEnv": world.environment(&[
            ("AWS_ROLE_ARN", role),
            ("AWS_WEB_IDENTITY_TOKEN_FILE", &format!("{token}/token")),
        ]),
        "extraVolumes": [{ "name": "aws-iam-token", "projected": { "sources": [source] } }],
        "extraVolumeMounts": [{ "name": "aws-iam-token", "mountPath": token, "readOnly": true }],
    });
    world.install(HOME, &values).await?;
    world
        .apply(&World::object(SHOP, "aws", "of-the-platform"))
        .await?;
    world
        .wait_for_password(SHOP, "of-the-platform", "by projection")
        .await?;
    world
        .kubectl
        .run(&["-n", SHOP, "delete", "externalsecret", "of-the-platform"])
        .await?;
    world.install(HOME, &json!({})).await
}
