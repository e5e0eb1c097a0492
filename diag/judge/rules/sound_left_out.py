"""Lost sound: parts of a segment's input that are missing in its output."""

from __future__ import annotations

from diag.core.chain import Hop
from diag.core.results import Evidence, Measurement, Measurements, Verdict, clear, not_checked, raised
from diag.core.timeline import EventName, Timeline
from diag.core.units import format_seconds
from diag.judge.evidence import WrongRate, events_in_words, total, wrong_rate
from diag.judge.limits import BORDER_LOST_S, LEFT_OUT_S
from diag.judge.registry import OnHop, Place, segment_rule

_KINDS = (
    ("skipped_s", LEFT_OUT_S, "in the middle"),
    ("head_lost_s", BORDER_LOST_S, "at the beginning"),
    ("tail_lost_s", BORDER_LOST_S, "at the end"),
)
_DEVICE_CAUSES = ("the device's buffer overflowed, or its link lost packets", "the machine was too busy to keep time")
_DEVICE_FIX = "increase the device's buffer, reduce the load of the machine, or use a wired device"


@segment_rule(
    OnHop(
        code="MIC010",
        name="microphone-drops-sound",
        severity="error",
        hop=Hop.MICROPHONE,
        who="microphone",
        explained_by=("MIC009", "MIC017", "MIC014", "MIC018", "MIC015"),
        causes=_DEVICE_CAUSES,
        fix=_DEVICE_FIX,
    ),
    OnHop(
        code="SND008",
        name="speech-lost-before-sending",
        severity="error",
        hop=Hop.SENDER,
        who="sender",
        # After the service has ended the session, nothing more can be sent.
        explained_by=(
            "SND003",
            "SND021",
            "SND017",
            "SND019",
            "SND018",
            "CFG003",
            "CFG004",
            "CFG005",
            "CFG007",
            "CFG008",
            "CFG010",
            "CFG013",
            "SVC009",
        ),
        causes=("the last batch is never sent when the stream ends", "chunks are lost between threads"),
        fix="flush the buffer before ending the stream, and keep captured audio in an unbounded queue",
        why="The service never receives these words, which are most often the last ones.",
    ),
    OnHop(
        code="PLY011",
        name="reply-dropped",
        severity="error",
        hop=Hop.PLAYER,
        who="player",
        explained_by=("PLY009", "PLY012", "PLY015", "PLY019", "PLY016"),
        causes=(
            "a full queue drops audio, because the service sends faster than real time",
            "chunks are lost between threads, or playback stops as soon as the turn is complete",
        ),
        fix="keep all received audio in an unbounded queue, and stop playing only when it is empty",
        why="Syllables or whole sentences are never heard.",
    ),
    OnHop(
        code="SPK009",
        name="speaker-drops-sound",
        severity="error",
        hop=Hop.SPEAKER,
        who="loudspeaker",
        explained_by=("SPK008", "SPK016", "SPK013", "SPK017", "SPK014"),
        causes=_DEVICE_CAUSES,
        fix=_DEVICE_FIX,
    ),
)
def sound_left_out(place: Place, measurements: Measurements, timeline: Timeline) -> Verdict:
    """The {who} loses parts of the sound.

    What it shows
        At least 10 ms of {input} are missing within {output}, or at least 30 ms at its beginning or end, although the
        reply was not interrupted.

    Why it matters
        Syllables or words are lost.

    Evidence
        `skipped_s`, `head_lost_s` and `tail_lost_s` of the segment, with each place to listen to.

    Does not prove
        Which queue or buffer lost it. It is not checked if the reply was interrupted, because dropping the rest is then
        correct.
    """
    if place.hop is Hop.PLAYER and timeline.first(EventName.INTERRUPTED) is not None:
        return not_checked("the reply was interrupted")
    if isinstance(wrong_rate(measurements, place.hop), WrongRate):
        return not_checked("the speed is wrong")
    seen = []
    for metric, limit_s, where in _KINDS:
        found = total(measurements, place.hop, metric)
        if isinstance(found, str):
            return not_checked(found)
        if found[0] >= limit_s:
            seen.append((*found, where))
    if not seen:
        return clear()
    lost_s = sum(value for value, _, _ in seen)
    wheres = " and ".join(where for _, _, where in seen)
    return raised(
        f"The {place.who} loses {format_seconds(lost_s)} of the sound, {wheres}",
        evidence=[_evidence(place, *entry) for entry in seen],
        likely_cause=place.on.causes[0],
        fix=place.on.fix,
    )


def _evidence(place: Place, lost_s: float, item: Measurement, where: str) -> Evidence:
    places = events_in_words(item.events) if where == "in the middle" else ""
    at = "within" if places else f"{where} of"
    text = f"{format_seconds(lost_s)} of {place.input} are missing {at} {place.output}{f': {places}' if places else ''}"
    return Evidence(text=text, metric=item.metric, turn=item.turn, spots=item.spots)
