# make repro   a fine-tuned classifier and its report, from whatever changed
# make help    everything else
PYTHON ?= python3
PIP := .venv/bin/python -m pip --disable-pip-version-check -q
# DVC takes `python` from PATH.
export PATH := $(CURDIR)/.venv/bin:$(PATH)

.DEFAULT_GOAL := help
.PHONY: help environment start repro review predict evaluate compare experiments seeds report test-set test thorough quick check lint generated deps layers site requirements.txt

# What a person sets reaches the commands as text: `value` keeps make from expanding it, and the
# shell takes it from the environment, so that no $(...), ; or * in it runs or matches anything.
BASE ?= HEAD
REV ?= HEAD
N ?= 5
OTHER ?=
PHOTOS ?=
OUT ?=
override BASE := $(value BASE)
override REV := $(value REV)
override N := $(value N)
override OTHER := $(value OTHER)
override PHOTOS := $(value PHOTOS)
override OUT := $(value OUT)
export BASE REV N OTHER PHOTOS OUT
# Of what `dvc exp show` has, the columns worth reading: the error with its interval, how far it is
# from the baseline's, the learning rate, and the params that differ.
SECTIONS := seed$$|(fetch|ingest|presize|datablock|augment|model|lr_find|fine_tune)\.
COLUMNS := Experiment$$|error_rate\.|versus_baseline\.difference\.value$$|base_lr$$|$(SECTIONS)

help: ## show these lines
	@grep -E '^[a-z.-]+:.*## ' Makefile | sed -E 's/^([a-z.-]+):[^#]*## /\1\t/' | expand -t 20

# The environment is as requirements.txt says when the copy inside it is the same, whatever the
# dates of files are; so a .venv that is a link to another clone's serves as well.
environment: ## make .venv, with the pinned requirements
	@if ! cmp -s requirements.txt .venv/requirements.txt; then \
	  $(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
	    || { echo 'Finetrack needs Python 3.11 or newer: make PYTHON=python3.12'; exit 1; } && \
	  { test -x .venv/bin/python || $(PYTHON) -m venv .venv; } && \
	  echo 'Installing what requirements.txt names into .venv; the first time takes minutes.' && \
	  $(PIP) install -r requirements.txt && \
	  cp requirements.txt .venv/requirements.txt; \
	fi

start: environment ## PHOTOS=folder: propose how your photos are labelled, write params.yaml after a yes
	@test -n "$$PHOTOS" || { echo 'PHOTOS=folder says which photos'; exit 1; }
	@.venv/bin/python -m stages.tools.start -- "$$PHOTOS"

repro: environment ## run the stages that something changed for, print the result
	@.venv/bin/python -m stages.tools.check
	.venv/bin/dvc repro
	@.venv/bin/python -m stages.tools.headline

review: environment ## review labels in the browser: decisions are saved, G runs again, dropped photos are answered
	@.venv/bin/python -m stages.tools.review

predict: environment ## PHOTOS=folder [OUT=predictions.csv]: what the model says of photos
	@test -n "$$PHOTOS" || { echo 'PHOTOS=folder says which photos'; exit 1; }
	@.venv/bin/python -m stages.tools.predict $${OUT:+--out "$$OUT"} -- "$$PHOTOS"

evaluate: environment ## PHOTOS=folder OUT=folder: how often the model is right on new labelled photos
	@test -n "$$PHOTOS" -a -n "$$OUT" || { echo 'PHOTOS=folder says which photos, OUT=folder where the result goes'; exit 1; }
	@.venv/bin/python -m stages.tools.evaluate --out "$$OUT" -- "$$PHOTOS"

compare: environment ## BASE=main [OTHER=...]: better, worse, or cannot tell, on the same images
	@set -f; .venv/bin/python -m stages.tools.compare "$$BASE" $$OTHER

experiments: environment ## DVC's experiments with the columns worth reading
	@.venv/bin/dvc exp show --only-changed --keep '^(error_rate\.|versus_baseline\.difference\.value$$|base_lr$$)' --drop '^(?!$(COLUMNS))'

seeds: environment ## N=5: queue the same with other seeds; then: dvc queue start
	@case "$$N" in ''|*[!0-9]*) echo "N is a number of seeds, such as N=5, not $$N"; exit 1;; esac
	.venv/bin/dvc exp run --queue --name seed -S "seed=range(1,$$(expr "$$N" + 1))"

report: environment ## REV=v1: the page of a past commit again, without training
	@.venv/bin/python -m stages.tools.past_page "$$REV"

test-set: environment ## open the images that datablock.split.test set aside, and count the opening
	@.venv/bin/python -m stages.tools.test_set

test: environment ## run the tests
	.venv/bin/python -m pytest -n 2 --dist loadfile --no-loadscope-reorder -m 'not thorough'

thorough: environment ## run the tests that prove once what others watch
	.venv/bin/python -m pytest -n 2 --dist loadfile --no-loadscope-reorder -m thorough

quick: environment ## run the tests that take seconds
	.venv/bin/python -m pytest -n 2 --dist loadfile --no-loadscope-reorder -m 'not slow and not browser and not thorough'

lint: environment generated ## lint, format, types and generated files, without tests
	.venv/bin/ruff check
	.venv/bin/ruff format --check
	.venv/bin/mypy

generated: environment ## compare the generated files with their sources; make deps rewrites them
	.venv/bin/python -m stages.tools.deps --check
	.venv/bin/python -m stages.tools.params --check
	.venv/bin/python -m benchmarks.table --check

check: lint ## lint, then doctests, then the tests
	.venv/bin/python -m pytest --doctest-modules stages --ignore-glob="*_tracker.py"
	$(MAKE) test

deps: environment ## rewrite what is generated: dvc.yaml's lists, params.yaml's comments, docs, tables
	.venv/bin/python -m stages.tools.params
	.venv/bin/python -m stages.tools.deps
	.venv/bin/python -m benchmarks.table

layers: environment ## draw the rooms of stages/, what each imports, and a line about every module
	@.venv/bin/python -m stages.tools.layers

# In an environment of its own, since nothing else needs what it installs.
site: ## build docs/ as a site with search, into site/
	@test -x .venv-site/bin/python || $(PYTHON) -m venv .venv-site
	.venv-site/bin/python -m pip --disable-pip-version-check -q install -r docs/requirements.txt
	.venv-site/bin/python -m mkdocs build --strict -q

requirements.txt: ## pin requirements.in and docs/requirements.in anew, for every platform (needs uv)
	uv pip compile --universal --python-version 3.11 --no-header -q requirements.in -o requirements.txt
	uv pip compile --universal --python-version 3.11 --no-header -q docs/requirements.in -o docs/requirements.txt
