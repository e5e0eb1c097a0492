"""SND006."""

from __future__ import annotations

from diag.core.chain import Hop
from diag.core.observed_client import ObservedClient
from diag.core.results import Evidence, Measurements, Verdict, clear, not_checked, raised
from diag.core.take import Turn
from diag.core.timeline import Timeline
from diag.core.units import format_seconds
from diag.judge.live_models import end_of_turn_advice
from diag.judge.registry import rule

LEAST_SILENCE_S = 0.5
"""The Live API takes a turn as over after some hundred milliseconds of silence that it has heard, not of none sent."""


@rule("SND006", name="no-end-of-turn", severity="warning", hop=Hop.SENDER)
def no_end_of_turn(
    timeline: Timeline, measurements: Measurements, turns: tuple[Turn, ...], observed: ObservedClient
) -> Verdict:
    """The client falls silent on the line with the user's last word, and no answer comes.

    What it shows
        Less than 0.5 s of audio was sent after the end of the speech although the session stayed open, and the turn got
        no reply.

    Why it matters
        The service hears the end of a turn by the silence after it; of a microphone that is switched off it hears
        nothing, and waits.

    Evidence
        The last batch sent, against the end of the speech.

    Likely causes
        - Push to talk that stops the stream with the button.
        - A voice activity gate in the client that sends no silence.

    Fix
        Go on sending: about 1 s of silence is enough. Where the microphone is switched off, send `audioStreamEnd`; on
        the 3.8 models it ends no turn, and audio must go on.

    Does not prove
        That an answer would come with it. Not raised where the service answered all the same.
    """
    mute = [turn for turn in turns if measurements.value("answered", turn=turn.index) == 0.0]
    if not mute:
        return clear() if turns else not_checked("no turn took place")
    closed = timeline.first("session_closed")
    for turn in mute:
        sent = timeline.named("batch_sent", start_s=turn.start_s, end_s=turn.end_s)
        if turn.speech_end_s is None or not sent:
            continue
        after_s = sent[-1].t_s - turn.speech_end_s
        over_s = turn.end_s if closed is None else min(closed.t_s, turn.end_s)
        if after_s >= LEAST_SILENCE_S or over_s - turn.speech_end_s < 2 * LEAST_SILENCE_S:
            continue
        when = f"{format_seconds(after_s)} after" if after_s >= 0 else f"{format_seconds(-after_s)} before"
        return raised(
            f"The client stopped sending {when} the end of the speech, and no answer came",
            evidence=[
                Evidence(
                    text=f"turn {turn.index + 1}: the last batch left {when} the last word; the session stayed open "
                    f"for {format_seconds(over_s - turn.speech_end_s)}"
                )
            ],
            likely_cause="the stream ends with the speech, so the service never hears the silence that ends a turn",
            fix=end_of_turn_advice(observed.model),
        )
    return clear()
