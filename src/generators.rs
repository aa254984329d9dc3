//! GENERATE: values that are made and not read. The part of the fetch stage for `generatorRef`.
//!
//! A generator is looked up live, by name, in the namespace of the object that uses it; everything that it refers to is
//! looked up there as well, whatever namespace it names, and also for a ClusterGenerator. Nothing is kept: each call makes
//! new values, so whoever calls decides when.

mod ecr;
mod identity;
mod mfa;
mod name;
mod password;
mod random;
mod refusal;
mod spec;
mod ssh_key;
mod sts;
mod uuid;

use std::{collections::BTreeMap, time::Duration};

use jiff::Timestamp;
use kube::{Api, Client, api::DynamicObject};

pub use name::{GeneratorName, Kind};

use self::{refusal::Refusal, spec::Spec};
use crate::{
    api::generator::MfaSpec,
    aws::{self, Broker},
    rights,
    secret_bytes::SecretBytes,
    secrets_api,
    sync::cause::{Cause, Failure},
};

/// A call to the API server that takes longer is given up.
const TIMEOUT: Duration = Duration::from_secs(10);

/// What a generator makes: keys and values.
pub(crate) type Values = BTreeMap<String, SecretBytes>;

/// What a generator made.
#[derive(Clone, Debug)]
pub struct Generated {
    /// Keys and values.
    pub values: Values,
    /// When they stop being of use; none for what lasts.
    pub expires: Option<Timestamp>,
}

impl From<Values> for Generated {
    fn from(values: Values) -> Self {
        Self {
            values,
            expires: None,
        }
    }
}

/// Makes values.
#[derive(Clone)]
pub struct Generators {
    client: Client,
    broker: Broker,
    /// Our class: a generator that names another one is somebody else's.
    class: Box<str>,
}

/// How much values are wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Urgency {
    /// Somebody asked, who does not want to hear of a failure that is only remembered.
    Forced,
    /// Something waits.
    Now,
    /// A refresh.
    Periodic,
}

impl Urgency {
    fn is_urgent(self) -> bool {
        self != Self::Periodic
    }
}

impl Generators {
    /// Generators of one operator.
    pub fn new(client: Client, broker: Broker, class: &str) -> Self {
        Self {
            client,
            broker,
            class: class.into(),
        }
    }

    /// New values of a generator, for an object of `namespace`.
    ///
    /// # Errors
    /// [`Cause::GeneratorNotOurs`] where the generator names another class: the object is to be left alone.
    pub async fn generate(
        &self,
        namespace: &str,
        generator: &GeneratorName,
        urgency: Urgency,
    ) -> Result<Generated, Failure> {
        let spec = self.look_up(namespace, generator).await?;
        if spec.class().is_some_and(|class| *class != *self.class) {
            return Err(Failure::new(
                Cause::GeneratorNotOurs,
                format!("{generator} names another class in spec.controller"),
            ));
        }
        let made = match spec {
            Spec::Registry(spec) => ecr::login(&self.broker, namespace, generator, &spec, urgency).await,
            Spec::Session(spec) => sts::token(&self.broker, namespace, generator, &spec, urgency).await,
            Spec::Mfa(spec) => self.one_time_code(namespace, &spec).await,
            Spec::SshKey(spec) => aside(move || ssh_key::generate(&spec)).await,
            Spec::Password(spec) => aside(move || password::generate(&spec, &random::system)).await,
            Spec::Uuid => uuid::generate(&random::system).map(Generated::from),
            Spec::Fake(spec) => {
                let data = spec.data.unwrap_or_default().into_iter();
                let values: Values = data.map(|(key, value)| (key, value.into())).collect();
                Ok(values.into())
            }
        };
        made.map_err(|refusal| refusal.of(generator))
    }

    async fn one_time_code(&self, namespace: &str, spec: &MfaSpec) -> Result<Generated, Refusal> {
        let name = spec.secret.name.as_deref().unwrap_or_default();
        let key = spec.secret.key.as_deref().unwrap_or_default();
        if name.is_empty() || key.is_empty() {
            return Err(Refusal::invalid("spec.secret must name a Secret and a key in it"));
        }
        let secret = secrets_api::read_values(&self.client, namespace, name).await;
        let seed = secret
            .map_err(|error| Refusal::secret_unread(namespace, name, &error))?
            .ok_or_else(|| {
                Refusal::invalid(format!(
                    "there is no Secret \"{name}\" in namespace \"{namespace}\"; create it with the seed in it"
                ))
            })?
            .data
            .remove(key)
            .ok_or_else(|| {
                Refusal::invalid(format!(
                    "secret key {key} does not exist in Secret \"{name}\" of namespace \"{namespace}\""
                ))
            })?;
        mfa::generate(spec, &seed, Timestamp::now()).map(Generated::from)
    }

    /// Reads a generator as it is now; what a ClusterGenerator holds is read as if it stood in the object's namespace.
    async fn look_up(&self, namespace: &str, generator: &GeneratorName) -> Result<Spec, Failure> {
        let resource = spec::resource(generator.kind);
        let (api, place): (Api<DynamicObject>, _) = if generator.kind == Kind::ClusterGenerator {
            (Api::all_with(self.client.clone(), &resource), String::new())
        } else {
            (
                Api::namespaced_with(self.client.clone(), namespace, &resource),
                format!(" in namespace \"{namespace}\""),
            )
        };
        let read = tokio::time::timeout(TIMEOUT, api.get_opt(&generator.name)).await;
        let found = match read {
            Ok(Ok(found)) => found,
            Ok(Err(error)) => return Err(not_read(generator, &place, Some(&error))),
            Err(_) => return Err(not_read(generator, &place, None)),
        };
        let Some(mut object) = found else {
            return Err(Failure::new(
                Cause::GeneratorNotFound,
                format!(
                    "unable to get generator: there is no {generator}{place}, or its CRD is not installed; create it, or \
                     correct the name"
                ),
            ));
        };
        let spec = object.data.get_mut("spec").map(serde_json::Value::take);
        spec::read(generator, spec.unwrap_or_else(|| serde_json::json!({})))
    }
}

/// Makes values where it holds nobody up: users decide how much work that is.
async fn aside(
    make: impl FnOnce() -> Result<Values, Refusal> + Send + 'static,
) -> Result<Generated, Refusal> {
    tokio::task::spawn_blocking(make)
        .await
        .unwrap_or_else(|_| Err(Refusal::passing("the operator is stopping")))
        .map(Generated::from)
}

fn not_read(generator: &GeneratorName, place: &str, error: Option<&kube::Error>) -> Failure {
    let (cause, why) = match error {
        Some(kube::Error::Api(status)) if matches!(status.code, 401 | 403) => (
            Cause::Forbidden,
            format!(
                "the API server refuses; {}",
                rights::lacking("get", &spec::resource(generator.kind).plural)
            ),
        ),
        Some(kube::Error::Api(status)) => (Cause::ApiServerUnavailable, format!("HTTP {}", status.code)),
        Some(kube::Error::SerdeError(_)) => (
            Cause::GeneratorInvalid,
            "the stored object cannot be read; apply it again".to_owned(),
        ),
        _ => (
            Cause::ApiServerUnavailable,
            "the API server could not be asked".to_owned(),
        ),
    };
    Failure::new(
        cause,
        format!("unable to get generator {generator}{place}: {why}"),
    )
}

impl Refusal {
    fn secret_unread(namespace: &str, name: &str, error: &secrets_api::Error) -> Self {
        let (cause, why) = if error.is_forbidden() {
            let right = rights::lacking("get", "secrets");
            (Cause::Forbidden, format!("the API server refuses; {right} here"))
        } else {
            let why = error.code().map_or_else(
                || "the API server could not be asked".to_owned(),
                |code| format!("HTTP {code}"),
            );
            (Cause::ApiServerUnavailable, why)
        };
        let text = format!("cannot read Secret \"{name}\" of namespace \"{namespace}\": {why}");
        Self { cause, text }
    }
}

/// A refusal of AWS, in the words that reads have for it.
impl From<aws::Error> for Refusal {
    fn from(error: aws::Error) -> Self {
        let cause = match error.class {
            // It is the generator that cannot be acted upon, not a store.
            aws::Class::Config => Cause::GeneratorInvalid,
            // Nothing is looked for that could be missing.
            aws::Class::Missing(_) => Cause::InvalidRequest,
            _ => crate::sync::fetch::failure(&error, "").cause,
        };
        Self {
            cause,
            text: error.text,
        }
    }
}
