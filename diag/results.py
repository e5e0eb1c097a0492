"""What the judging side says: measurements, findings, comparisons. Frozen, JSON-ready."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from diag.chain import Hop, Tap

SCHEMA_VERSION = 1


class Severity(StrEnum):
    """How bad a finding is."""

    ERROR = "error"
    WARNING = "warning"
    INFO = "info"

    @property
    def rank(self) -> int:
        """2 for error, 1 for warning, 0 for information."""
        return {"error": 2, "warning": 1, "info": 0}[self.value]


class Tier(StrEnum):
    """What a measure was compared against; tiers are never mixed in one verdict."""

    WAVEFORM = "waveform"
    PROFILE = "profile"
    BLIND = "blind"
    EVENTS = "events"


@dataclass(frozen=True)
class Spot:
    """A stretch of a tap that can be listened to: seconds from the start of that tap's clip."""

    tap: Tap
    start_s: float
    end_s: float


@dataclass(frozen=True, kw_only=True)
class Reading:
    """What a metric function returns: a value, or the reason why there is none. Never both, never NaN."""

    value: float | tuple[float | None, ...] | None = None
    reason: str | None = None
    tier: Tier = Tier.WAVEFORM
    confidence: float | None = None
    spots: tuple[Spot, ...] = ()

    def __post_init__(self) -> None:
        if (self.value is None) == (self.reason is None):
            raise ValueError("a reading has either a value or a reason")
        if isinstance(self.value, float) and self.value != self.value:
            raise ValueError("a value must not be NaN; give a reason instead")


def not_measured(reason: str, tier: Tier = Tier.WAVEFORM) -> Reading:
    """A reading without a value."""
    return Reading(reason=reason, tier=tier)


@dataclass(frozen=True, kw_only=True)
class Measurement:
    """One value of one metric at one place, or the reason why it was not measured."""

    metric: str
    unit: str
    value: float | tuple[float | None, ...] | None
    reason: str | None
    tier: Tier
    turn: int | None = None
    hop: Hop | None = None
    tap: Tap | None = None
    confidence: float | None = None
    spots: tuple[Spot, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """One JSON object; `hop` or `tap` only where the metric has one."""
        place = {"hop": self.hop.value} if self.hop else {"tap": self.tap.value} if self.tap else {}
        value = list(self.value) if isinstance(self.value, tuple) else self.value
        return {
            "metric": self.metric,
            "turn": self.turn,
            **place,
            "tier": self.tier.value,
            "value": value,
            "unit": self.unit,
            "reason": self.reason,
            "confidence": self.confidence,
            "spots": [{"tap": spot.tap.value, "start_s": spot.start_s, "end_s": spot.end_s} for spot in self.spots],
        }


@dataclass(frozen=True)
class Measurements:
    """The measurements of one take, to be asked by name and place."""

    items: tuple[Measurement, ...]

    def __iter__(self) -> Iterator[Measurement]:
        return iter(self.items)

    def find(
        self, metric: str, *, turn: int | None = None, hop: Hop | None = None, tap: Tap | None = None
    ) -> tuple[Measurement, ...]:
        """All measurements of a metric at a place; a place left out matches every place."""
        return tuple(
            item
            for item in self.items
            if item.metric == metric
            and (turn is None or item.turn == turn)
            and (hop is None or item.hop == hop)
            and (tap is None or item.tap == tap)
        )

    def value(
        self, metric: str, *, turn: int | None = None, hop: Hop | None = None, tap: Tap | None = None
    ) -> float | None:
        """The single-number value of the first match, or None where it is absent or was not measured."""
        found = next((item.value for item in self.find(metric, turn=turn, hop=hop, tap=tap)), None)
        return None if isinstance(found, tuple) else found


@dataclass(frozen=True, kw_only=True)
class Evidence:
    """A sentence that supports a finding, the measurement that it rests on, and where to hear it."""

    text: str
    metric: str | None = None
    turn: int | None = None
    spots: tuple[Spot, ...] = ()


class Status(StrEnum):
    """How a rule came out."""

    RAISED = "raised"
    CLEAR = "clear"
    NOT_CHECKED = "not_checked"
    CRASHED = "crashed"


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """What a rule function returns; use `raised`, `clear` and `not_checked` to make one.

    `severity` is given only where a rule has two levels, as SVC001 does; else the rule's own holds.
    `discard` tells that the take must not be counted because our own harness was at fault.
    """

    status: Status
    title: str = ""
    evidence: tuple[Evidence, ...] = ()
    likely_cause: str = ""
    remedy: str = ""
    confidence: float = 1.0
    reason: str | None = None
    severity: Severity | None = None
    discard: bool = False


def raised(
    title: str,
    *,
    evidence: Iterable[Evidence],
    likely_cause: str,
    remedy: str,
    confidence: float = 1.0,
    severity: Severity | None = None,
    discard: bool = False,
) -> Verdict:
    """The fault is there. `title` is one plain sentence with figures; `remedy` says what to change, and to what."""
    return Verdict(
        status=Status.RAISED,
        title=title,
        evidence=tuple(evidence),
        likely_cause=likely_cause,
        remedy=remedy,
        confidence=confidence,
        severity=severity,
        discard=discard,
    )


def clear() -> Verdict:
    """It was looked for with enough evidence, and is not there. Only this may print a tick."""
    return Verdict(status=Status.CLEAR)


def not_checked(reason: str) -> Verdict:
    """It could not be looked for; says why."""
    return Verdict(status=Status.NOT_CHECKED, reason=reason)


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
    remedy: str
    confidence: float
    consequence_of: str | None = None

    def to_json(self) -> dict[str, Any]:
        """One JSON object."""
        return {
            "code": self.code,
            "name": self.name,
            "severity": self.severity.value,
            "hop": self.hop.value if self.hop else None,
            "title": self.title,
            "evidence": [item.text for item in self.evidence],
            "likely_cause": self.likely_cause,
            "remedy": self.remedy,
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


@dataclass(frozen=True, kw_only=True)
class TakeResult:
    """The judgement of one take. `discarded` is None, or the reason why the take does not count."""

    id: str
    prompt_names: tuple[str, ...]
    measurements: Measurements
    findings: tuple[Finding, ...]
    outcomes: tuple[RuleOutcome, ...]
    discarded: str | None = None

    def to_json(self) -> dict[str, Any]:
        """One JSON object."""
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
        }


@dataclass(frozen=True, kw_only=True)
class SummaryRow:
    """One metric at one place over the takes of a run.

    `missing` counts takes in which the metric had no value; `p95` is None below n = 20; `low` and `high` are the
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
    hop: Hop | None = None
    tap: Tap | None = None

    def to_json(self) -> dict[str, Any]:
        """One JSON object."""
        return {
            "metric": self.metric,
            "turn": self.turn,
            "hop": self.hop.value if self.hop else None,
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
    """A finding over a run: the worst take's words, and in how many of the counted takes it was found."""

    finding: Finding
    take_ids: tuple[str, ...]
    counted: int

    def to_json(self) -> dict[str, Any]:
        """One JSON object."""
        return {**self.finding.to_json(), "takes": list(self.take_ids), "counted": self.counted}


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
    folder: str | None = None
    tool_version: str = ""

    @property
    def counted(self) -> tuple[TakeResult, ...]:
        """Takes that were not discarded."""
        return tuple(take for take in self.takes if take.discarded is None)

    def to_json(self) -> dict[str, Any]:
        """One JSON object."""
        return {
            "name": self.name,
            "title": self.title,
            "config": self.config,
            "environment": self.environment,
            "takes": [take.to_json() for take in self.takes],
            "discarded": [{"id": take.id, "reason": take.discarded} for take in self.takes if take.discarded],
            "summary": [row.to_json() for row in self.summary],
            "findings": [finding.to_json() for finding in self.findings],
            "folder": self.folder,
            "tool_version": self.tool_version,
        }


class Change(StrEnum):
    """Verdict of a comparison."""

    BETTER = "better"
    WORSE = "worse"
    NONE_SHOWN = "no_difference_shown"
    TOO_FEW = "too_few_takes"


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """One metric in two runs: b minus a, with a 95 % interval."""

    metric: str
    unit: str
    a: float | None
    b: float | None
    difference: float | None
    interval: tuple[float, float] | None
    n_pairs: int
    verdict: Change
    reason: str | None = None
    hop: Hop | None = None
    tap: Tap | None = None

    def to_json(self) -> dict[str, Any]:
        """One JSON object."""
        return {
            "metric": self.metric,
            "hop": self.hop.value if self.hop else None,
            "tap": self.tap.value if self.tap else None,
            "unit": self.unit,
            "a": self.a,
            "b": self.b,
            "difference": self.difference,
            "interval": list(self.interval) if self.interval else None,
            "n_pairs": self.n_pairs,
            "verdict": self.verdict.value,
            "reason": self.reason,
        }


@dataclass(frozen=True, kw_only=True)
class RunComparison:
    """Two runs side by side: one sentence, the differing settings, and metric by metric."""

    a: str
    b: str
    sentence: str
    config_diff: tuple[tuple[str, Any, Any], ...]
    environment_diff: tuple[tuple[str, Any, Any], ...]
    comparisons: tuple[Comparison, ...]
    verdict: Change

    def to_json(self) -> dict[str, Any]:
        """One JSON object."""
        return {
            "a": self.a,
            "b": self.b,
            "sentence": self.sentence,
            "config_diff": [{"field": name, "a": a, "b": b} for name, a, b in self.config_diff],
            "environment_diff": [{"field": name, "a": a, "b": b} for name, a, b in self.environment_diff],
            "metrics": [item.to_json() for item in self.comparisons],
            "verdict": self.verdict.value,
        }


@dataclass(frozen=True, kw_only=True)
class Report:
    """All that a report shows, in one JSON document."""

    runs: tuple[RunResult, ...]
    comparisons: tuple[RunComparison, ...] = ()
    verdict: str = ""
    report: str | None = None
    extra: dict[str, Any] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        """The document of `--json`."""
        return {
            "schema_version": SCHEMA_VERSION,
            "runs": [run.to_json() for run in self.runs],
            "comparisons": [item.to_json() for item in self.comparisons],
            "verdict": self.verdict,
            "report": self.report,
            **self.extra,
        }
