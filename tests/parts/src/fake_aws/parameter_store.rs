//! Reading parameters: `GetParameter`, `GetParameters`, and what lists them.

mod list;

use std::collections::HashSet;

use serde_json::{Value, json};

use super::vault::Parameter;
use super::{Caller, World, secrets_manager};
use crate::aws_call::AwsCall;
use crate::aws_error::AwsError;

const GET: &str = "ssm:GetParameter";
const GET_SEVERAL: &str = "ssm:GetParameters";
const MOST_NAMES: usize = 10;
/// Parameters that stand for secrets of Secrets Manager.
const REFERENCES: &str = "/aws/reference/secretsmanager/";

pub(super) use list::{describe_parameters, get_parameters_by_path, list_tags_for_resource};

pub(super) fn get_parameter(world: &mut World, caller: &Caller, call: &AwsCall) -> Result<String, AwsError> {
    let name = call.text("Name").unwrap_or_default();
    world.policy.check(caller, GET, name)?;
    let parameter = match name.strip_prefix(REFERENCES) {
        Some(secret) => refer(world, caller, call, name, secret)?,
        None => read(world, caller, name, decrypts(call))?,
    };
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
    if names.iter().any(|name| name.starts_with(REFERENCES)) {
        let message = "A reference to a secret must be read by itself.";
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

/// The current value of a secret, as a parameter.
fn refer(
    world: &mut World,
    caller: &Caller,
    call: &AwsCall,
    name: &str,
    secret: &str,
) -> Result<Value, AwsError> {
    if !decrypts(call) {
        let message = "WithDecryption flag must be True for retrieving a Secret Manager secret.";
        return Err(AwsError::bad("ValidationException", message));
    }
    let secret = secrets_manager::read_current(world, caller, secret).map_err(|error| {
        let message = format!(
            "An error occurred ({}) when referencing Secrets Manager",
            error.code
        );
        match error.code.as_str() {
            "ResourceNotFoundException" => AwsError::bad("ParameterNotFound", message),
            _ => AwsError::bad(&error.code, message),
        }
    })?;
    Ok(json!({
        "Name": name,
        "Type": "SecureString",
        "Value": secret.get("SecretString"),
        "Version": 0,
        "ARN": secret.get("ARN"),
        "DataType": "text",
    }))
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::FakeAws;
    use crate::aws_call::Protocol;
    use crate::fake_aws::{ACCOUNT, Denied, REGION};

    fn call(parameters: Value) -> AwsCall {
        AwsCall {
            service: "ssm".to_owned(),
            operation: String::new(),
            access_key_id: None,
            session_token: None,
            region: None,
            identity: String::new(),
            user_agent: String::new(),
            parameters,
            protocol: Protocol::Json,
        }
    }

    fn caller() -> Caller {
        let account = ACCOUNT.to_owned();
        Caller {
            arn: "arn:caller".to_owned(),
            account,
            role: None,
            region: REGION.to_owned(),
        }
    }

    fn get(aws: &FakeAws, parameters: Value) -> Result<Value, String> {
        let answer = get_parameter(&mut aws.world(), &caller(), &call(parameters));
        answer
            .map(|answer| serde_json::from_str(&answer).unwrap_or_default())
            .map_err(|error| error.code)
    }

    #[test]
    fn a_selector_chooses_a_version_or_a_label() {
        let aws = FakeAws::start().unwrap();
        let vault = aws.home();
        vault.put_secure_parameter("/app/key", "one");
        vault.put_secure_parameter("/app/key", "two");
        vault.label_parameter("/app/key", 1, "stable");
        let value = |name: &str| {
            get(&aws, json!({"Name": name, "WithDecryption": true}))
                .map(|answer| answer["Parameter"]["Value"].clone())
        };
        assert_eq!(value("/app/key"), Ok(json!("two")));
        assert_eq!(value("/app/key:1"), Ok(json!("one")));
        assert_eq!(value("/app/key:stable"), Ok(json!("one")));
        assert_eq!(
            value(&format!("arn:aws:ssm:{REGION}:{ACCOUNT}:parameter/app/key")),
            Ok(json!("two"))
        );
        assert_eq!(value("/app/key:7"), Err("ParameterVersionNotFound".to_owned()));
        assert_eq!(value("/other"), Err("ParameterNotFound".to_owned()));
        assert_ne!(
            get(&aws, json!({"Name": "/app/key"})).unwrap()["Parameter"]["Value"],
            json!("two")
        );
    }

    #[test]
    fn several_names_are_listed_as_invalid_but_a_denied_one_fails_them_all() {
        let aws = FakeAws::start().unwrap();
        aws.home().put_parameter("a", "1");
        let get = |names: &[String]| {
            let call = call(json!({"Names": names}));
            get_parameters(&mut aws.world(), &caller(), &call).map_err(|error| error.code)
        };
        let names = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
        let answer: Value = serde_json::from_str(&get(&names(&["a", "b"])).unwrap()).unwrap();
        assert_eq!(
            (&answer["Parameters"][0]["Value"], &answer["InvalidParameters"]),
            (&json!("1"), &json!(["b"]))
        );
        let refused = Err("ValidationException".to_owned());
        assert_eq!(get(&names(&["a", "a"])), refused);
        assert_eq!(get(&(0..11).map(|n| n.to_string()).collect::<Vec<_>>()), refused);
        aws.deny(Denied {
            action: GET_SEVERAL.to_owned(),
            caller: None,
            resource: Some("b".to_owned()),
        });
        assert_eq!(get(&names(&["a", "b"])), Err("AccessDeniedException".to_owned()));
    }
}
