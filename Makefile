# `make demo` and `make test` set up all they need in .venv; nothing else is touched.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check

.PHONY: demo test check card docs format android pi clean

# The runtime alone: no TensorFlow, installed in seconds.
$(VENV)/.edge: pyproject.toml constraints.txt
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(PIP) install --quiet --constraint constraints.txt --editable '.[edge,formats]'
	touch $@

$(VENV)/.dev: $(VENV)/.edge
	$(PIP) install --quiet --constraint constraints.txt --editable '.[dev]'
	touch $@

demo: $(VENV)/.edge
	$(BIN)/edge score examples

# A file's tests stay together, since they share what is slow to make.
PYTEST = $(BIN)/python -m pytest --numprocesses auto --dist loadfile --no-loadscope-reorder

test: $(VENV)/.dev
	$(PYTEST)

check: $(VENV)/.dev
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python tools/document_cli.py --check
	$(BIN)/python tools/paste_output.py --check
	$(BIN)/python tools/experiments.py --check
	$(CARD) --check
	$(PYTEST)

# What the documents show of the programs; the long runs among it are renewed by `tools/paste_output.py --all`.
docs: $(VENV)/.dev
	$(BIN)/python tools/document_cli.py
	$(BIN)/python tools/paste_output.py
	$(BIN)/python tools/experiments.py > /dev/null

CARD = $(BIN)/workbench card models/bonafone-patch-v6.tflite -o models/bonafone-patch-v6.md \
	--report docs/reports/bonafone-patch-v6-dev.json --report docs/reports/bonafone-patch-v6-test.json \
	--live docs/live/bonafone-patch-v6-dev.json \
	--baseline docs/reports/bonafone-patch-v5-dev.json --baseline docs/reports/bonafone-patch-v5-test.json \
	--baseline docs/reports/bonafone-patch-v4-dev.json --baseline docs/reports/bonafone-patch-v4-test.json \
	--baseline docs/reports/bonafone-tcn-v1-dev.json --baseline docs/reports/bonafone-tcn-v1-test.json \
	--baseline docs/reports/dessa-dev.json --baseline docs/reports/dessa-test.json

# The figures of the model's card, from the reports that `workbench evaluate` kept.
card: $(VENV)/.dev
	$(CARD)

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
	rm -rf $(VENV) build dist
