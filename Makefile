# The only entry points a newcomer needs. Every target sets up what it needs by itself:
# Python packages into .venv from hash-pinned locks, Debian packages only where a command
# is missing. Nothing outside this folder is changed otherwise.
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.NOTPARALLEL:
.PHONY: help demo test check format bench engines soak fuzz deb deb-check machine lock venv tools clean

BIN := .venv/bin
PATH := $(PATH):/usr/sbin:/sbin
# The programs are started again and again here; compiling them anew each time is waste.
unexport PYTHONDONTWRITEBYTECODE
unexport PYTHONPATH
export PYTHONUNBUFFERED := 1

# Mounting needs the real root, which a namespace of an ordinary user has not.
FENCE := $(if $(filter 0,$(shell id -u)),.ci/offline)

# Minutes-long repetitions of what shorter tests try once are run on request.
QUICK := $(if $(SLOW),,-m "not slow")

# Branch coverage that the unit tests alone must reach.
COVER_PURE := 100
COVER_REST := 80

help:
	@echo "Evidock: footage from body-worn cameras, as evidence that anyone can check"
	@echo
	@echo "  make demo             one clip's life with the real programs, about a minute"
	@echo "  make demo FOOTAGE=dir the same with your own files (copied, never touched)"
	@echo "  make demo KEEP=1      leave gateway and dock running afterwards"
	@echo "  make test             check, then every test (what continuous integration runs)"
	@echo "  make test SLOW=1      with the minutes-long repetitions too"
	@echo "  make check            lint, format, types, import rules"
	@echo "  make bench            speed and memory against cp, restic and bare MQTT"
	@echo "  make bench BENCH_MIB=256 BENCH_REPEAT=1"
	@echo "                        a quick, small run of it"
	@echo "  make engines          the gateway's tests on PostgreSQL and S3 instead of SQLite and a folder"
	@echo "  make bench BENCH_ARGS='--only gateway --clips 1000000'"
	@echo "                        lists, search, case page; streaming beside nginx; memory with 20 players"
	@echo "  make soak CYCLES=1000 dockings over eight bays, cards torn out at random: half an hour"
	@echo "  make fuzz GROUP=hashing SECONDS=600"
	@echo "                        fuzz decoders of one group, guided by coverage (docs/fuzzing.md)"
	@echo "  make deb              Debian packages of dock and gateway for amd64 and arm64, in dist/"
	@echo "  make deb BUILD=2      the same as the second build of this version, for docks to update to"
	@echo "  make deb-check        install them in a bare Bookworm, offline; use, update, remove (root)"
	@echo "  make deb-check ARCH=arm64 TESTS=pure"
	@echo "                        the same under emulation, with unit tests there (none, pure, edge"
	@echo "                        or all): half an hour and more"
	@echo "  make machine          the packages in a virtual machine with systemd and USB (root)"
	@echo "  make format           let the formatter have its way"
	@echo "  make lock             remake requirements/ from pyproject.toml (UPGRADE=1: newest)"

venv:
	@.ci/setup venv

tools: venv
	@.ci/setup tools test

demo: venv
	@$(BIN)/python -m tests.demo $(if $(FOOTAGE),--footage "$(FOOTAGE)") $(if $(KEEP),--keep)

check: venv
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/lint-imports

format: venv
	$(BIN)/ruff check --fix-only --quiet
	$(BIN)/ruff format

# Six at a time on however few cores: the tests of real programs wait far more than they compute,
# the unit tests compute. These are the nicer ones (lower priority): nothing of a real program's
# time limit goes by because a unit test counts branches.
INTAKE := $(wildcard tests/integration/test_intake_*.py) tests/integration/test_log_kill.py
# One lane alone has a udevd: every other one would hear of its cards too. It is the shortest.
EDGE := $(filter-out %_enrolment.py %_token.py,$(wildcard tests/integration/test_edge_*.py))
OTHERS := $(filter-out $(INTAKE) $(EDGE),$(wildcard tests/integration/test_*.py))
REST := $(filter-out %/gateway %/__pycache__,$(wildcard tests/unit/*))

test: venv
	@echo "== lint, format, types, import rules, while Debian packages arrive"
	@.ci/beside 'make --no-print-directory check' '.ci/setup tools test'
	@echo "== unit tests without a network, beside integration, fault and end-to-end tests: the real"
	@echo "   programs, brokers, file systems"
	@rm -f .coverage .coverage.*
	@.ci/beside 'nice .ci/unit rest $(QUICK) $(REST)' \
	            'nice .ci/unit gateway $(QUICK) tests/unit/gateway' \
	            '$(FENCE) .ci/again whole $(QUICK) $(wildcard tests/faults tests/e2e tests/browser)' \
	            '$(FENCE) .ci/again intake $(QUICK) $(INTAKE)' \
	            '$(FENCE) .ci/again edge $(QUICK) $(EDGE) $(wildcard tests/soak tests/attacks)' \
	            '$(FENCE) .ci/again others $(QUICK) $(OTHERS)'
	@$(BIN)/coverage combine --quiet
	@echo "== branch coverage of hashing: $(COVER_PURE) %"
	$(BIN)/coverage report --include='hashing/*' --skip-covered --show-missing --fail-under=$(COVER_PURE)
	@echo "== branch coverage of everything by unit tests alone: at least $(COVER_REST) %"
	$(BIN)/coverage report --skip-covered --fail-under=$(COVER_REST)

bench: venv
	@.ci/setup tools bench
	@$(BIN)/python -m tests.bench $(if $(BENCH_MIB),--mib $(BENCH_MIB)) $(if $(BENCH_REPEAT),--repeat $(BENCH_REPEAT)) $(BENCH_ARGS)

# Everything that is tried of a gateway in one process, on PostgreSQL and a bucket instead of SQLite and a folder.
engines: venv
	@.ci/setup tools test
	@EVIDOCK_ENGINES=1 .ci/offline $(BIN)/pytest $(QUICK) tests/unit/gateway

soak: venv
	@.ci/setup tools test
	@$(FENCE) $(BIN)/python -m tests.soak $(if $(CYCLES),--cycles $(CYCLES))

GROUP ?= hashing
SECONDS ?= 60
fuzz: venv
	@[ -d build/fuzz/lib/atheris ] || .venv/bin/uv pip install --quiet --require-hashes --no-deps \
	  --python .venv/bin/python --target build/fuzz/lib -r requirements/fuzz.txt
	@PYTHONPATH=build/fuzz/lib $(BIN)/python -m tests.fuzz $(GROUP) --seconds $(SECONDS)

deb: venv
	@for arch in amd64 arm64; do .ci/deb edge $$arch $(BUILD); .ci/deb gateway $$arch $(BUILD); done

ARCH ?= amd64
deb-check: venv
	@.ci/deb edge $(ARCH)
	@.ci/deb gateway $(ARCH)
	@tests/packaging/check $(ARCH) $(TESTS)

machine: venv
	@.ci/deb edge amd64
	@.ci/deb gateway amd64
	@tests/machine/boot tests/machine/appliance 3600

lock: venv
	@UPGRADE="$(UPGRADE)" .ci/lock

clean:
	rm -rf .venv build dist .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache .coverage* demo-data
