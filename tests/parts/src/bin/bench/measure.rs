//! What a process has used, and what kube-apiserver was asked.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::Serialize;

use crate::Error;

/// Read from `/proc`.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Process {
    id: u32,
}

/// Memory in kB.
#[derive(Debug, Clone, Copy, Default, Serialize)]
pub(crate) struct Usage {
    /// What the process itself has allocated and touched.
    pub(crate) rss_anon: u64,
    pub(crate) rss: u64,
    /// The most that `rss` has ever been.
    pub(crate) peak: u64,
}

impl Process {
    pub(crate) fn new(id: u32) -> Self {
        Self { id }
    }

    /// User and system time of all threads since the start; the kernel counts in ticks of ten milliseconds.
    pub(crate) fn cpu(self) -> Result<Duration, Error> {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", self.id))?;
        // The name in parentheses may hold spaces; after it come state, ppid, … with utime and stime as 12th and 13th.
        let (_, rest) = stat.rsplit_once(')').ok_or("/proc/PID/stat has no name")?;
        let mut fields = rest.split_whitespace().skip(11);
        let mut ticks = || {
            fields
                .next()
                .and_then(|field| field.parse::<u64>().ok())
                .ok_or("/proc/PID/stat is short")
        };
        let ticks = ticks()? + ticks()?;
        Ok(Duration::from_millis(
            ticks * 1000 / rustix::param::clock_ticks_per_second(),
        ))
    }

    pub(crate) fn usage(self) -> Result<Usage, Error> {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.id))?;
        let field = |name: &str| {
            let line = status
                .lines()
                .find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
            line.and_then(|line| line.split_whitespace().next()?.parse().ok())
                .unwrap_or(0)
        };
        Ok(Usage {
            rss_anon: field("RssAnon"),
            rss: field("VmRSS"),
            peak: field("VmHWM"),
        })
    }
}

impl Process {
    /// Threads and open descriptors, connections among them.
    pub(crate) fn handles(self) -> Result<(usize, usize), Error> {
        let count = |what: &str| -> Result<usize, Error> {
            Ok(std::fs::read_dir(format!("/proc/{}/{what}", self.id))?.count())
        };
        Ok((count("task")?, count("fd")?))
    }
}

/// How many requests kube-apiserver has counted, by verb and resource.
#[derive(Debug, Clone)]
pub(crate) struct Requests {
    counts: BTreeMap<String, u64>,
    refused: u64,
}

impl Requests {
    pub(crate) async fn read(client: &kube::Client) -> Result<Self, Error> {
        let text = client
            .request_text(http::Request::get("/metrics").body(Vec::new())?)
            .await?;
        let mut counts = BTreeMap::new();
        let mut refused = 0;
        for line in text
            .lines()
            .filter_map(|line| line.strip_prefix("apiserver_request_total{"))
        {
            let Some((labels, value)) = line.rsplit_once("} ") else {
                continue;
            };
            let label = |name: &str| {
                let (_, rest) = labels.split_once(&format!("{name}=\""))?;
                rest.split('"').next()
            };
            let (Some(verb), Some(resource)) = (label("verb"), label("resource")) else {
                continue;
            };
            if resource.is_empty() {
                continue;
            }
            let slash = if label("subresource").is_some_and(|sub| !sub.is_empty()) {
                "/"
            } else {
                ""
            };
            let sub = label("subresource").unwrap_or_default();
            // Prometheus writes counts as floats.
            let count = value
                .split('.')
                .next()
                .and_then(|whole| whole.parse::<u64>().ok())
                .unwrap_or(0);
            *counts
                .entry(format!("{verb} {resource}{slash}{sub}"))
                .or_insert(0) += count;
            if label("code") == Some("429") {
                refused += count;
            }
        }
        Ok(Self { counts, refused })
    }

    /// What was added since `earlier`.
    pub(crate) fn since(&self, earlier: &Self) -> BTreeMap<String, u64> {
        let grown = |(name, count): (&String, &u64)| {
            let more = count.saturating_sub(earlier.counts.get(name).copied().unwrap_or(0));
            (more > 0).then(|| (name.clone(), more))
        };
        self.counts.iter().filter_map(grown).collect()
    }

    /// Answers 429 since `earlier`.
    pub(crate) fn refused_since(&self, earlier: &Self) -> u64 {
        self.refused.saturating_sub(earlier.refused)
    }
}

/// The requests that change something, events and leases left out.
pub(crate) fn writes(requests: &BTreeMap<String, u64>) -> u64 {
    let is_write = |name: &str| {
        let read = ["GET ", "LIST ", "WATCH "]
            .iter()
            .any(|verb| name.starts_with(verb));
        !read && !name.ends_with(" events") && !name.ends_with(" leases")
    };
    requests
        .iter()
        .filter(|(name, _)| is_write(name))
        .map(|(_, count)| count)
        .sum()
}

/// The value below which so many of a hundred lie.
pub(crate) fn percentile(values: &[f64], of_a_hundred: usize) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let at = (sorted.len() * of_a_hundred).div_ceil(100).saturating_sub(1);
    sorted.get(at).copied().unwrap_or(0.0)
}
