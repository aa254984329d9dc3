//! SOURCES: the ConfigMaps and Secrets that templates take text from, read live, by name, in the object's own namespace.
//!
//! Equal reads that wait to be sent become one; a read never joins one that was sent, so that what a watch tells is seen.

use std::{
    collections::{BTreeMap, HashMap},
    fmt,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use futures::{
    FutureExt, StreamExt, TryStreamExt,
    future::{BoxFuture, Shared},
    stream,
};
use k8s_openapi::api::core::v1::ConfigMap;
use kube::{Api, Client};
use tokio::sync::Semaphore;

use super::{
    cause::{Cause, Failure},
    template::Template,
};
use crate::{
    rights,
    secret_bytes::SecretBytes,
    secrets_api::{self, Error},
};

/// Reads at once, of all objects.
const READS: usize = 32;
/// Reads at once, of one object.
const READS_OF_ONE: usize = 8;
/// What the sources of one object may hold together.
const LIMIT: usize = 8 << 20;
/// A read that takes longer is given up; the queue tries again.
const TIMEOUT: Duration = Duration::from_secs(10);

/// What holds texts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum SourceKind {
    /// A ConfigMap.
    ConfigMap,
    /// A Secret.
    Secret,
}

impl SourceKind {
    /// The kind's name.
    pub fn name(self) -> &'static str {
        match self {
            Self::ConfigMap => "ConfigMap",
            Self::Secret => "Secret",
        }
    }
}

impl fmt::Display for SourceKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A ConfigMap or Secret of the object's namespace.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SourceName {
    /// Kind.
    pub kind: SourceKind,
    /// Name.
    pub name: Box<str>,
}

impl fmt::Display for SourceName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.kind, self.name)
    }
}

/// Which state of a source was read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Version {
    /// Uid: a source made anew is another one.
    pub uid: Box<str>,
    /// resourceVersion.
    pub resource_version: Box<str>,
}

impl Version {
    /// Whether this is a later state than the other. resourceVersions of one object are comparable numbers; where they are
    /// not, anything different counts as later.
    pub fn is_newer_than(&self, other: &Self) -> bool {
        let number = |version: &Self| version.resource_version.parse::<u64>();
        match (number(self), number(other)) {
            (Ok(this), Ok(other)) => this > other,
            _ => self != other,
        }
    }
}

/// A source as it was read.
#[derive(Debug)]
pub struct Text {
    /// Its state.
    pub version: Version,
    /// Its data.
    pub data: BTreeMap<String, SecretBytes>,
}

/// The sources of one template.
pub type Texts = BTreeMap<SourceName, Arc<Text>>;

type Answer = Result<Arc<Text>, Failure>;
type Waiting = Mutex<HashMap<(Box<str>, SourceName), Shared<BoxFuture<'static, Answer>>>>;

/// Reads sources.
pub struct Sources {
    client: Client,
    slots: Arc<Semaphore>,
    waiting: Arc<Waiting>,
}

impl Sources {
    /// Reads through this client.
    pub fn new(client: Client) -> Self {
        Self {
            client,
            slots: Arc::new(Semaphore::new(READS)),
            waiting: Arc::default(),
        }
    }

    /// Reads everything that a template of this namespace takes text from.
    pub async fn read(&self, namespace: &str, template: &Template) -> Result<Texts, Failure> {
        let sources = template.sources().into_iter().cloned();
        let reads = sources.map(|source| {
            let read = self.read_one(namespace, &source);
            async move { Ok((source, read.await?)) }
        });
        let texts: Texts = stream::iter(reads).buffered(READS_OF_ONE).try_collect().await?;
        let size: usize = texts
            .values()
            .flat_map(|text| text.data.values())
            .map(SecretBytes::len)
            .sum();
        if size > LIMIT {
            return Err(failure(
                Cause::TooLarge,
                format!(
                    "the sources of its templates hold {size} bytes, keyferry takes {LIMIT}; split the object"
                ),
            ));
        }
        Ok(texts)
    }

    fn read_one(&self, namespace: &str, source: &SourceName) -> Shared<BoxFuture<'static, Answer>> {
        let at = (Box::from(namespace), source.clone());
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(read) = waiting.get(&at) {
            return read.clone();
        }
        let (client, slots, all) = (
            self.client.clone(),
            Arc::clone(&self.slots),
            Arc::clone(&self.waiting),
        );
        let key = at.clone();
        let read = async move {
            let _slot = slots.acquire().await;
            // From here on it is sent: who comes later reads for himself.
            all.lock().unwrap_or_else(PoisonError::into_inner).remove(&key);
            let (namespace, source) = key;
            match source.kind {
                SourceKind::ConfigMap => config_map(client, &namespace, &source).await,
                SourceKind::Secret => secret(&client, &namespace, &source).await,
            }
        };
        let read = read.boxed().shared();
        waiting.insert(at, read.clone());
        read
    }
}

async fn config_map(client: Client, namespace: &str, source: &SourceName) -> Answer {
    let api: Api<ConfigMap> = Api::namespaced(client, namespace);
    let answer = tokio::time::timeout(TIMEOUT, api.get_opt(&source.name)).await;
    let found = match answer {
        Ok(answer) => answer.map_err(|error| failed(source, &Error::from(error)))?,
        Err(_) => return Err(failed(source, &Error::Timeout)),
    };
    let config_map = found.ok_or_else(|| missing(namespace, source))?;
    let data = config_map.data.unwrap_or_default().into_iter();
    Ok(Arc::new(Text {
        version: Version {
            uid: config_map.metadata.uid.unwrap_or_default().into(),
            resource_version: config_map.metadata.resource_version.unwrap_or_default().into(),
        },
        data: data.map(|(key, text)| (key, text.into())).collect(),
    }))
}

async fn secret(client: &Client, namespace: &str, source: &SourceName) -> Answer {
    let found = secrets_api::read_values(client, namespace, &source.name)
        .await
        .map_err(|error| failed(source, &error))?;
    let secret = found.ok_or_else(|| missing(namespace, source))?;
    Ok(Arc::new(Text {
        version: Version {
            uid: secret.uid.into(),
            resource_version: secret.resource_version.into(),
        },
        data: secret.data,
    }))
}

fn failure(cause: Cause, text: impl fmt::Display) -> Failure {
    Failure::new(cause, format!("error fetching templateFrom data: {text}"))
        .headline("could not update secret")
}

fn missing(namespace: &str, source: &SourceName) -> Failure {
    failure(
        Cause::TemplateSourceNotFound,
        format!("there is no {source} in namespace {namespace}; create it, or correct the name"),
    )
}

/// What a read that failed means for the object.
pub fn failed(source: &SourceName, error: &Error) -> Failure {
    if error.is_forbidden() {
        let right = rights::lacking("get", &format!("{}s", source.kind.name().to_lowercase()));
        return failure(
            Cause::Forbidden,
            format!("keyferry may not get {source}; {right} here"),
        );
    }
    failure(
        Cause::ApiServerUnavailable,
        format!("could not read {source}: {error}"),
    )
}
