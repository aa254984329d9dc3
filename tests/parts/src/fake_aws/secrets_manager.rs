//! Reading secrets: `GetSecretValue`, `BatchGetSecretValue`, `DescribeSecret`, `ListSecrets`.

mod filter;

use std::collections::HashSet;
use std::time::{SystemTime, UNIX_EPOCH};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::pages::Page;
use super::vault::{Secret, SecretValue, Vaults, Version};
use super::{Caller, World};
use crate::aws_call::AwsCall;
use crate::aws_error::AwsError;

const GET: &str = "secretsmanager:GetSecretValue";
const LIST: &str = "secretsmanager:ListSecrets";
const DESCRIBE: &str = "secretsmanager:DescribeSecret";
const BATCH: &str = "secretsmanager:BatchGetSecretValue";
const MOST_IDS: usize = 20;
const MOST_LISTED: usize = 100;
const CURRENT: &str = "AWSCURRENT";

pub(super) fn get_secret_value(
    world: &mut World,
    caller: &Caller,
    call: &AwsCall,
) -> Result<String, AwsError> {
    let id = call.text("SecretId").unwrap_or_default();
    check_id(id)?;
    world.policy.check(caller, GET, id)?;
    let secret = find(&mut world.vaults, caller, id)?;
    let version = choose(secret, call.text("VersionId"), call.text("VersionStage"))?;
    Ok(describe(secret, &version, caller).to_string())
}

pub(super) fn batch_get_secret_value(
    world: &mut World,
    caller: &Caller,
    call: &AwsCall,
) -> Result<String, AwsError> {
    world.policy.check(caller, BATCH, "*")?;
    let listed = call.texts("SecretIdList");
    let page = Page::of(world, call, MOST_IDS, MOST_IDS)?;
    let filtered = filter::all(call)?;
    let mut ids: Vec<String> = listed.into_iter().map(str::to_owned).collect();
    match (&filtered, ids.is_empty()) {
        (None, false) => {}
        (Some(filters), true) => {
            world.policy.check(caller, LIST, "*")?;
            let secrets = &world.vaults.store(&caller.account, &caller.region).secrets;
            ids = secrets
                .values()
                .filter(|secret| !secret.marked_for_deletion && filters.match_all(secret))
                .map(|secret| secret.arn.clone())
                .collect();
        }
        _ => {
            let message = "You must provide either SecretIdList or Filters, and not both.";
            return Err(AwsError::bad("InvalidParameterException", message));
        }
    }
    if filtered.is_none() && ids.len() > MOST_IDS {
        let message = format!(
            "1 validation error detected: Value at 'secretIdList' failed to satisfy constraint: Member must have length less than or equal to {MOST_IDS}"
        );
        return Err(AwsError::bad("ValidationException", message));
    }
    let mut seen = HashSet::new();
    if !ids.iter().all(|id| seen.insert(id.as_str())) {
        return Err(AwsError::bad(
            "InvalidParameterException",
            "The request contains duplicate secret ids.",
        ));
    }
    let mut values = Vec::new();
    let mut errors = Vec::new();
    let all = ids.len();
    for id in &page.cut(ids) {
        if world.omitted.contains(id) {
            continue;
        }
        match read_current(world, caller, id) {
            Ok(value) => values.push(value),
            Err(error) => {
                errors.push(json!({"SecretId": id, "ErrorCode": error.code, "Message": error.message}));
            }
        }
    }
    Ok(json!({"SecretValues": values, "Errors": errors, "NextToken": page.next(all)}).to_string())
}

/// Tells of secrets that are marked for deletion too.
pub(super) fn describe_secret(
    world: &mut World,
    caller: &Caller,
    call: &AwsCall,
) -> Result<String, AwsError> {
    let id = call.text("SecretId").unwrap_or_default();
    check_id(id)?;
    world.policy.check(caller, DESCRIBE, id)?;
    Ok(about(look_up(&mut world.vaults, caller, id)?).to_string())
}

/// Secrets that are marked for deletion are left out.
pub(super) fn list_secrets(world: &mut World, caller: &Caller, call: &AwsCall) -> Result<String, AwsError> {
    world.policy.check(caller, LIST, "*")?;
    let page = Page::of(world, call, MOST_LISTED, MOST_LISTED)?;
    let filters = filter::all(call)?;
    let secrets = &world.vaults.store(&caller.account, &caller.region).secrets;
    let wanted = |secret: &&Secret| {
        !secret.marked_for_deletion && filters.as_ref().is_none_or(|filters| filters.match_all(secret))
    };
    let listed: Vec<_> = secrets.values().filter(wanted).map(about).collect();
    let next = page.next(listed.len());
    Ok(json!({"SecretList": page.cut(listed), "NextToken": next}).to_string())
}

fn about(secret: &Secret) -> Value {
    let tags: Vec<_> = secret
        .tags
        .iter()
        .map(|(key, value)| json!({"Key": key, "Value": value}))
        .collect();
    let mut about = json!({"ARN": secret.arn, "Name": secret.name, "Tags": tags});
    if secret.marked_for_deletion
        && let Some(object) = about.as_object_mut()
    {
        object.insert("DeletedDate".to_owned(), seconds(SystemTime::now()).into());
    }
    about
}

pub(super) fn read_current(world: &mut World, caller: &Caller, id: &str) -> Result<Value, AwsError> {
    check_id(id)?;
    world.policy.check(caller, GET, id)?;
    let secret = find(&mut world.vaults, caller, id)?;
    let version = choose(secret, None, None)?;
    Ok(describe(secret, &version, caller))
}

fn check_id(id: &str) -> Result<(), AwsError> {
    let allowed = |c: char| c.is_ascii_alphanumeric() || "-/_+=.@!:".contains(c);
    if id.is_empty() || id.len() > 2048 || !id.chars().all(allowed) {
        let message = "Invalid name. Must be a valid name containing alphanumeric characters, or any of the following: -/_+=.@!";
        return Err(AwsError::bad("ValidationException", message));
    }
    Ok(())
}

/// A secret whose value can be read.
fn find<'a>(vaults: &'a mut Vaults, caller: &Caller, id: &str) -> Result<&'a mut Secret, AwsError> {
    let secret = look_up(vaults, caller, id)?;
    if secret.marked_for_deletion {
        let message = "You can't perform this operation on the secret because it was marked for deletion.";
        return Err(AwsError::bad("InvalidRequestException", message));
    }
    Ok(secret)
}

/// By name in the caller's account, or by ARN, with or without the six characters at its end, in the ARN's.
fn look_up<'a>(vaults: &'a mut Vaults, caller: &Caller, id: &str) -> Result<&'a mut Secret, AwsError> {
    let missing = || {
        AwsError::bad(
            "ResourceNotFoundException",
            "Secrets Manager can't find the specified secret.",
        )
    };
    let secret = match id.strip_prefix("arn:") {
        None => vaults.store(&caller.account, &caller.region).secrets.get_mut(id),
        Some(rest) => {
            // partition:service:region:account:secret:name
            let mut parts = rest.splitn(6, ':').skip(2);
            let (Some(region), Some(account)) = (parts.next(), parts.next()) else {
                return Err(missing());
            };
            if region != caller.region {
                return Err(missing());
            }
            let named = |secret: &&mut Secret| {
                secret.arn == id
                    || secret
                        .arn
                        .rsplit_once('-')
                        .is_some_and(|(partial, _)| partial == id)
            };
            vaults.store(account, region).secrets.values_mut().find(named)
        }
    };
    secret.ok_or_else(missing)
}

fn choose(secret: &mut Secret, id: Option<&str>, stage: Option<&str>) -> Result<Version, AwsError> {
    let staged = |stage: &str| {
        secret
            .versions
            .iter()
            .find(|version| version.stages.iter().any(|s| s == stage))
    };
    let missing = |what: String| {
        let message = format!("Secrets Manager can't find the specified secret value for {what}");
        AwsError::bad("ResourceNotFoundException", message)
    };
    let Some(id) = id else {
        let stage = stage.unwrap_or(CURRENT);
        let current = staged(stage).cloned();
        if stage == CURRENT
            && secret.stale_reads > 0
            && let Some(previous) = staged("AWSPREVIOUS").cloned()
        {
            secret.stale_reads -= 1;
            return Ok(previous);
        }
        return current.ok_or_else(|| missing(format!("staging label: {stage}")));
    };
    let version = secret.versions.iter().find(|version| version.id == id);
    let version = version.ok_or_else(|| missing(format!("VersionId: {id}")))?;
    if let Some(stage) = stage
        && !version.stages.iter().any(|s| s == stage)
    {
        let message = "You provided a VersionStage that is not associated to the provided VersionId.";
        return Err(AwsError::bad("InvalidRequestException", message));
    }
    Ok(version.clone())
}

fn describe(secret: &Secret, version: &Version, caller: &Caller) -> Value {
    let mut answer = json!({
        "ARN": secret.arn,
        "Name": secret.name,
        "VersionId": version.id,
        "VersionStages": version.stages,
        "CreatedDate": seconds(version.created),
    });
    let (field, text) = match &version.value {
        SecretValue::Text(text) => ("SecretString", text.clone()),
        SecretValue::ByCaller(make) => ("SecretString", make(caller)),
        SecretValue::Binary(bytes) => ("SecretBinary", STANDARD.encode(bytes)),
    };
    if let Some(object) = answer.as_object_mut() {
        object.insert(field.to_owned(), text.into());
    }
    answer
}

/// As the JSON protocol writes times.
pub(super) fn seconds(time: SystemTime) -> f64 {
    time.duration_since(UNIX_EPOCH)
        .map_or(0.0, |since| since.as_secs_f64())
}
