# Every target sets up what it needs; a second call does no work twice. `make help` lists them.

PYTHON ?= $(shell for p in python3 python3.14 python3.13 python3.12 python3.11; do \
	$$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$p && exit; done; echo python3)
VENV := .venv
BIN := $(CURDIR)/$(VENV)/bin
STAMPS := .build
OLD_KEY := firmware/build/keys/signing_key.pem
IMAGES := rig/firmware_images/manifest.json

JOBS := -j$(shell nproc) --output-sync=target
SOURCES := $(shell find firmware -path firmware/build -prune -o -type f -print 2>/dev/null)
PROJECT := pyproject.toml rig/__init__.py

export PIP_DISABLE_PIP_VERSION_CHECK := 1
export PIP_ROOT_USER_ACTION := ignore
export PATH := $(BIN):$(PATH)
# Where it is set, a short Python process spends half of its time on compiling.
unexport PYTHONDONTWRITEBYTECODE
ifdef RIG_SIGNING_KEY
export RIG_SIGNING_KEY := $(if $(filter /%,$(RIG_SIGNING_KEY)),,$(CURDIR)/)$(RIG_SIGNING_KEY)
endif

.DELETE_ON_ERROR:
.PHONY: help run test setup packages test-packages firmware lint unit c-test fuzz fuzz-replay lock clean

help:
	@echo 'make run       set up everything, run the suite on every device this machine has, write reports/; N=4: that many tests at a time, 0 one by one'
	@echo 'make test      set up everything, lint, types, C unit tests, project tests with the suite; N as for run'
	@echo 'make setup     system packages, .venv with the locked dependencies'
	@echo 'make firmware  build and sign the firmware of every port'
	@echo 'make lint      ruff, mypy --strict, and who imports whom (the layers stand in pyproject.toml)'
	@echo 'make unit      the project tests alone; make unit K=expression selects'
	@echo 'make c-test    the C unit tests of the firmware, the committed fuzzing inputs among them'
	@echo 'make fuzz      look for new inputs that break the firmware, SECONDS=60 a target (needs clang)'
	@echo 'make fuzz-replay  the committed fuzzing inputs alone, under the sanitizers'
	@echo 'make lock      resolve the dependencies anew into requirements.lock (needs uv)'
	@echo 'make clean     remove everything that was built, the environment too; not the signing key'

# The main job. `auto`: native, and qemu where there is a QEMU and /dev/net/tun.
run: setup firmware
	@$(BIN)/rig run --device auto $(if $(N),-n $(N))

# One run, so that what computes runs while the rest waits for the wire and its clocks. The slowest tests are named at its end.
test: test-packages lint c-test
	@$(BIN)/python -m pytest tests rig/suite --device auto -n $(or $(N),auto) --maxschedchunk=1 --durations=10 --durations-min=2

setup: packages $(STAMPS)/project

test-packages:
	@.ci/packages.sh $(PYTHON) test

# Cheap to look, so done each time: a package may have been removed.
packages:
	@.ci/packages.sh $(PYTHON)

$(STAMPS)/venv: requirements.lock | packages
	@mkdir -p $(STAMPS)
	@echo 'installing the locked Python dependencies into $(VENV)'
	@$(PYTHON) -m venv --clear $(VENV)
	@$(BIN)/python -m pip install -qq --require-hashes --requirement requirements.lock
	@touch $@

$(STAMPS)/project: $(STAMPS)/venv $(PROJECT)
	@$(BIN)/python -m pip install -qq --no-deps --no-build-isolation --editable .
	@touch $@

firmware: $(IMAGES)

$(IMAGES): $(SOURCES) | setup
	@echo 'building and signing the firmware of every port (half a minute)'
	@$(MAKE) -s --no-print-directory -C firmware $(JOBS) PYTHON=$(BIN)/python
	@touch $@

lint: setup
	@$(BIN)/ruff check .
	@$(BIN)/mypy --strict
	@$(BIN)/lint-imports --no-cache --no-logo

unit: setup firmware
	@$(BIN)/python -m pytest tests $(if $(K),-k '$(K)')

c-test: firmware
	@$(MAKE) -s --no-print-directory -C firmware $(JOBS) test PYTHON=$(BIN)/python

fuzz fuzz-replay: firmware
	@$(MAKE) --no-print-directory -C firmware $@ PYTHON=$(BIN)/python $(if $(SECONDS),SECONDS=$(SECONDS))

lock:
	@uv pip compile pyproject.toml --extra dev --universal --python-version 3.11 --generate-hashes --no-emit-index-url \
		--no-annotate --custom-compile-command 'make lock' --output-file requirements.lock --upgrade
	@sed -i "s/ ; sys_platform == 'linux'//; s/ and sys_platform == 'linux'//" requirements.lock

clean:
	@[ ! -e $(OLD_KEY) ] || $(PYTHON) -m rig.device.signing_key path $(OLD_KEY) >/dev/null
	@rm -rf $(VENV) $(STAMPS) firmware/build dist *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis
	@find rig tests firmware -name __pycache__ -prune -exec rm -rf {} + 2>/dev/null || true
	@find rig/firmware_images -mindepth 1 ! -name .gitkeep -delete 2>/dev/null || true
