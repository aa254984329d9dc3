//! Filters of lists, as Secrets Manager means them: a value is where names and tags begin, not what they are.

use serde_json::Value;

use super::Secret;
use crate::aws_call::AwsCall;
use crate::aws_error::AwsError;

const MOST_FILTERS: usize = 10;

/// All must hold; of the values of one, any.
pub(super) struct Filters(Vec<(String, Vec<String>)>);

/// The filters of a call, if it has any.
pub(super) fn all(call: &AwsCall) -> Result<Option<Filters>, AwsError> {
    let Some(list) = call.parameters.get("Filters").and_then(Value::as_array) else {
        return Ok(None);
    };
    let refuse = |message: &str| Err(AwsError::bad("ValidationException", message));
    if list.len() > MOST_FILTERS {
        return refuse(
            "1 validation error detected: Value at 'filters' failed to satisfy constraint: Member must have length less than or equal to 10",
        );
    }
    let mut filters = Vec::new();
    for filter in list {
        let key = filter.get("Key").and_then(Value::as_str).unwrap_or_default();
        let values = filter.get("Values").and_then(Value::as_array);
        let values: Vec<_> = values.into_iter().flatten().filter_map(Value::as_str).collect();
        let allowed = |c: char| c.is_ascii_alphanumeric() || " :_@/+=.-!".contains(c);
        if !values
            .iter()
            .all(|value| !value.is_empty() && value.chars().all(allowed))
        {
            return refuse("1 validation error detected: a value of 'filters' does not match the pattern");
        }
        if !["name", "tag-key", "tag-value"].contains(&key) {
            return refuse("This fake knows the filters name, tag-key and tag-value.");
        }
        filters.push((
            key.to_owned(),
            values.into_iter().map(str::to_owned).collect::<Vec<_>>(),
        ));
    }
    Ok(Some(Filters(filters)))
}

impl Filters {
    pub(super) fn match_all(&self, secret: &Secret) -> bool {
        self.0.iter().all(|(key, values)| {
            values.iter().any(|value| {
                let (wanted, value) = match value.strip_prefix('!') {
                    Some(value) => (false, value),
                    None => (true, value.as_str()),
                };
                let begins = |text: &String| text.starts_with(value);
                let holds = match key.as_str() {
                    "name" => begins(&secret.name),
                    "tag-key" => secret.tags.keys().any(begins),
                    _ => secret.tags.values().any(begins),
                };
                holds == wanted
            })
        })
    }
}
