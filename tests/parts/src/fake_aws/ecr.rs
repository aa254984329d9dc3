//! `GetAuthorizationToken` of ECR and of ECR Public.

use std::time::{Duration, SystemTime};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::json;

use super::{Caller, World, secrets_manager};

/// How long a login holds, unless the fake was told otherwise.
const LIFETIME: Duration = Duration::from_hours(12);

pub(super) fn get_authorization_token(world: &mut World, caller: &Caller) -> String {
    let (token, expires) = login(world);
    let (account, region) = (&caller.account, &caller.region);
    json!({ "authorizationData": [{
        "authorizationToken": token,
        "expiresAt": expires,
        "proxyEndpoint": format!("https://{account}.dkr.ecr.{region}.amazonaws.com"),
    }]})
    .to_string()
}

pub(super) fn get_public_authorization_token(world: &mut World) -> String {
    let (token, expires) = login(world);
    json!({ "authorizationData": { "authorizationToken": token, "expiresAt": expires } }).to_string()
}

fn login(world: &mut World) -> (String, f64) {
    let lifetime = world.credentials.lifetime.unwrap_or(LIFETIME);
    let token = STANDARD.encode(format!(
        "AWS:login-to-the-registry-{}",
        world.credentials.number()
    ));
    (token, secrets_manager::seconds(SystemTime::now() + lifetime))
}
