//! `spec.target`: the Secret, or the object of another kind, that is written, by which policies, and from which template.

use std::{fmt, sync::Arc};

use super::{Rules, invalid};
use crate::{
    api::{
        external_secret::{self as api, CreationPolicy, DeletionPolicy, ExternalSecretSpec, WrittenTarget},
        names,
    },
    sync::{
        cause::{Cause, Failure},
        template::Template,
    },
};

/// A kind of target other than Secret.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct GenericKind {
    /// Group; empty for the core group.
    pub group: Box<str>,
    /// Version.
    pub version: Box<str>,
    /// Kind.
    pub kind: Box<str>,
}

impl GenericKind {
    /// A kind as manifests name it.
    pub fn new(api_version: &str, kind: &str) -> Self {
        let (group, version) = api_version.split_once('/').unwrap_or(("", api_version));
        Self {
            group: group.into(),
            version: version.into(),
            kind: kind.into(),
        }
    }

    /// Whether it is the kind whose data are strings by key.
    pub fn is_config_map(&self) -> bool {
        self.group.is_empty() && *self.kind == *"ConfigMap"
    }

    /// As manifests have it.
    pub fn api_version(&self) -> String {
        if self.group.is_empty() {
            self.version.to_string()
        } else {
            format!("{}/{}", self.group, self.version)
        }
    }
}

impl fmt::Display for GenericKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.kind)
    }
}

/// A target by kind and name; no kind is Secret.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct TargetName {
    /// See [`TargetSpec::kind`].
    pub kind: Option<GenericKind>,
    /// Name.
    pub name: Box<str>,
}

impl TargetName {
    /// Whether both name the same object: the version of a kind says only how it is written.
    pub fn is_same_object(&self, other: &Self) -> bool {
        let kind = |target: &Self| {
            target
                .kind
                .as_ref()
                .map(|kind| (kind.group.clone(), kind.kind.clone()))
        };
        self.name == other.name && kind(self) == kind(other)
    }

    /// The target that a status names; nothing where no spec could have named it.
    pub fn of_status(target: &WrittenTarget) -> Option<Self> {
        let (api_version, kind) = (&*target.api_version, &*target.kind);
        let may_be = (api_version, kind) != ("v1", "Secret")
            && can_be_kind(api_version, kind)
            && refusal(api_version).is_none()
            && crate::secrets_api::is_name(&target.name);
        may_be.then(|| Self {
            kind: Some(GenericKind::new(api_version, kind)),
            name: target.name.as_str().into(),
        })
    }
}

impl fmt::Display for TargetName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.kind {
            None => write!(f, "Secret {}", self.name),
            Some(kind) => write!(f, "{kind} {}", self.name),
        }
    }
}

/// The Secret, or the object of another kind, that is written.
#[derive(Clone, Debug)]
pub struct TargetSpec {
    /// Its kind, where it is no Secret.
    pub kind: Option<GenericKind>,
    /// Name.
    pub name: Box<str>,
    /// Who owns it.
    pub creation: CreationPolicy,
    /// What goes with its source.
    pub deletion: DeletionPolicy,
    /// Written as immutable.
    pub immutable: bool,
    /// How it is made from what was read; without one, what was read is what is written.
    pub template: Option<Arc<Template>>,
}

pub(super) fn target(spec: &ExternalSecretSpec, name: &str, rules: &Rules) -> Result<TargetSpec, Failure> {
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
    let kind = match &target.manifest {
        Some(manifest) => generic_kind(manifest, &target, rules)?,
        None => None,
    };
    let name = target
        .name
        .as_deref()
        .filter(|name| !name.is_empty())
        .unwrap_or(name);
    if !crate::secrets_api::is_name(name) {
        return Err(invalid(format!(
            "spec.target.name {name:?} cannot be the name of a target: lower-case letters, digits, '-' and '.'"
        )));
    }
    let template = target
        .template
        .as_ref()
        .map(|template| Template::parse(template, &rules.delimiters, kind.as_ref()));
    Ok(TargetSpec {
        kind,
        name: name.into(),
        creation,
        deletion,
        immutable: target.immutable.unwrap_or_default(),
        template: template.transpose()?.map(Arc::new),
    })
}

impl TargetSpec {
    /// Kind and name.
    pub fn id(&self) -> TargetName {
        TargetName {
            kind: self.kind.clone(),
            name: self.name.clone(),
        }
    }
}

/// Kinds that would hand out more than the ExternalSecret's author has: rights in the cluster, or the stores and objects
/// that the operator itself obeys. By group, for none of these groups has a kind that is meant to hold fetched data.
const REFUSED_GROUPS: [(&str, &str); 3] = [
    ("rbac.authorization.k8s.io", "it would hand out rights"),
    (names::GROUP, "the operator obeys objects of this group"),
    (
        names::GENERATORS_GROUP,
        "the operator obeys objects of this group",
    ),
];

fn group_of(api_version: &str) -> &str {
    api_version.split_once('/').map_or("", |(group, _)| group)
}

/// Why a group is refused, where it is.
fn refusal(api_version: &str) -> Option<&'static str> {
    let group = group_of(api_version);
    let refused = REFUSED_GROUPS.iter().find(|(refused, _)| *refused == group);
    refused.map(|(_, why)| *why)
}

/// Whether these could name a kind.
fn can_be_kind(api_version: &str, kind: &str) -> bool {
    let (group, version) = api_version.split_once('/').unwrap_or(("", api_version));
    let is_label = |text: &str| crate::secrets_api::is_name(text) && !text.contains('.');
    let is_kind = !kind.is_empty() && kind.len() <= 63 && kind.bytes().all(|b| b.is_ascii_alphanumeric());
    let is_group = group.is_empty() && !api_version.contains('/') || crate::secrets_api::is_name(group);
    is_group && is_label(version) && is_kind
}

/// The kind that a manifest names; none is Secret, which has rules of its own and needs no flag.
fn generic_kind(
    manifest: &api::Manifest,
    target: &api::Target,
    rules: &Rules,
) -> Result<Option<GenericKind>, Failure> {
    let refused =
        |text: String| Err(Failure::new(Cause::TargetKindRefused, text).headline("invalid generic target"));
    let (api_version, kind) = (&*manifest.api_version, &*manifest.kind);
    if (api_version, kind) == ("v1", "Secret") {
        return Ok(None);
    }
    if !rules.generic_targets {
        return refused(format!(
            "spec.target.manifest {kind} needs an operator that runs with --unsafe-allow-generic-targets (chart value \
             genericTargets.enabled); or leave out spec.target.manifest to write a Secret"
        ));
    }
    if !can_be_kind(api_version, kind) {
        return Err(invalid(format!(
            "spec.target.manifest {api_version:?} {kind:?} cannot be a kind; write apiVersion as group/version, or v1, and \
             kind as in a manifest, such as ConfigMap"
        ))
        .headline("invalid generic target"));
    }
    if let Some(why) = refusal(api_version) {
        return refused(format!(
            "spec.target.manifest {kind} of {} is refused: {why}; apply such objects yourself",
            group_of(api_version)
        ));
    }
    if target.immutable == Some(true) {
        return Err(invalid(format!(
            "spec.target.immutable is for Secrets only, not for {kind}; remove it"
        ))
        .headline("invalid generic target"));
    }
    Ok(Some(GenericKind::new(api_version, kind)))
}
