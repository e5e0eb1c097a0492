"""Baselines: what is written is what is read, small, and refused if it is damaged."""

import json
from dataclasses import replace

import numpy as np
import pytest

from benchmarks.gate_statistics import PROMPTS, Service, simulated
from diag.core.errors import BadInputError, CannotMeasureError
from diag.files.baselines import Baseline, read_baseline, write_baseline
from diag.judge.comparison import compare_runs

METRICS = {"answered", "ttfb_s", "ttfa_received_s", "ttfa_heard_s", "rate_ratio", "dullness_db"}


def made(seed=1, loss=0.2):
    run = simulated(Service(0.05, loss=loss), 20, np.random.default_rng(seed), np.linspace(0.6, 1.3, len(PROMPTS)))
    return Baseline(run=run, made="2026-11-20T10:00:00Z", surroundings={"audio": "virtual"}, versions={"ttfb_s": 1})


def test_takes_survive_with_their_failures_and_findings(tmp_path):
    path = tmp_path / "folder" / "app.json"
    before = made()
    write_baseline(path, before, metrics=METRICS)
    found = read_baseline(path)
    assert (found.made, found.surroundings, found.versions["ttfb_s"]) == (before.made, before.surroundings, 1)
    assert [take.prompt_names for take in found.run.takes] == [take.prompt_names for take in before.run.takes]
    assert [item.finding.code for item in found.run.findings] == [item.finding.code for item in before.run.findings]
    assert compare_runs(found.run, before.run, seed=1).verdict == compare_runs(before.run, before.run, seed=1).verdict
    for mine, theirs in zip(found.run.takes, before.run.takes, strict=True):
        for metric in ("ttfa_heard_s", "answered"):
            value = theirs.measurements.value(metric)
            assert mine.measurements.value(metric) == (None if value is None else pytest.approx(value, rel=1e-5))


def test_twenty_takes_are_small_and_one_measure_is_one_line(tmp_path):
    path = tmp_path / "app.json"
    write_baseline(path, made(loss=0), metrics=METRICS)
    text = path.read_text(encoding="utf-8")
    assert len(text) < 10_000
    assert sum('"metric": "ttfa_heard_s"' in line for line in text.splitlines()) == 1


def test_discarded_takes_are_not_kept(tmp_path):
    before = made()
    takes = (replace(before.run.takes[0], discarded="late"), *before.run.takes[1:])
    write_baseline(tmp_path / "a.json", replace(before, run=replace(before.run, takes=takes)), metrics=METRICS)
    assert len(read_baseline(tmp_path / "a.json").run.takes) == 19


def test_the_same_takes_give_the_same_file(tmp_path):
    for name in ("a.json", "b.json"):
        write_baseline(tmp_path / name, made(), metrics=METRICS)
    assert (tmp_path / "a.json").read_bytes() == (tmp_path / "b.json").read_bytes()


def test_no_file_is_no_baseline(tmp_path):
    assert read_baseline(tmp_path / "a.json") is None


@pytest.mark.parametrize("ends", [["played"], ["received", "played", "heard"]])
def test_a_segment_has_two_ends(tmp_path, ends):
    write_baseline(tmp_path / "a.json", made(), metrics=METRICS)
    document = json.loads((tmp_path / "a.json").read_text())
    document["measures"][0]["segment"] = ends
    (tmp_path / "a.json").write_text(json.dumps(document))
    with pytest.raises(BadInputError, match=f"a segment has {len(ends)} ends"):
        read_baseline(tmp_path / "a.json")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "damaged"), ("[]", "damaged"), ("{}", "damaged"), ('{"schema_version": 2}', "damaged"),
        ('{"schema_version": 1, "median_s": {}}', "keep a new one"), ('{"schema_version": 99}', "update diag"),
    ],
)  # fmt: skip
def test_a_damaged_older_or_newer_baseline_is_refused_in_one_sentence(tmp_path, text, words):
    path = tmp_path / "a.json"
    path.write_text(text)
    with pytest.raises(BadInputError, match=f"Could not read the baseline .*{words}"):
        read_baseline(path)


def test_a_baseline_that_cannot_be_written_is_reported_in_one_sentence(tmp_path):
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(CannotMeasureError, match="Could not save the baseline"):
        write_baseline(tmp_path / "file" / "b.json", made(), metrics=METRICS)
