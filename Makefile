# `make help` lists the targets. Needs git, make and Python 3.11 or newer; everything else is set up in .venv.

# The first Python that is new enough. Another one: make setup PYTHON=/path/to/python3.13
PYTHON ?= $(shell for python in python3 python3.13 python3.12 python3.11; do \
	"$$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo "$$python" && break; done)
VENV := .venv
READY := $(VENV)/.ready
RUN := $(VENV)/bin
PIP_INSTALL := $(RUN)/python -m pip install --quiet --disable-pip-version-check --no-input

export PYTHON
export PIP_ROOT_USER_ACTION := ignore

.DEFAULT_GOAL := help
SIZE ?= small
MUTATIONS ?= 2000
.PHONY: help setup browser bench statistics test fuzz check truth peers perf accuracy mos prove mutants test-all reference voices voice-app docs clean

help:  ## list the targets
	@sed -n 's/^\([a-z-]*\):.*## /  make \1|/p' $(MAKEFILE_LIST) | while IFS='|' read -r name what; do \
		printf '%-18s %s\n' "$$name" "$$what"; done

setup: $(READY)  ## install what is needed: system packages where allowed, and .venv

$(READY): pyproject.toml tools/system_packages.sh
	@if [ -z "$(PYTHON)" ]; then \
		echo "setup: found no Python 3.11 or newer; install one, or name it: make setup PYTHON=/path/to/python3" >&2; exit 1; fi
	@tools/system_packages.sh
	@[ -x $(RUN)/python ] || "$(PYTHON)" -m venv $(VENV) || { rm -rf $(VENV); \
		echo "setup: could not make a virtual environment with $(PYTHON); install its venv package (python3-venv)" >&2; exit 1; }
	@echo "setup: installing Python packages into $(VENV): one to two minutes and about 950 MB of disk"
	@started=$$(date +%s); \
	( while sleep 15 >/dev/null 2>&1; do echo "setup: still installing, $$(( $$(date +%s) - started )) s"; done ) & ticker=$$!; \
	$(PIP_INSTALL) --editable '.[test]'; code=$$?; kill $$ticker 2>/dev/null; [ $$code = 0 ] || exit $$code; \
	echo "setup: done in $$(( $$(date +%s) - started )) s; $(VENV) takes $$(du -sm $(VENV) | cut -f1) MB (\`make clean\` removes it)"
	@touch $@

browser:  ## install Chromium for the tests of pages, where allowed
	@tools/system_packages.sh browser

bench: setup  ## is the product fit to ship (diag's own client, unless a suite names yours), then diag's self-check: reports/bench.html
	@$(RUN)/diag bench

statistics: setup  ## how often the release gate is wrong, and which regressions it shows (some minutes)
	@$(RUN)/python -m benchmarks.gate_statistics

test: setup browser  ## the test suite (no sound card, key or internet needed)
	@OPENBLAS_NUM_THREADS=1 $(RUN)/python -m pytest -q -n 2 -m "not slow and not live"

test-all: setup browser  ## the same with the tests that take minutes
	@OPENBLAS_NUM_THREADS=1 $(RUN)/python -m pytest -q -n 2 -m "not live"

fuzz: setup  ## have diag read thousands of damaged files and messages (MUTATIONS=2000 of each sort; most of an hour)
	@$(RUN)/python tests/fuzz.py --mutations $(MUTATIONS)

check: setup docs  ## lint, format, types, and whether the documents make a site without dead links
	@$(RUN)/ruff check .
	@$(RUN)/ruff format --check .
	@$(RUN)/mypy

truth: setup browser  ## measured latencies against the emulator's own log: without and with virtual devices, through a program and a page
	@$(RUN)/python benchmarks/truth.py --audio wire --takes 40
	@$(RUN)/python benchmarks/truth.py --audio virtual --takes 20
	@$(RUN)/python benchmarks/truth.py --audio virtual --takes 40 --config examples/python_websocket/app.toml --prompt can_you_hear_me
	@$(RUN)/python benchmarks/truth.py --audio virtual --takes 40 --config examples/pages/ring_buffer.toml --prompt can_you_hear_me

peers: setup  ## other tools to hold ours against in `make perf` and `make mos`: DNSMOS, PESQ, ViSQOL, librosa, ffmpeg
	@$(PIP_INSTALL) --editable '.[test,mos]'
	@command -v ffmpeg >/dev/null || { [ "$$(id -u)" = 0 ] && DEBIAN_FRONTEND=noninteractive apt-get -qq install -y \
		--no-remove --no-install-recommends ffmpeg </dev/null >/dev/null; } || \
		echo "peers: ffmpeg is missing; to install it: sudo apt-get install --no-remove --no-install-recommends ffmpeg"

perf: setup  ## speed of the measures (beside other tools after `make peers`), capacity of the emulator, exactness of virtual devices
	@$(RUN)/python -m benchmarks.ears_speed
	@$(RUN)/python -m benchmarks.ears_scale
	@$(RUN)/python benchmarks/emulator_capacity.py --sessions 100 200 300 400 --seconds 30 --limit-ms 5
	@$(RUN)/python benchmarks/proxy_delay.py --sessions 20 --seconds 10
	@$(RUN)/python benchmarks/audio_offsets.py --rigs 2 --opens 3 --seconds 8

accuracy: setup  ## how right verdicts are on known faults and healthy recordings: docs/accuracy.md (SIZE=small or full)
	@$(RUN)/python -m benchmarks.accuracy --size $(SIZE) --write

mos: setup  ## which faults opinion scores show, after `make peers`: docs/mos.md
	@$(RUN)/python -m benchmarks.mos_page

prove: setup  ## every finding of the catalogue provoked end to end: what its own fault raises first, and what else
	@$(RUN)/python -m benchmarks.prove

mutants: setup  ## do the tests of measures and rules notice 300 seeded mistakes in the code (most of an hour)
	@$(PIP_INSTALL) --editable '.[test,mutants]'
	@$(RUN)/python tools/mutants.py

reference: setup  ## write docs/measures.md, its pictures and docs/findings.md from the docstrings
	@$(RUN)/python tools/make_reference.py

voices: setup  ## figures of the recorded prompts and replies
	@$(RUN)/python tools/make_voices.py --figures

voice-app: setup  ## the example voice app on http://127.0.0.1:8003/gemini/ (GEMINI_API_KEY: real service; else the emulator)
	@$(PIP_INSTALL) --editable '.[voice-app]'
	@$(RUN)/python examples/voice_app/start.py

docs: setup  ## the documents as a site with a search, in build/site
	@$(PIP_INSTALL) --editable '.[docs]'
	@$(RUN)/zensical build --clean --strict

clean:  ## remove .venv and caches; reports stay
	rm -rf $(VENV) build *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis
	find diag tests tools -name __pycache__ -type d -prune -exec rm -rf {} +
