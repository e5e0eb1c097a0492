"""SVC006: the reply started but never ended."""

from __future__ import annotations

from collections.abc import Mapping

from diag.core.chain import Hop
from diag.core.messages import msg
from diag.core.results import Evidence, Measurements, Verdict, clear, not_checked, raised
from diag.core.take import Turn
from diag.core.timeline import Event, Timeline
from diag.core.units import format_seconds
from diag.judge.evidence import unanswered
from diag.judge.registry import rule

STALLED_S = 2.0
"""Shortest silence after which a reply counts as broken off. Within a reply, chunks come several times a second."""


@rule("SVC006", name="reply-cut", severity="warning", hop=Hop.SERVICE, explained_by=("SVC009", "MIC006"))
def reply_cut(measurements: Measurements, timeline: Timeline, turns: tuple[Turn, ...]) -> Verdict:
    """The reply started but never ended.

    What it shows
        Audio of a reply came, then nothing more. Until the wait ended, the service reported neither that the reply was
        complete nor that it was interrupted.

    Why it matters
        The caller hears an answer that breaks off, and the client waits for a turn that never ends.

    Evidence
        The last chunk of the turn, the length of the wait after it, and the closing messages that are missing.

    Likely causes
        - The model or the service stalled.
        - The connection is half open: it accepts audio but delivers none.

    Fix
        If no audio comes for 2 s during a reply, open a new session, resume, and ask again.

    Does not prove
        That words are missing: the reply may be complete and only its closing message missing.
    """
    silent = unanswered(measurements, turns)
    if silent is None:
        return not_checked(msg("it is not known whether every prompt was answered"))
    answered = [turn for turn in turns if turn not in silent]
    if not answered:
        return not_checked(msg("no reply came"))
    went_on = False
    for turn in answered:
        for over in timeline.named("reply_wait_over"):
            if over.data.get("turn") == turn.index:
                of_turn = {
                    event.name: event
                    for event in timeline
                    if event.data.get("turn") == turn.index and event.t_s <= over.t_s
                }
                last = of_turn.get("chunk_received")
                waited_s = over.t_s - (last.t_s if last else turn.start_s)
                if waited_s >= STALLED_S:
                    return _broken_off(turn, of_turn, waited_s)
                went_on = True
    return not_checked(msg("the reply still went on when the wait for its end was over")) if went_on else clear()


def _broken_off(turn: Turn, of_turn: Mapping[str, Event], waited_s: float) -> Verdict:
    missing = [name for name in ("generation_complete", "turn_complete") if name not in of_turn]
    return raised(
        msg("The reply broke off: nothing came for {waited_s} after its last chunk", waited_s=format_seconds(waited_s)),
        evidence=[
            Evidence(
                text=msg(
                    "turn {index}: no {names}",
                    index=turn.index + 1,
                    names=" and no ".join(missing) or msg("further message"),
                ),
                turn=turn.index,
            )
        ],
        likely_cause=msg("the service stalled in the middle of its reply"),
        fix=msg("give up after 2 s without audio during a reply, open a new session and ask again"),
    )
