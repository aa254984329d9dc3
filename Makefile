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
	cargo build --locked --release -p gotext --example answer
	cd crates/gotext/oracle && go run . -answer $(abspath $(TARGET))/release/examples/answer $(or $(ORACLE),-seconds 60)

.PHONY: check
check: $(DENY) ## format, lints, licences, banned crates, sources
	cargo fmt --all --check
	cargo clippy --locked --workspace --all-targets -- -D warnings
	$(DENY) --locked check bans licenses sources

.PHONY: lint
lint: ## workflows, shell scripts, CloudFormation, Terraform and policies of IAM, by the linters of each
	@tests/parts/prerequisites.sh go python
	tests/lint/run.sh $(CACHE)/lint

.PHONY: advisories
advisories: $(DENY) ## known holes in crates; needs the advisory database on the internet
	$(DENY) --locked check advisories

.PHONY: crds
crds: ## write crds/*.yaml and docs/reference.md anew from the types in src/api
	cargo run --locked --quiet --bin keyferry -- crds --dir crds --reference docs/reference.md

.PHONY: bench
bench: ready ## time, CPU, memory and calls beside what the machine allows; BENCH="--scenario cold --objects 2000" for less
	cargo build --locked --release --bin keyferry
	cargo run --locked --release --quiet -p keyferry-parts --bin bench -- $(BENCH) $(TARGET)/release/keyferry

.PHONY: soak
soak: ## refreshes, rotations and failures for MINUTES (10): memory, threads and connections stay as they are
	$(MAKE) bench BENCH="--scenario soak --minutes $(or $(MINUTES),10) --results $(TARGET)/soak $(BENCH)"

.PHONY: chart
chart: ready ## lint and render the chart in every mode, try its schema, fire its alerts in promtool
	@tests/parts/prerequisites.sh promtool
	cargo test --locked -p keyferry-e2e --test chart

.PHONY: image
image: ready ## the image as an OCI archive in target/keyferry.tar; ARCH="amd64 arm64" for both
	image/build.sh $(TARGET)/keyferry.tar $(ARCH)

CYCLONEDX := $(CACHE)/cargo-cyclonedx-0.5.9/bin/cargo-cyclonedx
.PHONY: sbom
sbom: $(CYCLONEDX) ## what is in the image, as CycloneDX, in target/keyferry.cdx.json
	SOURCE_DATE_EPOCH=$$(git log -1 --format=%ct 2>/dev/null || echo 0) $(CYCLONEDX) cyclonedx --manifest-path Cargo.toml --format json \
		--spec-version 1.5 --target x86_64-unknown-linux-musl --override-filename keyferry.cdx
	mv keyferry.cdx.json $(TARGET)/keyferry.cdx.json
	rm -f crates/*/keyferry.cdx.json tests/parts/keyferry.cdx.json e2e/keyferry.cdx.json
	python3 image/sbom.py x86_64-unknown-linux-musl $(TARGET)/keyferry.cdx.json

E2E_IMAGE := keyferry-e2e.local/keyferry:e2e
.PHONY: e2e
e2e: e2e-images ## image and chart on a real kubelet: E2E_KUBECONFIG, kind, or a node of its own; E2E="a first" for one case, KEEP=1 leaves it up
	@[ -n "$$E2E_KUBECONFIG" ] || { docker info && kind version; } >/dev/null 2>&1 || tests/parts/prerequisites.sh node
	@tests/parts/prerequisites.sh promtool
	cargo run --locked --quiet -p keyferry-e2e -- --image $(TARGET)/e2e-keyferry.tar --tools $(TARGET)/e2e-tools.tar \
		--report $(TARGET)/e2e-report $(if $(KEEP),--keep) $(if $(E2E),"$(E2E)")

.PHONY: e2e-images
e2e-images: ready ## what e2e puts into a cluster: load them yourself into that of E2E_KUBECONFIG, see docs/development.md
	@docker info >/dev/null 2>&1 || tests/parts/prerequisites.sh buildah
	@tests/parts/prerequisites.sh busybox
	image/build.sh --profile e2e --tag $(E2E_IMAGE) $(TARGET)/e2e-keyferry.tar
	image/tools/build.sh $(TARGET)/e2e-tools.tar

.PHONY: parts
parts: ready ## build etcd, kube-apiserver and kubectl, install moto: what demo and test use
	cargo run --locked --quiet -p keyferry-parts --bin build-parts

# One line that names what is missing, before anything is built.
.PHONY: ready
ready:
	@tests/parts/prerequisites.sh cargo cc go python

$(CYCLONEDX):
	@tests/parts/prerequisites.sh cargo cc
	cargo install --locked --debug --root $(CACHE)/cargo-cyclonedx-0.5.9 cargo-cyclonedx@0.5.9

$(DENY):
	@tests/parts/prerequisites.sh cargo cc
	cargo install --locked --debug --root $(CACHE)/cargo-deny-0.20.2 cargo-deny@0.20.2
