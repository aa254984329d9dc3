//! `spec.target`: the Secret that is written, by which policies, and from which template.

use std::sync::Arc;

use super::{Rules, invalid, not_supported};
use crate::{
    api::external_secret::{CreationPolicy, DeletionPolicy, ExternalSecretSpec},
    sync::{cause::Failure, template::Template},
};

/// The Secret that is written.
#[derive(Clone, Debug)]
pub struct TargetSpec {
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
    if target.manifest.is_some() {
        return Err(not_supported("spec.target.manifest").headline("invalid generic target"));
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
    let template = target
        .template
        .as_ref()
        .map(|template| Template::parse(template, &rules.delimiters));
    Ok(TargetSpec {
        name: name.into(),
        creation,
        deletion,
        immutable: target.immutable.unwrap_or_default(),
        template: template.transpose()?.map(Arc::new),
    })
}
