"""Corrects what cargo-cyclonedx wrote: sbom.py TARGET FILE.

It goes by everything that Cargo could resolve, and so lists crates that no feature of ours asks for, or that only run while others
are compiled; `cargo tree` knows those that are linked. And it names the folder of the machine that it ran on.
"""

import json
import pathlib
import subprocess
import sys

target, file = sys.argv[1], pathlib.Path(sys.argv[2])
tree = ["cargo", "tree", "--locked", "--package", "keyferry", "--edges", "normal,no-proc-macro", "--target", target, "--prefix", "none"]
lines = subprocess.run(tree, check=True, stdout=subprocess.PIPE, text=True).stdout.splitlines()
# "serde v1.0.228 (proc-macro)"
linked = {tuple(line.split()[:2]) for line in lines if line}

bom = json.loads(file.read_text().replace(f"file://{pathlib.Path.cwd()}", "file:///source"))
bom["components"] = [one for one in bom["components"] if (one["name"], f"v{one['version']}") in linked]
known = {one["bom-ref"] for one in bom["components"]} | {bom["metadata"]["component"]["bom-ref"]}
bom["dependencies"] = [one for one in bom["dependencies"] if one["ref"] in known]
for one in bom["dependencies"]:
    one["dependsOn"] = [ref for ref in one.get("dependsOn", []) if ref in known]
if len(bom["components"]) != len(linked) - 1:
    sys.exit(f"sbom: {len(linked) - 1} crates are linked, and {len(bom['components'])} listed")
file.write_text(json.dumps(bom, indent=2) + "\n")
print(f"sbom: {len(bom['components'])} crates in {file}")
