# Verbs only; what they do is in the tools they call.
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
MEMBERS := $(sort $(wildcard shared/*/ services/*/ tools/*/))
LOCKED := ups-event-ingest:event-ingest ups-throttle:throttle ups-device:device-svc ups-invite:invite-svc ups-notifier:notifier ups-portal:portal ups-cli:cli

.DEFAULT_GOAL := help
.PHONY: help setup demo up test faults bench bench-mail bench-log bench-pages check format pictures spec lock clean

help:  ## Show this help
	@awk 'BEGIN {FS = ":.*## "} /^[a-z-]+:.*## / {printf "  \033[1mmake %-10s\033[0m %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: $(VENV)/.done  ## Install everything below .venv (the other verbs do it when needed)

$(VENV)/.done: locks/dev.txt locks/mailbox.txt $(wildcard */*/pyproject.toml)
	@$(PYTHON) -c 'import sys; sys.version_info >= (3, 11) or sys.exit("Python 3.11 or later is needed; this is " + sys.version.split()[0] + ". Name one with: make PYTHON=python3.12 setup")'
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { echo "Python's venv module is missing. On Debian: apt-get install python3-venv"; exit 1; }
	@echo "Setting up in $(VENV) (once; a minute or two)"
	@$(PYTHON) -m venv --clear $(VENV)
	@$(BIN)/pip install --disable-pip-version-check --no-deps --require-hashes --quiet --progress-bar on -r locks/dev.txt
	@PATH="$(CURDIR)/$(BIN):$$PATH" $(BIN)/pip install --disable-pip-version-check --no-deps --no-build-isolation --quiet $(addprefix -e ./,$(MEMBERS))
	@$(PYTHON) -m venv --clear $(VENV)-mailbox
	@$(VENV)-mailbox/bin/pip install --disable-pip-version-check --no-deps --require-hashes --quiet --progress-bar on -r locks/mailbox.txt
	@touch $@

demo: setup  ## Run the whole product and watch it work (FOR=60s ends by itself and checks)
	@$(BIN)/ups-devstack demo $(if $(FOR),--for $(FOR)) $(if $(PORT),--port $(PORT))

up: setup  ## Run the whole product in the foreground until Ctrl-C
	@$(BIN)/ups-devstack up $(if $(PORT),--port $(PORT))

# Tests wait more than they compute. Each worker has a Kafka and a mongod of its own, so two are enough for any machine.
test: setup  ## Run every check and every test
	@$(MAKE) --no-print-directory check
	@$(BIN)/pytest --numprocesses 2 --dist loadfile $(ARGS)

faults: setup  ## Hurt the throttle on a real broker for a long while; writes artefacts/faults.md
	@UPS_FAULTS=long $(BIN)/pytest tests/faults --timeout 900 $(ARGS)

bench: setup $(VENV)-bench/.done  ## Measure the throttle (EVENTS=60000 for a short run)
	@$(BIN)/python -m bench $(if $(EVENTS),--events $(EVENTS)) $(ARGS)

bench-mail: setup  ## Measure the way of a mail (DEVICES=1000 for a short run)
	@$(BIN)/python -m bench.mail $(if $(DEVICES),--devices $(DEVICES)) $(ARGS)

bench-log: setup  ## Measure a page of the Event Log (ROWS=10000000 for ten million rows)
	@$(BIN)/python -m bench.log $(if $(ROWS),--rows $(ROWS)) $(ARGS)

bench-pages: setup  ## Measure the portal's pages (ROWS=10000 for a short run)
	@$(BIN)/python -m bench.pages $(if $(ROWS),--rows $(ROWS)) $(ARGS)

$(VENV)-bench/.done: locks/bench.txt
	@echo "Setting up in $(VENV)-bench what the bench compares with"
	@$(PYTHON) -m venv --clear $(VENV)-bench
	@$(VENV)-bench/bin/pip install --disable-pip-version-check --no-deps --require-hashes --quiet --progress-bar on -r locks/bench.txt
	@touch $@

check: setup  ## Lint, types, import contracts, generated files (no tests)
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports
	@$(BIN)/python -m ups_schemas.export --check

format: setup  ## Format the code and mend what the linter can
	@$(BIN)/ruff check --fix .
	@$(BIN)/ruff format .

pictures: setup  ## Draw every mail and the pages into docs (needs Chromium)
	@$(BIN)/python -m ups_devstack.pictures docs

spec: setup  ## Write shared/schemas/spec anew from the models
	@$(BIN)/python -m ups_schemas.export

lock: setup  ## Resolve the dependencies anew and export the locks
	@$(BIN)/uv lock --upgrade --quiet
	@$(MAKE) --no-print-directory export-locks UV=$(BIN)/uv

.PHONY: export-locks
UV ?= $(BIN)/uv
export-locks:
	@$(UV) export --quiet --no-header --no-emit-workspace --only-group dev --output-file locks/dev.txt
	@$(UV) export --quiet --no-header --no-emit-workspace --only-group mailbox --output-file locks/mailbox.txt
	@$(UV) pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header --no-annotate --no-emit-index-url --output-file locks/bench.txt bench/requirements.in
	@for pair in $(LOCKED); do \
		$(UV) export --quiet --no-header --no-emit-workspace --no-dev --package $${pair%%:*} --output-file locks/$${pair##*:}.txt; \
	done

clean:  ## Remove what make made, the demo's data included
	@rm -rf $(VENV) $(VENV)-mailbox $(VENV)-bench .devstack .cache artefacts
