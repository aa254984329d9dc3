//! An ExternalSecret's spec, parsed once at the edge into what the stages can rely on.
//!
//! Every rule that follows from the spec alone is decided here, so that it holds without admission.

mod rewrite;
mod source;
mod target;
mod windows;

use std::{collections::BTreeSet, time::Duration};

pub use rewrite::{KeyTemplate, Merge, REWRITTEN_LIMIT, RewriteOp};
pub use source::{FindBy, Place, Remote, Source, StoreName, Wanted, stores, stores_of_unreadable};
pub use target::{GenericKind, TargetName, TargetSpec};
pub use windows::{Gate, Windows};

use crate::{
    api::external_secret::{DeletionPolicy, ExternalSecretSpec, RefreshPolicy},
    sync::{
        absence::OnMissing,
        cause::{Cause, Failure},
        template::Delimiters,
    },
};

/// What the operator's flags say about specs.
#[derive(Clone, Debug, Default)]
pub struct Rules {
    /// What marks an action in templates.
    pub delimiters: Delimiters,
    /// Whether targets may be of other kinds than Secret.
    pub generic_targets: bool,
}

/// How often a source is read again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Interval {
    /// `0`, or less: once.
    Once,
    /// Every so often.
    Every(Duration),
}

impl Interval {
    /// The interval, or how long an object without one waits where others wait for theirs.
    pub fn or(self, wait: Duration) -> Duration {
        match self {
            Self::Every(every) => every,
            Self::Once => wait,
        }
    }
}

/// When a source is read again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refresh {
    /// When the object is made.
    CreatedOnce,
    /// When the object changes.
    OnChange,
    /// At the interval.
    Periodic(Interval),
}

/// A spec that keeps every rule it can keep by itself.
#[derive(Clone, Debug)]
pub struct Spec {
    /// What is written.
    pub target: TargetSpec,
    /// When it is refreshed.
    pub refresh: Refresh,
    /// `refreshInterval`, whatever the policy: failures that depend on data are looked at again then.
    pub interval: Interval,
    /// When a periodic refresh may run; nothing leaves it free.
    pub windows: Option<Windows>,
    /// What becomes of keys whose source is missing.
    pub on_missing: OnMissing,
    /// dataFrom, then data: later entries overwrite earlier keys.
    pub sources: Vec<Source>,
}

fn invalid(text: impl Into<String>) -> Failure {
    Failure::new(Cause::InvalidSpec, text)
}

impl Spec {
    /// Parses a spec. `name` is that of the object: the default name of the target.
    pub fn parse(spec: &ExternalSecretSpec, name: &str, rules: &Rules) -> Result<Self, Failure> {
        let target = target::target(spec, name, rules)?;
        let interval = interval(spec.refresh_interval.as_deref())?;
        let refresh = match spec.refresh_policy.unwrap_or_default() {
            RefreshPolicy::CreatedOnce => Refresh::CreatedOnce,
            RefreshPolicy::OnChange => Refresh::OnChange,
            RefreshPolicy::Periodic => Refresh::Periodic(interval),
        };
        let windows = spec.sync_windows.as_ref().map(Windows::parse).transpose()?;
        let data = spec.data.as_deref().unwrap_or_default();
        let data_from = spec.data_from.as_deref().unwrap_or_default();
        if data.is_empty() && data_from.is_empty() {
            return Err(invalid("either data or dataFrom should be specified"));
        }
        let mut sources = Vec::with_capacity(data.len() + data_from.len());
        for (i, entry) in data_from.iter().enumerate() {
            sources.push(source::data_from(spec, i, entry)?);
        }
        let mut keys = BTreeSet::new();
        for (i, entry) in data.iter().enumerate() {
            if target.deletion == DeletionPolicy::Retain && !keys.insert(entry.secret_key.as_str()) {
                return Err(invalid(format!(
                    "duplicate secretKey found: {} in spec.data[{i}]",
                    entry.secret_key
                )));
            }
            sources.push(source::data(spec, i, entry)?);
        }
        Ok(Self {
            target,
            refresh,
            interval,
            windows,
            on_missing: OnMissing::default(),
            sources,
        })
    }

    /// The keys of the Secret, where the spec alone names them; nothing where what is read decides.
    pub fn keys(&self) -> Option<BTreeSet<&str>> {
        if self.target.template.is_some() || self.on_missing != OnMissing::Fail {
            return None;
        }
        let keys = self.sources.iter().map(|source| match &source.place {
            Place::Data(_, key) => Some(&**key),
            Place::Extract(_) | Place::Find(_) | Place::Generator(_) => None,
        });
        keys.collect()
    }

    /// Whether a generator makes values: each sync would make new ones.
    pub fn uses_generator(&self) -> bool {
        self.sources
            .iter()
            .any(|source| matches!(source.wanted, Wanted::Generator(_)))
    }

    /// Whether what was written once stays whatever the object says later: by policy, or because what was made for it, by a
    /// generator or in a template, cannot be made again.
    pub fn is_written_once(&self) -> bool {
        match self.refresh {
            Refresh::CreatedOnce => true,
            Refresh::Periodic(Interval::Once) => self.makes_values(),
            Refresh::OnChange | Refresh::Periodic(Interval::Every(_)) => false,
        }
    }

    /// Whether values are made for it, by a generator or in its template: other ones each time.
    pub fn makes_values(&self) -> bool {
        let template = self.target.template.as_ref();
        self.uses_generator() || template.is_some_and(|template| template.draws)
    }
}

/// A shorter interval would poll AWS without pause.
const SHORTEST_INTERVAL: Duration = Duration::from_secs(1);

fn interval(text: Option<&str>) -> Result<Interval, Failure> {
    let text = text.unwrap_or("1h0m0s");
    let duration = gotext::duration::parse(text).map_err(|_| {
        invalid(format!(
            "spec.refreshInterval {text:?} is not a duration; write numbers with units, such as 30s, 15m or 1h30m"
        ))
    })?;
    Ok(match duration.to_std() {
        Some(every) if !every.is_zero() => Interval::Every(every.max(SHORTEST_INTERVAL)),
        _ => Interval::Once,
    })
}

/// Longest key of a Secret (Kubernetes).
const KEY_LIMIT: usize = 253;

/// What keeps a text from being a key of a Secret.
pub fn key_problem(key: &str) -> Option<String> {
    if key.is_empty() {
        return Some("is empty".to_owned());
    }
    if key.len() > KEY_LIMIT {
        return Some(format!(
            "is longer than {KEY_LIMIT} characters: {} …",
            key.chars().take(32).collect::<String>()
        ));
    }
    if !key
        .bytes()
        .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'.' | b'_'))
    {
        return Some(format!("{key:?} may hold only letters, digits, '-', '.' and '_'"));
    }
    if key == "." || key == ".." || key.starts_with("..") {
        return Some(format!("{key:?} may not be '.', nor start with '..'"));
    }
    None
}

#[cfg(test)]
mod tests;
