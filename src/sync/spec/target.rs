//! `spec.target`: the Secret that is written, and by which policies.

use super::{invalid, not_supported};
use crate::{
    api::external_secret::{CreationPolicy, DeletionPolicy, ExternalSecretSpec, Template},
    sync::cause::{Cause, Failure},
};

/// The Secret that is written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TargetSpec {
    /// Name.
    pub name: Box<str>,
    /// Who owns it.
    pub creation: CreationPolicy,
    /// What goes with its source.
    pub deletion: DeletionPolicy,
    /// Written as immutable.
    pub immutable: bool,
}

pub(super) fn target(spec: &ExternalSecretSpec, name: &str) -> Result<TargetSpec, Failure> {
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
    if target.manifest.is_some() {
        return Err(not_supported("spec.target.manifest").headline("invalid generic target"));
    }
    if let Some(template) = &target.template {
        privileged(template)?;
        return Err(not_supported("spec.target.template"));
    }
    let name = target
        .name
        .as_deref()
        .filter(|name| !name.is_empty())
        .unwrap_or(name);
    if !crate::secrets_api::is_name(name) {
        return Err(invalid(format!(
            "spec.target.name {name:?} cannot be the name of a Secret: lower-case letters, digits, '-' and '.'"
        )));
    }
    Ok(TargetSpec {
        name: name.into(),
        creation,
        deletion,
        immutable: target.immutable.unwrap_or_default(),
    })
}

/// Types that give their holder power over the cluster are refused whatever else the spec says.
fn privileged(template: &Template) -> Result<(), Failure> {
    match template.type_.as_deref() {
        Some(type_) if crate::sync::render::is_privileged(type_) => Err(Failure::new(
            Cause::TargetTypeRefused,
            format!(
                "spec.target.template.type {type_} is refused: it would give its holder power over the cluster"
            ),
        )),
        _ => Ok(()),
    }
}
