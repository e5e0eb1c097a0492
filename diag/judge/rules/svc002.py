"""SVC002: the service did not answer."""

from __future__ import annotations

from diag.core.chain import Hop
from diag.core.messages import msg
from diag.core.observed_client import ObservedClient
from diag.core.results import Evidence, Measurements, Verdict, clear, not_checked, raised
from diag.core.take import Turn
from diag.core.timeline import EventName, Timeline, session_lost
from diag.core.units import counted, format_seconds
from diag.judge.evidence import listed, unanswered
from diag.judge.live_models import end_of_turn_advice
from diag.judge.registry import rule


@rule("SVC002", name="no-reply", severity="error", hop=Hop.SERVICE,
      explained_by=("WEB005", "WEB006", "WEB011", "WEB012", "APP001", "APP002", "APP003", "CFG001", "CFG002",
                    "CFG003", "CFG004", "CFG005", "CFG006", "CFG007", "CFG008", "CFG010", "CFG011", "CFG012",
                    "CFG013", "SVC009", "SVC013", "SVC014", "SVC015", "MIC001", "MIC005", "SND001", "SND022",
                    "SND003", "SND006", "SND009", "MIC012", "SND015", "MIC013", "SND016", "SND008",
                    "TRN001"))  # fmt: skip
def no_reply(
    measurements: Measurements, timeline: Timeline, turns: tuple[Turn, ...], observed: ObservedClient
) -> Verdict:
    """The service did not answer.

    What it shows
        A prompt was spoken and sent, but neither audible speech nor text came before the wait ended.

    Why it matters
        The caller hears nothing at all.

    Evidence
        `answered` of the turn, the length of the wait, and what came instead (turn complete, silent audio, a closed
        session).

    Likely causes
        - The service ended the turn without content, or stalled.
        - The service did not detect the end of the turn, because no silence followed the speech or the speech was not
          recognised.
        - The audio that was sent is damaged. Another finding then names the fault, and this one is its consequence.

    Fix
        If another finding explains it, fix that first. Otherwise repeat the turn, or open a new session after a timeout
        and ask again.

    Does not prove
        Which side is at fault: the session gives no further information. Text in place of audio is reported as SVC003.
    """
    if not turns:
        return not_checked(msg("no turn took place"))
    silent = unanswered(measurements, turns)
    if silent is None:
        return not_checked(msg("it is not known whether every prompt was answered"))
    mute = [turn for turn in silent if not _of_turn(timeline, "text_received", turn, spoken=True)]
    if not mute:
        return clear()
    over = [turn for turn in mute if _ended(timeline, turn)]
    if not over:
        return not_checked(msg("the take ended before the wait for a reply was over"))
    first = over[0]
    waits = _of_turn(timeline, "reply_wait_over", first)
    waited = msg(" within {waited}", waited=format_seconds(waits[0])) if waits and waits[0] else ""
    instead = _instead(timeline, first)
    complete = bool(_of_turn(timeline, "turn_complete", first))
    how = (
        msg("The service ended the turn without an answer")
        if complete
        else msg("The service did not answer{waited}", waited=waited)
    )
    return raised(
        msg(
            "{how} ({silent} of {prompts})",
            how=how,
            silent=len(over),
            prompts=counted(len(turns), "prompt"),
        ),
        evidence=[
            Evidence(
                text=msg(
                    "turn {index}: no audible reply and no text came{waited}", index=first.index + 1, waited=waited
                ),
                metric="answered",
            ),
            Evidence(text=msg("what came instead: {instead}", instead=instead)),
        ],
        likely_cause=msg("the service ended the turn without content")
        if complete
        else msg("the service did not detect the end of the turn, or it stalled"),
        fix=msg(
            "repeat the turn; if there is still no reply, open a new session and ask again; after the speech, {advice}",
            advice=end_of_turn_advice(observed.model),
        ),
    )


def _of_turn(timeline: Timeline, name: str, turn: Turn, *, spoken: bool = False) -> list[float]:
    """Return the wait in seconds of each event of a name in this turn; with `spoken`, thoughts are left out."""
    return [
        float(event.data.get("waited_s") or 0.0)
        for event in timeline.named(name)
        if event.data.get("turn") == turn.index and not (spoken and event.data.get("thought"))
    ]


def _ended(timeline: Timeline, turn: Turn) -> bool:
    closed = timeline.first("session_closed")
    by_service = closed is not None and session_lost(closed.data)
    return bool(_of_turn(timeline, "reply_wait_over", turn) or _of_turn(timeline, "turn_complete", turn) or by_service)


def _instead(timeline: Timeline, turn: Turn) -> str:
    chunks = len(_of_turn(timeline, "chunk_received", turn))
    came: list[str] = [msg("{chunks} of silent audio", chunks=counted(chunks, "chunk"))] if chunks else []
    came += [msg("a tool call")] if _of_turn(timeline, EventName.TOOL_CALL, turn) else []
    came += [name for name in ("generation_complete", "turn_complete") if _of_turn(timeline, name, turn)]
    closed = timeline.first("session_closed")
    if closed is not None and session_lost(closed.data):
        came.append(msg("the session was closed with {code}", code=closed.data.get("code")))
    return listed(came) or msg("nothing")
