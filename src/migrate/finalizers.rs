//! The finalizers that ESO leaves: they would keep objects and namespaces from ever being deleted once ESO is gone.

use std::{collections::BTreeSet, fmt};

use k8s_openapi::{api::core::v1::Namespace, apimachinery::pkg::apis::meta::v1::ObjectMeta};
use kube::{
    Api, Client, Resource,
    api::{ListParams, Patch, PatchParams},
};
use serde_json::json;

use super::{Error, KINDS, running};
use crate::{api::names, inventory};

/// Objects in one page of a list.
const PAGE: u32 = 500;
/// Tries to remove a finalizer from an object that changes at the same time.
const TRIES: u32 = 3;

/// Finalizers of one object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Leftover {
    /// Kind.
    pub kind: &'static str,
    /// Namespace; empty for kinds without.
    pub namespace: String,
    /// Name.
    pub name: String,
    /// What ESO left.
    pub finalizers: Vec<String>,
}

impl fmt::Display for Leftover {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let parts = [self.namespace.as_str(), self.name.as_str()];
        let name: Vec<_> = parts.into_iter().filter(|part| !part.is_empty()).collect();
        write!(
            f,
            "{} {}  {}",
            self.kind,
            name.join("/"),
            self.finalizers.join(" ")
        )
    }
}

/// What ESO left, in the whole cluster or some namespaces. Namespaces come last, because they empty from within.
pub async fn find(client: &Client, only: &BTreeSet<String>) -> Result<Vec<Leftover>, Error> {
    let outdated = inventory::outdated(client).await;
    if let Some(outdated) = outdated.map_err(Error::kube("could not list the APIs"))? {
        return Err(Error::Outdated(outdated));
    }
    let mut found = vec![];
    for kind in KINDS {
        let is_esos = |finalizer: &str| finalizer == kind.finalizer;
        list(&kind.api(client, None), kind.kind, is_esos, &mut found).await?;
    }
    let api: Api<Namespace> = Api::all(client.clone());
    let is_esos = |finalizer: &str| finalizer.starts_with(names::ESO_NAMESPACE_FINALIZER_PREFIX);
    list(&api, "Namespace", is_esos, &mut found).await?;
    found.retain(|left| {
        let within = if left.kind == "Namespace" {
            &left.name
        } else {
            &left.namespace
        };
        only.is_empty() || only.contains(within)
    });
    Ok(found)
}

async fn list<K>(
    api: &Api<K>,
    kind: &'static str,
    is_esos: impl Fn(&str) -> bool,
    found: &mut Vec<Leftover>,
) -> Result<(), Error>
where
    K: Resource + Clone + fmt::Debug + serde::de::DeserializeOwned,
{
    let mut page = ListParams::default().limit(PAGE);
    loop {
        let list = match api.list_metadata(&page).await {
            Ok(list) => list,
            // Not served: nobody has such objects.
            Err(kube::Error::Api(status)) if status.code == 404 => return Ok(()),
            Err(error) => return Err(Error::kube(format!("could not list kind {kind}"))(error)),
        };
        for object in list.items {
            let ObjectMeta {
                name,
                namespace,
                finalizers,
                ..
            } = object.metadata;
            let finalizers: Vec<_> = finalizers
                .unwrap_or_default()
                .into_iter()
                .filter(|finalizer| is_esos(finalizer))
                .collect();
            if !finalizers.is_empty() {
                found.push(Leftover {
                    kind,
                    namespace: namespace.unwrap_or_default(),
                    name: name.unwrap_or_default(),
                    finalizers,
                });
            }
        }
        match list.metadata.continue_.filter(|next| !next.is_empty()) {
            Some(next) => page.continue_token = Some(next),
            None => return Ok(()),
        }
    }
}

/// Removes what was found. Refuses while ESO runs. Other finalizers, and everything else, stay as they are.
pub async fn release(client: &Client, found: &[Leftover]) -> Result<(), Error> {
    let running = running::eso(client).await?;
    if !running.is_empty() {
        return Err(Error::EsoRuns(running.join(", ")));
    }
    for left in found {
        let what = format!("could not release {left}");
        let removed = match KINDS.iter().find(|kind| kind.kind == left.kind) {
            Some(kind) => {
                let namespace = Some(left.namespace.as_str()).filter(|namespace| !namespace.is_empty());
                remove(&kind.api(client, namespace), left).await
            }
            None => remove(&Api::<Namespace>::all(client.clone()), left).await,
        };
        removed.map_err(Error::kube(what))?;
    }
    Ok(())
}

async fn remove<K>(api: &Api<K>, left: &Leftover) -> Result<(), kube::Error>
where
    K: Resource + Clone + fmt::Debug + serde::de::DeserializeOwned,
{
    let mut tries = 0;
    loop {
        tries += 1;
        let Some(meta) = api.get_metadata_opt(&left.name).await? else {
            return Ok(());
        };
        let mut finalizers = meta.metadata.finalizers.unwrap_or_default();
        finalizers.retain(|finalizer| !left.finalizers.contains(finalizer));
        // The resourceVersion keeps what others put there meanwhile.
        let patch = json!({ "metadata": {
            "finalizers": finalizers,
            "resourceVersion": meta.metadata.resource_version,
        }});
        match api
            .patch_metadata(&left.name, &PatchParams::default(), &Patch::Merge(&patch))
            .await
        {
            Ok(_) => return Ok(()),
            Err(kube::Error::Api(status)) if status.code == 404 => return Ok(()),
            Err(kube::Error::Api(status)) if status.code == 409 && tries < TRIES => {}
            Err(error) => return Err(error),
        }
    }
}
