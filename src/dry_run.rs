//! `keyferry plan`: what a sync of each object would give, compared with the Secret that is there. Writes nothing and
//! shows no value.
//!
//! The stages are the operator's own, up to render. A Secret that ESO wrote carries a hash of its data, so nothing has
//! to be read of it; any other is compared by a dry run of `test` operations, whose answer is yes or no.

use std::{collections::BTreeSet, fmt, sync::Arc};

use futures::{StreamExt, stream};
use jiff::Timestamp;
use kube::Client;
use prometheus::Registry;
use sha3::{Digest, Sha3_224};
use tokio::time::Instant;

use crate::{
    api::{external_secret::CreationPolicy, names},
    inventory::{self, Inventory},
    operator::{self, config::Config},
    resources_api::{self, At},
    secrets_api::{self, Guarded, Look},
    sync::{
        Preview, Stages,
        cause::{Cause, Failure},
        fingerprint,
        object::Object,
        plan::{self, Decision, Request, Situation, StoreState},
        record::Record,
        rewrite::Map,
        spec::{GenericKind, Spec, StoreName},
    },
};

/// Objects at once.
const AT_ONCE: usize = 16;

/// Why the dry run could not begin.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The stages could not be set up.
    #[error(transparent)]
    Operator(#[from] operator::Error),
    /// The cluster could not be listed.
    #[error("the objects of the cluster could not be listed: {0}")]
    List(#[from] Box<kube::Error>),
    /// Objects are stored in a version that keyferry does not read.
    #[error("{0}")]
    Outdated(String),
    /// An object was asked for that is not there.
    #[error("there is no ExternalSecret {0}; write NAMESPACE/NAME")]
    NoSuchObject(String),
}

/// How a Secret compares with what a sync would give.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// The data is the same.
    Equal,
    /// A sync would change the data.
    Different,
    /// There is no Secret yet.
    Missing,
    /// A sync would fail.
    Failed(Failure),
    /// Its values are made anew at each refresh, by a generator or a template: nothing to compare, and nothing was made.
    Generated,
    /// Nothing is written, by creationPolicy None.
    NotWritten,
    /// Another operator serves it, or its namespace is going.
    NotServed,
}

impl Verdict {
    /// Whether the first refresh would leave the data as it is.
    pub fn is_harmless(&self) -> bool {
        matches!(
            self,
            Self::Equal | Self::Generated | Self::NotWritten | Self::NotServed
        )
    }

    fn word(&self) -> &'static str {
        match self {
            Self::Equal => "equal",
            Self::Different => "different",
            Self::Missing => "missing",
            Self::Failed(_) => "failed",
            Self::Generated => "generated",
            Self::NotWritten => "not-written",
            Self::NotServed => "not-served",
        }
    }
}

/// One object and what came of it.
#[derive(Clone, Debug)]
pub struct Line {
    /// Namespace and name of the ExternalSecret.
    pub object: String,
    /// How its Secret compares.
    pub verdict: Verdict,
}

impl fmt::Display for Line {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:<12} {}", self.verdict.word(), self.object)?;
        match &self.verdict {
            Verdict::Failed(failure) => write!(f, "  {failure}"),
            _ => Ok(()),
        }
    }
}

/// Compares all objects that the operator would serve, or the ones that are named, in the order of their names.
pub async fn run(client: Client, config: &Config, named: &[String]) -> Result<Vec<Line>, Error> {
    if let Some(outdated) = inventory::outdated(&client).await.map_err(Box::new)? {
        return Err(Error::Outdated(outdated));
    }
    let inventory = Inventory::list(&client, config).await.map_err(Box::new)?;
    let stages = operator::stages(
        &client,
        config,
        &Registry::new(),
        &Arc::default(),
        &Arc::default(),
    )?;
    let mut left: BTreeSet<&str> = named.iter().map(String::as_str).collect();
    let chosen: Vec<_> = inventory
        .objects
        .iter()
        .map(|object| (format!("{}/{}", object.namespace, object.name), object))
        .filter(|(name, _)| left.remove(name.as_str()) || named.is_empty())
        .collect();
    if let Some(name) = left.first() {
        return Err(Error::NoSuchObject((*name).to_owned()));
    }
    let one = Compare {
        client: &client,
        config,
        stages: &stages,
        inventory: &inventory,
    };
    let one = &one;
    let mut lines: Vec<_> = stream::iter(chosen)
        .map(|(name, object)| async move {
            Line {
                object: name,
                verdict: one.verdict(object).await.unwrap_or_else(Verdict::Failed),
            }
        })
        .buffer_unordered(AT_ONCE)
        .collect()
        .await;
    lines.sort_by(|a, b| a.object.cmp(&b.object));
    Ok(lines)
}

struct Compare<'a> {
    client: &'a Client,
    config: &'a Config,
    stages: &'a Stages,
    inventory: &'a Inventory,
}

impl Compare<'_> {
    async fn verdict(&self, object: &Object) -> Result<Verdict, Failure> {
        if object.deleting {
            return Ok(Verdict::NotServed);
        }
        let stores = self.inventory.states(&object.namespace, &object.stores);
        let reads = match self.decide(object, &stores) {
            Decision::Sync(_, reads) => reads,
            Decision::Refuse(failure) => return Err(failure),
            Decision::Ignore | Decision::Wait | Decision::Skip(_) => return Ok(Verdict::NotServed),
        };
        let spec = object.spec.as_ref().map_err(Clone::clone)?;
        let generates = |request: &Request| matches!(request, Request::Generate(_));
        if reads.distinct.iter().any(generates) {
            return Ok(Verdict::Generated);
        }
        let data = self.stages.preview(object, spec, &stores, &reads).await?;
        match data {
            _ if spec.target.creation == CreationPolicy::None => Ok(Verdict::NotWritten),
            Some(preview) if preview.draws => Ok(Verdict::Generated),
            Some(preview) => self.compare(object, spec, &preview).await,
            None => Ok(Verdict::Equal),
        }
    }

    /// As for an object that was never synced: everything is due.
    fn decide(
        &self,
        object: &Object,
        stores: &std::collections::BTreeMap<StoreName, StoreState>,
    ) -> Decision {
        let mut record = Record::seed(object);
        record.synced_form = None;
        plan::decide(&Situation {
            object,
            record: &record,
            target: None,
            targets_watched: false,
            stores,
            default_class: self.config.is_default_class(),
            terminating: self.inventory.namespaces.get(&object.namespace).terminating,
            template_changed: false,
            instant: Instant::now(),
            now: Timestamp::now(),
        })
    }

    /// Other kinds are compared by what a sync would declare of them: fields of others are theirs.
    async fn compare_resource(
        &self,
        object: &Object,
        spec: &Spec,
        kind: &GenericKind,
        preview: &Preview,
    ) -> Result<Verdict, Failure> {
        let resource = self.stages.writer.resolve(kind).await?;
        let at = At {
            resource: &resource,
            namespace: &object.namespace,
            name: &spec.target.name,
        };
        let unread = |error: secrets_api::Error| unread(&error, spec);
        let there = resources_api::metadata(self.client, at, Look::Get);
        if there.await.map_err(unread)?.is_none() {
            return Ok(Verdict::Missing);
        }
        let holds = resources_api::holds(self.client, at, &preview.fields);
        Ok(if holds.await.map_err(unread)? {
            Verdict::Equal
        } else {
            Verdict::Different
        })
    }

    async fn compare(&self, object: &Object, spec: &Spec, preview: &Preview) -> Result<Verdict, Failure> {
        if let Some(kind) = &spec.target.kind {
            return self.compare_resource(object, spec, kind, preview).await;
        }
        let (name, data) = (&*spec.target.name, &preview.data);
        let unread = |error: secrets_api::Error| unread(&error, spec);
        let there = secrets_api::metadata(self.client, &object.namespace, name, Look::Get);
        let Some(meta) = there.await.map_err(unread)? else {
            return Ok(Verdict::Missing);
        };
        let same = |equal| if equal { Verdict::Equal } else { Verdict::Different };
        let annotations = meta.metadata.annotations.unwrap_or_default();
        let is_whole = preview.whole
            && matches!(
                spec.target.creation,
                CreationPolicy::Owner | CreationPolicy::Orphan
            );
        // Under the merging policies ESO's hash covers keys of others, whose values nobody reads.
        if let Some(hash) = annotations.get(names::DATA_HASH_ANNOTATION).filter(|_| is_whole) {
            return Ok(same(*hash == data_hash(data)));
        }
        let at = Guarded {
            namespace: &object.namespace,
            name,
            manager: &fingerprint::field_manager(&object.name),
            resource_version: meta.metadata.resource_version.as_deref().unwrap_or_default(),
        };
        let equal = secrets_api::values_equal(self.client, at, data)
            .await
            .map_err(unread)?;
        if !equal || !is_whole {
            return Ok(same(equal));
        }
        let shape = secrets_api::shape(self.client, &object.namespace, name, Look::Get);
        Ok(same(shape.await.map_err(unread)?.keys == data.len()))
    }
}

fn unread(error: &secrets_api::Error, spec: &Spec) -> Failure {
    let cause = if error.is_forbidden() {
        Cause::Forbidden
    } else {
        Cause::ApiServerUnavailable
    };
    Failure::new(
        cause,
        format!("{} could not be compared: {error}", spec.target.id()),
    )
}

/// ESO's hash of a Secret's data: Go's print of a map of byte slices. Fed piece by piece, so that no copy is left.
fn data_hash(data: &Map) -> String {
    let mut digest = Sha3_224::new();
    digest.update("map[");
    for (nth, (key, value)) in data.iter().enumerate() {
        digest.update(if nth == 0 { "" } else { " " });
        digest.update(key);
        digest.update(":[");
        for (nth, byte) in value.expose().iter().enumerate() {
            digest.update(if nth == 0 { "" } else { " " });
            digest.update(byte.to_string());
        }
        digest.update("]");
    }
    digest.update("]");
    fingerprint::hex(&digest.finalize())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::secret_bytes::SecretBytes;

    fn hash(data: &[(&str, &str)]) -> String {
        let data = data
            .iter()
            .map(|(key, value)| ((*key).to_owned(), SecretBytes::new(value.as_bytes().to_vec())));
        data_hash(&data.collect())
    }

    #[test]
    fn the_hash_is_esos() {
        assert_eq!(
            hash(&[("foo", "value1"), ("bar", "value2")]),
            "1bed8bcbcb4547ffe19a19cd47d9078e84aa6598266d86b99f992d64"
        );
        assert_eq!(
            hash(&[]),
            "74a974446e359fb3e6baff9bd0058950e6edd0f040888d9989b0a11b"
        );
    }

    #[test]
    fn a_line_names_verdict_and_object() {
        let line = |verdict| {
            Line {
                object: "a/b".to_owned(),
                verdict,
            }
            .to_string()
        };
        assert_eq!(line(Verdict::Equal), "equal        a/b");
        let failure = Failure::new(Cause::SecretNotFound, "there is none");
        assert_eq!(
            line(Verdict::Failed(failure)),
            "failed       a/b  SecretNotFound: there is none"
        );
    }
}
