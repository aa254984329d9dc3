//! PLAN: whether AWS must be asked, and what for. Pure and total; no call is made to decide.

use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
    time::Duration,
};

use jiff::Timestamp;
use tokio::time::Instant;

use super::{
    cause::{Cause, Failure},
    fingerprint,
    object::Object,
    record::Record,
    spec::{Gate, Interval, Refresh, Remote, Spec, StoreName, Wanted, Windows},
    target::{self, Drift, Expected, Merged, TargetView},
};
use crate::{
    api::secret_store::{AwsProvider, AwsService},
    aws::{Aspect, Query, Read, Version},
    generators::GeneratorName,
    operator::store::StoreView,
};

/// How often a target may be repaired within [`CONTEST_WINDOW`] before we stop fighting for it.
const REPAIRS: usize = 3;
/// See [`REPAIRS`].
pub const CONTEST_WINDOW: Duration = Duration::from_mins(10);
/// How long an object whose interval is 0 waits where others wait for their interval.
pub const DEFAULT_WAIT: Duration = Duration::from_hours(1);

/// A store as an object sees it.
#[derive(Clone, Debug)]
pub enum StoreState {
    /// There is none of that name.
    Missing,
    /// It belongs to another class or provider.
    NotOurs(&'static str),
    /// Its conditions keep this namespace out.
    Denied,
    /// It was not validated yet: its turn comes first.
    Pending,
    /// It is not Ready, and why as far as is known.
    NotReady(Option<String>),
    /// It can be used.
    Usable(Arc<StoreView>, Arc<AwsProvider>),
}

/// Everything a decision depends on.
#[derive(Debug)]
#[expect(clippy::struct_excessive_bools, reason = "each is a fact of its own")]
pub struct Situation<'a> {
    /// The object.
    pub object: &'a Object,
    /// What is known of it.
    pub record: &'a Record,
    /// Its target, as the watch shows it; nothing where it is absent.
    pub target: Option<&'a TargetView>,
    /// Whether targets are watched at all.
    pub targets_watched: bool,
    /// The stores it names.
    pub stores: &'a BTreeMap<StoreName, StoreState>,
    /// Whether objects that name no store, or only missing ones, are ours: we have the default class.
    pub default_class: bool,
    /// The namespace is being deleted.
    pub terminating: bool,
    /// A ConfigMap or Secret that its template takes text from is not what it was.
    pub template_changed: bool,
    /// How long the object waited for its turn.
    pub waited: Duration,
    /// Now.
    pub instant: Instant,
    /// The same by the calendar, as sync windows have it.
    pub now: Timestamp,
}

/// Why a sync runs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Why {
    /// Never synced.
    New,
    /// The object changed.
    Changed,
    /// A ConfigMap or Secret that its template takes text from changed.
    TemplateChanged,
    /// Asked for by annotation.
    Forced,
    /// The target changed: by this manager, where one is known.
    Drift(Option<Box<str>>),
    /// The interval has passed.
    Due,
    /// A failure is tried again.
    Retry,
    /// Whether a source is really missing.
    Confirm,
}

impl Why {
    /// Periodic reads may wait for company.
    pub fn is_periodic(&self) -> bool {
        matches!(self, Self::Due)
    }
}

/// One thing to ask for.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Request {
    /// A secret, of a store.
    Value(StoreName, Read),
    /// Every secret of a store that matches.
    Find(StoreName, Query),
    /// New values of a generator.
    Generate(GeneratorName),
}

impl Request {
    /// The store that is asked.
    pub fn store(&self) -> Option<&StoreName> {
        match self {
            Self::Value(store, _) | Self::Find(store, _) => Some(store),
            Self::Generate(_) => None,
        }
    }
}

/// The distinct reads of an object. Each happens once per sync, and every entry uses that answer, so that a username
/// and its password never come from two versions. Only a generator runs for each entry that names it.
#[derive(Clone, Debug, Default)]
pub struct Reads {
    /// What to ask for.
    pub distinct: Vec<Request>,
    /// For each source of the spec, its place in `distinct`.
    pub by_source: Vec<usize>,
    /// How long the object waited for its turn.
    pub waited: Duration,
    /// How long a periodic read may wait for company. Set by the turn, which knows the place in the grid.
    pub patience: Duration,
}

/// What to do.
#[derive(Debug)]
pub enum Decision {
    /// Not ours: leave it alone, its status included.
    Ignore,
    /// A store is about to be validated; it wakes the object.
    Wait,
    /// Nothing is due; look again then.
    Skip(Option<Duration>),
    /// It cannot be worked on until something changes.
    Refuse(Failure),
    /// Read, render, write.
    Sync(Why, Reads),
}

/// Decides.
pub fn decide(s: &Situation<'_>) -> Decision {
    match ownership(s) {
        Ownership::Ours => {}
        Ownership::Others => return Decision::Ignore,
        Ownership::Mixed(failure) => return Decision::Refuse(failure),
    }
    if s.terminating {
        return Decision::Skip(None);
    }
    let spec = match &s.object.spec {
        Ok(spec) => spec,
        Err(failure) => return Decision::Refuse(failure.clone()),
    };
    let why = match reason(s, spec) {
        Ok(why) => why,
        Err(wait) => return Decision::Skip(wait),
    };
    if let Why::Drift(editor) = &why
        && s.record
            .repairs
            .iter()
            .filter(|at| s.instant.duration_since(**at) < CONTEST_WINDOW)
            .count()
            >= REPAIRS
    {
        let by = editor.as_deref().unwrap_or("another client");
        return Decision::Refuse(Failure::new(
            Cause::Contested,
            format!(
                "contested by {by}: {} was repaired {REPAIRS} times within ten minutes; stop the other writer, \
                 or use creationPolicy Merge",
                spec.target.id()
            ),
        ));
    }
    if s.stores
        .values()
        .any(|state| matches!(state, StoreState::Pending))
    {
        return Decision::Wait;
    }
    match reads(s, spec) {
        Ok(reads) => Decision::Sync(why, reads),
        Err(failure) => Decision::Refuse(failure),
    }
}

enum Ownership {
    Ours,
    Others,
    Mixed(Failure),
}

fn ownership(s: &Situation<'_>) -> Ownership {
    let others = s
        .stores
        .iter()
        .find(|(_, state)| matches!(state, StoreState::NotOurs(_)));
    let missing = s
        .stores
        .values()
        .all(|state| matches!(state, StoreState::Missing));
    match others {
        None if missing && !s.default_class => Ownership::Others,
        None => Ownership::Ours,
        Some((name, StoreState::NotOurs(why)))
            if s.stores
                .values()
                .any(|state| !matches!(state, StoreState::NotOurs(_) | StoreState::Missing)) =>
        {
            Ownership::Mixed(Failure::new(
                Cause::StoreNotOurs,
                format!(
                    "can not reference unmanaged store: {name} {why}; use stores of one operator in one object"
                ),
            ))
        }
        Some(_) => Ownership::Others,
    }
}

/// Why a sync is due, or how long until the next look.
fn reason(s: &Situation<'_>, spec: &Spec) -> Result<Why, Option<Duration>> {
    let (object, record) = (s.object, s.record);
    let until = |at: Instant| at.saturating_duration_since(s.instant);
    // A second look that is due is what every sync starts with: until it agreed, none of them can end.
    let confirm = record.confirm_at.is_some_and(|at| until(at).is_zero());
    let or_confirm = |why| if confirm { Why::Confirm } else { why };
    let seen = record.forced.iter().map(Option::as_deref);
    let forced = object.force_sync().into_iter().ne(seen);
    if forced {
        return Ok(or_confirm(Why::Forced));
    }
    let renewal = record.renew_at.map(until);
    if let Some(failing) = &record.failing
        && failing.form == object.form
    {
        let wait = until(failing.retry_at);
        // A token in use runs out whether or not a window is open: its renewal is tried again like all else.
        let windowed = failing.of_refresh && !renewal.is_some_and(|wait| wait.is_zero());
        return match (wait.is_zero(), windowed) {
            (false, _) => Err(Some(wait)),
            (true, false) => Ok(or_confirm(Why::Retry)),
            (true, true) => within_windows(s, spec, or_confirm(Why::Retry))
                .map_err(|wait| wait.into_iter().chain(renewal).min()),
        };
    }
    let Some(synced) = &record.synced_form else {
        return Ok(or_confirm(Why::New));
    };
    // What was generated or drawn once stays: anew it would be another password than the one in use.
    if !spec.is_written_once() {
        let changed = match spec.refresh {
            Refresh::Periodic(Interval::Once) => {
                fingerprint::generation_of(synced) != Some(object.generation)
            }
            _ => *synced != object.form,
        };
        if changed {
            return Ok(or_confirm(Why::Changed));
        }
        if s.template_changed {
            return Ok(or_confirm(Why::TemplateChanged));
        }
    }
    if let Some(confirm) = record.confirm_at {
        return if until(confirm).is_zero() {
            Ok(Why::Confirm)
        } else {
            Err(Some(until(confirm)))
        };
    }
    if s.targets_watched {
        match target::drift(&expected(object, record, spec), s.target) {
            Drift::None | Drift::Unproven => {}
            // We deleted it with its sources, or have seen that there is nothing to merge into: nothing is missed.
            Drift::Gone if record.targetless => {}
            Drift::Gone => return Ok(Why::Drift(None)),
            Drift::Edited(editor) => return Ok(Why::Drift(editor)),
        }
    }
    let Refresh::Periodic(interval) = spec.refresh else {
        return Err(None);
    };
    // A token that expires is renewed before it does, whatever the interval and the windows.
    if renewal.is_some_and(|wait| wait.is_zero()) {
        return Ok(Why::Due);
    }
    let due = match (interval, record.due.map(until)) {
        (Interval::Every(_), Some(wait)) if !wait.is_zero() => Err(Some(wait)),
        (Interval::Every(_), _) => within_windows(s, spec, Why::Due),
        (Interval::Once, _) => Err(None),
    };
    due.map_err(|wait| wait.into_iter().chain(renewal).min())
}

/// A refresh that is due waits for its window, and nothing looks at it until then.
fn within_windows(s: &Situation<'_>, spec: &Spec, why: Why) -> Result<Why, Option<Duration>> {
    match spec
        .windows
        .as_ref()
        .map_or(Gate::Open, |windows: &Windows| windows.gate(s.now))
    {
        Gate::Open => Ok(why),
        Gate::ClosedUntil(time) => Err(Some(time.duration_since(s.now).unsigned_abs())),
        Gate::Closed => Err(None),
    }
}

/// What we expect of the target.
pub fn expected<'a>(object: &'a Object, record: &'a Record, spec: &Spec) -> Expected<'a> {
    Expected {
        name: &object.name,
        created_by: &object.created_by,
        uid: &object.uid,
        creation: spec.target.creation,
        retained: object.retained_on_delete(),
        written: record.written.as_ref(),
        merged: merged(record, spec),
    }
}

/// What we know of our keys in a target that others write too, before our first write since the start.
fn merged(record: &Record, spec: &Spec) -> Merged {
    let is_secret = spec.target.kind.is_none();
    if !spec.target.creation.merges() || !is_secret || record.written.is_some() || spec.target.immutable {
        return Merged::Unknown;
    }
    match spec.keys() {
        Some(keys) => Merged::Keys(fingerprint::keys_digest(keys).into()),
        // What cannot be made again is not looked at without proof.
        None if spec.uses_generator() || spec.is_written_once() => Merged::Unknown,
        None => Merged::Newest,
    }
}

fn reads(s: &Situation<'_>, spec: &Spec) -> Result<Reads, Failure> {
    let mut reads = Reads {
        waited: s.waited,
        ..Reads::default()
    };
    let mut places = HashMap::new();
    for source in &spec.sources {
        let request = match &source.wanted {
            Wanted::Value(remote) => {
                Request::Value(remote.store.clone(), read(remote, usable(s, &remote.store)?))
            }
            Wanted::Find(store, by) => {
                let aws = usable(s, store)?;
                let query = Query {
                    service: aws.service,
                    prefix: aws.prefix.clone(),
                    path: by.path.clone(),
                    name: by.name.clone(),
                    tags: by.tags.clone(),
                };
                Request::Find(store.clone(), query)
            }
            Wanted::Generator(name) => {
                reads.by_source.push(reads.distinct.len());
                reads.distinct.push(Request::Generate(name.clone()));
                continue;
            }
        };
        let at = *places.entry(request).or_insert_with_key(|request| {
            reads.distinct.push(request.clone());
            reads.distinct.len() - 1
        });
        reads.by_source.push(at);
    }
    Ok(reads)
}

fn usable<'a>(s: &'a Situation<'_>, name: &StoreName) -> Result<&'a AwsProvider, Failure> {
    let failure = |cause, text: String| Err(Failure::new(cause, text));
    match s.stores.get(name) {
        Some(StoreState::Usable(_, aws)) => Ok(aws),
        Some(StoreState::NotReady(why)) => {
            let why = why.as_ref().map(|why| format!(" ({why})")).unwrap_or_default();
            failure(
                Cause::StoreNotReady,
                format!("{name} is not ready{why}; see the store's status"),
            )
        }
        Some(StoreState::Denied) => failure(
            Cause::StoreDenied,
            format!(
                "using cluster store \"{}\" is not allowed from namespace \"{}\": denied by spec.condition; add the \
                 namespace to the store's conditions, or use another store",
                name.name, s.object.namespace
            ),
        ),
        Some(StoreState::NotOurs(why)) => failure(
            Cause::StoreNotOurs,
            format!("can not reference unmanaged store: {name} {why}"),
        ),
        Some(StoreState::Missing | StoreState::Pending) | None => failure(
            Cause::StoreNotFound,
            format!(
                "could not get {name}: there is none{}; create it, or correct the name",
                whereabouts(s, name)
            ),
        ),
    }
}

fn whereabouts(s: &Situation<'_>, name: &StoreName) -> String {
    match name.kind {
        crate::api::external_secret::StoreKind::SecretStore => {
            format!(" in namespace {}", s.object.namespace)
        }
        crate::api::external_secret::StoreKind::ClusterSecretStore => String::new(),
    }
}

/// Which read a secret is.
pub fn read(remote: &Remote, aws: &AwsProvider) -> Read {
    let id = format!("{}{}", aws.prefix.as_deref().unwrap_or_default(), remote.key);
    let version = match aws.service {
        AwsService::ParameterStore => Version::Selector(remote.version.as_deref().map(str::to_owned)),
        AwsService::SecretsManager | AwsService::CertificateManager => {
            Version::of_secret(remote.version.as_deref())
        }
    };
    Read {
        service: aws.service,
        id,
        version,
        aspect: if remote.metadata {
            Aspect::Tags
        } else {
            Aspect::Value
        },
    }
}

#[cfg(test)]
mod tests;
