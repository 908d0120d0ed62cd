# Greygate: the words to work with. `make help` lists them.
PYTHON ?= python3
BIN := .venv/bin
READY := .venv/.ready

.PHONY: help setup demo run test check bench format catalogs lock docs clean
help:        ## show these words
	@grep -E '^[a-z]+: .*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z]+):.*## (.*)/  make \1\t\2/' | expand -t 18

setup: $(READY)  ## build .venv/ with the greygate command
$(READY): pyproject.toml requirements.lock
	@command -v $(PYTHON) >/dev/null || { echo "make: $(PYTHON) is not installed: apt-get install python3 python3-venv"; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "make: Greygate needs Python 3.11 or newer; this is $$($(PYTHON) -V). Say which: make PYTHON=python3.12 …"; exit 1; }
	@$(PYTHON) -c 'import venv, ensurepip' 2>/dev/null || { echo "make: Python's venv module is missing: apt-get install python3-venv"; exit 1; }
	@$(PYTHON) -m venv .venv
	@echo "setting up .venv (a minute on the first run) …"
	@$(BIN)/pip install -q --disable-pip-version-check --use-pep517 --require-hashes -r requirements.lock
	@$(BIN)/pip install -q --disable-pip-version-check --no-deps -e .
	@touch $(READY)

demo: setup  ## see a day of mail before the gate, told in two minutes
	@exec $(BIN)/greygate demo

run: setup   ## start everything on the embedded database, under var/
	@$(BIN)/greygate init var
	@exec $(BIN)/greygate up --config var/greygate.toml

test: setup  ## run the tests (parts with MariaDB, Postfix, Dovecot, NSD wherever these are installed)
	$(BIN)/pytest -n 2 --dist loadfile

check: setup ## lint and types
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy

WHAT ?= speed
bench: setup ## measure here: WHAT=speed, memory, growth, restarts, content, verdict, pages, links, statistics or fuzz; OPTIONS=… (docs/bench.md)
	$(BIN)/python -m tests.bench $(WHAT) $(OPTIONS)

format: setup ## put the code into its form
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

LANGUAGES := de fr es ar
POT := build/messages.pot
catalogs: setup  ## gather the sentences for people into gateway/i18n/catalogs/*.po
	@mkdir -p build
	$(BIN)/pybabel -q extract -F babel.toml -k N_ -k counting:1,2 -c translators: -s --add-location=file --sort-by-file --project=Greygate --msgid-bugs-address="the issues of Greygate" -o $(POT) gateway webui
	@for one in $(LANGUAGES); do $(BIN)/pybabel -q update -N --ignore-obsolete --init-missing --ignore-pot-creation-date -w 120 -l $$one -i $(POT) -o gateway/i18n/catalogs/$$one.po || exit 1; done

docs: setup  ## write the generated pages
	$(BIN)/greygate defaults --markdown > docs/settings.md

lock: setup  ## renew requirements.lock from pyproject.toml
	$(BIN)/pip install -q uv
	$(BIN)/uv pip compile --universal --generate-hashes --extra dev --no-emit-index-url --no-header -o requirements.lock pyproject.toml

clean:       ## remove what was built and what `make run` wrote
	rm -rf .venv var build *.egg-info
