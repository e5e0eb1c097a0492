"""REC009: the recording contains a steady tone."""

from __future__ import annotations

from diag.core.messages import msg
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
    # What plays too slowly has its inaudible tones, as that of an old screen, within hearing.
    explained_by=("MIC013", "SND016", "PLY014", "SPK012", "SVC007", "REC010", "REC013"),
)
def recording_tone(measurements: Measurements, recording: Recording) -> Verdict:
    """The recording contains a steady tone.

    What it shows
        One frequency is at least 35 dB louder than its neighbours throughout the recording. From 45 dB it is an error.

    Why it matters
        A beep or a hum covers the voice or replaces it.

    Evidence
        `tonality_db` of the recording by itself, and of the reference if there is one.

    Likely causes
        - A degenerate output of the model (a stuck tone).
        - Hum from the device or its power supply.

    Fix
        Listen to it. A tone in place of speech comes from the model, so ask again; a hum comes from the device, so
        check its cable and power supply.

    Does not prove
        Where the tone comes from.
    """
    return beyond(
        measurements,
        recording,
        "tonality_db",
        warning=TONE_WARNING_DB,
        error=TONE_ERROR_DB,
        words=lambda value: msg(
            "The recording contains a steady tone, {value:.0f} dB louder than the neighbouring frequencies", value=value
        ),
        cause=msg("the model produced a stuck tone, or the device hums"),
        fix=msg("listen to it: if a tone replaces the speech, ask the model again; if it hums, check the power supply"),
    )
