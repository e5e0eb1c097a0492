"""Repeated sound: parts of a segment's input that its output has more than once."""

from __future__ import annotations

from diag.core.chain import Hop
from diag.core.messages import msg
from diag.core.results import Measurement, Measurements, Verdict, not_checked
from diag.core.timeline import Timeline
from diag.core.units import counted, format_seconds
from diag.dsp.segment_events import EventKind
from diag.judge.evidence import (
    WrongRate,
    blurred_by_room,
    events_in_words,
    evidence_of,
    raised_at,
    unless_blurred,
    worst_fault,
    wrong_rate,
)
from diag.judge.limits import REPEATED_S
from diag.judge.registry import OnHop, Place, segment_rule

_DEVICE_CAUSES = (
    "the device or its sound server plays its last buffer again when it gets no new one",
    "the device's driver is restarted during the sound",
)
_DEVICE_FIX = "increase the device's buffer, reduce the load of the machine, or choose another device"


@segment_rule(
    OnHop(
        "MIC011",
        "microphone-repeats-sound",
        Hop.MICROPHONE,
        causes=_DEVICE_CAUSES,
        fix=_DEVICE_FIX,
    ),
    OnHop(
        "SND014",
        "sender-repeats-sound",
        Hop.SENDER,
        explained_by=("WEB008",),
        causes=(
            "chunks are sent to the service twice, for example after a retry",
            "a buffer is read again before it was refilled",
        ),
        fix="send every captured chunk exactly once",
        why="The service hears words twice and may answer a question that nobody asked.",
    ),
    OnHop(
        "PLY017",
        "player-repeats-sound",
        Hop.PLAYER,
        explained_by=("SVC008", "WEB008"),
        causes=(
            "chunks are put into the queue twice, for example by two receivers on one session",
            "a ring buffer is read again before it was refilled",
        ),
        fix="hand every received chunk to the player exactly once",
        why="Syllables or sentences are heard twice. It sounds like a stutter, and the service is blamed.",
    ),
    OnHop(
        "SPK010",
        "speaker-repeats-sound",
        Hop.SPEAKER,
        causes=_DEVICE_CAUSES,
        fix=_DEVICE_FIX,
    ),
    explained_by=("bytes_misread", "played_twice", "sound_displaced"),
    severity="warning",
)
def sound_repeated(place: Place, measurements: Measurements, timeline: Timeline) -> Verdict:
    """The {who} repeats parts of the sound.

    What it shows
        At least 10 ms of {input} occur more than once in {output}: inserted, so that the rest comes later, or in place
        of other sound, as in the concealment of lost packets.

    Why it matters
        Syllables or words are heard twice.

    Evidence
        `repeated_s` of the segment, with each place to listen to.

    Does not prove
        Which buffer caused it.
    """
    if isinstance(wrong_rate(measurements, place.hop), WrongRate):
        return not_checked(msg("the speed is wrong"))
    found = worst_fault(measurements, "repeated_s", lambda repeated_s: repeated_s >= REPEATED_S, hop=place.hop)
    if isinstance(found, Verdict):
        return unless_blurred(found, place, measurements, timeline)
    repeated_s, item = found
    blurred = blurred_by_room(place, measurements, timeline, repeated_s)
    if blurred is not None:
        return blurred
    if item.events and all(event.kind == EventKind.CONCEALED for event in item.events):
        return _concealed(place, repeated_s, item)
    repeated = format_seconds(repeated_s)
    text = msg(
        "{repeated} of {input} occurs twice in {output}", repeated=repeated, input=place.input, output=place.output
    )
    if item.events:
        text = msg("{text}: {events}", text=text, events=events_in_words(item.events))
    return raised_at(
        place,
        msg("The {who} repeats {repeated} of the sound", who=place.who, repeated=repeated),
        evidence=[evidence_of(item, text)],
    )


def _concealed(place: Place, repeated_s: float, item: Measurement) -> Verdict:
    """Report sound that was lost and covered by a repeat of what came before."""
    count, total = len(item.events), format_seconds(repeated_s)
    gaps = counted(count, "gap")
    text = msg(
        "{output} repeats earlier sound in place of {total} of {input}: {events}",
        output=place.output,
        total=total,
        input=place.input,
        events=events_in_words(item.events),
    )
    return raised_at(
        place,
        msg(
            "The {who} fills {gaps} with a repeat of the sound before ({total})", who=place.who, gaps=gaps, total=total
        ),
        evidence=[evidence_of(item, text)],
        cause=msg(
            "packets are lost or late, and the last one is played again in their place (packet loss concealment)"
        ),
        fix=msg("keep more audio in the queue, so that it never runs empty, and do not drop chunks"),
    )
