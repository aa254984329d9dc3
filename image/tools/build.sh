#!/bin/sh
# The image that the Pods of the end-to-end tests run, from this machine's static busybox: image/tools/build.sh OUT.tar
set -eu
cd "$(dirname "$0")"
out=$(cd "$OLDPWD" && realpath "$1")
tag=keyferry-e2e.local/tools:1
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cp "$(command -v busybox)" "$folder/busybox"
if docker info >/dev/null 2>&1; then
    docker buildx build --quiet --build-context "build=$folder" --tag "$tag" --output "type=docker,dest=$out" . >/dev/null
else
    store="--root $folder/store --runroot $folder/run --storage-driver vfs"
    rm -f "$out"
    # shellcheck disable=SC2086
    buildah $store build --quiet --isolation chroot --build-context "build=$folder" --tag "$tag" . >/dev/null
    # shellcheck disable=SC2086
    buildah $store push --quiet "$tag" "oci-archive:$out:$tag"
fi
