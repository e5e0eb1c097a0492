"""Runs that release 0.1.0 saved are read and judged as it judged them.

The archive holds two of its runs with one take each: 48 kHz audio sent as 16 kHz, of which `captured` and `sent` are
kept, and a model that is not served. The findings are those that 0.1.0 reported.
"""

import tarfile
from pathlib import Path

import pytest

from diag.api.analyze import analyze_run
from diag.files.run_folders import read_run

ARCHIVE = Path(__file__).parent / "runs_of_0_1_0.tar.xz"
NOTE = ("ENV006", "info", None, ("0001",))
"""One take is few: 0.1.0 said so too."""


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    folder = tmp_path_factory.mktemp("runs")
    with tarfile.open(ARCHIVE) as archive:
        # Python 3.11.2 of Debian 12 has no filters; from 3.14 on the safe one is the default.
        archive.extractall(folder, **({"filter": "data"} if hasattr(tarfile, "data_filter") else {}))
    return folder


def found(run):
    return {
        (item.finding.code, item.finding.severity.value, item.finding.consequence_of, item.take_ids)
        for item in run.findings
    }


@pytest.mark.parametrize(
    ("name", "code", "words"),
    [
        ("send_48k_as_16k", "SND001", "48000 Hz audio was sent labelled as 16000 Hz"),
        ("wrong_model", "CFG002", "models/gemini-flash-2.0-live-001"),
    ],
)
def test_they_give_the_findings_of_0_1_0(runs, name, code, words):
    assert read_run(runs / name).facts["tool_version"] == "0.1.0"
    run = analyze_run(runs / name)
    assert found(run) == {(code, "error", None, ("0001",)), NOTE}
    assert words in run.findings[0].finding.title
    assert run.not_shown, "what was left out of the archive is not called good"


def test_what_its_client_did_is_known_although_it_did_not_say_so(runs):
    """0.1.0 wrote no event that describes the client; its settings stand in for it."""
    finding = analyze_run(runs / "send_48k_as_16k").findings[0].finding
    assert finding.likely_cause == "captured at 48000 Hz and sent without resampling"
