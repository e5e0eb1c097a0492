"""TRN003: the service interrupts its reply although the user does not speak."""

from __future__ import annotations

from diag.core.chain import Hop
from diag.core.messages import msg
from diag.core.results import Evidence, Measurements, Verdict, clear, not_checked, raised
from diag.core.take import Turn
from diag.core.timeline import EventName, Timeline
from diag.core.units import counted
from diag.judge.registry import rule
from diag.measure.metrics.turn_taking import cause_of

_CAUSES = {
    "back_channel": (
        msg("a back-channel such as “mm-hmm”"),
        msg("the detector takes every sound of a voice for a barge-in"),
    ),
    "noise": (msg("a noise"), msg("the detector takes noise for speech")),
    "": (msg("nothing that the user said"), msg("the service hears its own reply, or interrupts it without a reason")),
}
_FIX = msg(
    "set `startOfSpeechSensitivity` to `START_SENSITIVITY_LOW`, or `activityHandling` to "
    "`NO_INTERRUPTION` if the user need not interrupt"
)
_FIX_ECHO = msg(
    "use a headset or echo cancellation, send no audio while the reply is played, or set the start sensitivity to LOW"
)


@rule("TRN003", name="false-barge-in", severity="warning", hop=Hop.SERVICE,
      explained_by=("MIC006", "MIC013", "SND016"))  # fmt: skip
def false_barge_in(measurements: Measurements, timeline: Timeline, turns: tuple[Turn, ...]) -> Verdict:
    """The service interrupts its reply although the user does not speak.

    What it shows
        `interrupted` came, and the user had spoken no prompt in the 2 s before it.

    Why it matters
        The reply breaks off in the middle of a sentence, and nobody asked for that.

    Evidence
        Each such `interrupted`, and what sounded before it: a back-channel, a noise, or nothing of the user.

    Likely causes
        - The microphone picks up the reply (MIC006).
        - A back-channel such as “mm-hmm”, or a noise in the room, is taken for a barge-in.

    Fix
        Against echo: a headset, echo cancellation, or no audio while the reply is played. Against back-channels and
        noise: `startOfSpeechSensitivity: START_SENSITIVITY_LOW`, or `activityHandling: NO_INTERRUPTION`.

    Does not prove
        That the reply was heard again: see MIC006.
    """
    found = [
        (event, kind)
        for event in timeline.named(EventName.INTERRUPTED)
        if (kind := cause_of(event, timeline, turns)) != "speech"
    ]
    if not turns:
        return not_checked(msg("no turn took place"))
    if not found:
        return clear()
    kinds = [kind for _, kind in found]
    sound, cause = _CAUSES[max(set(kinds), key=lambda kind: (kinds.count(kind), kind))]
    times = counted(len(found), "time")
    return raised(
        msg(
            "The service interrupts its reply although the user does not speak: {times}, after {sound}",
            times=times,
            sound=sound,
        ),
        evidence=[
            Evidence(
                text=msg("`interrupted` at {t_s:.2f} s, after {causes}", t_s=event.t_s, causes=_CAUSES[kind][0]),
                metric="false_interruptions",
                turn=event.data.get("turn"),
            )
            for event, kind in found
        ],
        likely_cause=cause,
        fix=_FIX_ECHO if all(kind == "" for kind in kinds) else _FIX,
    )
