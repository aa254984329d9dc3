//! `GetParameter` and `GetParameters`.

use std::collections::HashSet;

use serde_json::{Value, json};

use super::vault::Parameter;
use super::{Caller, World};
use crate::aws_call::AwsCall;
use crate::aws_error::AwsError;

const GET: &str = "ssm:GetParameter";
const GET_SEVERAL: &str = "ssm:GetParameters";
const MOST_NAMES: usize = 10;

pub(super) fn get_parameter(world: &mut World, caller: &Caller, call: &AwsCall) -> Result<String, AwsError> {
    let name = call.text("Name").unwrap_or_default();
    world.policy.check(caller, GET, name)?;
    let parameter = read(world, caller, name, decrypts(call))?;
    Ok(json!({"Parameter": parameter}).to_string())
}

/// One name that the caller may not read fails them all; a name that is not there is listed.
pub(super) fn get_parameters(world: &mut World, caller: &Caller, call: &AwsCall) -> Result<String, AwsError> {
    let names = call.texts("Names");
    let mut seen = HashSet::new();
    let constraint = if names.is_empty() {
        Some("Member must have length greater than or equal to 1".to_owned())
    } else if names.len() > MOST_NAMES {
        Some(format!(
            "Member must have length less than or equal to {MOST_NAMES}"
        ))
    } else if !names.iter().all(|name| seen.insert(*name)) {
        Some("Member must not have duplicates".to_owned())
    } else {
        None
    };
    if let Some(constraint) = constraint {
        let message = format!(
            "1 validation error detected: Value at 'names' failed to satisfy constraint: {constraint}"
        );
        return Err(AwsError::bad("ValidationException", message));
    }
    for name in &names {
        world.policy.check(caller, GET_SEVERAL, name)?;
    }
    let mut found = Vec::new();
    let mut invalid = Vec::new();
    for name in &names {
        match read(world, caller, name, decrypts(call)) {
            Ok(parameter) => found.push(parameter),
            Err(_) => invalid.push(*name),
        }
    }
    Ok(json!({"Parameters": found, "InvalidParameters": invalid}).to_string())
}

fn decrypts(call: &AwsCall) -> bool {
    call.parameters
        .get("WithDecryption")
        .and_then(Value::as_bool)
        .unwrap_or(false)
}

/// `name` may end in `:<version>` or `:<label>`, or be an ARN.
fn read(world: &mut World, caller: &Caller, name: &str, decrypt: bool) -> Result<Value, AwsError> {
    let missing = || AwsError::bad("ParameterNotFound", "");
    let (account, region, name) = match name.strip_prefix("arn:") {
        None => (caller.account.clone(), caller.region.clone(), name),
        Some(rest) => {
            let mut parts = rest.splitn(5, ':').skip(2);
            let (Some(region), Some(account), Some(resource)) = (parts.next(), parts.next(), parts.next())
            else {
                return Err(missing());
            };
            (
                account.to_owned(),
                region.to_owned(),
                resource.strip_prefix("parameter").ok_or_else(missing)?,
            )
        }
    };
    let (name, selector) = name
        .split_once(':')
        .map_or((name, None), |(name, selector)| (name, Some(selector)));
    let parameters = &world.vaults.store(&account, &region).parameters;
    let parameter = parameters
        .get(name)
        .or_else(|| parameters.get(name.strip_prefix('/')?))
        .ok_or_else(missing)?;
    let version = match selector {
        None => parameter.versions.len(),
        Some(selector) => match selector.parse() {
            Ok(version) => version,
            Err(_) => *parameter
                .labels
                .get(selector)
                .ok_or_else(|| no_version(parameter, selector))?,
        },
    };
    let value = version
        .checked_sub(1)
        .and_then(|index| parameter.versions.get(index));
    let value = value.ok_or_else(|| no_version(parameter, selector.unwrap_or_default()))?;
    let shown = if parameter.kind == "SecureString" && !decrypt {
        "AQICAHencrypted=="
    } else {
        value
    };
    let mut answer = json!({
        "Name": parameter.name,
        "Type": parameter.kind,
        "Value": shown,
        "Version": version,
        "ARN": parameter.arn,
        "DataType": "text",
    });
    if let (Some(selector), Some(object)) = (selector, answer.as_object_mut()) {
        object.insert("Selector".to_owned(), format!(":{selector}").into());
    }
    Ok(answer)
}

fn no_version(parameter: &Parameter, selector: &str) -> AwsError {
    let name = &parameter.name;
    let message = format!(
        "Systems Manager could not find version {selector} of {name}. Verify the version and try again."
    );
    AwsError::bad("ParameterVersionNotFound", message)
}
