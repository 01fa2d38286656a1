# What people and CI run. `make` lists the targets.

SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c

KIMAGE := $(abspath $(or $(CARGO_TARGET_DIR),target))/release/kimage
export KIMAGE
# Made once a machine.
DENY := $(or $(XDG_CACHE_HOME),$(HOME)/.cache)/kimage-ci/cargo-deny

# What Debian 12 needs beside git, make, Rust and Go: a C compiler for crates, then what prepares bases, then what boots
# images, then what judges them.
BUILD_PACKAGES := gcc libc6-dev
BASE_PACKAGES := mmdebstrap grub-common grub-pc-bin grub-efi-amd64-bin
BOOT_PACKAGES := qemu-system-x86 qemu-utils ovmf
TEST_PACKAGES := acl e2fsprogs gdisk dosfstools mtools fdisk openssl gawk nginx-light libnginx-mod-stream haproxy keepalived docker-registry libdevmapper1.02.1 policycoreutils python3-minimal netplan.io selinux-policy-default selinux-utils shellcheck skopeo strace systemd time xz-utils zstd
SUDO := $(if $(filter 0,$(shell id -u)),,sudo)

# Installs the packages that are missing.
define install
	@missing=(); for package in $(1); do \
	  [[ $$(dpkg-query -W -f '$${db:Status-Status}' $$package 2>/dev/null) == installed ]] || missing+=($$package); done; \
	if (($${#missing[@]})); then echo "installing $${missing[*]}"; \
	  $(SUDO) apt-get update -qq; \
	  DEBIAN_FRONTEND=noninteractive $(SUDO) apt-get install -y -qq --no-install-recommends $${missing[@]} >/dev/null; fi
endef

.PHONY: help build mirror base demo docker test test-full lint unit outputs guests bench packages test-packages

help: ## List the targets.
	@sed -n 's/^\([a-z-]*\):.*## /  make \1\t/p' $(MAKEFILE_LIST) | expand -t 20

packages:
	$(call install,$(BUILD_PACKAGES) $(BASE_PACKAGES) $(BOOT_PACKAGES))

test-packages: packages
	$(call install,$(TEST_PACKAGES))

build: ## Build kimage into target/release.
	$(call install,$(BUILD_PACKAGES))
	cargo build --release --locked

mirror: ## Make the tests' mirror of upstream releases, and print its folder last.
	@qemu-tests/mirror/build

base: packages build ## Prepare the Debian 12 base.
	@$(KIMAGE) base list | grep '^debian-12 *prepared' >/dev/null || $(KIMAGE) base build debian-12

demo: base ## Build a master and a worker, boot them, show both Ready. UPSTREAM=1 takes upstream's releases.
	@qemu-tests/demo

lint: test-packages ## Format, clippy, licences, shell scripts.
	cargo fmt --check
	cargo clippy --release --all-targets --locked -- -D warnings
	[[ -x $(DENY)/bin/cargo-deny ]] || cargo install --quiet --locked --root $(DENY) cargo-deny@0.20.2
	$(DENY)/bin/cargo-deny --log-level error check licenses bans sources
	shellcheck -x -P SCRIPTDIR .ci/run qemu-tests/{run,demo,bench,outputs,phase} qemu-tests/mirror/{build,pin}
	for script in overlays/*/usr/local/lib/kimage/*; do sed -e '/^{#-/,/-#}/d' -e '/^ *{%/d' -e 's,{{[^}]*}},/some:/value,g' "$$script" | shellcheck -; done

# A real Docker for tests to ask. It is not installed: its package would start a daemon.
DOCKER := $(or $(XDG_CACHE_HOME),$(HOME)/.cache)/kimage-ci/docker

docker:
	[[ -x $(DOCKER)/usr/sbin/dockerd ]] || (rm -rf $(DOCKER) && mkdir -p $(DOCKER) && cd $(DOCKER) && \
	  apt-get download -qq docker.io containerd runc && for package in *.deb; do dpkg-deb -x $$package .; rm $$package; done)

# Minors whose programs the facts must be held against. Elsewhere those are taken that the mirror has, two at least.
test-full: export KIMAGE_TEST_MINORS := 15 24 28 31 34 36
test-full: MIRROR_FLAGS := --facts

unit: test-packages docker build
	KIMAGE_TEST_MIRROR="$$(qemu-tests/mirror/build $(MIRROR_FLAGS) | tail -n 1)" KIMAGE_TEST_DOCKER=$(DOCKER) cargo test --release --locked

outputs: test-packages base
	qemu-tests/outputs

guests: export KIMAGE_TEST_PATIENCE ?= 3
guests: test-packages base ## Boot the scenarios of qemu-tests that fit into CI's time.
	qemu-tests/run

test: lint unit outputs guests ## Everything that CI runs.

test-full: export KIMAGE_TEST_PATIENCE ?= 3
test-full: lint unit outputs ## The same, with every scenario of qemu-tests: about two hours.
	qemu-tests/run $(patsubst qemu-tests/scenarios/%.sh,%,$(wildcard qemu-tests/scenarios/*.sh))

bench: test-packages base ## Compare with tar and mke2fs, with a plain copy, and a second node with the first.
	@qemu-tests/bench
