# `make demo` and `make test` need Python 3.11 or newer and nothing else: each installs what it needs into .venv.
#   make demo | test | slow | check | serve | bench | clean        PYTHON=python3.12 picks another interpreter
#   ARGS="..." is handed on: make test ARGS="-k rag -x", make serve ARGS="--port 9000", make demo ARGS="rag"

PYTHON ?= python3
ARGS ?=
# Tests start hundreds of processes: each would compile everything anew.
export PYTHONDONTWRITEBYTECODE =
VENV := .venv
BIN := $(VENV)/bin
INSTALLED := $(VENV)/installed
INSTALLED_DEV := $(VENV)/installed-dev

.DEFAULT_GOAL := demo
.DELETE_ON_ERROR:
.PHONY: demo test slow check serve bench clean prepare prepare-dev

demo: prepare
	$(BIN)/sandtable demo $(ARGS)

serve: prepare
	$(BIN)/sandtable serve $(ARGS)

# Two processes, each with whole files: a file's tests share what is slow to start.
test: prepare-dev
	$(BIN)/python -m pytest -n 2 --dist loadfile $(ARGS)

# Whole data sets, kill -9 loops and real processes take longer than the two minutes that a fast test may.
slow: prepare-dev
	$(BIN)/python -m pytest -m slow -n 2 --dist loadfile --timeout 1200 $(ARGS)

check: $(INSTALLED_DEV)
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/python -m pytest tests/test_layout.py -k version

bench: prepare-dev
	$(BIN)/python -m benchmarks $(ARGS)

clean:
	rm -rf $(VENV) build dist .pytest_cache .mypy_cache .ruff_cache .hypothesis *.egg-info

# The embedder's runtime graph is made once per user, and found again in a moment.
prepare: $(INSTALLED)
	$(BIN)/sandtable doctor --prepare

prepare-dev: $(INSTALLED_DEV)
	$(BIN)/sandtable doctor --prepare

define install
@echo "Installing Sandtable into $(VENV); the first time takes some minutes."
@index="$$($(BIN)/python .ci/torch_index.py)" && \
  $(BIN)/python -m pip install --quiet --progress-bar off --log $(VENV)/install.log -c constraints.txt $$index -e '$(1)' || \
  { echo "The installation failed; pip's whole account of it: $(VENV)/install.log" >&2; exit 1; }
endef

$(INSTALLED): pyproject.toml constraints.txt | $(BIN)/python
	$(call install,.)
	@touch $@

$(INSTALLED_DEV): pyproject.toml constraints.txt | $(BIN)/python
	$(call install,.[dev])
	@touch $(INSTALLED) $@

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "Sandtable needs Python 3.11 or newer; name one: make PYTHON=python3.12 $(MAKECMDGOALS)" >&2; exit 1; }
	$(PYTHON) -m venv $(VENV)
