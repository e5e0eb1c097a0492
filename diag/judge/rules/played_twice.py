"""Second copy: a segment that delivers the sound twice, or with an echo."""

from __future__ import annotations

from diag.core.chain import Hop
from diag.core.results import Evidence, Measurements, Severity, Verdict, clear, not_checked, raised
from diag.core.units import format_seconds
from diag.dsp.copies import COPY_FAIL_DB, COPY_WARN_DB
from diag.judge.evidence import why_not, worst
from diag.judge.registry import OnHop, Place, segment_rule

MANY_OVERLAPS = 3
"""Number of overlapping chunks from which a second copy is not reported. Overlapping chunks look like a second copy; an
echo does not overlap chunks."""


@segment_rule(
    OnHop(
        code="MIC017",
        name="microphone-echo-of-itself",
        severity="warning",
        or_severity="error",
        hop=Hop.MICROPHONE,
        who="microphone",
        causes=("a wall or table near the microphone, or two microphones mixed", "the device monitors its own input"),
        fix="use one microphone, nearer to the mouth, and switch monitoring off",
    ),
    OnHop(
        code="SND021",
        name="sender-sends-twice",
        severity="warning",
        or_severity="error",
        hop=Hop.SENDER,
        who="sender",
        causes=("two capture paths are mixed into what is sent", "an effect with a delay"),
        fix="send one capture path",
    ),
    OnHop(
        code="PLY012",
        name="played-twice",
        severity="warning",
        or_severity="error",
        hop=Hop.PLAYER,
        who="player",
        explained_by=("SVC008",),
        causes=("two players play the same reply, one a little later", "an effect with a delay"),
        fix="make sure that one player plays each reply: look for a second receiver on the session or a second output",
    ),
    OnHop(
        code="SPK016",
        name="speaker-echo-of-itself",
        severity="warning",
        or_severity="error",
        hop=Hop.SPEAKER,
        who="loudspeaker",
        causes=("two outputs play the same sound, or the room echoes", "an effect of the device with a delay"),
        fix="use one output, and switch sound effects off",
    ),
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
    items = measurements.find("second_copy_db", hop=place.hop)
    found = worst(items, lambda value: value)
    if found is None:
        return not_checked(why_not(items, "second_copy_db"))
    level_db, item = found
    if level_db <= COPY_WARN_DB:
        return clear()
    if _overlaps(measurements, place.hop) >= MANY_OVERLAPS:
        return not_checked("many chunks overlap, which looks the same")
    event = item.events[0] if item.events else None
    early = event is not None and event.duration_s < 0
    delay = f" {format_seconds(abs(event.duration_s))} {'earlier' if early else 'later'}" if event else ""
    echo = event is not None and event.kind == "echo"
    twice = f"delivers the sound twice, the {'first' if early else 'second'} time"
    what = "adds an echo of the sound" if echo else twice
    text = f"second copy in {place.output}{delay} at {level_db:.0f} dB relative to the first"
    return raised(
        f"The {place.who} {what}{delay} ({level_db:.0f} dB)",
        evidence=[Evidence(text=text, metric="second_copy_db", turn=item.turn, spots=item.spots)],
        likely_cause=place.on.causes[0],
        fix=place.on.fix,
        severity=Severity.ERROR if level_db > COPY_FAIL_DB else Severity.WARNING,
    )


def _overlaps(measurements: Measurements, hop: Hop) -> int:
    found = measurements.find("displaced_s", hop=hop)
    return max((sum(event.kind == "overlap" for event in item.events) for item in found), default=0)
