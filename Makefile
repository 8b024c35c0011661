# make run    install what is missing and start the app on 127.0.0.1:8501
# make test   install what the tests need too, then lint, type-check and test
# make test-fast   lint and the quick tests alone
# make help   the other targets and the variables

VENV ?= .venv
PORT ?= 8501
JOBS ?= 2
# Options for users: another interpreter, and another package index for torch alone.
PYTHON ?=
TORCH_INDEX ?=
PYTEST_ARGS ?=

BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check
CHECKED_OPTIONS := install --no-deps --only-binary :all: --require-hashes
CHECKED := $(PIP) $(CHECKED_OPTIONS)
TOOLS := .venv-tools
TORCH := $(shell grep '^torch==' requirements.txt)
ONE_THREAD := OMP_NUM_THREADS=1 MKL_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1

.PHONY: help run install install-dev viewer system-packages test test-fast hooks lint types format perf screenshots docs lock sbom licenses clean
.DELETE_ON_ERROR:

run: install viewer
	$(BIN)/streamlit run app.py --server.address 127.0.0.1 --server.port $(PORT)

install: $(VENV)/.installed

viewer: $(VENV)/.installed
	@$(BIN)/python scripts/fetch_3dmol.py

install-dev: $(VENV)/.installed-dev

system-packages:
	@scripts/install_system_packages.sh

test: system-packages install-dev viewer lint types
	$(ONE_THREAD) $(BIN)/python -m pytest -n $(JOBS) --dist loadfile $(PYTEST_ARGS)

test-fast: lint
	$(ONE_THREAD) $(BIN)/python -m pytest -n $(JOBS) --dist loadfile -m "not slow" $(PYTEST_ARGS)

hooks: $(VENV)/.installed-dev $(TOOLS)/.installed
	$(TOOLS)/bin/pre-commit install

lint: $(VENV)/.installed-dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/lint-imports --no-logo

types: $(VENV)/.installed-dev
	$(BIN)/mypy

format: $(VENV)/.installed-dev
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

perf: install-dev viewer
	$(BIN)/python -m perf.startup
	$(BIN)/python -m perf.drawing
	$(BIN)/python -m perf.potential
	$(BIN)/python -m perf.parameters

screenshots: install-dev viewer
	$(BIN)/python -m scripts.screenshots

docs: install-dev
	$(BIN)/python -m sphinx -W --keep-going -q -b html docs site
	@echo 'open site/index.html'

# After each change of requirements*.txt or constraints.txt.
lock: $(TOOLS)/.installed
	$(BIN)/python -m scripts.lock

sbom: install viewer $(TOOLS)/.installed
	$(BIN)/python -m scripts.components --sbom dist/virialff.cdx.json

licenses: install viewer $(TOOLS)/.installed
	$(BIN)/python -m scripts.components --licenses dist/licenses.csv

clean:
	rm -rf $(VENV) $(TOOLS) site static build dist virialff.egg-info .mypy_cache .pytest_cache .ruff_cache .hypothesis

help:
	@echo 'make run           install what is missing, then the app on http://127.0.0.1:$(PORT)'
	@echo 'make test          install what the tests need, Debian packages too where root, then lint, types, tests'
	@echo 'make test-fast     lint and the tests without browser, app, SLURM, DFT and trainings'
	@echo 'make hooks         checks before each commit'
	@echo 'make install       only the environment in $(VENV), with the command $(BIN)/virialff'
	@echo 'make lint types    ruff and mypy alone;  make format  lets ruff rewrite the files'
	@echo 'make perf          measure start-up, drawing, energies and parameters'
	@echo 'make screenshots   pictures of the running app into docs/images'
	@echo 'make lock          locks/ anew, after a change of requirements*.txt or constraints.txt'
	@echo 'make sbom licenses   components (CycloneDX) and licenses of what runs, into dist/'
	@echo 'make docs          the documentation as a site, in site/'
	@echo 'make clean         remove all that these targets made'
	@echo 'PYTHON=...         another Python than python3.11, up to 3.14: without DGL and xtb-python'
	@echo 'PORT=...           another port for the app'
	@echo 'TORCH_INDEX=...    take torch from this index, for example the CPU builds of download.pytorch.org/whl/cpu'
	@echo 'JOBS=... PYTEST_ARGS=...   test processes, and arguments for pytest'

$(BIN)/python:
	@scripts/make_venv.sh $(VENV) $(PYTHON)

# Every file that is installed has its sha256 in locks/ (scripts/lock.py). Another index may be named for torch, whose
# builds it alone lists: it comes last, so that nothing else can come from there but its CUDA packages. A build that lies
# on this machine (PIP_FIND_LINKS) goes before that of the package index.
$(VENV)/.installed: locks/run.txt locks/torch.txt locks/cuda.txt pyproject.toml | $(BIN)/python
	$(CHECKED) -r locks/run.txt
ifdef TORCH_INDEX
	$(PIP) install --index-url $(TORCH_INDEX) -c constraints.txt $(TORCH)
else
	$(CHECKED) --quiet --no-index -r locks/torch.txt 2>/dev/null || $(CHECKED) -r locks/torch.txt
	if $(BIN)/python -c 'import importlib.metadata as m; exit("nvidia-" not in str(m.requires("torch")))'; \
	then $(CHECKED) -r locks/cuda.txt; fi
endif
	$(PIP) install --quiet --no-deps --no-build-isolation -e .
	@touch $@

$(VENV)/.installed-dev: locks/dev.txt $(VENV)/.installed
	$(CHECKED) --quiet -r locks/dev.txt
	@touch $@

$(TOOLS)/.installed: locks/tools.txt
	@scripts/make_venv.sh $(TOOLS) $(PYTHON)
	$(TOOLS)/bin/python -m pip $(CHECKED_OPTIONS) --quiet -r locks/tools.txt
	@touch $@
