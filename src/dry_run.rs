//! `keyferry plan`: what a sync of each object would give, compared with the Secret that is there. Writes nothing and
//! shows no value.
//!
//! The stages are the operator's own, up to render, and so is the decision whether anything is due at all.

mod there;

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
    sync::Arc,
    time::Duration,
};

use futures::{StreamExt, stream};
use jiff::Timestamp;
use kube::Client;
use prometheus::Registry;
use tokio::time::Instant;

use self::there::There;
use crate::{
    api::external_secret::CreationPolicy,
    inventory::{self, Inventory},
    operator::{self, config::Config},
    sync::{
        Preview, Stages,
        cause::Failure,
        object::Object,
        plan::{self, Decision, Reads, Request, Situation, StoreState},
        record::Record,
        spec::{Spec, StoreName},
        target::TargetView,
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
    /// It was synced, and nothing is read or written again until somebody changes something.
    Settled,
    /// There is no Secret yet, and a sync would make it.
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
            Self::Equal | Self::Settled | Self::Generated | Self::NotWritten | Self::NotServed
        )
    }

    fn word(&self) -> &'static str {
        match self {
            Self::Equal => "equal",
            Self::Different => "different",
            Self::Settled => "settled",
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
        let synced = Record::seed(object);
        let never_synced = Record {
            synced_form: None,
            ..Record::seed(object)
        };
        let reads = match self.decide(object, &stores, &never_synced, None, false) {
            Decision::Sync(_, reads) => reads,
            Decision::Refuse(failure) => return Err(failure),
            Decision::Ignore | Decision::Wait | Decision::Skip(_) => return Ok(Verdict::NotServed),
        };
        let spec = object.spec.as_ref().map_err(Clone::clone)?;
        if spec.target.creation == CreationPolicy::None {
            return self.unwritten(object, spec, &stores, &reads).await;
        }
        let there = There::look(self.client, &self.stages.writer, object, spec).await?;
        if self.is_settled(object, &stores, &synced, &there).await? {
            return Ok(Verdict::Settled);
        }
        if generates(&reads) {
            return Ok(Verdict::Generated);
        }
        let writer = &self.stages.writer;
        match self.stages.preview(object, spec, &stores, &reads).await? {
            Preview::Left => Ok(Verdict::Equal),
            Preview::Drawn => Ok(Verdict::Generated),
            Preview::Deleted => there.after_deletion(object, &synced, spec),
            Preview::Written(rendered) => {
                let client = self.client;
                there
                    .after_write(client, writer, object, spec, &rendered, &synced)
                    .await
            }
        }
    }

    /// Nothing is written; what is wrong with the sources is said all the same.
    async fn unwritten(
        &self,
        object: &Object,
        spec: &Spec,
        stores: &BTreeMap<StoreName, StoreState>,
        reads: &Reads,
    ) -> Result<Verdict, Failure> {
        if !generates(reads) {
            self.stages.preview(object, spec, stores, reads).await?;
        }
        Ok(Verdict::NotWritten)
    }

    /// Whether the operator, started now, would find nothing to do until somebody changes something: it was synced, no
    /// refresh follows, and the target is as it is expected.
    async fn is_settled(
        &self,
        object: &Object,
        stores: &BTreeMap<StoreName, StoreState>,
        record: &Record,
        there: &There,
    ) -> Result<bool, Failure> {
        // A token that expires is renewed whatever the interval.
        if record.synced_form.is_none() || record.reported.expires.is_some() {
            return Ok(false);
        }
        let template_changed =
            self.config.template_watch && there::is_template_changed(self.client, object, record).await?;
        let view = there.view();
        let decision = self.decide(object, stores, record, view.as_ref(), template_changed);
        Ok(matches!(decision, Decision::Skip(None)))
    }

    /// What the operator would decide, with its target as the watch would show it.
    fn decide(
        &self,
        object: &Object,
        stores: &BTreeMap<StoreName, StoreState>,
        record: &Record,
        target: Option<&TargetView>,
        template_changed: bool,
    ) -> Decision {
        plan::decide(&Situation {
            object,
            record,
            target,
            targets_watched: self.config.drift_watch,
            stores,
            default_class: self.config.is_default_class(),
            terminating: self.inventory.namespaces.get(&object.namespace).terminating,
            template_changed,
            waited: Duration::ZERO,
            instant: Instant::now(),
            now: Timestamp::now(),
        })
    }
}

fn generates(reads: &Reads) -> bool {
    let mut requests = reads.distinct.iter();
    requests.any(|request| matches!(request, Request::Generate(_)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sync::cause::Cause;

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
