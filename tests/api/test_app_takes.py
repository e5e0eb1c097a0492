"""Takes with an app as the client, through virtual devices: the example app, healthy and with a fault."""

from __future__ import annotations

import shlex
import sys
from pathlib import Path

import pytest

from diag.api.options import Options
from diag.api.run import run
from diag.core.chain import Tap
from diag.core.errors import BadInputError
from diag.files.run_folders import read_take

APP = Path(__file__).resolve().parents[2] / "examples" / "python_genai" / "app.py"
QUIET = {"takes": 1, "prompts": ("can_you_hear_me",), "embed": "none"}


def command(*arguments):
    return shlex.join((sys.executable, str(APP), *arguments))


def codes_of(report):
    roots = [item.finding for item in report.runs[0].findings if item.finding.consequence_of is None]
    return [item.code for item in roots if item.severity.rank > 0 and not item.code.startswith("ENV")]


@pytest.mark.audio
def test_an_unmodified_program_is_the_client_and_is_shown_to_be_healthy(tmp_path):
    report = run("", Options(app=command(), out=tmp_path, **QUIET))
    folders = sorted((tmp_path / "runs").glob("*/takes/*"))
    take = read_take(folders[-1])
    assert set(take.clips) == {Tap.PROMPT, Tap.SENT, Tap.RECEIVED, Tap.HEARD}
    assert (folders[-1] / "app_output.txt").read_text().rstrip().endswith("listening")
    assert report.runs[0].counted
    assert codes_of(report) == []
    assert report.runs[0].takes[-1].measurements.value("ttfa_heard_s") > 0.5


@pytest.mark.audio
def test_a_fault_of_the_app_is_found_on_its_segment(tmp_path):
    report = run("", Options(app=command("--fault", "playback_16k"), out=tmp_path, **QUIET))
    assert codes_of(report)[0] == "PLY001"
    finding = report.runs[0].findings[0].finding
    assert (finding.segment.first, finding.segment.last) == (Tap.RECEIVED, Tap.HEARD)


BARGE_IN = """
[[turns]]
say = "weather_in_seoul"
[[turns]]
kind = "barge_in"
say = "can_you_hear_me"
at_s = 0.8
"""


@pytest.mark.audio
@pytest.mark.parametrize(("fault", "found"), [((), []), (("--fault", "goes_on"), ["PLY010"])])
def test_an_app_is_interrupted_and_must_stop(tmp_path, fault, found):
    script = tmp_path / "turns.toml"
    script.write_text(BARGE_IN)
    app = shlex.join((sys.executable, str(APP.parents[1] / "python_websocket" / "app.py"), *fault))
    report = run("", Options(app=app, out=tmp_path / "out", takes=1, turns=script, embed="none"))
    assert codes_of(report) == found
    take = next(item for item in report.runs[0].takes if item.discarded is None)
    assert take.measurements.value("barge_in_delay_s", turn=1) > 0.1
    assert (take.measurements.value("flush_delay_s", turn=0) > 0.3) == bool(found)


@pytest.mark.audio
def test_an_app_that_fails_at_once_is_named_with_its_exit_code(tmp_path):
    failing = shlex.join((sys.executable, "-c", "import sys; print('no config'); sys.exit(4)"))
    report = run("", Options(app=failing, out=tmp_path, **QUIET))
    assert codes_of(report)[0] == "APP002"
    assert "exit code 4" in report.runs[0].findings[0].finding.title


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"app": "no-such-program-here"}, "there is no program `no-such-program-here`"),
        ({"app": "python app.py", "audio": "wire"}, "has no devices that a program could open"),
        ({"app": "python 'open quote"}, "cannot be split into words"),
    ],
)
def test_an_app_that_cannot_be_started_is_refused_before_anything_is_made(tmp_path, options, words):
    with pytest.raises(BadInputError, match=words):
        run("", Options(out=tmp_path, takes=1, **options))
    assert list(tmp_path.iterdir()) == []
