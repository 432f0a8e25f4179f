# The two commands are `make demo` and `make test`; `make check` is the gate.
# Nothing but python3 with venv and pip is assumed; PYTHON=... names another one.

BIN := .venv/bin

.PHONY: results reproduce help demo test test-slow test-browser check gate format bench engine page wheel clean

help:
	@echo "make demo       what the shipped models do, as one page: runs/demo/report.html"
	@echo "make reproduce  the paper's comparison, trained from nothing: runs/quick/report.html"
	@echo "make test       the tests (under 10 minutes)"
	@echo "make test-slow  the tests that take longer"
	@echo "make test-browser  the page in a browser (needs Chromium; Debian: apt-get install chromium)"
	@echo "make check      the whole gate: format, lint, types, import rules, tests"
	@echo "make format     bring the code into its format"
	@echo "make results    the tables and plots of README and docs, from results/"
	@echo "make bench      the benchmarks, but lossy.py, which wants a trained network"
	@echo "make engine     compile engine.c to engine.wasm (needs clang and lld)"
	@echo "make page       copy onnxruntime-web's files for the page (needs npm)"
	@echo "make wheel      build the wheel into dist/"
	@echo "make clean      remove what was built; runs/ stays"

demo:
	@tools/setup.sh cloud,edge,train
	@$(BIN)/cofeat demo

reproduce:
	@tools/setup.sh cloud,edge,train
	@$(BIN)/cofeat reproduce recipes/quick.yaml --split

test:
	@tools/setup.sh codecs,train,dev
	@$(BIN)/python -m pytest -m "not slow and not browser"

test-slow:
	@tools/setup.sh codecs,train,dev,ray
	@$(BIN)/python -m pytest -m slow

test-browser:
	@tools/setup.sh codecs,train,dev
	@$(BIN)/python -m pytest -m browser tests/web

check: gate test

gate:
	@tools/setup.sh codecs,train,dev
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports

format:
	@tools/setup.sh codecs,train,dev
	@$(BIN)/ruff format .
	@$(BIN)/ruff check --fix .

results:
	@tools/setup.sh codecs,train,dev
	@$(BIN)/python tools/results

bench:
	@tools/setup.sh codecs,train,dev
	@status=0; for file in $(filter-out benchmarks/lossy.py,$(wildcard benchmarks/*.py)); do echo "== $$file"; $(BIN)/python $$file || status=1; done; \
		exit $$status

engine:
	@tools/build_engine.sh

page:
	@tools/build_page.sh

wheel:
	@tools/setup.sh codecs,train,dev
	@rm -f dist/*.whl
	@$(BIN)/python -m build --wheel

clean:
	rm -rf .venv dist build .pytest_cache .mypy_cache .ruff_cache .hypothesis
