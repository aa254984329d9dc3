//! The way back: ESO takes a Secret without its hash for one that somebody edited, reads its sources again and, where a
//! generator or a template draws values, makes new ones. With the hash of what the Secret holds, ESO leaves it as it is.
//!
//! The only place where values of targets are read: with the rights of the admin who runs the command, once keyferry is stopped
//! and before ESO starts. No value is kept or shown, and nothing but the annotation is written.

use std::fmt;

use kube::Client;
use serde_json::json;

use super::{Error, running};
use crate::{
    api::{external_secret::CreationPolicy, names},
    inventory::Inventory,
    operator::config::Config,
    secrets_api::{self, Guarded, Look, SecretMeta, Wanted},
    sync::{
        fingerprint,
        object::Object,
        plan,
        record::Record,
        spec::{Interval, Refresh, Spec},
        target::{self, Drift, Expected, TargetView},
    },
};

/// A Secret that ESO would take for edited.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unhashed {
    /// Its namespace.
    pub namespace: String,
    /// Its name.
    pub name: String,
    /// Where somebody edited it since keyferry wrote it: by whom, and what the hash means then.
    pub edit: Option<String>,
    manager: String,
    resource_version: String,
}

impl Unhashed {
    fn id(&self) -> String {
        format!("Secret {}/{}", self.namespace, self.name)
    }
}

impl fmt::Display for Unhashed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.id())?;
        self.edit.iter().try_for_each(|edit| write!(f, "  {edit}"))
    }
}

/// The Secrets that keyferry wrote last, of all objects or those of some namespaces.
pub async fn find(client: &Client, config: &Config) -> Result<Vec<Unhashed>, Error> {
    let listed = Inventory::list(client, config).await;
    let inventory = listed.map_err(Error::kube("could not list what there is"))?;
    let mut found = vec![];
    for object in &inventory.objects {
        let (Some(name), Ok(spec)) = (object.secret_name(), &object.spec) else {
            continue;
        };
        if spec.target.creation == CreationPolicy::None {
            continue;
        }
        let at = format!("Secret {}/{name}", object.namespace);
        let looked = secrets_api::metadata(client, &object.namespace, name, Look::Get).await;
        let meta = looked.map_err(Error::secret(format!("could not look at {at}")))?;
        found.extend(meta.and_then(|meta| unhashed(object, spec, name, meta)));
    }
    // Several objects may merge into one Secret; any of their managers will do, and what is said of an edit stays.
    found.sort_by(|a, b| {
        (&a.namespace, &a.name, a.edit.is_none()).cmp(&(&b.namespace, &b.name, b.edit.is_none()))
    });
    found.dedup_by(|a, b| (&a.namespace, &a.name) == (&b.namespace, &b.name));
    Ok(found)
}

fn unhashed(object: &Object, spec: &Spec, name: &str, meta: SecretMeta) -> Option<Unhashed> {
    let view = TargetView::new(&meta);
    let record = Record::seed(object);
    let manager = fingerprint::field_manager(&object.name);
    let holds = view.writers.iter().any(|writer| *writer.manager == *manager);
    // Who edits every key leaves no field to our manager; the status still tells what was written.
    let wrote = record.written_as.as_ref();
    let wrote = wrote.is_some_and(|written| written.kind.is_none() && *written.name == *name);
    (view.managed && (holds || wrote) && !view.written_by_eso).then(|| Unhashed {
        namespace: object.namespace.to_string(),
        name: name.to_owned(),
        edit: edit(object, spec, &record, &view),
        manager,
        resource_version: meta.metadata.resource_version.unwrap_or_default(),
    })
}

/// What is to be said of an edit: with the hash of what the Secret holds, ESO does not see it.
fn edit(object: &Object, spec: &Spec, record: &Record, view: &TargetView) -> Option<String> {
    let expected = Expected {
        // Whether it is to be owned is no edit of it.
        retained: view.controller.is_none(),
        ..plan::expected(object, record, spec)
    };
    let Drift::Edited(editor) = target::drift(&expected, Some(view)) else {
        return None;
    };
    // Another ExternalSecret that merges into it is no stranger.
    if editor
        .as_ref()
        .is_some_and(|editor| editor.starts_with(names::FIELD_MANAGER_PREFIX))
    {
        return None;
    }
    let by = editor.map(|editor| format!(" by {editor}")).unwrap_or_default();
    let until = match &spec.refresh {
        Refresh::Periodic(Interval::Every(_)) => "its next refresh",
        Refresh::OnChange => "the ExternalSecret is changed",
        Refresh::CreatedOnce | Refresh::Periodic(Interval::Once) => "somebody changes the Secret again",
    };
    let undo = if spec.makes_values() {
        "to let keyferry undo the edit would make its values anew"
    } else {
        "let keyferry sync it once more to undo the edit"
    };
    Some(format!(
        "edited{by} since keyferry wrote it: with the hash, ESO keeps the edit until {until}; {undo}"
    ))
}

/// Annotates what was found, and gives how many. Refuses while ESO runs: what it does not know yet, it would fetch meanwhile;
/// and while keyferry runs, which takes the hash away. What somebody changed since it was found does not keep the others from theirs.
pub async fn restore(client: &Client, config: &Config, found: &[Unhashed]) -> Result<usize, Error> {
    let running = running::eso(client).await?;
    if !running.is_empty() {
        return Err(Error::EsoFetches(running.join(", ")));
    }
    let running = running::keyferry(client, config).await?;
    if !running.is_empty() {
        return Err(Error::KeyferryRuns(running.join(", ")));
    }
    let (mut restored, mut changed) = (0, vec![]);
    for secret in found {
        let failed = || Error::secret(format!("could not restore the hash of {}", secret.id()));
        let read = secrets_api::read_values(client, &secret.namespace, &secret.name).await;
        let Some(values) = read.map_err(failed())? else {
            continue;
        };
        let at = Guarded {
            namespace: &secret.namespace,
            name: &secret.name,
            manager: &secret.manager,
            // Of what was seen when it was found: what changed since is for the next run.
            resource_version: &secret.resource_version,
        };
        let hash = json!({ names::DATA_HASH_ANNOTATION: fingerprint::data_hash(&values.data) });
        let metadata = serde_json::Map::from_iter([("annotations".to_owned(), hash)]);
        match secrets_api::merge(client, at, &Wanted::default(), &[], metadata).await {
            Ok(_) => restored += 1,
            Err(error) if error.is_conflict() => changed.push(secret.id()),
            Err(error) => return Err(failed()(error)),
        }
    }
    if changed.is_empty() {
        Ok(restored)
    } else {
        Err(Error::Changed(changed.join(", ")))
    }
}
