# `make run` and `make test` only need make and Python 3.11 or newer.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin

PORT ?= 8000
AWS_PORT ?= 4566
LOCAL_DIR ?= .local
DEMO_PASSWORD ?=
export PORT AWS_PORT LOCAL_DIR DEMO_PASSWORD

.DEFAULT_GOAL := help
.PHONY: help run test test-all image-test chaos bench bench-compare cost lint types javascript check format messages reference lock wheel browser clean

help: ## Show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-13s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

run: $(VENV)/local.stamp ## Start filehub with a local AWS; Ctrl-C stops both
	@exec $(BIN)/python -m local.run

# Five processes for two cores, because tests also wait. tests/plugin.py groups the tests.
PYTEST := $(BIN)/python -m pytest
PARALLEL := --numprocesses 5 --dist loadgroup

test: $(VENV)/dev.stamp browser ## Run the tests (about five minutes); T=tests/… selects some of them
	@$(PYTEST) $(PARALLEL) $(T)

test-all: $(VENV)/dev.stamp browser ## Run all tests, including the exhaustive ones
	@$(PYTEST) $(PARALLEL) --all -m "not alone"
	@$(PYTEST) --all -m alone

image-test: $(VENV)/dev.stamp ## Build the container image and run filehub from it; needs root, and Debian's podman
	@$(PYTEST) --all tests/project/test_image.py

chaos: $(VENV)/dev.stamp ## Inject random faults and check invariants; MINUTES=3, SEED=… repeats a run
	@$(BIN)/python -m tests.chaos.chaos_run --minutes $(or $(MINUTES),3) $(if $(SEED),--seed $(SEED))

bench: $(VENV)/dev.stamp browser ## Compare filehub's speed with simpler programs; ONLY=sign,confirm selects some
	@$(BIN)/python -m benchmarks run $(if $(ONLY),--only $(ONLY)) $(if $(ROUNDS),--rounds $(ROUNDS))

bench-compare: $(VENV)/dev.stamp ## Show two results of make bench side by side: A=….json B=….json
	@$(BIN)/python -m benchmarks compare $(A) $(B)

cost: $(VENV)/dev.stamp ## Count what filehub requests from AWS, and write its price into docs/cost.md
	@$(BIN)/python -m benchmarks cost $(if $(PRICES),--prices $(PRICES)) $(if $(STORED),--stored)

check: lint types javascript ## Check style, imports and types of Python and JavaScript

lint: $(VENV)/dev.stamp ## Run ruff and cfn-lint, and check the import contracts
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/lint-imports --no-cache
	@$(BIN)/cfn-lint infra/*.yaml

types: $(VENV)/dev.stamp ## Run mypy in strict mode
	@DJANGO_SECRET_KEY=only-for-the-type-checker-0123456789 $(BIN)/mypy filehub filehub_client uploads local benchmarks

# Only this target needs node. Running filehub does not.
ifneq ($(shell command -v node 2>/dev/null),)
javascript: node_modules/.stamp ## Run biome and tsc in strict mode
	@node_modules/.bin/biome check --error-on-warnings .
	@node_modules/.bin/tsc
else
javascript:
	@echo "WARNING: JavaScript was NOT checked, because node is not installed." >&2
endif

format: $(VENV)/dev.stamp ## Format the code with ruff and biome
	@$(BIN)/ruff check --fix .
	@$(BIN)/ruff format .
	@if command -v node >/dev/null; then $(MAKE) --no-print-directory node_modules/.stamp && node_modules/.bin/biome check --write .; fi

messages: $(VENV)/dev.stamp ## Extract messages and compile the translations
	@DJANGO_SETTINGS_MODULE=filehub.settings DJANGO_SECRET_KEY=only-to-read-the-languages-0123456789 \
	  $(BIN)/python -m local.messages

reference: $(VENV)/dev.stamp ## Write docs/reference.md from the code
	@DJANGO_SETTINGS_MODULE=filehub.settings DJANGO_SECRET_KEY=only-to-read-the-settings-0123456789 \
	  $(BIN)/python -m local.reference

lock: $(VENV)/dev.stamp ## Resolve pyproject.toml into requirements*.txt
	@for args in "pyproject.toml --extra site --group dev -o requirements-dev.txt" \
	  "pyproject.toml --extra site --group local -c requirements-dev.txt -o requirements-local.txt" \
	  "pyproject.toml --extra site -c requirements-dev.txt -o requirements.txt" \
	  "--group otel -c requirements-dev.txt -o requirements-otel.txt" \
	  "--group rates -c requirements-dev.txt -o requirements-rates.txt" \
	  "--group parquet -c requirements-dev.txt -o requirements-parquet.txt"; do \
	  $(BIN)/uv pip compile --quiet --upgrade --universal --python-version 3.11 --generate-hashes \
	    --custom-compile-command "make lock" $$args || exit 1; done

wheel: $(VENV)/dev.stamp ## Build the wheel that other projects install, in dist/
	@$(BIN)/uv build --quiet --wheel --out-dir dist

browser: $(VENV)/dev.stamp
	@$(BIN)/python -m local.chromium

clean: ## Remove the virtual environment and node_modules, but not .local (users, files)
	@rm -rf $(VENV) node_modules

node_modules/.stamp: package.json package-lock.json
	@echo "Installing the JavaScript tools …"
	@npm ci --no-audit --no-fund --loglevel=error
	@touch $@

$(VENV)/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "filehub needs Python 3.11 or newer. Set PYTHON, for example: make run PYTHON=python3.11" >&2; exit 1; }
	@$(PYTHON) -m venv $(VENV) || \
	  { echo "Python's venv module is missing. On Debian: apt-get install python3-venv" >&2; rm -rf $(VENV); exit 1; }

$(VENV)/local.stamp: requirements-local.txt $(VENV)/bin/python
	@echo "Installing filehub …"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-local.txt
	@touch $@

$(VENV)/dev.stamp: requirements-dev.txt $(VENV)/bin/python
	@echo "Installing the packages for the tests …"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-dev.txt
	@touch $@
