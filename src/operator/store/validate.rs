//! What is wrong with a store, from its spec alone: no call, no clock.
//!
//! The rules hold whether or not the API server's admission checked them. Credentials are looked up elsewhere.

use std::{fmt, time::Duration};

use super::{
    conditions::Conditions,
    object::{StoreObject, providers},
    session_tags,
};
use crate::{
    api::{
        external_secret::StoreKind,
        secret_store::{AwsProvider, AwsService, RefreshInterval, SecretsManagerOptions},
    },
    aws,
};

/// Services whose reads are implemented. A store of another one is valid, but not supported yet.
pub const SUPPORTED: &[AwsService] = &[AwsService::SecretsManager, AwsService::ParameterStore];

/// What a valid store's spec means.
#[derive(Clone, Debug)]
pub struct Settings {
    /// How often it is validated again; nothing for the operator's default.
    pub refresh: Option<Duration>,
    /// How calls are retried; nothing for the SDK's way.
    pub retry: Option<aws::Retry>,
    /// Who may use it.
    pub conditions: Conditions,
    /// Credentials are those of whoever uses it, so that it cannot be validated on its own.
    pub is_referent: bool,
}

/// Everything that is wrong with a spec; at least one thing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Findings(Vec<Finding>);

/// One thing that is wrong, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// Path of the field.
    pub field: String,
    /// Why, for users.
    pub text: String,
    /// The field is valid, but not implemented.
    pub unsupported: bool,
}

impl Finding {
    pub(super) fn invalid(field: impl Into<String>, text: impl Into<String>) -> Self {
        Self {
            field: field.into(),
            text: text.into(),
            unsupported: false,
        }
    }

    fn unsupported(field: impl Into<String>, text: impl Into<String>) -> Self {
        Self {
            field: field.into(),
            text: text.into(),
            unsupported: true,
        }
    }
}

impl Findings {
    /// Whether all that is wrong is that something is not implemented.
    pub fn all_unsupported(&self) -> bool {
        self.0.iter().all(|finding| finding.unsupported)
    }
}

impl fmt::Display for Findings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, Finding { field, text, .. }) in self.0.iter().enumerate() {
            let separator = if at == 0 { "" } else { "; " };
            write!(f, "{separator}{field}: {text}")?;
        }
        Ok(())
    }
}

impl std::error::Error for Findings {}

/// Reads a store's spec, or says everything that is wrong with it.
pub fn validate(store: &StoreObject, supported: &[AwsService]) -> Result<Settings, Findings> {
    let mut findings = Vec::new();
    if let Some(why) = &store.unreadable {
        let text = format!("the stored object cannot be read: {why}");
        return Err(Findings(vec![Finding::invalid("store", text)]));
    }
    let spec = &store.spec;
    let count = providers(&spec.provider);
    if count != 1 {
        let text = format!("secret stores must only have exactly one backend specified, found {count}");
        findings.push(Finding::invalid("spec.provider", text));
    }
    if let Some(aws) = &spec.provider.aws {
        check_service(aws, supported, &mut findings);
        check_region(&aws.region, &mut findings);
        if let Some(options) = &aws.secrets_manager {
            check_deletion(options, &mut findings);
        }
        check_namespaces(store, aws, &mut findings);
        session_tags::check(aws, &mut findings);
    }
    let refresh = refresh_interval(spec.refresh_interval.as_ref()).unwrap_or_else(|text| {
        findings.push(Finding::invalid("spec.refreshInterval", text));
        None
    });
    let retry = spec.retry_settings.as_ref().and_then(|settings| {
        aws::Retry::parse(settings)
            .map_err(|e| findings.push(Finding::invalid("spec.retrySettings", e.text)))
            .ok()
    });
    let conditions = Conditions::parse(spec.conditions.as_deref().unwrap_or_default(), &mut findings);
    if !findings.is_empty() {
        return Err(Findings(findings));
    }
    let is_cluster = store.kind == StoreKind::ClusterSecretStore;
    Ok(Settings {
        refresh,
        retry,
        conditions,
        is_referent: is_cluster && spec.provider.aws.as_ref().is_some_and(aws::is_referent),
    })
}

fn check_service(aws: &AwsProvider, supported: &[AwsService], findings: &mut Vec<Finding>) {
    if !supported.contains(&aws.service) {
        findings.push(Finding::unsupported(
            "spec.provider.aws.service",
            format!("{:?} is not implemented yet", aws.service),
        ));
    }
}

/// A region is one label of a host name, as AWS's endpoint rules have it: no list of known regions, which would be out
/// of date. The FIPS pseudo-regions (`fips-us-east-1`, `us-east-1-fips`) are labels too.
fn check_region(region: &str, findings: &mut Vec<Finding>) {
    let bytes = region.as_bytes();
    let is_edge = |byte: Option<&u8>| byte.is_some_and(u8::is_ascii_alphanumeric);
    let is_label = bytes.len() <= 63
        && is_edge(bytes.first())
        && is_edge(bytes.last())
        && bytes.iter().all(|b| b.is_ascii_alphanumeric() || *b == b'-');
    if !is_label {
        let text = format!("region not found: {region}");
        findings.push(Finding::invalid("spec.provider.aws.region", text));
    }
}

fn check_deletion(options: &SecretsManagerOptions, findings: &mut Vec<Finding>) {
    let days = options.recovery_window_in_days.unwrap_or_default();
    let mut refuse = |text: &str| {
        let text = format!("invalid DeleteSecretInput: {text}");
        findings.push(Finding::invalid("spec.provider.aws.secretsManager", text));
    };
    if days != 0 && !(7..=30).contains(&days) {
        refuse("recoveryWindowInDays must be 0 or between 7 and 30");
    }
    if days != 0 && options.force_delete_without_recovery == Some(true) {
        refuse("recoveryWindowInDays must not be set with forceDeleteWithoutRecovery");
    }
}

/// A SecretStore stays in its namespace, or it could be used to read what its author may not.
fn check_namespaces(store: &StoreObject, aws: &AwsProvider, findings: &mut Vec<Finding>) {
    if store.kind == StoreKind::ClusterSecretStore {
        return;
    }
    let own = store.metadata.namespace.as_deref().unwrap_or_default();
    for (field, namespace) in named_namespaces(aws) {
        if !namespace.is_empty() && namespace != own {
            findings.push(Finding::invalid(
                format!("spec.provider.aws.auth.{field}.namespace"),
                format!("a SecretStore may refer to its own namespace {own:?} only, not to {namespace:?}"),
            ));
        }
    }
}

fn named_namespaces(aws: &AwsProvider) -> impl Iterator<Item = (&'static str, &str)> {
    let auth = aws.auth.as_ref();
    let keys = auth.and_then(|auth| auth.secret_ref.as_ref());
    let account = auth
        .and_then(|auth| auth.jwt.as_ref())
        .and_then(|jwt| jwt.service_account_ref.as_ref());
    let selectors = [
        (
            "secretRef.accessKeyIDSecretRef",
            keys.and_then(|keys| keys.access_key_id.as_ref()),
        ),
        (
            "secretRef.secretAccessKeySecretRef",
            keys.and_then(|keys| keys.secret_access_key.as_ref()),
        ),
        (
            "secretRef.sessionTokenSecretRef",
            keys.and_then(|keys| keys.session_token.as_ref()),
        ),
    ];
    let secrets = selectors
        .into_iter()
        .filter_map(|(field, key)| Some((field, key?.namespace.as_deref()?)));
    let account = account.and_then(|account| account.namespace.as_deref());
    secrets.chain(account.map(|namespace| ("jwt.serviceAccountRef", namespace)))
}

/// A shorter interval would ask the API server and STS without pause.
const SHORTEST_INTERVAL: Duration = Duration::from_secs(10);

/// A number means seconds, a text is a Go duration, and zero the operator's default. A number without a unit in a text
/// is refused: it would not be clear what it means. What is shorter than [`SHORTEST_INTERVAL`] is that long.
fn refresh_interval(interval: Option<&RefreshInterval>) -> Result<Option<Duration>, String> {
    let interval = match interval {
        None => return Ok(None),
        Some(RefreshInterval::Seconds(seconds)) => match u64::try_from(*seconds) {
            Ok(seconds) => Duration::from_secs(seconds),
            Err(_) => return Err(format!("must not be negative: {seconds}")),
        },
        Some(RefreshInterval::Text(text)) => {
            let parsed = gotext::duration::parse(text).map_err(|e| e.to_string())?;
            parsed
                .to_std()
                .ok_or_else(|| format!("must not be negative: {text}"))?
        }
    };
    Ok(Some(interval)
        .filter(|interval| !interval.is_zero())
        .map(|interval| interval.max(SHORTEST_INTERVAL)))
}

#[cfg(test)]
mod tests;
