//! An ExternalSecret's spec, parsed once at the edge into what the stages can rely on.
//!
//! Every rule that follows from the spec alone is decided here, so that it holds without admission.

use std::{collections::BTreeSet, time::Duration};

use crate::{
    api::external_secret::{
        ConversionStrategy, CreationPolicy, DataFrom, DecodingStrategy, DeletionPolicy, ExternalSecretSpec,
        MetadataPolicy, NullBytePolicy, RefreshPolicy, RemoteRef, SourceRef, StoreKind, StoreRef, Template,
    },
    operator::store::kind_name,
    sync::cause::{Cause, Failure},
};

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

/// A store that an entry reads from.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct StoreName {
    /// Kind.
    pub kind: StoreKind,
    /// Name.
    pub name: Box<str>,
}

impl std::fmt::Display for StoreName {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} \"{}\"", kind_name(self.kind), self.name)
    }
}

/// The Secret that is written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TargetSpec {
    /// Name.
    pub name: Box<str>,
    /// Who owns it.
    pub creation: CreationPolicy,
    /// What goes with its source.
    pub deletion: DeletionPolicy,
    /// Written as immutable.
    pub immutable: bool,
}

/// Where an entry stands in the manifest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    /// `spec.data[i]` with its key.
    Data(usize, Box<str>),
    /// `spec.dataFrom[i].extract`.
    Extract(usize),
}

impl std::fmt::Display for Place {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Data(i, key) => write!(f, "spec.data[{i}] (key: {key})"),
            Self::Extract(i) => write!(f, "spec.dataFrom[{i}].extract"),
        }
    }
}

/// One thing to read and what becomes of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Source {
    /// Where it stands.
    pub place: Place,
    /// The store.
    pub store: StoreName,
    /// Name or ARN, without the store's prefix.
    pub key: Box<str>,
    /// A part of the JSON.
    pub property: Option<Box<str>>,
    /// Version, as written.
    pub version: Option<Box<str>>,
    /// Replacement of characters in keys.
    pub conversion: ConversionStrategy,
    /// Decoding of values.
    pub decoding: DecodingStrategy,
    /// Whether null bytes pass.
    pub null_bytes: NullBytePolicy,
}

/// A spec that keeps every rule it can keep by itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Spec {
    /// The Secret.
    pub target: TargetSpec,
    /// When it is refreshed.
    pub refresh: Refresh,
    /// `refreshInterval`, whatever the policy: failures that depend on data are looked at again then.
    pub interval: Interval,
    /// dataFrom, then data: later entries overwrite earlier keys.
    pub sources: Vec<Source>,
}

/// The stores that a spec names, also where the rest of it is refused: they tell whether the object is ours.
pub fn stores(spec: &ExternalSecretSpec) -> BTreeSet<StoreName> {
    let data = spec.data.iter().flatten().map(|d| d.source_ref.as_ref());
    let data_from = spec.data_from.iter().flatten().map(|d| d.source_ref.as_ref());
    let default = spec.secret_store_ref.as_ref();
    let mut stores: BTreeSet<_> = default.and_then(store_name).into_iter().collect();
    stores.extend(
        data.chain(data_from)
            .flatten()
            .filter_map(|s| s.store_ref.as_ref())
            .filter_map(store_name),
    );
    stores
}

fn store_name(store: &StoreRef) -> Option<StoreName> {
    let name = store.name.as_deref().filter(|name| !name.is_empty())?;
    Some(StoreName {
        kind: store.kind.unwrap_or_default(),
        name: name.into(),
    })
}

fn invalid(text: impl Into<String>) -> Failure {
    Failure::new(Cause::InvalidSpec, text)
}

fn not_supported(path: impl std::fmt::Display) -> Failure {
    Failure::new(
        Cause::NotSupported,
        format!("{path} is not implemented by this version of keyferry; remove it, or upgrade"),
    )
}

impl Spec {
    /// Parses a spec. `name` is that of the object: the default name of the target.
    pub fn parse(spec: &ExternalSecretSpec, name: &str) -> Result<Self, Failure> {
        let target = target(spec, name)?;
        let interval = interval(spec.refresh_interval.as_deref())?;
        let refresh = match spec.refresh_policy.unwrap_or_default() {
            RefreshPolicy::CreatedOnce => Refresh::CreatedOnce,
            RefreshPolicy::OnChange => Refresh::OnChange,
            RefreshPolicy::Periodic => Refresh::Periodic(interval),
        };
        if spec.sync_windows.is_some() {
            return Err(not_supported("spec.syncWindows"));
        }
        let data = spec.data.as_deref().unwrap_or_default();
        let data_from = spec.data_from.as_deref().unwrap_or_default();
        if data.is_empty() && data_from.is_empty() {
            return Err(invalid("either data or dataFrom should be specified"));
        }
        let mut sources = Vec::with_capacity(data.len() + data_from.len());
        for (i, entry) in data_from.iter().enumerate() {
            sources.push(extract(spec, i, entry)?);
        }
        let mut keys = BTreeSet::new();
        for (i, entry) in data.iter().enumerate() {
            if target.deletion == DeletionPolicy::Retain && !keys.insert(entry.secret_key.as_str()) {
                return Err(invalid(format!(
                    "duplicate secretKey found: {} in spec.data[{i}]",
                    entry.secret_key
                )));
            }
            if let Some(problem) = key_problem(&entry.secret_key) {
                return Err(invalid(format!("spec.data[{i}].secretKey {problem}")));
            }
            let place = Place::Data(i, entry.secret_key.as_str().into());
            let path = format!("spec.data[{i}]");
            sources.push(source(
                spec,
                place,
                &path,
                "remoteRef",
                &entry.remote_ref,
                entry.source_ref.as_ref(),
            )?);
        }
        Ok(Self {
            target,
            refresh,
            interval,
            sources,
        })
    }
}

fn target(spec: &ExternalSecretSpec, name: &str) -> Result<TargetSpec, Failure> {
    let target = spec.target.clone().unwrap_or_default();
    let creation = target.creation_policy.unwrap_or_default();
    let deletion = target.deletion_policy.unwrap_or_default();
    match (deletion, creation) {
        (
            DeletionPolicy::Delete,
            CreationPolicy::Merge | CreationPolicy::None | CreationPolicy::CreateOrMerge,
        ) => {
            return Err(invalid(format!(
                "deletionPolicy=Delete must not be used when the controller doesn't own the secret; \
                 creationPolicy is {creation:?}, use Owner, or another deletionPolicy"
            ))
            .headline("could not delete secret"));
        }
        (DeletionPolicy::Merge, CreationPolicy::None) => {
            return Err(invalid(
                "deletionPolicy=Merge must not be used with creationPolicy=None",
            ));
        }
        _ => {}
    }
    if target.manifest.is_some() {
        return Err(not_supported("spec.target.manifest").headline("invalid generic target"));
    }
    if let Some(template) = &target.template {
        privileged(template)?;
        return Err(not_supported("spec.target.template"));
    }
    let name = target
        .name
        .as_deref()
        .filter(|name| !name.is_empty())
        .unwrap_or(name);
    if !crate::secrets_api::is_name(name) {
        return Err(invalid(format!(
            "spec.target.name {name:?} cannot be the name of a Secret: lower-case letters, digits, '-' and '.'"
        )));
    }
    Ok(TargetSpec {
        name: name.into(),
        creation,
        deletion,
        immutable: target.immutable.unwrap_or_default(),
    })
}

/// Types that give their holder power over the cluster are refused whatever else the spec says.
fn privileged(template: &Template) -> Result<(), Failure> {
    match template.type_.as_deref() {
        Some(type_) if crate::sync::render::is_privileged(type_) => Err(Failure::new(
            Cause::TargetTypeRefused,
            format!(
                "spec.target.template.type {type_} is refused: it would give its holder power over the cluster"
            ),
        )),
        _ => Ok(()),
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

fn extract(spec: &ExternalSecretSpec, i: usize, entry: &DataFrom) -> Result<Source, Failure> {
    let path = format!("spec.dataFrom[{i}]");
    let generator = entry
        .source_ref
        .as_ref()
        .is_some_and(|s| s.generator_ref.is_some());
    let given = [entry.extract.is_some(), entry.find.is_some(), generator];
    if given.iter().filter(|g| **g).count() > 1 {
        return Err(invalid(format!(
            "{path}: extract, find, or generatorRef cannot be set at the same time"
        )));
    }
    if generator {
        return Err(not_supported(format!("{path}.sourceRef.generatorRef")));
    }
    if entry.find.is_some() {
        return Err(not_supported(format!("{path}.find")));
    }
    if entry.rewrite.as_ref().is_some_and(|rewrite| !rewrite.is_empty()) {
        return Err(not_supported(format!("{path}.rewrite")));
    }
    let Some(remote) = &entry.extract else {
        return Err(invalid(format!(
            "{path}: either extract, find, or sourceRef must be set to dataFrom"
        )));
    };
    source(
        spec,
        Place::Extract(i),
        &path,
        "extract",
        remote,
        entry.source_ref.as_ref(),
    )
}

fn source(
    spec: &ExternalSecretSpec,
    place: Place,
    path: &str,
    field: &str,
    remote: &RemoteRef,
    source_ref: Option<&SourceRef>,
) -> Result<Source, Failure> {
    if source_ref.is_some_and(|s| s.generator_ref.is_some()) {
        return Err(not_supported(format!("{path}.sourceRef.generatorRef")));
    }
    if source_ref.is_some_and(|s| s.store_ref.is_none()) {
        return Err(invalid(format!(
            "{path}.sourceRef: generatorRef or storeRef must be set"
        )));
    }
    if remote.metadata_policy == Some(MetadataPolicy::Fetch) {
        return Err(not_supported(format!("{path}.{field}.metadataPolicy: Fetch")));
    }
    if remote.key.is_empty() {
        return Err(invalid(format!(
            "{path}.{field}.key is empty; name the secret to read"
        )));
    }
    let store = source_ref
        .and_then(|s| s.store_ref.as_ref())
        .or(spec.secret_store_ref.as_ref());
    let store = store.and_then(store_name).ok_or_else(|| {
        invalid(format!(
            "{path} names no store; set spec.secretStoreRef.name or {path}.sourceRef.storeRef.name"
        ))
    })?;
    let filled = |text: &Option<String>| text.as_deref().filter(|text| !text.is_empty()).map(Into::into);
    Ok(Source {
        place,
        store,
        key: remote.key.as_str().into(),
        property: filled(&remote.property),
        version: filled(&remote.version),
        conversion: remote.conversion_strategy.unwrap_or_default(),
        decoding: remote.decoding_strategy.unwrap_or_default(),
        null_bytes: remote.null_byte_policy.unwrap_or_default(),
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
