//! `spec.data` and `spec.dataFrom`: what is read, where from, and what becomes of it.

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;

use super::{RewriteOp, invalid, key_problem, rewrite};
use crate::{
    api::Unreadable,
    api::external_secret::{
        ConversionStrategy, Data, DataFrom, DecodingStrategy, ExternalSecretSpec, Find, GeneratorRef,
        MetadataPolicy, NullBytePolicy, RemoteRef, SourceRef, StoreKind, StoreRef,
    },
    aws::NamePattern,
    generators::GeneratorName,
    operator::store::kind_name,
    sync::cause::Failure,
};

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

/// Where an entry stands in the manifest, and so what becomes of what it reads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    /// `spec.data[i]`: the value goes under this key.
    Data(usize, Box<str>),
    /// `spec.dataFrom[i].extract`: each member of the value is a key.
    Extract(usize),
    /// `spec.dataFrom[i].find`: each secret that is found is a key.
    Find(usize),
    /// `spec.dataFrom[i].sourceRef.generatorRef`: each value that is made has its key.
    Generator(usize),
}

impl std::fmt::Display for Place {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Data(i, key) => write!(f, "spec.data[{i}] (key: {key})"),
            Self::Extract(i) => write!(f, "spec.dataFrom[{i}].extract"),
            Self::Find(i) => write!(f, "spec.dataFrom[{i}].find"),
            Self::Generator(i) => write!(f, "spec.dataFrom[{i}].sourceRef.generatorRef"),
        }
    }
}

/// One entry: what to read and what becomes of it.
#[derive(Clone, Debug)]
pub struct Source {
    /// Where it stands.
    pub place: Place,
    /// What is read.
    pub wanted: Wanted,
    /// Changes of keys, in this order. With any of them `conversion` plays no part.
    pub rewrite: Vec<RewriteOp>,
    /// Replacement of characters in keys.
    pub conversion: ConversionStrategy,
    /// Decoding of values.
    pub decoding: DecodingStrategy,
    /// Whether null bytes pass.
    pub null_bytes: NullBytePolicy,
}

/// What an entry reads.
#[derive(Clone, Debug)]
pub enum Wanted {
    /// One secret.
    Value(Remote),
    /// Every secret of a store that matches.
    Find(StoreName, FindBy),
    /// What a generator makes.
    Generator(GeneratorName),
}

/// One secret at AWS, or a part of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Remote {
    /// The store.
    pub store: StoreName,
    /// Name or ARN, without the store's prefix.
    pub key: Box<str>,
    /// A part of the JSON.
    pub property: Option<Box<str>>,
    /// Version, as written.
    pub version: Option<Box<str>>,
    /// The tags are read in place of the value.
    pub metadata: bool,
}

/// Which secrets match: all that is given must hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FindBy {
    /// Names start so.
    pub path: Option<String>,
    /// Names match.
    pub name: Option<NamePattern>,
    /// They carry all these tags.
    pub tags: BTreeMap<String, String>,
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

/// The stores that an object names which cannot be read as a whole, as far as they can be: they decide whose it is. `at` is
/// where the spec of an ExternalSecret stands in it, as a JSON pointer.
pub fn stores_of_unreadable(object: &Unreadable, at: &str) -> BTreeSet<StoreName> {
    let spec = object.json.pointer(at);
    let entries = ["data", "dataFrom"]
        .into_iter()
        .filter_map(|list| spec?.get(list)?.as_array())
        .flatten()
        .filter_map(|entry| entry.pointer("/sourceRef/storeRef"));
    let default = spec.and_then(|spec| spec.get("secretStoreRef"));
    let refs = default.into_iter().chain(entries);
    refs.filter_map(|store| store_name(&StoreRef::deserialize(store).ok()?))
        .collect()
}

fn store_name(store: &StoreRef) -> Option<StoreName> {
    let name = store.name.as_deref().filter(|name| !name.is_empty())?;
    Some(StoreName {
        kind: store.kind.unwrap_or_default(),
        name: name.into(),
    })
}

/// An entry of `spec.data`.
pub(super) fn data(spec: &ExternalSecretSpec, i: usize, entry: &Data) -> Result<Source, Failure> {
    let path = format!("spec.data[{i}]");
    if let Some(problem) = key_problem(&entry.secret_key) {
        return Err(invalid(format!("{path}.secretKey {problem}")));
    }
    if entry
        .source_ref
        .as_ref()
        .is_some_and(|s| s.generator_ref.is_some())
    {
        return Err(invalid(format!(
            "{path}.sourceRef.generatorRef: a generator makes several keys; use it in spec.dataFrom"
        )));
    }
    let place = Place::Data(i, entry.secret_key.as_str().into());
    let remote = &entry.remote_ref;
    let store = store(spec, &path, entry.source_ref.as_ref())?;
    value(place, store, &format!("{path}.remoteRef"), remote, vec![])
}

/// An entry of `spec.dataFrom`.
pub(super) fn data_from(spec: &ExternalSecretSpec, i: usize, entry: &DataFrom) -> Result<Source, Failure> {
    let path = format!("spec.dataFrom[{i}]");
    let generator = entry.source_ref.as_ref().and_then(|s| s.generator_ref.as_ref());
    let given = [entry.extract.is_some(), entry.find.is_some(), generator.is_some()];
    if given.iter().filter(|g| **g).count() > 1 {
        return Err(invalid(format!(
            "{path}: extract, find, or generatorRef cannot be set at the same time"
        )));
    }
    let rewrite = rewrite::parse(entry.rewrite.as_deref().unwrap_or_default(), &path)?;
    if let Some(generator) = generator {
        return generated(i, &path, generator, rewrite);
    }
    if let Some(find) = &entry.find {
        let store = store(spec, &path, entry.source_ref.as_ref())?;
        return found(i, &path, store, find, rewrite);
    }
    let Some(remote) = &entry.extract else {
        return Err(invalid(format!(
            "{path}: either extract, find, or sourceRef must be set to dataFrom"
        )));
    };
    let store = store(spec, &path, entry.source_ref.as_ref())?;
    value(
        Place::Extract(i),
        store,
        &format!("{path}.extract"),
        remote,
        rewrite,
    )
}

/// The store of an entry: its own, or the object's.
fn store(
    spec: &ExternalSecretSpec,
    path: &str,
    source_ref: Option<&SourceRef>,
) -> Result<StoreName, Failure> {
    if source_ref.is_some_and(|s| s.store_ref.is_none()) {
        return Err(invalid(format!(
            "{path}.sourceRef: generatorRef or storeRef must be set"
        )));
    }
    let store = source_ref
        .and_then(|s| s.store_ref.as_ref())
        .or(spec.secret_store_ref.as_ref());
    store.and_then(store_name).ok_or_else(|| {
        invalid(format!(
            "{path} names no store; set spec.secretStoreRef.name or {path}.sourceRef.storeRef.name"
        ))
    })
}

fn value(
    place: Place,
    store: StoreName,
    path: &str,
    remote: &RemoteRef,
    rewrite: Vec<RewriteOp>,
) -> Result<Source, Failure> {
    if remote.key.is_empty() {
        return Err(invalid(format!("{path}.key is empty; name the secret to read")));
    }
    let filled = |text: &Option<String>| text.as_deref().filter(|text| !text.is_empty()).map(Into::into);
    Ok(Source {
        place,
        wanted: Wanted::Value(Remote {
            store,
            key: remote.key.as_str().into(),
            property: filled(&remote.property),
            version: filled(&remote.version),
            metadata: remote.metadata_policy == Some(MetadataPolicy::Fetch),
        }),
        rewrite,
        conversion: remote.conversion_strategy.unwrap_or_default(),
        decoding: remote.decoding_strategy.unwrap_or_default(),
        null_bytes: remote.null_byte_policy.unwrap_or_default(),
    })
}

fn found(
    i: usize,
    path: &str,
    store: StoreName,
    find: &Find,
    rewrite: Vec<RewriteOp>,
) -> Result<Source, Failure> {
    // As for ESO, a name without an expression is any name.
    let name = find.name.as_ref();
    let expression = name.map(|name| name.regexp.as_deref().unwrap_or_default());
    let name = expression.map(NamePattern::parse);
    let by = FindBy {
        path: find.path.clone().filter(|path| !path.is_empty()),
        name: name.transpose().map_err(|error| {
            let text = error.text();
            invalid(format!(
                "{path}.find: could not compile find.name.regexp [{}]: {}",
                expression.unwrap_or_default(),
                String::from_utf8_lossy(&text)
            ))
        })?,
        tags: find.tags.clone().unwrap_or_default(),
    };
    if by.name.is_none() && by.tags.is_empty() {
        return Err(invalid(format!(
            "{path}.find: unexpected find operator: set name, tags or both"
        )));
    }
    Ok(Source {
        place: Place::Find(i),
        wanted: Wanted::Find(store, by),
        rewrite,
        conversion: find.conversion_strategy.unwrap_or_default(),
        decoding: find.decoding_strategy.unwrap_or_default(),
        null_bytes: find.null_byte_policy.unwrap_or_default(),
    })
}

fn generated(
    i: usize,
    path: &str,
    generator: &GeneratorRef,
    rewrite: Vec<RewriteOp>,
) -> Result<Source, Failure> {
    let generator = GeneratorName::parse(generator).map_err(|mut failure| {
        failure
            .text
            .insert_str(0, &format!("{path}.sourceRef.generatorRef: "));
        failure
    })?;
    Ok(Source {
        place: Place::Generator(i),
        wanted: Wanted::Generator(generator),
        rewrite,
        conversion: ConversionStrategy::default(),
        decoding: DecodingStrategy::default(),
        null_bytes: NullBytePolicy::default(),
    })
}
