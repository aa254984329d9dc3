//! What is known of an object while we run: the authority over its status, which only seeds it at start.

use std::collections::{BTreeMap, HashSet, VecDeque};

use jiff::Timestamp;
use tokio::time::Instant;

use super::{
    cause::Failure,
    fingerprint,
    object::Object,
    plan::Request,
    report,
    sources::{SourceName, Version},
    spec::{Place, TargetName},
    target::Written,
};
use crate::api::external_secret::{StatusCondition, SyncedEntry};

/// A keyed digest of what was rendered. The key is drawn at start and lives in memory only.
pub type Digest = [u8; 32];

/// A failure and when it is tried again.
#[derive(Clone, Debug)]
pub struct Failing {
    /// What failed last.
    pub failure: Failure,
    /// The form of the object that failed: another one is tried at once.
    pub form: Box<str>,
    /// Failures in a row.
    pub count: u32,
    /// When the first of them was.
    pub since: Instant,
    /// When it is tried again.
    pub retry_at: Instant,
    /// A refresh that was due failed: sync windows hold for its further tries too.
    pub of_refresh: bool,
}

/// What the status says, by our last write or, after a start, as it was found.
#[derive(Clone, Debug, Default)]
pub struct Reported {
    /// The Ready condition.
    pub ready: Option<StatusCondition>,
    /// The code.
    pub cause: Option<String>,
    /// The generation.
    pub observed_generation: Option<i64>,
    /// `refreshTime`.
    pub refresh_time: Option<Timestamp>,
    /// `syncedResourceVersion`.
    pub synced_form: Option<String>,
    /// `binding.name`.
    pub binding: Option<String>,
    /// `target`.
    pub target: Option<Box<TargetName>>,
    /// Versions.
    pub entries: Vec<SyncedEntry>,
    /// Entries beyond the list's bound.
    pub omitted: i64,
    /// When what was generated expires.
    pub expires: Option<Timestamp>,
}

/// Hashes of names that a find gave: enough to tell that one is gone.
pub type Names = HashSet<u64>;

/// A source that is missing, or of which something is.
#[derive(Clone, Debug)]
pub struct Absence {
    /// Since when.
    pub since: Instant,
    /// Of a find, the names that it lacks; none where they are not known.
    pub names: Names,
    /// A single look at least ten seconds later agreed.
    pub confirmed: bool,
}

/// What is known of an object, by uid.
#[derive(Debug)]
pub struct Record {
    /// Uid of the object.
    pub uid: Box<str>,
    /// The form that was synced last with success.
    pub synced_form: Option<Box<str>>,
    /// When a periodic refresh is due.
    pub due: Option<Instant>,
    /// When a token is to be renewed, before it expires.
    pub renew_at: Option<Instant>,
    /// Our last write of the target.
    pub written: Option<Written>,
    /// What we wrote last: another target than the spec names is to go.
    pub written_as: Option<TargetName>,
    /// The last sync ended without a target, and none is missed: its sources are gone, or nobody has made it yet.
    pub targetless: bool,
    /// Digest of what was last written or found equal.
    pub digest: Option<Digest>,
    /// The target changed in a way that metadata cannot prove harmless: the next refresh writes.
    pub unproven: bool,
    /// The running failure.
    pub failing: Option<Box<Failing>>,
    /// Sources that are missing.
    pub absent: BTreeMap<Request, Absence>,
    /// The missing sources that events have told of.
    pub told_missing: Vec<Place>,
    /// What finds gave in the last sync.
    pub found: BTreeMap<Request, Names>,
    /// When to ask again whether a source is missing, before anything is removed.
    pub confirm_at: Option<Instant>,
    /// Repairs within the last ten minutes.
    pub repairs: VecDeque<Instant>,
    /// Values of the force-sync annotations that were acted on.
    pub forced: [Option<Box<str>>; 2],
    /// The states of the ConfigMaps and Secrets that the template took text from last; nothing where no sync of this
    /// process got that far.
    pub template_sources: Option<BTreeMap<SourceName, Version>>,
    /// What the status says.
    pub reported: Reported,
    /// What the status should say, where it could not be written.
    pub owed: Option<Box<Reported>>,
    /// Another operator wrote the status at that time; the object is left alone until then, and taken up again after.
    pub yielded: Option<(Timestamp, Option<Instant>)>,
    /// Uid of a target whose type was looked up and is not privileged.
    pub type_checked: Option<Box<str>>,
}

impl Record {
    /// Seeds a record from the status, after a start or when an object appears.
    pub fn seed(object: &Object) -> Self {
        let status = &object.status;
        let ready = status
            .conditions
            .iter()
            .flatten()
            .find(|condition| condition.type_ == "Ready");
        let synced = status
            .synced_resource_version
            .as_deref()
            .filter(|form| !form.is_empty());
        let refreshed = status.refresh_time.as_ref().map(|time| time.0);
        let binding = status.binding.as_ref().and_then(|binding| binding.name.clone());
        let target = status
            .target
            .as_ref()
            .and_then(TargetName::of_status)
            .map(Box::new);
        let secret = binding
            .as_deref()
            .filter(|name| !name.is_empty())
            .map(|name| TargetName {
                kind: None,
                name: name.into(),
            });
        Self {
            uid: object.uid.clone(),
            synced_form: refreshed.and(synced).map(Into::into),
            due: None,
            renew_at: None,
            written: None,
            written_as: target.as_deref().cloned().or(secret),
            targetless: ready.is_some_and(report::is_targetless),
            digest: None,
            unproven: true,
            failing: None,
            absent: BTreeMap::new(),
            told_missing: vec![],
            found: BTreeMap::new(),
            confirm_at: None,
            repairs: VecDeque::new(),
            forced: object.force_sync().map(|value| value.map(Into::into)),
            template_sources: None,
            reported: Reported {
                ready: ready.cloned(),
                cause: status.cause.clone(),
                // ESO reports no generation, but its synced form holds one.
                observed_generation: status
                    .observed_generation
                    .or_else(|| synced.and_then(fingerprint::generation_of)),
                refresh_time: refreshed,
                synced_form: synced.map(str::to_owned),
                binding,
                target,
                entries: status.entries.clone().unwrap_or_default(),
                omitted: status.omitted.unwrap_or_default(),
                expires: status.expires.as_ref().map(|time| time.0),
            },
            owed: None,
            yielded: None,
            type_checked: None,
        }
    }
}
