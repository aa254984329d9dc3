//! The kube-apiserver's audit log as a list of requests: who asked for what, how often.
//!
//! The server writes each line before it answers, so a request that was answered is in the log.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Read as _, Seek as _, SeekFrom};
use std::path::PathBuf;

use serde::Deserialize;

/// Every request once, watches when they start (which is what `omitStages` leaves), bodies never.
pub(crate) const POLICY: &str = r#"{
  "apiVersion": "audit.k8s.io/v1",
  "kind": "Policy",
  "omitStages": ["RequestReceived"],
  "rules": [{"level": "Metadata", "omitManagedFields": true}]
}
"#;

/// The log of one control plane.
#[derive(Debug, Clone)]
pub struct AuditLog {
    path: PathBuf,
}

/// A place in the log; what comes after it is new.
#[derive(Debug, Clone, Copy, Default)]
pub struct Mark(u64);

/// One request as the server recorded it.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Request {
    /// `get`, `list`, `watch`, `create`, `update`, `patch`, `delete`, `deletecollection`.
    pub verb: String,
    /// The path with its query.
    #[serde(rename = "requestURI")]
    pub uri: String,
    #[serde(default)]
    pub user_agent: String,
    #[serde(default)]
    pub user: User,
    /// Absent for requests such as `/version`.
    #[serde(default, rename = "objectRef")]
    pub object: Option<Object>,
    #[serde(default, rename = "responseStatus")]
    pub response: Option<Response>,
    stage: Stage,
    #[serde(rename = "requestReceivedTimestamp")]
    pub received: jiff::Timestamp,
    #[serde(rename = "stageTimestamp")]
    pub answered: jiff::Timestamp,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
enum Stage {
    ResponseStarted,
    ResponseComplete,
    Panic,
}

/// Who asked.
#[derive(Debug, Clone, Default, Deserialize)]
pub struct User {
    #[serde(default)]
    pub username: String,
}

/// What was asked for.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Object {
    /// The plural, such as `secrets`.
    #[serde(default)]
    pub resource: String,
    #[serde(default)]
    pub subresource: String,
    #[serde(default)]
    pub namespace: String,
    #[serde(default)]
    pub name: String,
    #[serde(default, rename = "apiGroup")]
    pub group: String,
}

/// What came of it.
#[derive(Debug, Clone, Deserialize)]
pub struct Response {
    #[serde(default)]
    pub code: u16,
}

impl Request {
    /// `secrets`, `externalsecrets/status`; the path where the request was not about a resource.
    pub fn resource(&self) -> String {
        match &self.object {
            Some(object) if !object.subresource.is_empty() => {
                format!("{}/{}", object.resource, object.subresource)
            }
            Some(object) => object.resource.clone(),
            None => self.uri.split('?').next().unwrap_or_default().to_owned(),
        }
    }

    /// Whether the request was about the object, or the list, in `namespace`.
    pub fn is_in(&self, namespace: &str) -> bool {
        self.object
            .as_ref()
            .is_some_and(|object| object.namespace == namespace)
    }

    /// Whether the request asks for a change; an answer other than 2xx changed nothing.
    pub fn is_write(&self) -> bool {
        !matches!(self.verb.as_str(), "get" | "list" | "watch")
    }

    /// The HTTP status, 0 if none was recorded.
    pub fn code(&self) -> u16 {
        self.response.as_ref().map_or(0, |response| response.code)
    }
}

impl AuditLog {
    pub(crate) fn at(path: PathBuf) -> Self {
        Self { path }
    }

    /// The present end of the log.
    pub fn mark(&self) -> io::Result<Mark> {
        Ok(Mark(std::fs::metadata(&self.path)?.len()))
    }

    /// All requests since `mark` (`Mark::default()` is the start), each once: a watch when it started, all others when they
    /// were answered.
    pub fn since(&self, mark: Mark) -> io::Result<Vec<Request>> {
        let mut file = File::open(&self.path)?;
        file.seek(SeekFrom::Start(mark.0))?;
        let mut text = String::new();
        file.read_to_string(&mut text)?;
        let mut requests = Vec::new();
        // The last line may be half written.
        for line in text.split_inclusive('\n').filter(|line| line.ends_with('\n')) {
            let request: Request = serde_json::from_str(line)?;
            let counted = if request.verb == "watch" {
                Stage::ResponseStarted
            } else {
                Stage::ResponseComplete
            };
            if request.stage == counted {
                requests.push(request);
            }
        }
        Ok(requests)
    }
}

/// `{("patch", "externalsecrets/status"): 500, …}`: how often each verb was used on each resource.
pub fn count_by_verb_and_resource<'a>(
    requests: impl IntoIterator<Item = &'a Request>,
) -> BTreeMap<(String, String), usize> {
    let mut counts = BTreeMap::new();
    for request in requests {
        *counts
            .entry((request.verb.clone(), request.resource()))
            .or_default() += 1;
    }
    counts
}

#[cfg(test)]
mod tests {
    use super::*;

    const LINE: &str = r#"{"kind":"Event","stage":"STAGE","requestURI":"/api/v1/namespaces/a/secrets/s?x=1","verb":"VERB","user":{"username":"u"},"userAgent":"t","objectRef":{"resource":"secrets","namespace":"a","name":"s","apiVersion":"v1"},"responseStatus":{"metadata":{},"code":200},"requestReceivedTimestamp":"2026-11-21T07:00:00.000001Z","stageTimestamp":"2026-11-21T07:00:00.000002Z"}"#;

    fn line(verb: &str, stage: &str) -> String {
        LINE.replace("STAGE", stage).replace("VERB", verb)
    }

    #[test]
    fn a_watch_counts_when_it_starts_and_other_requests_when_they_are_answered() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("audit.log");
        let half = line("get", "ResponseComplete");
        let lines = [
            line("watch", "ResponseStarted"),
            line("watch", "ResponseComplete"),
            line("get", "ResponseComplete"),
            half.split_at(40).0.to_owned(),
        ];
        std::fs::write(&path, lines.join("\n")).unwrap();
        let requests = AuditLog::at(path).since(Mark::default()).unwrap();
        let counts = count_by_verb_and_resource(&requests);
        let expected = [(("get", "secrets"), 1), (("watch", "secrets"), 1)];
        assert_eq!(
            counts,
            expected
                .map(|((v, r), n)| ((v.to_owned(), r.to_owned()), n))
                .into()
        );
        assert!(
            requests
                .iter()
                .all(|request| request.is_in("a") && !request.is_write() && request.code() == 200)
        );
    }
}
