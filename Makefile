# On a fresh machine with Python 3.11: `make demo`, `make test` and `make test-all`.

PYTHON := $(shell python3.11 -V >/dev/null 2>&1 && echo python3.11 || echo python3)
BIN := .venv/bin
INSTALLED := .venv/installed

.PHONY: help demo test checks unit test-all test-integration bench-peers setup
.DEFAULT_GOAL := help

help:
	@echo "make demo       set up .venv and run the demo recipe"
	@echo "make test       set up .venv and run linter, type checker, import contracts and unit tests"
	@echo "make test-all   the same, then tests with servers, browsers, kills and long training"
	@echo "make bench-peers ARGS='...'   compare with other libraries; see benchmarks/peers/README.md"

demo: setup
	$(BIN)/coldpress run demo

# Test processes with one thread each; more threads would only compete for two cores. Integration
# tests wait for servers during a fifth of their time.
PYTEST := $(BIN)/pytest --dist loadgroup
unit test-integration: export OMP_NUM_THREADS := 1

# At the same time: the type checker uses one core, and some tests wait.
test: setup
	$(MAKE) --jobs 2 checks unit

checks: setup
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/lint-imports

unit: setup
	$(PYTEST) -n 2 -m "not slow and not integration"

test-integration: setup
	$(PYTEST) -n 3 -m "not slow and integration"

test-all: test test-integration

# Installs the environments of other libraries, compares them with Coldpress and writes
# docs/peers.md; benchmarks/peers/README.md has examples of ARGS.
bench-peers: setup
	$(BIN)/python benchmarks/compare_peers.py $(ARGS)

setup: $(INSTALLED)

# The stamp file is written last, so that an interrupted installation is repeated.
$(INSTALLED): pyproject.toml constraints.txt
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Coldpress needs Python 3.11")'
	$(PYTHON) -m venv .venv
	$(BIN)/pip install -q -c constraints.txt -e '.[dev]'
	touch $@
