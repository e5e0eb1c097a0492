"""What rules on microphones and loudspeakers have in common: the same evidence, one hop on."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from diag.core.chain import Hop
from diag.core.results import Evidence, Measurements, Severity, Verdict, clear, not_checked, raised
from diag.core.timeline import Timeline
from diag.judge.rules.env004 import OWN_AUDIO
from diag.judge.rules.figures import (
    WrongRate,
    changed_sound,
    lost_treble,
    sampling_that_would_do_it,
    silence_put_in,
    wrong_rate,
)

DROPOUT_LIMIT_S = 0.01
"""Metrics.md F warns from 5 ms; twice that, because device clocks and stamps are not ours."""


def wrong_speed(measurements: Measurements, hop: Hop, device: str) -> Verdict:
    """A device that changes the speed of what goes through it."""
    found = wrong_rate(measurements, hop)
    if not isinstance(found, WrongRate):
        return clear() if found is None else not_checked(found)
    return raised(
        f"The {device} changes the speed: what it delivers is {changed_sound(found.ratio)}",
        evidence=[found.evidence],
        likely_cause="the device runs at another sample rate than it was opened with",
        remedy=f"open the {device} at its own sample rate and resample in software, or choose another device",
        severity=Severity.ERROR if found.error else Severity.WARNING,
    )


def less_treble(
    measurements: Measurements, hop: Hop, *, who: str, cause: str, remedy: str, timeline: Timeline | None = None
) -> Verdict:
    """A stretch of the chain that takes treble away; only told, not warned of, where air carries the sound."""
    found = lost_treble(measurements, hop)
    if not isinstance(found, tuple):
        return clear() if found is None else not_checked(found)
    loss_db, evidence, words = found
    through_hz = sampling_that_would_do_it(measurements, hop)
    return raised(
        f"The {who} loses {loss_db:.0f} dB of treble ({words})",
        evidence=[evidence],
        likely_cause=f"the sound goes through {through_hz} Hz sampling" if through_hz else cause,
        remedy=remedy,
        # Any loudspeaker, room and microphone lose some dB of treble: without a cable it is no fault by itself.
        severity=Severity.INFO if timeline is not None and _through_the_air(timeline) and not through_hz else None,
    )


def _through_the_air(timeline: Timeline) -> bool:
    opened = timeline.first("streams_opened")
    return opened is not None and opened.data.get("ear_channels") == 1


def dropouts(measurements: Measurements, environment: Mapping[str, Any], hop: Hop, device: str) -> Verdict:
    """A device that falls silent in mid-speech; on diag's own devices that would be the harness's fault."""
    if environment.get("audio") in OWN_AUDIO:
        return not_checked("these devices are diag's own; see ENV004")
    found = silence_put_in(measurements, hop)
    if isinstance(found, str):
        return not_checked(found)
    lost_s, item = found
    if lost_s < DROPOUT_LIMIT_S:
        return clear()
    before, after = hop.ends
    text = f"{lost_s * 1000:.0f} ms of silence in `{after}` that `{before}` does not have"
    return raised(
        f"The {device} drops out: {text}",
        evidence=[Evidence(text=text, metric="inserted_silence_s", turn=item.turn, spots=item.spots)],
        likely_cause="the device's buffer ran empty or over, or its link dropped out",
        remedy="raise the device's buffer, lower the load of the machine, or use a cable",
    )
