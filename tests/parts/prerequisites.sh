#!/bin/sh
# Says in one line what this machine lacks and how to get it, and fails then: prerequisites.sh cargo cc go python
# The Makefile asks for all of them before it starts anything; the crate asks again for what it is about to use.
# What only packages of the distribution have (buildah, promtool, a node's tools) is installed where that is possible: by apt,
# as root.
here=$(dirname "$0")

# from_package COMMAND PACKAGE…
from_package() {
    command -v "$1" >/dev/null && return
    missing=$1; shift
    if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
        echo "installing $*" >&2
        { apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -qq --yes --no-install-recommends "$@"; } >/dev/null 2>&1
    fi
    command -v "$missing" >/dev/null || lacking "$missing" "apt-get install $*"
}

lacking() {
    echo "keyferry needs $1: $2" >&2
    exit 1
}

for need in "$@"; do
    case $need in
        cargo)
            command -v cargo >/dev/null ||
                lacking "Rust (cargo)" "install it as https://rustup.rs says; rust-toolchain.toml picks the version" ;;
        cc)
            command -v cc >/dev/null ||
                lacking "a C compiler (cc)" "apt-get install gcc libc6-dev, dnf install gcc, or xcode-select --install" ;;
        go)
            # Ready-made binaries need no Go.
            if [ -x "${KUBEBUILDER_ASSETS:-/nonexistent}/etcd" ] && [ -x "$KUBEBUILDER_ASSETS/kube-apiserver" ] &&
                [ -x "$KUBEBUILDER_ASSETS/kubectl" ]; then continue; fi
            # Go's own answer in the module's folder: an older one may fetch the right toolchain by itself.
            (cd "$here/go/control-plane" && go env GOVERSION) >/dev/null 2>&1 ||
                lacking "Go 1.26 or newer" "install it as https://go.dev/doc/install says, or set KUBEBUILDER_ASSETS to a folder with etcd, kube-apiserver and kubectl" ;;
        python)
            python3 -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 10))' >/dev/null 2>&1 ||
                lacking "Python 3.10 or newer with venv" "apt-get install python3 python3-venv, or https://www.python.org/downloads" ;;
        promtool)
            from_package promtool prometheus ;;
        buildah)
            from_package buildah buildah ;;
        roots)
            [ -f /etc/ssl/certs/ca-certificates.crt ] || from_package update-ca-certificates ca-certificates ;;
        node)
            # A cluster of one's own needs root; a Docker engine or a kubeconfig does without.
            [ "$(id -u)" = 0 ] || lacking "root for a node of its own" "run as root, start Docker and install kind, or set E2E_KUBECONFIG"
            from_package ip iproute2
            from_package nft nftables
            from_package conntrack conntrack
            from_package runc runc
            from_package unshare util-linux ;;
        busybox)
            from_package busybox busybox-static ;;
    esac
done
