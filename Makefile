# Rota: few targets, each does everything it needs. Only python3 and a package index are asked for.
PYTHON ?= python3
VENV   ?= .venv
BIN     = $(VENV)/bin
PYTEST  = $(BIN)/python -m pytest

.PHONY: install run demo-site test check faults bench docs setup-system clean

install: $(VENV)/.installed

# uv is installed into the environment when the machine has none: nothing is asked of the user.
$(VENV)/.installed: pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Rota needs Python 3.11 or later; found $$($(PYTHON) --version). Set PYTHON=/path/to/python3.11 and try again."; exit 1; }
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@command -v $(BIN)/uv >/dev/null 2>&1 || $(BIN)/python -m pip install --quiet uv
	$(BIN)/uv pip install --quiet --python $(BIN)/python --group dev --editable .
	@touch $@

run: install
	PYTHONPATH=examples $(BIN)/python -m newsroom.serve

# The example site behind Varnish, with the checks of rota_site and the Site page.
demo-site: install
	PYTHONPATH=examples $(BIN)/python -m newsroom.demo

# On all cores; the tests of a file stay together, since they share servers.
test: install
	$(PYTEST) -m "not long" -n auto --dist loadfile

check: install
	$(BIN)/ruff format --check src tests examples benchmarks
	$(BIN)/ruff check src tests examples benchmarks
	$(BIN)/mypy
	$(BIN)/lint-imports

# The long forms. SECONDS is how long the faults take together; ROTA_FAULTS_SEED plays one again. The simulation's ten
# thousand seeds come after them, and a deploy that fails at each step, as long as they take.
SECONDS ?= 600

faults: install
	ROTA_FAULTS_SECONDS=$(SECONDS) $(PYTEST) -m long -s tests/faults
	$(PYTEST) -m long -s tests/simulation
	$(PYTEST) -m long -n auto tests/deploy

bench: install
	$(BIN)/uv pip install --quiet --python $(BIN)/python --group bench
	PYTHONPATH=examples $(BIN)/python -m benchmarks

docs: install
	$(BIN)/uv pip install --quiet --python $(BIN)/python --group docs
	$(BIN)/zensical build

# What tests need from the system: a browser, a pooler, a second PostgreSQL, a library that sets clocks off, two caches,
# and what judges units and shell scripts.
# CI calls this; on a desk it asks for root only here. None of Debian's servers is to start one of its own: a policy says so
# while they are installed, where the machine has none.
SYSTEM = chromium fonts-dejavu-core pgbouncer faketime postgresql-15 varnish varnish-modules nginx-light libnginx-mod-http-cache-purge systemd shellcheck
POLICY = /usr/sbin/policy-rc.d

setup-system:
	@missing=""; for name in $(SYSTEM); do dpkg-query -W -f='$${Status}' $$name 2>/dev/null | grep -q "ok installed" || missing="$$missing $$name"; done; \
	if [ -z "$$missing" ]; then echo "$(SYSTEM): all there"; \
	elif [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null 2>&1; then \
	  mkdir -p /etc/postgresql-common && [ -e /etc/postgresql-common/createcluster.conf ] || echo "create_main_cluster = false" > /etc/postgresql-common/createcluster.conf; \
	  [ -e $(POLICY) ] || { printf '#!/bin/sh\nexit 101\n' > $(POLICY); chmod +x $(POLICY); trap 'rm -f $(POLICY)' EXIT; }; \
	  apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $$missing >/dev/null; \
	else echo "missing:$$missing; install them (Debian: sudo apt-get install$$missing), or the tests that need them are skipped"; fi

clean:
	rm -rf $(VENV) var .mypy_cache .ruff_cache .pytest_cache
