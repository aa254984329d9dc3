//! What is in the cluster now, as an operator would see it: for commands that look once and end.
//!
//! Lists only. Nothing is watched, validated or written.

use std::{collections::BTreeMap, sync::Arc};

use k8s_openapi::api::core::v1::Namespace;
use kube::{Api, Client, api::ListParams};
use serde::de::DeserializeOwned;

use crate::{
    api::{ClusterExternalSecret, ClusterSecretStore, ExternalSecret, SecretStore, Stored, names},
    operator::{
        config::Config,
        namespaces::{NamespaceView, Namespaces},
        store::{ControllerClass, SUPPORTED, StoreObject, Stores},
    },
    sync::{object::Object, plan::StoreState, spec::StoreName},
};

/// Objects in one page of a list.
const PAGE: u32 = 500;

/// The objects of a cluster, or of the namespaces that are served.
pub struct Inventory {
    /// ExternalSecrets.
    pub objects: Vec<Object>,
    /// ClusterExternalSecrets; none where only some namespaces are served.
    pub cluster_objects: Vec<Stored<ClusterExternalSecret>>,
    /// SecretStores and ClusterSecretStores that can be read.
    pub stores: Vec<StoreObject>,
    /// Those that cannot, as `Kind namespace/name`, and why.
    pub unreadable: Vec<(String, String)>,
    /// Namespaces; none where only some namespaces are served.
    pub namespaces: Namespaces,
    views: Stores,
    gate: Config,
}

impl Inventory {
    /// Lists everything once. A kind that the API server does not serve has no objects.
    pub async fn list(client: &Client, config: &Config) -> Result<Self, kube::Error> {
        let whole_cluster = config.namespaces.is_empty();
        let namespaces = Namespaces::default();
        let mut cluster_objects = vec![];
        let mut stores = vec![];
        let mut unreadable = vec![];
        if whole_cluster {
            for namespace in all(&Api::<Namespace>::all(client.clone())).await? {
                let name = namespace.metadata.name.clone().unwrap_or_default();
                namespaces.apply(&name, &Arc::new(NamespaceView::new(namespace.metadata)), false);
            }
            let api: Api<Stored<ClusterSecretStore>> = Api::all(client.clone());
            for store in all(&api).await? {
                match store.0 {
                    Ok(store) => stores.push(StoreObject::from(store)),
                    Err(unread) => {
                        let name = unread.metadata.name.clone().unwrap_or_default();
                        unreadable.push((format!("ClusterSecretStore {name}"), unread.why));
                    }
                }
            }
            cluster_objects = all(&Api::all(client.clone())).await?;
        }
        let mut objects = vec![];
        for (_, api) in config.apis::<Stored<ExternalSecret>>(client) {
            objects.extend(all(&api).await?);
        }
        for (_, api) in config.apis::<Stored<SecretStore>>(client) {
            for store in all(&api).await? {
                match store.0 {
                    Ok(store) => stores.push(StoreObject::from(store)),
                    Err(unread) => {
                        let namespace = unread.metadata.namespace.clone().unwrap_or_default();
                        let name = unread.metadata.name.clone().unwrap_or_default();
                        unreadable.push((format!("SecretStore {namespace}/{name}"), unread.why));
                    }
                }
            }
        }
        let views = Stores::new(ControllerClass::new(config.controller_class.as_str()), SUPPORTED);
        for store in &stores {
            views.observe(store);
        }
        let parsed = objects
            .into_iter()
            .map(|object| Object::new(object, &config.rules));
        Ok(Self {
            objects: parsed.collect(),
            cluster_objects,
            stores,
            unreadable,
            namespaces,
            views,
            gate: Config {
                // What another operator said of a store is no reason to wait for it.
                flood_gate: false,
                ..config.clone()
            },
        })
    }

    /// The stores that an object of a namespace names, as it sees them.
    pub fn states<'a>(
        &self,
        namespace: &str,
        stores: impl IntoIterator<Item = &'a StoreName>,
    ) -> BTreeMap<StoreName, StoreState> {
        let view = self.namespaces.get(namespace);
        stores
            .into_iter()
            .map(|name| {
                (
                    name.clone(),
                    self.views.state(&self.gate, namespace, &view.labels, name),
                )
            })
            .collect()
    }
}

/// What is wrong where the cluster serves ESO's API, but not the version that keyferry reads: a list of it would look like
/// a cluster without objects.
pub async fn outdated(client: &Client) -> Result<Option<String>, kube::Error> {
    let groups = client.list_api_groups().await?.groups;
    let Some(group) = groups.into_iter().find(|group| group.name == names::GROUP) else {
        return Ok(None);
    };
    let served: Vec<_> = group
        .versions
        .into_iter()
        .map(|version| version.version)
        .collect();
    Ok(
        (!served.iter().any(|version| version == names::VERSION)).then(|| {
            format!(
                "the CRDs of {} serve {} and not {}: upgrade ESO first, to a release that serves it",
                names::GROUP,
                served.join(" and "),
                names::VERSION
            )
        }),
    )
}

async fn all<K>(api: &Api<K>) -> Result<Vec<K>, kube::Error>
where
    K: Clone + DeserializeOwned + std::fmt::Debug,
{
    let mut found = vec![];
    let mut page = ListParams::default().limit(PAGE);
    loop {
        let list = match api.list(&page).await {
            Ok(list) => list,
            Err(kube::Error::Api(status)) if status.code == 404 => return Ok(found),
            Err(error) => return Err(error),
        };
        found.extend(list.items);
        match list.metadata.continue_.filter(|next| !next.is_empty()) {
            Some(next) => page.continue_token = Some(next),
            None => return Ok(found),
        }
    }
}
