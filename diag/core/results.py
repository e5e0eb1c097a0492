"""Results of the judgement: findings, results of takes and runs, comparisons and the report.

All types are frozen, and `to_json` returns what `json.dumps` accepts.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from diag.core.chain import Hop, Segment, Tap
from diag.core.measurement import (
    Evidence,
    Measurement,
    Measurements,
    Reading,
    Severity,
    SoundEvent,
    Spot,
    Status,
    Tier,
    Verdict,
    clear,
    does_not_apply,
    not_checked,
    not_measured,
    raised,
    segment_ends,
)
from diag.core.release import Release
from diag.core.states import State

if TYPE_CHECKING:
    import pandas

__all__ = [
    "SCHEMA_VERSION",
    "Bench",
    "BenchRow",
    "Change",
    "Comparison",
    "Evidence",
    "Finding",
    "Measurement",
    "Measurements",
    "NotShown",
    "Reading",
    "Report",
    "RuleOutcome",
    "RunComparison",
    "RunFinding",
    "RunNotShown",
    "RunResult",
    "Severity",
    "SoundEvent",
    "Spot",
    "Status",
    "SummaryRow",
    "TakeResult",
    "Tier",
    "Verdict",
    "VerdictLine",
    "clear",
    "does_not_apply",
    "not_checked",
    "not_measured",
    "raised",
]

SCHEMA_VERSION = 1


@dataclass(frozen=True, kw_only=True)
class Finding:
    """A fault that was found."""

    code: str
    name: str
    severity: Severity
    hop: Hop | None
    title: str
    evidence: tuple[Evidence, ...]
    likely_cause: str
    fix: str
    confidence: float
    consequence_of: str | None = None
    segment: Segment | None = None

    def to_json(self) -> dict[str, Any]:
        """Return one JSON object."""
        return {
            "code": self.code,
            "name": self.name,
            "severity": self.severity.value,
            "hop": self.hop.value if self.hop else None,
            "segment": segment_ends(self.segment) if self.segment and self.segment.merged else None,
            "title": self.title,
            "evidence": [item.text for item in self.evidence],
            "likely_cause": self.likely_cause,
            "fix": self.fix,
            "confidence": self.confidence,
            "consequence_of": self.consequence_of,
        }


@dataclass(frozen=True, kw_only=True)
class RuleOutcome:
    """How one rule came out on one take or run."""

    code: str
    name: str
    status: Status
    reason: str | None = None
    applies: bool = True


@dataclass(frozen=True, kw_only=True)
class NotShown:
    """A condition of a good verdict that could not be confirmed.

    Parameters
    ----------
    code : str
        Code of the check that could not be made; empty if it is not a single check.
    what : str
        What could not be confirmed, in a few words.
    reason : str
        Why it could not be confirmed.
    hop : Hop or None
        The hop that it concerns.
    """

    what: str
    reason: str
    code: str = ""
    hop: Hop | None = None

    def to_json(self) -> dict[str, str]:
        """Return one JSON object."""
        hop = self.hop.value if self.hop else ""
        return {"code": self.code, "hop": hop, "what": self.what, "reason": self.reason}


@dataclass(frozen=True, kw_only=True)
class TakeResult:
    """The judgement of one take.

    `discarded` is the reason why the take does not count, or None if it counts. `setup` is the content of the setup
    message as it was sent, with names in camelCase, or None if it was not seen.
    """

    id: str
    prompt_names: tuple[str, ...]
    measurements: Measurements
    findings: tuple[Finding, ...]
    outcomes: tuple[RuleOutcome, ...]
    discarded: str | None = None
    not_shown: tuple[NotShown, ...] = ()
    setup: Mapping[str, Any] | None = None

    def to_json(self) -> dict[str, Any]:
        """Return one JSON object."""
        return {
            "id": self.id,
            "prompts": list(self.prompt_names),
            "discarded": self.discarded,
            "measurements": [item.to_json() for item in self.measurements],
            "findings": [item.to_json() for item in self.findings],
            "checks": [
                {"code": item.code, "name": item.name, "status": item.status.value, "reason": item.reason}
                for item in self.outcomes
            ],
            "not_shown": [item.to_json() for item in self.not_shown],
            "setup": None if self.setup is None else dict(self.setup),
        }


@dataclass(frozen=True, kw_only=True)
class SummaryRow:
    """One metric at one place, summarised over the takes of a run.

    `missing` counts the takes in which the metric had no value. `p95` is None below n = 20. `low` and `high` are the
    smallest and the largest value.
    """

    metric: str
    unit: str
    n: int
    missing: int
    median: float | None
    p95: float | None
    low: float | None
    high: float | None
    turn: int | None = None
    segment: Segment | None = None
    tap: Tap | None = None

    @property
    def hop(self) -> Hop | None:
        """The hop that is responsible for the segment."""
        return self.segment.hop if self.segment else None

    def to_json(self) -> dict[str, Any]:
        """Return one JSON object."""
        return {
            "metric": self.metric,
            "turn": self.turn,
            "hop": self.hop.value if self.hop else None,
            "segment": segment_ends(self.segment),
            "tap": self.tap.value if self.tap else None,
            "unit": self.unit,
            "n": self.n,
            "missing": self.missing,
            "median": self.median,
            "p95": self.p95,
            "low": self.low,
            "high": self.high,
        }


@dataclass(frozen=True, kw_only=True)
class RunFinding:
    """A finding over a run: the finding of the worst take, and the takes in which it was found.

    `counted` is the number of takes that were not discarded.
    """

    finding: Finding
    take_ids: tuple[str, ...]
    counted: int

    def to_json(self) -> dict[str, Any]:
        """Return one JSON object."""
        return {**self.finding.to_json(), "takes": list(self.take_ids), "counted": self.counted}


@dataclass(frozen=True, kw_only=True)
class RunNotShown:
    """A condition that could not be confirmed over a run, and the takes concerned.

    `counted` is the number of takes that were not discarded.
    """

    item: NotShown
    take_ids: tuple[str, ...]
    counted: int

    def to_json(self) -> dict[str, Any]:
        """Return one JSON object."""
        return {**self.item.to_json(), "takes": list(self.take_ids), "counted": self.counted}


@dataclass(frozen=True, kw_only=True)
class RunResult:
    """The judgement of all takes of one configuration."""

    name: str
    title: str
    config: dict[str, Any]
    environment: dict[str, Any]
    takes: tuple[TakeResult, ...]
    summary: tuple[SummaryRow, ...]
    findings: tuple[RunFinding, ...]
    outcomes: tuple[RuleOutcome, ...] = ()
    not_shown: tuple[RunNotShown, ...] = ()
    folder: str | None = None
    tool_version: str = ""
    voice: str | None = None
    """Name of the voice whose profile the replies were compared with; None if there was none."""

    @property
    def counted(self) -> tuple[TakeResult, ...]:
        """Takes that were not discarded."""
        return tuple(take for take in self.takes if take.discarded is None)

    @property
    def setup(self) -> Mapping[str, Any] | None:
        """The setup message of the first take that counts and in which it was seen; None if there is none."""
        return next((take.setup for take in self.counted if take.setup is not None), None)

    def to_json(self) -> dict[str, Any]:
        """Return one JSON object."""
        return {
            "name": self.name,
            "title": self.title,
            "config": self.config,
            "environment": self.environment,
            "takes": [take.to_json() for take in self.takes],
            "discarded": [{"id": take.id, "reason": take.discarded} for take in self.takes if take.discarded],
            "summary": [row.to_json() for row in self.summary],
            "findings": [finding.to_json() for finding in self.findings],
            "not_shown": [item.to_json() for item in self.not_shown],
            "folder": self.folder,
            "tool_version": self.tool_version,
            "voice": self.voice,
        }


class Change(StrEnum):
    """Verdict of a comparison."""

    BETTER = "better"
    WORSE = "worse"
    NONE_SHOWN = "no_difference_shown"
    TOO_FEW = "too_few_takes"


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """One metric in two runs: the difference b minus a with its 95 % confidence interval.

    Parameters
    ----------
    chance : float or None
        Probability of such a change if both runs were equal, corrected for the number of metrics tested; None if it was
        not tested.
    smallest : float or None
        Smallest difference that would have been shown with a probability of 80 %.
    noise : float or None
        How far two series of takes of run b alone differ, in 95 of 100 cases.
    """

    metric: str
    unit: str
    a: float | None
    b: float | None
    difference: float | None
    interval: tuple[float, float] | None
    n_pairs: int
    verdict: Change
    reason: str | None = None
    segment: Segment | None = None
    tap: Tap | None = None
    chance: float | None = None
    smallest: float | None = None
    noise: float | None = None

    @property
    def hop(self) -> Hop | None:
        """The hop that is responsible for the segment."""
        return self.segment.hop if self.segment else None

    def to_json(self) -> dict[str, Any]:
        """Return one JSON object."""
        return {
            "metric": self.metric,
            "hop": self.hop.value if self.hop else None,
            "segment": segment_ends(self.segment),
            "tap": self.tap.value if self.tap else None,
            "unit": self.unit,
            "a": self.a,
            "b": self.b,
            "difference": self.difference,
            "interval": list(self.interval) if self.interval else None,
            "n_pairs": self.n_pairs,
            "verdict": self.verdict.value,
            "reason": self.reason,
            "chance": self.chance,
            "smallest_shown": self.smallest,
            "noise": self.noise,
        }


@dataclass(frozen=True, kw_only=True)
class RunComparison:
    """The comparison of two runs: a summary sentence, what differs in their settings, and every metric.

    `setup_diff` has the fields of the setup messages that differ, as (dotted name, value in a, value in b). A field
    that a side leaves out is None there.
    """

    a: str
    b: str
    sentence: str
    config_diff: tuple[tuple[str, Any, Any], ...]
    environment_diff: tuple[tuple[str, Any, Any], ...]
    comparisons: tuple[Comparison, ...]
    verdict: Change
    setup_diff: tuple[tuple[str, Any, Any], ...] = ()

    def to_json(self) -> dict[str, Any]:
        """Return one JSON object."""
        return {
            "a": self.a,
            "b": self.b,
            "sentence": self.sentence,
            "config_diff": [{"field": name, "a": a, "b": b} for name, a, b in self.config_diff],
            "setup_diff": [{"field": name, "a": a, "b": b} for name, a, b in self.setup_diff],
            "environment_diff": [{"field": name, "a": a, "b": b} for name, a, b in self.environment_diff],
            "metrics": [item.to_json() for item in self.comparisons],
            "verdict": self.verdict.value,
        }


@dataclass(frozen=True, kw_only=True)
class BenchRow:
    """One scenario of a self-check: the findings that are expected of it, and those that it showed.

    Parameters
    ----------
    expected, consequences : tuple of str
        Codes of the root findings that are expected, and of the consequences that it showed.
    found : tuple of str
        Codes of the root findings that it showed: errors, warnings, and those of severity "info" that are expected.
    counts : mapping of str to (int, int)
        For each code in `found`, the number of takes with the finding and the number of takes that count.
    takes, asked, discarded : int
        Number of takes that count, that were requested, and that were discarded.
    as_expected : bool or None
        Whether the findings are the expected ones; None if no take counts.
    folder : str or None
        Folder of the run.
    """

    scenario: str
    title: str
    shows: str
    expected: tuple[str, ...]
    consequences: tuple[str, ...]
    found: tuple[str, ...]
    counts: Mapping[str, tuple[int, int]]
    takes: int
    asked: int
    discarded: int
    as_expected: bool | None
    folder: str | None

    @property
    def passed(self) -> bool:
        """Whether the findings are as expected and all requested takes count."""
        return self.as_expected is True and self.takes >= self.asked

    @property
    def too_short(self) -> bool:
        """Whether the scenario did not pass only because too few takes count."""
        return self.as_expected is not False and not self.passed

    def to_json(self) -> dict[str, Any]:
        """Return one JSON object."""
        counts = {code: list(pair) for code, pair in self.counts.items()}
        values = {item.name: getattr(self, item.name) for item in fields(self)}
        lists = {key: list(value) if isinstance(value, tuple) else value for key, value in values.items()}
        return {**lists, "counts": counts, "passed": self.passed}


@dataclass(frozen=True, kw_only=True)
class Bench:
    """Self-check by scenarios: its rows, its duration, and the command that repeats it."""

    rows: tuple[BenchRow, ...]
    seconds: float = 0.0
    command: str = ""

    def to_json(self) -> dict[str, Any]:
        """Return one JSON object."""
        return {
            "bench": [row.to_json() for row in self.rows],
            "seconds": self.seconds,
            "command": self.command,
        }


@dataclass(frozen=True)
class VerdictLine:
    """The verdict at the top of a report: a state, one or two words in capitals, one sentence, and the next step."""

    state: State
    word: str
    sentence: str
    next_step: str = ""

    @property
    def text(self) -> str:
        """The verdict in one line, for example "NOT READY  The player…"."""
        return f"{self.word}  {self.sentence}"


@dataclass(frozen=True, kw_only=True)
class Report:
    """Everything that a report shows.

    Parameters
    ----------
    runs : tuple of RunResult
    comparisons : tuple of RunComparison
    verdict : VerdictLine or None
        None until it has been computed.
    report : str or None
        Path of the HTML file.
    exports : tuple of str
        Paths of the same report in other formats.
    bench : Bench or None
        Result of a self-check by scenarios, if the report is about one.
    release : Release or None
        Decision of a release bench, if the report is about one. `comparisons` then holds those with earlier releases.
    """

    runs: tuple[RunResult, ...]
    comparisons: tuple[RunComparison, ...] = ()
    verdict: VerdictLine | None = None
    report: str | None = None
    bench: Bench | None = None
    release: Release | None = None
    exports: tuple[str, ...] = ()

    def to_frame(self) -> pandas.DataFrame:
        """Return a data frame with one row per measurement per take."""
        import pandas

        rows = [
            {"run": run.name, "take": take.id, "discarded": take.discarded, **item.to_json()}
            for run in self.runs
            for take in run.takes
            for item in take.measurements
        ]
        return pandas.DataFrame(rows)

    def to_json(self) -> dict[str, Any]:
        """Return the document that `--json` prints."""
        return {
            "schema_version": SCHEMA_VERSION,
            "runs": [run.to_json() for run in self.runs],
            "comparisons": [item.to_json() for item in self.comparisons],
            "verdict": self.verdict.text if self.verdict else "",
            "report": self.report,
            **({"exports": list(self.exports)} if self.exports else {}),
            **(self.bench.to_json() if self.bench else {}),
            **({"release": self.release.to_json()} if self.release else {}),
        }
