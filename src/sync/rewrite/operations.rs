//! The operations of `dataFrom[].rewrite`, one after another. Two keys that become one are an error with both names:
//! which of the values would win is not for us to guess.

use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

use gotext::{
    json::{self, Html, Number, Value},
    strconv::{FloatForm, FloatSize, format_float},
};

use super::Map;
use crate::{
    api::external_secret::{ConflictPolicy, PriorityPolicy},
    secret_bytes::SecretBytes,
    sync::{
        cause::{Cause, Failure},
        spec::{Merge, REWRITTEN_LIMIT, RewriteOp},
    },
};

/// All keys of an operation together may take so long.
const PATIENCE: Duration = Duration::from_secs(3);
/// All keys of an operation together may be so long, in bytes.
const KEYS_LIMIT: usize = 4 << 20;

/// Applies the operations in their order.
pub(super) fn apply(operations: &[RewriteOp], map: Map) -> Result<Map, Failure> {
    let mut operations = operations.iter().enumerate();
    operations.try_fold(map, |map, (i, operation)| {
        let applied = match operation {
            RewriteOp::Regexp(source, target) => rename(map, |key| {
                let renamed = source.replace_all_within(key.as_bytes(), target.as_bytes(), REWRITTEN_LIMIT);
                let renamed = renamed.ok_or_else(|| {
                    format!(
                        "the new key is longer than {REWRITTEN_LIMIT} bytes; a Secret's key has at most 253"
                    )
                })?;
                String::from_utf8(renamed).map_err(|_| "the new key is not UTF-8".to_owned())
            }),
            RewriteOp::Transform(template) => rename(map, |key| template.apply(key)),
            RewriteOp::Merge(options) => merge(options, map),
        };
        applied.map_err(|mut failure| {
            let lead = format!("error applying rewrite to keys: rewrite[{i}].{operation}: ");
            failure.text.insert_str(0, &lead);
            failure
        })
    })
}

/// Gives every key the name that `new` makes of it; what gets an empty one is dropped.
fn rename(map: Map, new: impl Fn(&str) -> Result<String, String>) -> Result<Map, Failure> {
    let mut renamed: BTreeMap<String, (String, SecretBytes)> = BTreeMap::new();
    let began = Instant::now();
    let mut length = 0;
    for (key, value) in map {
        if began.elapsed() > PATIENCE {
            return Err(Failure::new(
                Cause::RewriteFailed,
                format!(
                    "the keys together took longer than {} s; simplify it",
                    PATIENCE.as_secs()
                ),
            ));
        }
        let name =
            new(&key).map_err(|why| Failure::new(Cause::RewriteFailed, format!("key {key}: {why}")))?;
        // An empty key is dropped in the end; of several, none is taken for another.
        if name.is_empty() {
            continue;
        }
        length += name.len();
        if length > KEYS_LIMIT {
            return Err(Failure::new(
                Cause::RewriteFailed,
                format!("the new keys together are longer than {KEYS_LIMIT} bytes; make them shorter"),
            ));
        }
        if let Some((other, _)) = renamed.get(&name) {
            return Err(Failure::new(
                Cause::KeyCollision,
                format!("the keys {other} and {key} both become {name:?}; make them differ"),
            ));
        }
        renamed.insert(name, (key, value));
    }
    Ok(renamed
        .into_iter()
        .map(|(name, (_, value))| (name, value))
        .collect())
}

/// Members by name, each with the key it came from.
type Members<'a> = BTreeMap<Vec<u8>, (&'a str, Value)>;

fn merge(options: &Merge, mut map: Map) -> Result<Map, Failure> {
    let members = merged(options, &map)?;
    let Some(into) = &options.into else {
        return members
            .into_iter()
            .map(|(name, (key, value))| member(name, key, &value))
            .collect();
    };
    let members = members
        .into_iter()
        .map(|(name, (_, value))| (name, as_go_decodes(value)))
        .collect();
    let text = json::to_vec(&Value::Object(members), Html::Plain);
    map.insert(into.to_string(), SecretBytes::new(text));
    Ok(map)
}

fn merged<'a>(options: &Merge, map: &'a Map) -> Result<Members<'a>, Failure> {
    let mut members = Members::new();
    let mut conflicts: BTreeMap<String, String> = BTreeMap::new();
    for (key, value) in in_order(options, map)? {
        let parsed = match json::parse(value.expose()) {
            Ok(Value::Object(parsed)) => parsed,
            Ok(Value::Null) => vec![],
            Ok(_) | Err(_) => {
                return Err(Failure::new(
                    Cause::NotJson,
                    format!("the value of key {key} is not a JSON object; only JSON objects can be merged"),
                ));
            }
        };
        // Of two members with one name in one object, the last counts.
        let parsed: BTreeMap<_, _> = parsed.into_iter().collect();
        for (name, value) in parsed {
            if let Some((other, _)) = members.insert(name.clone(), (key, value)) {
                conflicts.insert(
                    String::from_utf8_lossy(&name).into_owned(),
                    format!("{other} and {key}"),
                );
            }
        }
    }
    if options.conflict_policy == ConflictPolicy::Error && !conflicts.is_empty() {
        let names: Vec<_> = conflicts.keys().map(String::as_str).collect();
        let homes: Vec<_> = conflicts
            .iter()
            .map(|(name, keys)| format!("{name} in {keys}"))
            .collect();
        return Err(Failure::new(
            Cause::KeyCollision,
            format!(
                "merge failed with conflicts: {} ({}); rename one, or use conflictPolicy Ignore",
                names.join(", "),
                homes.join("; ")
            ),
        ));
    }
    Ok(members)
}

/// Keys by name, but those with priority last and in their order, so that they win.
fn in_order<'a>(options: &Merge, map: &'a Map) -> Result<Vec<(&'a str, &'a SecretBytes)>, Failure> {
    let has_priority = |key: &str| options.priority.iter().any(|first| **first == *key);
    let plain = map.iter().filter(|(key, _)| !has_priority(key));
    let mut order: Vec<_> = plain.map(|(key, value)| (key.as_str(), value)).collect();
    for (i, key) in options.priority.iter().enumerate() {
        let Some((key, value)) = map.get_key_value(&**key) else {
            if options.priority_policy == PriorityPolicy::IgnoreNotFound {
                continue;
            }
            return Err(Failure::new(
                Cause::RewriteFailed,
                format!(
                    "priority[{i}]: there is no key {key}; correct it, or use priorityPolicy IgnoreNotFound"
                ),
            ));
        };
        let again = options.priority.iter().take(i).any(|earlier| **earlier == **key);
        if !again {
            order.push((key, value));
        }
    }
    Ok(order)
}

/// A member as a key of the Secret: strings as they are, null empty, numbers in plain digits, the rest as JSON.
fn member(name: Vec<u8>, from: &str, value: &Value) -> Result<(String, SecretBytes), Failure> {
    let name = String::from_utf8(name).map_err(|_| {
        Failure::new(
            Cause::InvalidKey,
            format!("a member of key {from} has a name that is not UTF-8"),
        )
    })?;
    let value = match value {
        Value::Null => SecretBytes::default(),
        Value::Bool(flag) => SecretBytes::from(flag.to_string()),
        Value::String(text) => SecretBytes::from(&text[..]),
        Value::Number(number) => {
            let plain = format_float(number.to_f64(), FloatForm::Fixed, None, FloatSize::Bits64);
            SecretBytes::from(plain)
        }
        Value::Array(_) | Value::Object(_) => {
            SecretBytes::new(json::to_vec(&as_go_decodes(value.clone()), Html::Escaped))
        }
    };
    Ok((name, value))
}

/// Go decodes every number of a merged object to a float, which shows in large ones.
fn as_go_decodes(value: Value) -> Value {
    match value {
        Value::Number(number) => Value::Number(Number::from_f64(number.to_f64()).unwrap_or(number)),
        Value::Array(elements) => Value::Array(elements.into_iter().map(as_go_decodes).collect()),
        Value::Object(members) => Value::Object(
            members
                .into_iter()
                .map(|(name, value)| (name, as_go_decodes(value)))
                .collect(),
        ),
        other => other,
    }
}

#[cfg(test)]
mod tests;
