//! The calls to Secrets Manager and what their answers mean. Knows nothing of waiting, retries or permits.

use aws_credential_types::Credentials;
use aws_sdk_secretsmanager::{Client, types::SecretValueEntry};
use aws_smithy_types::Blob;

use super::{
    clients::secretsmanager_as,
    error::{Api, Class, Error},
    read::{Answer, CURRENT, Read, Version, timestamp},
    service::{Answered, Batching, tags_json},
};
use crate::secret_bytes::SecretBytes;

pub(super) const GET: &str = "GetSecretValue";
pub(super) const BATCH_GET: &str = "BatchGetSecretValue";
pub(super) const DESCRIBE: &str = "DescribeSecret";

/// How reads share a call.
pub(super) const BATCHING: Batching = Batching {
    api: BATCH_GET,
    action: "secretsmanager:BatchGetSecretValue",
    limit: 20,
    one_fails_all: false,
    shares_quota: false,
    name: batch_name,
};

/// Pages of one batch that are followed: pages may be short, but twenty ids never need more. What is not reached is a hole.
const MOST_PAGES: usize = 50;

/// One value.
pub(super) async fn get(client: &Client, credentials: &Credentials, read: &Read) -> Result<Answer, Error> {
    let request = client.get_secret_value().secret_id(&read.id);
    let request = match &read.version {
        Version::Stage(stage) => request.version_stage(stage),
        Version::Id(id) => request.version_id(id),
        Version::Selector(_) => request.version_stage(CURRENT),
    };
    let sent = request
        .customize()
        .config_override(secretsmanager_as(credentials))
        .send()
        .await;
    let answer = sent.map_err(|error| Error::of_call(Api::Store, GET, &error))?;
    Ok(Answer {
        text: answer.secret_string.map(SecretBytes::from),
        binary: answer.secret_binary.map(bytes),
        version_id: answer.version_id,
        stage: stage_of(&read.version),
        arn: answer.arn,
        created_at: answer.created_date.and_then(timestamp),
        ..Answer::default()
    })
}

/// The tags, as a JSON object.
pub(super) async fn tags(client: &Client, credentials: &Credentials, read: &Read) -> Result<Answer, Error> {
    let request = client.describe_secret().secret_id(&read.id);
    let sent = request
        .customize()
        .config_override(secretsmanager_as(credentials))
        .send()
        .await;
    let answer = sent.map_err(|error| Error::of_call(Api::Store, DESCRIBE, &error))?;
    if answer.deleted_date.is_some() {
        return Err(Error::marked_for_deletion(DESCRIBE));
    }
    let tags = answer.tags.unwrap_or_default().into_iter();
    let tags = tags.filter_map(|tag| Some((tag.key?, tag.value.unwrap_or_default())));
    Ok(Answer {
        text: Some(tags_json(tags)),
        arn: answer.arn,
        created_at: answer.last_changed_date.and_then(timestamp),
        ..Answer::default()
    })
}

/// Current values of several secrets, all pages.
pub(super) async fn batch_get(
    client: &Client,
    credentials: &Credentials,
    ids: &[String],
) -> Result<Answered, Error> {
    let mut answered = Answered::new();
    let mut next = None;
    for _ in 0..MOST_PAGES {
        let sent = client
            .batch_get_secret_value()
            .set_secret_id_list(Some(ids.to_vec()))
            .set_next_token(next.take())
            .customize()
            .config_override(secretsmanager_as(credentials))
            .send()
            .await;
        let page = sent.map_err(|error| Error::of_call(Api::Store, BATCH_GET, &error))?;
        for entry in page.secret_values.unwrap_or_default() {
            let names = [entry.arn.as_deref(), entry.name.as_deref()];
            let id = ids.iter().find(|id| names.contains(&Some(id.as_str()))).cloned();
            if let Some(id) = id
                && let Some(answer) = current(entry)
            {
                answered.push((id, Ok(answer)));
            }
        }
        for failure in page.errors.unwrap_or_default() {
            let id = failure.secret_id.filter(|id| ids.contains(id));
            if let Some(id) = id
                && let Some(code) = failure.error_code.as_deref()
            {
                let message = failure.message.as_deref().unwrap_or_default();
                // A failure of one id is answered with status 200: only its code counts, and an unknown one says nothing.
                let error = Error::answered(Api::Store, GET, Some(code), message, None);
                if error.class != Class::Transient {
                    answered.push((id, Err(error)));
                }
            }
        }
        next = page.next_token;
        if next.is_none() {
            break;
        }
    }
    Ok(answered)
}

/// An entry counts only if it says that it is the current version and holds a value.
pub(super) fn current(entry: SecretValueEntry) -> Option<Answer> {
    let is_current = entry
        .version_stages
        .as_ref()
        .is_some_and(|stages| stages.iter().any(|stage| stage == CURRENT));
    let has_value = entry.secret_string.is_some() || entry.secret_binary.is_some();
    (is_current && has_value).then(|| Answer {
        text: entry.secret_string.map(SecretBytes::from),
        binary: entry.secret_binary.map(bytes),
        version_id: entry.version_id,
        stage: Some(CURRENT.to_owned()),
        arn: entry.arn,
        created_at: entry.created_date.and_then(timestamp),
        ..Answer::default()
    })
}

/// The name under which a batch can ask for this id without asking twice for one secret; none where it must be asked
/// for singly: partial ARNs, and names that AWS does not allow.
pub(super) fn batch_name(id: &str) -> Option<&str> {
    const SUFFIX: usize = 6;
    let Some(arn) = id.strip_prefix("arn:") else {
        let allowed = |b: u8| b.is_ascii_alphanumeric() || b"/_+=.@-".contains(&b);
        return ((1..=512).contains(&id.len()) && id.bytes().all(allowed)).then_some(id);
    };
    let mut parts = arn.splitn(6, ':');
    let resource = parts.nth(5).filter(|_| arn.split(':').nth(4) == Some("secret"))?;
    let (name, suffix) = resource.rsplit_once('-')?;
    (suffix.len() == SUFFIX && suffix.bytes().all(|b| b.is_ascii_alphanumeric()) && !name.is_empty())
        .then_some(name)
}

fn stage_of(version: &Version) -> Option<String> {
    match version {
        Version::Stage(stage) => Some(stage.clone()),
        Version::Id(_) | Version::Selector(_) => None,
    }
}

fn bytes(blob: Blob) -> SecretBytes {
    SecretBytes::new(blob.into_inner())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_names_and_full_arns_can_travel_together() {
        let arn = "arn:aws:secretsmanager:eu-west-1:111122223333:secret:app/db-AbCdEf";
        assert_eq!(batch_name(arn), Some("app/db"));
        assert_eq!(batch_name("app/db"), Some("app/db"));
        assert_eq!(
            batch_name("arn:aws:secretsmanager:eu-west-1:111122223333:secret:app/db"),
            None
        );
        assert_eq!(
            batch_name("arn:aws:ssm:eu-west-1:111122223333:parameter/x-AbCdEf"),
            None
        );
        for odd in ["", "a b", "ключ", "rds!db-1"] {
            assert_eq!(batch_name(odd), None, "{odd}");
        }
    }
}
