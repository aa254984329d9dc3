//! The dashboard on the operator's own metrics, evaluated by a real Prometheus.

use std::fmt::Write as _;
use std::time::Duration;

use keyferry_parts::{Child, Lifeline, free_ports};
use serde::Deserialize;

use crate::world::{HOME, World, until};
use crate::{Failure, screen, tool};

#[derive(Deserialize)]
struct Dashboard {
    panels: Vec<Panel>,
}

#[derive(Deserialize)]
struct Panel {
    title: String,
    targets: Vec<Target>,
}

#[derive(Deserialize)]
struct Target {
    expr: String,
}

pub(crate) async fn dashboard(world: &World<'_>) -> Result<(), Failure> {
    let folder = tempfile::tempdir()?;
    let [metrics, port] = free_ports()?;
    let forward = [
        "--kubeconfig".to_owned(),
        world.kubectl.kubeconfig.display().to_string(),
        format!("--namespace={HOME}"),
        "port-forward".to_owned(),
        "deployment/keyferry".to_owned(),
        format!("{metrics}:8080"),
    ];
    let lifeline = Lifeline::new()?;
    let _forward = Child::start(
        &lifeline,
        &world.kubectl.program,
        forward,
        [],
        folder.path().join("forward.log"),
    )?;
    let configuration = folder.path().join("prometheus.yml");
    std::fs::write(
        &configuration,
        format!(
            "global: {{scrape_interval: 1s, evaluation_interval: 1s}}\n\
             rule_files: [{}]\n\
             scrape_configs: [{{job_name: keyferry, static_configs: [{{targets: ['127.0.0.1:{metrics}']}}]}}]\n",
            World::file("charts/keyferry/files/alerts.yaml")
        ),
    )?;
    let prometheus = [
        format!("--config.file={}", configuration.display()),
        format!("--storage.tsdb.path={}", folder.path().join("data").display()),
        format!("--web.listen-address=127.0.0.1:{port}"),
    ];
    let program = tool::run("sh", ["-c", "command -v prometheus"]).await?;
    let _prometheus = Child::start(
        &lifeline,
        program.as_ref(),
        prometheus,
        [],
        folder.path().join("prometheus.log"),
    )?;
    let dashboard: Dashboard = serde_json::from_str(&std::fs::read_to_string(World::file(
        "charts/keyferry/files/dashboard.json",
    ))?)?;
    let queries: Vec<_> = dashboard
        .panels
        .into_iter()
        .flat_map(|panel| {
            panel
                .targets
                .into_iter()
                .map(move |target| (panel.title.clone(), target.expr))
        })
        .map(|(title, query)| (title, query.replace("$__rate_interval", "1m")))
        .collect();
    if queries.len() < 10 {
        return Err("the dashboard has lost its queries".into());
    }
    let mut report = String::new();
    for (title, query) in &queries {
        // A histogram needs two scrapes with something new between them.
        let answer = until(&format!("data in the panel {title}: {query}"), || async {
            let found = ask(port, query).await.map_err(|error| error.to_string())?;
            if found.is_empty() {
                Err("no data".to_owned())
            } else {
                Ok(found)
            }
        })
        .await?;
        // Writing to a String cannot fail.
        write!(report, "## {title}\n\n`{query}`\n\n{answer}\n\n").ok();
    }
    std::fs::write(world.report.join("dashboard.md"), report)?;
    screen::note(&format!("{} queries have data", queries.len()));
    Ok(())
}

/// What a query gives, a line for each series; NaN, of a histogram without observations, is no data.
async fn ask(port: u16, query: &str) -> Result<String, Failure> {
    let url = format!("http://127.0.0.1:{port}/");
    let asked = tool::run("promtool", ["query", "instant", &url, query]);
    let answer = tokio::time::timeout(Duration::from_secs(10), asked).await??;
    let lines = answer
        .lines()
        .filter(|line| line.contains("=>") && !line.contains("NaN"));
    Ok(lines.collect::<Vec<_>>().join("\n"))
}
