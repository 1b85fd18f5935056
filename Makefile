# Everything a newcomer needs is `make quickstart` and `make test`; both do their own set-up.
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory

PNPM_VERSION := 10.34.8
PNPM := .tools/node_modules/.bin/pnpm
RUN := PATH="$(CURDIR)/node_modules/.bin:$(CURDIR)/.tools/node_modules/.bin:$$PATH" TURBO_TELEMETRY_DISABLED=1 DO_NOT_TRACK=1
NODE := $(RUN) node --conditions=@orchestrator/source --disable-warning=ExperimentalWarning
OLDEST := apply-refuses explain-tells get-shows samples-do client-writes watch-follows
CLUSTER := $(NODE) packages/local-cluster/src/main.ts

# What the upgrade in test-cluster starts from: the last commit before there were images.
OLDER ?= 7fccf06

.PHONY: help
help: ## List the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  %-14s %s\n", $$1, $$2}'

.PHONY: quickstart
quickstart: bundle ## Start a local cluster, apply both samples, watch them become pull requests
	@$(NODE) packages/local-cluster/src/quickstart/main.ts

.PHONY: test
test: install ## Run everything CI runs; never spends
	@env -u ANTHROPIC_API_KEY $(NODE) scripts/test.ts

.PHONY: endings
endings: bundle ## Play every ending of a run, and write docs/endings.md and docs/reading-a-run.md from that
	@env -u ANTHROPIC_API_KEY $(RUN) vitest run --update --project behaviour test/behaviour/every-ending-has-a-name.test.ts

.PHONY: soak
soak: bundle ## Run every life with trouble at every write, then 10,000 runs among random faults (SEED=, SOAK_RUNS=, LIFE=)
	@env -u ANTHROPIC_API_KEY $(NODE) scripts/soak.ts

.PHONY: coverage
coverage: bundle ## Run the tests, and tell which lines of the packages they reach
	@env -u ANTHROPIC_API_KEY $(RUN) vitest run --project=unit --project=behaviour --coverage

.PHONY: test-oldest
test-oldest: bundle ## Run the tests of the API on the oldest API server that is tested
	@KUBERNETES_VERSION=v1.34.4 $(RUN) vitest run --project=behaviour $(OLDEST)

.PHONY: bench
bench: bundle ## Compare the operators with a Go operator and a floor (PART, N, ROUNDS: some of it)
	@mkdir -p .local/bench/bin
	@cd bench/go && go build -o ../../.local/bench/bin/ ./...
	@$(NODE) bench/src/main.ts

.PHONY: local-up
local-up: bundle ## Start the local cluster with both operators and leave it running
	@$(CLUSTER) up

.PHONY: local-down
local-down: install ## Stop the local cluster and remove its files
	@$(CLUSTER) down

.PHONY: local-status
local-status: install ## Say what of the local cluster runs
	@$(CLUSTER) status

.PHONY: bundle
bundle: install ## Bundle the operators and the agent's runner
	@$(RUN) turbo run bundle --output-logs=errors-only >.tools/bundle.log 2>&1 || { cat .tools/bundle.log >&2; exit 1; }

.PHONY: images
images: bundle ## Build the images with buildah (BASE=image, REPOSITORY=prefix)
	@$(NODE) scripts/images.ts $(if $(BASE),--base $(BASE)) $(if $(REPOSITORY),--repository $(REPOSITORY))

.PHONY: release
release: install ## Render dist/install*.yaml with kustomize (REPOSITORY=prefix in a registry)
	@$(NODE) scripts/release.ts $(if $(REPOSITORY),--repository $(REPOSITORY))

.PHONY: rehearsal
rehearsal: install ## Render dist/rehearsal: a Git forge and a scripted model for a cluster (REPOSITORY=prefix in a registry)
	@$(NODE) scripts/rehearsal.ts $(if $(REPOSITORY),--repository $(REPOSITORY))

.PHONY: test-cluster
test-cluster: bundle ## Test on a real cluster (KUBECONFIG, LOAD_IMAGE=command given an archive)
	@env -u ANTHROPIC_API_KEY OLDER=$(OLDER) $(NODE) scripts/test-cluster.ts $(ARGS)

.PHONY: crds
crds: install ## Write crds/ from the zod schemas
	@$(NODE) packages/core/src/crd/main.ts

.PHONY: format
format: install ## Format the code
	@$(RUN) biome format --write .

.PHONY: install
install: node_modules/.installed

node_modules/.installed: pnpm-lock.yaml pnpm-workspace.yaml package.json $(wildcard packages/*/package.json) | $(PNPM)
	@echo "installing packages (.tools/install.log)"
	@$(PNPM) install --frozen-lockfile --prefer-offline --reporter=append-only >.tools/install.log 2>&1 \
		|| { tail -20 .tools/install.log >&2; exit 1; }
	@touch $@

$(PNPM):
	@node -e 'if (Number(process.versions.node.split(".")[0]) < 20) { console.error("Node " + process.version + " is too old: install Node 20 or newer."); process.exit(1) }' \
		|| { echo "Node >= 20 with npm is needed beforehand." >&2; exit 1; }
	@mkdir -p .tools
	@npm install --prefix .tools --no-save --no-audit --no-fund --no-update-notifier --loglevel=error pnpm@$(PNPM_VERSION) >/dev/null
