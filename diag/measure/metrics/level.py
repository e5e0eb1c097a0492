"""Levels of a tap."""

from __future__ import annotations

from diag.core.clip import Clip
from diag.core.messages import msg
from diag.core.results import Reading, Tier, not_measured
from diag.dsp import level
from diag.dsp.spectrum import loudness_lufs
from diag.measure.metrics.sounds import sound
from diag.measure.reasons import SILENT, too_short
from diag.measure.registry import Group, metric

SHORTEST_S = 0.1
TOO_SHORT = too_short(msg("less than {shortest_s} s", shortest_s=SHORTEST_S))


@metric(
    "level_lufs", unit="LUFS", better="none", tolerance=1.0, pool="level", label="Loudness", group=Group.LEVEL, order=1
)
def level_lufs(clip: Clip) -> Reading:
    """Loudness.

    What
        Integrated loudness with K weighting and both gates.
    From – to
        The sound of the clip alone.
    Better is
        Neither; compare with a baseline. Listeners notice 2 LU.
    Not measured when
        Nothing in the clip is louder than -70 LUFS.
    Reference
        ITU-R BS.1770-4; EBU R 128 asks for -23 LUFS; streamed speech usually has -20 to -16 LUFS.
    """
    value = loudness_lufs(sound(clip).spectrum)
    return not_measured(SILENT, Tier.BLIND) if value is None else Reading(value=value, tier=Tier.BLIND)


@metric(
    "dc_dbfs", unit="dBFS", better="lower", tolerance=3.0, pool="level",
    label="DC offset", group=Group.LEVEL, order=3, compared=True,
)  # fmt: skip
def dc_dbfs(clip: Clip) -> Reading:
    """DC offset.

    What
        Level of the mean of all samples; -120 if it is zero.
    From – to
        Every sample of the clip.
    Better is
        Lower; more than -34 dBFS is a warning.
    Not measured when
        The clip is shorter than 0.1 s.
    Reference
        20 log10 of the magnitude of the mean.
    """
    if clip.duration_s < SHORTEST_S:
        return not_measured(TOO_SHORT, Tier.BLIND)
    return Reading(value=level.dc_dbfs(clip.samples), tier=Tier.BLIND)
