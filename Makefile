# make app: install and open the app.  make test: install and test.  make check: what CI runs.  make docs: documentation.
# make bench: timings.  make slow: long tests.  make check-wheels: wheels of every pin for every supported Python.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
# Pythons for which each requirement has a wheel: dev/check_wheels.py
CHECK_PYTHON := import sys; v = "%d.%d" % sys.version_info[:2]; (3, 11) <= sys.version_info[:2] <= (3, 14) or sys.exit( \
	"korlm에는 Python 3.11~3.14가 필요합니다(지금은 " + v + "). 예: make app PYTHON=python3.12 / " \
	"korlm needs Python 3.11 to 3.14 (this is " + v + "). Example: make app PYTHON=python3.12")
PYTEST := $(BIN)/python -m pytest -m "not slow" --durations 10
# tests that start a browser, commands or Javas of their own: half of the time, beside the other half
APART := tests/app tests/integration

.PHONY: app test test-apart test-rest check bench install install-dev lint types docs check-wheels slow clean

app: install
	$(BIN)/korlm app

install: $(VENV)/.app
install-dev: $(VENV)/.dev

$(VENV)/.venv:
	@$(PYTHON) -c '$(CHECK_PYTHON)'
	$(PYTHON) -m venv $(VENV)
	touch $@

$(VENV)/.app: $(VENV)/.venv requirements.txt pyproject.toml
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps -e .
	touch $@

$(VENV)/.dev: $(VENV)/.app
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements.txt -e ".[dev]"
	touch $@

test: install-dev
	$(MAKE) --no-print-directory --jobs 2 --keep-going test-apart test-rest

test-apart: install-dev
	$(PYTEST) $(APART)

test-rest: install-dev
	$(PYTEST) $(addprefix --ignore=,$(APART))

lint: install-dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/codespell
	$(BIN)/python dev/check_names.py

types: install-dev
	$(BIN)/mypy

docs: install-dev
	$(BIN)/sphinx-build --fail-on-warning --keep-going --quiet -b html docs docs/_build/html

check: lint types docs test

check-wheels: install-dev
	$(BIN)/python dev/check_wheels.py

slow: install-dev
	$(BIN)/python -m pytest -m slow

bench: install-dev
	$(BIN)/python benchmarks/bench.py
	$(BIN)/python benchmarks/bench_tokenizers.py
	$(BIN)/python benchmarks/bench_training.py
	$(BIN)/python benchmarks/bench_generation.py
	$(BIN)/python benchmarks/bench_chat.py

clean:
	rm -rf $(VENV) runs .pytest_cache .mypy_cache .ruff_cache
