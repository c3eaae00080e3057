# `make demo`, `make check` and `make test` set up all that they need in .venv.
# Where python3 is older than 3.11, name another: make demo PYTHON=python3.11
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check

# "yes" where an interpreter exists and is recent enough. $(error) gives one line where pip's resolver gives many.
recent = $(shell $(1) -c 'import sys; print("yes" if sys.version_info >= (3, 11) else "")' 2>/dev/null)
TOO_OLD = Python 3.11 or later is needed, and $(PYTHON) is older or missing; \
	name a newer one, as in: make $(or $(firstword $(MAKECMDGOALS)),demo) PYTHON=python3.11

.PHONY: demo test check card model docs format android pi clean

# The runtime alone: no TensorFlow, installed in seconds.
$(VENV)/.edge: pyproject.toml constraints.txt
	$(if $(call recent,$(BIN)/python)$(call recent,$(PYTHON)),,$(error $(TOO_OLD)))
	@$(if $(call recent,$(BIN)/python),true,$(PYTHON) -m venv --clear $(VENV))
	@echo "Installing the detector with pip into $(VENV) (about 20 s) ..."
	@$(PIP) install --quiet --constraint constraints.txt --editable '.[edge,formats]'
	touch $@

$(VENV)/.dev: $(VENV)/.edge
	@echo "Installing the workbench and the tests' tools with pip into $(VENV) (some minutes, 2 GB) ..."
	@$(PIP) install --quiet --constraint constraints.txt --editable '.[dev]'
	touch $@

demo: $(VENV)/.edge
	$(BIN)/edge score examples

# A file's tests stay together, since they share what is slow to make. `pytest -m "not slow"` is the short run.
test: $(VENV)/.dev
	$(BIN)/python -m pytest --numprocesses auto --dist loadfile --no-loadscope-reorder

# All that is no test: format, lint, types, imports, and whether documents and card are what their programs say.
check: $(VENV)/.dev
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python tools/document_cli.py --check
	$(BIN)/python tools/paste_output.py --check
	$(CARD) --check
	$(CARD_SMALL) --check
	$(CARD_V7) --check

# What the documents show of the programs; the long runs among it are renewed by `tools/paste_output.py --all`.
docs: $(VENV)/.dev
	$(BIN)/python tools/document_cli.py
	$(BIN)/python tools/paste_output.py

CARD = $(BIN)/workbench card models/bonafone-patch-v6.tflite -o models/bonafone-patch-v6.md \
	--report docs/reports/bonafone-patch-v6-dev.json --report docs/reports/bonafone-patch-v6-test.json \
	--live docs/live/bonafone-patch-v6-dev.json \
	--baseline docs/reports/bonafone-patch-v5-dev.json --baseline docs/reports/bonafone-patch-v5-test.json \
	--baseline docs/reports/bonafone-patch-v4-dev.json --baseline docs/reports/bonafone-patch-v4-test.json \
	--baseline docs/reports/bonafone-tcn-v1-dev.json --baseline docs/reports/bonafone-tcn-v1-test.json \
	--baseline docs/reports/dessa-dev.json --baseline docs/reports/dessa-test.json

CARD_SMALL = $(BIN)/workbench card models/bonafone-small.tflite -o models/bonafone-small.md \
	--report docs/reports/bonafone-small-dev.json --report docs/reports/bonafone-small-test.json \
	--live docs/live/bonafone-small-dev.json
CARD_V7 = $(BIN)/workbench card models/bonafone-v7-preview.tflite -o models/bonafone-v7-preview.md \
	--report docs/reports/bonafone-v7-preview-dev.json --report docs/reports/bonafone-v7-preview-test.json

# The figures of the models' cards, from the reports that `workbench evaluate` kept.
card: $(VENV)/.dev
	$(CARD)
	$(CARD_SMALL)
	$(CARD_V7)

# From the corpus to the shipped models, in hours: docs/training.md. Patches and encoder resume after a kill.
CORPUS ?= corpus
RUNS ?= runs
DATA = --manifest $(CORPUS)/manifest.tsv --noise $(CORPUS)/noise
model: $(VENV)/.dev
	$(BIN)/python tools/fetch_encoder.py
	$(BIN)/workbench train --config patches --seed 1 $(DATA) --run $(RUNS)/patches
	$(BIN)/workbench train --config encoder --seed 0 $(DATA) --run $(RUNS)/encoder
	$(BIN)/workbench train --config fusion $(DATA) --branch $(RUNS)/patches --branch $(RUNS)/encoder --run $(RUNS)/fusion
	$(BIN)/workbench quantize $(RUNS)/patches --name bonafone-small -o $(RUNS)/bonafone-small.tflite
	$(BIN)/workbench quantize $(RUNS)/fusion --name bonafone-v7 -o $(RUNS)/bonafone-v7.tflite
	for name in small v7; do $(BIN)/workbench calibrate $(RUNS)/bonafone-$$name.tflite \
		--manifest $(CORPUS)/manifest.tsv --jobs 2 --report $(RUNS)/bonafone-$$name-live.json; done

# The Android app without an SDK: compilation against stubs, API levels, manifest and resources.
android: $(VENV)/.dev
	$(BIN)/python tools/check_android.py

# The runtime on emulated Raspberry Pis, its scores against those of this machine. Needs root.
pi: $(VENV)/.dev
	$(BIN)/python tools/pi_emulation.py

format: $(VENV)/.dev
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

clean:
	rm -rf $(VENV) .cache build dist
