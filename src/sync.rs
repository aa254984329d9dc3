//! One object's way from spec to Secret: plan, fetch, rewrite, render, apply. `report` tells what became of it.
//!
//! Each stage is one module with one entry. `plan`, `rewrite` and `render` are pure.

pub mod apply;
pub mod cause;
pub mod fetch;
pub mod fingerprint;
pub mod object;
pub mod plan;
pub mod record;
pub mod render;
pub mod report;
pub mod rewrite;
pub mod spec;
pub mod target;

use std::{collections::BTreeMap, time::Duration};

use aws_lc_rs::hmac;
use jiff::Timestamp;
use tokio::time::Instant;

use self::{
    apply::{Applied, Writer},
    cause::{Cause, Failure},
    fetch::{Answers, Fetched},
    object::Object,
    plan::{Reads, Request, StoreState, Why},
    record::{Absence, Record},
    spec::{Place, Spec, StoreName, Wanted},
    target::TargetView,
};
use crate::{
    api::external_secret::{CreationPolicy, DeletionPolicy, SyncedEntry},
    aws::Broker,
    generators::Generators,
};

/// Before anything is removed because its source is missing, a second look so much later must agree.
const CONFIRMATION: Duration = Duration::from_secs(10);

/// What a sync needs from outside.
pub struct Stages {
    /// The way to AWS.
    pub broker: Broker,
    /// What makes values.
    pub generators: Generators,
    /// The way to target Secrets.
    pub writer: Writer,
    /// Key of digests: drawn at start, in memory only.
    pub digest_key: hmac::Key,
    /// Whether targets are watched: what the watch does not show is not there.
    pub targets_watched: bool,
}

/// What became of the target, where the sync succeeded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Done {
    /// Written, or found equal.
    Applied(Applied),
    /// creationPolicy None.
    NotWritten,
    /// Nothing came back, and deletionPolicy Retain leaves the target as it is.
    Retained,
    /// Something would be removed; it is looked at once more first.
    AwaitingConfirmation,
}

/// The end of a successful sync.
#[derive(Debug)]
pub struct Outcome {
    /// What became of the target.
    pub done: Done,
    /// The versions that were read.
    pub entries: Vec<SyncedEntry>,
    /// When the first of the values that a generator made expires.
    pub expires: Option<Timestamp>,
    /// Sources that were passed over, because they are gone.
    pub missing: Vec<Place>,
    /// How many Secrets under earlier names were deleted.
    pub renamed: usize,
}

impl Stages {
    /// Runs one sync.
    #[expect(
        clippy::too_many_arguments,
        reason = "the stages' inputs, named; a struct for one call would hide the flow"
    )]
    pub async fn run(
        &self,
        object: &Object,
        spec: &Spec,
        record: &mut Record,
        view: Option<&TargetView>,
        stores: &BTreeMap<StoreName, StoreState>,
        why: &Why,
        reads: &Reads,
        renamed: &[Box<str>],
    ) -> Result<Outcome, Failure> {
        let single = *why == Why::Confirm;
        let answers = fetch::fetch(&self.broker, &self.generators, object, spec, stores, reads, why).await?;
        let missing = missing(spec, reads, &answers)?;
        if !confirm(
            record,
            reads,
            &answers,
            single,
            view.is_some() || !self.targets_watched,
        ) {
            let done = Done::AwaitingConfirmation;
            return Ok(Outcome {
                done,
                entries: vec![],
                expires: None,
                missing: vec![],
                renamed: 0,
            });
        }
        let map = rewrite::rewrite(spec, reads, &answers.fetched)?;
        let entries = entries(reads, &answers);
        let expires = answers.expires;
        // Values live on in the map alone.
        drop(answers);
        let finished = |done, renamed| {
            Ok(Outcome {
                done,
                entries,
                expires,
                missing,
                renamed,
            })
        };
        if spec.target.creation == CreationPolicy::None {
            return finished(Done::NotWritten, 0);
        }
        if map.is_empty()
            && let Some(done) = self.nothing_left(object, spec, record, view).await?
        {
            return finished(done, 0);
        }
        let rendered = render::render(object, spec, map)?;
        let policy = format!("{:?} {} {}", spec.target, object.retained_on_delete(), object.uid);
        let digest = render::digest(&self.digest_key, &rendered, &policy);
        if record.digest == Some(digest) && !record.unproven && self.is_intact(spec, record, view) {
            let renamed = self.delete_renamed(object, spec, renamed).await?;
            return finished(Done::Applied(Applied::Unchanged(None)), renamed);
        }
        let applied = self.writer.apply(object, spec, &rendered, record, view).await?;
        record.digest = Some(digest);
        record.targetless = applied == Applied::Missing;
        match &applied {
            Applied::Created(written) | Applied::Updated(written) | Applied::Unchanged(Some(written)) => {
                record.written = Some(written.clone());
                record.unproven = false;
            }
            Applied::Missing | Applied::Deleted => {
                record.written = None;
                record.digest = None;
            }
            Applied::Unchanged(None) => {}
        }
        let renamed = self.delete_renamed(object, spec, renamed).await?;
        finished(Done::Applied(applied), renamed)
    }

    /// What an earlier target name left goes only once the new one stands.
    async fn delete_renamed(
        &self,
        object: &Object,
        spec: &Spec,
        names: &[Box<str>],
    ) -> Result<usize, Failure> {
        if spec.target.creation != CreationPolicy::Owner || names.is_empty() {
            return Ok(0);
        }
        self.writer.delete_renamed(object, names).await
    }

    /// Nothing came back: whether that ends the sync, or an empty Secret is written.
    async fn nothing_left(
        &self,
        object: &Object,
        spec: &Spec,
        record: &mut Record,
        view: Option<&TargetView>,
    ) -> Result<Option<Done>, Failure> {
        match (spec.target.deletion, spec.target.creation) {
            (DeletionPolicy::Merge, _) => Ok(None),
            (DeletionPolicy::Retain, _) => {
                record.targetless = view.is_none();
                Ok(Some(Done::Retained))
            }
            (DeletionPolicy::Delete, CreationPolicy::Owner) => {
                self.writer.delete(object, &spec.target.name).await?;
                record.written = None;
                record.digest = None;
                record.targetless = true;
                Ok(Some(Done::Applied(Applied::Deleted)))
            }
            // Not a fault of the spec alone: it heals when a source comes back.
            (DeletionPolicy::Delete, _) => Err(Failure::new(
                Cause::SecretNotFound,
                "deletionPolicy=Delete must not be used when the controller doesn't own the secret: all sources are gone, \
                 and the Secret stays; use creationPolicy Owner",
            )
            .headline("could not delete secret")),
        }
    }

    /// Whether the target still is what we wrote last, as far as the watch tells.
    fn is_intact(&self, spec: &Spec, record: &Record, view: Option<&TargetView>) -> bool {
        let Some(written) = &record.written else {
            return false;
        };
        match view {
            // The watch can be behind our own write: what counts is that nothing newer than it is known.
            Some(view) => view.uid == written.uid && view.resource_version == written.resource_version,
            None => !self.targets_watched && spec.target.creation != CreationPolicy::Merge,
        }
    }
}

/// Sources that may be passed over because they are gone; under Retain none may.
fn missing(spec: &Spec, reads: &Reads, answers: &Answers) -> Result<Vec<Place>, Failure> {
    let gone = spec.sources.iter().zip(&reads.by_source);
    let mut gone = gone
        .filter_map(|(source, at)| Some((source, answers.absent.get(at)?)))
        .peekable();
    if let Some((source, error)) = gone.peek()
        && spec.target.deletion == DeletionPolicy::Retain
    {
        let place = format!("error processing {}, err: ", source.place);
        let mut failure = fetch::failure(error, &place);
        if let Wanted::Value(remote) = &source.wanted {
            failure.text = format!("{} ({}); create it, or correct the key", failure.text, remote.key);
        }
        return Err(failure);
    }
    Ok(gone.map(|(source, _)| source.place.clone()).collect())
}

/// Whether what is missing may count as gone: nothing is there that would be removed, or a second look agreed.
fn confirm(record: &mut Record, reads: &Reads, answers: &Answers, single: bool, target_exists: bool) -> bool {
    let now = Instant::now();
    let absent: Vec<&Request> = answers
        .absent
        .keys()
        .filter_map(|at| reads.distinct.get(*at))
        .collect();
    record.absent.retain(|request, _| absent.contains(&request));
    for request in absent {
        let absence = record.absent.entry(request.clone()).or_insert(Absence {
            since: now,
            confirmed: !target_exists,
        });
        if single && now.duration_since(absence.since) >= CONFIRMATION {
            absence.confirmed = true;
        }
    }
    let open = record
        .absent
        .values()
        .filter(|absence| !absence.confirmed)
        .map(|absence| absence.since)
        .max();
    record.confirm_at = open.map(|since| since + CONFIRMATION);
    open.is_none()
}

fn entries(reads: &Reads, answers: &Answers) -> Vec<SyncedEntry> {
    let read = reads.distinct.iter().zip(&answers.fetched);
    read.filter_map(|(request, answer)| {
        let (Request::Value(_, read), Fetched::Value(answer)) = (request, answer) else {
            return None;
        };
        Some(SyncedEntry {
            key: read.id.clone(),
            version_id: answer.version_id.clone(),
            stage: answer.stage.clone(),
            changed_at: answer
                .created_at
                .map(k8s_openapi::apimachinery::pkg::apis::meta::v1::Time),
        })
    })
    .collect()
}
