# Yundian 云店. `make up` runs it; `make test` proves it. Needs git, make and Python 3.11 or newer.

# The first Python on the PATH that is new enough.
ifndef PYTHON
PYTHON := $(shell for p in python3 python3.14 python3.13 python3.12 python3.11; do \
	$$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$p && break; done || true)
ifeq ($(PYTHON),)
PYTHON := python3
endif
endif
BIN := .venv/bin
# For example: make up ARGS="--port 9000 --no-demo"
ARGS ?=
# For example: make test TESTS=tests/stores
TESTS ?= tests
WORKERS ?= 2

# Every process reads what the first one compiled, also where Python may not write beside the sources: the house
# starts many, and compiling it and its libraries takes each of them longer than all else.
export PYTHONDONTWRITEBYTECODE :=
export PYTHONPYCACHEPREFIX := $(CURDIR)/build/bytecode

# Without what they share, and without the traffic, which plays against a running house.
BENCHMARKS := $(filter-out kit crowd traffic,$(patsubst benchmarks/%.py,%,$(wildcard benchmarks/[a-z]*.py)))

.PHONY: help up test check soak bench demo-traffic assets lock clean environment development browser

help: ## show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-13s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

up: environment assets ## run everything on this machine until Ctrl-C
	@exec $(BIN)/yundian up $(ARGS)

test: development assets browser ## run the tests, browser tests included
	$(BIN)/pytest -n $(WORKERS) --dist loadscope --no-loadscope-reorder -m "not soak" $(TESTS) $(ARGS)

check: development assets ## lint, types, layers, rules of the house
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-logo
	$(BIN)/python -m tests.architecture.rules.all

soak: development assets browser ## the long runs
	$(BIN)/pytest -m soak $(TESTS) $(ARGS)

bench: development assets ## what it costs, against the limit of this machine
	@for name in $(BENCHMARKS); do echo "== $$name"; $(BIN)/python -m benchmarks.$$name $(ARGS) || exit 1; done

demo-traffic: environment ## shops and buyers for a minute, while `make up` runs in another terminal
	@$(BIN)/python -m benchmarks.traffic $(ARGS)

assets: environment ## build what the pages serve
	@$(BIN)/python scripts/assets.py

lock: development ## write the lock files again; with ARGS=--upgrade take newer versions
	$(BIN)/python scripts/lock.py $(ARGS)

clean: ## remove what was built; the data in var/ stays
	rm -rf .venv node_modules build src/yundian/platform/web/static/vendor
	rm -rf .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis
	find src stores groupbuy wishlist appointments tests scripts \( -name __pycache__ -o -name '*.mo' \) -prune -exec rm -rf {} +

environment:
	@$(PYTHON) scripts/environment.py app

development:
	@$(PYTHON) scripts/environment.py app dev

browser: development assets
	@$(BIN)/python scripts/browser.py >/dev/null
