"""REC011: the recording has a DC offset."""

from __future__ import annotations

from diag.core.messages import msg
from diag.core.results import Measurements, Verdict
from diag.judge.blind import beyond
from diag.judge.limits import DC_DBFS
from diag.judge.recording import Recording
from diag.judge.registry import rule


@rule(
    "REC011",
    name="recording-direct-current",
    severity="warning",
    scope="recording",
    explained_by=("MIC013", "SND016", "PLY014", "SPK012", "REC008"),
)
def recording_direct_current(measurements: Measurements, recording: Recording) -> Verdict:
    """The recording has a DC offset.

    What it shows
        The mean of the samples lies above -34 dBFS.

    Why it matters
        It reduces headroom, and the sound clicks at every start and stop.

    Evidence
        `dc_dbfs` of the recording by itself, and of the reference if there is one.

    Likely causes
        - The sound card adds an offset.
        - Unsigned samples are read as signed.

    Fix
        Remove the offset with a high-pass filter of 20 Hz.

    Does not prove
        That it can be heard.
    """
    return beyond(
        measurements,
        recording,
        "dc_dbfs",
        warning=DC_DBFS,
        words=lambda value: msg("The recording has a DC offset ({value:.0f} dBFS)", value=value),
        cause=msg("the sound card adds an offset, or unsigned samples are read as signed"),
        fix=msg("remove the offset with a high-pass filter of 20 Hz before recording"),
    )
