# Everything runs from one virtual environment, made on first use.
PYTHON ?= python3.11
VENV ?= .venv
BIN := $(VENV)/bin
INSTALLED := $(VENV)/.installed
ARGS ?=

.DEFAULT_GOAL := help
.PHONY: help setup search figures notebooks runner test lint format

help: ## Show this help
	@grep -hE '^[a-z]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-9s %s\n", $$1, $$2}'

setup: $(INSTALLED) ## Create the virtual environment and install everything, pinned

$(INSTALLED): pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt torch
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[dev]'
	@touch $@

search: setup ## Run the main job: a search on the embedded data (ARGS='search.budget=32' adds overrides)
	$(BIN)/python -m nas.search $(ARGS)

figures: setup ## Draw the paper's figures from the studies in results/ (ARGS='--study NAME' chooses one)
	$(BIN)/python scripts/draw_figures.py $(ARGS)

notebooks: setup ## Open the notebooks in JupyterLab
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt jupyterlab
	$(BIN)/jupyter lab notebooks

runner: setup ## Build the C++ runner that times artifacts (needs CMake and a compiler)
	$(BIN)/python -m latency.runner.compile

test: setup ## Run the tests (ARGS='-m long' for those that take minutes)
	$(BIN)/python -m pytest $(ARGS)

lint: setup ## Check style, types and import rules
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-cache

format: setup ## Rewrite the code in the project's style
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .
