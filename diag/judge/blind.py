"""Shared by the rules on recordings: a measure of the recording by itself, and the same measure of its reference."""

from __future__ import annotations

from collections.abc import Callable

from diag.core.results import Evidence, Measurement, Measurements, Severity, Tier, Verdict, clear, not_checked, raised
from diag.core.units import format_value
from diag.judge.evidence import number, why_not
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


def in_words(item: Measurement, value: float) -> str:
    """Return a measured value as evidence, with the label of its metric and its unit: "Bandwidth: 6.8 kHz"."""
    known = metric_named(item.metric)
    return f"{known.label if known else item.metric}: {format_value(value, item.unit)}"


def beyond(
    measurements: Measurements,
    recording: Recording,
    metric: str,
    *,
    warning: float,
    error: float | None = None,
    words: Callable[[float], str],
    cause: str,
    fix: str,
    below: bool = False,
) -> Verdict:
    """Raise a finding if a measure of the recording by itself is beyond a limit.

    If the reference has the same fault, the finding is information only: nothing between both caused it.

    Parameters
    ----------
    warning, error : float, float or None
        Limits. Without `error` the finding is always a warning.
    words : callable
        Returns the fault in words for a value, such as "is clipped 12 times per second".
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
    severity = Severity.ERROR if error is not None and sign * value > sign * error else Severity.WARNING
    before = reference_value(measurements, recording, metric)
    if before is not None and sign * before > sign * warning and abs(before) >= SAME_SHARE * abs(value):
        severity, also = Severity.INFO, f"; {recording.reference} has it too"
    else:
        also = ""
    return raised(
        f"The recording {words(value)}{also}",
        evidence=[Evidence(text=in_words(item, value), metric=metric, turn=item.turn, spots=item.spots)],
        likely_cause=cause,
        fix=fix,
        severity=severity,
    )
