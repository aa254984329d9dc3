//! The way back: ESO takes a Secret without its hash for one that somebody edited, reads its sources again and, where a
//! generator or a template draws values, makes new ones. With the hash of what the Secret holds, ESO leaves it as it is.
//!
//! The only place where values of targets are read: with the rights of the admin who runs the command, once keyferry is stopped
//! and before ESO starts. No value is kept or shown, and nothing but the annotation is written.

use std::fmt;

use kube::Client;
use serde_json::json;

use super::{Error, running_eso};
use crate::{
    api::{external_secret::CreationPolicy, names},
    inventory::Inventory,
    operator::config::Config,
    secrets_api::{self, Guarded, Look, SecretMeta, Wanted},
    sync::{fingerprint, object::Object, target::TargetView},
};

/// A Secret that ESO would take for edited.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unhashed {
    /// Its namespace.
    pub namespace: String,
    /// Its name.
    pub name: String,
    manager: String,
    resource_version: String,
}

impl fmt::Display for Unhashed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Secret {}/{}", self.namespace, self.name)
    }
}

/// The Secrets that keyferry wrote last, of all objects or those of some namespaces.
pub async fn find(client: &Client, config: &Config) -> Result<Vec<Unhashed>, Error> {
    let listed = Inventory::list(client, config).await;
    let inventory = listed.map_err(Error::kube("could not list what there is"))?;
    let mut found = vec![];
    for object in &inventory.objects {
        let Some(name) = object.secret_name().filter(|_| writes(object)) else {
            continue;
        };
        let at = format!("Secret {}/{name}", object.namespace);
        let looked = secrets_api::metadata(client, &object.namespace, name, Look::Get).await;
        let meta = looked.map_err(Error::secret(format!("could not look at {at}")))?;
        found.extend(meta.and_then(|meta| unhashed(object, name, meta)));
    }
    // Several objects may merge into one Secret; any of their managers will do.
    found.sort_by(|a, b| (&a.namespace, &a.name).cmp(&(&b.namespace, &b.name)));
    found.dedup_by(|a, b| (&a.namespace, &a.name) == (&b.namespace, &b.name));
    Ok(found)
}

fn writes(object: &Object) -> bool {
    let creation = object.spec.as_ref().map(|spec| spec.target.creation);
    creation.is_ok_and(|creation| creation != CreationPolicy::None)
}

fn unhashed(object: &Object, name: &str, meta: SecretMeta) -> Option<Unhashed> {
    let view = TargetView::new(&meta);
    let manager = fingerprint::field_manager(&object.name);
    let is_ours = view.writers.iter().any(|writer| *writer.manager == *manager);
    (view.managed && is_ours && !view.written_by_eso).then(|| Unhashed {
        namespace: object.namespace.to_string(),
        name: name.to_owned(),
        manager,
        resource_version: meta.metadata.resource_version.unwrap_or_default(),
    })
}

/// Annotates what was found, and gives how many. Refuses while ESO runs: what it does not know yet, it would fetch meanwhile.
/// What somebody changed since it was found does not keep the others from theirs.
pub async fn restore(client: &Client, found: &[Unhashed]) -> Result<usize, Error> {
    let running = running_eso(client).await?;
    if !running.is_empty() {
        return Err(Error::EsoFetches(running.join(", ")));
    }
    let (mut restored, mut changed) = (0, vec![]);
    for secret in found {
        let failed = || Error::secret(format!("could not restore the hash of {secret}"));
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
            Err(error) if error.is_conflict() => changed.push(secret.to_string()),
            Err(error) => return Err(failed()(error)),
        }
    }
    if changed.is_empty() {
        Ok(restored)
    } else {
        Err(Error::Changed(changed.join(", ")))
    }
}
