//! APPLY: the wanted Secret is written, or found equal. Never fights, never overwrites what it did not write without
//! proof or consent, never reads a value back.

mod adopt;
mod merged;
mod ownership;
mod resource;

pub use self::resource::check_deletion as check_deletion_of_resource;

use std::sync::Arc;

use kube::Client;
use tokio::sync::Semaphore;

use super::{
    absence::Kept,
    cause::{Cause, Failure},
    fingerprint,
    object::Object,
    record::Record,
    render::{self, Rendered},
    spec::{Spec, TargetName},
    target::{self, TargetView, Written},
};
use crate::{
    api::external_secret::CreationPolicy,
    operator::{generic_targets::GenericTargets, targets::Targets},
    resources_api::Kinds,
    rights,
    secrets_api::{self, Error, Guarded, Look, SecretMeta, Wanted},
};

/// How often a write is tried again because somebody else wrote in between.
const ATTEMPTS: usize = 5;

/// When a Secret that keyferry did not write may be taken over.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum Adoption {
    /// Where it holds just the wanted keys and values, or says so itself by annotation.
    #[default]
    Safe,
    /// Also where the ExternalSecret says so by annotation.
    Es,
    /// Always, as ESO does.
    Always,
}

/// What writing needs.
pub struct Writer {
    /// The API server.
    pub client: Client,
    /// Writes at once.
    pub slots: Semaphore,
    /// When foreign Secrets may be taken over.
    pub adoption: Adoption,
    /// How targets are looked at.
    pub look: Look,
    /// Where our own writes are noted before the watch brings them.
    pub targets: Arc<Targets>,
    /// The same, of other kinds.
    pub generic_targets: Arc<GenericTargets>,
    /// The kinds that the API server serves.
    pub kinds: Kinds,
}

/// What became of the target.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Applied {
    /// Made.
    Created(Written),
    /// Changed.
    Updated(Written),
    /// Already as wanted.
    Unchanged(Option<Written>),
    /// creationPolicy Merge, and there is nothing to merge into.
    Missing,
    /// Deleted, because all its sources are gone.
    Deleted,
}

/// One target, on its way.
struct Target<'a> {
    writer: &'a Writer,
    object: &'a Object,
    spec: &'a Spec,
    rendered: &'a Rendered,
    manager: String,
}

impl Writer {
    fn target<'a>(&'a self, object: &'a Object, spec: &'a Spec, rendered: &'a Rendered) -> Target<'a> {
        Target {
            writer: self,
            object,
            spec,
            rendered,
            manager: fingerprint::field_manager(&object.name),
        }
    }

    /// Makes the target equal to what was rendered.
    pub async fn apply(
        &self,
        object: &Object,
        spec: &Spec,
        rendered: &Rendered,
        record: &mut Record,
        view: Option<&TargetView>,
    ) -> Result<Applied, Failure> {
        let _slot = self.slots.acquire().await;
        if let Some(kind) = &spec.target.kind {
            return Box::pin(self.apply_resource(object, spec, kind, rendered, record)).await;
        }
        let target = self.target(object, spec, rendered);
        let expects_none =
            view.is_none() && record.written.is_none() && spec.target.creation != CreationPolicy::Merge;
        let mut seen = if expects_none { None } else { target.look().await? };
        for _ in 0..ATTEMPTS {
            let attempt = match &seen {
                None if spec.target.creation == CreationPolicy::Merge => return Ok(Applied::Missing),
                None => target.create().await,
                Some(meta) => target.update(meta, record).await,
            };
            match attempt {
                Ok(applied) => return Ok(applied),
                Err(Attempt::LookAgain) => seen = target.look().await?,
                Err(Attempt::Failed(failure)) => return Err(failure),
            }
        }
        Err(outpaced(spec))
    }

    /// Whether a write would be refused: the checks that come before one of a Secret that is there.
    pub async fn check(
        &self,
        object: &Object,
        spec: &Spec,
        rendered: &Rendered,
        record: &Record,
        there: &SecretMeta,
    ) -> Result<(), Failure> {
        let target = self.target(object, spec, rendered);
        ownership::check_owner(object, spec, &there.metadata)?;
        let ours = ownership::is_ours(object, record, there);
        let checked = target.check_type(there, ours).await;
        checked.map_err(|attempt| match attempt {
            Attempt::Failed(failure) => failure,
            Attempt::LookAgain => Failure::new(
                Cause::ApiServerUnavailable,
                format!("Secret {} changed meanwhile; try again", spec.target.name),
            ),
        })
    }

    /// Deletes the target because all its sources are gone; only what is ours as a whole, so that nothing of others goes.
    pub async fn delete(
        &self,
        object: &Object,
        record: &Record,
        target: &TargetName,
    ) -> Result<bool, Failure> {
        let _slot = self.slots.acquire().await;
        let name = &*target.name;
        if let Some(kind) = &target.kind {
            return self.delete_resource(object, kind, name).await;
        }
        let failed = |e: Error| failed(&e, name, "delete").headline("could not delete secret");
        let Some(meta) = secrets_api::metadata(&self.client, &object.namespace, name, self.look)
            .await
            .map_err(failed)?
        else {
            return Ok(false);
        };
        check_deletion(object, record, name, &meta)?;
        secrets_api::delete(&self.client, &object.namespace, name, &meta)
            .await
            .map_err(failed)?;
        Ok(true)
    }

    /// Deletes what an earlier target left: what we wrote for this object under other names, or of other kinds. The object
    /// with the uid `stays` is the target of now, whatever it is called.
    pub async fn delete_renamed(
        &self,
        object: &Object,
        left: &[TargetName],
        stays: Option<&str>,
    ) -> Result<usize, Failure> {
        let manager = fingerprint::field_manager(&object.name);
        let mut deleted = 0;
        for target in left {
            let name = &*target.name;
            if let Some(kind) = &target.kind {
                deleted += usize::from(self.delete_renamed_resource(object, kind, name, stays).await?);
                continue;
            }
            let failed = |e: Error| failed(&e, name, "delete").headline("could not delete orphaned secrets");
            let meta = secrets_api::metadata(&self.client, &object.namespace, name, self.look)
                .await
                .map_err(failed)?;
            let Some(meta) = meta else { continue };
            let view = TargetView::new(&meta);
            // A copy that somebody made carries our label too, but not our manager.
            let ours = view.created_by.as_ref() == Some(&object.created_by)
                && merged::written_by(&meta, &manager)
                && view
                    .controller
                    .is_none_or(|c| c.is_external_secret && *c.name == *object.name);
            if ours {
                secrets_api::delete(&self.client, &object.namespace, name, &meta)
                    .await
                    .map_err(failed)?;
                deleted += 1;
            }
        }
        Ok(deleted)
    }
}

enum Attempt {
    /// Somebody else wrote in between.
    LookAgain,
    Failed(Failure),
}

impl From<Failure> for Attempt {
    fn from(failure: Failure) -> Self {
        Self::Failed(failure)
    }
}

impl Target<'_> {
    fn name(&self) -> &str {
        &self.spec.target.name
    }

    fn failed(&self, error: &Error, verb: &str) -> Failure {
        failed(error, self.name(), verb)
    }

    /// A conflict, or an object that came or went, is looked at again; everything else is a failure.
    fn attempt(&self, error: &Error, verb: &str) -> Attempt {
        if error.is_conflict() || error.is_not_found() {
            Attempt::LookAgain
        } else {
            Attempt::Failed(self.failed(error, verb))
        }
    }

    async fn look(&self) -> Result<Option<SecretMeta>, Failure> {
        secrets_api::metadata(
            &self.writer.client,
            &self.object.namespace,
            self.name(),
            self.writer.look,
        )
        .await
        .map_err(|e| self.failed(&e, self.writer.look.verb()))
    }

    fn merges(&self) -> bool {
        self.spec.target.creation.merges()
    }

    /// Everything that a Secret of ours carries, whatever else is there.
    fn wanted(&self) -> Wanted {
        let (labels, annotations) = ownership::marked(self.object, self.spec, self.rendered);
        Wanted {
            data: self.rendered.data.clone(),
            labels,
            annotations,
            owners: ownership::owner(self.object, self.spec).into_iter().collect(),
            finalizers: self.rendered.finalizers.clone(),
            type_: self.rendered.type_.clone(),
            immutable: self.spec.target.immutable,
        }
    }

    fn keys(&self) -> String {
        self.rendered.keys_digest(self.spec)
    }

    fn written(&self, meta: &SecretMeta) -> Written {
        let text = |text: &Option<String>| text.as_deref().unwrap_or_default().into();
        // Where keys were kept, we hold more than what was rendered.
        let keys = match self.rendered.kept {
            Kept::Nothing => self.keys(),
            Kept::Keys(_) | Kept::All => merged::keys_held(meta, &self.manager),
        };
        Written {
            uid: text(&meta.metadata.uid),
            resource_version: text(&meta.metadata.resource_version),
            keys: keys.into(),
            whole: !self.merges(),
        }
    }

    async fn create(&self) -> Result<Applied, Attempt> {
        let (client, namespace) = (&self.writer.client, &*self.object.namespace);
        match secrets_api::create(client, namespace, self.name(), &self.manager, &self.wanted()).await {
            Ok(meta) => {
                self.writer
                    .targets
                    .apply(&meta.metadata, || TargetView::new(&meta));
                Ok(Applied::Created(self.written(&meta)))
            }
            // A missing namespace is a 404 too, and no object to look at again.
            Err(e) if e.is_not_found() => Err(Attempt::Failed(self.failed(&e, "create"))),
            Err(e) => Err(self.attempt(&e, "create")),
        }
    }

    async fn update(&self, meta: &SecretMeta, record: &mut Record) -> Result<Applied, Attempt> {
        if meta.metadata.deletion_timestamp.is_some() {
            return Err(going(self.spec).into());
        }
        ownership::check_owner(self.object, self.spec, &meta.metadata)?;
        let uid = meta.metadata.uid.as_deref().unwrap_or_default();
        let ours = ownership::is_ours(self.object, record, meta);
        if record.type_checked.as_deref() != Some(uid) {
            self.check_type(meta, ours).await?;
            record.type_checked = Some(uid.into());
        } else if !ours && !self.merges() {
            self.check_type(meta, ours).await?;
        }
        let at = Guarded {
            namespace: &self.object.namespace,
            name: self.name(),
            manager: &self.manager,
            resource_version: meta.metadata.resource_version.as_deref().unwrap_or_default(),
        };
        let client = &self.writer.client;
        let partial = self.rendered.kept != Kept::Nothing;
        let result = if self.merges() || self.spec.target.immutable || partial {
            let (wanted, dropped, metadata) = merged::patch(self, meta);
            secrets_api::merge(client, at, &wanted, &dropped, metadata).await
        } else {
            secrets_api::overwrite(client, at, &merged::whole(self, meta)).await
        };
        let after = result.map_err(|e| self.attempt(&e, "patch"))?;
        self.writer
            .targets
            .apply(&after.metadata, || TargetView::new(&after));
        let written = self.written(&after);
        let moved = after.metadata.resource_version != meta.metadata.resource_version;
        Ok(if moved {
            Applied::Updated(written)
        } else {
            Applied::Unchanged(Some(written))
        })
    }

    /// The type is not in the metadata: a Table GET tells it, once for each Secret that is not known.
    async fn check_type(&self, meta: &SecretMeta, ours: bool) -> Result<(), Attempt> {
        let shape = secrets_api::shape(
            &self.writer.client,
            &self.object.namespace,
            self.name(),
            self.writer.look,
        )
        .await
        .map_err(|e| self.attempt(&e, self.writer.look.verb()))?;
        if render::is_privileged(&shape.type_) {
            return Err(Attempt::Failed(not_updated(
                Cause::TargetTypeRefused,
                format!(
                    "Secret {} has type {}, which keyferry does not write",
                    self.name(),
                    shape.type_
                ),
            )));
        }
        if !ours && !self.merges() {
            adopt::check(self, meta, &shape).await?;
        }
        Ok(())
    }
}

fn not_updated(cause: Cause, text: String) -> Failure {
    Failure::new(cause, text).headline("could not update secret")
}

fn outpaced(spec: &Spec) -> Failure {
    let target = spec.target.id();
    let text = format!("{target} changed during each of {ATTEMPTS} writes; trying again");
    not_updated(Cause::ApiServerUnavailable, text)
}

fn going(spec: &Spec) -> Failure {
    let text = format!(
        "{} is being deleted, but a finalizer still holds it",
        spec.target.id()
    );
    not_updated(Cause::ApiServerUnavailable, text)
}

/// A refusal that has nothing to do with what is written, nor with our rights.
fn refused(error: &Error, verb: &str, target: &str) -> Option<Failure> {
    if error.is_terminating_namespace() {
        let text = "the namespace is being deleted".to_owned();
        return Some(not_updated(Cause::NamespaceTerminating, text));
    }
    let text = format!("{} does not let keyferry {verb} {target}", error.policy()?);
    Some(not_updated(Cause::Forbidden, text))
}

/// Whether the deletion of a Secret would be refused.
pub fn check_deletion(
    object: &Object,
    record: &Record,
    name: &str,
    there: &SecretMeta,
) -> Result<(), Failure> {
    let owners = there.metadata.owner_references.as_deref().unwrap_or_default();
    let others = target::controller(owners).is_some_and(|c| !c.is_external_secret || *c.name != *object.name);
    if !others && ownership::is_ours(object, record, there) {
        return Ok(());
    }
    let text = format!(
        "Secret {name} was not written as a whole by this ExternalSecret and was not deleted; delete it by hand"
    );
    Err(Failure::new(Cause::TargetOwned, text).headline("could not delete secret"))
}

/// A failure of a request on the target, classed. The verb is the one that roles grant.
fn failed(error: &Error, name: &str, verb: &str) -> Failure {
    if error.is_immutable() {
        return Failure::new(
            Cause::TargetImmutable,
            format!(
                "secret is immutable: Secret {name}, or just its type, would have to change; delete it to have it made anew"
            ),
        )
        .headline("could not update secret, target is immutable");
    }
    if let Some(refused) = refused(error, verb, &format!("Secret {name}")) {
        return refused;
    }
    if error.is_of_an_owner() {
        let right = rights::lacking("update", "externalsecrets/finalizers");
        return not_updated(
            Cause::Forbidden,
            format!("keyferry may not own Secret {name}; {right} here"),
        );
    }
    if error.is_forbidden() {
        let right = rights::lacking(verb, "secrets");
        return not_updated(
            Cause::Forbidden,
            format!("keyferry may not {verb} Secret {name}; {right} here"),
        );
    }
    if error.is_invalid() {
        let code = error.code().unwrap_or_default();
        return not_updated(
            Cause::TargetInvalid,
            format!(
                "the API server refused to {verb} Secret {name} as invalid ({code}); its type may demand other keys"
            ),
        );
    }
    not_updated(
        Cause::ApiServerUnavailable,
        format!("could not {verb} Secret {name}: {error}"),
    )
}
