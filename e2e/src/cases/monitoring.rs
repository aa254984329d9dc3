//! Dashboard and alerts on the operator's own metrics, evaluated by a real Prometheus.

use std::fmt::Write as _;
use std::path::Path;
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
    let _prometheus = prometheus(&lifeline, folder.path(), metrics, port).await?;
    let queries = queries()?;
    // Several scrapes of an operator at work, or the panels would show how it began.
    let at_work = "sum(externalsecret_status_condition{condition='Ready',status='True'}) > 0 \
                   and on () sum(rate(keyferry_aws_calls_total[1m])) > 0";
    until("the operator at work", || async {
        let found = ask(port, at_work).await.map_err(|error| error.to_string())?;
        if found.is_empty() {
            Err("no data".to_owned())
        } else {
            Ok(())
        }
    })
    .await?;
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
    // Of those that wait for minutes before they fire, tests/chart knows.
    let firing = ask(port, "ALERTS{alertstate='firing'}").await?;
    if !firing.is_empty() {
        return Err(format!("an operator at work sets off alerts: {firing}").into());
    }
    screen::note(&format!("{} queries have data", queries.len()));
    Ok(())
}

/// A real one that scrapes the operator at the port `metrics` every second, with the chart's alerts.
async fn prometheus(lifeline: &Lifeline, folder: &Path, metrics: u16, port: u16) -> Result<Child, Failure> {
    let configuration = folder.join("prometheus.yml");
    let alerts = World::file("charts/keyferry/files/alerts.yaml");
    std::fs::write(
        &configuration,
        format!(
            "global: {{scrape_interval: 1s, evaluation_interval: 1s}}\n\
             rule_files: [{alerts}]\n\
             scrape_configs: [{{job_name: keyferry, static_configs: [{{targets: ['127.0.0.1:{metrics}']}}]}}]\n"
        ),
    )?;
    let arguments = [
        format!("--config.file={}", configuration.display()),
        format!("--storage.tsdb.path={}", folder.join("data").display()),
        format!("--web.listen-address=127.0.0.1:{port}"),
    ];
    let program = tool::run("sh", ["-c", "command -v prometheus"]).await?;
    let log = folder.join("prometheus.log");
    Ok(Child::start(lifeline, program.as_ref(), arguments, [], log)?)
}

/// Title and query of every panel.
fn queries() -> Result<Vec<(String, String)>, Failure> {
    let file = std::fs::read_to_string(World::file("charts/keyferry/files/dashboard.json"))?;
    let dashboard: Dashboard = serde_json::from_str(&file)?;
    let mut queries = vec![];
    for panel in dashboard.panels {
        for target in panel.targets {
            queries.push((panel.title.clone(), target.expr.replace("$__rate_interval", "1m")));
        }
    }
    if queries.len() < 10 {
        return Err("the dashboard has lost its queries".into());
    }
    Ok(queries)
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
