//! What is missing at its source, and whether it may count as gone: before anything is removed, a second look at least ten
//! seconds later must agree.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use tokio::time::Instant;

use super::{
    cause::{Cause, Failure},
    fetch::{self, Answers, Fetched},
    fingerprint,
    object::Object,
    plan::{Reads, Request},
    record::{Absence, Names, Record},
    spec::{Place, Spec, Wanted},
    target::TargetView,
};
use crate::{
    api::{external_secret::DeletionPolicy, names},
    aws,
    operator::schedule::stable_hash,
};

/// What becomes of keys whose source is missing, by the annotation `keyferry.dev/on-missing`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum OnMissing {
    /// What the deletionPolicy says: under Retain, the sync fails.
    #[default]
    Fail,
    /// They stay on the target as they are, and the others are synced.
    Keep,
    /// They go, and the others are synced.
    Skip,
}

impl OnMissing {
    /// What an object's annotations ask for.
    pub fn of(annotations: &BTreeMap<String, String>) -> Result<Self, Failure> {
        match annotations.get(names::ON_MISSING_ANNOTATION).map(String::as_str) {
            None | Some("fail") => Ok(Self::Fail),
            Some("keep") => Ok(Self::Keep),
            Some("skip") => Ok(Self::Skip),
            Some(other) => Err(Failure::new(
                Cause::InvalidSpec,
                format!(
                    "the annotation {} is {other:?}; use fail, keep or skip",
                    names::ON_MISSING_ANNOTATION
                ),
            )),
        }
    }
}

/// Keys that stay on the target although nothing was read for them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Kept {
    /// None.
    #[default]
    Nothing,
    /// These.
    Keys(BTreeSet<Box<str>>),
    /// Every key that is there: a whole secret is missing, and its keys are not known.
    All,
}

impl Kept {
    /// The keys of sources that are missing.
    pub fn of(spec: &Spec, missing: &[Place]) -> Self {
        if spec.on_missing != OnMissing::Keep || missing.is_empty() {
            return Self::Nothing;
        }
        let keys = missing.iter().map(|place| match place {
            Place::Data(_, key) => Some(key.clone()),
            Place::Extract(_) | Place::Find(_) | Place::Generator(_) => None,
        });
        keys.collect::<Option<_>>().map_or(Self::All, Self::Keys)
    }

    /// This key stays too.
    pub fn add(&mut self, key: &str) {
        self.add_metadata();
        if let Self::Keys(keys) = self {
            keys.insert(key.into());
        }
    }

    /// Labels or annotations stay: those that were written before do wherever anything is kept.
    pub fn add_metadata(&mut self) {
        if *self == Self::Nothing {
            *self = Self::Keys(BTreeSet::new());
        }
    }

    /// Whether a key stays.
    pub fn holds(&self, key: &str) -> bool {
        match self {
            Self::Nothing => false,
            Self::Keys(keys) => keys.contains(key),
            Self::All => true,
        }
    }
}

/// How much later the second look is.
const CONFIRMATION: Duration = Duration::from_secs(10);

/// Sources that may be passed over because they are gone; under Retain none may, unless the object says otherwise.
pub fn missing(spec: &Spec, reads: &Reads, answers: &Answers) -> Result<Vec<Place>, Failure> {
    let gone = spec.sources.iter().zip(&reads.by_source);
    let mut gone = gone
        .filter_map(|(source, at)| Some((source, answers.absent.get(at)?)))
        .peekable();
    if let Some((source, error)) = gone.peek()
        && spec.target.deletion == DeletionPolicy::Retain
        && spec.on_missing == OnMissing::Fail
    {
        let place = format!("error processing {}, err: ", source.place);
        let mut failure = fetch::failure(error, &place);
        if let Wanted::Value(remote) = &source.wanted {
            let (text, key) = (failure.text, &remote.key);
            failure.text = match &remote.version {
                Some(version) if error.class == aws::Class::Missing(aws::Absence::NotFound) => format!(
                    "{text} ({key}), or has no version or stage {version:?}; create it, or correct key or version"
                ),
                _ => format!("{text} ({key}); create it, or correct the key"),
            };
        }
        return Err(failure);
    }
    Ok(gone.map(|(source, _)| source.place.clone()).collect())
}

/// Whether what is missing may count as gone: nothing would be removed, or a second look agreed.
pub fn confirm(
    record: &mut Record,
    spec: &Spec,
    reads: &Reads,
    answers: &Answers,
    single: bool,
    target_exists: bool,
) -> bool {
    let now = Instant::now();
    let removes = |fetched: &Fetched| {
        target_exists && (spec.on_missing != OnMissing::Keep || !matches!(fetched, Fetched::Missing))
    };
    let lacking: Vec<(&Request, Names)> = reads
        .distinct
        .iter()
        .zip(&answers.fetched)
        .filter(|(_, fetched)| removes(fetched))
        .filter_map(|(request, fetched)| Some((request, lacks(record, request, fetched)?)))
        .collect();
    record
        .absent
        .retain(|request, _| lacking.iter().any(|(lacking, _)| *lacking == request));
    for (request, names) in lacking {
        let first = Absence {
            since: now,
            names,
            confirmed: false,
        };
        let Some(absence) = record.absent.get_mut(request) else {
            record.absent.insert(request.clone(), first);
            continue;
        };
        if !first.names.is_subset(&absence.names) {
            *absence = first;
        } else if single && now.duration_since(absence.since) >= CONFIRMATION {
            absence.confirmed = true;
        }
    }
    agreed(record)
}

/// What a request lacks: all of it, or names that a find gave before.
fn lacks(record: &Record, request: &Request, fetched: &Fetched) -> Option<Names> {
    match fetched {
        Fetched::Missing => Some(Names::new()),
        Fetched::Found(_) => {
            let names = hashed(fetched);
            let before = record.found.get(request)?;
            let gone: Names = before.difference(&names).copied().collect();
            let doubted = record
                .absent
                .get(request)
                .is_some_and(|absence| absence.names.is_empty() && !absence.confirmed);
            (doubted || !gone.is_empty()).then_some(gone)
        }
        Fetched::Value(_) | Fetched::Generated(_) => None,
    }
}

/// Whether everything that is missing has been looked for twice; if not, when the second look is.
fn agreed(record: &mut Record) -> bool {
    let open = record
        .absent
        .values()
        .filter(|absence| !absence.confirmed)
        .map(|absence| absence.since)
        .max();
    record.confirm_at = open.map(|since| since + CONFIRMATION);
    open.is_none()
}

/// After a start it is not known what a find gave before; but keys that differ from those on the target tell that
/// something may have gone, which is as good a reason for a second look. `keys` gives the digest of those that were rendered.
pub fn confirm_after_start(
    record: &mut Record,
    object: &Object,
    found: &BTreeMap<Request, Names>,
    keys: impl FnOnce() -> String,
    view: Option<&TargetView>,
) -> bool {
    let Some(view) = view else { return true };
    let unchanged = record.synced_form.as_deref() == Some(&object.form);
    if record.written.is_some() || !unchanged {
        return true;
    }
    let manager = fingerprint::field_manager(&object.name);
    let held = view.writers.iter().find(|writer| *writer.manager == *manager);
    if held.is_none_or(|held| *held.keys == *keys()) {
        return true;
    }
    for (request, names) in found {
        if !record.found.contains_key(request) {
            record.found.insert(request.clone(), names.clone());
            let doubt = Absence {
                since: Instant::now(),
                names: Names::new(),
                confirmed: false,
            };
            record.absent.insert(request.clone(), doubt);
        }
    }
    agreed(record)
}

/// What each find gave.
pub fn found(reads: &Reads, answers: &Answers) -> BTreeMap<Request, Names> {
    let answered = reads.distinct.iter().zip(&answers.fetched);
    let found = answered.filter(|(_, fetched)| matches!(fetched, Fetched::Found(_)));
    found
        .map(|(request, fetched)| (request.clone(), hashed(fetched)))
        .collect()
}

fn hashed(fetched: &Fetched) -> Names {
    match fetched {
        Fetched::Found(found) => found.iter().map(|found| stable_hash(&found.name)).collect(),
        Fetched::Value(_) | Fetched::Generated(_) | Fetched::Missing => Names::new(),
    }
}

#[cfg(test)]
mod tests;
