# Everything runs in .venv, which needs nothing but Python 3.11 or newer and Git.
PYTHON ?= python3
NAME ?= my-chatbot
BIN := .venv/bin

.DEFAULT_GOAL := help
.PHONY: help setup create test test-quick app test-app bench-app test-cluster cluster-tools test-argocd argocd-tools test-backstage record-backstage lint type fmt bench golden docs check check-generated wheel clean lock schemas test-matrix checkov

help:  ## Show what can be made
	@awk -F ':.*##' '/^[a-z-]+:.*##/ {printf "  %-16s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

.venv/runtime: requirements/runtime.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "Python 3.11 or newer is needed; name one: make PYTHON=python3.12 $(MAKECMDGOALS)"; exit 1; }
	@command -v git > /dev/null || { echo "Git is needed; install it and run this again"; exit 1; }
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/runtime.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch $@

.venv/dev: .venv/runtime requirements/dev.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/dev.lock
	@touch $@

setup: .venv/dev  ## Install kickstart and all that its tests need into .venv

create: .venv/runtime  ## Create a project on this machine: make create NAME=my-chatbot
	$(BIN)/kickstart create $(NAME) --no-input

test: .venv/dev  ## Run all tests, with coverage
	$(BIN)/coverage erase
	$(BIN)/coverage run -m pytest
	$(BIN)/coverage combine --quiet
	$(BIN)/coverage report

test-quick: .venv/dev  ## Run the tests that take no longer than a moment
	$(BIN)/pytest -m "not slow and not matrix"

test-matrix: .venv/dev  ## Check every combination of the switches of the built-in template, with three releases of Helm
	$(BIN)/pytest -m matrix

# A project as its owner has it: created, and cloned from where it was published.
app: .venv/runtime
	rm -rf .cache/app
	KICKSTART_HOME=$(CURDIR)/.cache/app $(BIN)/kickstart create my-chatbot --quiet --forge local:.cache/app/forge --owner acme
	git clone --quiet .cache/app/forge/acme/my-chatbot.git .cache/app/my-chatbot

checkov: .venv/dev  ## Let checkov judge the manifests of every environment of the built-in template
	$(BIN)/python -m scripts.checkov

test-app: app  ## Create a project, clone it, and run its own checks in an environment of its own
	$(MAKE) --no-print-directory -C .cache/app/my-chatbot lint test test-page

bench-app: app  ## Create a project, clone it, and measure it against its floors
	$(MAKE) --no-print-directory -C .cache/app/my-chatbot bench

test-backstage: .venv/dev  ## Compare with Backstage's own code, which npm installs into .cache
	$(BIN)/pytest tests/dialect/live.py tests/portal/live.py

record-backstage: .venv/dev  ## Record again what Backstage's own code makes of every case
	$(BIN)/python -m tests.dialect.record

cluster-tools: .venv/dev  ## Build a Kubernetes API server for tests, once; takes minutes and needs Go
	$(BIN)/python scripts/cluster_tools.py

test-cluster: cluster-tools  ## Run the tests against a real Kubernetes API server
	CLUSTER_TESTS=required $(BIN)/pytest tests/cluster

argocd-tools: cluster-tools  ## Build Argo CD for tests, once; takes minutes and needs Go
	$(BIN)/python scripts/cluster_tools.py argocd

test-argocd: argocd-tools  ## Let a real Argo CD deploy what kickstart publishes, and take it away
	CLUSTER_TESTS=required $(BIN)/pytest tests/argocd/live.py

lint: .venv/dev  ## Check style and the direction of imports
	$(BIN)/ruff check src tests scripts benchmarks
	$(BIN)/ruff format --check src tests scripts benchmarks
	$(BIN)/lint-imports --no-logo

fmt: .venv/dev  ## Format the code
	$(BIN)/ruff check --fix src tests scripts benchmarks
	$(BIN)/ruff format src tests scripts benchmarks

type: .venv/dev  ## Check types
	$(BIN)/mypy

bench: .venv/dev  ## Measure against the budgets, as ratios within this run
	$(BIN)/python -m benchmarks

golden: .venv/dev  ## Render the examples again
	$(BIN)/python scripts/golden.py

schemas: .venv/dev  ## Pack Kubernetes' schemas again, from the package that has them all
	$(BIN)/python scripts/schemas.py

docs: .venv/dev  ## Generate the reference pages again
	$(BIN)/python scripts/docs.py

check: lint type test check-generated  ## Run everything that a change must pass

check-generated: .venv/dev  ## Check that goldens and reference pages are fresh
	$(BIN)/python scripts/golden.py --check
	$(BIN)/python scripts/docs.py --check
	$(BIN)/python scripts/schemas.py --check

wheel: .venv/runtime  ## Build the wheel into dist/
	$(BIN)/python -m pip wheel --quiet --no-deps --no-build-isolation --wheel-dir dist .

clean:  ## Remove what was built and installed
	rm -rf .venv .cache build dist .coverage .coverage.* .hypothesis .mypy_cache .pytest_cache .ruff_cache

lock: .venv/dev  ## Bring the locked versions up to date
	$(BIN)/python -m pip install --quiet uv
	$(BIN)/uv pip compile --quiet --upgrade --universal --python-version 3.11 --generate-hashes --no-header \
		--no-emit-index-url pyproject.toml --group build --output-file requirements/runtime.lock
	$(BIN)/uv pip compile --quiet --upgrade --universal --python-version 3.11 --generate-hashes --no-header \
		--no-emit-index-url pyproject.toml --group dev --constraints requirements/runtime.lock \
		--output-file requirements/dev.lock
	$(BIN)/uv pip compile --quiet --upgrade --universal --python-version 3.11 --generate-hashes --no-header \
		--no-emit-index-url requirements/checkov.in --output-file requirements/checkov.lock
	$(BIN)/uv pip compile --quiet --upgrade --universal --python-version 3.11 --generate-hashes --no-header \
		--no-emit-index-url requirements/peers.in --output-file requirements/peers.lock
	$(BIN)/uv pip compile --quiet --upgrade --universal --python-version 3.11 --generate-hashes --no-header \
		--no-emit-index-url requirements/valkey.in --output-file requirements/valkey.lock
