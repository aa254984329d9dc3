//! Paths as `templateFrom[].target` has them: `spec.rules[0].from`.

use std::fmt;

/// Segments of a path: more makes documents that nothing can read.
const SEGMENTS: usize = 64;
/// Largest index into a list (ESO).
const LARGEST_INDEX: usize = 10_000;

/// What is not a template's to write: the object would be another one, or no one's.
const RESERVED: [&str; 4] = ["apiVersion", "kind", "metadata", "status"];

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Segment {
    Key(Box<str>),
    Index(usize),
}

/// A place in an object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Path(Box<[Segment]>);

impl fmt::Display for Path {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (nth, segment) in self.0.iter().enumerate() {
            match segment {
                Segment::Key(key) if nth == 0 => f.write_str(key)?,
                Segment::Key(key) => write!(f, ".{key}")?,
                Segment::Index(index) => write!(f, "[{index}]")?,
            }
        }
        Ok(())
    }
}

impl Path {
    /// `data`.
    pub fn data() -> Self {
        Self([Segment::Key("data".into())].into())
    }

    /// `spec`.
    pub fn spec() -> Self {
        Self([Segment::Key("spec".into())].into())
    }

    /// `spec.data`.
    pub fn spec_data() -> Self {
        Self([Segment::Key("spec".into()), Segment::Key("data".into())].into())
    }

    /// Reads a path, or says what is wrong with it.
    pub fn parse(text: &str) -> Result<Self, String> {
        let mut segments = vec![];
        for part in text.split('.') {
            let (key, indices) = match part.split_once('[') {
                Some((key, indices)) => (key, Some(indices)),
                None => (part, None),
            };
            if key.is_empty() || key.contains(']') {
                return Err(
                    "is no path: write keys with dots between them, and indices behind a key, such as \
                     spec.rules[0].name"
                        .to_owned(),
                );
            }
            segments.push(Segment::Key(key.into()));
            // `a[0][1]`, cut at the first bracket, is `0][1]`.
            if let Some(indices) = indices {
                let inner = indices
                    .strip_suffix(']')
                    .ok_or("has an index without closing bracket")?;
                for index in inner.split("][") {
                    segments.push(Segment::Index(parse_index(index)?));
                }
            }
        }
        if segments.len() > SEGMENTS {
            return Err(format!("is deeper than {SEGMENTS} keys and indices"));
        }
        match segments.first() {
            Some(Segment::Key(first)) if RESERVED.contains(&&**first) => Err(format!(
                "stands below {first}, which is not a template's to write; use Labels or Annotations for those"
            )),
            _ => Ok(Self(segments.into())),
        }
    }

    pub(super) fn segments(&self) -> &[Segment] {
        &self.0
    }

    /// Whether it is a field of the object itself.
    pub fn is_top(&self) -> bool {
        self.0.len() == 1
    }
}

fn parse_index(text: &str) -> Result<usize, String> {
    let digits = !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    match text.parse() {
        Ok(index) if digits && index <= LARGEST_INDEX => Ok(index),
        _ => Err(format!(
            "has an index that is no number from 0 to {LARGEST_INDEX}"
        )),
    }
}
