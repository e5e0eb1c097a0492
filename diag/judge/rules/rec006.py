"""REC006: the recording has no treble."""

from __future__ import annotations

from dataclasses import replace

from diag.core.messages import msg
from diag.core.results import Measurements, Severity, Status, Tier, Verdict, does_not_apply
from diag.core.units import LIVE_OUTPUT_RATE_HZ
from diag.judge.blind import beyond, own_measure
from diag.judge.evidence import number
from diag.judge.limits import EDGE_ERROR_HZ, WIDEBAND_EDGE_HZ, WIDEBAND_RATE_HZ
from diag.judge.recording import Recording
from diag.judge.registry import rule


@rule(
    "REC006",
    name="recording-narrow-band",
    severity="warning",
    or_severity="info",
    scope="recording",
    explained_by=(
        "MIC003",
        "SND007",
        "PLY002",
        "SPK002",
        "REC012",
        "REC008",
        "MIC005",
        "SND001",
        "PLY001",
        "SPK003",
        "REC007",
        "REC010",
        "REC013",
    ),
)
def recording_narrow_band(measurements: Measurements, recording: Recording) -> Verdict:
    """The recording has no treble.

    What it shows
        The sample rate is 22.05 kHz or more, but the sound has nothing above 8.2 kHz. If it reaches 7 kHz and the
        sample rate is not that of replies (24 kHz), this is information only: much good speech is recorded at 16 kHz.

    Why it matters
        The voice sounds muffled.

    Evidence
        `bandwidth_hz` of the recording by itself, and of the reference if there is one.

    Likely causes
        - A stage on the way runs at 16 kHz or less.
        - The voice itself has no treble, or it was recorded over a telephone line.

    Fix
        Look for a stage at a lower sample rate, and compare with what was received.

    Does not prove
        A fault: a voice without treble looks the same. Compare with a reference or a voice profile to find out.
    """
    if recording.sample_rate_hz < WIDEBAND_RATE_HZ:
        return does_not_apply(
            msg(
                "a sample rate of {sample_rate_hz} Hz is too low to have treble above 8.2 kHz",
                sample_rate_hz=recording.sample_rate_hz,
            )
        )
    verdict = beyond(
        measurements,
        recording,
        "bandwidth_hz",
        warning=EDGE_ERROR_HZ,
        words=lambda value: msg(
            "The recording has nothing above {edge_khz:.1f} kHz although its sample rate is {rate_hz} Hz",
            edge_khz=value / 1000,
            rate_hz=recording.sample_rate_hz,
        ),
        cause=msg("a stage runs at a lower sample rate, or the voice itself has no treble"),
        fix=msg("look for a stage at a lower sample rate, and compare with what was received (`--reference`)"),
        below=True,
    )
    item = own_measure(measurements, recording, "bandwidth_hz", Tier.BLIND)
    edge_hz = None if item is None else number(item)
    wide = edge_hz is not None and edge_hz >= WIDEBAND_EDGE_HZ
    if verdict.status is Status.RAISED and wide and recording.sample_rate_hz != LIVE_OUTPUT_RATE_HZ:
        return replace(verdict, severity=Severity.INFO)
    return verdict
