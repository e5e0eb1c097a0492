"""Lost sound: parts of a segment's input that are missing in its output."""

from __future__ import annotations

from functools import reduce

from diag.core.chain import Hop
from diag.core.messages import msg
from diag.core.results import Evidence, Measurement, Measurements, Verdict, not_checked
from diag.core.timeline import EventName, Timeline
from diag.core.units import format_seconds
from diag.judge.closings import ENDINGS
from diag.judge.evidence import (
    WrongRate,
    all_clear,
    blurred_by_room,
    clear_if_measured,
    events_in_words,
    evidence_of,
    raised_at,
    unless_blurred,
    worst,
    wrong_rate,
)
from diag.judge.limits import BORDER_LOST_S, LEFT_OUT_S
from diag.judge.registry import OnHop, Place, segment_rule

_KINDS = (
    ("skipped_s", LEFT_OUT_S, msg("in the middle")),
    ("head_lost_s", BORDER_LOST_S, msg("at the beginning")),
    ("tail_lost_s", BORDER_LOST_S, msg("at the end")),
)
_DEVICE_CAUSES = ("the device's buffer overflowed, or its link lost packets", "the machine was too busy to keep time")
_DEVICE_FIX = "increase the device's buffer, reduce the load of the machine, or use a wired device"


@segment_rule(
    OnHop(
        "MIC010",
        "microphone-drops-sound",
        Hop.MICROPHONE,
        causes=_DEVICE_CAUSES,
        fix=_DEVICE_FIX,
    ),
    OnHop(
        "SND008",
        "speech-lost-before-sending",
        Hop.SENDER,
        explained_by=(*ENDINGS, "APP002", "WEB007", "WEB008"),
        causes=("the last batch is never sent when the stream ends", "chunks are lost between threads"),
        fix="flush the buffer before ending the stream, and keep captured audio in an unbounded queue",
        why="The service never receives these words, which are most often the last ones.",
    ),
    OnHop(
        "PLY011",
        "reply-dropped",
        Hop.PLAYER,
        explained_by=("WEB008",),
        causes=(
            "a full queue drops audio, because the service sends faster than real time, or each chunk is cut to the "
            "length of the output's block",
            "chunks are lost between threads, or playback stops as soon as the turn is complete",
        ),
        fix="keep all received audio in an unbounded queue, and the rest of a chunk for the next block; stop playing "
        "only when the queue is empty",
        why="Syllables or whole sentences are never heard.",
    ),
    OnHop(
        "SPK009",
        "speaker-drops-sound",
        Hop.SPEAKER,
        causes=_DEVICE_CAUSES,
        fix=_DEVICE_FIX,
    ),
    explained_by=("bytes_misread", "played_twice", "distorted", "sound_displaced", "aliasing_added"),
    severity="error",
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
        Which queue or buffer lost it. What a player drops because the reply was interrupted is not counted. Where it is
        not known what was played, the loss is not checked after an interruption.
    """
    if place.hop is Hop.PLAYER and place.segment.merged and timeline.first(EventName.INTERRUPTED) is not None:
        return not_checked(msg("the reply was interrupted"))
    if isinstance(wrong_rate(measurements, place.hop), WrongRate):
        return not_checked(msg("the speed is wrong"))
    items = {metric: measurements.find(metric, hop=place.hop) for metric, _, _ in _KINDS}
    seen = [
        (*found, where)
        for metric, limit_s, where in _KINDS
        if (found := worst(items[metric], float)) is not None and found[0] >= limit_s
    ]
    if not seen:
        measured = all_clear(clear_if_measured(found, metric) for metric, found in items.items())
        return unless_blurred(measured, place, measurements, timeline)
    lost_s = sum(value for value, _, _ in seen)
    blurred = blurred_by_room(place, measurements, timeline, lost_s)
    if blurred is not None:
        return blurred
    wheres = reduce(lambda one, other: msg("{one} and {other}", one=one, other=other), [where for _, _, where in seen])
    return raised_at(
        place,
        msg(
            "The {who} loses {lost_s} of the sound {wheres}",
            who=place.who,
            lost_s=format_seconds(lost_s),
            wheres=wheres,
        ),
        evidence=[_evidence(place, *entry) for entry in seen],
    )


def _evidence(place: Place, lost_s: float, item: Measurement, where: str) -> Evidence:
    lost = format_seconds(lost_s)
    places = events_in_words(item.events) if where == "in the middle" else ""
    if places:
        text = msg(
            "{lost} of {input} is missing within {output}: {places}",
            lost=lost, input=place.input, output=place.output, places=places,
        )  # fmt: skip
    else:
        text = msg(
            "{lost} of {input} is missing {where} of {output}",
            lost=lost, input=place.input, where=where, output=place.output,
        )  # fmt: skip
    return evidence_of(item, text)
