"""REC002: the recording is so quiet that hardly anyone can hear it."""

from __future__ import annotations

from diag.core.messages import msg
from diag.core.results import Evidence, Measurements, Verdict, clear, raised
from diag.judge.blind import own_value
from diag.judge.limits import NEAR_SILENT_DBFS, SILENT_DBFS
from diag.judge.recording import Recording
from diag.judge.registry import rule


@rule(
    "REC002",
    name="recording-near-silent",
    severity="error",
    scope="recording",
    explained_by=("MIC012", "SND015", "PLY013", "SPK011"),
)
def recording_near_silent(measurements: Measurements, recording: Recording) -> Verdict:
    """The recording is so quiet that hardly anyone can hear it.

    What it shows
        The loudest sample lies between -60 and -40 dBFS.

    Why it matters
        There is speech in it, but to a listener it is silence.

    Evidence
        `peak_dbfs` of the recording by itself.

    Likely causes
        - A gain is near zero, or a muted device lets a little sound through.
        - The model answered at this level.

    Fix
        Check every gain and volume on the way. If the service already delivers it this quiet, ask again and report it.

    Does not prove
        Where the level was lost. Compare with a reference to find out.
    """
    found = own_value(measurements, recording, "peak_dbfs")
    if isinstance(found, Verdict):
        return found
    level_dbfs, _ = found
    if not SILENT_DBFS < level_dbfs <= NEAR_SILENT_DBFS:
        return clear()
    return raised(
        msg("The recording is nearly silent (its loudest sample is at {level_dbfs:.0f} dBFS)", level_dbfs=level_dbfs),
        evidence=[Evidence(text=msg("peak_dbfs is {level_dbfs:.0f}", level_dbfs=level_dbfs), metric="peak_dbfs")],
        likely_cause=msg("a gain is near zero somewhere on the way, or the model answered at this level"),
        fix=msg(
            "check every gain and volume on the way; if the service already delivers it quiet, ask again and report it"
        ),
    )
