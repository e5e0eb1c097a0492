"""REC003: the recording is clipped."""

from __future__ import annotations

from diag.core.messages import msg
from diag.core.results import Measurements, Verdict
from diag.judge.blind import beyond
from diag.judge.limits import FLAT_TOPS_HZ
from diag.judge.recording import Recording
from diag.judge.registry import rule


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
        The waveform has more than ten flat tops (clipped peaks) per second.

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
    return beyond(
        measurements,
        recording,
        "clipping_rate_hz",
        warning=FLAT_TOPS_HZ,
        words=lambda value: msg("The recording is clipped {value:.0f} times per second", value=value),
        cause=msg("a gain is too high somewhere on the way"),
        fix=msg("lower the gain of the stage that clips"),
    )
