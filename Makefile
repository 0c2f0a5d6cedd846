# `make quickstart` and `make test` need nothing but Python 3.11 or newer.
PYTHON ?= python3
VENV ?= .venv
BIN = $(VENV)/bin
BACKENDS ?= tensorflow jax torch
# Processes that share the tests.
WORKERS ?= auto

.PHONY: quickstart test lint clean

# Train on the built-in data, draw pictures and export: about five minutes.
quickstart: $(VENV)/.installed
	scripts/quickstart.sh $(BIN)

# Everything that has to hold: lint, then the tests on each backend.
test: lint $(addprefix test-,$(BACKENDS))

test-%: $(VENV)/.installed-dev
	KERAS_BACKEND=$* $(BIN)/python -m pytest --share --durations=10 --numprocesses $(WORKERS) --dist worksteal

lint: $(VENV)/.installed-dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

clean:
	rm -rf $(VENV) runs build dist

$(VENV)/bin/python:
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "keras_vq needs Python 3.11 or newer, found " + sys.version)'
	$(PYTHON) -m venv $(VENV)

$(VENV)/.installed: pyproject.toml | $(VENV)/bin/python
	$(BIN)/python -m pip install --quiet --editable '.[plots]'
	touch $@

# This release of PyTorch is built for CPUs too; a newer one may bring CUDA.
$(VENV)/.installed-dev: pyproject.toml | $(VENV)/bin/python
	$(BIN)/python -m pip install --quiet torch==2.13.0
	$(BIN)/python -m pip install --quiet --editable '.[jax,torch,dev]'
	touch $@
