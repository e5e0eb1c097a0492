"""Places of the faults of a recording on its time axis: what happened, from when to when, and by which finding."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from diag.core.chain import Tap
from diag.core.results import Finding, Measurement, SoundEvent
from diag.core.states import State
from diag.core.units import format_seconds, with_minus
from diag.judge.recording_result import AnalysisResult
from diag.report.language import tr
from diag.report.sentences import label, state_of

MOST_MARKS = 120
"""More marks than this cannot be told apart on a screen."""
WORDS_OF_EVENT = {
    "stall": "silence inserted",
    "dropout": "silence in place of sound",
    "skip": "sound left out",
    "repeat": "sound repeated",
    "head lost": "beginning lost",
    "tail lost": "end lost",
    "swapped": "sound in the wrong place",
    "overlap": "a chunk starts before the last one ended",
    "seams": "gaps between chunks",
}
"""Events in words, where their kind alone is not plain."""
WORDS_OF_SPOT = {
    "dropout_count": "gap",
    "click_rate_hz": "click",
    "clipping_rate_hz": "clipped",
    "misread_s": "bytes read wrongly",
}
"""Places of a measure in words, if the measure lists no events."""
_LOSSES = ("skip", "head lost", "tail lost")
_SAME_S = 0.05


@dataclass(frozen=True)
class Happening:
    """One place at which something is wrong.

    Parameters
    ----------
    start_s, end_s : float
        In the recording.
    reference_s : float or None
        Where it begins in the reference; None if it is not known.
    words : str
        What happened, with its length.
    code : str
        The finding that it belongs to.
    """

    start_s: float
    end_s: float
    reference_s: float | None
    words: str
    state: State
    code: str


def happenings(result: AnalysisResult) -> tuple[Happening, ...]:
    """Return the places of the findings of a recording, in order of time.

    The places of a consequence are left out where its cause is marked already.
    """
    found: list[Happening] = []
    for finding in sorted(result.findings, key=lambda item: item.consequence_of is not None):
        for place in _of_finding(result, finding):
            again = any(_near(place, other) for other in found if finding.consequence_of or place.words == other.words)
            if not again:
                found.append(place)
    return tuple(sorted(found, key=lambda item: item.start_s)[:MOST_MARKS])


def _near(one: Happening, other: Happening) -> bool:
    return other.start_s - _SAME_S <= one.start_s <= other.end_s + _SAME_S


def _of_finding(result: AnalysisResult, finding: Finding) -> Iterator[Happening]:
    named = {item.metric for item in finding.evidence if item.metric}
    for item in result.measurements:
        if item.metric in named and _concerns(item, finding, result.tap):
            yield from (replace(place, state=state_of(finding.severity), code=finding.code) for place in _places(item))


def _concerns(item: Measurement, finding: Finding, tap: Tap | None) -> bool:
    """Return whether a measurement is of the place that a finding is about: the segment, or the recording itself."""
    return item.segment is not None if finding.segment is not None else item.segment is None and item.tap == tap


def _places(item: Measurement) -> Iterable[Happening]:
    if item.events:
        return [_of_event(event) for event in _merged(item.events)]
    words = tr(WORDS_OF_SPOT.get(item.metric, label(item.metric).lower()))
    middles = ((spot.start_s + spot.end_s) / 2 for spot in item.spots)
    return [Happening(at_s, at_s, None, words, State.UNKNOWN, "") for at_s in middles]


def _merged(events: Sequence[SoundEvent]) -> list[SoundEvent]:
    """Return events with losses at one place of the recording as one: a long loss is measured part by part."""
    merged: list[SoundEvent] = []
    for event in events:
        last = merged[-1] if merged else None
        if last and last.kind == event.kind in _LOSSES and abs(last.estimated_s - event.estimated_s) < _SAME_S:
            merged[-1] = replace(last, duration_s=last.duration_s + event.duration_s)
        else:
            merged.append(event)
    return merged


def _of_event(event: SoundEvent) -> Happening:
    length_s = event.count * event.period_s if event.period_s else event.duration_s
    if event.kind in _LOSSES:
        length_s = 0.0  # what is missing takes no time in the recording
    what = tr(WORDS_OF_EVENT.get(event.kind, event.kind))
    if event.kind.startswith("level "):
        if event.level_db is not None:
            what = tr("{kind} of {level:+.0f} dB").format(kind=what, level=event.level_db)
    elif event.count > 1:
        what = tr("{what}, {n} times").format(what=what, n=event.count)
    else:
        what = f"{what}, {format_seconds(abs(event.duration_s))}"
    end_s = event.estimated_s + max(length_s, 0.0)
    reference_s = None if event.kind == "other sound" else event.reference_s
    return Happening(event.estimated_s, end_s, reference_s, with_minus(what), State.UNKNOWN, "")
