"""Misread bytes, recognised from the sound alone."""

from __future__ import annotations

from diag.core.chain import Tap
from diag.core.clip import Clip
from diag.core.results import Reading, SoundEvent, Spot, Tier, not_measured
from diag.measure.metrics.sounds import misread, sound
from diag.measure.reasons import SILENT
from diag.measure.registry import Group, metric


@metric(
    "misread_s", unit="s", better="lower", tolerance=0.01, pool="sum", compared=True,
    label="Bytes read wrongly", group=Group.GLITCHES, order=0,
)  # fmt: skip
def misread_bytes(clip: Clip) -> Reading:
    """Length of the sound whose bytes were read in the wrong format.

    What
        Time from the first to the last sample that becomes speech when the same bytes are read in another format:
        another byte order, offset, width or companding, floats, text, or headers inside the samples. The event names
        the format.
    From – to
        The sound of the clip alone.
    Better is
        Lower; 0 is healthy.
    Not measured when
        The clip is silent.
    Reference
        Smoothness of neighbouring samples in each format; see the accuracy table. If the sound was resampled or scaled
        after it was misread, the original bytes are lost and only `flatness` can show the fault.
    """
    if not sound(clip).spectrum.active.any():
        return not_measured(SILENT, Tier.BLIND)
    found = misread(clip)
    if found is None:
        return Reading(value=0.0, tier=Tier.BLIND)
    end_s = clip.duration_s if found.end_s is None else found.end_s
    event = SoundEvent(
        kind=found.description.rstrip("."),
        reference_s=found.start_s,
        estimated_s=found.start_s,
        duration_s=end_s - found.start_s,
        count=found.count,
        period_s=found.period_s,
    )
    spots = (Spot(Tap.HEARD, max(0.0, found.start_s - 0.5), min(end_s, found.start_s + 2.0)),)
    return Reading(
        value=max(end_s - found.start_s, 1e-3),
        tier=Tier.BLIND,
        confidence=found.confidence,
        spots=spots,
        events=(event,),
    )
