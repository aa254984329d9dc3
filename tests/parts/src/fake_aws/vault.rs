//! What is stored: secrets with their versions and stages, parameters with theirs.

use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::sync::Arc;
use std::time::SystemTime;

use super::{Caller, State};

/// The value of a version.
#[derive(Clone)]
pub enum SecretValue {
    Text(String),
    Binary(Vec<u8>),
    /// Made from who reads, so that a value tells whose credentials fetched it.
    ByCaller(Arc<dyn Fn(&Caller) -> String + Send + Sync>),
}

impl fmt::Debug for SecretValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SecretValue")
    }
}

impl From<&str> for SecretValue {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl From<String> for SecretValue {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}

#[derive(Debug, Clone)]
pub(super) struct Version {
    pub(super) id: String,
    pub(super) stages: Vec<String>,
    pub(super) value: SecretValue,
    pub(super) created: SystemTime,
}

#[derive(Debug)]
pub(super) struct Secret {
    pub(super) name: String,
    pub(super) arn: String,
    pub(super) versions: Vec<Version>,
    pub(super) tags: BTreeMap<String, String>,
    pub(super) marked_for_deletion: bool,
    /// So many more reads of the current version get the previous one.
    pub(super) stale_reads: u32,
}

#[derive(Debug)]
pub(super) struct Parameter {
    pub(super) name: String,
    pub(super) arn: String,
    pub(super) kind: &'static str,
    /// The first is version 1.
    pub(super) versions: Vec<String>,
    pub(super) labels: HashMap<String, usize>,
    pub(super) tags: BTreeMap<String, String>,
}

/// One account in one region.
#[derive(Debug, Default)]
pub(super) struct Store {
    pub(super) secrets: BTreeMap<String, Secret>,
    pub(super) parameters: BTreeMap<String, Parameter>,
}

#[derive(Debug, Default)]
pub(super) struct Vaults {
    stores: HashMap<(String, String), Store>,
    last_version: u64,
}

impl Vaults {
    pub(super) fn store(&mut self, account: &str, region: &str) -> &mut Store {
        self.stores
            .entry((account.to_owned(), region.to_owned()))
            .or_default()
    }

    /// An id that looks like a UUID, as the length check of clients wants.
    fn next_version_id(&mut self) -> String {
        self.last_version += 1;
        format!("00000000-0000-4000-8000-{:012}", self.last_version)
    }
}

/// A handle on one account in one region. Every change is seen by the next call.
#[derive(Debug, Clone)]
pub struct Vault<'a> {
    state: &'a State,
    account: String,
    region: String,
}

impl<'a> Vault<'a> {
    pub(super) fn new(state: &'a State, account: &str, region: &str) -> Self {
        Self {
            state,
            account: account.to_owned(),
            region: region.to_owned(),
        }
    }

    fn arn(&self, service: &str, resource: &str) -> String {
        format!("arn:aws:{service}:{}:{}:{resource}", self.region, self.account)
    }

    /// Creates the secret, or adds a version that becomes `AWSCURRENT` (the one before it `AWSPREVIOUS`). Returns its id.
    pub fn put_secret(&self, name: &str, value: impl Into<SecretValue>) -> String {
        self.put_version(name, value, &["AWSCURRENT"])
    }

    /// Adds a version with other stages, which leave the versions that had them.
    pub fn put_version(&self, name: &str, value: impl Into<SecretValue>, stages: &[&str]) -> String {
        let mut world = self.state.world();
        let id = world.vaults.next_version_id();
        let suffix = id.split_at(id.len().saturating_sub(6)).1;
        let arn = self.arn("secretsmanager", &format!("secret:{name}-{suffix}"));
        let secret = world
            .vaults
            .store(&self.account, &self.region)
            .secrets
            .entry(name.to_owned())
            .or_insert_with(|| Secret {
                name: name.to_owned(),
                arn,
                versions: Vec::new(),
                tags: BTreeMap::new(),
                marked_for_deletion: false,
                stale_reads: 0,
            });
        let becomes_current = stages.contains(&"AWSCURRENT");
        for version in &mut secret.versions {
            let was_current = version.stages.iter().any(|stage| stage == "AWSCURRENT");
            version.stages.retain(|stage| {
                let moves = stages.contains(&stage.as_str()) || (becomes_current && stage == "AWSPREVIOUS");
                !moves
            });
            if becomes_current && was_current {
                version.stages.push("AWSPREVIOUS".to_owned());
            }
        }
        let stages = stages.iter().map(|stage| (*stage).to_owned()).collect();
        secret.versions.push(Version {
            id: id.clone(),
            stages,
            value: value.into(),
            created: SystemTime::now(),
        });
        id
    }

    /// As `TagResource` does.
    pub fn tag_secret(&self, name: &str, key: &str, value: &str) {
        self.with_secret(name, |secret| {
            secret.tags.insert(key.to_owned(), value.to_owned())
        });
    }

    /// The full ARN of a secret that exists.
    pub fn secret_arn(&self, name: &str) -> Option<String> {
        self.with_secret(name, |secret| secret.arn.clone())
    }

    /// As `DeleteSecret` with a recovery window does.
    pub fn mark_for_deletion(&self, name: &str) {
        self.with_secret(name, |secret| secret.marked_for_deletion = true);
    }

    /// As `RestoreSecret` does.
    pub fn restore(&self, name: &str) {
        self.with_secret(name, |secret| secret.marked_for_deletion = false);
    }

    /// The secret is gone for good.
    pub fn remove_secret(&self, name: &str) {
        self.state
            .world()
            .vaults
            .store(&self.account, &self.region)
            .secrets
            .remove(name);
    }

    /// The next `reads` of the current version are answered with the previous one, as an eventually consistent store may.
    pub fn serve_stale(&self, name: &str, reads: u32) {
        self.with_secret(name, |secret| secret.stale_reads = reads);
    }

    fn with_secret<T>(&self, name: &str, act: impl FnOnce(&mut Secret) -> T) -> Option<T> {
        self.state
            .world()
            .vaults
            .store(&self.account, &self.region)
            .secrets
            .get_mut(name)
            .map(act)
    }

    /// Creates a `String` parameter or adds a version. Returns the version.
    pub fn put_parameter(&self, name: &str, value: &str) -> usize {
        self.put_parameter_as("String", name, value)
    }

    /// Creates a `SecureString` parameter or adds a version. Returns the version.
    pub fn put_secure_parameter(&self, name: &str, value: &str) -> usize {
        self.put_parameter_as("SecureString", name, value)
    }

    /// Creates a `StringList` parameter or adds a version. Returns the version.
    pub fn put_parameter_list(&self, name: &str, values: &str) -> usize {
        self.put_parameter_as("StringList", name, values)
    }

    /// As `AddTagsToResource` does.
    pub fn tag_parameter(&self, name: &str, key: &str, value: &str) {
        self.with_parameter(name, |parameter| {
            parameter.tags.insert(key.to_owned(), value.to_owned())
        });
    }

    /// The ARN of a parameter that exists.
    pub fn parameter_arn(&self, name: &str) -> Option<String> {
        self.with_parameter(name, |parameter| parameter.arn.clone())
    }

    fn with_parameter<T>(&self, name: &str, act: impl FnOnce(&mut Parameter) -> T) -> Option<T> {
        self.state
            .world()
            .vaults
            .store(&self.account, &self.region)
            .parameters
            .get_mut(name)
            .map(act)
    }

    fn put_parameter_as(&self, kind: &'static str, name: &str, value: &str) -> usize {
        let separator = if name.starts_with('/') { "" } else { "/" };
        let arn = self.arn("ssm", &format!("parameter{separator}{name}"));
        let mut world = self.state.world();
        let parameters = &mut world.vaults.store(&self.account, &self.region).parameters;
        let parameter = parameters.entry(name.to_owned()).or_insert_with(|| Parameter {
            name: name.to_owned(),
            arn,
            kind,
            versions: Vec::new(),
            labels: HashMap::new(),
            tags: BTreeMap::new(),
        });
        parameter.versions.push(value.to_owned());
        parameter.versions.len()
    }

    /// As `LabelParameterVersion` does.
    pub fn label_parameter(&self, name: &str, version: usize, label: &str) {
        self.with_parameter(name, |parameter| {
            parameter.labels.insert(label.to_owned(), version)
        });
    }

    pub fn remove_parameter(&self, name: &str) {
        self.state
            .world()
            .vaults
            .store(&self.account, &self.region)
            .parameters
            .remove(name);
    }
}
