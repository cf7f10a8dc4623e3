# Rota: few targets, each does everything it needs. Only python3 and a package index are asked for.
PYTHON ?= python3
VENV   ?= .venv
BIN     = $(VENV)/bin
PYTEST  = $(BIN)/python -m pytest

.PHONY: install run test check faults bench docs setup-system clean

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

test: install
	$(PYTEST) -m "not long"

check: install
	$(BIN)/ruff format --check src tests examples benchmarks
	$(BIN)/ruff check src tests examples benchmarks
	$(BIN)/mypy
	$(BIN)/lint-imports

faults: install
	$(PYTEST) -m long -s tests/faults tests/simulation

bench: install
	$(BIN)/uv pip install --quiet --python $(BIN)/python --group bench
	$(BIN)/python -m benchmarks

docs: install
	$(BIN)/uv pip install --quiet --python $(BIN)/python --group docs
	$(BIN)/zensical build

# What tests need from the system: a browser. CI calls this; on a desk it asks for root only here.
setup-system:
	@if command -v chromium >/dev/null 2>&1; then echo "chromium is there"; \
	elif [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null 2>&1; then apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends chromium fonts-dejavu-core >/dev/null; \
	else echo "chromium is missing; install it (Debian: sudo apt-get install chromium) or the browser tests are skipped"; fi

clean:
	rm -rf $(VENV) var .mypy_cache .ruff_cache .pytest_cache
