"""PLY004."""

from __future__ import annotations

from diag.core.chain import Hop
from diag.core.results import Measurements, Verdict
from diag.judge.registry import rule
from diag.judge.rules.added import added_fault


@rule(
    "PLY004",
    name="chunk-clicks",
    severity="warning",
    hop=Hop.PLAYER,
    explained_by=("PLY003", "PLY011", "PLY008", "PLY009"),
)
def chunk_clicks(measurements: Measurements) -> Verdict:
    """The player adds clicks.

    What it shows
        `played` has discontinuities, at least one every two seconds more than `received`.

    Why it matters
        Clicks at every chunk are heard as a crackling voice.

    Evidence
        `click_rate_hz` at both ends of the player hop.

    Likely causes
        - A resampler or filter that starts anew with every chunk.
        - Chunks put together with a byte or a sample missing.

    Remedy
        Carry the state of resampler and filters from chunk to chunk; join chunks as bytes before decoding.

    Does not prove
        That they lie at chunk borders; listen to the places. Gaps make clicks too, and are then the root.
    """
    return added_fault(
        measurements,
        Hop.PLAYER,
        "click_rate_hz",
        limit=0.5,
        words=lambda value: f"The player adds {value:.1f} clicks a second to the reply",
        likely_cause="something in the player starts anew with every chunk",
        remedy="carry the state of resampler and filters from chunk to chunk, and join chunks before decoding",
    )
