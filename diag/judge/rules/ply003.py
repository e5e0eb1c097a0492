"""PLY003."""

from __future__ import annotations

from diag.core.chain import Hop
from diag.core.client_config import ClientConfig
from diag.core.results import Evidence, Measurements, Verdict, clear, not_checked, raised
from diag.core.timeline import Timeline
from diag.judge.registry import rule
from diag.judge.rules.figures import silence_put_in

LIMIT_S = 0.01


@rule("PLY003", name="underruns", severity="warning", hop=Hop.PLAYER, explained_by=("SVC004", "ENV004", "PLY005"))
def underruns(measurements: Measurements, timeline: Timeline, config: ClientConfig) -> Verdict:
    """The player ran out of audio in the middle of the reply.

    What it shows
        `played` has at least 10 ms of silence that `received` does not have.

    Why it matters
        Words are torn apart; callers take longer gaps for a dropped line.

    Evidence
        `inserted_silence_s` of the player hop, each place to be listened to; the player's own underruns.

    Likely causes
        - The reply arrives more unevenly than the player's buffer bridges; then that finding is the root.
        - A player that gets its audio too late: a blocked event loop, a slow decoder.

    Remedy
        Hold more audio before playing starts; keep slow work out of the player's thread.

    Does not prove
        That the line is at fault. Not checked where treble is lost too: hisses that fell silent look the same.
    """
    found = silence_put_in(measurements, Hop.PLAYER)
    if isinstance(found, str):
        return not_checked(found)
    silence_s, item = found
    if silence_s < LIMIT_S:
        return clear()
    noted = len(timeline.named("underrun"))
    return raised(
        f"The player ran dry in mid-reply: {silence_s * 1000:.0f} ms of silence that was not received",
        evidence=[
            Evidence(
                text=f"{silence_s * 1000:.0f} ms of silence in `played` that `received` does not have",
                metric="inserted_silence_s",
                turn=item.turn,
                spots=item.spots,
            ),
            Evidence(text=f"the player itself noted {noted} underrun(s)"),
        ],
        likely_cause="the player's buffer ran empty",
        remedy=f"raise `prebuffer_ms` in [playback] above {config.playback.prebuffer_ms:.0f}, and keep slow work "
        "out of the player's thread",
    )
