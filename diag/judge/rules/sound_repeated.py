"""Repeated sound: parts of a segment's input that its output has more than once."""

from __future__ import annotations

from diag.core.chain import Hop
from diag.core.results import Evidence, Measurements, Verdict, clear, not_checked, raised
from diag.core.units import format_seconds
from diag.judge.evidence import WrongRate, events_in_words, total, wrong_rate
from diag.judge.limits import REPEATED_S
from diag.judge.registry import OnHop, Place, segment_rule

_DEVICE_CAUSES = (
    "the device or its sound server plays its last buffer again when it gets no new one",
    "the device's driver is restarted during the sound",
)
_DEVICE_FIX = "increase the device's buffer, reduce the load of the machine, or choose another device"


@segment_rule(
    OnHop(
        code="MIC011",
        name="microphone-repeats-sound",
        severity="warning",
        hop=Hop.MICROPHONE,
        who="microphone",
        explained_by=("MIC009", "MIC017", "MIC018"),
        causes=_DEVICE_CAUSES,
        fix=_DEVICE_FIX,
    ),
    OnHop(
        code="SND014",
        name="sender-repeats-sound",
        severity="warning",
        hop=Hop.SENDER,
        who="sender",
        explained_by=("SND003", "SND021", "SND019"),
        causes=(
            "chunks are sent to the service twice, for example after a retry",
            "a buffer is read again before it was refilled",
        ),
        fix="send every captured chunk exactly once",
        why="The service hears words twice and may answer a question that nobody asked.",
    ),
    OnHop(
        code="PLY017",
        name="player-repeats-sound",
        severity="warning",
        hop=Hop.PLAYER,
        who="player",
        explained_by=("PLY009", "SVC008", "PLY012", "PLY019"),
        causes=(
            "chunks are put into the queue twice, for example by two receivers on one session",
            "a ring buffer is read again before it was refilled",
        ),
        fix="hand every received chunk to the player exactly once",
        why="Syllables or sentences are heard twice. It sounds like a stutter, and the service is blamed.",
    ),
    OnHop(
        code="SPK010",
        name="speaker-repeats-sound",
        severity="warning",
        hop=Hop.SPEAKER,
        who="loudspeaker",
        explained_by=("SPK008", "SPK016", "SPK017"),
        causes=_DEVICE_CAUSES,
        fix=_DEVICE_FIX,
    ),
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
    found = total(measurements, place.hop, "repeated_s")
    if isinstance(found, str):
        return not_checked(found)
    repeated_s, item = found
    if repeated_s < REPEATED_S:
        return clear()
    where = f": {events_in_words(item.events)}" if item.events else ""
    text = f"{format_seconds(repeated_s)} of {place.input} occur twice in {place.output}{where}"
    return raised(
        f"The {place.who} repeats {format_seconds(repeated_s)} of the sound",
        evidence=[Evidence(text=text, metric="repeated_s", turn=item.turn, spots=item.spots)],
        likely_cause=place.on.causes[0],
        fix=place.on.fix,
    )
