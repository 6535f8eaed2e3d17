# The course's commands. `make help` lists them. Without make, as on Windows: `python bootstrap.py lab`, and `test`.
#
#   PYTHON=/path/to/python3.12   the Python that .venv is made with (default: the first of 3.13, 3.12, 3.11 and python3
#                                that is new enough)
#   TORCH=cpu|cuda|address       PyTorch's build, or the index that it comes from (see pytorch.org/get-started); on Linux the
#                                default is the CUDA build where there is an NVIDIA GPU, else the CPU build, much the smaller
#   ROOT=.                       `make lab` opens the whole checkout, for authors, instead of the learner's folder
#   ARGS="..."                   handed on: to JupyterLab by `make lab`, to pytest by `make test`, to benchmarks/bench.py and benchmarks.mutants

.DEFAULT_GOAL := help
.PHONY: help setup lab test check whole lessons lock lint bench mutants site
PYTHON ?=
TORCH ?=
ROOT ?=
ARGS ?=
RUN := .venv/bin/python

help:
	@echo "make lab        open the course in JupyterLab (sets itself up the first time)"
	@echo "make test       run the tests; ARGS=\"tests/test_setup.py -x\" is handed to pytest"
	@echo "make check      style, types, import rules, and the tests that take less than a second each"
	@echo "make whole      run what the weekly run does: every notebook and every long table whole"
	@echo "make lessons    build notebooks/ from lessons/"
	@echo "make lock       write pylock.toml anew from pyproject.toml, with the newest versions (needs uv)"
	@echo "make site       build the course's web pages in site/; minutes the first time"
	@echo "make lint       check the code's style"
	@echo "make bench      measure speed and memory beside Keras, timm and torchvision; ARGS=\"profile\" for one table"
	@echo "make mutants    try wrong and right answers, made from the solutions, on the lessons' checks; about an hour"
	@echo "make setup      only make or update the environment in .venv"
	@echo "Options: PYTHON=python3.12, TORCH=cpu|cuda|address, ROOT=. (see the top of the Makefile)"

setup:
	@python="$(PYTHON)"; given="$${python:+--this-python}"; \
	for candidate in python3.13 python3.12 python3.11 python3; do \
		[ -n "$$python" ] && break; \
		$$candidate -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && python=$$candidate; \
	done; \
	python="$${python:-$$(command -v python3 || command -v python)}"; \
	if ! command -v "$${python:-none}" >/dev/null; then \
		echo "The course needs Python 3.11 or later, and $${python:-python3} was not found: install it from python.org or with your system's packages, or name one with PYTHON=/path/to/python3." >&2; exit 1; \
	fi; \
	"$$python" bootstrap.py $$given --torch="$(TORCH)"

lab: setup
	@$(RUN) -m lessons lab $(if $(ROOT),--root "$(ROOT)") $(ARGS)

# `make test`, `check` and `whole` begin here: a students' copy says so before it sets anything up.
tests:
	@echo "This is the students' copy of the course: its tests are in the whole course, which your teacher has. Learning needs only: make lab" >&2; exit 1

test: | tests setup
	$(RUN) -m pytest -n auto $(ARGS)

check: | tests lint
	.venv/bin/lint-imports --no-logo
	$(RUN) -m pytest -n auto --quick $(ARGS)

# `make test` runs each notebook with short trainings, and a part of some long tables; the weekly run has them whole.
whole: | tests setup
	$(RUN) -m pytest -n auto --whole -m whole $(ARGS)

lessons: setup
	$(RUN) -m lessons build

lock:
	uv pip compile pyproject.toml --extra test --universal --python-version 3.11 --upgrade --format pylock.toml \
		--custom-compile-command "make lock" --output-file pylock.toml

lint: setup
	$(RUN) -m ruff check .
	$(RUN) -m ruff format --check .

site: setup
	@$(RUN) -m lessons site $(ARGS)

bench: setup
	@$(RUN) benchmarks/bench.py $(ARGS)

mutants: setup
	@$(RUN) -m benchmarks.mutants $(ARGS)
