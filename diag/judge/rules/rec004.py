"""REC004: the recording has gaps cut into the sound."""

from __future__ import annotations

from diag.core.messages import msg
from diag.core.results import Measurements, Verdict
from diag.core.units import counted
from diag.judge.blind import beyond
from diag.judge.recording import Recording
from diag.judge.registry import rule

_LEAST = 0.5
"""Gaps beyond which the finding is raised: a single gap is enough."""


@rule(
    "REC004",
    name="recording-gaps",
    severity="warning",
    scope="recording",
    # Rectified sound, and sound of few bits, is zero between its peaks.
    explained_by=("MIC004", "SND011", "PLY003", "SPK004", "REC008", "MIC014", "SND017", "PLY015", "SPK013"),
)
def recording_gaps(measurements: Measurements, recording: Recording) -> Verdict:
    """The recording has gaps cut into the sound.

    What it shows
        The sound stops and starts again abruptly in places where speech has no pause.

    Why it matters
        Words are cut in two.

    Evidence
        `dropout_count` of the recording by itself, and of the reference if there is one.

    Likely causes
        - The buffer of a player or a device underruns.
        - Chunks are lost and replaced by silence.

    Fix
        Increase the buffer of the player or the device.

    Does not prove
        That nothing else is missing: sound that was skipped leaves no gap. Compare with a reference to find out.
    """
    return beyond(
        measurements,
        recording,
        "dropout_count",
        warning=_LEAST,
        words=lambda value: msg("The recording has {gaps} cut into the sound", gaps=counted(value, "gap")),
        cause=msg("a buffer that runs empty"),
        fix=msg("raise the buffer of the player or the device"),
    )
