"""Looks into an image that image/build.sh wrote: check.py [--most MB] [--without FOLDER]… ARCHIVE ARCH…

Each architecture must hold one static binary for it and the certificate authorities, nothing else, and be run as 65532. What is
pulled may not be larger than --most, and the binary may not name the folders of the machine that built it. Prints sizes and
digest.
"""

import argparse
import gzip
import io
import json
import struct
import sys
import tarfile

FILES = {"keyferry", "etc/ssl/certs/ca-certificates.crt"}
MACHINES = {"amd64": 62, "arm64": 183}  # ELF's e_machine
LABELS = ["title", "description", "licenses", "version", "revision", "created"]
INTERPRETER = 3  # ELF's PT_INTERP, which only dynamic binaries have


def check(holds, text):
    if not holds:
        sys.exit(f"image: {text}")


def is_static(binary):
    """Whether no header of a 64 bit ELF file asks for an interpreter."""
    start, size, count = struct.unpack_from("<Q", binary, 32) + struct.unpack_from("<HH", binary, 54)
    kinds = {struct.unpack_from("<I", binary, start + at * size)[0] for at in range(count)}
    return INTERPRETER not in kinds


def contents(layers):
    """The files of all layers, by name, and what else there is but folders."""
    found = {}
    for layer in layers:
        layer = gzip.decompress(layer) if layer[:2] == b"\x1f\x8b" else layer
        with tarfile.open(fileobj=io.BytesIO(layer)) as tar:
            for entry in tar:
                if not entry.isdir():
                    found[entry.name.lstrip("./")] = (entry, tar.extractfile(entry).read() if entry.isreg() else b"")
    return found


def main():
    arguments = argparse.ArgumentParser()
    arguments.add_argument("--most", type=float, default=float("inf"))
    arguments.add_argument("--without", action="append", default=[])
    arguments.add_argument("archive")
    arguments.add_argument("arch", nargs="+")
    arguments = arguments.parse_args()
    with tarfile.open(arguments.archive) as tar:
        files = {entry.name: tar.extractfile(entry).read() for entry in tar if entry.isreg()}

    def blob(descriptor):
        return files["blobs/" + descriptor["digest"].replace(":", "/")]

    index = json.loads(files["index.json"])["manifests"]
    check(len(index) == 1, "the archive holds several images")
    digest, top = index[0]["digest"], json.loads(blob(index[0]))
    if "manifests" in top:
        # BuildKit puts attestations beside the platforms.
        platforms = [one for one in top["manifests"] if one["platform"]["architecture"] != "unknown"]
        manifests = [json.loads(blob(one)) for one in platforms]
    else:
        manifests = [top]
    found = []
    for manifest in manifests:
        config = json.loads(blob(manifest["config"]))
        arch, run = config["architecture"], config["config"]
        found.append(arch)
        check(run.get("User") == "65532:65532", f"{arch} runs as {run.get('User')}")
        check(run.get("Entrypoint") == ["/keyferry"], f"{arch} starts {run.get('Entrypoint')}")
        for label in LABELS:
            check(run.get("Labels", {}).get(f"org.opencontainers.image.{label}"), f"{arch} has no label {label}")
        layers = [blob(layer) for layer in manifest["layers"]]
        held = contents(layers)
        check(set(held) == FILES, f"{arch} holds {sorted(held)}, not {sorted(FILES)}")
        entry, binary = held["keyferry"]
        check(entry.mode & 0o7777 == 0o755, f"{arch}: the binary's mode is {entry.mode:o}")
        check(binary[:4] == b"\x7fELF" and struct.unpack_from("<H", binary, 18)[0] == MACHINES[arch], f"{arch}: another machine's")
        check(is_static(binary), f"{arch}: the binary is not static")
        for folder in arguments.without:
            check(folder.encode() not in binary, f"{arch}: the binary names {folder}, a folder of the machine that built it")
        check(b"BEGIN CERTIFICATE" in held["etc/ssl/certs/ca-certificates.crt"][1], f"{arch} has no certificate authorities")
        pulled, unpacked = sum(map(len, layers)) / 1e6, sum(len(data) for _, data in held.values()) / 1e6
        check(pulled <= arguments.most, f"{arch} is {pulled:.1f} MB to pull, more than {arguments.most:g}")
        print(f"image: {arch}: {pulled:.1f} MB to pull, {unpacked:.1f} MB unpacked, the binary {len(binary) / 1e6:.1f} MB")
    check(sorted(found) == sorted(arguments.arch), f"it is for {sorted(found)}, not for {sorted(arguments.arch)}")
    print(f"image: {digest}")


main()
