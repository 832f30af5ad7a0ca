# Firebrick: `make help` lists what there is.
.DEFAULT_GOAL := help
SHELL := /bin/bash

# What a user has set for other Pythons is not for ours.
unexport PYTHONPATH PYTHONHOME PIP_TARGET PIP_PREFIX PYTHONDONTWRITEBYTECODE
export PIP_USER := 0

PYTHON ?= python3
VENV := .venv
BUILD := $(or $(FIREBRICK_BUILD),build)
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
PIP := $(BIN)/python -m pip install --quiet --no-compile --disable-pip-version-check
# What every command imports, compiled with the set-up (three seconds); all else at its first import.
STARTED := $(addprefix $(VENV)/lib/python3*/site-packages/,numpy PIL rich) \
           firebrick host hw models quantize sim bench
# In front of what sets an environment up: a second make waits, and finds it done.
alone = exec 9>>$(1).lock && flock 9 || exit 2;
# The packages of $(VENV) are an environment's, too, behind its own.
on_top = $(BIN)/python -c 'import sysconfig; print("import site; site.addsitedir(%r)" % \
  sysconfig.get_path("purelib"))' > $$(echo $(1)/lib/python3*/site-packages)/project.pth
ROUTE_STAMP := $(VENV)/.installed-synth
# The pynq releases of boards with a Zynq-7000, each with an environment for its tests: pynq wants
# NumPy 1, which ends at Python 3.12; the boards have Python 3.10.
PYNQ_RELEASES := 3.0.1 3.1.2
PYNQ_STAMPS := $(PYNQ_RELEASES:%=.venv-pynq-%/.installed)
PYNQ_PYTHON ?= $(shell for python in python3.10 $(HOME)/.pyenv/versions/3.10.*/bin/python3.10 \
  "$(PYTHON)" python3.11 python3.12; do "$$python" -c 'import ensurepip, sys, venv; \
  sys.exit(not (3, 10) <= sys.version_info < (3, 13))' 2>/dev/null && echo "$$python" && break; done)
# hls4ml's front ends for Keras and PyTorch, for their tests: on top of $(VENV).
FRONTENDS_VENV := .venv-frontends
FRONTENDS_STAMP := $(FRONTENDS_VENV)/.installed
FRONTENDS := tests/hw/hls4ml_backend/requirements-frontends.txt
# clang, where there is none on the PATH, for the tests that compile the HLS C++ with it.
CLANG_VENV := .venv-clang
CLANG_STAMP := $(CLANG_VENV)/.installed
CLANG := tests/hw/hls/requirements-clang.txt
NEEDED_CLANG = $(if $(shell command -v clang++),,$(CLANG_STAMP))
TRAIN_VENV := .venv-train
TRAIN_STAMP := $(TRAIN_VENV)/.installed

# What commands work on: a file, or a bundled network: squeezenet (empty), digits.
MODEL ?=
IMAGES ?=
LABELS ?=
CALIBRATION ?=
# What `make compress` drops: a share, LAYER=SHARE,..., or published.
SPARSITY ?= published
# How the network's pictures were prepared when it was trained: a preset, or options by value.
PRESET ?=
OPTIONS ?=
# What `make bitstream` builds, and with which tools; CLOCK in MHz, empty: the board's.
BOARD ?= pynq-z2
TOOLCHAIN ?= vivado
CLOCK ?=
# With Vivado, PLACEMENT=1: a pblock for each column of the array, along the chip's DSPs.
PLACEMENT ?=
# Array, pixels x channels (with memories of other depths: 8x16,act_words=8192), empty: the board's,
# or the largest that openXC7 can place; minutes that its placement and routing may take, empty: 60;
# seeds, from SEED on, that it places to route the fastest, empty: 1.
SHAPE ?=
MINUTES ?=
SEEDS ?=
# Trials of `make faults`; empty: as many as nine minutes take. Mutants of `make mutants`; empty: 200.
# Networks of `make regress`; empty: 100.
N ?=
# Seed of the choice of `make mutants`, of the first of `make regress`, and of the placement of `make bitstream TOOLCHAIN=openxc7`.
SEED ?= 1

# A Dask cluster for what is many independent jobs: tcp://host:8786; empty: this machine's cores.
SCHEDULER ?=
# What `make trained` trains on: digits, or fashion (Fashion-MNIST); empty: digits.
DATA ?=
# Frames a second that `make advise` is to reach.
FPS ?=

# A board that was asked for: these commands have another default than one board.
asked_board = $(if $(filter file,$(origin BOARD)),,--board "$(BOARD)")

scheduled = $(if $(SCHEDULER),--scheduler "$(SCHEDULER)")

chosen = $(if $(MODEL),--model "$(MODEL)") $(if $(IMAGES),--images "$(IMAGES)") \
         $(if $(LABELS),--labels "$(LABELS)") $(if $(CALIBRATION),--calibration "$(CALIBRATION)") \
         $(if $(PRESET),--preset "$(PRESET)") $(OPTIONS)

for_board = --board "$(BOARD)" $(if $(MODEL),--model "$(MODEL)") \
            $(if $(IMAGES),--images "$(IMAGES)") $(if $(CALIBRATION),--calibration "$(CALIBRATION)") \
            $(if $(PRESET),--preset "$(PRESET)") $(OPTIONS)

.PHONY: help setup demo test test-fast pynq frontends clang accuracy quantize detect learn compress deploy notebook hls figures train \
        generate lint synth timing formal gates route boards explore trained advise bitstream faults regress coverage mutants nightly test-nightly \
        bench clean

help:  ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-10s %s\n", $$1, $$2}' Makefile

setup: $(STAMP)  ## create .venv and install everything the project needs

$(STAMP): requirements.txt pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "Python 3.11 or newer is needed: name one with make PYTHON=python3.x" >&2; exit 2; }
	@$(PYTHON) -c 'import venv, ensurepip' 2>/dev/null || \
	  { echo "Python's venv module is missing: apt-get install python3-venv" >&2; exit 2; }
	@command -v g++ >/dev/null || { echo "g++ is missing: apt-get install g++" >&2; exit 2; }
	@$(call alone,$(VENV)) test $@ -nt requirements.txt -a $@ -nt pyproject.toml || { \
	  echo "Installing Python packages into $(VENV) (about a minute, once)" && \
	  $(PYTHON) -m venv $(VENV) && $(PIP) -r requirements.txt && \
	  $(PIP) --no-deps --no-build-isolation -e . && \
	  $(BIN)/python -m compileall -q $(STARTED) && touch $@; }

demo: $(STAMP)  ## run a network on the simulated board, every bit compared (MODEL= IMAGES= LABELS= PRESET=)
	@$(BIN)/firebrick demo $(chosen)

accuracy: $(STAMP)  ## float against fixed point on labelled images (MODEL= IMAGES= LABELS= CALIBRATION=)
	@$(BIN)/firebrick accuracy --out "$(BUILD)/accuracy.json" $(scheduled) $(chosen)

quantize: $(STAMP)  ## quantize a network and report on it: MODEL= CALIBRATION= IMAGES= LABELS= -> build/network.*
	@$(BIN)/firebrick quantize --out "$(BUILD)/network.npz" $(chosen)

learn: $(STAMP)  ## your own classes: IMAGES=folder with a folder of photos a class -> build/learn.* (LABELS= MODEL=)
	@$(BIN)/firebrick learn $(if $(IMAGES),--images "$(IMAGES)") $(if $(LABELS),--labels "$(LABELS)") \
	  $(if $(MODEL),--model "$(MODEL)") $(if $(PRESET),--preset "$(PRESET)") $(OPTIONS)

deploy: $(STAMP)  ## pack an archive for a board (MODEL= IMAGES= BOARD=pynq-z2 BOARD_HOST=user@address)
	@$(BIN)/firebrick deploy $(for_board) $(if $(BOARD_HOST),--host "$(BOARD_HOST)")

notebook: $(STAMP)  ## run the notebook on the simulated board -> build/notebook/squeezenet.html (MODEL= IMAGES=)
	@$(BIN)/firebrick notebook $(for_board)

compress: $(STAMP)  ## Deep Compression without retraining: MODEL= SPARSITY= -> build/network.net (IMAGES=)
	@$(BIN)/firebrick compress --out "$(BUILD)/network.net" --sparsity "$(SPARSITY)" $(chosen)

hls: $(STAMP)  ## emit the C++ project for Vitis HLS and simulate it (MODEL=network.npz OPTIONS=)
	@$(BIN)/firebrick hls $(if $(MODEL),--model "$(MODEL)") $(if $(IMAGES),--images "$(IMAGES)") $(OPTIONS)

figures: $(STAMP)  ## parameters, MACs and sizes of SqueezeNets, against AlexNet (OPTIONS=)
	@$(BIN)/firebrick figures $(OPTIONS)

test: $(STAMP) $(PYNQ_STAMPS) $(if $(filter 1 true,$(CI)),$(FRONTENDS_STAMP) $(NEEDED_CLANG))  ## all tests, one process a core
	@$(BIN)/python -m pytest -n auto $(OPTIONS)

test-fast: $(STAMP)  ## the tests that take under a second: a minute or so
	@$(BIN)/python -m pytest -n auto --fast $(OPTIONS)

lint: $(STAMP)  ## format, lint, types, SystemVerilog, generated files -> build/house.json
	@$(BIN)/ruff format --check . && $(BIN)/ruff check . && $(BIN)/mypy && \
	  $(BIN)/python -m firebrick.sim.lint && $(BIN)/python -m firebrick.hw.generate --check && \
	  $(BIN)/python -m tests.house

generate: $(STAMP)  ## write the SystemVerilog, C++ and Python forms of hw/definition.py
	@$(BIN)/python -m firebrick.hw.generate

synth: $(STAMP)  ## synthesize for the xc7z020 with yosys: resources, longest paths (OPTIONS=--points: the model)
	@$(BIN)/firebrick synth $(OPTIONS)

timing: $(STAMP)  ## static timing of the netlist by three models of its wires -> build/timing.json
	@$(BIN)/firebrick timing $(OPTIONS)

formal: $(STAMP)  ## prove properties of queues, AXI ports and registers -> build/formal.json (OPTIONS=--quick)
	@nice $(BIN)/firebrick formal $(OPTIONS)

gates: $(STAMP)  ## run networks on the synthesized netlist -> build/gates.json (20 minutes, OPTIONS=--quick)
	@nice $(BIN)/firebrick gates $(OPTIONS)

route: $(ROUTE_STAMP)  ## as synth, and place and route a small engine on an ECP5 (ten minutes)
	@$(BIN)/firebrick synth --ecp5 $(OPTIONS)

$(ROUTE_STAMP): requirements-synth.txt $(STAMP)
	@$(call alone,$(VENV)) test $@ -nt $< || { echo "Installing nextpnr into $(VENV)" && \
	  $(PIP) -r requirements-synth.txt && touch $@; }

pynq: $(PYNQ_STAMPS)  ## environments with real releases of pynq, for the tests

.venv-pynq-%/.installed: tests/pynq/requirements-%.txt tests/pynq/requirements-build.txt
	@test -n "$(PYNQ_PYTHON)" || { echo "pynq $* needs Python 3.10, 3.11 or 3.12 with its venv" \
	  "module: install one, or name it with make PYNQ_PYTHON=python3.x" >&2; exit 2; }
	@$(call alone,$(@D)) test $@ -nt $< -a $@ -nt tests/pynq/requirements-build.txt || { \
	  echo "Installing pynq $* into $(@D) (a minute, once)" && rm -rf $(@D) && \
	  $(PYNQ_PYTHON) -m venv $(@D) && \
	  $(@D)/bin/python -m pip install --quiet --disable-pip-version-check --no-deps \
	    -r tests/pynq/requirements-build.txt && \
	  env -u BOARD -u PYNQ_JUPYTER_NOTEBOOKS $(@D)/bin/python -m pip install --quiet \
	    --disable-pip-version-check --no-deps --no-build-isolation -r $< && touch $@; }

frontends: $(FRONTENDS_STAMP)  ## an environment with PyTorch and Keras, for tests that else skip (1-3 GB)

# Where pip has no PyTorch for this machine the tests say so.
$(FRONTENDS_STAMP): $(FRONTENDS) $(STAMP)
	@$(call alone,$(@D)) test $@ -nt $(FRONTENDS) || { \
	  echo "Installing PyTorch and Keras into $(@D) (a minute, once)" && rm -rf $(@D) && \
	  $(BIN)/python -m venv $(@D) && $(call on_top,$(@D)) && \
	  { $(@D)/bin/python -m pip install --quiet --no-compile --disable-pip-version-check \
	    -r $(FRONTENDS) 2> $(@D)/unavailable && rm $(@D)/unavailable || cat $(@D)/unavailable >&2; } && \
	  touch $@; }

clang: $(CLANG_STAMP)  ## an environment with clang, for tests that else skip (100 MB to fetch, 440 MB)

$(CLANG_STAMP): $(CLANG)
	@$(call alone,$(@D)) test $@ -nt $< || { \
	  echo "Installing clang into $(@D) (a minute, once)" && rm -rf $(@D) && \
	  $(PYTHON) -m venv $(@D) && $(@D)/bin/python -m pip install --quiet --no-compile \
	    --disable-pip-version-check -r $< && touch $@; }

boards: $(STAMP)  ## the boards: resources of their engines, predicted frames a second (OPTIONS=--json)
	@$(BIN)/firebrick boards $(OPTIONS)

explore: $(STAMP)  ## networks x boards x arrays: what choices cost -> build/explore.* (BOARD= SCHEDULER=tcp://host:8786)
	@$(BIN)/firebrick explore --out "$(BUILD)/explore" $(asked_board) $(scheduled) $(OPTIONS)

trained: $(TRAIN_STAMP)  ## what choices do to accuracy, really trained -> build/trained.* (DATA= BOARD= OPTIONS=, PyTorch)
	@$(TRAIN_VENV)/bin/python -m firebrick trained $(if $(DATA),--data "$(DATA)") $(asked_board) \
	  $(scheduled) $(OPTIONS)

advise: $(STAMP)  ## boards, engine and changes that suit a network (MODEL= FPS= BOARD=)
	@$(BIN)/firebrick advise $(if $(MODEL),--model "$(MODEL)") $(if $(FPS),--fps "$(FPS)") \
	  $(asked_board) $(OPTIONS)

bitstream: $(STAMP)  ## build/BOARD/firebrick.bit and .hwh (BOARD=pynq-z2 TOOLCHAIN=vivado|openxc7 CLOCK=MHz)
	@$(BIN)/firebrick bitstream --board "$(BOARD)" --toolchain "$(TOOLCHAIN)" --seed $(SEED) \
	  $(if $(CLOCK),--clock "$(CLOCK)") $(if $(SHAPE),--shape "$(SHAPE)") \
	  $(if $(MINUTES),--minutes "$(MINUTES)") \
	  $(if $(SEEDS),--seeds "$(SEEDS)") $(if $(filter-out 0,$(PLACEMENT)),--placement) \
	  $(OPTIONS)

faults: $(STAMP)  ## faults on the simulated engine, nine minutes or N= trials -> build/faults.json
	@$(BIN)/firebrick faults $(if $(N),--trials $(N)) $(OPTIONS)

regress: $(STAMP)  ## random networks on the simulated engine -> build/regress.json (N=100 SEED=1 SCHEDULER=)
	@$(BIN)/firebrick regress $(if $(N),--trials $(N)) --seed $(SEED) $(scheduled) $(OPTIONS)

coverage: $(STAMP)  ## lines and bits of the RTL that networks and faults reach -> build/coverage.json (N= faults)
	@nice $(BIN)/python -m firebrick coverage $(if $(N),--trials $(N)) $(OPTIONS)

mutants: $(STAMP)  ## mutants of the RTL, which the tests must see -> build/mutants.json (N=200 SEED=1)
	@nice $(BIN)/python -m firebrick mutants $(if $(N),--mutants $(N)) --seed $(SEED) $(OPTIONS)

nightly: formal faults gates coverage mutants test-nightly  ## every campaign on the hardware, and the tests' further cases

test-nightly: $(STAMP)
	@$(BIN)/python -m pytest -n auto --nightly $(OPTIONS)

bench: $(STAMP)  ## print the benchmarks' figures
	@$(BIN)/firebrick bench $(OPTIONS)

detect: $(STAMP)  ## average precision of the bundled detector, float and fixed -> build/detect.json
	@$(BIN)/firebrick detect --out "$(BUILD)/detect.json" $(OPTIONS)

train: $(TRAIN_STAMP)  ## train the bundled digits network anew, or MODEL=detector (installs PyTorch)
	@$(TRAIN_VENV)/bin/python -m firebrick.models.train$(if $(filter detector,$(MODEL)),_detector)

$(TRAIN_STAMP): models/requirements-train.txt $(STAMP)
	@$(call alone,$(TRAIN_VENV)) test $@ -nt $< || { \
	  echo "Installing PyTorch into $(TRAIN_VENV) (0.8 GB, once)" && rm -rf $(TRAIN_VENV) && \
	  $(BIN)/python -m venv $(TRAIN_VENV) && $(call on_top,$(TRAIN_VENV)) && \
	  $(TRAIN_VENV)/bin/python -m pip install --quiet --no-compile --disable-pip-version-check \
	    -r models/requirements-train.txt && touch $@; }

clean:  ## remove what was built (not the Python environments)
	rm -rf build
