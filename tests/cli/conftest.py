"""Reports made by hand, and the command line called in this process."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from diag.core.chain import Hop
from diag.core.missing import Missing, MissingCode
from diag.core.results import (
    Bench,
    BenchRow,
    Change,
    Comparison,
    Evidence,
    Finding,
    Measurement,
    Measurements,
    Report,
    RuleOutcome,
    RunComparison,
    RunFinding,
    RunResult,
    Severity,
    Status,
    SummaryRow,
    TakeResult,
    Tier,
)


@dataclass(frozen=True)
class Called:
    """How a call of the command line ended."""

    code: int
    out: str
    err: str


@pytest.fixture
def diag(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Callable[..., Called]:
    """Call `diag` with words; the log file goes to a temporary folder."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))

    def call(*words: str) -> Called:
        from diag.__main__ import call as call_diag

        code = call_diag(words)
        said = capsys.readouterr()
        assert "Traceback" not in said.out + said.err
        return Called(code, said.out, said.err)

    return call


def make_finding(code: str = "PLY001", severity: Severity = Severity.ERROR, **changes: Any) -> Finding:
    given = {
        "code": code,
        "name": "playback-rate-mismatch",
        "severity": severity,
        "hop": Hop.PLAYER,
        "title": "24000 Hz audio is played as 16000 Hz",
        "evidence": (Evidence(text="speed 0.667 between received and played"),),
        "likely_cause": "the player opened its stream at 16000 Hz",
        "fix": "set playback.sample_rate_hz = 24000, or playback.resample = true",
        "confidence": 0.98,
    }
    return Finding(**{**given, **changes})


def make_take(number: int, *, discarded: str | None = None) -> TakeResult:
    unmeasured = Measurement(
        metric="ttfa_heard_s", unit="s", value=None, tier=Tier.WAVEFORM,
        missing=Missing(MissingCode.NO_CLOCK, "the loopback was not calibrated"),
    )  # fmt: skip
    return TakeResult(
        id=f"{number:04d}",
        prompt_names=("yes",),
        measurements=Measurements((unmeasured,)),
        findings=(),
        outcomes=(
            RuleOutcome(code="CFG001", name="missing-audio-modality", status=Status.CLEAR),
            RuleOutcome(code="SPK001", name="speaker-silent", status=Status.NOT_CHECKED, reason="no ear was open"),
        ),
        discarded=discarded,
    )


def make_run(name: str = "healthy", *findings: Finding, takes: int = 3, discarded: int = 0) -> RunResult:
    made = [make_take(number + 1) for number in range(takes)]
    made += [make_take(takes + number + 1, discarded="our loop was 40 ms late") for number in range(discarded)]
    ids = tuple(take.id for take in made[:takes])
    rows = (
        SummaryRow(metric="ttfb_s", unit="s", n=takes, missing=0, median=0.91, p95=None, low=0.84, high=1.23, turn=0),
        SummaryRow(metric="ttfa_heard_s", unit="s", n=0, missing=takes, median=None, p95=None, low=None, high=None),
        SummaryRow(
            metric="capture_delay_s", unit="s", n=takes, missing=0, median=0.021, p95=None, low=0.02, high=0.03
        ),
        SummaryRow(
            metric="service_delay_s", unit="s", n=takes, missing=0, median=0.81, p95=None, low=0.8, high=1.1
        ),
        SummaryRow(
            metric="rate_ratio", unit="1", n=takes, missing=0, median=0.6667, p95=None, low=0.666, high=0.667,
            segment=Hop.PLAYER.segment,
        ),
    )  # fmt: skip
    return RunResult(
        name=name,
        title="Everything in order",
        config={},
        environment={},
        takes=tuple(made),
        summary=rows,
        findings=tuple(RunFinding(finding=finding, take_ids=ids, counted=takes) for finding in findings),
    )


def make_comparison(verdict: Change = Change.WORSE) -> RunComparison:
    ratio = Comparison(
        metric="rate_ratio", unit="1", a=1.0, b=0.667, difference=-0.333, interval=(-0.334, -0.332), n_pairs=5,
        verdict=Change.WORSE, segment=Hop.PLAYER.segment,
    )  # fmt: skip
    few = Comparison(
        metric="ttfb_s", unit="s", a=0.9, b=0.91, difference=0.01, interval=None, n_pairs=2, verdict=Change.TOO_FEW
    )
    same = Comparison(
        metric="ttfa_received_s", unit="s", a=1.0, b=1.0, difference=0.0, interval=(-0.1, 0.1), n_pairs=5,
        verdict=Change.NONE_SHOWN,
    )  # fmt: skip
    unmeasured = replace(few, metric="drift_ppm", unit="ppm", a=None, b=None, difference=None, n_pairs=0)
    return RunComparison(
        a="healthy",
        b="playback_16k",
        sentence="playback_16k plays 24000 Hz audio as 16000 Hz.",
        config_diff=(("playback.sample_rate_hz", 24000, 16000), ("session.response_modalities", ["AUDIO"], None)),
        environment_diff=(),
        comparisons=(same, few, unmeasured, ratio),
        verdict=verdict,
    )


def make_bench(*rows: dict[str, Any], **more: Any) -> Bench:
    """Return a bench with a row of these fields each."""
    given = {
        "scenario": "a", "title": "", "shows": "", "expected": (), "consequences": (), "found": (), "counts": {},
        "takes": 3, "asked": 3, "discarded": 0, "as_expected": True, "folder": None,
    }  # fmt: skip
    return Bench(rows=tuple(BenchRow(**{**given, **row}) for row in rows), **more)


@dataclass(frozen=True)
class Made:
    """The makers above, for tests."""

    finding = staticmethod(make_finding)
    run = staticmethod(make_run)
    bench = staticmethod(make_bench)
    comparison = staticmethod(make_comparison)
    report = staticmethod(lambda *runs, **more: Report(runs=runs, **more))
    replace = staticmethod(replace)


@pytest.fixture
def make() -> Made:
    """Makers of runs, findings, comparisons and reports."""
    return Made()
