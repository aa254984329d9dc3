//! Which operators run still, ESO or keyferry, as the Deployments of the cluster tell.

use std::iter;

use clap::Parser;
use k8s_openapi::api::{apps::v1::Deployment, core::v1::Container};
use kube::{Api, Client, api::ListParams};

use super::Error;
use crate::{
    cli::{Cli, Command},
    operator::config::Config,
};

/// Image of ESO, whatever the registry, and its chart's label.
const ESO: &str = "external-secrets";
/// The same of keyferry.
const KEYFERRY: &str = "keyferry";

/// Deployments of ESO that have replicas, as `namespace/name`.
pub(super) async fn eso(client: &Client) -> Result<Vec<String>, Error> {
    let runs = |deployment: &Deployment| is_of(deployment, ESO);
    deployments(client, runs).await
}

/// Deployments of keyferry that have replicas and serve objects that this configuration serves.
pub(super) async fn keyferry(client: &Client, config: &Config) -> Result<Vec<String>, Error> {
    let runs = |deployment: &Deployment| is_of(deployment, KEYFERRY) && serves_the_same(deployment, config);
    deployments(client, runs).await
}

async fn deployments(client: &Client, runs: impl Fn(&Deployment) -> bool) -> Result<Vec<String>, Error> {
    let api: Api<Deployment> = Api::all(client.clone());
    let found = api
        .list(&ListParams::default())
        .await
        .map_err(Error::kube("could not list Deployments"))?;
    let running = found.items.into_iter().filter(runs).filter(|deployment| {
        let wanted = deployment.spec.replicas.unwrap_or(1);
        let there = deployment.status.as_ref().and_then(|status| status.replicas);
        wanted > 0 || there.is_some_and(|there| there > 0)
    });
    Ok(running
        .map(|deployment| {
            let metadata = deployment.metadata;
            format!(
                "{}/{}",
                metadata.namespace.unwrap_or_default(),
                metadata.name.unwrap_or_default()
            )
        })
        .collect())
}

/// Whether a Deployment is of this name: by its chart's label or, where `nameOverride` changed that, by its image.
fn is_of(deployment: &Deployment, name: &str) -> bool {
    let labels = deployment.metadata.labels.as_ref();
    let label = labels.and_then(|labels| labels.get("app.kubernetes.io/name"));
    label.is_some_and(|label| label == name)
        || containers(deployment).any(|container| is_image(container, name))
}

fn containers(deployment: &Deployment) -> impl Iterator<Item = &Container> {
    let pod = deployment.spec.template.spec.iter();
    pod.flat_map(|pod| &pod.containers)
}

fn is_image(container: &Container, name: &str) -> bool {
    let image = container.image.as_deref().unwrap_or_default();
    let last = image.rsplit('/').next().unwrap_or(image);
    last.split([':', '@']).next() == Some(name)
}

/// Whether an operator with these arguments is of the same class and shares a namespace. Arguments that cannot be read are
/// no reason to think that it does not.
fn serves_the_same(deployment: &Deployment, config: &Config) -> bool {
    // What stands beside it in the Pod, a sidecar, has arguments of its own.
    let is_keyferry = |container: &&Container| is_image(container, KEYFERRY);
    let operator = containers(deployment)
        .find(is_keyferry)
        .or_else(|| containers(deployment).next());
    operator.is_none_or(|container| {
        let arguments = container.args.iter().flatten().map(String::as_str);
        let Ok(cli) = Cli::try_parse_from(iter::once(KEYFERRY).chain(arguments)) else {
            return true;
        };
        let Command::Run(run) = cli.command() else {
            return false;
        };
        run.config().map_or(true, |theirs| {
            let (all, ours) = (theirs.namespaces.is_empty(), &config.namespaces);
            theirs.controller_class == config.controller_class
                && (all || ours.is_empty() || !theirs.namespaces.is_disjoint(ours))
        })
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn config(arguments: &[&str]) -> Config {
        let cli = Cli::try_parse_from(iter::once(&KEYFERRY).chain(arguments)).unwrap();
        let Command::Run(run) = cli.command() else {
            panic!("another command");
        };
        run.config().unwrap()
    }

    #[test]
    fn an_operator_of_another_class_or_other_namespaces_is_no_hindrance() {
        let serves = |theirs: &[&str], ours: &[&str]| {
            let container = json!({ "name": "keyferry", "image": "keyferry:v1", "args": theirs });
            // Its arguments are not ours to judge by.
            let sidecar = json!({ "name": "proxy", "image": "proxy:v1" });
            let deployment = json!({ "metadata": {}, "spec": {
                "selector": {}, "template": { "spec": { "containers": [sidecar, container] } },
            }});
            serves_the_same(&serde_json::from_value(deployment).unwrap(), &config(ours))
        };
        assert!(serves(&[], &[]));
        assert!(serves(
            &["run", "--controller-class=a", "--namespace=x,y"],
            &["--controller-class", "a"]
        ));
        assert!(serves(&["run", "--namespace=x,y"], &["--namespace=y"]));
        assert!(serves(&["run"], &["--namespace=y"]));
        assert!(!serves(&["run", "--controller-class=a"], &[]));
        assert!(!serves(&["run", "--namespace=x"], &["--namespace=y"]));
        assert!(
            serves(&["run", "--of-a-later-version"], &[]),
            "what cannot be read counts"
        );
    }
}
