//! The cases, in the order in which they run.

mod availability;
mod identity;
mod install;
mod monitoring;
mod rights;
mod sync;
mod upgrade;

use std::pin::Pin;
use std::time::Instant;

use crate::cluster::Cluster;
use crate::world::World;
use crate::{Arguments, Failure, screen};

type Run = for<'a> fn(&'a World<'a>) -> Pin<Box<dyn Future<Output = Result<(), Failure>> + 'a>>;

struct Case {
    name: &'static str,
    /// The ones after it build on it, so it also runs where only others are asked for.
    always: bool,
    run: Run,
}

macro_rules! cases {
    (@always) => { false };
    (@always always) => { true };
    ($($($always:ident)? $name:literal => $run:path,)+) => {
        const CASES: &[Case] = &[$(Case {
            name: $name,
            always: cases!(@always $($always)?),
            run: |world| Box::pin($run(world)),
        },)+];
    };
}

cases! {
    "kubectl apply installs CRDs and operator without Helm" => install::by_kubectl,
    always "helm installs the image, restricted, as uid 65532, with a read-only root" => install::by_helm,
    always "a first secret becomes a Secret" => sync::first_secret,
    "a Pod that uses the Secret sees the rotation" => sync::pod_sees_the_rotation,
    "a ClusterExternalSecret and its store serve a namespace" => sync::cluster_wide,
    "a Secret goes with its source, where its object says so" => sync::deletion_policy,
    "a store takes the role of the ServiceAccount that it names" => identity::referenced_service_account,
    "keyferry takes its own role by its projected token" => identity::projected_token,
    "a rolling upgrade under load misses no write and doubles none" => upgrade::under_load,
    "upgrade from chart 0.1.0 to the current chart leaves no gap in any Secret" => upgrade::from_the_first_chart,
    "a second replica takes over from a killed leader" => availability::leader_killed,
    "after drain and uncordon the operator comes back and nothing was lost" => availability::drain,
    "every panel of the dashboard shows data" => monitoring::dashboard,
    "a mode for several namespaces serves these and may do nothing elsewhere" => rights::several_namespaces,
    "a mode for one namespace serves it and may do nothing elsewhere" => rights::one_namespace,
    "the mode for the whole cluster reads Secrets anywhere and may do nothing that would give it more" => rights::cluster,
    "Pod Security refuses settings that are not restricted" => rights::pod_security,
    "every right of the cluster mode is used" => rights::every_right_is_used,
    "uninstalling leaves Secrets, objects and CRDs" => install::uninstall,
}

/// The beginning of a case's name, as given on the command line.
pub(crate) fn beginning(of: &str) -> Result<String, String> {
    if CASES.iter().any(|case| case.name.starts_with(of)) {
        return Ok(of.to_owned());
    }
    let names: Vec<_> = CASES.iter().map(|case| case.name).collect();
    Err(format!("no case begins so; there are:\n{}", names.join("\n")))
}

pub(crate) async fn run(cluster: &Cluster, arguments: &Arguments) -> Result<(), Failure> {
    let world = World::of(cluster, arguments).await?;
    let wanted = |case: &&Case| {
        let named = |start: &String| case.name.starts_with(start.as_str());
        case.always || arguments.cases.is_empty() || arguments.cases.iter().any(named)
    };
    let started = Instant::now();
    let mut count = 0;
    for case in CASES.iter().filter(wanted) {
        screen::step(case.name);
        let began = Instant::now();
        if let Err(error) = (case.run)(&world).await {
            screen::note(&world.describe().await);
            return Err(format!("{}: {error}", case.name).into());
        }
        screen::note(&format!("ok ({:.1} s)", began.elapsed().as_secs_f64()));
        count += 1;
    }
    screen::step(&format!(
        "{count} cases passed in {:.0} s",
        started.elapsed().as_secs_f64()
    ));
    Ok(())
}
