# `make demo` and `make test` set up everything they need; only Python >= 3.11 (with venv) must be there before.
# Paths are relative throughout, so that a checkout may lie in a folder with spaces in its name.

PYTHON ?=
ARGS ?=
CORPUS ?= corpus

export PIP_DISABLE_PIP_VERSION_CHECK = 1
PIP_INSTALL = .venv/bin/python -m pip install -qq --constraint constraints.txt
LIMONAIRE = .venv/bin/python -m host_tools.main

.PHONY: help demo test lint train bench tools clean
.DELETE_ON_ERROR:

help:
	@echo "make demo    the whole chain on the bench board; leaves demo/limonaire.wav, .mid and .png"
	@echo "make test    ruff, mypy and every test"
	@echo "make lint    ruff and mypy only"
	@echo "make train CORPUS=folder   train the default model again (installs torch)"
	@echo "make bench   measure speed, memory and sizes (minutes); ARGS=\"endurance --hours 24\": does it last"
	@echo "make clean   remove everything that make made"

demo: .venv/.installed
	@$(LIMONAIRE) demo $(ARGS)

test: lint .tools/smpmgr/.installed
	.venv/bin/python -m pytest $(ARGS)

lint: .venv/.installed
	.venv/bin/python -m ruff check --quiet .
	.venv/bin/python -m mypy

tools: .tools/smpmgr/.installed

train: .venv/.train
	$(LIMONAIRE) train --corpus "$(CORPUS)" $(ARGS)

bench: .venv/.installed
	@.venv/bin/python -m tests.benchmarks $(ARGS)

clean:
	rm -rf .venv .tools demo build dist *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis

.venv/.installed: pyproject.toml constraints.txt | .venv/.made
	@echo "installing Limonaire and its dependencies into .venv"
	@$(PIP_INSTALL) --editable ".[host,audio,midi,dev]"
	@touch $@

.venv/.train: .venv/.installed
	@echo "installing torch into .venv"
	@$(PIP_INSTALL) --editable ".[host,audio,midi,dev,train]"
	@touch $@

# smpmgr pins its own dependencies, so it gets its own environment; the tests hold our boards to it.
.tools/smpmgr/.installed: constraints-smpmgr.txt | .tools/smpmgr/.made
	@echo "installing smpmgr into .tools/smpmgr"
	@.tools/smpmgr/bin/python -m pip install -qq --constraint constraints-smpmgr.txt smpmgr
	@touch $@

%/.made:
	@for candidate in "$(PYTHON)" python3.11 python3.12 python3.13 python3; do \
	  if "$$candidate" -c 'import ensurepip, sys, venv; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1; then \
	    "$$candidate" -m venv "$*" && touch "$@" && exit 0; exit 1; \
	  fi; \
	done; \
	echo "no Python 3.11 or newer with venv is on the path; install python3 and python3-venv," \
	  "or run: make PYTHON=/path/to/python3" >&2; \
	exit 1
