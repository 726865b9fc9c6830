# Everything runs in a virtual environment in .venv, made by the first target that needs it.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready

.PHONY: demo app test proof bench lint types docs site tutorials results closures fit lock clean

demo: $(READY)  ## a quick run of the 2018 study in silico (full: make results); figures and report in results/
	$(BIN)/exude reproduce --quick --out results

app: $(READY)  ## the page in the browser
	$(BIN)/exude app

test: $(READY)  ## all tests but the long proofs
	$(BIN)/python -m pytest -m "not proof" -n auto --dist loadfile

proof: $(READY)  ## the long proofs, and ten minutes of fuzzing; writes docs/proof.md
	$(BIN)/python -m pytest -m proof -n auto --dist worksteal

bench: $(READY)  ## speed and memory; then beside other programs, which are installed if missing
	$(BIN)/python benchmarks/run.py
	-$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps -r requirements-peers.lock
	$(BIN)/python benchmarks/peers.py
	$(BIN)/python benchmarks/tissue.py
	$(BIN)/python benchmarks/neighbours.py
	$(BIN)/python benchmarks/table.py

lint: $(READY)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(READY)
	$(BIN)/mypy src/exude

docs: $(READY)  ## run every example of README and docs
	$(BIN)/python -m pytest tests/test_docs.py

site: $(READY)  ## run the notebooks and build the site into build/site; a warning is an error (tests/test_site.py builds without running)
	$(BIN)/python -m sphinx -E -a -W --keep-going -n -q -D nb_execution_mode=cache -b html -d build/site-doctrees docs build/site
	@echo "open build/site/index.html"

tutorials: $(READY)  ## run the tutorials in full and rewrite what they print and draw (15 min)
	$(BIN)/python docs/make_tutorials.py

results: $(READY)  ## run the study in full and rewrite docs/results.md from it
	$(BIN)/exude reproduce --out results
	$(BIN)/python docs/make_results.py results

closures: $(READY)  ## measure how far the mean field is off; rewrites docs/closures.md (5 min)
	$(BIN)/python docs/make_closures.py

fit: $(READY)  ## fit again with the fixed seed; rewrites the fitted tables
	$(BIN)/exude fit

$(READY): requirements.lock pyproject.toml
	$(PYTHON) -c 'import sys; sys.exit("exude needs Python >= 3.11, this is " + sys.version) if sys.version_info < (3, 11) else None'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	touch $(READY)

lock:  ## pin what is installed now, peers of the benchmark aside
	$(BIN)/python -m pip freeze --all --exclude-editable | grep -v "^pip==" | grep -v "^exude" | grep -v -x -F -f requirements-peers.lock > requirements.lock

clean:
	rm -rf $(VENV) results build
