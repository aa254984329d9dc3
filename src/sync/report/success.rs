//! What the Ready condition says where a sync succeeded. Other programs look for these texts: they are the contract's.

use super::truncated;
use crate::{
    api::external_secret::StatusCondition,
    sync::{Done, Outcome, absence::OnMissing, apply::Applied, object::Object},
};

/// Cause of an object that is Ready although sources are missing, as it wished.
pub(super) const PARTIALLY_SYNCED: &str = "PartiallySynced";

/// Message of an object that asked by annotation to be synced without what is missing.
pub(super) fn partially_synced(object: &Object, outcome: &Outcome) -> Option<String> {
    let on_missing = object
        .spec
        .as_ref()
        .map(|spec| spec.on_missing)
        .unwrap_or_default();
    let left = match (on_missing, &outcome.done) {
        (OnMissing::Fail, _) => return None,
        (OnMissing::Keep, _) => "stays on the target as it is",
        (OnMissing::Skip, Done::Retained) => "stays with the whole Secret, due to deletionPolicy Retain",
        (OnMissing::Skip, _) => "is left out",
    };
    let some_left = match &outcome.done {
        Done::Retained | Done::NotWritten => true,
        Done::Applied(applied) => !matches!(applied, Applied::Deleted | Applied::Missing),
        Done::AwaitingConfirmation => false,
    };
    if outcome.missing.is_empty() || !some_left {
        return None;
    }
    let places: Vec<_> = outcome.missing.iter().map(ToString::to_string).collect();
    Some(truncated(format!(
        "{PARTIALLY_SYNCED}: missing at the source, so that it {left}: {}",
        places.join(", ")
    )))
}

/// Text of the Ready condition with its reason, for each end of a sync; the contract has others for generic targets.
pub(super) fn success(done: &Done, generic: bool) -> Option<(&'static str, &'static str)> {
    let (secret, resource) = match done {
        Done::AwaitingConfirmation => return None,
        Done::Retained => (
            ("SecretSynced", "secret retained due to DeletionPolicy=Retain"),
            ("ResourceSynced", "resource retained due to DeletionPolicy=Retain"),
        ),
        Done::Applied(Applied::Deleted) => (
            ("SecretDeleted", "secret deleted due to DeletionPolicy=Delete"),
            ("ResourceDeleted", "resource deleted due to DeletionPolicy=Delete"),
        ),
        Done::Applied(Applied::Missing) => (
            (
                "SecretMissing",
                "secret will not be created due to CreationPolicy=Merge",
            ),
            (
                "ResourceMissing",
                "resource will not be created due to CreationPolicy=Merge",
            ),
        ),
        Done::NotWritten | Done::Applied(_) => (
            ("SecretSynced", "secret synced"),
            ("ResourceSynced", "secret synced"),
        ),
    };
    Some(if generic { resource } else { secret })
}

/// Whether a condition tells that there is no target, and that none is missed.
pub fn is_targetless(ready: &StatusCondition) -> bool {
    let says = (ready.reason.as_deref(), ready.message.as_deref());
    let told = |done: &Done| {
        let mut texts = [false, true]
            .into_iter()
            .filter_map(|generic| success(done, generic));
        texts.any(|(reason, message)| says == (Some(reason), Some(message)))
    };
    let targetless = [Done::Applied(Applied::Deleted), Done::Applied(Applied::Missing)];
    ready.status == "True" && targetless.iter().any(told)
}
