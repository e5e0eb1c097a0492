"""Level of the loudest sample of a tap, which distinguishes silence from sound."""

from __future__ import annotations

from diag.core.clip import Clip
from diag.core.messages import msg
from diag.core.results import Reading, Tier, not_measured
from diag.dsp import level
from diag.measure.reasons import too_short
from diag.measure.registry import Group, metric

EMPTY = too_short(msg("the clip has no samples"))


@metric(
    "peak_dbfs", unit="dB", better="none", tolerance=1.0, pool="highest",
    label="Peak", group=Group.LEVEL, order=2, compared=True,
)  # fmt: skip
def peak_dbfs(clip: Clip) -> Reading:
    """Level of the loudest sample.

    What
        Largest magnitude of a sample, in dB of full scale; -120 for digital silence.
    From – to
        The turn's prompt or reply on the tap, including the margins around it.
    Better is
        Neither. Speech peaks between -20 and -1 dBFS. The value is used to detect silent taps.
    Not measured when
        The tap was not recorded, or holds nothing in this turn.
    Reference
        The smallest step of a 16-bit sample is -90 dBFS.
    """
    if clip.frames == 0:
        return not_measured(EMPTY, Tier.BLIND)
    return Reading(value=level.peak_dbfs(clip.samples), tier=Tier.BLIND)
