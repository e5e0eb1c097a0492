import json
import re
from dataclasses import replace

import pytest

from diag.api.self_check import row_of
from diag.core.chain import Hop
from diag.core.results import (
    Bench,
    BenchRow,
    Finding,
    Measurements,
    NotShown,
    Report,
    RunFinding,
    RunNotShown,
    RunResult,
    Severity,
    TakeResult,
)
from diag.files.scenarios import Expect, Scenario
from diag.report.sentences import verdict_of


def finding(code, *, severity=Severity.ERROR, consequence_of=None):
    return Finding(
        code=code, name=code.lower(), severity=severity, hop=None, title="", evidence=(), likely_cause="",
        fix="", confidence=1.0, consequence_of=consequence_of,
    )  # fmt: skip


def result(found, takes=3, discarded=0):
    results = tuple(
        TakeResult(
            id=f"{index:04d}", prompt_names=("yes",), measurements=Measurements(()), findings=(), outcomes=(),
            discarded="late" if index < discarded else None,
        )
        for index in range(takes + discarded)
    )  # fmt: skip
    ids = tuple(take.id for take in results if take.discarded is None)
    findings = tuple(RunFinding(finding=item, take_ids=ids[:count], counted=takes) for item, count in found)
    return RunResult(name="x", title="", config={}, environment={}, takes=results, summary=(), findings=findings)


def scenario(*codes, consequences=()):
    return Scenario(name="x", expect=Expect(findings=codes, consequences=consequences))


@pytest.mark.parametrize(
    ("expected", "found", "passed"),
    [
        ((), [], True),
        ((), [(finding("PLY001"), 1)], False),
        ((), [(finding("SVC012", severity=Severity.INFO), 3)], True),
        (("PLY001",), [(finding("PLY001"), 3)], True),
        (("PLY001",), [(finding("PLY001"), 2)], False),
        (("PLY001",), [], False),
        (("PLY001",), [(finding("PLY001"), 3), (finding("SPK001"), 1)], False),
        (("CFG001",), [(finding("CFG001"), 3), (finding("SVC002", consequence_of="CFG001"), 3)], False),
    ],
)
def test_a_row_passes_only_when_every_take_shows_just_what_is_expected(expected, found, passed):
    assert row_of(scenario(*expected), result(found), asked=3).passed is passed


def test_announced_consequences_are_allowed():
    found = [(finding("CFG001"), 3), (finding("SVC002", consequence_of="CFG001"), 3)]
    row = row_of(scenario("CFG001", consequences=("SVC002",)), result(found), asked=3)
    assert row.passed
    assert (row.found, row.consequences) == (("CFG001",), ("SVC002",))


def test_a_healthy_scenario_passes_only_when_every_link_is_shown_to_be_right():
    missing = RunNotShown(item=NotShown(what="x", reason="y", hop=Hop.PLAYER), take_ids=("0000",), counted=3)
    unsure = replace(result([]), not_shown=(missing,))
    assert row_of(scenario(), unsure, asked=3).as_expected is False
    found = replace(result([(finding("PLY001"), 3)]), not_shown=(missing,))
    assert row_of(scenario("PLY001"), found, asked=3).passed


@pytest.mark.parametrize(("takes", "as_expected"), [(0, None), (2, True)])
def test_fewer_takes_than_asked_for_never_pass(takes, as_expected):
    row = row_of(scenario(), result([], takes=takes, discarded=3), asked=3)
    assert not row.passed
    assert row.too_short
    assert row.as_expected is as_expected
    assert (row.takes, row.asked, row.discarded) == (takes, 3, 3)


def bench_row(name, as_expected, takes):
    return BenchRow(
        scenario=name, title="", shows="", expected=(), consequences=(), found=(), counts={"PLY001": (1, takes)},
        takes=takes, asked=3, discarded=0, as_expected=as_expected, folder=None,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("rows", "word", "words"),
    [
        ([(True, 3)], "AS EXPECTED", "Every scenario shows the expected findings \\(1 of 1\\)."),
        ([(True, 3), (False, 3)], "NOT AS EXPECTED", "1 of 2 scenarios show the expected findings .*; look at s1."),
        ([(True, 3), (True, 2)], "TOO FEW TAKES", "1 of 2 .*; too few takes were counted in s1 \\(2 of 3\\)."),
        ([(None, 0), (False, 1)], "NOT AS EXPECTED", "0 of 2 .*; look at s1; too few .* in s0 \\(0 of 3\\)."),
    ],
)
def test_the_verdict_names_what_is_wrong_and_what_is_short_of_takes(rows, word, words):
    made = Bench(rows=tuple(bench_row(f"s{number}", *row) for number, row in enumerate(rows)))
    verdict = verdict_of(Report(runs=(result([]),), bench=made))
    assert verdict.word == word
    assert re.fullmatch(words, verdict.sentence)


def test_a_bench_as_json_names_every_field_of_its_rows():
    made = Bench(rows=(bench_row("s0", True, 2),), seconds=1.5, command="diag verify --self --scenarios")
    document = json.loads(json.dumps(Report(runs=(), bench=made).to_json()))
    assert document["command"] == "diag verify --self --scenarios"
    assert document["seconds"] == 1.5
    assert document["bench"] == [
        {"scenario": "s0", "title": "", "shows": "", "expected": [], "consequences": [], "found": [],
         "counts": {"PLY001": [1, 2]}, "takes": 2, "asked": 3, "discarded": 0, "as_expected": True, "folder": None,
         "passed": False}
    ]  # fmt: skip
