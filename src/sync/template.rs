//! A target's template: parsed once at the edge, then filled with what was read. Pure; the ConfigMaps and Secrets that it
//! takes text from are read before (`sources`).
//!
//! Whatever goes wrong names the template by its place in the manifest, and never quotes a value: texts that may hold one
//! stay inside gotext.

mod fill;
mod metadata;
mod parse;
pub mod pool;

use std::{
    collections::BTreeSet,
    fmt,
    sync::{Arc, LazyLock},
};

use gotext::template::{Functions, Limits, ParseError, ParseOptions};

pub use fill::{Budget, Filled, fill};

use super::{fields::Path, sources::SourceName};
use crate::api::external_secret::{DecodingStrategy, TemplateScope};

/// sprig's functions and External Secrets': built once, for every template of the process.
pub static FUNCTIONS: LazyLock<Functions> = LazyLock::new(gotext::functions::all);

/// Bounds of a template's text, its output and what its functions make. Steps and time are those of a [`Budget`].
static LIMITS: LazyLock<Limits> = LazyLock::new(Limits::default);

/// What marks an action in a template's text; empty means Go's `{{` and `}}`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Delimiters {
    /// Before it.
    pub left: Box<str>,
    /// After it.
    pub right: Box<str>,
}

impl Delimiters {
    /// Parses a text under a name, which Go's errors show.
    fn parse(&self, name: &str, text: &[u8]) -> Result<gotext::template::Template, ParseError> {
        let options = ParseOptions {
            left_delim: self.left.as_bytes(),
            right_delim: self.right.as_bytes(),
            functions: &FUNCTIONS,
            limits: &LIMITS,
        };
        gotext::template::Template::parse(name, text, &options)
    }
}

/// A template of the manifest.
#[derive(Clone)]
pub struct Text {
    /// Key of the Secret, name of the label or annotation; empty for a literal.
    pub name: Box<str>,
    /// Its text, parsed.
    template: Arc<gotext::template::Template>,
}

impl fmt::Debug for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.name)
    }
}

/// Where output goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Destination {
    /// The data of the target: texts by key.
    Data,
    /// Its labels.
    Labels,
    /// Its annotations.
    Annotations,
    /// Any field of a target that is no Secret.
    Field(Path),
}

/// Templates in a ConfigMap or Secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Items {
    /// The ConfigMap or Secret.
    pub source: SourceName,
    /// Its keys, and what each gives.
    pub items: Vec<(Box<str>, TemplateScope)>,
}

/// One entry of `templateFrom`. Within it, the ConfigMap comes first, then the Secret, then the literal.
#[derive(Clone, Debug)]
pub struct From {
    /// Where output goes.
    pub target: Destination,
    /// How rendered values are decoded.
    pub decoding: DecodingStrategy,
    /// Templates of a ConfigMap, then of a Secret.
    pub read: Vec<Items>,
    /// A template whose output is YAML of keys and values.
    pub literal: Option<Text>,
}

/// `spec.target.template`.
#[derive(Clone, Debug)]
pub struct Template {
    /// Type of the Secret.
    pub type_: Option<Box<str>>,
    /// What was read is written too: mergePolicy Merge, or nothing else gives keys.
    pub keeps_read: bool,
    /// Finalizers to add.
    pub finalizers: Vec<String>,
    /// `templateFrom`, in order.
    pub from: Vec<From>,
    /// `data`, which wins over `templateFrom`.
    pub data: Vec<Text>,
    /// `metadata.labels`.
    pub labels: Vec<Text>,
    /// `metadata.annotations`.
    pub annotations: Vec<Text>,
    /// Whether the manifest's own texts draw something new each time they are rendered. Those of ConfigMaps and Secrets are
    /// not known before they are read.
    pub draws: bool,
    /// For texts that are read later.
    delimiters: Delimiters,
}

impl Template {
    /// Whether it gives texts by key, besides what was read.
    pub fn gives_data(&self) -> bool {
        !self.data.is_empty() || self.from.iter().any(|from| from.target == Destination::Data)
    }

    /// The ConfigMaps and Secrets that it takes text from.
    pub fn sources(&self) -> BTreeSet<&SourceName> {
        self.from
            .iter()
            .flat_map(|from| &from.read)
            .map(|read| &read.source)
            .collect()
    }
}

#[cfg(test)]
mod tests;
