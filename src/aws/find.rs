//! FIND: everything that has a name, a path or tags that match.

use std::{
    cmp::Ordering,
    collections::BTreeMap,
    fmt,
    hash::{Hash, Hasher},
    sync::Arc,
};

use gotext::regexp::{self, Regexp};

use super::read::Answer;
use crate::api::secret_store::AwsService;

/// What is looked for. Everything that is given must hold.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Query {
    /// The service that is searched.
    pub service: AwsService,
    /// The store's prefix: nothing outside of it is found.
    pub prefix: Option<String>,
    /// `find.path`: names that begin so (Secrets Manager), parameters below it (Parameter Store). It follows the prefix,
    /// unless it begins with it already.
    pub path: Option<String>,
    /// `find.name.regexp`.
    pub name: Option<NamePattern>,
    /// `find.tags`: each must be there with exactly this value.
    pub tags: BTreeMap<String, String>,
}

/// One thing that was found.
#[derive(Clone, Debug)]
pub struct Found {
    /// Its full name at AWS.
    pub name: String,
    /// Its value.
    pub answer: Arc<Answer>,
}

/// A Go regular expression that may match anywhere in a full name. Compared by its text.
#[derive(Clone)]
pub struct NamePattern {
    text: String,
    regexp: Regexp,
}

impl NamePattern {
    /// Reads an expression in Go's syntax.
    pub fn parse(text: &str) -> Result<Self, regexp::Error> {
        Ok(Self {
            text: text.to_owned(),
            regexp: Regexp::new(text)?,
        })
    }

    /// The expression as it was given.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Whether it matches somewhere in a name.
    #[must_use]
    pub fn matches(&self, name: &str) -> bool {
        self.regexp.is_match(name.as_bytes())
    }
}

impl fmt::Debug for NamePattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("NamePattern").field(&self.text).finish()
    }
}

impl PartialEq for NamePattern {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
}

impl Eq for NamePattern {}

impl PartialOrd for NamePattern {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for NamePattern {
    fn cmp(&self, other: &Self) -> Ordering {
        self.text.cmp(&other.text)
    }
}

impl Hash for NamePattern {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.text.hash(state);
    }
}
