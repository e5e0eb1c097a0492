"""REC005: the recording has clicks."""

from __future__ import annotations

from dataclasses import replace

from diag.core.messages import msg
from diag.core.results import Measurements, Severity, Status, Tier, Verdict
from diag.judge.blind import beyond, own_measure
from diag.judge.limits import CLICKS_HZ
from diag.judge.recording import Recording
from diag.judge.registry import rule

_SINGLE = 1
"""Clicks that are no warning. The faults that the rule names click again and again. In 1,337 healthy recordings of the
development voices after ordinary processing, and in those after a change of tempo, single clicks were releases of
plosives, and no recording had two."""


@rule(
    "REC005",
    name="recording-clicks",
    severity="warning",
    or_severity="info",
    scope="recording",
    explained_by=(
        "MIC007",
        "SND012",
        "PLY004",
        "SPK006",
        "MIC010",
        "SND008",
        "PLY011",
        "SPK009",
        "REC003",
        "REC004",
        "REC008",
    ),
)
def recording_clicks(measurements: Measurements, recording: Recording) -> Verdict:
    """The recording has clicks.

    What it shows
        The waveform has single jumps, more than one every five seconds. A recording with only one is information: it
        may be a sound of the mouth.

    Why it matters
        Clicks at every chunk make the voice crackle.

    Evidence
        `click_rate_hz` of the recording by itself, and of the reference if there is one.

    Likely causes
        - A resampler or filter is restarted with every chunk.
        - Chunks are joined with samples missing.

    Fix
        Keep the state of resamplers and filters from chunk to chunk, and join chunks as bytes before decoding.

    Does not prove
        A fault of the player: mouth noises click too. Compare with a reference to find out.
    """
    verdict = beyond(
        measurements,
        recording,
        "click_rate_hz",
        warning=CLICKS_HZ,
        words=lambda value: msg("The recording has {value:.1f} clicks per second", value=value),
        cause=msg("a resampler or filter is restarted with every chunk"),
        fix=msg(
            "keep the state of resamplers and filters from chunk to chunk, and join chunks as bytes before decoding"
        ),
    )
    item = own_measure(measurements, recording, "click_rate_hz", Tier.BLIND)
    if verdict.status is Status.RAISED and item is not None and len(item.spots) == _SINGLE:
        return replace(verdict, severity=Severity.INFO)
    return verdict
