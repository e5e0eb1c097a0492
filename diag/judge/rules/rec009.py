"""REC009."""

from __future__ import annotations

from diag.core.results import Measurements, Verdict
from diag.judge.blind import beyond
from diag.judge.limits import TONE_ERROR_DB, TONE_WARNING_DB
from diag.judge.recording import Recording
from diag.judge.registry import rule


@rule(
    "REC009",
    name="recording-tone",
    severity="warning",
    or_severity="error",
    scope="recording",
    explained_by=("MIC013", "SND016", "PLY014", "SPK012", "SVC007"),
)
def recording_tone(measurements: Measurements, recording: Recording) -> Verdict:
    """The recording holds a steady tone.

    What it shows
        One frequency stands at least 35 dB above its surroundings through the whole recording; from
        45 dB on it is an error.

    Why it matters
        A beep or a hum covers the voice or stands in its place.

    Evidence
        `tonality_db` of the recording by itself, and of the reference if there is one.

    Likely causes
        - A degenerate output of the model.
        - A hum of the device or its power supply.

    Fix
        Listen to it: a stuck tone in place of speech comes from the model, a hum from the device.

    Does not prove
        Where the tone comes from.
    """
    return beyond(
        measurements,
        recording,
        "tonality_db",
        warning=TONE_WARNING_DB,
        error=TONE_ERROR_DB,
        words=lambda value: f"holds a steady tone {value:.0f} dB above everything around it",
        cause="a stuck tone of the model, or a hum of the device",
        fix="listen to it: a stuck tone in place of speech comes from the model, a hum from the device",
    )
