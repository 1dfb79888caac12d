# Everything starts here: `make run` and `make test` do all the set-up themselves.
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DELETE_ON_ERROR:
.ONESHELL:
# Projects share intermediate files: two compilers at once would trip over each other.
.NOTPARALLEL:
MAKEFLAGS += --no-print-directory --no-builtin-rules

NAME ?= keelson/baseimage
VERSION ?= $(shell sed -n 's:.*<Version>\(.*\)</Version>.*:\1:p' Directory.Build.props)
BASE_IMAGE ?= ubuntu:24.04
export NAME VERSION BASE_IMAGE
export DOTNET_NOLOGO := 1
export DOTNET_CLI_TELEMETRY_OPTOUT := 1
export DOTNET_CLI_UI_LANGUAGE := en

PUBLISH := dotnet publish -c Release --nologo -v quiet -clp:ErrorsOnly
PUBLISH_INPUTS := build/sources Directory.Build.props Directory.Packages.props global.json src/Pid1.props src/StaticBinary.props src/EarlyMask.cs src/EarlyLimits.cs src/SkipLocalsInit.cs src/BannedSymbols.txt
sources = $(shell find $(1) -type f \( -name '*.cs' -o -name '*.csproj' \) -not -path '*/bin/*' -not -path '*/obj/*')

.PHONY: help
help: ## this list
	@echo "Keelson $(VERSION). Targets:"
	awk -F':.*## ' '/^[a-z][a-z -]*:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' Makefile
	echo "Variables: NAME=$(NAME) VERSION=$(VERSION) BASE_IMAGE=$(BASE_IMAGE)"

.PHONY: run
run: image build/host/keelson-host ## build the image, boot memcached in it, kill it, watch it come back, stop it
	@eval "$$(tools/engine up)"
	tools/build-image example
	build/host/keelson-host demo --image "$(NAME)-memcached:$(VERSION)"

.PHONY: shell
shell: image ## an interactive shell in the image
	@eval "$$(tools/engine up)"
	exec docker run --rm -it "$(NAME):$(VERSION)" /sbin/my_init -- bash -l

.PHONY: build image
build image: build/keelson ## build the image NAME:VERSION from BASE_IMAGE
	@eval "$$(tools/engine up)"
	tools/build-image base

.PHONY: engine
engine: ## find or start a Docker engine; prints the export line to evaluate
	@tools/engine up

.PHONY: engine-stop
engine-stop: ## end the private engine that `make engine` started
	@tools/engine down

.PHONY: check
check: lint ## format, analyzers, unit tests (under a minute)
	@tools/run-tests Keelson.Supervision.Tests Keelson.Init.Tests Keelson.Commands.Tests

.PHONY: lint
lint: build/prerequisites
	@tools/check

.PHONY: test
test: lint image build/probe/keelson-probe build/fallback/keelson ## all tests; ends with their totals
	@eval "$$(tools/engine up)"
	tools/build-image example
	tools/run-tests

.PHONY: bench
bench: build/keelson build/bench/restart-bench ## measure against the peers (bench/README.md)
	@bench/run

.PHONY: clean
clean: ## remove what was built, but not the engine and its images
	@find . -type d \( -name bin -o -name obj -o -name TestResults \) -not -path './build/*' -prune -exec rm -rf {} +
	rm -rf build/keelson build/publish build/probe build/fallback build/host build/bench build/context.* build/sbom build/prerequisites build/sources build/test-totals

# The list of the sources: a file that was removed counts as a change too.
.PHONY: always
build/sources: always
	@mkdir -p build
	find src bench tests/Keelson.TestProbe -type f \( -name '*.cs' -o -name '*.csproj' \) -not -path '*/bin/*' -not -path '*/obj/*' | sort >$@.new
	if cmp -s $@.new $@; then rm $@.new; else mv $@.new $@; fi

build/prerequisites: tools/prerequisites
	@tools/prerequisites
	mkdir -p build
	touch $@

build/keelson: $(PUBLISH_INPUTS) $(call sources,src/Keelson src/Keelson.Commands src/Keelson.Init src/Keelson.Linux src/Keelson.Supervision) | build/prerequisites
	@tools/step "compiling build/keelson" $(PUBLISH) src/Keelson -o build/publish
	install -m 755 build/publish/keelson $@

build/probe/keelson-probe: $(PUBLISH_INPUTS) $(call sources,tests/Keelson.TestProbe src/Keelson.Linux) | build/prerequisites
	@tools/step "compiling the probe of the tests" $(PUBLISH) tests/Keelson.TestProbe -o build/probe
	touch $@

# The product without its early signal mask, to test that it copes.
build/fallback/keelson: build/keelson
	@tools/step "compiling the binary without early mask" $(PUBLISH) src/Keelson -p:EarlyMask=false --artifacts-path build/fallback/artifacts -o build/fallback
	touch $@

build/bench/restart-bench: $(PUBLISH_INPUTS) $(call sources,bench src/Keelson.Init src/Keelson.Linux src/Keelson.Supervision) | build/prerequisites
	@tools/step "compiling the restart benchmark" $(PUBLISH) bench/Keelson.RestartBench -o build/bench
	touch $@

build/host/keelson-host: build/sources Directory.Build.props Directory.Packages.props $(call sources,src/Keelson.Host) | build/prerequisites
	@tools/step "compiling the host tool" $(PUBLISH) src/Keelson.Host -o build/host
	touch $@
