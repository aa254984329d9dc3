//! The calls to Parameter Store and what their answers mean. Knows nothing of waiting, retries or permits.

use aws_credential_types::Credentials;
use aws_sdk_ssm::{
    Client,
    types::{Parameter, ResourceTypeForTagging},
};

use super::{
    clients::ssm_as,
    error::{Api, Class, Error},
    read::{Answer, Read, Version, timestamp},
    service::{Answered, Batching, tags_json},
};
use crate::secret_bytes::SecretBytes;

pub(super) const GET: &str = "GetParameter";
pub(super) const GET_SEVERAL: &str = "GetParameters";
pub(super) const LIST_TAGS: &str = "ListTagsForResource";

/// How reads share a call.
pub(super) const BATCHING: Batching = Batching {
    api: GET_SEVERAL,
    action: "ssm:GetParameters",
    limit: 10,
    one_fails_all: true,
    shares_quota: true,
    name: batch_name,
};

/// Parameters of this path stand for secrets of Secrets Manager.
const REFERENCES: &str = "/aws/reference/secretsmanager/";

/// One value.
pub(super) async fn get(client: &Client, credentials: &Credentials, read: &Read) -> Result<Answer, Error> {
    let selector = selector(&read.version);
    let name = match selector {
        Some(selector) => format!("{}:{selector}", read.id),
        None => read.id.clone(),
    };
    let sent = client
        .get_parameter()
        .name(name)
        .with_decryption(true)
        .customize()
        .config_override(ssm_as(credentials))
        .send()
        .await;
    let answer = sent.map_err(|error| Error::of_call(Api::Store, GET, &error))?;
    let parameter = answer.parameter.ok_or_else(|| {
        Error::new(
            Class::Transient,
            GET,
            format!("{GET} failed: the answer holds no parameter"),
        )
    })?;
    Ok(Answer {
        stage: selector.map(str::to_owned),
        ..value(parameter)
    })
}

/// The tags, as a JSON object.
pub(super) async fn tags(client: &Client, credentials: &Credentials, read: &Read) -> Result<Answer, Error> {
    if read.id.starts_with("arn:") {
        let text = "the tags of a parameter can be read by its name only: put the name in place of the ARN";
        return Err(Error::new(Class::Invalid, LIST_TAGS, text));
    }
    let sent = client
        .list_tags_for_resource()
        .resource_type(ResourceTypeForTagging::Parameter)
        .resource_id(&read.id)
        .customize()
        .config_override(ssm_as(credentials))
        .send()
        .await;
    let answer = sent.map_err(|error| Error::of_call(Api::Store, LIST_TAGS, &error))?;
    let tags = answer.tag_list.unwrap_or_default().into_iter();
    Ok(Answer {
        text: Some(tags_json(tags.map(|tag| (tag.key, tag.value)))),
        ..Answer::default()
    })
}

/// Current values of several parameters.
pub(super) async fn batch_get(
    client: &Client,
    credentials: &Credentials,
    ids: &[String],
) -> Result<Answered, Error> {
    let sent = client
        .get_parameters()
        .set_names(Some(ids.to_vec()))
        .with_decryption(true)
        .customize()
        .config_override(ssm_as(credentials))
        .send()
        .await;
    let answer = sent.map_err(|error| Error::of_call(Api::Store, GET_SEVERAL, &error))?;
    let mut answered = Answered::new();
    for parameter in answer.parameters.unwrap_or_default() {
        if let Some(id) = ids.iter().find(|id| names(id, &parameter)).cloned() {
            answered.push((id, Ok(value(parameter))));
        }
    }
    for name in answer.invalid_parameters.unwrap_or_default() {
        if ids.contains(&name) {
            let missing = Error::answered(Api::Store, GET, Some("ParameterNotFound"), "", None);
            answered.push((name, Err(missing)));
        }
    }
    Ok(answered)
}

/// Whether an id that was asked for names this parameter. Asked by ARN, only the ARN tells: names of other accounts may be
/// the same.
fn names(id: &str, parameter: &Parameter) -> bool {
    if id.starts_with("arn:") {
        return parameter.arn() == Some(id) || parameter.name() == Some(id);
    }
    parameter
        .name()
        .is_some_and(|name| rootless(name) == rootless(id))
}

/// Parameters are not told apart by the first slash.
fn rootless(name: &str) -> &str {
    name.strip_prefix('/').unwrap_or(name)
}

pub(super) fn value(parameter: Parameter) -> Answer {
    Answer {
        text: parameter.value.map(SecretBytes::from),
        // A reference to a secret has no version of its own.
        version_id: (parameter.version > 0).then(|| parameter.version.to_string()),
        arn: parameter.arn,
        created_at: parameter.last_modified_date.and_then(timestamp),
        ..Answer::default()
    }
}

fn selector(version: &Version) -> Option<&str> {
    match version {
        Version::Selector(selector) => selector.as_deref().filter(|selector| !selector.is_empty()),
        Version::Stage(_) | Version::Id(_) => None,
    }
}

/// The name under which a batch can ask for this id without asking twice for one parameter; none where it must be asked
/// for singly: names with a version or label, references to secrets, and names that AWS does not allow.
fn batch_name(id: &str) -> Option<&str> {
    let name = match id.strip_prefix("arn:") {
        None => id,
        Some(arn) => arn.splitn(5, ':').nth(4)?.strip_prefix("parameter/")?,
    };
    let allowed = |b: u8| b.is_ascii_alphanumeric() || b"/_.-".contains(&b);
    let plain = (1..=2048).contains(&name.len()) && name.bytes().all(allowed);
    (plain && !name.starts_with(REFERENCES)).then(|| rootless(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_names_and_arns_can_travel_together() {
        let arn = |name: &str| format!("arn:aws:ssm:eu-west-1:111122223333:parameter/{name}");
        assert_eq!(batch_name("/app/db"), Some("app/db"));
        assert_eq!(batch_name("db"), Some("db"));
        assert_eq!(batch_name(&arn("app/db")), Some("app/db"));
        let reference = "/aws/reference/secretsmanager/db";
        for single in ["", "a b", "/app/db:3", "/app/db:stable", reference, &arn("db:3")] {
            assert_eq!(batch_name(single), None, "{single}");
        }
        assert_eq!(
            batch_name("arn:aws:secretsmanager:eu-west-1:111122223333:secret:db"),
            None
        );
    }

    #[test]
    fn an_arn_is_answered_by_its_own_parameter_only() {
        let arn = "arn:aws:ssm:eu-west-1:111122223333:parameter/db";
        let own = Parameter::builder().name("db").arn(arn).build();
        let other = Parameter::builder()
            .name("db")
            .arn("arn:aws:ssm:eu-west-1:444455556666:parameter/db");
        assert!(names("db", &own) && names("/db", &own) && names(arn, &own));
        assert!(!names(arn, &other.build()) && !names("db2", &own));
    }
}
