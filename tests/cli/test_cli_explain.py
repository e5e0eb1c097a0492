"""The manual of findings."""

import pytest

from diag.chain import Hop
from diag.registry import Rule
from diag.results import Severity, clear


def rule(code, name, text, **more):
    def judge():
        return clear()

    judge.__doc__ = text
    given = {"severity": Severity.ERROR, "hop": Hop.PLAYER, "scope": "take", "function": judge, "needs": ()}
    return Rule(code=code, name=name, **{**given, **more})


RULES = (
    rule("CFG001", "missing-audio-modality", "AUDIO was not asked for.", hop=None),
    rule(
        "PLY001",
        "playback-rate-mismatch",
        "Played at another rate.\n\n    What it shows\n    -------------\n    Speed.",
        explained_by=("SVC010",),
    ),
)


@pytest.fixture(autouse=True)
def _two_rules(monkeypatch):
    monkeypatch.setattr("diag.manual.all_rules", lambda: RULES)


@pytest.mark.parametrize("asked", ["PLY001", "ply001", "playback-rate-mismatch"])
def test_documentation_of_a_finding(diag, asked):
    done = diag("explain", asked)
    assert done.code == 0
    assert done.out == (
        "▲ PLY001 playback-rate-mismatch  error, on the player hop (the client)\n\n"
        "Played at another rate.\n\nWhat it shows\n-------------\nSpeed.\n\n"
        "Told as a consequence where SVC010 is found too.\n"
    )


def test_finding_without_a_hop(diag):
    assert diag("explain", "CFG001").out.startswith("▲ CFG001 missing-audio-modality  error, not bound to one hop\n")


def test_overview_is_one_line_a_finding(diag):
    lines = diag("explain").out.splitlines()
    assert lines[0].startswith("▲ CFG001  missing-audio-modality")
    assert lines[0].endswith("AUDIO was not asked for.")
    assert len(lines) == len(RULES) + 2


@pytest.mark.parametrize(("asked", "meant"), [("PLY01", "PLY001"), ("CFG010", "CFG001"), ("playback-rate", "PLY001")])
def test_unknown_code_names_the_nearest(diag, asked, meant):
    done = diag("explain", asked)
    assert (done.code, done.out) == (2, "")
    assert done.err.startswith(f"Could not explain {asked}: no finding has that code or name; allowed: ")
    assert done.err.endswith(f"did you mean `diag explain {meant}`?\n")


def test_every_rule_of_the_project_is_documented(monkeypatch):
    from diag import manual, registry

    monkeypatch.setattr("diag.manual.all_rules", registry.all_rules)
    for known in registry.all_rules():
        assert len(manual.explain(known.code).splitlines()) > 3, known.code
