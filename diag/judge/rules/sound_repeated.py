"""Repeated sound: parts of a segment's input that its output has more than once."""

from __future__ import annotations

from diag.core.chain import Hop
from diag.core.results import Measurements, Verdict, not_checked
from diag.core.units import format_seconds
from diag.judge.evidence import WrongRate, events_in_words, evidence_of, raised_at, worst_fault, wrong_rate
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
def sound_repeated(place: Place, measurements: Measurements) -> Verdict:
    """The {who} repeats parts of the sound.

    What it shows
        At least 10 ms of {input} occur more than once in {output}.

    Why it matters
        Syllables or words are heard twice.

    Evidence
        `repeated_s` of the segment, with each place to listen to.

    Does not prove
        Which buffer caused it.
    """
    if isinstance(wrong_rate(measurements, place.hop), WrongRate):
        return not_checked("the speed is wrong")
    found = worst_fault(measurements, "repeated_s", lambda repeated_s: repeated_s >= REPEATED_S, hop=place.hop)
    if isinstance(found, Verdict):
        return found
    repeated_s, item = found
    where = f": {events_in_words(item.events)}" if item.events else ""
    repeated = format_seconds(repeated_s)
    text = f"{repeated} of {place.input} occurs twice in {place.output}{where}"
    return raised_at(
        place,
        f"The {place.who} repeats {repeated} of the sound",
        evidence=[evidence_of(item, text)],
    )
