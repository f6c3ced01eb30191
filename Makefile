# Each target does all of its own set-up in .venv; a machine needs Python 3.11 or newer and make.
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
# A strict editable install is a tree of links: it is made again when a file comes or goes (a folder's time changes).
FOLDERS := $(shell find toolkit backends exporters data -type d -not -name __pycache__)

.PHONY: train test coverage check parity exact exact-table workers example bench torture onnx-page onnx-networks clean

train: $(VENV)/run.stamp
	$(BIN)/cnnkit train

# tests/conftest.py puts files that take long first, so that no process is waited for at the end.
PYTEST := $(BIN)/python -m pytest --numprocesses=auto --maxprocesses=4 --dist=loadfile --no-loadscope-reorder

test: $(VENV)/dev.stamp
	$(PYTEST)

# The same tests with each line counted, which takes 1.8 times as long; below 95 % is a failure.
coverage: $(VENV)/dev.stamp
	$(PYTEST) --cov --cov-report=term --cov-fail-under=95

parity: $(VENV)/dev.stamp
	mkdir -p build
	$(BIN)/cnnkit parity --quiet --backend numpy --backend torch --backend reference --backend cupy-sim --report build/parity.html

# One hash for each of five trainings of 200 steps, in every arrangement that this machine can run: docs/exact.md.
exact: $(VENV)/dev.stamp
	PYTHONPATH=tests $(BIN)/python -m exact

# One fingerprint for 1, 2, 3, 4 and 7 workers, also after one was killed: docs/scale.md.
workers: $(VENV)/dev.stamp
	PYTHONPATH=tests $(BIN)/python -m workers

# After a change of bits that was meant: writes the table of hashes from numpy, then compares all arrangements with it.
exact-table: $(VENV)/dev.stamp
	PYTHONPATH=tests $(BIN)/python -m exact --write

# The example backend as its author would try it: installed beside cnnkit, found by its entry point.
example: | $(VENV)/bin/python
	$(PYTHON) -m venv build/example
	build/example/bin/python -m pip install --quiet . ./examples/jax_backend
	build/example/bin/cnnkit parity --quick --quiet --backend numpy --backend reference --backend jax

# pyright does not look into links, and takes one file under two names for two types: it gets a copy.
check: $(VENV)/dev.stamp
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	rm -rf build/typing && mkdir -p build/typing
	cp -rL "$$($(BIN)/python -c 'import cnnkit, os; print(os.path.dirname(cnnkit.__file__))')" build/typing/
	$(BIN)/pyright build/typing
	$(BIN)/python .ci/audit.py

# Peers are those of the tests' environment; MNIST in CNNKIT_DATA_DIR, rustc, g++ and Chromium are used where they are.
bench: $(VENV)/dev.stamp
	$(BIN)/python benchmarks/bench.py
	$(BIN)/python benchmarks/scaling.py

# Tries to break cnnkit and counts: docs/reliability.md. FORM=short is CI's, FORM=long takes hours.
FORM ?= usual
torture: $(VENV)/dev.stamp
	mkdir -p build
	PYTHONPATH=tests $(BIN)/python -m torture --form $(FORM) --json build/torture.json

# Writes docs/onnx-operators.md from what the tests of ONNX's own cases find.
onnx-page: $(VENV)/dev.stamp
	CNNKIT_WRITE_PAGES=1 $(BIN)/python -m pytest -q -k up_to_date tests/toolkit/adopting/onnx/test_onnx_node_cases.py

# All nine light networks of the package onnx against onnxruntime: some minutes, and 3 GiB of memory.
onnx-networks: $(VENV)/dev.stamp
	CNNKIT_ALL_NETWORKS=1 $(BIN)/python -m pytest -q tests/toolkit/adopting/onnx/test_light_networks.py

$(VENV)/bin/python:
	$(PYTHON) -m venv $(VENV)

$(VENV)/run.stamp: pyproject.toml $(FOLDERS) | $(VENV)/bin/python
	$(BIN)/python -m pip install --quiet --editable .
	touch $@

# Tests start hundreds of processes: where Python is told to keep no compiled files, each would compile all of cnnkit.
$(VENV)/dev.stamp: pyproject.toml $(FOLDERS) | $(VENV)/bin/python
	$(BIN)/python -m pip install --quiet --editable ".[dev]"
	$(BIN)/python -m compileall -q "$$($(BIN)/python -c 'import cnnkit, os; print(os.path.dirname(cnnkit.__file__))')"
	touch $@ $(VENV)/run.stamp

clean:
	rm -rf $(VENV) build *.egg-info .coverage htmlcov .pytest_cache .mypy_cache .ruff_cache
