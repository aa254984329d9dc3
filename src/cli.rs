//! The command line: what is typed becomes settings that hold. The only place that reads the environment.

mod parse;

use std::{collections::BTreeSet, path::PathBuf, time::Duration};

use clap::{Args, Parser, Subcommand};

use self::parse::{address, boolean, boolean_or_nothing, duration, namespace, quota};
use crate::{
    aws,
    operator::{
        config::{Config, DEFAULT_CLASS},
        lease,
    },
    sync::{apply::Adoption, spec::Rules, template::Delimiters},
    telemetry::{
        admin::Listen,
        logging::{Format, Level},
    },
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
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of its own")]
#[command(group(clap::ArgGroup::new("what").required(true).args(["check", "release_finalizers", "restore_hashes"])))]
pub struct Migrate {
    /// Say for each object what keyferry would do with it, and what stands in the way. Writes nothing.
    #[arg(long)]
    pub check: bool,
    /// Show the finalizers that ESO left; with --yes, remove them.
    #[arg(long)]
    pub release_finalizers: bool,
    /// Before going back to ESO: show the Secrets that lack its hash of their data; with --yes, put it on them, so that ESO
    /// leaves them as they are. Reads the values of these Secrets.
    #[arg(long)]
    pub restore_hashes: bool,
    /// Do it.
    #[arg(long, conflicts_with = "check")]
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
    /// Where metrics are served; 0 for nowhere.
    #[arg(long, default_value = ":8080", value_parser = address)]
    pub metrics_addr: Listen,
    /// Where /healthz and /readyz are served; 0 for nowhere.
    #[arg(long, default_value = ":8082", value_parser = address)]
    pub live_addr: Listen,
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
    #[arg(long, default_value = "true", num_args = 0..=1, default_missing_value = "true", action = clap::ArgAction::Set, value_parser = boolean)]
    pub enable_cluster_store_reconciler: bool,
    /// Serve SecretStores.
    #[arg(long, default_value = "true", num_args = 0..=1, default_missing_value = "true", action = clap::ArgAction::Set, value_parser = boolean)]
    pub enable_secret_store_reconciler: bool,
    /// Serve ClusterExternalSecrets; without meaning where only some namespaces are served.
    #[arg(long, default_value = "true", num_args = 0..=1, default_missing_value = "true", action = clap::ArgAction::Set, value_parser = boolean)]
    pub enable_cluster_external_secret_reconciler: bool,
    /// Objects wait until their store is Ready.
    #[arg(long, default_value = "true", num_args = 0..=1, default_missing_value = "true", action = clap::ArgAction::Set, value_parser = boolean)]
    pub enable_flood_gate: bool,
    /// How often stores are validated that do not say so themselves; 0 for only when they change.
    #[arg(long, default_value = "5m", value_parser = duration)]
    pub store_requeue_interval: Duration,
    /// When a Secret that keyferry did not write may be taken over.
    #[arg(long, value_enum, default_value_t)]
    pub adopt: Adoption,
    /// Watch target Secrets and repair them; without it no list, watch and get on them is needed.
    #[arg(long, default_value = "true", num_args = 0..=1, default_missing_value = "true", action = clap::ArgAction::Set, value_parser = boolean)]
    pub drift_watch: bool,
    /// Watch the ConfigMaps and Secrets that templates are taken from, while some object names one, and render anew when
    /// one changes; without it, objects follow at their next refresh.
    #[arg(long, default_value = "true", num_args = 0..=1, default_missing_value = "true", action = clap::ArgAction::Set, value_parser = boolean)]
    pub template_watch: bool,
    /// What begins an action in templates.
    #[arg(long, default_value = "{{", value_parser = clap::builder::NonEmptyStringValueParser::new())]
    pub template_left_delimiter: String,
    /// What ends an action in templates.
    #[arg(long, default_value = "}}", value_parser = clap::builder::NonEmptyStringValueParser::new())]
    pub template_right_delimiter: String,
    /// Let ExternalSecrets write other kinds than Secret, by spec.target.manifest: see docs/generic-targets.md.
    #[arg(long, default_value = "false", num_args = 0..=1, default_missing_value = "true", action = clap::ArgAction::Set, value_parser = boolean)]
    pub unsafe_allow_generic_targets: bool,
    /// Metrics with a series for each object.
    #[arg(long, default_value = "true", num_args = 0..=1, default_missing_value = "true", action = clap::ArgAction::Set, value_parser = boolean)]
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
    #[arg(long = "enable-leader-election", default_value = "false", num_args = 0..=1, default_missing_value = "true", action = clap::ArgAction::Set, value_parser = boolean)]
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

/// What AWS's SDKs and ESO read from the environment; what is set to nothing counts as not set.
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
    #[arg(long, env = "AWS_USE_FIPS_ENDPOINT", hide = true, default_value = "false", action = clap::ArgAction::Set, value_parser = boolean_or_nothing)]
    use_fips_endpoint: bool,
    /// Certificate authorities for AWS.
    #[arg(long, env = "AWS_CA_BUNDLE", hide = true)]
    ca_bundle: Option<String>,
    /// The operator's role, injected on EKS.
    #[arg(long, env = "AWS_ROLE_ARN", hide = true)]
    role_arn: Option<String>,
    /// The operator's token, injected on EKS.
    #[arg(long, env = "AWS_WEB_IDENTITY_TOKEN_FILE", hide = true)]
    web_identity_token_file: Option<String>,
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

    /// The namespaces that are served; none for all.
    pub fn served(&self) -> BTreeSet<String> {
        let named = self.namespace.iter().filter(|name| !name.is_empty());
        named.cloned().collect()
    }

    /// Settings of the operator, or which flags contradict each other.
    pub fn config(&self) -> Result<Config, lease::Invalid> {
        let env = &self.environment;
        let namespaces = self.served();
        let filled = |text: &Option<String>| text.clone().filter(|text| !text.is_empty());
        Ok(Config {
            controller_class: self.controller_class.clone(),
            secret_stores: self.enable_secret_store_reconciler,
            cluster_stores: self.enable_cluster_store_reconciler && namespaces.is_empty(),
            cluster_external_secrets: self.enable_cluster_external_secret_reconciler && namespaces.is_empty(),
            namespaces,
            flood_gate: self.enable_flood_gate,
            store_requeue_interval: Some(self.store_requeue_interval).filter(|interval| !interval.is_zero()),
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
                cluster_name: filled(&self.cluster_name),
                use_fips: env.use_fips_endpoint,
                ca_bundle: filled(&env.ca_bundle).map(PathBuf::from),
                web_identity: aws::WebIdentity {
                    role_arn: filled(&env.role_arn),
                    token_file: filled(&env.web_identity_token_file).map(PathBuf::from),
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

#[cfg(test)]
mod tests;
