//! The services that hold secrets: how each is asked, and which of its reads may share a call.
//!
//! What differs between the services is here and in their own modules; who waits, what a call costs and who may make it is
//! the same for all.

use aws_credential_types::Credentials;
use gotext::json;

use super::{
    clients::Clients,
    error::{Class, Error},
    identity::Identity,
    parameter_store,
    read::{Answer, Aspect, Read},
    secrets_manager,
};
use crate::{api::secret_store::AwsService, secret_bytes::SecretBytes};

/// A service that can be read from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Service {
    SecretsManager,
    ParameterStore,
}

/// How reads of a service share a call.
#[derive(Debug)]
pub(super) struct Batching {
    /// The API of such a call.
    pub(super) api: &'static str,
    /// The IAM action that it needs beside that of single reads.
    pub(super) action: &'static str,
    /// Ids in one call.
    pub(super) limit: usize,
    /// One id that cannot be read fails all the others, and the answer does not say which.
    pub(super) one_fails_all: bool,
    /// Calls for one id count against the same quota: they are no way out when AWS asks to slow down.
    pub(super) shares_quota: bool,
    /// The name under which an id can be asked for in such a call; ids of one name do not travel together. None where the
    /// id must be asked for singly.
    pub(super) name: fn(&str) -> Option<&str>,
}

/// What a shared call brought: an answer or an explicit error for some of the ids. The others are holes, which say nothing.
pub(super) type Answered = Vec<(String, Result<Answer, Error>)>;

impl Service {
    /// The service, if values can be read from it.
    pub(super) fn of(service: AwsService) -> Result<Self, Error> {
        match service {
            AwsService::SecretsManager => Ok(Self::SecretsManager),
            AwsService::ParameterStore => Ok(Self::ParameterStore),
            AwsService::CertificateManager => Err(Error::new(
                Class::Config,
                "store",
                "reading from CertificateManager is not supported",
            )),
        }
    }

    /// Metric label.
    pub(super) const fn provider(self) -> &'static str {
        match self {
            Self::SecretsManager => "AWS/SecretsManager",
            Self::ParameterStore => "AWS/ParameterStore",
        }
    }

    /// The API of a call for one id.
    pub(super) const fn operation(self, aspect: Aspect) -> &'static str {
        match (self, aspect) {
            (Self::SecretsManager, Aspect::Value) => secrets_manager::GET,
            (Self::SecretsManager, Aspect::Tags) => secrets_manager::DESCRIBE,
            (Self::ParameterStore, Aspect::Value) => parameter_store::GET,
            (Self::ParameterStore, Aspect::Tags) => parameter_store::LIST_TAGS,
        }
    }

    /// How its reads share a call.
    pub(super) const fn batching(self) -> &'static Batching {
        match self {
            Self::SecretsManager => &secrets_manager::BATCHING,
            Self::ParameterStore => &parameter_store::BATCHING,
        }
    }

    /// The name under which a read can travel with others: values as they are now, by ids that a batch takes.
    pub(super) fn shared_name(self, read: &Read) -> Option<&str> {
        let shares = read.aspect == Aspect::Value && read.version.is_current();
        shares.then(|| (self.batching().name)(&read.id)).flatten()
    }

    /// One read, one call.
    pub(super) async fn read(
        self,
        clients: &Clients,
        identity: &Identity,
        credentials: &Credentials,
        read: &Read,
    ) -> Result<Answer, Error> {
        match (self, read.aspect) {
            (Self::SecretsManager, Aspect::Value) => {
                secrets_manager::get(&clients.secrets_manager(identity), credentials, read).await
            }
            (Self::SecretsManager, Aspect::Tags) => {
                secrets_manager::tags(&clients.secrets_manager(identity), credentials, read).await
            }
            (Self::ParameterStore, Aspect::Value) => {
                parameter_store::get(&clients.ssm(identity), credentials, read).await
            }
            (Self::ParameterStore, Aspect::Tags) => {
                parameter_store::tags(&clients.ssm(identity), credentials, read).await
            }
        }
    }

    /// Several current values, one call.
    pub(super) async fn read_together(
        self,
        clients: &Clients,
        identity: &Identity,
        credentials: &Credentials,
        ids: &[String],
    ) -> Result<Answered, Error> {
        match self {
            Self::SecretsManager => {
                secrets_manager::batch_get(&clients.secrets_manager(identity), credentials, ids).await
            }
            Self::ParameterStore => {
                parameter_store::batch_get(&clients.ssm(identity), credentials, ids).await
            }
        }
    }
}

/// Tags as the value that `metadataPolicy: Fetch` gives: a JSON object as Go prints it.
pub(super) fn tags_json(tags: impl IntoIterator<Item = (String, String)>) -> SecretBytes {
    let members = tags
        .into_iter()
        .map(|(key, value)| (key.into_bytes(), json::Value::string(value)));
    SecretBytes::new(json::to_vec(
        &json::Value::Object(members.collect()),
        json::Html::Escaped,
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_are_printed_as_go_prints_them() {
        let tags = [("b", "<&>\u{2028}"), ("a", "1")].map(|(key, value)| (key.to_owned(), value.to_owned()));
        assert_eq!(
            tags_json(tags).expose(),
            br#"{"a":"1","b":"\u003c\u0026\u003e\u2028"}"#
        );
        assert_eq!(tags_json([]).expose(), b"{}");
    }
}
