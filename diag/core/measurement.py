"""Results of single metrics and rules: readings, measurements and verdicts."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass, replace
from enum import StrEnum
from typing import Any

from diag.core.chain import Hop, Segment, Tap
from diag.core.missing import Missing
from diag.core.units import with_minus


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
    """What a measure was compared against. One verdict uses measures of one tier only."""

    WAVEFORM = "waveform"
    PROFILE = "profile"
    BLIND = "blind"
    EVENTS = "events"


@dataclass(frozen=True)
class Spot:
    """A part of a tap's recording to listen to, in seconds from the start of that tap's clip."""

    tap: Tap
    start_s: float
    end_s: float


@dataclass(frozen=True, kw_only=True)
class SoundEvent:
    """One thing that happened to a sound on its way through a segment.

    Parameters
    ----------
    kind : str
        What happened, in words, for example "stall" or "head lost".
    reference_s, estimated_s : float
        Where it begins in the recording of the input and in that of the output.
    duration_s : float
        How much sound was inserted, lost, repeated or moved; for a second copy, how much later it plays.
    level_db : float or None
        For other sound, its level in dBFS; for a second copy, its level relative to the first.
    count : int
        For gaps at the borders of chunks, the number of gaps.
    period_s : float or None
        For gaps at the borders of chunks, the length of a chunk.
    """

    kind: str
    reference_s: float
    estimated_s: float
    duration_s: float
    level_db: float | None = None
    count: int = 1
    period_s: float | None = None

    def later(self, reference_by_s: float, estimated_by_s: float) -> SoundEvent:
        """Return the same event with its two start times moved later by the given seconds."""
        return replace(
            self, reference_s=self.reference_s + reference_by_s, estimated_s=self.estimated_s + estimated_by_s
        )


@dataclass(frozen=True, kw_only=True)
class Reading:
    """What a metric function returns: either a value (never NaN) or the reason why there is none."""

    value: float | tuple[float | None, ...] | None = None
    missing: Missing | None = None
    tier: Tier = Tier.WAVEFORM
    confidence: float | None = None
    spots: tuple[Spot, ...] = ()
    events: tuple[SoundEvent, ...] = ()

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
    events: tuple[SoundEvent, ...] = ()

    @property
    def hop(self) -> Hop | None:
        """The hop that is responsible for the segment."""
        return self.segment.hop if self.segment else None

    @property
    def reason(self) -> str | None:
        """The reason why there is no value, in words; None if there is a value."""
        return self.missing.text if self.missing else None

    def to_json(self) -> dict[str, Any]:
        """Return one JSON object. It has `hop` or `tap` if the metric has one, and `segment` if hops were merged."""
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
            **({"events": [asdict(event) for event in self.events]} if self.events else {}),
        }


def place_to_json(segment: Segment | None, tap: Tap | None) -> dict[str, Any]:
    """Return the place of a measurement as JSON: `hop` (and `segment` if hops were merged), or `tap`."""
    if segment is None:
        return {"tap": tap.value} if tap else {}
    return {"hop": segment.hop.value, **({"segment": segment_ends(segment)} if segment.merged else {})}


def segment_ends(segment: Segment | None) -> list[str] | None:
    """Return the names of the first and the last tap of a segment, or None without a segment."""
    return [segment.first.value, segment.last.value] if segment else None


@dataclass(frozen=True)
class Measurements:
    """The measurements of one take or recording, with look-up by name and place.

    A hop selects the segment for which it is responsible (`Segment.hop`). That segment may cover other hops too.
    """

    items: tuple[Measurement, ...]

    def __iter__(self) -> Iterator[Measurement]:
        return iter(self.items)

    def find(
        self, metric: str, *, turn: int | None = None, hop: Hop | None = None, tap: Tap | None = None
    ) -> tuple[Measurement, ...]:
        """Return all measurements of a metric at a place. An omitted argument matches every place."""
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
        """Return the value of the first match if it is a single number; None if it is missing or was not measured."""
        found = next((item.value for item in self.find(metric, turn=turn, hop=hop, tap=tap)), None)
        return None if isinstance(found, tuple) else found


@dataclass(frozen=True, kw_only=True)
class Evidence:
    """A sentence that supports a finding, the measurement behind it, and where to listen."""

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
    """What a rule function returns. Use `raised`, `clear` or `not_checked` to make one.

    `severity` is set only by rules with two levels, such as SVC001; otherwise the severity of the rule applies.
    `discard` is set if the take must not be counted because diag's own recording setup failed.
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
    applies: bool = True


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
    """Return the verdict that the fault is present.

    `title` is one plain sentence with figures. `fix` says what to change, and to which value.
    """
    return Verdict(
        status=Status.RAISED,
        title=with_minus(title),
        evidence=tuple(replace(item, text=with_minus(item.text)) for item in evidence),
        likely_cause=likely_cause,
        fix=fix,
        confidence=confidence,
        severity=severity,
        discard=discard,
    )


def clear(reason: str | None = None) -> Verdict:
    """Return the verdict that the fault was looked for with enough evidence and is absent. Only it is shown as good.

    `reason` says what is not counted as a fault, because it is usual.
    """
    return Verdict(status=Status.CLEAR, reason=reason)


def not_checked(reason: str) -> Verdict:
    """Return the verdict that the fault could not be looked for, with the reason."""
    return Verdict(status=Status.NOT_CHECKED, reason=reason)


def does_not_apply(reason: str) -> Verdict:
    """Return the verdict that there is nothing to look for, such as a page in a run without one.

    It is not listed among what was not checked.
    """
    return Verdict(status=Status.NOT_CHECKED, reason=reason, applies=False)
