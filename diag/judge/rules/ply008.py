"""PLY008."""

from __future__ import annotations

from diag.core.chain import Hop
from diag.core.results import Measurements, Verdict
from diag.judge.registry import rule
from diag.judge.rules.added import FLAT_TOPS_LIMIT_HZ, added_fault


@rule("PLY008", name="player-clipped", severity="warning", hop=Hop.PLAYER, explained_by=("PLY009",))
def player_clipped(measurements: Measurements) -> Verdict:
    """The player overdrives the reply.

    What it shows
        `played` has flat tops, at least ten a second more than `received`.

    Why it matters
        It sounds harsh and scratchy, and speech recognition suffers.

    Evidence
        `clipping_rate_hz` at both ends of the hop.

    Likely causes
        - A gain above 1 in the player, or two sounds added without head room.
        - Two gains in a row, each of them harmless alone.

    Remedy
        Turn the gain in the player down to 1 or less.

    Does not prove
        Where the tops were cut when both ends are clipped alike: then it happened before.
    """
    return added_fault(
        measurements,
        Hop.PLAYER,
        "clipping_rate_hz",
        limit=FLAT_TOPS_LIMIT_HZ,
        words=lambda value: f"The player clips: {value:.0f} flat tops a second that were not there before",
        likely_cause="a gain above 1 in the player, or two sounds added without head room",
        remedy="turn the gain in the player down to 1 or less",
    )
