"""SND006: the client stops sending audio with the user's last word, and no answer comes."""

from __future__ import annotations

from diag.core.chain import Hop
from diag.core.messages import msg
from diag.core.observed_client import ObservedClient
from diag.core.results import Evidence, Measurements, Verdict, clear, not_checked, raised
from diag.core.take import Turn
from diag.core.timeline import Timeline
from diag.core.units import format_seconds
from diag.judge.evidence import unanswered
from diag.judge.live_models import end_of_turn_advice
from diag.judge.registry import rule

LEAST_SILENCE_S = 0.5
"""The Live API ends a turn after a few hundred milliseconds of silent audio. Sending no audio does not count as
silence."""


@rule("SND006", name="no-end-of-turn", severity="warning", hop=Hop.SENDER)
def no_end_of_turn(
    timeline: Timeline, measurements: Measurements, turns: tuple[Turn, ...], observed: ObservedClient
) -> Verdict:
    """The client stops sending audio with the user's last word, and no answer comes.

    What it shows
        Less than 0.5 s of audio was sent after the end of the speech although the session stayed open, and the turn got
        no reply.

    Why it matters
        The service recognises the end of a turn by the silence after it. If the client stops sending, the service
        receives no silence and keeps waiting.

    Evidence
        The time of the last batch sent and the time at which the speech ended.

    Likely causes
        - Push-to-talk stops the stream when the button is released.
        - A voice activity gate in the client does not send silence.

    Fix
        Keep sending after the speech: about 1 s of silence is enough. If the microphone is switched off, send
        `audioStreamEnd`. The 3.8 models do not end a turn on it, so keep sending audio to them.

    Does not prove
        That an answer would come after the fix. The finding is not raised if the service answered anyway.
    """
    if not turns:
        return not_checked(msg("no turn took place"))
    silent = unanswered(measurements, turns)
    if silent is None:
        return not_checked(msg("it is not known whether every prompt was answered"))
    judged = 0
    closed = timeline.first("session_closed")
    for turn in silent:
        sent = timeline.named("batch_sent", start_s=turn.start_s, end_s=turn.end_s)
        if turn.speech_end_s is None or not sent:
            continue
        judged += 1
        after_s = sent[-1].t_s - turn.speech_end_s
        over_s = turn.end_s if closed is None else min(closed.t_s, turn.end_s)
        if after_s >= LEAST_SILENCE_S or over_s - turn.speech_end_s < 2 * LEAST_SILENCE_S:
            continue
        when = (
            msg("{seconds} after", seconds=format_seconds(after_s))
            if after_s >= 0
            else msg("{seconds} before", seconds=format_seconds(-after_s))
        )
        return raised(
            msg("The client stopped sending {when} the end of the speech, and no answer came", when=when),
            evidence=[
                Evidence(
                    text=msg(
                        "turn {index}: the last batch was sent {when} the last word; the session stayed open for "
                        "{over_s}",
                        index=turn.index + 1,
                        when=when,
                        over_s=format_seconds(over_s - turn.speech_end_s),
                    )
                )
            ],
            likely_cause=msg(
                "the stream ends with the speech, so the service never receives the silence that ends a turn"
            ),
            fix=end_of_turn_advice(observed.model),
        )
    if judged < len(silent):
        return not_checked(msg("it is not known when the client stopped sending in a turn without an answer"))
    return clear()
