"""PLY009."""

from __future__ import annotations

from diag.core.chain import Hop
from diag.core.results import Measurements, Verdict
from diag.judge.registry import rule
from diag.judge.rules.added import added_fault


@rule("PLY009", name="byte-misaligned", severity="error", hop=Hop.PLAYER)
def byte_misaligned(measurements: Measurements) -> Verdict:
    """The player turns the reply into noise.

    What it shows
        `received` is speech, and `played` has the flat spectrum of noise.

    Why it matters
        Nothing is understood, and it may be loud.

    Evidence
        `flatness` at both ends of the player hop.

    Likely causes
        - Bytes read in the wrong order, or shifted by one after a chunk of odd length.
        - 16-bit samples read as 8-bit ones or as floats.

    Remedy
        Read the reply as little-endian 16-bit samples, and keep an odd last byte for the next chunk.

    Does not prove
        Which of them it is.
    """
    return added_fault(
        measurements,
        Hop.PLAYER,
        "flatness",
        limit=0.1,
        words=lambda value: f"The player turns the reply into noise (spectral flatness up by {value:.2f})",
        likely_cause="bytes read in the wrong order, shifted by one, or in another sample format",
        remedy="read the reply as little-endian 16-bit samples, and keep an odd last byte for the next chunk",
    )
