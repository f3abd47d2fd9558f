# Nothing needs to be installed first but Python 3.12, 3.13 or 3.14, make and a network: see
# bootstrap.sh.
.DEFAULT_GOAL := help
.PHONY: help demo test test-quick test-browser test-deep test-faults check format bench rush shoebox \
	lock

PORT ?= 8000
# Test processes: a number, or "logical" for one per processor.
PROCESSES ?= logical
ARGS ?=

# The tests start many programs, and each starts in a fourth of the time where Python finds what it
# compiled before; some machines tell it to keep nothing.
export PYTHONDONTWRITEBYTECODE :=
export PYTHONPYCACHEPREFIX := $(CURDIR)/.local/bytecode

BIN := .venv/bin
INSTALLED := .venv/.installed

help:
	@echo "make demo          the site on http://localhost:$(PORT), with sample people (PORT=8000)"
	@echo "make test          every test (ARGS=... goes to pytest, PROCESSES=2)"
	@echo "make test-quick    every test but the slow ones"
	@echo "make test-browser  only the tests that drive a browser"
	@echo "make test-deep     the tests that go by chance, with ten thousand cases each"
	@echo "make test-faults   kill, stop and cut off everything that mail and bookings need (ARGS=--short)"
	@echo "make check         format, lint, types, imports, templates, migrations, deployment"
	@echo "make format        write what 'make check' would ask for"
	@echo "make bench         the load test"
	@echo "make rush          how many people can come at once (ARGS=--quick)"
	@echo "make shoebox       a whole country's site on two processors (ARGS=--quick)"
	@echo "make lock          pin the dependencies anew (UPGRADE=--upgrade takes newer ones)"

$(INSTALLED): requirements-dev.txt bootstrap.sh
	@./bootstrap.sh
	@touch $@

demo: $(INSTALLED)
	@$(BIN)/python -m booking.local.demo --port $(PORT)

# "python -m pytest" and not "pytest": the plugin that starts the servers lies in this folder.
test: $(INSTALLED)
	@$(BIN)/python -m pytest -n $(PROCESSES) --dist loadgroup $(ARGS)

test-quick: $(INSTALLED)
	@$(BIN)/python -m pytest -n $(PROCESSES) --dist loadgroup -m "not slow" $(ARGS)

test-browser: $(INSTALLED)
	@$(BIN)/python -m pytest -n $(PROCESSES) --dist loadgroup -m browser $(ARGS)

test-deep: $(INSTALLED)
	@DEEP=1 $(BIN)/python -m pytest -n $(PROCESSES) --dist loadgroup -m deep $(ARGS)

test-faults: $(INSTALLED)
	@$(BIN)/python -m tests.faults $(ARGS)

check: $(INSTALLED)
	@$(BIN)/python -m booking.local.servers -- .ci/check

format: $(INSTALLED)
	@$(BIN)/ruff check --quiet --fix-only .
	@$(BIN)/ruff format --quiet .
	@find templates -name '*.html' -exec $(BIN)/djade --target-version 6.1 {} +

bench: $(INSTALLED)
	@$(BIN)/python -m tests.load.bench $(ARGS)

rush: $(INSTALLED)
	@$(BIN)/python -m tests.load.rush $(ARGS)

shoebox: $(INSTALLED)
	@$(BIN)/python -m tests.load.shoebox $(ARGS)

UPGRADE ?=
COMPILE := $(BIN)/uv pip compile --quiet --universal --python $(BIN)/python --python-version 3.12 \
	--generate-hashes --no-header --no-emit-index-url --no-annotate $(UPGRADE)

lock: $(INSTALLED)
	@$(COMPILE) requirements.in --output-file requirements.txt
	@$(COMPILE) --constraint requirements.txt requirements-dev.in --output-file requirements-dev.txt
