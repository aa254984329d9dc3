//! One object's way from spec to target: plan, fetch, rewrite, render, apply. `report` tells what became of it.
//!
//! Each stage is one module with one entry. `plan`, `rewrite`, `template` and `render` are pure; `sources` reads what
//! templates are taken from.

pub mod absence;
pub mod apply;
pub mod cause;
pub mod fetch;
pub mod fields;
pub mod fingerprint;
pub mod object;
pub mod plan;
pub mod record;
pub mod render;
pub mod report;
pub mod rewrite;
pub mod sources;
pub mod spec;
pub mod target;
pub mod template;

use std::{collections::BTreeMap, sync::Arc};

use aws_lc_rs::hmac;
use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;

use self::{
    absence::Kept,
    apply::{Applied, Writer},
    cause::{Cause, Failure},
    fetch::{Answers, Fetched},
    object::Object,
    plan::{Reads, Request, StoreState, Why},
    record::Record,
    render::{Content, Rendered},
    rewrite::Map,
    sources::Sources,
    spec::{Interval, Place, Refresh, Spec, StoreName, TargetName},
    target::{Seen, TargetView},
    template::{Filled, Template, pool::Pool},
};
use crate::{
    api::external_secret::{CreationPolicy, DeletionPolicy, SyncedEntry},
    aws::Broker,
    generators::Generators,
};

/// What a sync needs from outside.
pub struct Stages {
    /// The way to AWS.
    pub broker: Broker,
    /// What makes values.
    pub generators: Generators,
    /// The way to target Secrets.
    pub writer: Writer,
    /// The way to ConfigMaps and Secrets that hold templates.
    pub sources: Sources,
    /// Where templates are filled.
    pub templates: Pool,
    /// Key of digests: drawn at start, in memory only.
    pub digest_key: hmac::Key,
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

/// What a sync would do to the target.
#[derive(Debug)]
pub enum Preview {
    /// Leave it as it is, because nothing came back.
    Left,
    /// Delete it, because nothing came back.
    Deleted,
    /// Write other values each time: the template draws at random.
    Drawn,
    /// Write this.
    Written(Rendered),
}

impl Outcome {
    fn awaiting_confirmation() -> Self {
        Self {
            done: Done::AwaitingConfirmation,
            entries: vec![],
            expires: None,
            missing: vec![],
            renamed: 0,
        }
    }
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
        seen: Seen<'_>,
        stores: &BTreeMap<StoreName, StoreState>,
        why: &Why,
        reads: &Reads,
        renamed: &[TargetName],
    ) -> Result<Outcome, Failure> {
        let view = seen.view;
        if let Some(kind) = &spec.target.kind {
            // Before AWS is asked in vain.
            Box::pin(self.writer.resolve(kind)).await?;
        }
        let single = *why == Why::Confirm;
        let answers = fetch::fetch(&self.broker, &self.generators, object, spec, stores, reads, why).await?;
        let missing = absence::missing(spec, reads, &answers)?;
        let target_exists = view.is_some() || !seen.watched;
        if !absence::confirm(record, spec, reads, &answers, single, target_exists) {
            return Ok(Outcome::awaiting_confirmation());
        }
        let map = rewritten(spec, reads, &answers.fetched).await?;
        let (entries, found) = (entries(reads, &answers), absence::found(reads, &answers));
        let expires = answers.expires;
        // Values live on in the map alone.
        drop(answers);
        let kept = Kept::of(spec, &missing);
        // Where nothing is rendered, no source counts; else they are noted as they are read.
        record.template_sources.get_or_insert_default();
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
        if map.is_empty() && kept != Kept::Nothing {
            record.targetless = view.is_none();
            return finished(Done::Retained, 0);
        }
        if map.is_empty()
            && let Some(done) = Box::pin(self.nothing_left(object, spec, record, view)).await?
        {
            return finished(done, 0);
        }
        let content = match &spec.target.template {
            None => Content::Read(map, kept),
            Some(template) => {
                let filled = Box::pin(self.fill(object, template, map, &kept, record)).await?;
                // What was drawn once stays, also where it took reading a ConfigMap to learn that something is drawn.
                let once = spec.refresh == Refresh::Periodic(Interval::Once);
                let anew = matches!(why, Why::Changed | Why::TemplateChanged);
                if filled.draws && once && anew && view.is_some() {
                    return finished(Done::Applied(Applied::Unchanged(None)), 0);
                }
                Content::Filled(filled)
            }
        };
        let rendered = render::render(object, spec, content)?;
        let keys = || rendered.keys_digest(spec);
        if !absence::confirm_after_start(record, object, &found, keys, view) {
            return Ok(Outcome::awaiting_confirmation());
        }
        let policy = format!("{:?} {} {}", spec.target, object.retained_on_delete(), object.uid);
        let digest = render::digest(&self.digest_key, &rendered, &policy);
        if record.digest == Some(digest) && !record.unproven && is_intact(spec, record, seen) {
            record.found = found;
            let renamed = self.delete_renamed(object, spec, record, renamed).await?;
            return finished(Done::Applied(Applied::Unchanged(None)), renamed);
        }
        // In boxes, as all that not every turn does: up to thousands of turns wait for reads, each as large as its largest part.
        let applied = Box::pin(self.writer.apply(object, spec, &rendered, record, view)).await?;
        record.found = found;
        record.digest = Some(digest);
        note(record, &applied);
        let renamed = self.delete_renamed(object, spec, record, renamed).await?;
        finished(Done::Applied(applied), renamed)
    }

    /// What a sync would do to the target, without a write.
    pub async fn preview(
        &self,
        object: &Object,
        spec: &Spec,
        stores: &BTreeMap<StoreName, StoreState>,
        reads: &Reads,
    ) -> Result<Preview, Failure> {
        let why = Why::New;
        let answers = fetch::fetch(&self.broker, &self.generators, object, spec, stores, reads, &why).await?;
        let missing = absence::missing(spec, reads, &answers)?;
        let map = rewritten(spec, reads, &answers.fetched).await?;
        drop(answers);
        let kept = Kept::of(spec, &missing);
        if map.is_empty() && (kept != Kept::Nothing || spec.target.deletion == DeletionPolicy::Retain) {
            return Ok(Preview::Left);
        }
        if map.is_empty() && spec.target.deletion == DeletionPolicy::Delete {
            return match spec.target.creation {
                CreationPolicy::Owner => Ok(Preview::Deleted),
                _ => Err(not_ours_to_delete()),
            };
        }
        let content = match &spec.target.template {
            None => Content::Read(map, kept),
            Some(template) => {
                let filled = self
                    .fill(object, template, map, &kept, &mut Record::seed(object))
                    .await?;
                if filled.draws {
                    return Ok(Preview::Drawn);
                }
                Content::Filled(filled)
            }
        };
        render::render(object, spec, content).map(Preview::Written)
    }

    /// What the template makes of what was read. Its sources are read last, so that they are as fresh as can be.
    async fn fill(
        &self,
        object: &Object,
        template: &Arc<Template>,
        map: Map,
        kept: &Kept,
        record: &mut Record,
    ) -> Result<Filled, Failure> {
        let texts = Arc::new(self.sources.read(&object.namespace, template).await?);
        let versions = texts
            .iter()
            .map(|(name, text)| (name.clone(), text.version.clone()));
        record.template_sources = Some(versions.collect());
        let filled = self
            .templates
            .fill(&object.namespace, template, &Arc::new(map), kept, &texts)
            .await;
        match object.generic_target() {
            None => filled,
            Some(_) => filled.map_err(|failure| failure.headline(render::NOT_APPLIED)),
        }
    }

    /// What an earlier target name left goes only once the new one stands.
    async fn delete_renamed(
        &self,
        object: &Object,
        spec: &Spec,
        record: &mut Record,
        names: &[TargetName],
    ) -> Result<usize, Failure> {
        let deleted = if spec.target.creation != CreationPolicy::Owner || names.is_empty() {
            0
        } else {
            let stays = record.written.as_ref().map(|written| &*written.uid);
            Box::pin(self.writer.delete_renamed(object, names, stays)).await?
        };
        // Only now: what could not be deleted is tried again.
        if record.written.is_some() {
            record.written_as = Some(spec.target.id());
        }
        Ok(deleted)
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
                self.writer.delete(object, record, &spec.target.id()).await?;
                record.written = None;
                record.digest = None;
                record.targetless = true;
                Ok(Some(Done::Applied(Applied::Deleted)))
            }
            (DeletionPolicy::Delete, _) => Err(not_ours_to_delete()),
        }
    }
}

/// Not a fault of the spec alone: it heals when a source comes back.
fn not_ours_to_delete() -> Failure {
    Failure::new(
        Cause::SecretNotFound,
        "deletionPolicy=Delete must not be used when the controller doesn't own the secret: all sources are gone, and the \
         Secret stays; use creationPolicy Owner",
    )
    .headline("could not delete secret")
}

/// What is known of the target after it was written.
fn note(record: &mut Record, applied: &Applied) {
    record.targetless = *applied == Applied::Missing;
    match applied {
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
}

/// Whether the target still is what we wrote last, as far as the watch tells.
fn is_intact(spec: &Spec, record: &Record, seen: Seen<'_>) -> bool {
    let Some(written) = &record.written else {
        return false;
    };
    match seen.view {
        // The watch can be behind our own write: what counts is that nothing newer than it is known.
        Some(view) => view.uid == written.uid && view.resource_version == written.resource_version,
        None => !seen.watched && spec.target.creation != CreationPolicy::Merge,
    }
}

/// Rewrites; what could take long runs where it holds nobody up.
async fn rewritten(spec: &Spec, reads: &Reads, fetched: &[Fetched]) -> Result<Map, Failure> {
    if !rewrite::is_long(spec, reads, fetched) {
        return rewrite::rewrite(spec, reads, fetched);
    }
    let (spec, reads, fetched) = (spec.clone(), reads.clone(), fetched.to_vec());
    let rewriting = tokio::task::spawn_blocking(move || rewrite::rewrite(&spec, &reads, &fetched));
    rewriting
        .await
        .unwrap_or_else(|_| Err(Failure::new(Cause::RewriteFailed, "the rewrite was broken off")))
}

/// What was read, for the status: one entry for each secret, and one for each find.
fn entries(reads: &Reads, answers: &Answers) -> Vec<SyncedEntry> {
    let entry = |(request, fetched): (&Request, &Fetched)| match (request, fetched) {
        (Request::Value(_, read), Fetched::Value(answer)) => Some(SyncedEntry {
            key: read.id.clone(),
            version_id: answer.version_id.clone(),
            stage: answer.stage.clone(),
            changed_at: answer.created_at.map(Time),
        }),
        (Request::Find(_, query), Fetched::Found(found)) => Some(SyncedEntry {
            key: format!("find: {query}"),
            changed_at: found
                .iter()
                .filter_map(|found| found.answer.created_at)
                .max()
                .map(Time),
            ..SyncedEntry::default()
        }),
        _ => None,
    };
    let answered = reads.distinct.iter().zip(&answers.fetched);
    answered.filter_map(entry).collect()
}
