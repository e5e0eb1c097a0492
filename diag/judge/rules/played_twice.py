"""Second copy: a segment that delivers the sound twice, or with an echo."""

from __future__ import annotations

from diag.core.chain import Hop
from diag.core.messages import msg
from diag.core.results import Measurements, Severity, Verdict, not_checked
from diag.core.units import format_seconds
from diag.dsp.copies import COPY_FAIL_DB, COPY_WARN_DB
from diag.dsp.segment_events import EventKind
from diag.judge.evidence import evidence_of, numbers, raised_at, worst_fault
from diag.judge.registry import OnHop, Place, segment_rule

FAINT_DB, MUCH_LOST_S = -20.0, 0.5
"""A second copy this faint hides no sound. Where so much is missing, pieces that were put elsewhere make up one: a
player that drops files in mid-sentence was seen with echoes at -25 and -26 dB."""
_SAME_DELAY_S = 0.003
MANY_OVERLAPS = 3
"""Number of overlapping chunks from which a second copy is not reported. Overlapping chunks look like a second copy; an
echo does not overlap chunks."""


@segment_rule(
    OnHop(
        "MIC017",
        "microphone-echo-of-itself",
        Hop.MICROPHONE,
        causes=("a wall or table near the microphone, or two microphones mixed", "the device monitors its own input"),
        fix="use one microphone, nearer to the mouth, and switch monitoring off",
    ),
    OnHop(
        "SND021",
        "sender-sends-twice",
        Hop.SENDER,
        explained_by=("WEB008",),
        causes=("two capture paths are mixed into what is sent", "an effect with a delay"),
        fix="send one capture path",
    ),
    OnHop(
        "PLY012",
        "played-twice",
        Hop.PLAYER,
        explained_by=("SVC008", "WEB008"),
        causes=("two players play the same reply, one a little later", "an effect with a delay"),
        fix="make sure that one player plays each reply: look for a second receiver on the session or a second output",
    ),
    OnHop(
        "SPK016",
        "speaker-echo-of-itself",
        Hop.SPEAKER,
        causes=("two outputs play the same sound, or the room echoes", "an effect of the device with a delay"),
        fix="use one output, and switch sound effects off",
    ),
    severity="warning",
    or_severity="error",
)
def played_twice(place: Place, measurements: Measurements) -> Verdict:
    """The {who} delivers the sound twice.

    What it shows
        {output} has a second copy of {input} at a fixed delay. If both copies are about equally loud, the sound is
        played twice; if the second is fainter, it is an echo.

    Why it matters
        It sounds hollow, or like two people speaking.

    Evidence
        `second_copy_db` of the segment, and the delay.

    Does not prove
        Whether software or the room caused it. If many chunks overlap, that is reported instead.
    """
    found = worst_fault(measurements, "second_copy_db", lambda level_db: level_db > COPY_WARN_DB, hop=place.hop)
    if isinstance(found, Verdict):
        return found
    level_db, item = found
    if _overlaps(measurements, place.hop) >= MANY_OVERLAPS:
        return not_checked(msg("many chunks overlap, which looks the same"))
    if level_db < FAINT_DB and _lost_s(measurements, place.hop) >= MUCH_LOST_S:
        return not_checked(
            msg("much of the sound is missing, and what is left in other places looks like a faint copy")
        )
    event = item.events[0] if item.events else None
    if event is not None and level_db < FAINT_DB and _is_concealment(event.duration_s, measurements, place.hop):
        return not_checked(msg("earlier sound fills gaps, which looks like a faint copy"))
    how = msg("at {level_db:.0f} dB relative to the first", level_db=level_db)
    if event is not None and event.duration_s < 0:
        how = msg("{delay} earlier, {level}", delay=format_seconds(-event.duration_s), level=how)
        title = msg("The {who} delivers the sound twice, the first time {how}", who=place.who, how=how)
    else:
        if event is not None:
            how = msg("{delay} later, {level}", delay=format_seconds(event.duration_s), level=how)
        title = msg("The {who} delivers the sound twice, the second time {how}", who=place.who, how=how)
    if event is not None and event.kind == "echo":
        title = msg("The {who} adds an echo of the sound {how}", who=place.who, how=how)
    text = msg("{output} has a second copy of the sound, {how}", output=place.output, how=how)
    return raised_at(
        place,
        title,
        evidence=[evidence_of(item, text)],
        severity=Severity.ERROR if level_db > COPY_FAIL_DB else Severity.WARNING,
    )


def _lost_s(measurements: Measurements, hop: Hop) -> float:
    """Return how much sound of a segment is missing, in seconds."""
    return sum(value for value, _ in numbers(measurements.find("skipped_s", hop=hop)))


def _is_concealment(delay_s: float, measurements: Measurements, hop: Hop) -> bool:
    """Return whether gaps are filled with what was heard just as long before as the copy seems to be late."""
    repeated = [event for item in measurements.find("repeated_s", hop=hop) for event in item.events]
    filled = [event for event in repeated if event.kind == EventKind.CONCEALED]
    alike = [event for event in filled if abs(event.duration_s - abs(delay_s)) < _SAME_DELAY_S]
    return bool(alike) and 2 * len(alike) >= len(filled)


def _overlaps(measurements: Measurements, hop: Hop) -> int:
    found = measurements.find("displaced_s", hop=hop)
    return max((sum(event.kind == "overlap" for event in item.events) for item in found), default=0)
