import pytest

from diag.bench import row_of
from diag.config import Expect, Scenario
from diag.results import Finding, Measurements, RunFinding, RunResult, Severity, TakeResult


def finding(code, *, severity=Severity.ERROR, consequence_of=None):
    return Finding(
        code=code, name=code.lower(), severity=severity, hop=None, title="", evidence=(), likely_cause="",
        remedy="", confidence=1.0, consequence_of=consequence_of,
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
    assert row_of(scenario(*expected), result(found))["passed"] is passed


def test_announced_consequences_are_allowed():
    found = [(finding("CFG001"), 3), (finding("SVC002", consequence_of="CFG001"), 3)]
    row = row_of(scenario("CFG001", consequences=("SVC002",)), result(found))
    assert row["passed"]
    assert (row["found"], row["consequences"]) == (["CFG001"], ["SVC002"])


def test_nothing_counted_never_passes():
    row = row_of(scenario(), result([], takes=0, discarded=3))
    assert not row["passed"]
    assert (row["takes"], row["discarded"]) == (0, 3)
