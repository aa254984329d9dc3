//! FIND: everything that has a name, a path or tags that match.
//!
//! Lists are asked with what AWS can filter by, which is never all that is meant: names and tags are matched here before
//! values are read, and values are read as any others are, so that they travel together, wait for their turn and count
//! against the same bounds. Nothing is left out silently: what cannot be read fails the whole find, by name.

mod parameter_store;
mod pattern;
mod secrets_manager;

use std::{collections::BTreeMap, fmt, future::Future, sync::Arc};

use futures::{StreamExt, stream};

pub use pattern::NamePattern;

use super::{
    call::Plan,
    desk::Desks,
    error::{Class, Error},
    identity::Identity,
    read::{Answer, Aspect, Lane, OBJECT_LIMIT, Read, Retry, Version},
    room::Share,
    service::Service,
    sessions::Session,
};
use crate::api::secret_store::AwsService;

/// Reads of one find that wait at once: enough to fill the calls of an identity, and no more, so that others have their turn.
const WINDOW: usize = 160;
/// Pages of a list that are followed. No account holds more; a list that does not end is an error.
const MOST_PAGES: usize = 20_000;

/// What is looked for. Everything that is given must hold.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Query {
    /// The service that is searched.
    pub service: AwsService,
    /// The store's prefix: nothing outside of it is found.
    pub prefix: Option<String>,
    /// `find.path`: names that begin so (Secrets Manager), parameters below it (Parameter Store). It follows the prefix,
    /// unless it begins with it already.
    pub path: Option<String>,
    /// `find.name.regexp`.
    pub name: Option<NamePattern>,
    /// `find.tags`: each must be there with exactly this value.
    pub tags: BTreeMap<String, String>,
}

/// As people read it: what is given, without service and prefix, which are the store's.
impl fmt::Display for Query {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let path = self.path.iter().map(|path| format!("path {path}"));
        let name = self.name.iter().map(|name| format!("name ~ {}", name.text()));
        let tags = self
            .tags
            .iter()
            .map(|(name, value)| format!("tag {name}={value}"));
        let parts: Vec<_> = path.chain(name).chain(tags).collect();
        f.write_str(&parts.join(", "))
    }
}

/// One thing that was found.
#[derive(Clone, Debug)]
pub struct Found {
    /// Its full name at AWS.
    pub name: String,
    /// Its value.
    pub answer: Arc<Answer>,
}

/// A find under way.
pub(super) struct Search<'a> {
    pub(super) desks: &'a Desks,
    pub(super) identity: &'a Arc<Identity>,
    pub(super) retry: Option<&'a Retry>,
    pub(super) query: &'a Query,
    pub(super) lane: Lane,
}

/// What a find has brought so far, by name. A list that changes between two pages may bring one twice.
#[derive(Debug, Default)]
struct Haul {
    found: BTreeMap<String, Arc<Answer>>,
    bytes: usize,
}

impl Query {
    /// What a full name begins with. A path follows the store's prefix, as a key does, unless one of them begins with the
    /// other: then the longer one says it all.
    fn start(&self, path: &str) -> String {
        let prefix = self.prefix.as_deref().unwrap_or_default();
        if path.starts_with(prefix) {
            path.to_owned()
        } else if prefix.starts_with(path) {
            prefix.to_owned()
        } else {
            format!("{prefix}{path}")
        }
    }

    fn matches(&self, name: &str) -> bool {
        self.name.as_ref().is_none_or(|pattern| pattern.matches(name))
    }
}

impl Search<'_> {
    /// Everything that matches, sorted by name.
    pub(super) async fn run(&self) -> Result<Vec<Found>, Error> {
        let haul = match Service::of(self.query.service)? {
            Service::SecretsManager => secrets_manager::find(self).await?,
            Service::ParameterStore => parameter_store::find(self).await?,
        };
        let found = haul.found.into_iter();
        Ok(found.map(|(name, answer)| Found { name, answer }).collect())
    }

    /// One call of a list, with room for this many values.
    async fn call<T, F>(
        &self,
        api: &'static str,
        values: usize,
        make: impl Fn(Arc<Identity>, Session) -> F,
    ) -> Result<(T, Share), Error>
    where
        F: Future<Output = Result<T, Error>>,
    {
        let line = self.desks.line();
        let plan = Plan {
            api,
            urgent: self.lane.is_urgent(),
            retry: self.retry,
        };
        let leave = line.leave(self.identity, plan, values).await?;
        let (result, share) = line.call(leave, plan, make).await;
        if let Ok(service) = Service::of(self.query.service) {
            line.meter.call(service.provider(), api, &result);
        }
        Ok((result?, share))
    }

    /// Reads what a list has named.
    async fn read_all(&self, names: impl IntoIterator<Item = String>) -> Result<Haul, Error> {
        let mut haul = Haul::default();
        let mut reads = stream::iter(names)
            .map(|name| async move {
                let result = self.read(&name).await;
                (name, result)
            })
            .buffer_unordered(WINDOW);
        while let Some((name, result)) = reads.next().await {
            haul.add(name, result)?;
        }
        Ok(haul)
    }

    async fn read(&self, name: &str) -> Result<Arc<Answer>, Error> {
        let read = Read {
            service: self.query.service,
            id: name.to_owned(),
            version: match self.query.service {
                AwsService::ParameterStore => Version::Selector(None),
                AwsService::SecretsManager | AwsService::CertificateManager => Version::of_secret(None),
            },
            aspect: Aspect::Value,
        };
        self.desks
            .read(self.identity, self.retry, &read, self.lane, false)
            .await
    }
}

impl Haul {
    /// Takes a value. One that vanished since it was listed is left out; any other failure is that of the find.
    fn add(&mut self, name: String, result: Result<Arc<Answer>, Error>) -> Result<(), Error> {
        let answer = match result {
            Ok(answer) => answer,
            Err(error) if matches!(error.class, Class::Missing(_)) => return Ok(()),
            Err(error) => return Err(error.about(&name)),
        };
        self.bytes += answer.size();
        if let Some(before) = self.found.insert(name, answer) {
            self.bytes -= before.size();
        }
        if self.bytes > OBJECT_LIMIT {
            let text = format!(
                "what was found holds more than {OBJECT_LIMIT} bytes, the most that keyferry reads for one object; narrow \
                 the name, the path or the tags, or split the object"
            );
            return Err(Error::new(Class::TooLarge, "find", text));
        }
        Ok(())
    }
}

/// A list whose pages do not end.
fn endless(api: &'static str) -> Error {
    let text = format!("{api} failed: the list has more than {MOST_PAGES} pages");
    Error::new(Class::Transient, api, text)
}

#[cfg(test)]
mod tests;
