"""The manual of findings."""

import json

import pytest

from diag.core.chain import Hop
from diag.core.results import Severity, clear
from diag.judge.registry import HEADINGS, Rule
from diag.judge.registry import all_rules as registered_rules
from diag.measure.registry import all_metrics
from diag.report import manual
from diag.report.manual import METRIC_HEADINGS
from diag.report.sections import sections
from diag.report.symptoms import SYMPTOMS


def rule(code, name, text, **more):
    def judge():
        return clear()

    given = {"severity": Severity.ERROR, "hop": Hop.PLAYER, "scope": "take", "function": judge, "needs": ()}
    return Rule(code=code, name=name, documentation=text, **{**given, **more})


RULES = (
    rule("CFG001", "missing-audio-modality", "AUDIO was not asked for.", hop=None),
    rule(
        "PLY001",
        "playback-rate-mismatch",
        "Played at another rate.\n\nWhat it shows\n-------------\nSpeed.",
        explained_by=("SVC010",),
        or_severity=Severity.WARNING,
    ),
)


@pytest.fixture(autouse=True)
def _two_rules(monkeypatch):
    monkeypatch.setattr("diag.report.manual.all_rules", lambda: RULES)


@pytest.mark.parametrize("asked", ["PLY001", "ply001", "playback-rate-mismatch"])
def test_documentation_of_a_finding(diag, asked):
    done = diag("explain", asked)
    assert done.code == 0
    assert done.out == (
        "▲ PLY001 playback-rate-mismatch  error or warning, depending on the evidence, "
        "on the player hop (the client)\n\n"
        "Played at another rate.\n\nWhat it shows\n-------------\nSpeed.\n\n"
        "Reported as a consequence if one of these is found too: SVC010.\n"
    )


def test_finding_without_a_hop(diag):
    assert diag("explain", "CFG001").out.startswith("▲ CFG001 missing-audio-modality  error, not on a single hop\n")


def test_overview_is_one_line_a_finding(diag):
    lines = diag("explain").out.splitlines()
    assert lines[0].startswith("▲ CFG001  missing-audio-modality")
    assert lines[0].endswith("AUDIO was not asked for.")
    assert any("`diag explain dull`" in line for line in lines[len(RULES) :])


@pytest.mark.parametrize(
    ("asked", "meant"),
    [
        ("PLY01", "PLY001"),
        ("ply-1", "PLY001"),
        ("PLY0001", "PLY001"),
        ("CFG010", "CFG001"),
        ("PLY099", "PLY001"),
        ("ply", "PLY001"),
        ("playback-rate", "PLY001"),
        ("rate_ration", "rate_ratio"),
    ],
)
def test_unknown_code_names_the_nearest(diag, asked, meant):
    done = diag("explain", asked)
    assert (done.code, done.out) == (2, "")
    assert done.err.startswith(f"Could not explain {asked}: no finding, measure, symptom or word is known by that ")
    assert done.err.endswith(f"did you mean `diag explain {meant}`?\n")


@pytest.mark.parametrize("asked", ["", "PLY001x9", "zzz", "12"])
def test_what_is_like_nothing_points_at_the_list(diag, asked):
    done = diag("explain", asked)
    assert done.code == 2
    assert done.err.rstrip().endswith(("list them with `diag explain`.", "?"))


def test_documentation_of_a_measure(diag):
    out = diag("explain", "Rate_Ratio").out
    assert out.startswith("rate_ratio  Speed, on every segment whose ends carry the same speech; 1 is right\n\n")
    assert "0.667 is 24 kHz audio played as 16 kHz" in out


def test_a_measure_of_several_places_tells_all(diag):
    out = diag("explain", "dullness_db").out
    assert len([line for line in out.splitlines() if line.startswith("dullness_db  Treble lost in dB, on ")]) > 1


def test_a_finding_as_json(diag):
    document = json.loads(diag("explain", "PLY001", "--json").out)
    assert document == {
        "schema_version": 1, "kind": "finding", "code": "PLY001", "name": "playback-rate-mismatch",
        "severities": ["error", "warning"], "hop": "player", "over": "take", "explained_by": ["SVC010"],
        "summary": "Played at another rate.", "sections": {"What it shows": "Speed."},
    }  # fmt: skip


def test_what_is_heard_lists_its_findings_between_service_and_ear_and_commands_that_tell_them_apart(diag, monkeypatch):
    monkeypatch.setattr("diag.report.manual.all_rules", registered_rules)
    out = diag("explain", "dull").out
    for code in ("PLY002", "SPK002", "SVC005", "REC006"):
        assert f"{code}  " in out
    assert "diag run my_app.toml" in out
    assert not {"MIC003", "SND007", "PLY001"} & set(out.split())


@pytest.mark.parametrize(
    "word",
    ["dull", "slow", "silent", "late", "robotic", "chopped", "echo", "noise", "clicks", "quiet", "misunderstood"],
)
def test_words_of_a_user_are_known(diag, monkeypatch, word):
    monkeypatch.setattr("diag.report.manual.all_rules", registered_rules)
    document = json.loads(diag("explain", word, "--json").out)
    topics = [topic for topic in document.get("topics", [document]) if topic["kind"] != "measure"]
    assert topics
    assert all(topic["kind"] == "symptom" and topic["findings"] and topic["commands"] for topic in topics)


@pytest.mark.parametrize("word", ["tap", "hop", "segment", "rig", "mouth", "ear", "take", "xrun", "Taps"])
def test_words_of_the_tool_are_explained(diag, word):
    done = diag("explain", word)
    assert done.code == 0
    assert done.out.startswith(f"{word.lower().removesuffix('s')}: ")


@pytest.mark.parametrize(
    ("words", "start"),
    [
        (("Treble", "lost"), "dullness_db  Treble lost"),
        (("The player loses 47 dB of treble",), "▲ PLY002"),
        (("AUDIO was not asked for",), "▲ CFG001"),
    ],
)
def test_labels_and_titles_of_the_screen_are_known(diag, monkeypatch, words, start):
    if "player" in words[0]:
        monkeypatch.setattr("diag.report.manual.all_rules", registered_rules)
    assert diag("explain", *words).out.startswith(start)


def test_every_finding_of_a_symptom_exists():
    codes = {rule.code for rule in registered_rules()}
    assert [code for symptom in SYMPTOMS for code in symptom.codes if code not in codes] == []


def test_everything_as_json(diag, monkeypatch):
    monkeypatch.setattr("diag.report.manual.all_rules", registered_rules)
    document = json.loads(diag("explain", "--json").out)
    assert {item["code"] for item in document["findings"]} == {rule.code for rule in registered_rules()}
    assert all(set(item["sections"]) == set(HEADINGS) for item in document["findings"])
    assert {item["metric"] for item in document["measures"]} == {metric.name for metric in all_metrics()}
    for item in document["measures"]:
        assert all(set(place["sections"]) == set(METRIC_HEADINGS) for place in item["places"]), item["metric"]


def test_every_rule_of_the_project_is_documented(monkeypatch):
    monkeypatch.setattr("diag.report.manual.all_rules", registered_rules)
    for known in registered_rules():
        assert len(manual.explain(known.code).splitlines()) > 3, known.code


@pytest.mark.parametrize(
    "document",
    [
        "Summary.\n\nWhat it shows\n-------------\nThis.\n\nWhy it matters\n---\nCallers\nhang up.\n\nEvidence\n-\nIt.",
        "Summary.\n\n**What it shows**: This.\n**Why it matters**: Callers hang up.\n**Evidence**: It.",
        "Summary.\n\nWhat it shows\n    This.\n\nWhy it matters\n    Callers\n    hang up.\n\nEvidence\n    It.",
    ],
)
def test_sections_of_a_documentation(document):
    assert sections(document, HEADINGS) == {
        "": "Summary.", "What it shows": "This.", "Why it matters": "Callers hang up.", "Evidence": "It.",
    }  # fmt: skip


def test_a_documentation_without_headings_is_a_summary():
    assert sections("Summary.\nAnd more.", HEADINGS) == {"": "Summary. And more."}
