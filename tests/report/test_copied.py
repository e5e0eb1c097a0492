"""What the buttons of a report copy."""

from types import SimpleNamespace

from diag.core.results import Finding, RunFinding, Severity, VerdictLine
from diag.core.states import State
from diag.report.copied import MOST_FINDINGS, copied_verdict, days_of

VERDICT = VerdictLine(State.FAILS, "NOT READY", "The player loses treble.", "Keep the rate.")
MEASURED = "5 of 5 takes counted, 0 discarded; answered by the emulator, not by the real service."


def test_the_copied_verdict_has_word_name_fix_origin_and_day():
    copied = copied_verdict(VERDICT, "my_app", MEASURED, "recorded 2026-11-27 02:13 UTC")
    assert copied.text == (
        f"▲ NOT READY: my_app\nThe player loses treble.\nFix: Keep the rate.\n{MEASURED} Recorded 2026-11-27 02:13 UTC."
    )


def run_of(*codes, consequence=None):
    findings = [
        RunFinding(
            finding=Finding(
                code=code, name="x", severity=Severity.ERROR, title="The player loses treble", fix="keep the rate",
                likely_cause="", evidence=(), hop=None, confidence=1.0,
                consequence_of=consequence if code == "REC006" else None,
            ),
            take_ids=("0001",), counted=5,
        )
        for code in codes
    ]  # fmt: skip
    return SimpleNamespace(name="a", findings=findings)


def test_markdown_lists_root_findings_with_how_often_they_were_found():
    run = run_of("PLY002", "REC006", consequence="PLY002")
    text = copied_verdict(VERDICT, "a", MEASURED, runs=[run]).markdown
    assert text.startswith("**▲ NOT READY: a**\n\n")
    assert "- ▲ `PLY002`, in 1 of 5 takes: The player loses treble. Fix: keep the rate." in text
    assert "REC006" not in text


def test_markdown_counts_the_findings_that_it_leaves_out():
    run = run_of(*(f"PLY{number:03d}" for number in range(1, MOST_FINDINGS + 3)))
    assert "- and 2 more" in copied_verdict(VERDICT, "a", MEASURED, runs=[run]).markdown


def test_the_day_is_a_span_if_runs_were_recorded_at_different_times():
    assert days_of([]) == days_of([""]) == ""
    assert days_of(["2026-11-27T02:13:22Z"]) == "recorded 2026-11-27 02:13 UTC"
    assert (
        days_of(["2026-11-28T00:00:00Z", "2026-11-27T02:13:22Z"])
        == "recorded 2026-11-27 02:13 UTC to 2026-11-28 00:00 UTC"
    )
