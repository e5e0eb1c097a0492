"""Facts that rules use about a recording that is judged without a take."""

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
        Name for use in texts.
    sample_rate_hz : int
    tap : Tap or None
        Tap at which it was recorded: the last of its segment if there is a reference. None if not known.
    reference, reference_rate_hz : str or None, int or None
        Name and sample rate of the recording that it is compared with.
    segment : Segment or None
        The segment between reference and recording.
    voice : VoiceProfile or None
        Profile of the voice that it was compared with.
    """

    name: str
    sample_rate_hz: int
    tap: Tap | None = None
    reference: str | None = None
    reference_rate_hz: int | None = None
    segment: Segment | None = None
    voice: VoiceProfile | None = None
