"""PLY011."""

from __future__ import annotations

from diag.core.chain import Hop
from diag.core.results import Evidence, Measurements, Verdict, clear, not_checked, raised
from diag.core.timeline import Timeline
from diag.judge.registry import rule
from diag.judge.rules.figures import WrongRate, sound_left_out, wrong_rate

LIMIT_S = 0.03


@rule("PLY011", name="reply-dropped", severity="error", hop=Hop.PLAYER)
def reply_dropped(measurements: Measurements, timeline: Timeline) -> Verdict:
    """The client left out parts of the reply.

    What it shows
        At least 30 ms of `received` are missing in `played`, although nobody interrupted.

    Why it matters
        Syllables or whole sentences are never heard.

    Evidence
        `skipped_s` of the player hop.

    Likely causes
        - A queue that throws away what it cannot hold: the service sends faster than real time.
        - Chunks lost between threads; the end cut off when the turn is complete.

    Remedy
        Keep all received audio, in a queue without a limit; stop playing only when it is empty.

    Does not prove
        Which queue. Not checked where the reply was interrupted, since throwing the rest away is then right,
        nor where treble is lost too: hisses that fell silent look the same.
    """
    if timeline.first("interrupted") is not None:
        return not_checked("the reply was interrupted")
    if isinstance(wrong_rate(measurements, Hop.PLAYER), WrongRate):
        return not_checked("the speed is wrong; see PLY001")
    found = sound_left_out(measurements, Hop.PLAYER)
    if isinstance(found, str):
        return not_checked(found)
    skipped_s, item = found
    if skipped_s < LIMIT_S:
        return clear()
    return raised(
        f"The client left out {skipped_s * 1000:.0f} ms of the reply that it received",
        evidence=[
            Evidence(
                text=f"{skipped_s * 1000:.0f} ms of `received` are missing in `played`",
                metric="skipped_s",
                turn=item.turn,
                spots=item.spots,
            )
        ],
        likely_cause="a queue that throws away what it cannot hold, or a player that stops too early",
        remedy="keep all received audio in a queue without a limit, and stop playing only when it is empty",
    )
