"""Runs with the profile of a voice, through the emulator without devices."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from diag.api.options import Options
from diag.api.report import report_of_runs
from diag.api.self_check import check_scenarios
from diag.core.errors import BadInputError
from diag.files.scenarios import read_scenario
from diag.files.voice_profiles import RUN_FILE


@pytest.fixture(scope="module")
def kore(scenarios):
    return scenarios / "voices" / "kore.voice.json"


@pytest.fixture(scope="module")
def made(kore, tmp_path_factory):
    """One take each: healthy against the voice Kore, and a reply in another voice."""
    out = tmp_path_factory.mktemp("out")
    options = Options(takes=1, prompts=("can_you_hear_me",), audio="wire", out=out, voice=kore)
    return check_scenarios(options, scenarios=("healthy", "faults/svc016"))


def run_named(report, name):
    return next(run for run in report.runs if run.name == name)


def test_the_voice_itself_is_healthy_and_another_one_is_found(made):
    assert [(row.scenario, row.found, row.as_expected) for row in made.bench.rows] == [
        ("healthy", (), True),
        ("svc016", ("SVC016",), True),
    ]
    assert {run.voice for run in made.runs} == {"Kore"}


def test_a_session_that_names_no_voice_asks_for_that_of_the_profile(made):
    assert run_named(made, "healthy").config["session"]["voice"] == "Kore"


def test_the_run_keeps_the_profile_and_is_judged_with_it_later(made, kore, tmp_path):
    folder = Path(run_named(made, "svc016").folder)
    assert (folder / RUN_FILE).is_file()
    assert json.loads((folder / "run.json").read_text())["voice"] == "Kore"
    again = report_of_runs([folder], Options(out=tmp_path))
    assert "SVC016" in {item.finding.code for item in again.runs[0].findings}
    (folder / RUN_FILE).rename(tmp_path / "elsewhere.voice.json")
    without = report_of_runs([folder], Options(out=tmp_path))
    assert "SVC016" not in {item.finding.code for item in without.runs[0].findings}
    assert without.runs[0].voice is None
    given = report_of_runs([folder], Options(out=tmp_path, voice=kore))
    assert "SVC016" in {item.finding.code for item in given.runs[0].findings}


def test_the_report_draws_both_spectra_and_plays_both(made):
    page = Path(made.report).read_text(encoding="utf-8")
    assert page.count("The reply as received and the voice of the profile") == 2
    assert page.count("<b>voice Kore</b> spoken by gemini-3.8-flash-tts (emulator)") == 2
    assert page.index("<b>received</b> take") < page.index("<b>voice Kore</b> spoken")
    assert 'aria-label="voice Kore of healthy' in page


def test_a_profile_that_is_none_stops_the_run_before_anything_is_made(tmp_path):
    path = tmp_path / "k.voice.json"
    path.write_text("{}")
    with pytest.raises(BadInputError, match="not a voice profile"):
        check_scenarios(Options(audio="wire", out=tmp_path / "out", voice=path), scenarios=("healthy",))
    assert not (tmp_path / "out").exists()


def test_a_configuration_names_a_profile_beside_itself(tmp_path):
    path = tmp_path / "app.toml"
    path.write_text('voice = "voices/kore.voice.json"\n')
    assert read_scenario(path).voice == str(tmp_path.resolve() / "voices/kore.voice.json")
