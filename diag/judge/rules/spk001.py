"""SPK001."""

from __future__ import annotations

from diag.core.chain import Hop, Tap
from diag.core.results import Evidence, Measurements, Verdict, clear, not_checked, raised
from diag.core.take import Turn
from diag.core.timeline import Timeline
from diag.judge.registry import rule
from diag.judge.rules.figures import carries_sound, peak, silent_speaker


@rule("SPK001", name="speaker-silent", severity="error", hop=Hop.SPEAKER)
def speaker_silent(measurements: Measurements, timeline: Timeline, turns: tuple[Turn, ...]) -> Verdict:
    """The reply was handed to the playback device, and nothing came out.

    What it shows
        `played` holds the reply, the ear works, and on the reply's side the ear heard silence.

    Why it matters
        Every figure up to the player is good, and the caller hears nothing.

    Evidence
        The loudest sample of the reply on `played` and on `heard`; the calibration burst of the mouth, which proves
        that the ear hears.

    Likely causes
        - The output is not connected: wrong or muted device, a graph whose destination was never connected.
        - Volume at zero, or a sink that swallows everything.

    Remedy
        Choose the right output device, connect and unmute it; `diag devices` lists and calibrates them.

    Does not prove
        Which part of the output is dead. Not checked where the ear hears nothing from anywhere, or nothing was played.
    """
    played = [turn for turn in turns if carries_sound(measurements, Tap.PLAYED, turn)]
    if not played:
        return not_checked("nothing was played")
    if not any(peak(measurements, Tap.HEARD, turn) is not None for turn in played):
        return not_checked("there is no recording of what came out")
    silent = silent_speaker(measurements, turns)
    if not silent:
        return clear()
    if not ear_hears_mouth(timeline):
        return not_checked("the ear heard neither the mouth nor the speaker, so it may be the ear that is dead")
    turn, played_dbfs, heard_dbfs = silent[0]
    opened = timeline.first("streams_opened")
    device = str((opened.data.get("devices") or {}).get("speaker", "")) if opened else ""
    return raised(
        f"The reply was played and nothing came out of the loudspeaker{f' ({device})' if device else ''}",
        evidence=[
            Evidence(
                text=f"turn {turn.index + 1}: `played` peaks at {played_dbfs:.0f} dBFS, "
                f"`heard` at {heard_dbfs:.0f} dBFS",
                metric="peak_dbfs",
                turn=turn.index,
            ),
            Evidence(text="the ear works: it heard the calibration burst of the mouth"),
        ],
        likely_cause="the output is not connected, muted, or another device than the one that is listened to",
        remedy="choose the output device that is listened to, connect and unmute it (`diag devices` lists them)",
    )


def ear_hears_mouth(timeline: Timeline) -> bool:
    """Whether the mouth's calibration burst arrived at the ear."""
    return any(
        event.data.get("port") == "mouth" and event.data.get("delay_s") is not None
        for event in timeline.named("calibrated")
    )
