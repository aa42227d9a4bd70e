# Cloister on this machine. `make help` explains; README.md tells the rest.
SHELL := /bin/bash
.DEFAULT_GOAL := help
export PATH := $(CURDIR)/node_modules/.bin:$(PATH)
CLUSTER ?= dev
FORMAT ?= text
SCALE ?= 100

.PHONY: help up test down status bench soak clean

help: ## this list
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-8s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)
	@echo
	@echo '  CLUSTER=name       another embedded cluster beside "dev" (up, down, status)'
	@echo '  SCALE="10 1000"    numbers of tenants that bench measures (100): a cluster for each; 1000 take half an hour'
	@echo '  SEED=n             soak: the same faults again; MINUTES=n for longer or shorter'
	@echo '  FORMAT=json        status for programs: make -s status FORMAT=json'
	@echo '  KUBECONFIG=file CLOISTER_REGISTRY=host/path make up'
	@echo '                     use a cluster and an image registry that you have'

# Node, TypeScript and all libraries, as the lock file says.
node_modules/.package-lock.json: package-lock.json
	@npm ci --no-audit --no-fund --loglevel=error
	@touch $@

up: node_modules/.package-lock.json ## a Kubernetes cluster here, with Cloister and two example tenants on it
	@node test/product/cli.ts up --name $(CLUSTER)

test: node_modules/.package-lock.json ## everything that must pass
	@node test/runner/run.ts

down: node_modules/.package-lock.json ## stop the cluster and remove everything of it
	@node test/product/cli.ts down --name $(CLUSTER)

status: node_modules/.package-lock.json ## how to reach what runs
	@node test/product/cli.ts status --name $(CLUSTER) --format $(FORMAT)

bench: node_modules/.package-lock.json ## measure, beside baselines run in turn
	@node test/load/run.ts $(SCALE)

soak: node_modules/.package-lock.json ## break things at random for MINUTES (60), and check that nothing is lost
	@node test/soak/run.ts

clean: ## remove what `up` and `test` keep to be faster next time: node_modules, built programs and images
	@rm -rf node_modules */dist "$${CLOISTER_CACHE:-$${XDG_CACHE_HOME:-$$HOME/.cache}/cloister}"
