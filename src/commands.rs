//! Commands that look, or do one thing, and end: `plan` and `migrate`. They print a line for each object.

use std::{fmt::Display, io::Write};

use crate::{
    cli::{Migrate, Plan},
    dry_run, migrate,
    migrate::{check, finalizers, hashes},
    run,
};

/// Why a command failed.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// No runtime, or no way to the API server.
    #[error(transparent)]
    Run(#[from] run::Error),
    /// The dry run could not begin.
    #[error(transparent)]
    DryRun(#[from] dry_run::Error),
    /// The cluster could not be looked at, or changed.
    #[error(transparent)]
    Migrate(#[from] migrate::Error),
    /// Nobody reads what is printed.
    #[error("the result could not be printed: {0}")]
    Print(#[from] std::io::Error),
}

/// Compares what each object would give with the Secret that is there. Whether all is as it should be.
pub fn plan(plan: &Plan) -> Result<bool, Error> {
    run::prepare()?;
    run::runtime()?.block_on(async {
        let config = plan.run.config().map_err(run::Error::Flags)?;
        let client = run::client(&plan.run).await?;
        let lines = dry_run::run(client, &config, &plan.objects).await?;
        print(&lines)?;
        Ok(lines.iter().all(|line| line.verdict.is_harmless()))
    })
}

/// Checks a cluster before it moves from ESO, releases what ESO left, or gives back what ESO looks for. Whether all is as it
/// should be.
pub fn migrate(migrate: &Migrate) -> Result<bool, Error> {
    run::prepare()?;
    run::runtime()?.block_on(async {
        let config = migrate.run.config().map_err(run::Error::Flags)?;
        let client = run::client(&migrate.run).await?;
        if migrate.check {
            let findings = check::run(&client, &config).await?;
            print(&findings)?;
            return Ok(check::is_ready(&findings));
        }
        let said = if migrate.restore_hashes {
            let found = hashes::find(&client, &config).await?;
            print(&found)?;
            if migrate.yes {
                let restored = hashes::restore(&client, &config, &found).await?;
                format!("restored ESO's hash on {restored} Secrets")
            } else {
                format!(
                    "{} Secrets have no hash of ESO's; add --yes to restore it",
                    found.len()
                )
            }
        } else {
            let found = finalizers::find(&client, &config.namespaces).await?;
            print(&found)?;
            let count = found.len();
            if migrate.yes {
                finalizers::release(&client, &found).await?;
                format!("released ESO's finalizers of {count} objects")
            } else {
                format!("ESO left finalizers on {count} objects; add --yes to release them")
            }
        };
        print(&[said])?;
        Ok(true)
    })
}

fn print(lines: &[impl Display]) -> std::io::Result<()> {
    let mut out = std::io::stdout().lock();
    for line in lines {
        writeln!(out, "{line}")?;
    }
    out.flush()
}
