"""Clicks: single jumps in the waveform of a segment's output."""

from __future__ import annotations

from diag.core.chain import Hop
from diag.core.messages import msg
from diag.core.results import Measurements, Verdict, not_checked
from diag.core.timeline import Timeline
from diag.judge.evidence import (
    DEVICE_HOPS,
    WrongRate,
    blurred_by_room,
    evidence_of,
    raised_at,
    through_the_air,
    unless_blurred,
    worst_fault,
    wrong_rate,
)
from diag.judge.limits import CLICKS_HZ
from diag.judge.registry import OnHop, Place, segment_rule

CLICKS_IN_AIR_HZ = 1.0
"""Fewer clicks per second are not told from the noise at a microphone: through a headset's room, healthy sound had 0.3
to 0.5 in 5 of 100 takes."""
CLICKS_IN_ROOM_HZ = 2.0
"""Fewer clicks per second are not told from strong reverberation."""

_DEVICE_CAUSES = (
    "the device's buffer underruns or overflows for an instant",
    "a sound server that resamples block by block without keeping its state",
)
_DEVICE_FIX = "increase the device's buffer, or open the device at its own sample rate"


@segment_rule(
    OnHop(
        "MIC007",
        "microphone-clicks",
        Hop.MICROPHONE,
        causes=_DEVICE_CAUSES,
        fix=_DEVICE_FIX,
    ),
    OnHop(
        "SND012",
        "sender-clicks",
        Hop.SENDER,
        explained_by=("WEB008",),
        causes=("a resampler or filter is restarted with every block", "blocks are joined with samples missing"),
        fix="keep the state of resampler and filters from block to block",
    ),
    OnHop(
        "PLY004",
        "chunk-clicks",
        Hop.PLAYER,
        explained_by=("SVC004", "WEB003", "WEB010", "WEB008"),
        causes=(
            "a resampler or filter is restarted with every chunk",
            "chunks are joined with a byte or a sample missing",
        ),
        fix="keep the state of resampler and filters from chunk to chunk, and join chunks as bytes before decoding",
    ),
    OnHop(
        "SPK006",
        "speaker-clicks",
        Hop.SPEAKER,
        causes=_DEVICE_CAUSES,
        fix=_DEVICE_FIX,
    ),
    explained_by=(
        "silence_inserted",
        "clipping_added",
        "bytes_misread",
        "sound_left_out",
        "sound_repeated",
        "distorted",
        "aliasing_added",
        "sound_displaced",
        "images_added",
        "played_twice",
        "level_changed",
    ),
    severity="warning",
)
def clicks_added(place: Place, measurements: Measurements, timeline: Timeline) -> Verdict:
    """The {who} adds clicks.

    What it shows
        The waveform of {output} has single jumps that {input} does not have, more than one every five seconds.

    Why it matters
        Clicks at every chunk make the voice crackle.

    Evidence
        `click_rate_hz` of the segment, with each place to listen to.

    Does not prove
        That the clicks lie at chunk boundaries: listen to the places. Gaps and clipping make clicks too; those are then
        reported as the root cause.
    """
    if isinstance(wrong_rate(measurements, place.hop), WrongRate):
        return not_checked(msg("the speed is wrong"))
    found = worst_fault(measurements, "click_rate_hz", lambda rate_hz: rate_hz > CLICKS_HZ, hop=place.hop)
    if isinstance(found, Verdict):
        return unless_blurred(found, place, measurements, timeline)
    rate_hz, item = found
    blurred = blurred_by_room(place, measurements, timeline)
    if blurred is not None and rate_hz < CLICKS_IN_ROOM_HZ:
        return blurred
    if place.hop in DEVICE_HOPS and through_the_air(timeline) and rate_hz < CLICKS_IN_AIR_HZ:
        return not_checked(msg("single clicks cannot be told from the noise of a room"))
    text = msg(
        "{rate_hz:.1f} clicks per second in {output} that {input} does not have",
        rate_hz=rate_hz,
        output=place.output,
        input=place.input,
    )
    return raised_at(
        place,
        msg("The {who} adds {rate_hz:.1f} clicks per second", who=place.who, rate_hz=rate_hz),
        evidence=[evidence_of(item, text)],
    )
