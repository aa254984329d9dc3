//! The command lines of etcd and kube-apiserver.

use std::net::Ipv4Addr;
use std::path::Path;

use super::{Authorization, Fairness, Options};

/// No fsync: nothing here outlives the process, and tests share slow disks.
pub(super) fn etcd(folder: &Path, client_port: u16, peer_port: u16) -> Vec<String> {
    let client = format!("http://127.0.0.1:{client_port}");
    let peer = format!("http://127.0.0.1:{peer_port}");
    vec![
        "--unsafe-no-fsync".to_owned(),
        "--log-level=warn".to_owned(),
        "--name=parts".to_owned(),
        format!("--data-dir={}", folder.join("etcd").display()),
        format!("--listen-client-urls={client}"),
        format!("--advertise-client-urls={client}"),
        format!("--listen-peer-urls={peer}"),
        format!("--initial-advertise-peer-urls={peer}"),
        format!("--initial-cluster=parts={peer}"),
        // A benchmark's history of 10,000 objects exceeds the default of 2 GiB only if it is never compacted; room anyway.
        "--quota-backend-bytes=4294967296".to_owned(),
    ]
}

pub(super) fn apiserver(folder: &Path, options: &Options, port: u16, etcd_port: u16) -> Vec<String> {
    let in_folder = |name: &str| folder.join(name).display().to_string();
    let mut arguments = vec![
        format!("--etcd-servers=http://127.0.0.1:{etcd_port}"),
        format!("--secure-port={port}"),
        format!("--cert-dir={}", in_folder("certs")),
        "--service-cluster-ip-range=10.96.0.0/24".to_owned(),
        format!("--token-auth-file={}", in_folder("tokens.csv")),
        "--service-account-issuer=https://kubernetes.default.svc".to_owned(),
        format!("--service-account-key-file={}", in_folder("service-account.pub")),
        format!(
            "--service-account-signing-key-file={}",
            in_folder("service-account.key")
        ),
        "--profiling=false".to_owned(),
    ];
    let address = options.for_a_node.unwrap_or(Ipv4Addr::LOCALHOST);
    arguments.push(format!("--bind-address={address}"));
    arguments.push(format!("--advertise-address={address}"));
    arguments.extend(if options.for_a_node.is_some() {
        [
            "--kubelet-preferred-address-types=InternalIP".to_owned(),
            "--allow-privileged".to_owned(),
        ]
    } else {
        [
            // The endpoint of the Service `kubernetes` may not be a loopback address, and no Pod looks for it.
            "--endpoint-reconciler-type=none".to_owned(),
            // It waits for a controller that would make default ServiceAccounts.
            "--disable-admission-plugins=ServiceAccount".to_owned(),
        ]
    });
    arguments.push(match options.authorization {
        Authorization::AlwaysAllow => "--authorization-mode=AlwaysAllow".to_owned(),
        Authorization::Rbac => "--authorization-mode=RBAC".to_owned(),
    });
    if options.owners_are_checked {
        arguments.push("--enable-admission-plugins=OwnerReferencesPermissionEnforcement".to_owned());
    }
    match options.fairness {
        Fairness::On => {}
        Fairness::Off => arguments.extend(limits(0)),
        Fairness::Limit(limit) => arguments.extend(limits(limit)),
        Fairness::Seats(seats) => arguments.extend(in_flight(seats)),
    }
    if options.audit {
        arguments.push(format!("--audit-policy-file={}", in_folder("audit-policy.json")));
        arguments.push(format!("--audit-log-path={}", in_folder("audit.log")));
        // Marks are places in one file, which must not be rotated away.
        arguments.push("--audit-log-maxsize=100000".to_owned());
    }
    arguments
}

/// The older limit on requests in flight; 0 is none.
fn limits(limit: u32) -> impl Iterator<Item = String> {
    std::iter::once("--enable-priority-and-fairness=false".to_owned()).chain(in_flight(limit))
}

fn in_flight(limit: u32) -> [String; 2] {
    ["max-requests-inflight", "max-mutating-requests-inflight"].map(|flag| format!("--{flag}={limit}"))
}
