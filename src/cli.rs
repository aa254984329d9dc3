//! The command line: what is typed becomes settings that hold. The only place that reads the environment.

use std::{collections::BTreeSet, net::SocketAddr, path::PathBuf, time::Duration};

use clap::{Args, Parser, Subcommand};

use crate::{
    aws,
    operator::{
        config::{Config, DEFAULT_CLASS},
        lease,
    },
    sync::{apply::Adoption, spec::Rules, template::Delimiters},
    telemetry::logging::{Format, Level},
};

/// Keeps Kubernetes Secrets equal to AWS Secrets Manager and SSM Parameter Store.
#[derive(Debug, Parser)]
#[command(name = "keyferry", version, args_conflicts_with_subcommands = true)]
pub struct Cli {
    #[command(subcommand)]
    command: Option<Command>,
    #[command(flatten)]
    run: Run,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Run the operator (the default).
    Run(Box<Run>),
    /// Compare what each ExternalSecret would give with the Secret that is there. Writes nothing and shows no value.
    Plan(Box<Plan>),
    /// Move from External Secrets Operator: see docs/migrate-from-eso.md.
    Migrate(Box<Migrate>),
    /// Print the CRDs as YAML, or write them to a folder, one file each.
    Crds {
        /// The folder.
        #[arg(long)]
        dir: Option<PathBuf>,
        /// Write their fields as Markdown to this file as well.
        #[arg(long, value_name = "FILE")]
        reference: Option<PathBuf>,
    },
}

/// `keyferry plan`
#[derive(Args, Debug)]
pub struct Plan {
    /// ExternalSecrets as NAMESPACE/NAME; without any, all that the operator would serve.
    pub objects: Vec<String>,
    /// What the operator runs with.
    #[command(flatten)]
    pub run: Run,
}

/// `keyferry migrate`
#[derive(Args, Debug)]
#[command(group(clap::ArgGroup::new("what").required(true).args(["check", "release_finalizers"])))]
pub struct Migrate {
    /// Say for each object what keyferry would do with it, and what stands in the way. Writes nothing.
    #[arg(long)]
    pub check: bool,
    /// Show the finalizers that ESO left; with --yes, remove them.
    #[arg(long)]
    pub release_finalizers: bool,
    /// Remove them.
    #[arg(long, requires = "release_finalizers")]
    pub yes: bool,
    /// What the operator runs with.
    #[command(flatten)]
    pub run: Run,
}

impl Cli {
    /// The command that was asked for.
    pub fn command(self) -> Command {
        self.command.unwrap_or_else(|| Command::Run(Box::new(self.run)))
    }
}

/// Flags of the operator. Those of ESO keep their spelling and their meaning.
#[derive(Args, Debug)]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of its own")]
pub struct Run {
    /// The kubeconfig to use; left out, the cluster that the operator runs in, or the usual kubeconfig.
    #[arg(long, value_name = "FILE")]
    pub kubeconfig: Option<PathBuf>,
    /// Where metrics are served.
    #[arg(long, default_value = ":8080", value_parser = address)]
    pub metrics_addr: SocketAddr,
    /// Where /healthz and /readyz are served.
    #[arg(long, default_value = ":8082", value_parser = address)]
    pub live_addr: SocketAddr,
    /// How much is logged.
    #[arg(long, value_enum, default_value_t, ignore_case = true)]
    pub loglevel: Level,
    /// How logs look.
    #[arg(long, value_enum, default_value_t)]
    pub log_format: Format,
    /// Stores are served whose spec.controller is this; the class `default` also serves stores that name none.
    #[arg(long, default_value = DEFAULT_CLASS)]
    pub controller_class: String,
    /// Serve these namespaces only, separated by commas, and no cluster-wide kind. Roles in them are then enough.
    #[arg(long, value_name = "NAMES", value_delimiter = ',', value_parser = namespace)]
    pub namespace: Vec<String>,
    /// Serve ClusterSecretStores.
    #[arg(long, default_value = "true", num_args = 0..=1, default_missing_value = "true", action = clap::ArgAction::Set)]
    pub enable_cluster_store_reconciler: bool,
    /// Serve SecretStores.
    #[arg(long, default_value = "true", num_args = 0..=1, default_missing_value = "true", action = clap::ArgAction::Set)]
    pub enable_secret_store_reconciler: bool,
    /// Serve ClusterExternalSecrets; without meaning where only some namespaces are served.
    #[arg(long, default_value = "true", num_args = 0..=1, default_missing_value = "true", action = clap::ArgAction::Set)]
    pub enable_cluster_external_secret_reconciler: bool,
    /// Objects wait until their store is Ready.
    #[arg(long, default_value = "true", num_args = 0..=1, default_missing_value = "true", action = clap::ArgAction::Set)]
    pub enable_flood_gate: bool,
    /// How often stores are validated.
    #[arg(long, default_value = "5m", value_parser = duration)]
    pub store_requeue_interval: Duration,
    /// When a Secret that keyferry did not write may be taken over.
    #[arg(long, value_enum, default_value_t)]
    pub adopt: Adoption,
    /// Watch target Secrets and repair them; without it no list, watch and get on them is needed.
    #[arg(long, default_value = "true", num_args = 0..=1, default_missing_value = "true", action = clap::ArgAction::Set)]
    pub drift_watch: bool,
    /// Watch the ConfigMaps and Secrets that templates are taken from, while some object names one, and render anew when
    /// one changes; without it, objects follow at their next refresh.
    #[arg(long, default_value = "true", num_args = 0..=1, default_missing_value = "true", action = clap::ArgAction::Set)]
    pub template_watch: bool,
    /// What begins an action in templates.
    #[arg(long, default_value = "{{", value_parser = clap::builder::NonEmptyStringValueParser::new())]
    pub template_left_delimiter: String,
    /// What ends an action in templates.
    #[arg(long, default_value = "}}", value_parser = clap::builder::NonEmptyStringValueParser::new())]
    pub template_right_delimiter: String,
    /// Let ExternalSecrets write other kinds than Secret, by spec.target.manifest: see docs/generic-targets.md.
    #[arg(long, default_value = "false", num_args = 0..=1, default_missing_value = "true", action = clap::ArgAction::Set)]
    pub unsafe_allow_generic_targets: bool,
    /// Metrics with a series for each object.
    #[arg(long, default_value = "true", num_args = 0..=1, default_missing_value = "true", action = clap::ArgAction::Set)]
    pub object_metrics: bool,
    /// How long running syncs may go on after SIGTERM.
    #[arg(long, default_value = "20s", value_parser = duration)]
    pub grace_period: Duration,
    /// Name of the cluster: role sessions are then named after cluster, namespace and store.
    #[arg(long)]
    pub cluster_name: Option<String>,
    /// Whether reads of one identity travel together where its role allows it.
    #[arg(long, value_enum, default_value_t)]
    pub aws_batch: AwsBatch,
    /// Calls a second that the account allows, where its quota was raised: `GetParameter=1000`; may be repeated.
    #[arg(long, value_name = "API=RATE", value_parser = quota)]
    pub aws_quota: Vec<(String, u32)>,
    #[command(flatten)]
    leader_election: LeaderElection,
    #[command(flatten)]
    environment: Environment,
    #[command(flatten)]
    accepted: Accepted,
}

/// More replicas than one need a Lease that says which of them works.
#[derive(Args, Debug)]
struct LeaderElection {
    /// Work only while holding a Lease; needed with more than one replica.
    #[arg(long = "enable-leader-election", default_value = "false", num_args = 0..=1, default_missing_value = "true", action = clap::ArgAction::Set)]
    enabled: bool,
    /// Name of the Lease, in the namespace that the operator runs in.
    #[arg(long = "leader-election-id", value_name = "NAME", default_value = "keyferry")]
    id: String,
    /// How long a holder that was not heard of keeps the Lease.
    #[arg(long = "leader-election-lease-duration", default_value = "15s", value_parser = duration)]
    lease_duration: Duration,
    /// A holder that could not renew for so long stops.
    #[arg(long = "leader-election-renew-deadline", default_value = "10s", value_parser = duration)]
    renew_deadline: Duration,
    /// How often the Lease is renewed, and looked at by those who stand by.
    #[arg(long = "leader-election-retry-period", default_value = "2s", value_parser = duration)]
    retry_period: Duration,
}

impl LeaderElection {
    fn settings(&self) -> Result<Option<lease::Settings>, lease::Invalid> {
        let settings = lease::Settings::new(
            &self.id,
            self.lease_duration,
            self.renew_deadline,
            self.retry_period,
        );
        self.enabled.then_some(settings).transpose()
    }
}

/// Whether reads travel together.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum AwsBatch {
    /// Where the role allows it.
    #[default]
    Auto,
    /// Never.
    Off,
}

/// What AWS's SDKs and ESO read from the environment.
#[derive(Args, Debug)]
struct Environment {
    /// Endpoint of Secrets Manager.
    #[arg(long, env = "AWS_SECRETSMANAGER_ENDPOINT", hide = true)]
    secretsmanager_endpoint: Option<String>,
    /// Endpoint of Systems Manager.
    #[arg(long, env = "AWS_SSM_ENDPOINT", hide = true)]
    ssm_endpoint: Option<String>,
    /// Endpoint of the token service.
    #[arg(long, env = "AWS_STS_ENDPOINT", hide = true)]
    sts_endpoint: Option<String>,
    /// Endpoint of ECR.
    #[arg(long, env = "AWS_ECR_ENDPOINT", hide = true)]
    ecr_endpoint: Option<String>,
    /// Endpoint of ECR Public.
    #[arg(long, env = "AWS_ECR_PUBLIC_ENDPOINT", hide = true)]
    ecr_public_endpoint: Option<String>,
    /// Use FIPS endpoints.
    #[arg(long, env = "AWS_USE_FIPS_ENDPOINT", hide = true, default_value = "false", action = clap::ArgAction::Set)]
    use_fips_endpoint: bool,
    /// Certificate authorities for AWS.
    #[arg(long, env = "AWS_CA_BUNDLE", hide = true)]
    ca_bundle: Option<PathBuf>,
    /// The operator's role, injected on EKS.
    #[arg(long, env = "AWS_ROLE_ARN", hide = true)]
    role_arn: Option<String>,
    /// The operator's token, injected on EKS.
    #[arg(long, env = "AWS_WEB_IDENTITY_TOKEN_FILE", hide = true)]
    web_identity_token_file: Option<PathBuf>,
    /// Name of the operator's own session.
    #[arg(long, env = "AWS_ROLE_SESSION_NAME", hide = true)]
    role_session_name: Option<String>,
    /// Name of this replica.
    #[arg(long, env = "HOSTNAME", hide = true, default_value = "keyferry")]
    hostname: String,
}

macro_rules! accepted {
    ($($field:ident $flag:literal,)+) => {
        /// Flags of ESO that mean nothing here. They are accepted, with one warning, so that arguments can be kept.
        #[derive(Args, Debug)]
        struct Accepted {
            $(#[arg(long = $flag, hide = true, num_args = 0..=1, default_missing_value = "true")]
            $field: Option<String>,)+
        }

        impl Accepted {
            fn given(&self) -> Vec<&'static str> {
                let mut given = vec![];
                $(if self.$field.is_some() { given.push($flag); })+
                given
            }
        }
    };
}

accepted! {
    metrics_auth "metrics-auth",
    metrics_secure "metrics-secure",
    metrics_cert_dir "metrics-cert-dir",
    metrics_cert_name "metrics-cert-name",
    metrics_key_name "metrics-key-name",
    concurrent "concurrent",
    client_qps "client-qps",
    client_burst "client-burst",
    zap_time_encoding "zap-time-encoding",
    enable_cluster_push_secret_reconciler "enable-cluster-push-secret-reconciler",
    enable_push_secret_reconciler "enable-push-secret-reconciler",
    enable_secrets_caching "enable-secrets-caching",
    enable_configmaps_caching "enable-configmaps-caching",
    enable_managed_secrets_caching "enable-managed-secrets-caching",
    enable_secret_api_read_on_cache_mismatch "enable-secret-api-read-on-cache-mismatch",
    enable_generator_state "enable-generator-state",
    enable_extended_metric_labels "enable-extended-metric-labels",
    enable_http2 "enable-http2",
    generator_gc_grace_period "generator-gc-grace-period",
    experimental_enable_aws_session_cache "experimental-enable-aws-session-cache",
    enable_vault_token_cache "enable-vault-token-cache",
    vault_token_cache_size "vault-token-cache-size",
}

impl Run {
    /// ESO's flags that were given and mean nothing here.
    pub fn accepted_without_meaning(&self) -> Vec<&'static str> {
        self.accepted.given()
    }

    /// Settings of the operator, or which flags contradict each other.
    pub fn config(&self) -> Result<Config, lease::Invalid> {
        let env = &self.environment;
        let namespaces: BTreeSet<String> = self
            .namespace
            .iter()
            .filter(|name| !name.is_empty())
            .cloned()
            .collect();
        let filled = |text: &Option<String>| text.clone().filter(|text| !text.is_empty());
        Ok(Config {
            controller_class: self.controller_class.clone(),
            secret_stores: self.enable_secret_store_reconciler,
            cluster_stores: self.enable_cluster_store_reconciler && namespaces.is_empty(),
            cluster_external_secrets: self.enable_cluster_external_secret_reconciler && namespaces.is_empty(),
            namespaces,
            flood_gate: self.enable_flood_gate,
            store_requeue_interval: self.store_requeue_interval,
            adopt: self.adopt,
            drift_watch: self.drift_watch,
            template_watch: self.template_watch,
            rules: Rules {
                delimiters: Delimiters {
                    left: self.template_left_delimiter.as_str().into(),
                    right: self.template_right_delimiter.as_str().into(),
                },
                generic_targets: self.unsafe_allow_generic_targets,
            },
            object_metrics: self.object_metrics,
            grace_period: self.grace_period,
            lease: self.leader_election.settings()?,
            instance: env.hostname.clone(),
            aws: aws::Settings {
                endpoints: aws::Endpoints {
                    secrets_manager: filled(&env.secretsmanager_endpoint),
                    ssm: filled(&env.ssm_endpoint),
                    sts: filled(&env.sts_endpoint),
                    ecr: filled(&env.ecr_endpoint),
                    ecr_public: filled(&env.ecr_public_endpoint),
                },
                cluster_name: self.cluster_name.clone(),
                use_fips: env.use_fips_endpoint,
                ca_bundle: env.ca_bundle.clone(),
                web_identity: aws::WebIdentity {
                    role_arn: filled(&env.role_arn),
                    token_file: env.web_identity_token_file.clone(),
                    session_name: filled(&env.role_session_name),
                },
                batch: match self.aws_batch {
                    AwsBatch::Auto => aws::Batch::Auto,
                    AwsBatch::Off => aws::Batch::Off,
                },
                quotas: self.aws_quota.clone(),
                ..aws::Settings::default()
            },
        })
    }
}

/// `host:port`, or `:port` on all addresses, as Go programs take it.
fn address(text: &str) -> Result<SocketAddr, String> {
    let full = if text.starts_with(':') {
        format!("0.0.0.0{text}")
    } else {
        text.replace("localhost", "127.0.0.1")
    };
    full.parse()
        .map_err(|_| format!("{text:?} is not an address such as :8080 or 127.0.0.1:8080"))
}

/// A namespace's name, or nothing, as charts give it where all are served.
fn namespace(text: &str) -> Result<String, String> {
    let name = text.trim();
    let is_name = name.len() <= 63
        && name
            .bytes()
            .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-');
    if is_name {
        Ok(name.to_owned())
    } else {
        Err(format!("{name:?} is not the name of a namespace"))
    }
}

/// `API=RATE`.
fn quota(text: &str) -> Result<(String, u32), String> {
    let (api, rate) = text
        .split_once('=')
        .ok_or_else(|| format!("{text:?} is not API=RATE"))?;
    let rate = rate.parse().ok().filter(|rate| *rate > 0);
    Ok((
        api.to_owned(),
        rate.ok_or_else(|| format!("{text:?} has no rate such as 1000"))?,
    ))
}

/// A Go duration, not negative.
fn duration(text: &str) -> Result<Duration, String> {
    let parsed = gotext::duration::parse(text)
        .ok()
        .and_then(gotext::duration::Duration::to_std);
    parsed.ok_or_else(|| format!("{text:?} is not a duration such as 30s or 5m"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        <Cli as clap::CommandFactory>::command().debug_assert();
    }

    #[test]
    fn flags_are_spelled_as_esos_and_take_go_values() {
        let cli = Cli::try_parse_from([
            "keyferry",
            "--metrics-addr=:9090",
            "--store-requeue-interval=1m30s",
            "--enable-flood-gate=false",
            "--concurrent=5",
            "--client-qps=50",
            "--enable-leader-election",
            "--leader-election-lease-duration=1m",
            "--loglevel=DEBUG",
        ])
        .unwrap();
        let Command::Run(run) = cli.command() else {
            panic!("run is the default")
        };
        assert_eq!(run.metrics_addr, "0.0.0.0:9090".parse().unwrap());
        let config = run.config().unwrap();
        assert_eq!(config.store_requeue_interval, Duration::from_secs(90));
        assert!(!config.flood_gate);
        let minute = Duration::from_mins(1);
        let lease = lease::Settings::new(
            "keyferry",
            minute,
            Duration::from_secs(10),
            Duration::from_secs(2),
        );
        assert_eq!(config.lease, lease.ok());
        assert_eq!(run.accepted_without_meaning(), ["concurrent", "client-qps"]);
    }

    #[test]
    fn each_flag_stands_in_the_documentation_with_its_default() {
        let rows: Vec<_> = include_str!("../docs/operations.md")
            .lines()
            .filter(|line| line.starts_with("| `--"))
            .collect();
        let command = <Cli as clap::CommandFactory>::command();
        let flags = command.get_arguments().filter(|flag| !flag.is_hide_set());
        let mut documented = 0;
        for flag in flags.filter(|flag| !["help", "version"].contains(&flag.get_id().as_str())) {
            let name = format!("| `--{}` |", flag.get_long().unwrap());
            let row = rows.iter().find(|row| row.starts_with(&name));
            let row = row.unwrap_or_else(|| panic!("{name} is missing"));
            for default in flag.get_default_values() {
                let default = format!("| `{}` |", default.to_string_lossy());
                assert!(row.contains(&default), "{row} lacks {default}");
            }
            documented += 1;
        }
        assert_eq!(rows.len(), documented, "a row without a flag");
    }

    #[test]
    fn namespaces_are_named_with_commas_and_none_means_all() {
        let parsed = |flag: &str| {
            let Command::Run(run) = Cli::try_parse_from(["keyferry", flag]).ok()?.command() else {
                return None;
            };
            let config = run.config().ok()?;
            Some((
                config.namespaces.into_iter().collect::<Vec<_>>(),
                config.cluster_stores,
            ))
        };
        assert_eq!(parsed("--namespace="), Some((vec![], true)));
        let two = vec!["a".to_owned(), "b-2".to_owned()];
        assert_eq!(parsed("--namespace=b-2,a,a"), Some((two, false)));
        assert_eq!(parsed("--namespace=a/b"), None);
    }

    #[test]
    fn flags_that_contradict_each_other_are_refused() {
        let flags = [
            "keyferry",
            "--enable-leader-election",
            "--leader-election-renew-deadline=15s",
        ];
        let Command::Run(run) = Cli::try_parse_from(flags).unwrap().command() else {
            panic!("run is the default")
        };
        assert_eq!(run.config().err(), Some(lease::Invalid::RenewDeadline));
    }
}
