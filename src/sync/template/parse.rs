//! The manifest's template, checked and parsed.

use std::{collections::BTreeMap, sync::Arc};

use gotext::template::TemplateOrigin;

use super::{Delimiters, Destination, From, Items, Template, Text, metadata::name_problem};
use crate::{
    api::external_secret::{self as api, DecodingStrategy, TemplateMergePolicy, TemplateRef, TemplateScope},
    sync::{
        cause::{Cause, Failure},
        fields::Path,
        render,
        sources::{SourceKind, SourceName},
        spec::{GenericKind, key_problem},
    },
};

/// Where the template stands in the manifest.
const PATH: &str = "spec.target.template";

fn invalid(text: String) -> Failure {
    Failure::new(Cause::InvalidSpec, text).headline("could not update secret")
}

/// A text of the manifest.
fn text(delimiters: &Delimiters, path: &str, name: &str, text: &str) -> Result<Text, Failure> {
    let template = delimiters.parse(name, text.as_bytes()).map_err(|error| {
        let why = error.redacted(TemplateOrigin::Manifest);
        Failure::new(
            Cause::TemplateInvalid,
            format!("could not apply template: unable to parse template at key {name} ({path}): {why}"),
        )
        .headline("could not update secret")
    })?;
    Ok(Text {
        name: name.into(),
        template: Arc::new(template),
    })
}

fn texts(
    delimiters: &Delimiters,
    path: &str,
    map: Option<&BTreeMap<String, String>>,
) -> Result<Vec<Text>, Failure> {
    let texts = map.into_iter().flatten();
    texts
        .map(|(name, value)| text(delimiters, path, name, value))
        .collect()
}

fn destination(target: Option<&str>, path: &str, kind: Option<&GenericKind>) -> Result<Destination, Failure> {
    let given = target.unwrap_or_default();
    match given.to_ascii_lowercase().as_str() {
        "" | "data" => Ok(Destination::Data),
        "labels" => Ok(Destination::Labels),
        "annotations" => Ok(Destination::Annotations),
        "spec" if kind.is_some() => Ok(Destination::Field(Path::spec())),
        _ if kind.is_some() => Path::parse(given)
            .map(Destination::Field)
            .map_err(|problem| invalid(format!("{path}.target {given:?} {problem}"))),
        _ => Err(invalid(format!(
            "{path}.target {given:?} is not a place of a Secret; write Data, Labels or Annotations"
        ))),
    }
}

/// Names of labels and annotations.
fn check_names<'a>(path: &str, mut names: impl Iterator<Item = &'a String>) -> Result<(), Failure> {
    match names.find_map(|name| Some((name, name_problem(name)?))) {
        None => Ok(()),
        Some((name, problem)) => Err(invalid(format!("{path}: {name:?} cannot be a name: {problem}"))),
    }
}

fn items(kind: SourceKind, read: &TemplateRef, target: &Destination, path: &str) -> Result<Items, Failure> {
    if !crate::secrets_api::is_name(&read.name) {
        return Err(invalid(format!(
            "{path}.name {:?} cannot be the name of a {kind}: lower-case letters, digits, '-' and '.'",
            read.name
        )));
    }
    // What KeysAndValues gives is looked at when it is there.
    let keys = read.items.iter();
    let mut keys = keys
        .filter(|item| item.template_as.unwrap_or_default() == TemplateScope::Values)
        .map(|item| &item.key);
    match target {
        Destination::Data => {
            if let Some(problem) = keys.find_map(|key| key_problem(key)) {
                return Err(invalid(format!("a key of {path}.items {problem}")));
            }
        }
        Destination::Labels | Destination::Annotations => check_names(&format!("{path}.items"), keys)?,
        Destination::Field(_) => {}
    }
    let items = read.items.iter().map(|item| {
        let scope = item.template_as.unwrap_or_default();
        (item.key.as_str().into(), scope)
    });
    Ok(Items {
        source: SourceName {
            kind,
            name: read.name.as_str().into(),
        },
        items: items.collect(),
    })
}

impl Template {
    /// Parses a template of the manifest, for a target of this kind.
    pub fn parse(
        template: &api::Template,
        delimiters: &Delimiters,
        kind: Option<&GenericKind>,
    ) -> Result<Self, Failure> {
        privileged(template)?;
        let type_ = template.type_.as_deref().filter(|type_| !type_.is_empty());
        if let (Some(_), Some(kind)) = (type_, kind) {
            return Err(invalid(format!(
                "{PATH}.type is for Secrets only, not for {kind}; remove it"
            )));
        }
        let mut from = vec![];
        for (i, entry) in template.template_from.iter().flatten().enumerate() {
            let path = format!("{PATH}.templateFrom[{i}]");
            let target = destination(entry.target.as_deref(), &path, kind)?;
            check_decoding(entry, &target, &path)?;
            let mut read = vec![];
            if let Some(config_map) = &entry.config_map {
                read.push(items(
                    SourceKind::ConfigMap,
                    config_map,
                    &target,
                    &format!("{path}.configMap"),
                )?);
            }
            if let Some(secret) = &entry.secret {
                read.push(items(
                    SourceKind::Secret,
                    secret,
                    &target,
                    &format!("{path}.secret"),
                )?);
            }
            let literal = entry.literal.as_deref().filter(|literal| !literal.is_empty());
            from.push(From {
                target,
                decoding: entry.values_decoding_strategy.unwrap_or_default(),
                read,
                literal: literal
                    .map(|literal| text(delimiters, &path, "literal", literal))
                    .transpose()?,
            });
        }
        if let Some(problem) = template
            .data
            .iter()
            .flatten()
            .find_map(|(key, _)| key_problem(key))
        {
            return Err(invalid(format!("a key of {PATH}.data {problem}")));
        }
        let data = texts(delimiters, &format!("{PATH}.data"), template.data.as_ref())?;
        let metadata = template.metadata.clone().unwrap_or_default();
        for (field, map) in [
            ("labels", &metadata.labels),
            ("annotations", &metadata.annotations),
        ] {
            check_names(
                &format!("{PATH}.metadata.{field}"),
                map.iter().flat_map(BTreeMap::keys),
            )?;
        }
        let merges = template.merge_policy.unwrap_or_default() == TemplateMergePolicy::Merge;
        let parsed = Self {
            type_: type_.map(Into::into),
            keeps_read: merges || (from.is_empty() && data.is_empty()),
            finalizers: metadata.finalizers.unwrap_or_default(),
            from,
            data,
            labels: texts(
                delimiters,
                &format!("{PATH}.metadata.labels"),
                metadata.labels.as_ref(),
            )?,
            annotations: texts(
                delimiters,
                &format!("{PATH}.metadata.annotations"),
                metadata.annotations.as_ref(),
            )?,
            draws: false,
            delimiters: delimiters.clone(),
        };
        let draws = parsed.texts().any(|text| text.template.uses_random());
        Ok(Self { draws, ..parsed })
    }
}

impl Template {
    /// Every text of the manifest.
    fn texts(&self) -> impl Iterator<Item = &Text> {
        let literals = self.from.iter().filter_map(|from| from.literal.as_ref());
        let texts = [&self.data, &self.labels, &self.annotations];
        texts.into_iter().flatten().chain(literals)
    }
}

/// What is put at a path as a whole has no values that could be decoded one by one.
fn check_decoding(entry: &api::TemplateFrom, target: &Destination, path: &str) -> Result<(), Failure> {
    let decodes = !matches!(
        entry.values_decoding_strategy,
        None | Some(DecodingStrategy::None)
    );
    let refs = entry.config_map.iter().chain(&entry.secret);
    let mut items = refs.flat_map(|read| &read.items);
    let structured = entry
        .literal
        .as_deref()
        .is_some_and(|literal| !literal.is_empty())
        || items.any(|item| item.template_as == Some(TemplateScope::KeysAndValues));
    if decodes && structured && matches!(target, Destination::Field(_)) {
        return Err(invalid(format!(
            "{path}.valuesDecodingStrategy does not go with a literal or KeysAndValues at {:?}; use b64dec in the template",
            entry.target.as_deref().unwrap_or_default()
        )));
    }
    Ok(())
}

/// Types that give their holder power over the cluster are refused whatever else the spec says.
fn privileged(template: &api::Template) -> Result<(), Failure> {
    match template.type_.as_deref() {
        Some(type_) if render::is_privileged(type_) => Err(Failure::new(
            Cause::TargetTypeRefused,
            format!("{PATH}.type {type_} is refused: it would give its holder power over the cluster"),
        )
        .headline("could not update secret")),
        _ => Ok(()),
    }
}
