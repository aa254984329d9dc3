//! RENDER: the map becomes the Secret that should be. Pure; checks what the API server would refuse, naming the key.

use std::collections::BTreeMap;

use aws_lc_rs::hmac;

use super::{
    absence::Kept,
    cause::{Cause, Failure},
    fields::{Fields, Misfit, Path},
    fingerprint,
    object::Object,
    record::Digest,
    rewrite::Map,
    spec::{GenericKind, Spec, key_problem},
    template::{Filled, Template},
};
use crate::api::names;

/// Kubernetes' limit on the data of a Secret, in bytes.
const SIZE_LIMIT: usize = 1024 * 1024;

/// The contract's sentence where an object of another kind cannot be made of a template.
pub(super) const NOT_APPLIED: &str = "could not apply template to manifest";

/// Types that give their holder power over the cluster: a Secret of these is neither made nor written.
const PRIVILEGED: [&str; 2] = [
    "kubernetes.io/service-account-token",
    "bootstrap.kubernetes.io/token",
];

/// Labels and annotations of tools say something about the ExternalSecret, not about its Secret: copied, they make GitOps
/// tools adopt or prune the Secret. A name that starts with one of these stays behind.
const NOT_COPIED: [&str; 14] = [
    names::OWN_PREFIX,
    "kubectl.kubernetes.io/",
    "argocd.argoproj.io/",
    "meta.helm.sh/",
    "helm.sh/",
    "helm.toolkit.fluxcd.io/",
    "kustomize.toolkit.fluxcd.io/",
    "reconcile.fluxcd.io/",
    "fluxcd.io/",
    "kustomize.config.k8s.io/",
    "config.kubernetes.io/",
    "config.k8s.io/",
    "internal.config.kubernetes.io/",
    "external-secrets.io/force-sync",
];

/// Whether a Secret of this type is refused.
pub fn is_privileged(type_: &str) -> bool {
    PRIVILEGED.contains(&type_)
}

/// A Secret as it should be, without what only `apply` knows: the labels, owner and merge with what is there.
#[derive(Clone, Debug, Default)]
pub struct Rendered {
    /// Data of a Secret; empty for other kinds.
    pub data: Map,
    /// Fields of a target that is no Secret.
    pub fields: Fields,
    /// Labels that the object declares.
    pub labels: BTreeMap<String, String>,
    /// Annotations that the object declares.
    pub annotations: BTreeMap<String, String>,
    /// Keys that stay on the target although they are not in `data`.
    pub kept: Kept,
    /// Finalizers to add.
    pub finalizers: Vec<String>,
    /// Type; nothing leaves it to Kubernetes' default, or as it is.
    pub type_: Option<String>,
}

/// What becomes a Secret.
#[derive(Debug)]
pub enum Content {
    /// What was read, where the spec has no template, and what stays of keys that were not.
    Read(Map, Kept),
    /// What the template of the spec made of it.
    Filled(Filled),
}

/// Renders. Without a template, labels and annotations of the object are copied; with one, only its own are set.
pub fn render(object: &Object, spec: &Spec, content: Content) -> Result<Rendered, Failure> {
    let mut rendered = match content {
        Content::Read(data, kept) => copied(object, data, kept),
        Content::Filled(filled) => templated(spec, filled),
    };
    check_keys(&rendered.data)?;
    match &spec.target.kind {
        None => check_size(&rendered.data)?,
        Some(kind) => rendered.data_to_fields(spec, kind)?,
    }
    Ok(rendered)
}

impl Rendered {
    /// Digest of what is written, without values: keys of a Secret, or the fields of another kind.
    pub fn keys_digest(&self, spec: &Spec) -> String {
        if spec.target.kind.is_none() {
            return fingerprint::keys_digest(self.data.keys().map(String::as_str));
        }
        fingerprint::keys_digest(self.fields.leaves().iter().map(String::as_str))
    }

    /// Data of other kinds is text, in `data` where it is a ConfigMap's or a template's, else in `spec.data`.
    fn data_to_fields(&mut self, spec: &Spec, kind: &GenericKind) -> Result<(), Failure> {
        let template = spec.target.template.as_deref();
        let path = if kind.is_config_map() || template.is_some_and(Template::gives_data) {
            Path::data()
        } else {
            Path::spec_data()
        };
        for (key, value) in std::mem::take(&mut self.data) {
            let text = str::from_utf8(value.expose()).map_err(|_| {
                invalid(format!(
                    "the value of key {key} is not UTF-8, which {kind} cannot hold; write it to a Secret, or decode it"
                ))
            })?;
            let inserted = self.fields.insert(&path, &key, text.into());
            inserted
                .map_err(|misfit: Misfit| invalid(format!("key {key} cannot stand at {path}: {misfit}")))?;
        }
        let size = self.fields.size();
        if size > SIZE_LIMIT {
            return Err(Failure::new(
                Cause::TooLarge,
                format!("the {kind} would hold {size} bytes, Kubernetes allows {SIZE_LIMIT}: split it"),
            ));
        }
        Ok(())
    }
}

fn invalid(text: String) -> Failure {
    Failure::new(Cause::TargetInvalid, text).headline(NOT_APPLIED)
}

fn templated(spec: &Spec, filled: Filled) -> Rendered {
    let template = spec.target.template.as_deref();
    let mut rendered = Rendered {
        data: filled.data,
        fields: filled.fields,
        labels: filled.labels,
        annotations: filled.annotations,
        kept: filled.kept,
        finalizers: template
            .map(|template| template.finalizers.clone())
            .unwrap_or_default(),
        type_: template
            .and_then(|template| template.type_.as_deref())
            .map(str::to_owned),
    };
    // Marks of ownership are not a template's to set: they are written, or not, by what is true.
    rendered
        .labels
        .retain(|name, _| name != names::MANAGED_LABEL && name != names::CREATED_BY_LABEL);
    rendered
        .annotations
        .retain(|name, _| name != names::DATA_HASH_ANNOTATION);
    rendered
}

fn copied(object: &Object, data: Map, kept: Kept) -> Rendered {
    let copied = |map: &BTreeMap<String, String>| {
        map.iter()
            .filter(|(name, _)| {
                *name != "force-sync" && !NOT_COPIED.iter().any(|prefix| name.starts_with(prefix))
            })
            .map(|(name, value)| (name.clone(), value.clone()))
            .collect()
    };
    Rendered {
        data,
        fields: Fields::default(),
        labels: copied(&object.labels),
        annotations: copied(&object.annotations),
        kept,
        finalizers: vec![],
        type_: None,
    }
}

fn check_keys(data: &Map) -> Result<(), Failure> {
    match data.keys().find_map(|key| key_problem(key)) {
        None => Ok(()),
        Some(problem) => Err(Failure::new(
            Cause::InvalidKey,
            format!(
                "invalid secret keys (TIP: use rewrite or conversionStrategy to change keys): a key {problem}"
            ),
        )),
    }
}

fn check_size(data: &Map) -> Result<(), Failure> {
    let size: usize = data.values().map(crate::secret_bytes::SecretBytes::len).sum();
    if size <= SIZE_LIMIT {
        return Ok(());
    }
    let largest = data
        .iter()
        .max_by_key(|(_, value)| value.len())
        .map_or("", |(key, _)| key);
    Err(Failure::new(
        Cause::TooLarge,
        format!(
            "the Secret would hold {size} bytes, Kubernetes allows {SIZE_LIMIT}; its largest key is {largest}: split it \
             over several ExternalSecrets"
        ),
    ))
}

/// A keyed digest of everything that was rendered: tells whether a refresh found anything new, without keeping values.
pub fn digest(key: &hmac::Key, rendered: &Rendered, also: &str) -> Digest {
    let mut context = hmac::Context::with_key(key);
    let mut part = |bytes: &[u8]| {
        context.update(&bytes.len().to_le_bytes());
        context.update(bytes);
    };
    for (key, value) in &rendered.data {
        part(key.as_bytes());
        part(value.expose());
    }
    part(&serde_json::to_vec(rendered.fields.expose()).unwrap_or_default());
    for map in [&rendered.labels, &rendered.annotations] {
        part(b"");
        for (name, value) in map {
            part(name.as_bytes());
            part(value.as_bytes());
        }
    }
    part(b"");
    for finalizer in &rendered.finalizers {
        part(finalizer.as_bytes());
    }
    part(rendered.type_.as_deref().unwrap_or_default().as_bytes());
    part(format!("{:?}", rendered.kept).as_bytes());
    part(also.as_bytes());
    let tag = context.sign();
    let mut digest = Digest::default();
    digest
        .iter_mut()
        .zip(tag.as_ref())
        .for_each(|(to, from)| *to = *from);
    digest
}

#[cfg(test)]
mod tests;
