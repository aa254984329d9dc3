//! `keyferry migrate --check`: a line for each object, with what keyferry would do with it, and what stands in the way of
//! the move. Reads only; no secret is read.

use std::{collections::BTreeMap, fmt};

use k8s_openapi::{
    api::admissionregistration::v1::ValidatingWebhookConfiguration,
    apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition,
};
use kube::{
    Api, Client,
    api::{ApiResource, DynamicObject, GroupVersionKind, ListParams},
};

use super::{Error, finalizers, running};
use crate::{
    api::{names, secret_store::Provider},
    inventory::{self, Inventory},
    operator::{
        cluster_external_secret,
        config::Config,
        store::{StoreObject, kind_name},
    },
    sync::{object::Object, plan::StoreState},
};

/// Kinds of ESO that keyferry does not serve: group, plural and kind.
const NOT_SERVED: [(&str, &str, &str); 2] = [
    (names::GROUP, "pushsecrets", "PushSecret"),
    (names::GROUP, "clusterpushsecrets", "ClusterPushSecret"),
];
/// What keeps Helm from deleting the CRDs, and every object with them, when ESO's release is uninstalled.
const KEEP: (&str, &str) = ("helm.sh/resource-policy", "keep");
/// On what a Helm release made.
const HELM_RELEASE: &str = "meta.helm.sh/release-name";
/// ESO's webhook configurations: with ESO gone they would refuse every change.
const WEBHOOKS: [&str; 2] = ["secretstore-validate", "externalsecret-validate"];

/// What keyferry would do with an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Verdict {
    /// The move would break something: to be done first.
    Blocks,
    /// It would be refused, with an error on the object; its Secret would stay as it is.
    Refused,
    /// It would not be touched: somebody else has to serve it, or nobody does.
    LeftAlone,
    /// To be done after the move.
    Later,
    /// It is served.
    Served,
}

impl Verdict {
    fn word(self) -> &'static str {
        match self {
            Self::Blocks => "BLOCKS",
            Self::Refused => "refused",
            Self::LeftAlone => "left-alone",
            Self::Later => "later",
            Self::Served => "served",
        }
    }
}

/// One object and what is to be said of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// What keyferry would do.
    pub verdict: Verdict,
    /// Kind and name.
    pub object: String,
    /// Why, where there is something to say.
    pub note: String,
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:<10} {}", self.verdict.word(), self.object)?;
        if self.note.is_empty() {
            return Ok(());
        }
        write!(f, "  {}", self.note)
    }
}

/// Whether every object would be served and nothing stands in the way.
pub fn is_ready(findings: &[Finding]) -> bool {
    findings
        .iter()
        .all(|finding| matches!(finding.verdict, Verdict::Served | Verdict::Later))
}

/// Looks at everything, what needs attention first.
pub async fn run(client: &Client, config: &Config) -> Result<Vec<Finding>, Error> {
    let mut findings = vec![];
    installation(client, &mut findings).await?;
    let outdated = inventory::outdated(client).await;
    if let Some(outdated) = outdated.map_err(Error::kube("could not list the APIs"))? {
        // No object can be looked at.
        let object = format!("CustomResourceDefinitions of {}", names::GROUP);
        findings.push(finding(Verdict::Blocks, object, outdated));
        return Ok(sorted(findings));
    }
    let inventory = Inventory::list(client, config)
        .await
        .map_err(Error::kube("the objects of the cluster could not be listed"))?;
    for store in &inventory.stores {
        findings.push(of_store(config, &inventory, store));
    }
    for (object, why) in &inventory.unreadable {
        let note = format!("the stored object cannot be read: {why}");
        findings.push(finding(Verdict::Refused, object.clone(), note));
    }
    for object in &inventory.objects {
        findings.push(of_object(config, &inventory, object));
    }
    for object in &inventory.cluster_objects {
        let (name, error) = cluster_external_secret::judge(object.clone(), &config.rules);
        let verdict = if error.is_some() {
            Verdict::Refused
        } else {
            Verdict::Served
        };
        findings.push(finding(
            verdict,
            format!("ClusterExternalSecret {name}"),
            error.unwrap_or_default(),
        ));
    }
    for (group, plural, kind) in NOT_SERVED {
        not_served(client, (group, plural, kind), config, &mut findings).await?;
    }
    let mut left: BTreeMap<&str, usize> = BTreeMap::new();
    for leftover in finalizers::find(client, &config.namespaces).await? {
        *left.entry(leftover.kind).or_default() += 1;
    }
    for (kind, count) in left {
        let note = "carry finalizers of ESO: once it is gone, keyferry migrate --release-finalizers";
        findings.push(finding(Verdict::Later, format!("{count} × {kind}"), note));
    }
    Ok(sorted(findings))
}

fn sorted(mut findings: Vec<Finding>) -> Vec<Finding> {
    findings.sort_by(|a, b| (a.verdict, &a.object).cmp(&(b.verdict, &b.object)));
    findings
}

fn finding(verdict: Verdict, object: impl Into<String>, note: impl Into<String>) -> Finding {
    Finding {
        verdict,
        object: object.into(),
        note: note.into(),
    }
}

/// What of ESO's installation would take objects away, or refuse them, while one moves.
async fn installation(client: &Client, findings: &mut Vec<Finding>) -> Result<(), Error> {
    let crds: Api<CustomResourceDefinition> = Api::all(client.clone());
    let all = crds
        .list_metadata(&ListParams::default())
        .await
        .map_err(Error::kube("could not list CRDs"))?;
    for crd in all.items {
        let name = crd.metadata.name.unwrap_or_default();
        let annotations = crd.metadata.annotations.unwrap_or_default();
        let is_esos = name.ends_with(names::GROUP);
        let kept = annotations.get(KEEP.0).is_some_and(|policy| policy == KEEP.1);
        if is_esos && annotations.contains_key(HELM_RELEASE) && !kept {
            let note = format!(
                "belongs to a Helm release and is not marked {}: {}: uninstalling the release would delete it with all \
                 its objects, and their Secrets",
                KEEP.0, KEEP.1
            );
            findings.push(finding(
                Verdict::Blocks,
                format!("CustomResourceDefinition {name}"),
                note,
            ));
        }
    }
    let webhooks: Api<ValidatingWebhookConfiguration> = Api::all(client.clone());
    for name in WEBHOOKS {
        let there = webhooks
            .get_metadata_opt(name)
            .await
            .map_err(Error::kube("could not get webhook configurations"))?;
        if there.is_some() {
            let note = "delete it when ESO is scaled to 0: without ESO it refuses every change";
            findings.push(finding(
                Verdict::Later,
                format!("ValidatingWebhookConfiguration {name}"),
                note,
            ));
        }
    }
    for deployment in running::eso(client).await? {
        let note = "ESO runs: scale it to 0 before keyferry is installed";
        findings.push(finding(Verdict::Later, format!("Deployment {deployment}"), note));
    }
    Ok(())
}

fn of_store(config: &Config, inventory: &Inventory, store: &StoreObject) -> Finding {
    let name = store.name();
    let namespace = name.namespace.as_deref().unwrap_or_default();
    let object = described(kind_name(name.kind), namespace, &name.name);
    if store.aws().is_none() {
        let note = format!("provider {}: keyferry serves AWS", provider(&store.spec.provider));
        return finding(Verdict::LeftAlone, object, note);
    }
    let by = crate::sync::spec::StoreName {
        kind: name.kind,
        name: name.name.as_str().into(),
    };
    match inventory.states(namespace, [&by]).remove(&by) {
        Some(StoreState::NotOurs(_)) => finding(
            Verdict::LeftAlone,
            object,
            format!(
                "spec.controller {:?} is not {:?}",
                store.spec.controller.as_deref().unwrap_or_default(),
                config.controller_class
            ),
        ),
        Some(StoreState::NotReady(Some(why))) => finding(Verdict::Refused, object, why),
        _ => finding(Verdict::Served, object, ""),
    }
}

fn provider(provider: &Provider) -> String {
    let names: Vec<_> = provider.others.keys().map(String::as_str).collect();
    names.join(", ")
}

fn of_object(config: &Config, inventory: &Inventory, object: &Object) -> Finding {
    let name = described("ExternalSecret", &object.namespace, &object.name);
    let states = inventory.states(&object.namespace, &object.stores);
    let theirs = states.iter().find_map(|(store, state)| match state {
        StoreState::NotOurs(why) => Some(format!("{store} {why}")),
        _ => None,
    });
    let ours = states
        .values()
        .any(|state| !matches!(state, StoreState::NotOurs(_) | StoreState::Missing));
    match theirs {
        Some(why) if !ours => return finding(Verdict::LeftAlone, name, why),
        Some(why) => {
            let note = format!("{why}; use stores of one operator in one object");
            return finding(Verdict::Refused, name, note);
        }
        None if !ours && !config.is_default_class() => {
            return finding(Verdict::LeftAlone, name, "no store of this class is there");
        }
        None => {}
    }
    if let Err(failure) = &object.spec {
        return finding(Verdict::Refused, name, failure.to_string());
    }
    let problem = states.iter().find_map(|(store, state)| match state {
        StoreState::Missing => Some(format!("there is no {store}")),
        StoreState::Denied => Some(format!(
            "{store} is not allowed from this namespace: denied by spec.condition"
        )),
        StoreState::NotReady(why) => Some(format!(
            "{store} is not ready: {}",
            why.as_deref().unwrap_or("see its status")
        )),
        StoreState::NotOurs(_) | StoreState::Pending | StoreState::Usable(..) => None,
    });
    match problem {
        Some(problem) => finding(Verdict::Refused, name, problem),
        None => finding(Verdict::Served, name, ""),
    }
}

async fn not_served(
    client: &Client,
    (group, plural, kind): (&str, &str, &str),
    config: &Config,
    findings: &mut Vec<Finding>,
) -> Result<(), Error> {
    let resource = ApiResource::from_gvk_with_plural(&GroupVersionKind::gvk(group, "v1alpha1", kind), plural);
    let api: Api<DynamicObject> = Api::all_with(client.clone(), &resource);
    let list = match api.list_metadata(&ListParams::default()).await {
        Ok(list) => list,
        Err(kube::Error::Api(status)) if status.code == 404 => return Ok(()),
        Err(error) => return Err(Error::kube(format!("could not list kind {kind}"))(error)),
    };
    for object in list.items {
        let namespace = object.metadata.namespace.unwrap_or_default();
        if !config.namespaces.is_empty() && !config.namespaces.contains(&namespace) {
            continue;
        }
        let name = described(kind, &namespace, &object.metadata.name.unwrap_or_default());
        let note = "keyferry does not write to AWS: nothing pushes it once ESO is gone";
        findings.push(finding(Verdict::LeftAlone, name, note));
    }
    Ok(())
}

fn described(kind: &str, namespace: &str, name: &str) -> String {
    if namespace.is_empty() {
        format!("{kind} {name}")
    } else {
        format!("{kind} {namespace}/{name}")
    }
}
