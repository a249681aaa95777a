# smsq: `make help` lists every target.
.DEFAULT_GOAL := help
SHELL := /bin/bash
PYTHON ?= python3
BIN := .venv/bin
# Processes and tests find `celery`, `honcho` and `smsq` there.
export PATH := $(CURDIR)/.venv/bin:$(PATH)

CODE := smsq config tasks worker tests bench

# Tests start some hundred processes: what Python compiles for one is there for the next.
PYTEST := env -u PYTHONDONTWRITEBYTECODE $(BIN)/pytest
# More than a small machine has processors, for many tests wait.
JOBS ?= 3
AT_ONCE := -n $(JOBS) --dist worksteal

.PHONY: help
help: ## Show this list
	@grep -hE '^[a-z][a-z-]*:.*## ' $(MAKEFILE_LIST) | awk -F':.*## ' '{printf "  make %-11s %s\n", $$1, $$2}'

.PHONY: setup
setup: .venv/.ready ## Make .venv with everything, the smsq command in it

.venv/.ready: requirements/dev.txt requirements/traces.txt pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit("smsq needs Python 3.11 or newer, this is %d.%d" % sys.version_info[:2] if sys.version_info < (3, 11) else 0)'
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/dev.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes --no-deps --upgrade \
	  --target .venv/traces -r requirements/traces.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch $@

.PHONY: demo
demo: setup ## Show smsq at work, in under a minute (KEEP=1 stays up)
	@$(BIN)/smsq demo $(if $(KEEP),--keep)

.PHONY: test
test: setup ## Run the whole test suite, with real processes (ARGS="tests/smsq -k x": a part of it)
	@$(PYTEST) $(AT_ONCE) $(ARGS)

.PHONY: quick
quick: setup ## Run tests without Redis, of the folders you changed, and long ones you touched; 20 s
	@$(PYTEST) -n 4 --dist worksteal --quick --hypothesis-profile quick $(ARGS)

.PHONY: slow
slow: setup ## Run what `make test` leaves out for time: processes that are killed, outages, clocks; 10 minutes
	@$(PYTEST) $(AT_ONCE) -m slow $(ARGS)

.PHONY: lint
lint: setup ## Check style, spelling and the direction of imports
	@$(BIN)/ruff check $(CODE)
	@$(BIN)/ruff format --check $(CODE)
	@$(BIN)/codespell
	@$(BIN)/lint-imports --no-cache > .lint-imports.log || (cat .lint-imports.log; exit 1)

.PHONY: types
types: setup ## Check types
	@$(BIN)/mypy

.venv/.bench: requirements/bench.txt .venv/.ready
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/bench.txt
	@touch $@

.PHONY: bench
bench: .venv/.bench ## Measure against peers, rate, distance, campaigns and more; takes two hours
	@$(BIN)/python -m bench.peers --save
	@$(BIN)/python -m bench.limiter
	@$(BIN)/python -m bench.distance
	@$(BIN)/python -m bench.client
	@$(BIN)/python -m bench.campaigns
	@$(BIN)/python -m bench.gathering
	@$(BIN)/python -m bench.scripts
	@$(BIN)/python -m bench.comeback
	@$(BIN)/python -m bench.enqueue --save
	@$(BIN)/python -m bench.growth --save

.PHONY: bench-quick
bench-quick: .venv/.bench ## Measure against peers briefly; fails where a ratio fell by a quarter; 2 minutes
	@$(BIN)/python -m bench.peers --delays-ms 20 300 --rounds 2 --seconds 3 --compare

.PHONY: soak
soak: setup ## Compare what became of 155,000 recipients with the books of odd gateways, and measure polls; 15 minutes
	@$(BIN)/python -m bench.delivery
	@$(BIN)/python -m bench.rough
	@$(BIN)/python -m bench.polls
	@$(BIN)/python -m bench.pages
	@$(BIN)/python -m bench.memory
	@$(BIN)/python -m bench.forged

.PHONY: soak-hour
soak-hour: setup ## Keep a constant load with 1 % faults and restarts for an hour; compare memory and sums
	@$(BIN)/python -m bench.soak

.PHONY: chaos
chaos: setup ## Kill, stop and starve everything under load, try many examples; takes long
	@$(BIN)/python -m bench.chaos
	@$(BIN)/python -m bench.refusals --for-s 15
	@$(BIN)/python -m bench.failover --rounds 2
	@$(BIN)/python -m bench.upgrade
	@$(BIN)/python -m bench.rabbit
	@$(BIN)/python -m bench.outbox --rounds 20
	@$(PYTEST) $(AT_ONCE) -m "slow or machine" --hypothesis-profile deep

.PHONY: chaos-net
chaos-net: setup ## Cut every link between hosts under load; needs root and nftables, takes 45 minutes
	@$(BIN)/python -m bench.net

.PHONY: check
check: lint types test ## All that CI runs

.PHONY: format
format: setup ## Bring the code into its form
	@$(BIN)/ruff check --fix $(CODE)
	@$(BIN)/ruff format $(CODE)

.PHONY: run
run: setup ## Start the Procfile's processes with the settings in .env
	@$(BIN)/honcho start

.PHONY: doctor
doctor: setup ## Check settings, Redis, gateway, beat and queues
	@$(BIN)/smsq doctor

.PHONY: lock
lock: ## Pin requirements anew (needs uv)
	@for file in worker dev; do \
	  extra=$$([ $$file = dev ] && echo "--extra demo --extra excel --extra otel --group dev"); \
	  uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header --no-annotate \
	    --no-emit-index-url --no-emit-find-links --extra worker $$extra --output-file requirements/$$file.txt pyproject.toml > /dev/null; \
	done
	@for group in bench traces; do \
	  uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header --no-annotate \
	    --no-emit-index-url --no-emit-find-links --constraint requirements/dev.txt --group pyproject.toml:$$group \
	    --output-file requirements/$$group.txt > /dev/null; \
	done

.PHONY: wheel
wheel: setup ## Build dist/smsq-*.whl, to install elsewhere
	@$(BIN)/python -m build --wheel --no-isolation --outdir dist . > /dev/null
	@ls dist/smsq-*.whl

.PHONY: clean
clean: ## Remove what was built, .venv too
	@rm -rf .venv dist build .mypy_cache .ruff_cache .pytest_cache .hypothesis .lint-imports.log
