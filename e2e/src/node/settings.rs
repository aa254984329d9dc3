//! The settings of containerd, kubelet and the Pods' network.

use std::io;
use std::path::Path;

use serde_json::json;

use super::ADDRESS;

/// A bridge without a way out.
pub(super) const POD_NETWORK: &str = r#"{
  "cniVersion": "1.0.0",
  "name": "pods",
  "plugins": [
    {
      "type": "bridge",
      "bridge": "cni0",
      "isGateway": true,
      "ipMasq": false,
      "hairpinMode": true,
      "ipam": {
        "type": "host-local",
        "ranges": [[{ "subnet": "10.244.0.0/24" }]],
        "routes": [{ "dst": "0.0.0.0/0" }]
      }
    },
    { "type": "portmap", "capabilities": { "portMappings": true } }
  ]
}
"#;

/// `restrict_oom_score_adj`: where this process may not lower its own, a container's must not be lower either.
pub(super) fn containerd(folder: &Path, cni: &Path) -> String {
    format!(
        r#"version = 3
root = "{folder}/containerd"
state = "{folder}/run"
[grpc]
address = "{folder}/containerd.sock"
[plugins."io.containerd.internal.v1.opt"]
path = "{folder}/opt"
[plugins."io.containerd.cri.v1.images".pinned_images]
sandbox = "keyferry-e2e.local/tools:1"
[plugins."io.containerd.cri.v1.runtime"]
restrict_oom_score_adj = true
[plugins."io.containerd.cri.v1.runtime".cni]
bin_dirs = ["{cni}"]
conf_dir = "{folder}/net.d"
"#,
        folder = folder.display(),
        cni = cni.display(),
    )
}

pub(super) fn kubelet(folder: &Path, group: &str) -> String {
    json!({
        "apiVersion": "kubelet.config.k8s.io/v1beta1",
        "kind": "KubeletConfiguration",
        "failCgroupV1": false,
        "cgroupDriver": "cgroupfs",
        "cgroupRoot": format!("/{group}"),
        "containerRuntimeEndpoint": format!("unix://{}/containerd.sock", folder.display()),
        "authentication": { "anonymous": { "enabled": true }, "webhook": { "enabled": false } },
        "authorization": { "mode": "AlwaysAllow" },
        "failSwapOn": false,
        "enforceNodeAllocatable": [],
        // The disk of the machine is nobody's business here.
        "evictionHard": { "memory.available": "1Mi", "nodefs.available": "0%", "imagefs.available": "0%" },
        "imageGCHighThresholdPercent": 100,
        "address": ADDRESS,
        "podCIDR": "10.244.0.0/24",
        "resolvConf": "",
        // How soon a Pod sees that its Secret changed.
        "syncFrequency": "2s",
        "podLogsDir": folder.join("pods").display().to_string(),
    })
    .to_string()
}

/// The kubelet makes what is below its root, not the root. There is a tree for each controller where the kernel's first
/// version of control groups is used, else one.
pub(super) fn make_control_group(name: &str) -> io::Result<()> {
    let base = Path::new("/sys/fs/cgroup");
    if base.join("cgroup.controllers").is_file() {
        return std::fs::create_dir_all(base.join(name));
    }
    for entry in std::fs::read_dir(base)? {
        let tree = entry?.path();
        if tree.join("cgroup.procs").is_file() {
            std::fs::create_dir_all(tree.join(name))?;
            for file in ["cpuset.cpus", "cpuset.mems"] {
                // A new one has none, and what has none cannot run.
                if let Ok(of_parent) = std::fs::read(tree.join(file)) {
                    std::fs::write(tree.join(name).join(file), of_parent)?;
                }
            }
        }
    }
    Ok(())
}
