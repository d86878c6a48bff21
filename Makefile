PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip install --quiet
# PyTorch without CUDA is a tenth of the size: uv picks it where there is no NVIDIA card, and pip takes what there is.
UV := $(BIN)/uv pip install --quiet --python $(BIN)/python --torch-backend=auto

.PHONY: run test lint mutants clean

run: $(VENV)/run
	$(BIN)/python app.py

test: $(VENV)/test
	$(BIN)/python -m pytest --numprocesses 2 --dist loadfile

lint: $(VENV)/test node_modules
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	npm run --silent lint
	npm run --silent test

mutants: $(VENV)/test
	OMP_NUM_THREADS=1 $(BIN)/mutmut run --max-children 2 && $(BIN)/mutmut results

clean:
	rm -rf $(VENV) node_modules

$(VENV)/run: requirements.txt
	$(PYTHON) -m venv $(VENV)
	$(PIP) --upgrade pip uv
	$(UV) -r requirements.txt || $(PIP) -r requirements.txt
	touch $@

$(VENV)/test: $(VENV)/run requirements-dev.txt
	$(PIP) -r requirements-dev.txt
	touch $@

node_modules: package.json package-lock.json
	npm ci --silent --no-audit --no-fund
	touch $@
