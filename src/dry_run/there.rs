//! The target that is there: how it compares with what a sync would write, and whether one would be refused.
//!
//! No value is read. A Secret that ESO wrote carries a hash of its data; any other object is compared by a dry run of
//! `test` operations, whose answer is yes or no.

use std::sync::Arc;

use k8s_openapi::api::core::v1::ConfigMap;
use kube::{Api, Client, api::ApiResource};

use super::Verdict;
use crate::{
    api::{external_secret::CreationPolicy, names},
    operator::template_sources::{State, TemplateSources},
    resources_api::{self, At, ResourceMeta},
    secrets_api::{self, Guarded, Look, SecretMeta},
    sync::{
        absence::Kept,
        apply::{self, Writer},
        cause::{Cause, Failure},
        fingerprint,
        object::Object,
        record::Record,
        render::Rendered,
        sources::{self, SourceKind},
        spec::{GenericKind, Spec},
        target::TargetView,
    },
};

/// What stands under the target's name.
pub(super) enum There {
    /// Nothing.
    Nothing,
    /// A Secret.
    Secret(SecretMeta),
    /// An object of another kind.
    Resource(GenericKind, ApiResource, ResourceMeta),
}

impl There {
    /// Looks at metadata.
    pub(super) async fn look(
        client: &Client,
        writer: &Writer,
        object: &Object,
        spec: &Spec,
    ) -> Result<Self, Failure> {
        let (namespace, name) = (&*object.namespace, &*spec.target.name);
        let unread = |error| unread(&error, spec);
        let Some(kind) = &spec.target.kind else {
            let looked = secrets_api::metadata(client, namespace, name, Look::Get).await;
            return Ok(looked.map_err(unread)?.map_or(Self::Nothing, Self::Secret));
        };
        let resource = writer.resolve(kind).await?;
        let at = At {
            resource: &resource,
            namespace,
            name,
        };
        let looked = resources_api::metadata(client, at, Look::Get).await;
        Ok(match looked.map_err(unread)? {
            Some(meta) => Self::Resource(kind.clone(), resource, meta),
            None => Self::Nothing,
        })
    }

    /// As the watch would show it.
    pub(super) fn view(&self) -> Option<TargetView> {
        let view = match self {
            Self::Nothing => return None,
            Self::Secret(meta) => TargetView::new(meta),
            Self::Resource(_, _, meta) => TargetView::of_resource(&meta.metadata),
        };
        // The watch shows nothing else.
        view.managed.then_some(view)
    }

    /// What a sync would do that has nothing left to write, and deletes.
    pub(super) fn after_deletion(
        &self,
        object: &Object,
        record: &Record,
        spec: &Spec,
    ) -> Result<Verdict, Failure> {
        let name = &*spec.target.name;
        match self {
            Self::Nothing => return Ok(Verdict::Equal),
            Self::Secret(meta) => apply::check_deletion(object, record, name, meta)?,
            Self::Resource(kind, _, meta) => apply::check_deletion_of_resource(object, kind, name, meta)?,
        }
        Ok(Verdict::Different)
    }

    /// What a sync would do that writes this.
    pub(super) async fn after_write(
        &self,
        client: &Client,
        writer: &Writer,
        object: &Object,
        spec: &Spec,
        rendered: &Rendered,
        record: &Record,
    ) -> Result<Verdict, Failure> {
        let equal = match self {
            // There is nothing to merge into, and nothing is made.
            Self::Nothing if spec.target.creation == CreationPolicy::Merge => return Ok(Verdict::Equal),
            Self::Nothing => return Ok(Verdict::Missing),
            Self::Secret(meta) => {
                writer.check(object, spec, rendered, record, meta).await?;
                if spec.target.immutable {
                    return Ok(Verdict::Settled);
                }
                is_equal(client, object, spec, rendered, meta).await
            }
            // Fields of others are theirs.
            Self::Resource(kind, resource, meta) => {
                writer.check_resource(object, spec, rendered, record, kind, (resource, meta))?;
                let at = At {
                    resource,
                    namespace: &object.namespace,
                    name: &spec.target.name,
                };
                resources_api::holds(client, at, &rendered.fields).await
            }
        };
        Ok(if equal.map_err(|error| unread(&error, spec))? {
            Verdict::Equal
        } else {
            Verdict::Different
        })
    }
}

async fn is_equal(
    client: &Client,
    object: &Object,
    spec: &Spec,
    rendered: &Rendered,
    meta: &SecretMeta,
) -> Result<bool, secrets_api::Error> {
    let (namespace, name, data) = (&*object.namespace, &*spec.target.name, &rendered.data);
    let annotations = meta.metadata.annotations.as_ref();
    let hash = annotations.and_then(|annotations| annotations.get(names::DATA_HASH_ANNOTATION));
    let is_whole = rendered.kept == Kept::Nothing
        && matches!(
            spec.target.creation,
            CreationPolicy::Owner | CreationPolicy::Orphan
        );
    let view = TargetView::new(meta);
    let one_writer = view.foreign_writer.is_none() && view.writers.len() == 1;
    // Under the merging policies ESO's hash covers keys of others, whose values nobody reads; and who edits a Secret leaves
    // the hash as it is.
    if let Some(hash) = hash.filter(|_| is_whole && one_writer) {
        return Ok(*hash == fingerprint::data_hash(data));
    }
    let at = Guarded {
        namespace,
        name,
        manager: &fingerprint::field_manager(&object.name),
        resource_version: meta.metadata.resource_version.as_deref().unwrap_or_default(),
    };
    let equal = secrets_api::values_equal(client, at, data).await?;
    if !equal || !is_whole {
        return Ok(equal);
    }
    let shape = secrets_api::shape(client, namespace, name, Look::Get).await?;
    Ok(shape.keys == data.len())
}

/// Whether a source of the template is not what the last sync read, as the operator finds it after a start.
pub(super) async fn is_template_changed(
    client: &Client,
    object: &Object,
    record: &Record,
) -> Result<bool, Failure> {
    let namespace = &*object.namespace;
    let template = object
        .spec
        .as_ref()
        .ok()
        .and_then(|spec| spec.target.template.as_ref());
    let watched = TemplateSources::default();
    let owner = (Arc::from(namespace), Arc::from(&*object.name));
    watched.observe(&owner, None, Some(object));
    for source in template.into_iter().flat_map(|template| template.sources()) {
        let name = &*source.name;
        let looked = match source.kind {
            SourceKind::Secret => secrets_api::metadata(client, namespace, name, Look::Get)
                .await
                .map(|meta| meta.map(|meta| State::new(&meta.metadata))),
            SourceKind::ConfigMap => Api::<ConfigMap>::namespaced(client.clone(), namespace)
                .get_metadata_opt(name)
                .await
                .map(|meta| meta.map(|meta| State::new(&meta.metadata)))
                .map_err(secrets_api::Error::from),
        };
        let state = looked.map_err(|error| sources::failed(source, &error))?;
        watched.saw(source.kind, &(namespace.into(), name.into()), state);
    }
    Ok(watched.changed(object, record))
}

fn unread(error: &secrets_api::Error, spec: &Spec) -> Failure {
    let cause = if error.is_forbidden() {
        Cause::Forbidden
    } else {
        Cause::ApiServerUnavailable
    };
    Failure::new(
        cause,
        format!("{} could not be compared: {error}", spec.target.id()),
    )
}
