//! A target that is no Secret: written by server-side apply, by the same rules of ownership.
//!
//! What others hold of it stays theirs; a field of ours is put right whoever changed it. An object that is there and not
//! ours is never taken over without consent under Owner and Orphan, for it would go with the ExternalSecret, or follow it.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::ManagedFieldsEntry;
use kube::api::ApiResource;

use super::{
    ATTEMPTS, Applied, Attempt, Writer, adopt, going, not_updated, outpaced,
    ownership::{check_owner, marked, owner},
    refused,
};
use crate::{
    api::{external_secret::CreationPolicy, names},
    resources_api::{self, At, ResourceMeta, Unresolved, Wanted},
    rights,
    secrets_api::Error,
    sync::{
        cause::{Cause, Failure},
        fingerprint,
        object::Object,
        record::Record,
        render::Rendered,
        spec::{GenericKind, Spec},
        target::{TargetView, Written, is_applied_by, leaves},
    },
};

/// Field manager under which ESO writes targets that are no Secrets.
const ESO_MANAGER: &str = "external-secrets";

/// One target, on its way.
struct Target<'a> {
    writer: &'a Writer,
    object: &'a Object,
    spec: &'a Spec,
    kind: &'a GenericKind,
    rendered: &'a Rendered,
    resource: &'a ApiResource,
    manager: String,
}

impl Writer {
    /// The kind as the API server serves it.
    pub async fn resolve(&self, kind: &GenericKind) -> Result<ApiResource, Failure> {
        let resolved = self.kinds.resolve(&self.client, kind).await;
        resolved.map_err(|unresolved| {
            let version = kind.api_version();
            let (cause, text) = match unresolved {
                Unresolved::NotServed => (
                    Cause::TargetKindNotServed,
                    format!(
                        "{unresolved}: {kind} of {version}; install its CRD, or correct spec.target.manifest"
                    ),
                ),
                Unresolved::ClusterScoped => (
                    Cause::TargetKindRefused,
                    format!("spec.target.manifest {kind} of {version} is refused: {unresolved}"),
                ),
                Unresolved::Unknown => (Cause::ApiServerUnavailable, unresolved.to_string()),
            };
            Failure::new(cause, text).headline("could not get target resource")
        })
    }

    /// Makes the target equal to what was rendered, as far as we declare it.
    pub(super) async fn apply_resource(
        &self,
        object: &Object,
        spec: &Spec,
        kind: &GenericKind,
        rendered: &Rendered,
        record: &Record,
    ) -> Result<Applied, Failure> {
        let resource = self.resolve(kind).await?;
        let target = Target::new(self, object, spec, rendered, kind, &resource);
        for _ in 0..ATTEMPTS {
            match target.attempt(record).await {
                Ok(applied) => return Ok(applied),
                Err(Attempt::LookAgain) => {}
                Err(Attempt::Failed(failure)) => return Err(failure),
            }
        }
        Err(outpaced(spec))
    }

    /// Whether a write would be refused: the checks that come before one of an object that is there.
    pub fn check_resource(
        &self,
        object: &Object,
        spec: &Spec,
        rendered: &Rendered,
        record: &Record,
        kind: &GenericKind,
        (resource, there): (&ApiResource, &ResourceMeta),
    ) -> Result<(), Failure> {
        let view = TargetView::of_resource(&there.metadata);
        Target::new(self, object, spec, rendered, kind, resource).check(there, &view, record)
    }

    /// Deletes the target because all its sources are gone; only what we own.
    pub(super) async fn delete_resource(
        &self,
        object: &Object,
        kind: &GenericKind,
        name: &str,
    ) -> Result<bool, Failure> {
        let ours = |meta: &ResourceMeta| is_owned(object, meta);
        match self.delete_if(ours, object, kind, name).await {
            Ok(Deletion::NotOurs) => Err(not_deleted(kind, name)),
            Ok(Deletion::Done) => Ok(true),
            Ok(Deletion::Absent) => Ok(false),
            Err(failure) => Err(failure.headline(NOT_DELETED)),
        }
    }

    /// Deletes what an earlier target left, if it still is ours.
    pub(super) async fn delete_renamed_resource(
        &self,
        object: &Object,
        kind: &GenericKind,
        name: &str,
        stays: Option<&str>,
    ) -> Result<bool, Failure> {
        let manager = fingerprint::field_manager(&object.name);
        // A copy that somebody made carries our label too, but not our manager.
        let is_writer = |entry: &ManagedFieldsEntry| {
            is_applied_by(entry, &manager) || entry.manager.as_deref() == Some(ESO_MANAGER)
        };
        let ours = |meta: &ResourceMeta| {
            let mut entries = meta.metadata.managed_fields.iter().flatten();
            is_owned(object, meta) && entries.any(is_writer) && meta.metadata.uid.as_deref() != stays
        };
        match self.delete_if(ours, object, kind, name).await {
            Ok(deletion) => Ok(matches!(deletion, Deletion::Done)),
            // A kind that is not served any more took its objects with it.
            Err(failure) if failure.cause == Cause::TargetKindNotServed => Ok(false),
            Err(failure) => Err(failure.headline("could not delete orphaned secrets")),
        }
    }

    async fn delete_if(
        &self,
        ours: impl Fn(&ResourceMeta) -> bool,
        object: &Object,
        kind: &GenericKind,
        name: &str,
    ) -> Result<Deletion, Failure> {
        let resource = self.resolve(kind).await?;
        let at = At {
            resource: &resource,
            namespace: &object.namespace,
            name,
        };
        let failed = |error: Error| failed(&error, at, "delete");
        let looked = resources_api::metadata(&self.client, at, self.look).await;
        let Some(meta) = looked.map_err(failed)? else {
            return Ok(Deletion::Absent);
        };
        if !ours(&meta) {
            return Ok(Deletion::NotOurs);
        }
        resources_api::delete(&self.client, at, &meta)
            .await
            .map_err(failed)?;
        Ok(Deletion::Done)
    }
}

const NOT_DELETED: &str = "could not delete resource";

fn not_deleted(kind: &GenericKind, name: &str) -> Failure {
    let text =
        format!("{kind} {name} is not owned by this ExternalSecret and was not deleted; delete it by hand");
    Failure::new(Cause::TargetOwned, text).headline(NOT_DELETED)
}

fn is_owned(object: &Object, meta: &ResourceMeta) -> bool {
    let view = TargetView::of_resource(&meta.metadata);
    match &view.controller {
        Some(controller) => *controller.uid == *object.uid,
        None => view.created_by.as_ref() == Some(&object.created_by),
    }
}

/// Whether the deletion of an object would be refused.
pub fn check_deletion(
    object: &Object,
    kind: &GenericKind,
    name: &str,
    there: &ResourceMeta,
) -> Result<(), Failure> {
    if is_owned(object, there) {
        Ok(())
    } else {
        Err(not_deleted(kind, name))
    }
}

/// What became of an object that was to go.
enum Deletion {
    Done,
    Absent,
    NotOurs,
}

impl<'a> Target<'a> {
    fn new(
        writer: &'a Writer,
        object: &'a Object,
        spec: &'a Spec,
        rendered: &'a Rendered,
        kind: &'a GenericKind,
        resource: &'a ApiResource,
    ) -> Self {
        Self {
            writer,
            object,
            spec,
            kind,
            rendered,
            resource,
            manager: fingerprint::field_manager(&object.name),
        }
    }

    /// Whether what is there may be written.
    fn check(&self, seen: &ResourceMeta, view: &TargetView, record: &Record) -> Result<(), Failure> {
        check_owner(self.object, self.spec, &seen.metadata)?;
        if self.spec.target.creation.merges() {
            return Ok(());
        }
        self.check_adoption(seen, view, record)
    }

    fn at(&self) -> At<'_> {
        At {
            resource: self.resource,
            namespace: &self.object.namespace,
            name: &self.spec.target.name,
        }
    }

    fn failed(&self, error: &Error) -> Attempt {
        if error.is_conflict() {
            return Attempt::LookAgain;
        }
        if error.is_not_found() {
            // The namespace, or the kind: found out at the next try.
            self.writer.kinds.forget(self.kind);
        }
        Attempt::Failed(failed(error, self.at(), "patch"))
    }

    async fn attempt(&self, record: &Record) -> Result<Applied, Attempt> {
        let client = &self.writer.client;
        let looked = resources_api::metadata(client, self.at(), self.writer.look).await;
        let seen = looked.map_err(|error| {
            Attempt::Failed(failed(&error, self.at(), "get").headline("could not get target resource"))
        })?;
        let Some(seen) = seen else {
            if !self.creates() {
                return Ok(Applied::Missing);
            }
            let made = self.apply(None).await?;
            return Ok(Applied::Created(made));
        };
        if seen.metadata.deletion_timestamp.is_some() {
            return Err(going(self.spec).into());
        }
        let view = TargetView::of_resource(&seen.metadata);
        self.check(&seen, &view, record)?;
        let seen = self.take_over(seen, &view).await?;
        let written = self.apply(Some(&seen)).await?;
        Ok(if written.resource_version == view.resource_version {
            Applied::Unchanged(Some(written))
        } else {
            Applied::Updated(written)
        })
    }

    fn creates(&self) -> bool {
        self.spec.target.creation != CreationPolicy::Merge
    }

    async fn apply(&self, seen: Option<&ResourceMeta>) -> Result<Written, Attempt> {
        let (labels, annotations) = marked(self.object, self.spec, self.rendered);
        let wanted = Wanted {
            labels,
            annotations,
            owners: owner(self.object, self.spec).into_iter().collect(),
            finalizers: self.finalizers(seen),
            fields: Some(&self.rendered.fields),
        };
        let client = &self.writer.client;
        let after = resources_api::apply(client, self.at(), &self.manager, seen, &wanted)
            .await
            .map_err(|error| self.failed(&error))?;
        let view = TargetView::of_resource(&after.metadata);
        let held = view.writers.iter().find(|writer| *writer.manager == self.manager);
        let written = Written {
            uid: view.uid.clone(),
            resource_version: view.resource_version.clone(),
            keys: held.map_or_else(|| fingerprint::keys_digest([]).into(), |held| held.keys.clone()),
            whole: !self.spec.target.creation.merges(),
        };
        self.writer
            .generic_targets
            .applied(self.kind, &after.metadata, view);
        Ok(written)
    }

    /// Finalizers are added and never removed: whoever waits for one removes it.
    fn finalizers(&self, seen: Option<&ResourceMeta>) -> Vec<String> {
        let wanted = &self.rendered.finalizers;
        let present = seen
            .and_then(|seen| seen.metadata.finalizers.as_deref())
            .unwrap_or_default();
        let entries = seen
            .into_iter()
            .flat_map(|seen| seen.metadata.managed_fields.iter().flatten());
        let mut ours = entries.filter(|entry| is_applied_by(entry, &self.manager));
        let holds_some = ours.any(|entry| {
            let metadata = entry
                .fields_v1
                .as_ref()
                .and_then(|fields| fields.0.get("f:metadata"));
            metadata.is_some_and(|metadata| metadata.get("f:finalizers").is_some())
        });
        if wanted.is_empty() && !holds_some {
            return vec![];
        }
        let added = wanted.iter().filter(|finalizer| !present.contains(finalizer));
        present.iter().chain(added).cloned().collect()
    }

    /// An object that we did not write as a whole needs consent.
    fn check_adoption(&self, seen: &ResourceMeta, view: &TargetView, record: &Record) -> Result<(), Failure> {
        let written = record.written.as_ref();
        let applied = view.writers.iter().any(|writer| *writer.manager == self.manager);
        // Under Orphan, ESO leaves nothing that says which ExternalSecret wrote.
        let of_eso = view.managed
            && view.written_by_eso
            && view.created_by.is_none()
            && self.spec.target.creation == CreationPolicy::Orphan;
        let ours = written.is_some_and(|written| written.whole && written.uid == view.uid)
            || view.controller.is_some()
            || view.created_by.as_ref() == Some(&self.object.created_by)
            || (applied && view.keys.is_some())
            || of_eso;
        if ours || adopt::consents(self.writer.adoption, self.object, &seen.metadata) {
            return Ok(());
        }
        let target = self.spec.target.id();
        Err(not_updated(
            Cause::TargetNotAdopted,
            format!(
                "{target} exists and was not written by this ExternalSecret; nothing was written. To hand it over, annotate \
                 the {} with {}={}; or use creationPolicy Merge",
                self.kind,
                names::ADOPT_ANNOTATION,
                self.object.name
            ),
        ))
    }

    /// What ESO wrote by update becomes what we apply, so that fields which are wanted no more go with the next write.
    async fn take_over(&self, seen: ResourceMeta, view: &TargetView) -> Result<ResourceMeta, Attempt> {
        let entries = seen.metadata.managed_fields.clone().unwrap_or_default();
        let is_ours = |entry: &_| is_applied_by(entry, &self.manager);
        let is_esos = |entry: &ManagedFieldsEntry| {
            entry.manager.as_deref() == Some(ESO_MANAGER)
                && entry.operation.as_deref() == Some("Update")
                && entry.subresource.as_deref().unwrap_or_default().is_empty()
                && !leaves(entry).is_empty()
        };
        let of_eso = entries.iter().filter(|entry| is_esos(entry)).count();
        if !view.written_by_eso || of_eso != 1 || entries.iter().any(is_ours) {
            return Ok(seen);
        }
        let managers: Vec<_> = entries
            .into_iter()
            .map(|mut entry| {
                if is_esos(&entry) {
                    entry.manager = Some(self.manager.clone());
                    entry.operation = Some("Apply".to_owned());
                }
                entry
            })
            .collect();
        let client = &self.writer.client;
        resources_api::replace_managers(client, self.at(), &seen, &managers)
            .await
            .map_err(|error| self.failed(&error))
    }
}

/// A failure of a request on the target, classed.
fn failed(error: &Error, at: At<'_>, verb: &str) -> Failure {
    let (kind, name, namespace) = (&at.resource.kind, at.name, at.namespace);
    if let Some(refused) = refused(error, verb, &format!("{kind} {name}")) {
        return refused;
    }
    if error.is_forbidden() {
        let resource = [&*at.resource.plural, &*at.resource.group];
        let resource = resource
            .into_iter()
            .filter(|part| !part.is_empty())
            .collect::<Vec<_>>()
            .join(".");
        let verb = error.denied_verb().unwrap_or(verb);
        return not_updated(
            Cause::Forbidden,
            format!(
                "keyferry may not {verb} {kind} {name}; {} in namespace {namespace} (chart value \
                 genericTargets.resources)",
                rights::lacking(verb, &resource)
            ),
        );
    }
    if error.is_undeclared_field() {
        return not_updated(
            Cause::TargetInvalid,
            format!(
                "{kind} has no such field, or one of another type, as the template writes; correct \
                 spec.target.template.templateFrom[].target and what is put there"
            ),
        );
    }
    if error.is_invalid() {
        let code = error.code().unwrap_or_default();
        return not_updated(
            Cause::TargetInvalid,
            format!(
                "the API server refused to {verb} {kind} {name} as invalid ({code}); its kind may demand other fields"
            ),
        );
    }
    not_updated(
        Cause::ApiServerUnavailable,
        format!("could not {verb} {kind} {name}: {error}"),
    )
}
