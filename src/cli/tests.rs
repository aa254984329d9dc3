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
    assert_eq!(run.metrics_addr, Listen::Everywhere(9090));
    let config = run.config().unwrap();
    assert_eq!(config.store_requeue_interval, Some(Duration::from_secs(90)));
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
    let rows: Vec<_> = include_str!("../../docs/operations.md")
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

/// The settings of these arguments.
fn config(arguments: &[&str]) -> Config {
    let arguments = std::iter::once("keyferry").chain(arguments.iter().copied());
    let Command::Run(run) = Cli::try_parse_from(arguments).unwrap().command() else {
        panic!("run is the default")
    };
    run.config().unwrap()
}

#[test]
fn what_runs_with_eso_starts_here_too() {
    let parsed = |arguments: &[&str]| {
        let arguments = std::iter::once("keyferry").chain(arguments.iter().copied());
        match Cli::try_parse_from(arguments).unwrap().command() {
            Command::Run(run) => run,
            _ => panic!("run is the default"),
        }
    };
    assert_eq!(parsed(&["--metrics-addr=0"]).metrics_addr, Listen::Nowhere);
    for level in ["fatal", "PANIC", "dpanic"] {
        assert_eq!(parsed(&[&format!("--loglevel={level}")]).loglevel, Level::Error);
    }
    for (text, wanted) in [
        ("1", true),
        ("T", true),
        ("TRUE", true),
        ("f", false),
        ("False", false),
    ] {
        assert_eq!(
            config(&[&format!("--enable-flood-gate={text}")]).flood_gate,
            wanted
        );
    }
    assert!(Cli::try_parse_from(["keyferry", "--enable-flood-gate=yes"]).is_err());
    assert_eq!(
        config(&["--store-requeue-interval=0"]).store_requeue_interval,
        None
    );
    assert_eq!(config(&["--cluster-name="]).aws.cluster_name, None);
}

#[test]
fn every_switch_takes_gos_truth_values() {
    let command = <Cli as clap::CommandFactory>::command();
    let is_switch = |flag: &&clap::Arg| {
        let defaults = flag.get_default_values();
        !flag.is_hide_set()
            && defaults
                .iter()
                .any(|default| default == "true" || default == "false")
    };
    let switches: Vec<_> = command.get_arguments().filter(is_switch).collect();
    assert!(switches.len() > 8, "{switches:?}");
    for switch in switches {
        let name = switch.get_long().unwrap();
        let taken = |text: &str| Cli::try_parse_from(["keyferry", &format!("--{name}={text}")]).is_ok();
        assert!(
            ["1", "T", "TRUE", "0", "f", "False"].into_iter().all(taken),
            "{name}"
        );
        assert!(!taken("yes"), "{name}");
    }
    for (text, wanted) in [("1", true), ("T", true), ("0", false), ("F", false)] {
        let allowed = config(&[&format!("--unsafe-allow-generic-targets={text}")]);
        assert_eq!(allowed.rules.generic_targets, wanted, "{text}");
    }
}

#[test]
fn what_the_environment_sets_to_nothing_counts_as_not_set() {
    // The variables are read through these flags.
    let empty = config(&[
        "--use-fips-endpoint=",
        "--ca-bundle=",
        "--web-identity-token-file=",
        "--role-arn=",
        "--sts-endpoint=",
    ])
    .aws;
    assert!(!empty.use_fips);
    assert_eq!(empty.ca_bundle, None);
    assert_eq!(empty.web_identity.token_file, None);
    assert_eq!(empty.web_identity.role_arn, None);
    assert_eq!(empty.endpoints.sts, None);
    for text in ["TRUE", "true", "1"] {
        assert!(config(&[&format!("--use-fips-endpoint={text}")]).aws.use_fips);
    }
}
