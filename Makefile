# Everything here needs Python >= 3.11 with venv, make and the network; the e2e tests also apt on Debian or Ubuntu.
#   make demo    a walk through login, get, explain, logout against a registry on loopback
#   make test    install everything, real programs included, and run all tests
#   make cases   the failures of real users alone, and the table of them
#   make lint    style, format, types, the rows of the architecture and the word list
#   make docs    the documentation site, in site/
#   make fuzz    the property tests in turn, with new cases each time, until stopped or until one fails
#   make bench   the figures in bench/README.md
# TESTS=tests/unit narrows make test, WORKERS=1 runs it in turn; PYTHON=python3.12 chooses the interpreter.

PYTHON ?= python3
TESTS ?= tests
WORKERS ?= 3

SOURCES := pyproject.toml hatch_build.py $(shell find src docs man forwarder -type f -not -name '*.pyc' -not -path '*/forwarders/*')
PIP_INSTALL := -m pip install --quiet --disable-pip-version-check

.PHONY: demo test cases lint docs fuzz bench clean

demo: .demo/installed
	.demo/bin/python -m shorepass.testing.demo

test: .venv/installed
	tests/install-programs
	.venv/bin/python tests/run.py --numprocesses=$(WORKERS) --dist=loadgroup --no-loadscope-reorder --durations=40 $(TESTS)

cases: .venv/installed
	tests/install-programs
	.venv/bin/python tests/run.py --quiet --numprocesses=$(WORKERS) --dist=loadgroup --no-loadscope-reorder tests/cases

lint: .venv/installed
	.venv/bin/ruff check
	.venv/bin/ruff format --check
	.venv/bin/mypy
	.venv/bin/lint-imports
	.venv/bin/python -m pytest --quiet --no-header tests/unit/test_words.py

docs: .venv/docs
	NO_MKDOCS_2_WARNING=1 .venv/bin/mkdocs build --quiet --strict

fuzz: .venv/installed
	tests/install-programs
	set -e; while true; do SHOREPASS_FUZZ=1 CASES=500 .venv/bin/python -m pytest -q -x tests/property tests/forwarder/test_fuzz.py tests/forwarder/test_relay.py; done

bench: .venv/installed
	tests/install-programs
	set -e; for script in bench/*.py; do echo "== $$script"; .venv/bin/python $$script; done

clean:
	rm -rf .demo .venv site

# The project is installed as its users get it, not editable: a file that packaging forgets fails here.
.demo/installed: .demo/venv $(SOURCES)
	.demo/bin/python $(PIP_INSTALL) .
	@touch $@

.venv/installed: .venv/groups $(SOURCES)
	.venv/bin/python $(PIP_INSTALL) .
	@touch $@

# Dependency groups need pip 25.1.
.venv/groups: .venv/venv pyproject.toml
	.venv/bin/python $(PIP_INSTALL) 'pip>=25.1'
	.venv/bin/python $(PIP_INSTALL) --group test --group lint
	@touch $@

.venv/docs: .venv/groups
	.venv/bin/python $(PIP_INSTALL) --group docs
	@touch $@

.demo/venv .venv/venv:
	@$(PYTHON) -c 'import sys, ensurepip, venv; sys.exit(sys.version_info < (3, 11))' 2>/dev/null \
	|| { echo 'make: $(PYTHON) must be Python >= 3.11 with venv (on Debian: apt-get install python3-venv), or: make PYTHON=...' >&2; exit 1; }
	$(PYTHON) -m venv $(@D)
	@touch $@
