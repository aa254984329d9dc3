//! `GetParametersByPath`, `DescribeParameters` and `ListTagsForResource`.

use serde_json::{Value, json};

use super::{decrypts, read};
use crate::aws_call::AwsCall;
use crate::aws_error::AwsError;
use crate::fake_aws::pages::Page;
use crate::fake_aws::vault::Parameter;
use crate::fake_aws::{Caller, World};

const BY_PATH: &str = "ssm:GetParametersByPath";
const DESCRIBE: &str = "ssm:DescribeParameters";
const LIST_TAGS: &str = "ssm:ListTagsForResource";
const MOST_BY_PATH: usize = 10;
const MOST_DESCRIBED: usize = 50;

/// Whoever may use a path sees all below it, what is denied singly too.
pub(in crate::fake_aws) fn get_parameters_by_path(
    world: &mut World,
    caller: &Caller,
    call: &AwsCall,
) -> Result<String, AwsError> {
    let path = call.text("Path").unwrap_or_default();
    if !path.starts_with('/') {
        let message = "The parameter doesn't meet the parameter name requirements. The parameter name must begin with a forward slash \"/\".";
        return Err(AwsError::bad("ValidationException", message));
    }
    world.policy.check(caller, BY_PATH, path)?;
    let page = Page::of(world, call, MOST_BY_PATH, MOST_BY_PATH)?;
    let recursive = call.parameters.get("Recursive").and_then(Value::as_bool) == Some(true);
    let names: Vec<_> = names(world, caller, |parameter| {
        is_below(&parameter.name, path, recursive)
    });
    let next = page.next(names.len());
    let mut parameters = Vec::new();
    for name in page.cut(names) {
        parameters.push(read(world, caller, &name, decrypts(call))?);
    }
    Ok(json!({"Parameters": parameters, "NextToken": next}).to_string())
}

pub(in crate::fake_aws) fn describe_parameters(
    world: &mut World,
    caller: &Caller,
    call: &AwsCall,
) -> Result<String, AwsError> {
    world.policy.check(caller, DESCRIBE, "*")?;
    let page = Page::of(world, call, MOST_DESCRIBED, MOST_BY_PATH)?;
    let filters = call.parameters.get("ParameterFilters").and_then(Value::as_array);
    let filters = filters.cloned().unwrap_or_default();
    for filter in &filters {
        let key = filter.get("Key").and_then(Value::as_str).unwrap_or_default();
        let values = filter.get("Values").and_then(Value::as_array);
        let filled = values.is_some_and(|values| values.iter().all(|value| value.as_str() != Some("")));
        if !filled || !(key.starts_with("tag:") || ["Path", "Name"].contains(&key)) {
            return Err(AwsError::bad("InvalidFilterValue", ""));
        }
    }
    let wanted = |parameter: &Parameter| filters.iter().all(|filter| holds(filter, parameter));
    let names = names(world, caller, wanted);
    let next = page.next(names.len());
    let described: Vec<_> = page
        .cut(names)
        .into_iter()
        .map(|name| json!({"Name": name, "Type": "String", "Version": 1}))
        .collect();
    Ok(json!({"Parameters": described, "NextToken": next}).to_string())
}

pub(in crate::fake_aws) fn list_tags_for_resource(
    world: &mut World,
    caller: &Caller,
    call: &AwsCall,
) -> Result<String, AwsError> {
    let name = call.text("ResourceId").unwrap_or_default();
    world.policy.check(caller, LIST_TAGS, name)?;
    let parameters = &world.vaults.store(&caller.account, &caller.region).parameters;
    let missing = || AwsError::bad("InvalidResourceId", "");
    let tags = &parameters.get(name).ok_or_else(missing)?.tags;
    let tags: Vec<_> = tags
        .iter()
        .map(|(key, value)| json!({"Key": key, "Value": value}))
        .collect();
    Ok(json!({"TagList": tags}).to_string())
}

fn names(world: &mut World, caller: &Caller, wanted: impl Fn(&Parameter) -> bool) -> Vec<String> {
    let parameters = &world.vaults.store(&caller.account, &caller.region).parameters;
    parameters
        .values()
        .filter(|parameter| wanted(parameter))
        .map(|parameter| parameter.name.clone())
        .collect()
}

fn holds(filter: &Value, parameter: &Parameter) -> bool {
    let text = |name: &str| filter.get(name).and_then(Value::as_str).unwrap_or_default();
    let values = filter.get("Values").and_then(Value::as_array);
    let mut values = values.into_iter().flatten().filter_map(Value::as_str);
    match (text("Key"), text("Option")) {
        ("Path", option) => values.any(|path| is_below(&parameter.name, path, option == "Recursive")),
        ("Name", "BeginsWith") => values.any(|start| parameter.name.starts_with(start)),
        ("Name", _) => values.any(|name| parameter.name == name),
        (key, _) => {
            let tag = key.strip_prefix("tag:").and_then(|key| parameter.tags.get(key));
            tag.is_some_and(|tag| values.any(|value| tag == value))
        }
    }
}

fn is_below(name: &str, path: &str, recursive: bool) -> bool {
    let path = path.strip_suffix('/').unwrap_or(path);
    let below = name
        .strip_prefix(path)
        .map(|rest| rest.strip_prefix('/').unwrap_or(rest));
    let inside = path.is_empty() || name.strip_prefix(path).is_some_and(|rest| rest.starts_with('/'));
    inside && below.is_some_and(|rest| recursive || !rest.contains('/'))
}
