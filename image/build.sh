#!/bin/sh
# Builds keyferry's image into an archive: image/build.sh [--profile release|e2e] [--tag NAME] OUT.tar [ARCH…]
# ARCH is amd64 or arm64; this machine's if none is given, and several make one archive for all.
#
# Where a Docker engine answers, it follows the Dockerfile. Otherwise cargo and zig compile here, and buildah replaces the
# Dockerfile's stage `build` by the folder with the result. The same commit gives the same binary and layers: times are the
# commit's, paths are cut, versions are locked.
set -eu
cd "$(dirname "$0")/.."

profile=release
version=$(sed -n 's/^version = "\(.*\)"/\1/p' Cargo.toml | head -1)
tag=keyferry:$version
while [ $# -gt 0 ]; do
    case $1 in
        --profile) profile=$2; shift 2 ;;
        --tag) tag=$2; shift 2 ;;
        *) break ;;
    esac
done
out=$1; shift
[ $# -gt 0 ] || set -- "$(uname -m | sed 's/x86_64/amd64/; s/aarch64/arm64/')"
mkdir -p "$(dirname "$out")"
rm -f "$out"

# The real git log where there is one; a source archive has none.
SOURCE_DATE_EPOCH=${SOURCE_DATE_EPOCH:-$(git log -1 --format=%ct 2>/dev/null || echo 0)}
revision=$(git rev-parse HEAD 2>/dev/null || echo unknown)
created=$(date -u -d "@$SOURCE_DATE_EPOCH" +%Y-%m-%dT%H:%M:%SZ)
labels="--label=org.opencontainers.image.version=$version --label=org.opencontainers.image.revision=$revision
    --label=org.opencontainers.image.created=$created"

# What is in it, once it is there; of what is released also the size, and that no folder of this machine is named.
check() {
    bounds=
    [ "$profile" != release ] || bounds="--most 20 --without $PWD/ --without $HOME/"
    # shellcheck disable=SC2086
    python3 image/check.py $bounds "$out" "$@"
    echo "image: $tag for $* in $out"
}

if docker info >/dev/null 2>&1; then
    platforms=$(for arch; do printf 'linux/%s,' "$arch"; done)
    type=oci; [ $# -gt 1 ] || type=docker
    # shellcheck disable=SC2086
    docker buildx build --platform "${platforms%,}" --build-arg "PROFILE=$profile" --build-arg "SOURCE_DATE_EPOCH=$SOURCE_DATE_EPOCH" \
        $labels --tag "$tag" --output "type=$type,dest=$out,rewrite-timestamp=true" .
    check "$@"
    exit
fi

tests/parts/prerequisites.sh cargo python buildah roots

# zig and cargo-zigbuild, in an environment of their own.
zig=${XDG_CACHE_HOME:-$HOME/.cache}/keyferry/zig-$(sha256sum image/requirements.txt | cut -c1-12)
if [ ! -e "$zig/installed" ]; then
    python3 -m venv --clear "$zig"
    "$zig/bin/pip" install --quiet --disable-pip-version-check --requirement image/requirements.txt
    touch "$zig/installed"
fi
PATH=$zig/bin:$PATH
# What is released names no folder of the machine that built it, and no time but the commit's. (C code is compiled anew when
# that time changes, which tests need not wait for.)
if [ "$profile" = release ]; then
    export SOURCE_DATE_EPOCH
    export RUSTFLAGS="--remap-path-prefix=$PWD=/source --remap-path-prefix=${CARGO_HOME:-$HOME/.cargo}=/cargo"
fi

target=${CARGO_TARGET_DIR:-target}
store="--root $target/image/store --runroot $target/image/run --storage-driver vfs"
buildah() { # shellcheck disable=SC2086
    command buildah $store "$@"
}

buildah rmi --all --force >/dev/null 2>&1 || true
[ $# -eq 1 ] || buildah manifest create "$tag" >/dev/null
for arch; do
    case $arch in
        amd64) triple=x86_64-unknown-linux-musl ;;
        arm64) triple=aarch64-unknown-linux-musl ;;
        *) echo "the image is for amd64 and arm64, not for $arch" >&2; exit 1 ;;
    esac
    rustup target list --installed | grep -q "^$triple$" || rustup target add "$triple"
    cargo zigbuild --locked --profile "$profile" --bin keyferry --target "$triple"
    stage=$target/image/linux_$arch
    rm -rf "$stage"; mkdir -p "$stage"
    cp "$target/$triple/$profile/keyferry" "$stage/keyferry"
    cp /etc/ssl/certs/ca-certificates.crt "$stage/ca-certificates.crt"
    name="--tag=$tag"; [ $# -eq 1 ] || name="--manifest=$tag"
    # shellcheck disable=SC2086
    buildah build --quiet --isolation chroot --platform "linux/$arch" --timestamp "$SOURCE_DATE_EPOCH" \
        --build-context "build=$stage" $labels "$name" . >/dev/null
done
if [ $# -eq 1 ]; then
    buildah push --quiet "$tag" "oci-archive:$out:$tag"
else
    buildah manifest push --quiet --all "$tag" "oci-archive:$out:$tag"
fi
check "$@"
