"""REC003: the recording is clipped."""

from __future__ import annotations

from diag.core.messages import msg
from diag.core.results import Measurements, Status, Verdict, not_checked
from diag.judge.blind import beyond, own_measure
from diag.judge.recording import Recording
from diag.judge.registry import rule

FLAT_TOPS_ALONE_HZ = 5.0
"""Flat tops per second of a recording by itself. 99 healthy development recordings in two of ten conversions each had
none. Of 238 clipped 6 dB below their highest peak 233 had more, and the others are told from a limiter by nothing."""


@rule(
    "REC003",
    name="recording-clipped",
    severity="warning",
    scope="recording",
    explained_by=("MIC002", "SND010", "PLY008", "SPK005", "MIC014", "SND017", "PLY015", "SPK013", "REC008"),
)
def recording_clipped(measurements: Measurements, recording: Recording) -> Verdict:
    """The recording is clipped.

    What it shows
        The waveform has more than five flat tops (clipped peaks) per second.

    Why it matters
        It sounds harsh and scratchy, and speech recognition suffers.

    Evidence
        `clipping_rate_hz` of the recording by itself, and of the reference if there is one.

    Likely causes
        - A gain is too high somewhere on the way, or the samples are scaled by too large a factor.

    Fix
        Lower the gain of the stage that clips.

    Does not prove
        Where it was clipped: the source itself may be clipped. Compare with a reference to find out.
    """
    verdict = beyond(
        measurements,
        recording,
        "clipping_rate_hz",
        warning=FLAT_TOPS_ALONE_HZ,
        words=lambda value: msg("The recording is clipped {value:.0f} times per second", value=value),
        cause=msg("a gain is too high somewhere on the way"),
        fix=msg("lower the gain of the stage that clips"),
    )
    item = own_measure(measurements, recording, "clipping_rate_hz")
    if verdict.status is Status.CLEAR and item is not None and item.confidence is not None:
        return not_checked(
            msg(
                "whether it is clipped (single samples touch its highest value again and again, as a "
                "limiter leaves them, and clipped treble too)"
            )
        )
    return verdict
