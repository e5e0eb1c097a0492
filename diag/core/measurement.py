"""Results of single metrics and rules: readings, measurements, verdicts."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from diag.core.chain import Hop, Segment, Tap
from diag.core.missing import Missing


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
    missing: Missing | None = None
    tier: Tier = Tier.WAVEFORM
    confidence: float | None = None
    spots: tuple[Spot, ...] = ()

    def __post_init__(self) -> None:
        if (self.value is None) == (self.missing is None):
            raise ValueError("a reading has either a value or a reason")
        if isinstance(self.value, float) and self.value != self.value:
            raise ValueError("a value must not be NaN; give a reason instead")


def not_measured(missing: Missing, tier: Tier = Tier.WAVEFORM, confidence: float | None = None) -> Reading:
    """Return a reading without a value."""
    return Reading(missing=missing, tier=tier, confidence=confidence)


@dataclass(frozen=True, kw_only=True)
class Measurement:
    """One value of one metric at one place, or the reason why it was not measured.

    Parameters
    ----------
    segment, tap : Segment or None, Tap or None
        Where it was measured; both are None for a measure of the whole take, or of a lone recording whose tap is
        not known.
    """

    metric: str
    unit: str
    value: float | tuple[float | None, ...] | None
    missing: Missing | None
    tier: Tier
    turn: int | None = None
    segment: Segment | None = None
    tap: Tap | None = None
    confidence: float | None = None
    spots: tuple[Spot, ...] = ()

    @property
    def hop(self) -> Hop | None:
        """The hop that is responsible for the segment."""
        return self.segment.hop if self.segment else None

    @property
    def reason(self) -> str | None:
        """The reason in words why there is no value."""
        return self.missing.text if self.missing else None

    def to_json(self) -> dict[str, Any]:
        """Return one JSON object; `hop` or `tap` only where the metric has one, `segment` where hops were merged."""
        value = list(self.value) if isinstance(self.value, tuple) else self.value
        return {
            "metric": self.metric,
            "turn": self.turn,
            **place_to_json(self.segment, self.tap),
            "tier": self.tier.value,
            "value": value,
            "unit": self.unit,
            "reason": self.reason,
            "reason_code": self.missing.code.value if self.missing else None,
            "confidence": self.confidence,
            "spots": [{"tap": spot.tap.value, "start_s": spot.start_s, "end_s": spot.end_s} for spot in self.spots],
        }


def place_to_json(segment: Segment | None, tap: Tap | None) -> dict[str, Any]:
    """Return where something was measured as JSON: `hop` and, where hops were merged, `segment`; or `tap`."""
    if segment is None:
        return {"tap": tap.value} if tap else {}
    return {"hop": segment.hop.value, **({"segment": segment_ends(segment)} if segment.merged else {})}


def segment_ends(segment: Segment | None) -> list[str] | None:
    """Return the names of both taps of a segment."""
    return [segment.first.value, segment.last.value] if segment else None


@dataclass(frozen=True)
class Measurements:
    """The measurements of one take or recording, to be asked by name and place.

    A hop stands for the segment that the hop is responsible for, which may cover other hops too.
    """

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
    fix: str = ""
    confidence: float = 1.0
    reason: str | None = None
    severity: Severity | None = None
    discard: bool = False


def raised(
    title: str,
    *,
    evidence: Iterable[Evidence],
    likely_cause: str,
    fix: str,
    confidence: float = 1.0,
    severity: Severity | None = None,
    discard: bool = False,
) -> Verdict:
    """The fault is there. `title` is one plain sentence with figures; `fix` says what to change, and to what."""
    return Verdict(
        status=Status.RAISED,
        title=title,
        evidence=tuple(evidence),
        likely_cause=likely_cause,
        fix=fix,
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
