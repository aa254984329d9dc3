# Each target is what a person would type; `make` alone lists them.
.DEFAULT_GOAL := help
TARGET := $(or $(CARGO_TARGET_DIR),target)
CACHE := $(or $(XDG_CACHE_HOME),$(HOME)/.cache)/keyferry
DENY := $(CACHE)/cargo-deny-0.20.2/bin/cargo-deny

.PHONY: help
help: ## this list
	@sed -n 's/^\([a-z0-9-]*\):.*## /\1\t/p' Makefile

.PHONY: demo
demo: ready ## the main job on real parts, in front of your eyes; KEEP=1 leaves it up
	cargo build --locked --bin keyferry
	cargo run --locked --quiet -p keyferry-parts --bin demo -- $(if $(KEEP),--keep) $(TARGET)/debug/keyferry

.PHONY: test
test: ready ## every test, the ones against a real kube-apiserver and moto included
	cargo run --locked --quiet -p keyferry-parts --bin build-parts
	cargo test --locked --workspace
	KEYFERRY_TEST_CRDS=eso cargo test --locked -p keyferry --test it

.PHONY: oracle
oracle: ## compare gotext with real Go: text/template, regexp, time, sprig and gjson; ORACLE="-seconds 600 random" for more
	@tests/parts/prerequisites.sh cargo cc go
	cargo build --locked -p gotext --example answer
	cd crates/gotext/oracle && go run . -answer $(abspath $(TARGET))/debug/examples/answer $(or $(ORACLE),-seconds 60 tables random)

.PHONY: check
check: $(DENY) ## format, lints, licences, banned crates, sources
	cargo fmt --all --check
	cargo clippy --locked --workspace --all-targets -- -D warnings
	$(DENY) --locked check bans licenses sources

.PHONY: advisories
advisories: $(DENY) ## known holes in crates; needs the advisory database on the internet
	$(DENY) --locked check advisories

.PHONY: crds
crds: ## write crds/*.yaml anew from the types in src/api
	cargo run --locked --quiet --bin keyferry -- crds --dir crds

.PHONY: bench
bench: ready ## time, CPU, memory and calls beside what the machine allows; BENCH="--scenario cold --objects 2000" for less
	cargo build --locked --release --bin keyferry
	cargo run --locked --release --quiet -p keyferry-parts --bin bench -- $(BENCH) $(TARGET)/release/keyferry

.PHONY: soak
soak: ## refreshes, rotations and failures for MINUTES (10): memory, threads and connections stay as they are
	$(MAKE) bench BENCH="--scenario soak --minutes $(or $(MINUTES),10) --results $(TARGET)/soak $(BENCH)"

.PHONY: parts
parts: ready ## build etcd, kube-apiserver and kubectl, install moto: what demo and test use
	cargo run --locked --quiet -p keyferry-parts --bin build-parts

# One line that names what is missing, before anything is built.
.PHONY: ready
ready:
	@tests/parts/prerequisites.sh cargo cc go python

$(DENY):
	@tests/parts/prerequisites.sh cargo cc
	cargo install --locked --debug --root $(CACHE)/cargo-deny-0.20.2 cargo-deny@0.20.2
