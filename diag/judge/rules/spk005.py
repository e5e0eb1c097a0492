"""SPK005."""

from __future__ import annotations

from diag.core.chain import Hop
from diag.core.results import Measurements, Verdict
from diag.judge.registry import rule
from diag.judge.rules.added import FLAT_TOPS_LIMIT_HZ, added_fault


@rule("SPK005", name="speaker-clipped", severity="warning", hop=Hop.SPEAKER)
def speaker_clipped(measurements: Measurements) -> Verdict:
    """The playback device overdrives the reply.

    What it shows
        `heard` has flat tops, at least ten a second more than `played`.

    Why it matters
        It sounds harsh and scratchy, and speech recognition suffers.

    Evidence
        `clipping_rate_hz` at both ends of the hop.

    Likely causes
        - The volume of the device or of the sound server is above full scale.
        - Two gains in a row, each of them harmless alone.

    Remedy
        Turn the volume of the device down.

    Does not prove
        Where the tops were cut when both ends are clipped alike: then it happened before.
    """
    return added_fault(
        measurements,
        Hop.SPEAKER,
        "clipping_rate_hz",
        limit=FLAT_TOPS_LIMIT_HZ,
        words=lambda value: f"The loudspeaker clips: {value:.0f} flat tops a second that were not there before",
        likely_cause="the volume of the device or of the sound server is above full scale",
        remedy="turn the volume of the device down",
    )
