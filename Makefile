# `make` lists what there is. Everything happens in .venv/ and var/; nothing needs to be installed first.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
# pip of the machine works on the environment: Debian's python3 has no ensurepip.
PIP := $(PYTHON) -m pip --python $(BIN)/python --disable-pip-version-check

.DEFAULT_GOAL := help
.PHONY: help run demo test test-fast lint bench screenshots env lock environment environment-dev programs

help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-11s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

run: environment ## start everything; the console is on port 8000
	@exec $(BIN)/python main.py

demo: environment ## a simulation: the whole system in a busy hour of five minutes, without any key
	@exec $(BIN)/python -m juggernaut.demo

env: ## print DATABASE_URL and REDIS_URL of the running system: eval "$(make -s env)"
	@$(BIN)/python manage.py env

test: environment-dev programs lint ## everything that must pass before a change goes in
	@$(quick_lane)
	@$(BIN)/python -m pytest -n auto --dist loadfile -m "slow and not alone" --reruns 1
	@$(BIN)/python -m pytest -n 2 --dist loadfile -m alone --reruns 1

test-fast: environment-dev ## the tests that take milliseconds
	@$(BIN)/python -m pytest -n auto --dist worksteal -m "not slow" $(RERUNS)

lint: environment-dev ## style, types, layers
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy .
	@$(BIN)/lint-imports

bench: environment-dev programs ## measure, beside a peer; prints a table
	@$(BIN)/python -m benchmarks

screenshots: environment-dev programs ## pictures of every page, of the demonstration, in var/screenshots
	@$(BIN)/python -m tests.screenshots var/screenshots

lock: environment-dev ## rebuild requirements*.txt from requirements*.in
	@$(call compile,requirements.in) --output-file requirements.txt
	@$(call compile,requirements-dev.in) --output-file requirements-dev.txt
	@$(call compile,requirements-dev.in) --constraint requirements-dev.txt --format pylock.toml \
		--output-file var/pylock.toml
	@$(BIN)/python -m tests.lock var/pylock.toml > requirements-files.txt

environment:
	@$(call install,requirements.txt)

environment-dev:
	@$(call install,requirements-dev.txt)

programs: ## what the tests need of the machine: a browser, Redis, PgBouncer, curl
	@export PATH="$$PATH:/usr/sbin"; missing=; \
	has() { for program; do command -v "$$program" >/dev/null 2>&1 && return; done; return 1; }; \
	has chromium chromium-browser google-chrome || missing="$$missing chromium"; \
	has redis-server valkey-server || missing="$$missing redis-server"; \
	has pgbouncer || missing="$$missing pgbouncer"; \
	has curl || missing="$$missing curl"; \
	if [ -z "$$missing" ]; then :; \
	elif [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
		apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -qq -y $$missing >/dev/null; \
	else echo "not found, and the tests need them:$$missing" >&2; fi

# The quick lane runs on the newest Python of this machine, the other lanes on PYTHON. All run on PYTHON
# when it is named: make test PYTHON=python3.11
define quick_lane
	newest="$(if $(filter file,$(origin PYTHON)),$$($(BIN)/python -m tests.pythons))"; \
	if [ -n "$$newest" ]; then \
		echo "the quick lane runs on $$newest"; \
		$(MAKE) --no-print-directory test-fast RERUNS="--reruns 1" PYTHON="$$newest" VENV=var/newest; \
	else $(BIN)/python -m pytest -n auto --dist worksteal -m "not slow" --reruns 1; fi
endef

# One set for every supported Python and platform, which markers tell apart.
compile = $(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes \
	--custom-compile-command "make lock" $(1)

# The environment is made once, and installed into again only when the lock file's content changes.
define install
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
		|| { echo "python 3.11 or later is needed: make PYTHON=/path/to/python3" >&2; exit 1; }; \
	$(BIN)/python -c '' 2>/dev/null || $(PYTHON) -m venv --clear --without-pip $(VENV); \
	stamp=$(VENV)/$(1).installed; \
	cmp -s $(1) $$stamp || { \
		echo "installing $(1) into $(VENV)/"; \
		$(PIP) install --quiet --require-hashes -r $(1) && cp $(1) $$stamp; }
endef
