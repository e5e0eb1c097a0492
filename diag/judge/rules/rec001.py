"""REC001: the recording is silent."""

from __future__ import annotations

from diag.core.messages import msg
from diag.core.results import Evidence, Measurements, Verdict, clear, raised
from diag.judge.blind import own_value
from diag.judge.limits import SILENT_DBFS
from diag.judge.recording import Recording
from diag.judge.registry import rule


@rule(
    "REC001",
    name="recording-silent",
    severity="error",
    scope="recording",
    explained_by=("MIC001", "SND009", "PLY006", "SPK001"),
)
def recording_silent(measurements: Measurements, recording: Recording) -> Verdict:
    """The recording is silent.

    What it shows
        The loudest sample is below -60 dBFS.

    Why it matters
        There is nothing to analyse, and nobody hears anything.

    Evidence
        `peak_dbfs` of the recording by itself.

    Likely causes
        - The device is disconnected or muted, or the wrong device is selected.
        - The wrong channel or output was recorded.

    Fix
        Check that the right device is selected, connected and not muted.

    Does not prove
        Which of these causes it is.
    """
    found = own_value(measurements, recording, "peak_dbfs")
    if isinstance(found, Verdict):
        return found
    level_dbfs, _ = found
    if level_dbfs > SILENT_DBFS:
        return clear()
    return raised(
        msg("The recording is silent (its loudest sample is at {level_dbfs:.0f} dBFS)", level_dbfs=level_dbfs),
        evidence=[Evidence(text=msg("peak_dbfs is {level_dbfs:.0f}", level_dbfs=level_dbfs), metric="peak_dbfs")],
        likely_cause=msg("the device is disconnected or muted, or the wrong device is selected"),
        fix=msg("check that the right device is selected, connected and not muted"),
    )
