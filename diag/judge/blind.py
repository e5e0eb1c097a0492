"""Shared by the rules on recordings: a measure of the recording by itself, and the same measure of its reference."""

from __future__ import annotations

from collections.abc import Callable

from diag.core.messages import Message, fixed_text, msg
from diag.core.results import Measurement, Measurements, Severity, Tier, Verdict, clear, not_checked, raised
from diag.core.units import format_value
from diag.dsp.profile import VoiceProfile
from diag.judge.evidence import evidence_of, in_mid_sentence, number, times_in_words, why_not
from diag.judge.limits import CLEARLY_WORSE
from diag.judge.recording import Recording
from diag.measure.registry import metric_named

SAME_SHARE = 0.75
"""The reference has the same fault if its value is at least this share of the recording's value."""


def own_measure(
    measurements: Measurements, recording: Recording, metric: str, tier: Tier | None = None
) -> Measurement | None:
    """Return the measure of the recording by itself, with a value or without; None where there is none."""
    return next(
        (
            item
            for item in measurements.find(metric)
            if item.segment is None and item.tap == recording.tap and (tier is None or item.tier is tier)
        ),
        None,
    )


def own_value(
    measurements: Measurements, recording: Recording, metric: str, tier: Tier | None = None
) -> tuple[float, Measurement] | Verdict:
    """Return the value of a measure of the recording by itself and its measurement, or why it was not checked."""
    item = own_measure(measurements, recording, metric, tier)
    value = None if item is None else number(item)
    if item is None or value is None:
        return not_checked(why_not([item] if item else [], metric))
    return value, item


def reference_value(measurements: Measurements, recording: Recording, metric: str) -> float | None:
    """Return the same measure of the reference; None where there is no reference or no value."""
    if recording.segment is None:
        return None
    return measurements.value(metric, tap=recording.segment.first)


def _limit_of_voice(voice: VoiceProfile | None, metric: str, limit: float, *, below: bool) -> float | None:
    """Return the limit for a voice whose recordings are usually beyond `limit`; None for any other voice."""
    found = next((item for item in voice.usual if item.metric == metric), None) if voice else None
    if found is None or metric not in CLEARLY_WORSE:
        return None
    times, by = CLEARLY_WORSE[metric]
    if below:
        return times * found.low + by if found.middle < limit else None
    return times * found.high + by if found.middle > limit else None


def in_words(item: Measurement, value: float) -> Message:
    """Return a measured value as evidence, with the label of its metric and its unit: "Bandwidth: 6.8 kHz"."""
    known = metric_named(item.metric)
    label = fixed_text(known.label if known else item.metric)
    return msg("{measure}: {value}", measure=label, value=format_value(value, item.unit))


def beyond(
    measurements: Measurements,
    recording: Recording,
    metric: str,
    *,
    warning: float,
    error: float | None = None,
    words: Callable[[float], Message],
    cause: str,
    fix: str,
    below: bool = False,
) -> Verdict:
    """Raise a finding if a measure of the recording by itself is beyond a limit.

    If the reference has the same fault, the finding is information only: nothing between both caused it. If the
    recordings of the voice's profile have it too, it is a finding only where it is clearly worse than in all of them.

    Parameters
    ----------
    warning, error : float, float or None
        Limits. Without `error` the finding is always a warning.
    words : callable
        Returns the fault as a sentence for a value, such as "The recording is clipped 12 times per second".
    below : bool
        Whether a value below the limit is the fault.
    """
    sign = -1.0 if below else 1.0
    found = own_value(measurements, recording, metric, Tier.BLIND)
    if isinstance(found, Verdict):
        return found
    value, item = found
    if sign * value <= sign * warning:
        return clear()
    usual = _limit_of_voice(recording.voice, metric, warning, below=below)
    if usual is not None and recording.voice is not None:
        if sign * value <= sign * usual:
            return clear(
                msg(
                    "as always with the voice {voice}: {value}",
                    voice=recording.voice.name,
                    value=in_mid_sentence(words(value)),
                )
            )
        error = None if error is None else error + usual - warning
    severity = Severity.ERROR if error is not None and sign * value > sign * error else Severity.WARNING
    before = reference_value(measurements, recording, metric)
    if before is not None and sign * before > sign * warning and abs(before) >= SAME_SHARE * abs(value):
        severity = Severity.INFO
        title = msg("{title}; {reference} has it too", title=words(value), reference=recording.reference)
    else:
        title = words(value)
    text, where = in_words(item, value), times_in_words(item.spots)
    return raised(
        title,
        evidence=[evidence_of(item, msg("{first}, {other}", first=text, other=where) if where else text)],
        likely_cause=cause,
        fix=fix,
        severity=severity,
    )
