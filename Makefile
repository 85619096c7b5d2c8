# Everything happens in $(VENV); only Python 3.11 to 3.13 and make have to be there.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
# pyvips would build against an older libvips of the system where its headers are installed: hide them.
PIP := PKG_CONFIG_LIBDIR=/nonexistent $(BIN)/python -m pip --disable-pip-version-check install --quiet --require-hashes --no-build-isolation
PHOTO ?= examples/kodim23.png

.PHONY: demo serve test lint bench lock clean

demo: $(VENV)/.run  ## the main job on a real picture
	$(BIN)/pixelflow demo $(PHOTO) --output ./demo-output

serve: $(VENV)/.run  ## a server on http://127.0.0.1:8080
	$(BIN)/pixelflow serve

test: $(VENV)/.dev
	$(BIN)/python -m pytest $(TESTS)

lint: $(VENV)/.dev
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

bench: $(VENV)/.dev  ## PixelFlow beside raw libvips and the peers; see benchmarks/README.md
	benchmarks/run $(BENCH)

lock: $(VENV)/.dev
	$(BIN)/python -m pip --disable-pip-version-check install --quiet uv
	for set in run:--no-default-groups dev:--group=dev; do \
	  $(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header --no-annotate --no-emit-index-url \
	    $$([ $${set%%:*} = dev ] && echo --group dev --all-extras) pyproject.toml -o requirements/$${set%%:*}.lock || exit 1; done
	$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header --no-annotate --no-emit-index-url \
	  requirements/build.in -o requirements/build.lock

$(VENV)/.build: requirements/build.lock
	$(PYTHON) -m venv $(VENV)
	$(PIP) -r requirements/build.lock
	touch $@

$(VENV)/.run: $(VENV)/.build requirements/run.lock pyproject.toml
	$(PIP) -r requirements/run.lock
	$(BIN)/python -m pip --disable-pip-version-check install --quiet --no-build-isolation --no-deps --editable .
	touch $@

$(VENV)/.dev: $(VENV)/.run requirements/dev.lock
	$(PIP) -r requirements/dev.lock
	touch $@

clean:
	rm -rf $(VENV) demo-output
