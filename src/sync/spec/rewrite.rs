//! `spec.dataFrom[].rewrite`: changes of keys, compiled once.

use std::{
    fmt,
    sync::{Arc, LazyLock},
};

use gotext::{
    regexp::{self, Regexp},
    template::{
        ExecOptions, Limits, Map, MissingKey, ParseOptions, SystemClock, SystemRandom, Template,
        TemplateOrigin, Value,
    },
};

use super::invalid;
use crate::{
    api::external_secret::{ConflictPolicy, MergeStrategy, PriorityPolicy, Rewrite, RewriteMerge},
    sync::{cause::Failure, template::FUNCTIONS},
};

/// One change of keys.
#[derive(Clone, Debug)]
pub enum RewriteOp {
    /// What the expression matches in each key is replaced; `$1` and `${name}` stand for groups.
    Regexp(Regexp, Box<str>),
    /// Each key is made anew.
    Transform(KeyTemplate),
    /// Values that are JSON objects become one.
    Merge(Merge),
}

/// How values that are JSON objects are merged.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Merge {
    /// Merged last, in this order, so that they win.
    pub priority: Vec<Box<str>>,
    /// Whether a key of `priority` may be missing.
    pub priority_policy: PriorityPolicy,
    /// Whether two objects may hold the same member.
    pub conflict_policy: ConflictPolicy,
    /// The key that takes the merged object under strategy JSON; nothing under Extract, whose members are the keys.
    pub into: Option<Box<str>>,
}

/// A template that makes a key from a key.
#[derive(Clone, Debug)]
pub struct KeyTemplate(Arc<Template>);

/// Bytes of a key between two operations: it has 253 characters at most in the end.
pub const REWRITTEN_LIMIT: usize = 64 << 10;

/// What takes longer than this to make a key is no use.
static LIMITS: LazyLock<Limits> = LazyLock::new(|| Limits {
    steps: 1_000_000,
    output_bytes: REWRITTEN_LIMIT,
    total_bytes: 4 << 20,
    time: std::time::Duration::from_secs(1),
    ..Limits::default()
});

impl KeyTemplate {
    fn parse(text: &str) -> Result<Self, String> {
        let options = ParseOptions {
            left_delim: b"",
            right_delim: b"",
            functions: &FUNCTIONS,
            limits: &LIMITS,
        };
        Template::parse("rewrite", text, &options)
            .map(|template| Self(Arc::new(template)))
            .map_err(|error| error.redacted(TemplateOrigin::Manifest))
    }

    /// The key that a key becomes; the error says what is wrong with the template.
    pub fn apply(&self, key: &str) -> Result<String, String> {
        let options = ExecOptions {
            missing_key: MissingKey::Default,
            limits: &LIMITS,
            clock: &SystemClock,
            random: &SystemRandom,
        };
        let data = Value::Map(Map::strings([("value", key)]));
        let made = self
            .0
            .execute(&data, &options)
            .map_err(|error| error.redacted(TemplateOrigin::Manifest))?;
        String::from_utf8(made.to_vec()).map_err(|_| "the new key is not UTF-8".to_owned())
    }
}

impl fmt::Display for RewriteOp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Regexp(..) => "regexp",
            Self::Transform(_) => "transform",
            Self::Merge(_) => "merge",
        })
    }
}

/// Parses the operations of an entry at `path`.
pub(super) fn parse(operations: &[Rewrite], path: &str) -> Result<Vec<RewriteOp>, Failure> {
    let parsed = operations.iter().enumerate().map(|(i, op)| {
        let path = format!("{path}.rewrite[{i}]");
        match (&op.regexp, &op.transform, &op.merge) {
            (Some(op), None, None) => match Regexp::with_limits(&op.source, regexp::Limits::KEPT) {
                Ok(source) => Ok(RewriteOp::Regexp(source, op.target.as_str().into())),
                Err(error) => Err(invalid(format!(
                    "{path}.regexp.source: could not compile {:?}: {}",
                    op.source,
                    String::from_utf8_lossy(&error.text())
                ))),
            },
            (None, Some(op), None) => KeyTemplate::parse(&op.template)
                .map(RewriteOp::Transform)
                .map_err(|error| invalid(format!("{path}.transform.template: {error}"))),
            (None, None, Some(op)) => merge(op, &path).map(RewriteOp::Merge),
            _ => Err(invalid(format!(
                "{path}: exactly one of regexp, transform and merge must be set"
            ))),
        }
    });
    parsed.collect()
}

fn merge(op: &RewriteMerge, path: &str) -> Result<Merge, Failure> {
    let into = op.into.as_deref().filter(|into| !into.is_empty());
    let into = match (op.strategy.unwrap_or_default(), into) {
        (MergeStrategy::Extract, _) => None,
        (MergeStrategy::Json, Some(into)) => Some(into.into()),
        (MergeStrategy::Json, None) => {
            return Err(invalid(format!(
                "{path}.merge.into is needed with strategy JSON: the key that takes the merged object"
            )));
        }
    };
    let priority = op.priority.as_deref().unwrap_or_default();
    Ok(Merge {
        priority: priority.iter().map(|key| key.as_str().into()).collect(),
        priority_policy: op.priority_policy.unwrap_or_default(),
        conflict_policy: op.conflict_policy.unwrap_or_default(),
        into,
    })
}
