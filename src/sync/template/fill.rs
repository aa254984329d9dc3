//! A template and the values that it is filled with become data, labels and annotations.
//!
//! Where the object is synced although sources are missing (`keyferry.dev/on-missing: keep`), a text that may need a value
//! that was not read is not rendered at all: not even `index`, which takes an absent key for an empty value.

use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

use gotext::template::{
    ExecError, ExecOptions, Limit, Limits, MissingKey, SystemClock, SystemRandom, TemplateOrigin, Value,
};
use zeroize::Zeroizing;

use super::{
    Destination, From, LIMITS, Template,
    metadata::{ANNOTATIONS_LIMIT, LABEL_VALUE, is_label_value, name_problem},
};
use crate::{
    api::external_secret::{DecodingStrategy, TemplateScope},
    secret_bytes::SecretBytes,
    sync::{
        absence::Kept,
        cause::{Cause, Failure},
        fields::{self, Fields, Misfit, Path},
        rewrite::{self, Map},
        sources::{SourceKind, SourceName, Texts},
        spec::key_problem,
    },
};

/// Bytes that all outputs of one object may hold together: a Secret holds 1 MiB, encodings may shrink what is rendered.
const OUTPUT_LIMIT: usize = 4 << 20;

/// What filling one template may take.
#[derive(Clone, Copy, Debug)]
pub struct Budget {
    /// Steps of each text.
    pub steps: u64,
    /// Time of all texts together.
    pub time: Duration,
}

/// What a template gave.
#[derive(Debug, Default)]
pub struct Filled {
    /// Data of the target.
    pub data: Map,
    /// Its labels.
    pub labels: BTreeMap<String, String>,
    /// Its annotations.
    pub annotations: BTreeMap<String, String>,
    /// Keys that stay on the target as they are, because what gives them was not rendered.
    pub kept: Kept,
    /// Fields of a target that is no Secret.
    pub fields: Fields,
    /// A text drew something new, which the next rendering would not give again.
    pub draws: bool,
    size: usize,
}

/// Fills a template, in the contract's order: what was read, then `templateFrom`, then `data`, labels and annotations.
/// `kept` are the keys that would have been read, were they not missing.
pub fn fill(
    template: &Template,
    read: &Map,
    kept: &Kept,
    texts: &Texts,
    budget: Budget,
) -> Result<Filled, Failure> {
    let values = read.iter().map(|(key, value)| (key.as_str(), value.expose()));
    let filling = Filling {
        template,
        texts,
        read,
        partial: *kept != Kept::Nothing,
        values: Value::Map(gotext::template::Map::strings(values)),
        budget,
        until: Instant::now() + budget.time,
    };
    let mut filled = Filled {
        draws: template.draws,
        ..Filled::default()
    };
    if template.keeps_read {
        filled.data.clone_from(read);
        filled.kept.clone_from(kept);
    }
    for (i, from) in template.from.iter().enumerate() {
        let path = format!("spec.target.template.templateFrom[{i}]");
        filling.from(from, &path, &mut filled)?;
    }
    let own = [
        (Destination::Data, &template.data, "data"),
        (Destination::Labels, &template.labels, "metadata.labels"),
        (
            Destination::Annotations,
            &template.annotations,
            "metadata.annotations",
        ),
    ];
    for (target, texts, field) in own {
        for text in texts {
            let at = At {
                name: &text.name,
                place: &format!("spec.target.template.{field}"),
                origin: TemplateOrigin::Manifest,
            };
            if filling.lacks(&text.template) {
                filled.keep(&target, &text.name);
                continue;
            }
            let value = filling.execute(&text.template, &at)?;
            filled.insert(&target, &text.name, value.into(), &at)?;
        }
    }
    let annotations: usize = filled.annotations.iter().map(|(k, v)| k.len() + v.len()).sum();
    if annotations > ANNOTATIONS_LIMIT {
        return Err(Failure::new(
            Cause::InvalidMetadata,
            format!(
                "could not apply template: the annotations hold {annotations} bytes, Kubernetes allows {ANNOTATIONS_LIMIT}"
            ),
        )
        .headline("could not update secret"));
    }
    Ok(filled)
}

/// The text at work, for errors.
struct At<'a> {
    name: &'a str,
    place: &'a str,
    origin: TemplateOrigin,
}

impl At<'_> {
    fn failure(&self, cause: Cause, what: &str) -> Failure {
        let (name, place) = (self.name, self.place);
        Failure::new(
            cause,
            format!("could not apply template: unable to execute template at key {name} ({place}): {what}"),
        )
        .headline("could not update secret")
    }

    fn misfit(&self, path: &Path, misfit: Misfit) -> Failure {
        self.failure(
            Cause::TemplateFailed,
            &format!("the output cannot stand at {path}: {misfit}"),
        )
    }

    fn failed(&self, error: &ExecError) -> Failure {
        let cause = match error.reached() {
            Some(Limit::Steps | Limit::Time | Limit::TotalBytes) => Cause::TemplateTooCostly,
            _ => Cause::TemplateFailed,
        };
        self.failure(cause, &error.redacted(self.origin))
    }
}

struct Filling<'a> {
    template: &'a Template,
    texts: &'a Texts,
    read: &'a Map,
    /// Something is missing in what was read.
    partial: bool,
    values: Value,
    budget: Budget,
    until: Instant,
}

impl Filling<'_> {
    /// Whether a text may need what is missing.
    fn lacks(&self, text: &gotext::template::Template) -> bool {
        self.partial
            && text.may_read(|key| std::str::from_utf8(key).is_ok_and(|key| !self.read.contains_key(key)))
    }

    /// What is left of the time.
    fn time(&self, at: &At<'_>) -> Result<Duration, Failure> {
        let left = self.until.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Err(at.failure(Cause::TemplateTooCostly, &Limit::Time.to_string()));
        }
        Ok(left)
    }

    fn execute(&self, text: &gotext::template::Template, at: &At<'_>) -> Result<Zeroizing<Vec<u8>>, Failure> {
        let limits = Limits {
            steps: self.budget.steps,
            time: self.time(at)?,
            ..LIMITS.clone()
        };
        let options = ExecOptions {
            missing_key: MissingKey::Error,
            limits: &limits,
            clock: &SystemClock,
            random: &SystemRandom,
        };
        text.execute(&self.values, &options)
            .map_err(|error| at.failed(&error))
    }

    fn from(&self, from: &From, path: &str, filled: &mut Filled) -> Result<(), Failure> {
        for items in &from.read {
            let (field, origin) = match items.source.kind {
                SourceKind::ConfigMap => ("configMap", TemplateOrigin::Manifest),
                SourceKind::Secret => ("secret", TemplateOrigin::Secret),
            };
            for (key, scope) in &items.items {
                let place = format!("{path}.{field} {}", items.source.name);
                let at = At {
                    name: key,
                    place: &place,
                    origin,
                };
                let text = self.text(&items.source, &at)?;
                filled.draws |= text.uses_random();
                if self.lacks(&text) {
                    match scope {
                        TemplateScope::Values => filled.keep(&from.target, key),
                        TemplateScope::KeysAndValues => filled.keep_all(&from.target),
                    }
                    continue;
                }
                let output = self.execute(&text, &at)?;
                match scope {
                    TemplateScope::Values => {
                        let value = decoded(from.decoding, output.into(), &at)?;
                        filled.insert(&from.target, key, value, &at)?;
                    }
                    TemplateScope::KeysAndValues => filled.insert_all(from, &output, &at)?,
                }
            }
        }
        if let Some(literal) = &from.literal {
            if self.lacks(&literal.template) {
                filled.keep_all(&from.target);
                return Ok(());
            }
            let at = At {
                name: &literal.name,
                place: path,
                origin: TemplateOrigin::Manifest,
            };
            let output = self.execute(&literal.template, &at)?;
            filled.insert_all(from, &output, &at)?;
        }
        Ok(())
    }

    /// A text of a ConfigMap or Secret, parsed: it is read anew at each refresh.
    fn text(&self, source: &SourceName, at: &At<'_>) -> Result<gotext::template::Template, Failure> {
        let key = at.name;
        let text = self.texts.get(source).and_then(|read| read.data.get(key));
        let Some(text) = text else {
            let (kind, name) = (source.kind.name().to_lowercase(), &source.name);
            return Err(Failure::new(
                Cause::TemplateSourceNotFound,
                format!(
                    "error fetching templateFrom data: error in {kind} {name}: missing key {key}; add the key, or correct \
                     {}",
                    at.place
                ),
            )
            .headline("could not update secret"));
        };
        self.time(at)?;
        self.template
            .delimiters
            .parse(key, text.expose())
            .map_err(|error| {
                Failure::new(
                    Cause::TemplateFailed,
                    format!(
                        "could not apply template: unable to parse template at key {key} ({}): {}",
                        at.place,
                        error.redacted(at.origin)
                    ),
                )
                .headline("could not update secret")
            })
    }
}

impl Filled {
    /// A text was not rendered: what it gave before stays.
    fn keep(&mut self, target: &Destination, key: &str) {
        match target {
            Destination::Data => {
                // It would have won over an earlier one.
                self.data.remove(key);
                self.kept.add(key);
            }
            // Fields of other kinds are not kept: an object with such a target cannot ask for it.
            Destination::Labels | Destination::Annotations | Destination::Field(_) => {
                self.kept.add_metadata();
            }
        }
    }

    /// A text was not rendered that would have given keys as well: each may be one of them.
    fn keep_all(&mut self, target: &Destination) {
        match target {
            Destination::Data => {
                self.data.clear();
                self.kept = Kept::All;
            }
            // Fields of other kinds are not kept: an object with such a target cannot ask for it.
            Destination::Labels | Destination::Annotations | Destination::Field(_) => {
                self.kept.add_metadata();
            }
        }
    }

    /// YAML of keys and values. The keys were rendered too: they may hold values, and are not quoted.
    fn insert_all(&mut self, from: &From, output: &[u8], at: &At<'_>) -> Result<(), Failure> {
        if let Destination::Field(path) = &from.target {
            return self.merge(path, output, at);
        }
        let pairs = gotext::yaml::parse_string_map(output).map_err(|_| {
            at.failure(
                Cause::TemplateFailed,
                "the output is not YAML of keys and values; quote values with toJson or quote",
            )
        })?;
        for (key, value) in pairs {
            let problem = match &from.target {
                Destination::Data => key_problem(&key).map(|_| {
                    (
                        Cause::InvalidKey,
                        "a key holds letters, digits, '-', '.' and '_', at most 253 of them",
                    )
                }),
                Destination::Labels | Destination::Annotations => {
                    name_problem(&key).map(|problem| (Cause::InvalidMetadata, problem))
                }
                Destination::Field(_) => None,
            };
            if let Some((cause, problem)) = problem {
                return Err(at.failure(
                    cause,
                    &format!("the output has a key that cannot be one: {problem}"),
                ));
            }
            let value = decoded(from.decoding, value.into(), at)?;
            self.insert(&from.target, &key, value, at)?;
        }
        Ok(())
    }

    fn insert(
        &mut self,
        target: &Destination,
        key: &str,
        value: SecretBytes,
        at: &At<'_>,
    ) -> Result<(), Failure> {
        self.count(value.len(), at)?;
        let text = |value: &SecretBytes| {
            String::from_utf8(value.expose().to_vec()).map_err(|_| {
                at.failure(
                    Cause::InvalidMetadata,
                    "the output is not UTF-8; labels and annotations are text",
                )
            })
        };
        match target {
            Destination::Data => {
                self.data.insert(key.to_owned(), value);
            }
            Destination::Labels => {
                let value = text(&value)?;
                if !is_label_value(&value) {
                    return Err(at.failure(Cause::InvalidMetadata, LABEL_VALUE));
                }
                self.labels.insert(key.to_owned(), value);
            }
            Destination::Annotations => {
                self.annotations.insert(key.to_owned(), text(&value)?);
            }
            Destination::Field(path) => self.put(path, key, &value, at)?,
        }
        Ok(())
    }

    fn count(&mut self, bytes: usize, at: &At<'_>) -> Result<(), Failure> {
        self.size += bytes;
        if self.size > OUTPUT_LIMIT {
            return Err(at.failure(
                Cause::TooLarge,
                "the templates of this object give more than 4 MiB; split it",
            ));
        }
        Ok(())
    }

    /// One value. Below `spec` it is a text under its key; at any other path it is what stands there: YAML, else a text.
    fn put(&mut self, path: &Path, key: &str, value: &SecretBytes, at: &At<'_>) -> Result<(), Failure> {
        let text = || {
            let text = str::from_utf8(value.expose());
            text.map(Into::into).map_err(|_| {
                let what = "the output is not UTF-8; only a Secret holds other bytes";
                at.failure(Cause::TargetInvalid, what)
            })
        };
        let put = if *path == Path::spec() {
            self.fields.insert(path, key, text()?)
        } else {
            let parsed = gotext::yaml::parse(value.expose()).ok().and_then(fields::json);
            self.fields.set(path, parsed.map_or_else(text, Ok)?)
        };
        put.map_err(|misfit| at.misfit(path, misfit))
    }

    /// A structure in YAML. At a field of the object itself, only a mapping makes sense.
    fn merge(&mut self, path: &Path, output: &[u8], at: &At<'_>) -> Result<(), Failure> {
        self.count(output.len(), at)?;
        let parsed = gotext::yaml::parse(output).ok().and_then(fields::json);
        let wrong = match parsed {
            Some(value) if value.is_object() || !(path.is_top() || value.is_null()) => {
                let merged = self.fields.merge(path, value);
                return merged.map_err(|misfit| at.misfit(path, misfit));
            }
            Some(_) if path.is_top() => "the output is not YAML of keys and values",
            Some(_) => "the output is empty",
            None => "the output is not YAML; quote values with toJson or quote",
        };
        Err(at.failure(
            Cause::TemplateFailed,
            &format!("{wrong}, and cannot stand at {path}"),
        ))
    }
}

fn decoded(strategy: DecodingStrategy, value: SecretBytes, at: &At<'_>) -> Result<SecretBytes, Failure> {
    rewrite::decode(strategy, at.name, value).map_err(|_| {
        at.failure(
            Cause::DecodingFailed,
            &format!("a value is not {strategy:?}, which valuesDecodingStrategy says; use Auto or None"),
        )
    })
}
