# cstool: `make help` lists what can be made.
PYTHON ?= python3
BIN := .venv/bin
# Where the tests on real data find it; without it they are left out (see CONTRIBUTING.md).
export CSTOOL_REAL_DATA

demo = PATH="$(CURDIR)/$(BIN):$$PATH" $(MAKE) --no-print-directory -C examples/demo

.DEFAULT_GOAL := help
.PHONY: help setup demo demo-full backbone test check lint types docs bench clean

help:  ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-10s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: $(BIN)/.dev  ## make .venv with cstool and the tools to develop it

demo: $(BIN)/.installed  ## run the main job on the embedded example, offline
	@$(demo)

demo-full: $(BIN)/.installed  ## the same with all queries, three seeds, a control and an unseen language
	@$(demo) full

backbone: $(BIN)/.installed  ## make the demo's encoder anew from running text: TEXT=folder
	@$(demo) backbone

test: $(BIN)/.dev  ## run the tests
	$(BIN)/python -m pytest

check: lint types docs test  ## everything that must pass before a commit lands

lint: $(BIN)/.dev  ## formatting and lint
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .

types: $(BIN)/.dev  ## static types
	$(BIN)/mypy

docs: $(BIN)/.dev  ## write docs/commands.md anew from the help texts
	$(BIN)/python docs/commands.py > docs/commands.md.new
	mv docs/commands.md.new docs/commands.md

bench: $(BIN)/.dev  ## measure speed
	$(BIN)/python benchmarks/codeswitch.py
	$(BIN)/python benchmarks/rerank.py
	$(BIN)/python benchmarks/evaluate.py
	$(BIN)/python benchmarks/csls.py
	$(BIN)/python benchmarks/vectors.py
	$(BIN)/python benchmarks/titles.py
	$(if $(CSTOOL_REAL_DATA),$(BIN)/python benchmarks/train.py)
	$(if $(CSTOOL_REAL_DATA),$(BIN)/python benchmarks/lexicons.py)
	$(if $(CSTOOL_REAL_DATA),$(BIN)/python benchmarks/wiki_lexicon.py)

clean:  ## remove what was built; .venv stays
	rm -rf build dist .mypy_cache .pytest_cache .ruff_cache .hypothesis
	find cstool tests benchmarks docs -name __pycache__ -type d -exec rm -rf {} +
	$(MAKE) -C examples/demo clean

$(BIN)/python:
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --upgrade pip

$(BIN)/.installed: pyproject.toml constraints.txt | $(BIN)/python
	$(BIN)/python -m pip install --quiet -c constraints.txt -e .
	touch $@

$(BIN)/.dev: $(BIN)/.installed
	$(BIN)/python -m pip install --quiet -c constraints.txt --group dev
	touch $@
