"""MIC002."""

from __future__ import annotations

from diag.core.chain import Hop
from diag.core.results import Measurements, Verdict
from diag.judge.registry import rule
from diag.judge.rules.added import FLAT_TOPS_LIMIT_HZ, added_fault


@rule("MIC002", name="microphone-clipped", severity="warning", hop=Hop.MICROPHONE)
def microphone_clipped(measurements: Measurements) -> Verdict:
    """The microphone is overdriven.

    What it shows
        `captured` has flat tops, at least ten a second more than `prompt`.

    Why it matters
        It sounds harsh and scratchy, and speech recognition suffers.

    Evidence
        `clipping_rate_hz` at both ends of the hop.

    Likely causes
        - The input gain is too high, or the speaker too near.
        - Two gains in a row, each of them harmless alone.

    Remedy
        Turn the input gain down.

    Does not prove
        Where the tops were cut when both ends are clipped alike: then it happened before.
    """
    return added_fault(
        measurements,
        Hop.MICROPHONE,
        "clipping_rate_hz",
        limit=FLAT_TOPS_LIMIT_HZ,
        words=lambda value: f"The microphone clips: {value:.0f} flat tops a second that were not there before",
        likely_cause="the input gain is too high, or the speaker too near",
        remedy="turn the input gain down",
    )
