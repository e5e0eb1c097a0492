"""Silence: a segment that gets sound and delivers none."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from diag.core.chain import Hop, Tap
from diag.core.messages import msg
from diag.core.missing import MissingCode
from diag.core.results import Evidence, Measurement, Measurements, Verdict, not_checked, raised
from diag.core.timeline import EventName, Timeline
from diag.judge.closings import ENDINGS
from diag.judge.evidence import clear_if_measured, number, turn_of
from diag.judge.limits import OWN_AUDIO, SILENT_DBFS, passes_unchanged
from diag.judge.registry import OnHop, Place, segment_rule

_ZEROS_DBFS = -100.0
"""What is below this is digital silence, or a rounding error of it: a 16-bit sample of 1 has -90 dBFS."""


@segment_rule(
    OnHop(
        "MIC001",
        "microphone-silent",
        Hop.MICROPHONE,
        causes=(
            "the microphone is muted, access to it was not granted, or the wrong one is selected",
            "the loudspeaker that plays the prompt is too far from it",
        ),
        fix="choose the right microphone, unmute it and grant access to it (`diag devices` lists them)",
        why="The session works, but nobody answers because the service was sent silence.",
    ),
    OnHop(
        "SND009",
        "sender-silent",
        Hop.SENDER,
        explained_by=("WEB005", "APP002", *ENDINGS),
        causes=(
            "the captured blocks are not handed to the sender, or are overwritten with zeros",
            "a gain of zero or a closed voice activity gate before sending",
        ),
        fix="hand every captured block to the sender, and check gain and gate before it",
        why="The session works, but nobody answers because the service was sent silence.",
    ),
    OnHop(
        "PLY006",
        "player-silent",
        Hop.PLAYER,
        explained_by=("WEB004", "WEB005"),
        causes=(
            "received audio is not handed to the output stream: only the text is read, the queue is not connected, "
            "or the gain is zero",
            "the output was never started, for example in a browser before the first click",
        ),
        fix="hand the data of every audio part to the output stream, and start the stream before the first reply",
        why="The service answered, but the caller hears nothing.",
    ),
    OnHop(
        "SPK001",
        "speaker-silent",
        Hop.SPEAKER,
        causes=(
            "the output is not connected, muted, or not the device that people listen to",
            "the volume is zero, or the output discards everything",
        ),
        fix="select the output device that people listen to, connect it and unmute it (`diag devices` lists them)",
        why="Every measurement up to the player is good, but the caller hears nothing.",
    ),
    severity="error",
)
def silent_output(
    place: Place, measurements: Measurements, timeline: Timeline, environment: Mapping[str, Any]
) -> Verdict:
    """The {who} gets sound and delivers silence.

    What it shows
        While {input} is audible, the loudest sample of {output} stays below -60 dBFS, or {output} was never started.

    Why it matters
        Nobody hears anything.

    Evidence
        `peak_dbfs` of {input} and {output}. For the loudspeaker also the calibration burst played by the mouth (the
        loudspeaker that speaks the prompts), which proves that the ear (the measuring microphone) works.

    Does not prove
        Which part of the hop is dead. It is not checked if nothing audible went in, or if the ear picked up nothing at
        all.
    """
    last = place.segment.last
    given = measurements.find("peak_dbfs", tap=place.segment.first)
    inputs = [item for item in given if _audible(item)]
    if not inputs:
        return not_checked(msg("nothing audible went in: {input} is silent or was not recorded", input=place.input))
    pairs = [(item, _output_of(measurements, item, last)) for item in inputs]
    if all(output is None for _, output in pairs):
        return not_checked(msg("there is no recording of {output}", output=place.output))
    silent = [(item, output) for item, output in pairs if output is not None and not _audible(output)]
    if not silent:
        unseen = next((item for item, output in pairs if output is None), None)
        if unseen is not None:
            return not_checked(
                msg(
                    "there is no recording of {output} in turn {turn}",
                    output=place.output,
                    turn=(unseen.turn or 0) + 1,
                )
            )
        return clear_if_measured(given, "peak_dbfs")
    if place.hop is Hop.SPEAKER and timeline.events and not ear_hears_mouth(timeline):
        return not_checked(msg("the ear heard neither the mouth nor the loudspeaker, so the ear itself may be dead"))
    item, output = silent[0]
    several = msg(" ({silent} of {turns} turns)", silent=len(silent), turns=len(inputs)) if len(inputs) > 1 else ""
    text = (
        msg("{input} peaks at {given:.0f} dBFS, {output} was never started",
            input=place.input, given=number(item), output=place.output)
        if number(output) is None
        else msg("{input} peaks at {given:.0f} dBFS, {output} peaks at {heard:.0f} dBFS",
                 input=place.input, given=number(item), output=place.output, heard=number(output))
    )  # fmt: skip
    if item.turn is not None:
        text = msg("{turn}: {text}", turn=turn_of(item), text=text)
    evidence = [Evidence(text=text, metric="peak_dbfs", turn=item.turn)]
    if place.hop is Hop.SPEAKER and timeline.events:
        evidence.append(Evidence(text=msg("the ear works: it heard the calibration burst of the mouth")))
    cause, fix = place.on.causes[0], place.on.fix
    level_dbfs = None if output is None else number(output)
    if (
        place.hop is Hop.PLAYER
        and passes_unchanged(environment, OWN_AUDIO)
        and (level_dbfs or _ZEROS_DBFS) > _ZEROS_DBFS
    ):
        cause = msg(
            "the output is not digital silence: the samples are decoded to values near zero, for example base64 "
            "without `charCodeAt`, or a scale that is applied twice"
        )
        fix = msg("look at the first samples after decoding: 16-bit samples of speech reach thousands, floats tenths")
    return raised(
        msg("{what}{several}{device}", what=_what(place), several=several, device=_device(place, timeline)),
        evidence=evidence,
        likely_cause=cause,
        fix=fix,
    )


def _what(place: Place) -> str:
    return {
        Hop.MICROPHONE: msg("The prompt was spoken but the microphone captured nothing"),
        Hop.SENDER: msg("The prompt was spoken but the client sent silence")
        if place.segment.merged
        else msg("The prompt was captured but the client sent silence"),
        Hop.PLAYER: msg("A reply was received but the client played nothing"),
        Hop.SPEAKER: msg("The reply was played but nothing came out of the loudspeaker"),
    }[place.hop]


def _device(place: Place, timeline: Timeline) -> str:
    opened = timeline.first(EventName.STREAMS_OPENED)
    port = {Hop.MICROPHONE: "microphone", Hop.SPEAKER: "speaker"}.get(place.hop)
    device = str((opened.data.get("devices") or {}).get(port, "")) if opened and port else ""
    return f" ({device})" if device else ""


def _audible(item: Measurement) -> bool:
    value = number(item)
    return value is not None and value > SILENT_DBFS


def _output_of(measurements: Measurements, item: Measurement, last: Tap) -> Measurement | None:
    """Return the output's measurement in the same turn; None where the tap was not recorded."""
    found = next(iter(measurements.find("peak_dbfs", tap=last, turn=item.turn)), None)
    if found is None or (found.missing is not None and found.missing.code is MissingCode.NO_RECORDING):
        return None
    return found


def ear_hears_mouth(timeline: Timeline) -> bool:
    """Return whether the mouth's calibration burst arrived at the ear."""
    return any(
        event.data.get("port") == "mouth" and event.data.get("delay_s") is not None
        for event in timeline.named(EventName.CALIBRATED)
    )
