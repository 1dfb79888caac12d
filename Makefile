# Everything starts here: `make run` and `make test` do all the set-up themselves.
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DELETE_ON_ERROR:
.ONESHELL:
# Projects share intermediate files: two compilers at once would trip over each other.
.NOTPARALLEL:
MAKEFLAGS += --no-print-directory --no-builtin-rules

NAME ?= keelson/baseimage
# Which processor the image is for: linux/amd64 or linux/arm64. Without it, this machine's.
HERE := $(if $(filter aarch64 arm64,$(shell uname -m)),arm64,amd64)
PLATFORM ?= linux/$(HERE)
ARCH := $(notdir $(PLATFORM))
VERSION ?= $(shell sed -n 's:.*<Version>\(.*\)</Version>.*:\1:p' Directory.Build.props)
BASE_IMAGE ?= ubuntu:24.04
export NAME VERSION BASE_IMAGE
# In the environment MSBuild would take it for its own property of that name.
unexport PLATFORM
export DOTNET_NOLOGO := 1
export DOTNET_CLI_TELEMETRY_OPTOUT := 1
export DOTNET_CLI_UI_LANGUAGE := en

PUBLISH := dotnet publish -c Release --nologo -v quiet -clp:ErrorsOnly
# The compiler and linker of another processor, and where what they make is kept.
$(if $(filter linux/amd64 linux/arm64,$(PLATFORM)),,$(error PLATFORM is $(PLATFORM), and can be linux/amd64 or linux/arm64))
TRIPLE := $(if $(filter arm64,$(ARCH)),aarch64,x86_64)-linux-gnu
CROSS := -r linux-$(if $(filter arm64,$(ARCH)),arm64,x64) -p:CppCompilerAndLinker=$(TRIPLE)-gcc -p:ObjCopyName=$(TRIPLE)-objcopy --artifacts-path build/$(ARCH)/artifacts
BINARY := $(if $(filter $(HERE),$(ARCH)),build/keelson,build/$(ARCH)/keelson)
ARCHITECTURE := $(ARCH)
export BINARY ARCHITECTURE
PUBLISH_INPUTS := build/sources Directory.Build.props Directory.Packages.props global.json src/Pid1.props src/StaticBinary.props src/EarlyMask.cs src/EarlyLimits.cs src/SkipLocalsInit.cs src/BannedSymbols.txt
sources = $(shell find $(1) -type f \( -name '*.cs' -o -name '*.csproj' \) -not -path '*/bin/*' -not -path '*/obj/*')

.PHONY: help
help: ## this list
	@echo "Keelson $(VERSION). Targets:"
	awk -F':.*## ' '/^[a-z][a-z0-9_ -]*:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' Makefile
	echo "Variables: NAME=$(NAME) VERSION=$(VERSION) BASE_IMAGE=$(BASE_IMAGE) PLATFORM=$(PLATFORM)"

.PHONY: run
run: image build/host/keelson ## build the image, boot memcached in it, kill it, watch it come back, stop it
	@eval "$$(tools/engine up)"
	tools/build-image example memcached
	build/host/keelson demo --image "$(NAME)-memcached:$(VERSION)"

.PHONY: shell
shell: image ## an interactive shell in the image
	@eval "$$(tools/engine up)"
	exec docker run --rm -it "$(NAME):$(VERSION)" /sbin/my_init -- bash -l

.PHONY: build image
build image: $(BINARY) ## build the image NAME:VERSION from BASE_IMAGE, for PLATFORM
	@[ $(ARCH) = $(HERE) ] || tools/emulator $(ARCH)
	eval "$$(tools/engine up)"
	tools/build-image base

.PHONY: tag_latest
tag_latest: ## give the image NAME:VERSION the name NAME:latest too
	@eval "$$(tools/engine up)"
	docker tag "$(NAME):$(VERSION)" "$(NAME):latest"

.PHONY: release
release: tag_latest ## push NAME:VERSION and NAME:latest for all processors, if tests, tag and changelog are right
	@eval "$$(tools/engine up)"
	tools/release push

.PHONY: ssh
ssh: build/host/keelson ## log in to a container of NAME:VERSION with SSH; starts one where none runs
	@eval "$$(tools/engine up)"
	container=$$(docker ps -q --filter "ancestor=$(NAME):$(VERSION)" --filter label=org.keelson.ssh | head -n 1)
	if [ -z "$$container" ]; then
	  container=$$(docker run -d --rm --label org.keelson.ssh "$(NAME):$(VERSION)" /sbin/my_init --enable-insecure-key)
	  trap 'docker stop "$$container" >/dev/null' EXIT
	fi
	build/host/docker-ssh "$$container"

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
test: lint examples release-artefacts build/probe/keelson-probe build/fallback/keelson build/faults/keelson build/host/keelson ## all tests; ends with their totals
	@eval "$$(tools/engine up)"
	KEELSON_SECOND_IMAGE=$$(tools/build-image second)
	export KEELSON_SECOND_IMAGE
	tools/run-tests
	# For `make release`.
	git rev-parse HEAD >build/test-commit 2>/dev/null || rm -f build/test-commit

.PHONY: examples
examples: image ## the images of all examples: NAME-EXAMPLE:VERSION
	@eval "$$(tools/engine up)"
	tools/build-image example

.PHONY: overlay
overlay: $(BINARY) ## build/overlay/*.tar.xz: makes a Keelson image of any base, for PLATFORM
	@tools/overlay

.PHONY: release-artefacts
release-artefacts: image overlay build/host/keelson ## build/release: overlays, host tools, bills of materials and SHA256SUMS
	@tools/release-artefacts

.PHONY: tools
tools: build/host/keelson ## the host tools: docker-ssh, docker-bash, keelson; install-tools.sh installs them

.PHONY: tool
tool: build/prerequisites ## the host tools as a .NET tool, for systems other than Linux
	@tools/step "packing the .NET tool" dotnet pack src/Keelson.Host -c Release --nologo -v quiet -clp:ErrorsOnly -p:PackAsTool=true --artifacts-path build/tool/artifacts -o build/tool

# On an amd64 machine, with QEMU. Tests that need what the emulator lacks are left out; each says what (NotEmulated).
.PHONY: test-arm64
test-arm64: lint ## the binary and the image for arm64, emulated: not part of `make test`
	@$(MAKE) image build/arm64/probe/keelson-probe build/arm64/fallback/keelson PLATFORM=linux/arm64
	eval "$$(tools/engine up)"
	tools/try-image "$(NAME):$(VERSION)-arm64" aarch64
	export KEELSON_EMULATED=1 KEELSON_BINARY="$(CURDIR)/build/arm64/keelson" KEELSON_PROBE="$(CURDIR)/build/arm64/probe/keelson-probe" KEELSON_FALLBACK="$(CURDIR)/build/arm64/fallback/keelson"
	tools/run-tests Keelson.System.Tests

SECONDS ?= 60
.PHONY: fuzz
fuzz: build/prerequisites ## fuzz everything that reads what others write, each SECONDS=60 long, guided by coverage
	@tools/step "building the fuzz targets" dotnet build tests/Keelson.Fuzz -c Debug --nologo -v quiet -clp:ErrorsOnly
	tools/fuzz "$(SECONDS)"

MINUTES ?= 60
.PHONY: soak
soak: build/keelson build/probe/keelson-probe ## all storms at once, MINUTES=60 long: fails when anything grows; bench/results/soak.svg
	@bench/soak "$(MINUTES)"

.PHONY: bench
bench: build/keelson build/bench/restart-bench ## measure against the peers (bench/README.md)
	@bench/run
	bench/peers

.PHONY: clean
clean: ## remove what was built, but not the engine and its images
	@find . -type d \( -name bin -o -name obj -o -name TestResults \) -not -path './build/*' -prune -exec rm -rf {} +
	rm -rf build/keelson build/amd64 build/arm64 build/tool build/overlay build/publish build/probe build/fallback build/faults build/host build/bench build/release build/context.* build/sbom build/prerequisites build/sources build/test-totals build/test-failures build/test-commit

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

# For the other processor. Its compiler is a package, which the linker of this machine does not stand in for.
build/$(ARCH)/keelson: $(PUBLISH_INPUTS) $(call sources,src/Keelson src/Keelson.Commands src/Keelson.Init src/Keelson.Linux src/Keelson.Supervision) | build/prerequisites
	@tools/prerequisites $(ARCH)
	tools/step "compiling $@" $(PUBLISH) src/Keelson $(CROSS) -o build/$(ARCH)/publish
	install -m 755 build/$(ARCH)/publish/keelson $@

build/$(ARCH)/probe/keelson-probe: $(PUBLISH_INPUTS) $(call sources,tests/Keelson.TestProbe src/Keelson.Init src/Keelson.Linux src/Keelson.Supervision) | build/$(ARCH)/keelson
	@tools/step "compiling the probe of the tests for $(ARCH)" $(PUBLISH) tests/Keelson.TestProbe $(CROSS) -o build/$(ARCH)/probe
	touch $@

build/$(ARCH)/fallback/keelson: build/$(ARCH)/keelson
	@tools/step "compiling the binary without early mask for $(ARCH)" $(PUBLISH) src/Keelson -p:EarlyMask=false $(subst artifacts-path build/$(ARCH),artifacts-path build/$(ARCH)/fallback,$(CROSS)) -o build/$(ARCH)/fallback
	touch $@

build/probe/keelson-probe: $(PUBLISH_INPUTS) $(call sources,tests/Keelson.TestProbe src/Keelson.Init src/Keelson.Linux src/Keelson.Supervision) | build/prerequisites
	@tools/step "compiling the probe of the tests" $(PUBLISH) tests/Keelson.TestProbe -o build/probe
	touch $@

# The product without its early signal mask, to test that it copes.
build/fallback/keelson: build/keelson
	@tools/step "compiling the binary without early mask" $(PUBLISH) src/Keelson -p:EarlyMask=false --artifacts-path build/fallback/artifacts -o build/fallback
	touch $@

build/bench/peers: build/sources Directory.Build.props Directory.Packages.props $(call sources,bench/Keelson.Peers) | build/prerequisites
	@tools/step "compiling the benchmark of the peers" $(PUBLISH) bench/Keelson.Peers -o $@
	touch $@

# The product's own object file, with its calls of libc sent through what makes them fail (tests/Keelson.Faults).
build/faults/keelson: build/keelson $(wildcard tests/Keelson.Faults/*)
	@tools/step "linking the binary whose system calls fail" $(PUBLISH) src/Keelson -o build/faults/publish -p:NativeBinary=$(CURDIR)/$@ -p:StripSymbols=false -p:CustomAfterMicrosoftCommonTargets=$(CURDIR)/tests/Keelson.Faults/Faults.targets
	touch $@

build/bench/restart-bench: $(PUBLISH_INPUTS) $(call sources,bench/Keelson.RestartBench src/Keelson.Init src/Keelson.Linux src/Keelson.Supervision) | build/prerequisites
	@tools/step "compiling the restart benchmark" $(PUBLISH) bench/Keelson.RestartBench -o build/bench
	touch $@

build/host/keelson: build/sources Directory.Build.props Directory.Packages.props $(call sources,src/Keelson.Host) src/Keelson.Host/Keelson.Host.csproj image/rootfs/etc/insecure_key | build/prerequisites
	@tools/step "compiling the host tools" $(PUBLISH) src/Keelson.Host -o build/host
	ln -sf keelson build/host/docker-ssh
	ln -sf keelson build/host/docker-bash
	touch $@
