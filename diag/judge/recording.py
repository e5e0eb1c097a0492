"""A recording that is judged without a take: facts about it that rules read."""

from __future__ import annotations

from dataclasses import dataclass

from diag.core.chain import Segment, Tap
from diag.dsp.profile import VoiceProfile


@dataclass(frozen=True, kw_only=True)
class Recording:
    """A recording that is judged without a take.

    Parameters
    ----------
    name : str
        How it is called in texts.
    sample_rate_hz : int
    tap : Tap or None
        Which tap it is taken for: the last of its segment where there is a reference, else None where not known.
    reference, reference_rate_hz : str or None, int or None
        Name and sample rate of the recording that it is held against.
    segment : Segment or None
        The segment that lies between reference and recording.
    voice : VoiceProfile or None
        Profile of the voice that it was measured against.
    """

    name: str
    sample_rate_hz: int
    tap: Tap | None = None
    reference: str | None = None
    reference_rate_hz: int | None = None
    segment: Segment | None = None
    voice: VoiceProfile | None = None
