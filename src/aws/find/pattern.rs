//! What names are matched with.

use std::{
    cmp::Ordering,
    fmt,
    hash::{Hash, Hasher},
};

use gotext::regexp::{self, Regexp};

/// A Go regular expression that may match anywhere in a full name. Compared by its text.
#[derive(Clone)]
pub struct NamePattern {
    text: String,
    regexp: Regexp,
}

impl NamePattern {
    /// Reads an expression in Go's syntax. It lives as long as its object: hostile ones must not fill the memory.
    pub fn parse(text: &str) -> Result<Self, regexp::Error> {
        Ok(Self {
            text: text.to_owned(),
            regexp: Regexp::with_limits(text, regexp::Limits::KEPT)?,
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_expression_that_takes_megabytes_is_refused() {
        let costly = r"\pL{400}";
        assert!(Regexp::new(costly).is_ok());
        let refused = NamePattern::parse(costly).unwrap_err();
        assert!(String::from_utf8_lossy(&refused.text()).contains("expression too large"));
        assert!(NamePattern::parse(r"^team-[a-z]{1,60}/db(-\d+)?$").is_ok());
    }
}
