//! The Go programs of the control plane, of a node, and helm: taken from `KUBEBUILDER_ASSETS`, else from the cache, else built into it.
//!
//! They are built by name with the ordinary Go client from the modules in `go/`, whose `go.sum` pins every byte. The
//! versions are read from those modules and stand nowhere else.

use std::fmt::Write as _;
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use crate::cache::{self, BuildLock, CacheError, say};

/// How often a build that prints nothing else says that it is alive.
const PROGRESS: Duration = Duration::from_secs(10);

/// A program that [`locate`] can find or build.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Binary {
    Etcd,
    KubeApiserver,
    Kubectl,
    KubeControllerManager,
    KubeScheduler,
    Kubelet,
    KubeProxy,
    Containerd,
    ContainerdShim,
    Ctr,
    CniBridge,
    CniHostLocal,
    CniLoopback,
    CniPortmap,
    Helm,
}

impl Binary {
    pub const ALL: [Self; 15] = [
        Self::Etcd,
        Self::KubeApiserver,
        Self::Kubectl,
        Self::KubeControllerManager,
        Self::KubeScheduler,
        Self::Kubelet,
        Self::KubeProxy,
        Self::Containerd,
        Self::ContainerdShim,
        Self::Ctr,
        Self::CniBridge,
        Self::CniHostLocal,
        Self::CniLoopback,
        Self::CniPortmap,
        Self::Helm,
    ];

    /// What the tests and the demo need.
    pub const CONTROL_PLANE: [Self; 3] = [Self::Etcd, Self::KubeApiserver, Self::Kubectl];

    /// The plugins that connect the Pods of a node; they lie in one folder.
    pub const CNI: [Self; 4] = [
        Self::CniBridge,
        Self::CniHostLocal,
        Self::CniLoopback,
        Self::CniPortmap,
    ];

    /// The file's name, as in `KUBEBUILDER_ASSETS`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Etcd => "etcd",
            Self::KubeApiserver => "kube-apiserver",
            Self::Kubectl => "kubectl",
            Self::KubeControllerManager => "kube-controller-manager",
            Self::KubeScheduler => "kube-scheduler",
            Self::Kubelet => "kubelet",
            Self::KubeProxy => "kube-proxy",
            Self::Containerd => "containerd",
            Self::ContainerdShim => "containerd-shim-runc-v2",
            Self::Ctr => "ctr",
            Self::CniBridge => "bridge",
            Self::CniHostLocal => "host-local",
            Self::CniLoopback => "loopback",
            Self::CniPortmap => "portmap",
            Self::Helm => "helm",
        }
    }

    /// The other way round.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|binary| binary.name() == name)
    }

    fn module(self) -> Module {
        match self {
            Self::Etcd => Module {
                what: "etcd",
                folder: "go/etcd",
                go_mod: include_str!("../go/etcd/go.mod"),
                file: "go/etcd/go.mod",
                path: "go.etcd.io/etcd/server/v3",
            },
            Self::Containerd | Self::ContainerdShim | Self::Ctr => Module {
                what: "containerd",
                folder: "go/containerd",
                go_mod: include_str!("../go/containerd/go.mod"),
                file: "go/containerd/go.mod",
                path: "github.com/containerd/containerd/v2",
            },
            Self::CniBridge | Self::CniHostLocal | Self::CniLoopback | Self::CniPortmap => Module {
                what: "cni",
                folder: "go/cni",
                go_mod: include_str!("../go/cni/go.mod"),
                file: "go/cni/go.mod",
                path: "github.com/containernetworking/plugins",
            },
            Self::Helm => Module {
                what: "helm",
                folder: "go/helm",
                go_mod: include_str!("../go/helm/go.mod"),
                file: "go/helm/go.mod",
                path: "helm.sh/helm/v4",
            },
            _ => Module {
                what: "kubernetes",
                folder: "go/control-plane",
                go_mod: include_str!("../go/control-plane/go.mod"),
                file: "go/control-plane/go.mod",
                path: "k8s.io/kubernetes",
            },
        }
    }

    fn package(self) -> String {
        let module = self.module().path;
        let name = self.name();
        match self {
            Self::Etcd => module.to_owned(),
            Self::CniBridge | Self::CniLoopback => format!("{module}/plugins/main/{name}"),
            Self::CniHostLocal => format!("{module}/plugins/ipam/{name}"),
            Self::CniPortmap => format!("{module}/plugins/meta/{name}"),
            _ => format!("{module}/cmd/{name}"),
        }
    }

    /// Whether it says its version by the variables that Kubernetes has for that.
    fn is_of_kubernetes(self) -> bool {
        self.module().what == "kubernetes"
    }
}

struct Module {
    what: &'static str,
    folder: &'static str,
    go_mod: &'static str,
    file: &'static str,
    path: &'static str,
}

impl Module {
    /// `v1.36.3`, from the one `require` line of the module.
    fn version(&self) -> Result<&'static str, CacheError> {
        self.go_mod
            .lines()
            .filter_map(|line| line.trim().trim_start_matches("require ").strip_prefix(self.path))
            .find_map(|rest| {
                rest.strip_prefix(' ')?
                    .split_whitespace()
                    .next()
                    .filter(|v| v.starts_with('v'))
            })
            .ok_or(CacheError::NoVersion {
                file: self.file,
                module: self.path,
            })
    }
}

/// The path of `binary`, which is built first when it is nowhere. The first build of a control plane takes minutes and
/// reports its progress on stderr.
pub async fn locate(binary: Binary) -> Result<PathBuf, CacheError> {
    tokio::task::spawn_blocking(move || find_or_build(binary))
        .await
        .map_err(|_| CacheError::Interrupted)?
}

fn find_or_build(binary: Binary) -> Result<PathBuf, CacheError> {
    if let Some(assets) = std::env::var_os("KUBEBUILDER_ASSETS") {
        let given = Path::new(&assets).join(binary.name());
        if given.is_file() {
            return Ok(given);
        }
    }
    let module = binary.module();
    let folder = cache::folder(module.what, module.version()?)?;
    let path = folder.join(binary.name());
    if path.is_file() {
        return Ok(path);
    }
    let lock = BuildLock::take(&folder)?;
    // Another builder may have finished while this one waited for the lock.
    if !path.is_file() {
        build(binary, &module, &path)?;
    }
    drop(lock);
    Ok(path)
}

fn build(binary: Binary, module: &Module, path: &Path) -> Result<(), CacheError> {
    cache::require("go")?;
    let name = binary.name();
    let version = module.version()?;
    say(&format!(
        "building {name} {version} once, into {}",
        path.display()
    ));
    let started = Instant::now();
    let unfinished = path.with_extension("unfinished");
    let packages = count_packages(binary, module);
    let mut command = go(module);
    command.args([
        "build",
        "-v",
        "-trimpath",
        "-mod=readonly",
        "-ldflags",
        &linker_flags(binary, version),
    ]);
    command.arg("-o").arg(&unfinished).arg(binary.package());
    run(&mut command, &format!("building {name}"), packages)?;
    std::fs::rename(&unfinished, path).map_err(|source| CacheError::Folder {
        path: path.to_owned(),
        source,
    })?;
    say(&format!("{name} is built ({} s)", started.elapsed().as_secs()));
    Ok(())
}

fn go(module: &Module) -> Command {
    let mut command = Command::new("go");
    command.current_dir(cache::source_folder().join(module.folder));
    // Static programs: they run in the bare file systems of the end-to-end tests too.
    command.env("CGO_ENABLED", "0");
    command
}

/// Without these, `kubectl version` and `/version` would claim v0.0.0.
fn linker_flags(binary: Binary, version: &str) -> String {
    let mut flags = "-s -w".to_owned();
    if binary.is_of_kubernetes() {
        let mut numbers = version.trim_start_matches('v').split('.');
        let package = "k8s.io/component-base/version";
        for (variable, value) in [
            ("gitVersion", Some(version)),
            ("gitMajor", numbers.next()),
            ("gitMinor", numbers.next()),
        ] {
            // Writing to a String cannot fail.
            write!(flags, " -X {package}.{variable}={}", value.unwrap_or_default()).ok();
        }
    }
    flags
}

/// For "n of m" in the progress only, so a failure here is left to the build to report.
fn count_packages(binary: Binary, module: &Module) -> Option<usize> {
    let output = go(module)
        .args(["list", "-deps", "-mod=readonly"])
        .arg(binary.package())
        .output()
        .ok()?;
    Some(
        output
            .stdout
            .split(|byte| *byte == b'\n')
            .filter(|line| !line.is_empty())
            .count(),
    )
}

/// Runs a `go build -v`, which prints a line for each package, and condenses that to a line now and then.
fn run(command: &mut Command, what: &str, packages: Option<usize>) -> Result<(), CacheError> {
    let could_not = |source| CacheError::Run {
        program: "go".to_owned(),
        source,
    };
    let mut child = command
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(could_not)?;
    let mut lines = Vec::new();
    let mut said = Instant::now();
    if let Some(stderr) = child.stderr.take() {
        for line in BufReader::new(stderr).lines() {
            lines.push(line.map_err(could_not)?);
            if said.elapsed() >= PROGRESS {
                said = Instant::now();
                let of = packages.map(|all| format!(" of {all}")).unwrap_or_default();
                say(&format!("{what}: {}{of} packages", lines.len()));
            }
        }
    }
    if child.wait().map_err(could_not)?.success() {
        return Ok(());
    }
    let from = lines.len().saturating_sub(20);
    Err(CacheError::Failed {
        what: what.to_owned(),
        output: lines.split_off(from).join("\n"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_come_from_the_go_modules() {
        let kubernetes = Binary::KubeApiserver.module().version().unwrap();
        assert!(kubernetes.starts_with("v1."), "{kubernetes}");
        assert!(Binary::Etcd.module().version().unwrap().starts_with("v3."));
    }

    #[test]
    fn every_binary_is_declared_as_a_tool_of_its_module() {
        for binary in Binary::ALL {
            let package = binary.package();
            let declared = binary
                .module()
                .go_mod
                .lines()
                .any(|line| line.trim().trim_start_matches("tool ") == package);
            assert!(declared, "{package}");
        }
    }
}
