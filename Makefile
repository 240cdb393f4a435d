# What one does with this repository. Needs make and Python 3.11, 3.12 or 3.13; everything else is fetched into .venv,
# each file checked against the hashes in the lock, once. A changed lock or pyproject.toml refreshes .venv.

PYTHON ?= $(shell for p in python3 python3.13 python3.12 python3.11; do \
	$$p -c 'import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 14))' 2>/dev/null && echo $$p && break; done)
VENV := .venv
BIN := $(VENV)/bin
FUZZ_SECONDS ?= 60

# $(call install,LOCK,STAMPS): quiet, unless it fails. Wheels only: a source build would fetch unpinned tools.
define install
	@test -n "$(PYTHON)" || { echo "make: Python 3.11, 3.12 or 3.13 is needed; name it: make PYTHON=/path/to/python3.12" >&2; exit 1; }
	@echo "Installing $(1) into $(VENV) (a minute or two, once)"
	@log=$$(mktemp) && { $(PYTHON) -m venv $(VENV) \
		&& $(BIN)/python -m pip install --disable-pip-version-check --no-input --no-deps --require-hashes \
			--only-binary :all: -r $(1) \
		&& $(BIN)/python -m pip install --disable-pip-version-check --no-input --no-deps --no-build-isolation -e . \
		; } >$$log 2>&1 || { cat $$log >&2; rm -f $$log; exit 1; }; rm -f $$log
	@touch $(2)
endef

.PHONY: help demo test test-all lint types lock bench peers fuzz clean

help:
	@echo "make demo      four hospitals, one trial, one answer, on this machine"
	@echo "make test      the tests, without the slow ones; make test-all: every one"
	@echo "make lint      ruff; make types: mypy --strict"
	@echo "make bench     our speed claims; make peers: install what they are compared with"
	@echo "make fuzz      random bytes into the decoders (FUZZ_SECONDS=60 each)"
	@echo "make lock      renew the hash-pinned locks; make clean: remove what make made"

$(VENV)/.demo: requirements.lock pyproject.toml
	$(call install,requirements.lock,$@)

$(VENV)/.dev: requirements-dev.lock pyproject.toml
	$(call install,requirements-dev.lock,$@ $(VENV)/.demo)

$(VENV)/.extra: requirements-extra.lock pyproject.toml
	$(call install,requirements-extra.lock,$@ $(VENV)/.dev $(VENV)/.demo)

demo: $(VENV)/.demo
	@$(BIN)/securecompute demo

test: $(VENV)/.dev
	@$(BIN)/python -m pytest -q -m 'not slow' -n 2 --dist loadgroup

test-all: $(VENV)/.extra
	@$(BIN)/python -m pytest -q -n 2 --dist loadgroup

lint: $(VENV)/.dev
	@$(BIN)/ruff check --quiet . && $(BIN)/ruff format --check --quiet .

types: $(VENV)/.dev
	@$(BIN)/mypy

# Versions already in a lock stay unless they no longer fit; `make lock UPGRADE=--upgrade` takes the newest. The third
# lock stands alone, because a peer that we are measured against holds some packages back.
COMPILE = $(BIN)/uv pip compile pyproject.toml --quiet --universal --python-version 3.11 --fork-strategy fewest \
	--generate-hashes --no-header --group build $(UPGRADE)
lock: $(VENV)/.dev
	@$(COMPILE) --extra demo --extra homomorphic -o requirements.lock
	@$(COMPILE) --extra demo --extra homomorphic --extra test --extra dev -c requirements.lock -o requirements-dev.lock
	@$(COMPILE) --extra demo --extra homomorphic --extra test --extra dev --extra bench --extra fuzz --extra cluster \
		-o requirements-extra.lock
	@$(BIN)/uv pip compile --group pyproject.toml:spu --quiet --universal --python-version 3.11 --fork-strategy fewest \
		--generate-hashes --no-header $(UPGRADE) -o requirements-spu.lock
	@! grep -nE 'https?:|file:|/' requirements*.lock || { echo "make lock: a lock must not name a place" >&2; exit 1; }

# SPU's wheels end at Python 3.11, and Linux x86_64 is where we compare; elsewhere its rows say: not installed.
SPU_PYTHON ?= python3.11
$(VENV)/.spu: requirements-spu.lock
	@echo "Installing $< into $(VENV)/spu (a minute or two, once)"
	@$(SPU_PYTHON) -m venv $(VENV)/spu && $(VENV)/spu/bin/python -m pip install -qq --disable-pip-version-check \
		--no-input --no-deps --require-hashes --only-binary :all: -r $<
	@touch $@

peers: $(VENV)/.extra
	@if $(SPU_PYTHON) -c 'import platform, sys; sys.exit(sys.version_info[:2] != (3, 11) \
		or (platform.system(), platform.machine()) != ("Linux", "x86_64"))' 2>/dev/null; \
	then $(MAKE) --no-print-directory $(VENV)/.spu; \
	else echo "make peers: SPU left out; it needs Linux x86_64 and make peers SPU_PYTHON=/path/to/python3.11"; fi

# Every benchmark runs, whatever the one before it found.
bench: $(VENV)/.dev
	@status=0; for file in bench/[a-z]*.py; do name=$$(basename $$file .py); \
		case $$name in harness | growth) continue ;; esac; \
		$(BIN)/python -m bench.$$name || status=1; done; exit $$status

fuzz: $(VENV)/.extra
	@$(BIN)/python -c 'import atheris' 2>/dev/null || { \
		echo "make fuzz: the fuzzer has wheels for Python 3.12 and 3.13 on Linux x86_64 only" >&2; exit 1; }
	@for file in tests/fuzz/fuzz_*.py; do [ -e $$file ] || continue; \
		$(BIN)/python $$file -max_total_time=$(FUZZ_SECONDS) || exit 1; done

clean:
	@rm -rf $(VENV) build dist .mypy_cache .ruff_cache .pytest_cache .hypothesis
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +
