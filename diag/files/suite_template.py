"""The files that `diag init` writes: a suite, a configuration, and a workflow."""

from __future__ import annotations

import json

FOLDER = "voice_tests"
CI_PATHS = {"github": ".github/workflows/voice.yml", "gitlab": ".gitlab-ci.yml"}

_SUITE = """\
# What `diag bench` tests before a release, in this folder and all folders below it.
# A mistake in this file is answered with the nearest name that exists.

[suite]
configurations = {configurations}   # the products; each has a baseline of its own
takes = {takes}               # conversations with each; "auto" records until the comparison decides
prompts = []             # what is said: names of recorded prompts, or files; [] for all recorded ones
endpoint = "emulator"    # the simulated service; "gemini" is the real one, needs a key and may cost money
audio = "virtual"        # devices that diag creates and removes
fail_on = "error"        # findings that block a release: "error", "warning" or "never"
accept = []              # codes of findings that you have accepted, as ["SVC012"]
baselines = "{folder}/baselines"   # takes of the last accepted release; commit them

# Limits block the release (level = "error") or warn (level = "warning"). A metric with a limit that was not measured
# counts as beyond it. `diag explain ttfa_heard_s` explains a metric.

[[limits]]
metric = "ttfa_heard_s"  # from the end of the question to the first sound of the answer
at_most = 1.5            # seconds, median of the takes
level = "warning"

[[limits]]
metric = "ttfa_heard_s"
at_most = 3.0
level = "error"

[[limits]]
metric = "answered"
statistic = "mean"       # or "median", "p95", "worst"
at_least = 1.0           # every question is answered

# Limits of the change since the baseline. Without them, a change blocks if it is more than chance and matters.
# [[limits]]
# metric = "ttfa_heard_s"
# rise_at_most_percent = 10
# configuration = "{name}"   # for one product only
"""

_SETTINGS = """\
[session]
model = "models/gemini-3.8-live"
response_modalities = ["AUDIO"]
# voice = "Kore"

[send]
batch_ms = 20            # length of one message of audio

[playback]
sample_rate_hz = 24000   # rate of the stream that your player opens
prebuffer_ms = 60
"""

_GITHUB = """\
# Written by `diag init`: the voice product is tested before it is merged.
name: voice
on: [push, pull_request]
jobs:
  voice:
    runs-on: ubuntu-latest
    steps:
      - uses: actions/checkout@v4
        with:
          fetch-depth: 0
      - uses: actions/setup-python@v5
        with:
          python-version: "3.12"
      - name: Install
        run: |
          sudo apt-get update
          sudo apt-get install --yes --no-install-recommends pulseaudio libportaudio2{packages}
          python -m pip install {requirement}
      - name: Bench
        run: diag bench --format junit --format markdown
      - name: Summary
        if: always()
        run: cat reports/bench.md >> "$GITHUB_STEP_SUMMARY"
      - uses: actions/upload-artifact@v4
        if: always()
        with:
          name: voice
          path: |
            reports/bench.html
            reports/bench.junit.xml
            reports/bench.md
"""

_GITLAB = """\
# Written by `diag init`: the voice product is tested before it is merged.
voice:
  image: python:3.12
  script:
    - apt-get update
    - apt-get install --yes --no-install-recommends pulseaudio libportaudio2{packages}
    - python -m pip install {requirement}
    - diag bench --format junit --format markdown
  artifacts:
    when: always
    paths: [reports/bench.html, reports/bench.md]
    reports:
      junit: reports/bench.junit.xml
"""


def suite_text(name: str, takes: int) -> str:
    """Return the content of a new `diag.toml` with one configuration."""
    return _SUITE.format(
        configurations=json.dumps([f"{FOLDER}/{name}.toml"]), takes=takes, folder=FOLDER, name=name
    )  # fmt: skip


def configuration_text(*, page: str | None, program: str | None, serve: str | None) -> str:
    """Return the content of a configuration: of a page, of a program, or of settings for diag's own client."""
    head = "# diag's own client plays these settings. Write those of your client here."
    lines = ["# The product under test. docs/configuration.md of diag has all keys.", 'title = "Our voice app"', ""]
    if page is None and program is None:
        return "\n".join([*lines, head, _SETTINGS])
    lines += ["[app]", f"url = {json.dumps(page)}" if page is not None else f"command = {json.dumps(program)}"]
    if serve is not None:
        lines.append(f"serve = {json.dumps(serve)}   # started before the page is opened, and ended after it")
    lines += [
        'directory = ".."         # working directory, relative to this file',
        "# ready_within_s = 30    # longest time until it listens",
    ]
    return "\n".join([*lines, ""])


def workflow_text(system: str, *, page: bool, version: str) -> str:
    """Return the workflow file of a CI system, "github" or "gitlab"."""
    extra = "[page]" if page else ""
    text = {"github": _GITHUB, "gitlab": _GITLAB}[system]
    return text.format(packages=" chromium" if page else "", requirement=f'"diag{extra}>={version}"')
