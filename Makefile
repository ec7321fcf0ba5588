# `make run` turns the published files into models and result tables; `make test` proves it.
# The first command sets everything up in .venv; nothing is installed outside it.

VENV := .venv
BIN := $(VENV)/bin
# Options of `sqf run`, such as ARGS="--year 2021 --source local"
ARGS ?=
# Name a Python here to choose it: make run PYTHON=/path/to/python3
PYTHON ?=

# Files of tests are shared out among the cores, in their own order, because the longest stand first.
IN_PARALLEL := --numprocesses=logical --maxprocesses=4 --dist=loadfile --no-loadscope-reorder
# Tests of whole runs wait for servers, browsers and databases a third of their time, so one more process than cores.
WITH_WAITING := $(IN_PARALLEL) --numprocesses=$(shell expr $$(getconf _NPROCESSORS_ONLN) + 1)

# Tests start Python a hundred times: it keeps what it has compiled, also where the environment says that it must not.
unexport PYTHONDONTWRITEBYTECODE

# Percent of lines and branches that the quick unit tests must reach by themselves: they reached 77.5; raise it when
# that has risen. COVERAGE=yes counts in a run of all tests, and there in imports and quick unit tests alone.
COVERAGE_FLOOR ?= 77
COUNTED := --cov --cov-report=term:skip-covered --cov-fail-under=$(COVERAGE_FLOOR)

INSTALLED := $(VENV)/.installed
DEV_INSTALLED := $(VENV)/.dev-installed
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt

.PHONY: help run setup test test-fast coverage lint format ui docs site bench pin hashes clean

help:  ## Tell what can be made
	@grep -E '^[a-z-]+:.*##' Makefile | sed -e 's/:.*## /\t/' | expand -t 10

run: $(INSTALLED)  ## Make every model and result table (test year 2020 unless ARGS says otherwise)
	@$(BIN)/sqf run $(ARGS)

setup: $(INSTALLED)  ## Install the pipeline into .venv
	@echo "Ready: $(BIN)/sqf --help"

test: $(DEV_INSTALLED)  ## Run the tests (with the real files too, when SQF_DATA_DIR names their folder)
	$(BIN)/python -m pytest $(WITH_WAITING) $(if $(COVERAGE),$(COUNTED))

test-fast: $(DEV_INSTALLED)  ## Run the unit tests but the slow ones: two minutes on two cores
	$(BIN)/python -m pytest $(IN_PARALLEL) -m 'unit and not slow'

coverage: $(DEV_INSTALLED)  ## Run the quick unit tests and measure which lines and branches they reach
	$(BIN)/python -m pytest $(IN_PARALLEL) -m 'unit and not slow' $(COUNTED)

lint: $(DEV_INSTALLED)  ## Check format, style and types
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy

format: $(DEV_INSTALLED)  ## Format the code
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

ui: $(INSTALLED)  ## Open Dagster's UI on this workspace, at http://127.0.0.1:3000
	@$(BIN)/sqf ui

docs: $(INSTALLED)  ## Write the documents that are made from the code
	@$(BIN)/python -m sqf_pipeline.reporting.documents

site: $(INSTALLED)  ## Build the documents as a site that needs no network, in site/
	@$(PIP) --group site
	@NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict --quiet
	@echo "Open site/index.html, or to search as well: $(BIN)/python -m http.server --directory site"

bench: $(DEV_INSTALLED)  ## Measure against a plain script (ARGS="--repeats 1 --before FOLDER": an earlier version too)
	$(BIN)/python -m benchmarks $(ARGS)

# extras and groups that are not in .venv keep their pins: once a pin of what was installed alone lost 35 of them
pin: $(DEV_INSTALLED)  ## Write the versions now in .venv to constraints.txt; what is not installed keeps its pin
	@{ sed -n '/^#/p' constraints.txt; \
	   { $(BIN)/python -m pip list --format freeze --exclude-editable --exclude pip --exclude setuptools; \
	     sed '/^#/d' constraints.txt; } | awk -F'==' '!seen[tolower($$1)]++' | LC_ALL=C sort -f -t= -k1,1; \
	 } > constraints.new
	@mv constraints.new constraints.txt

hashes: $(INSTALLED)  ## Write requirements-hashed.txt: the pins with digests, for pip install --require-hashes
	@$(PIP) --group hashes
	@{ echo "# Pins with the digests of their files; make hashes writes it anew, after make pin. To install from it:"; \
	   echo "# pip install --require-hashes -r requirements-hashed.txt && pip install --no-deps ."; \
	   $(BIN)/uv pip compile pyproject.toml --constraint constraints.txt --generate-hashes --universal \
	     --python-version 3.11 --no-header --no-annotate --no-emit-index-url --no-strip-extras --quiet; } > requirements.new
	@mv requirements.new requirements-hashed.txt

clean:  ## Remove .venv and caches; data and results in .sqf stay
	@if [ -x $(BIN)/sqf ]; then $(BIN)/sqf db stop >/dev/null 2>&1 || true; fi
	rm -rf $(VENV) build dist site *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis

$(BIN)/python:
	@found=; \
	for candidate in $(PYTHON) python3.11 python3.12 python3.13 python3.14 python3 python; do \
	  if "$$candidate" -c 'import sys; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1; then \
	    found=$$candidate; break; \
	  fi; \
	done; \
	if [ -z "$$found" ]; then \
	  echo "Python 3.11 or later is needed; found: $$(python3 --version 2>&1 || true)." >&2; \
	  echo "Install one from https://www.python.org/downloads/ or with your package manager, or name one:" >&2; \
	  echo "  make $(or $(MAKECMDGOALS),run) PYTHON=/path/to/python3" >&2; \
	  exit 1; \
	fi; \
	echo "Making $(VENV) with $$("$$found" --version)"; \
	"$$found" -m venv --clear $(VENV) || { \
	  echo "Python's venv module is incomplete; on Debian and Ubuntu: apt install python3-venv" >&2; \
	  rm -rf $(VENV); exit 1; }

# dependency groups need a pip of 2025 or later
$(INSTALLED): pyproject.toml constraints.txt | $(BIN)/python
	@echo "Installing into $(VENV) (a minute or two, once)"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --upgrade 'pip>=25.1'
	@# setuptools says at length what an editable installation is
	@PYTHONWARNINGS=ignore::UserWarning $(PIP) --editable .
	@touch $@

$(DEV_INSTALLED): $(INSTALLED)
	@$(PIP) --group test --group lint
	@touch $@
