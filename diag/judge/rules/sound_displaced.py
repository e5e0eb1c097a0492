"""Order: a segment that delivers parts of the sound in the wrong order."""

from __future__ import annotations

from diag.core.chain import Hop
from diag.core.messages import msg
from diag.core.results import Measurements, Verdict
from diag.core.timeline import Timeline
from diag.core.units import format_seconds
from diag.judge.evidence import events_in_words, evidence_of, raised_at, unless_blurred, worst_fault
from diag.judge.limits import LEFT_OUT_S
from diag.judge.registry import OnHop, Place, segment_rule


@segment_rule(
    OnHop(
        "MIC018",
        "microphone-disorders-sound",
        Hop.MICROPHONE,
        causes=("buffers of the device are delivered out of order", "the driver is restarted during the sound"),
        fix="choose another device or driver",
    ),
    OnHop(
        "SND019",
        "sender-disorders-sound",
        Hop.SENDER,
        explained_by=("WEB008",),
        causes=(
            "chunks are sent by several tasks, so that some overtake others",
            "chunks are placed by a timer that is too fast",
        ),
        fix="send all chunks from one queue, in the order of capture",
    ),
    OnHop(
        "PLY019",
        "player-disorders-sound",
        Hop.PLAYER,
        explained_by=("WEB010", "WEB008"),
        causes=(
            "chunks are started by a timer that is too fast, so that each starts before the previous one has ended",
            "chunks are played by several tasks, so that some overtake others",
        ),
        fix="start each chunk at the end of the one before (nextStartTime += duration), from one queue in order",
    ),
    OnHop(
        "SPK017",
        "speaker-disorders-sound",
        Hop.SPEAKER,
        causes=("buffers of the device are played out of order", "the driver is restarted during the sound"),
        fix="choose another device or driver",
    ),
    explained_by=("bytes_misread", "played_twice"),
    severity="error",
)
def sound_displaced(place: Place, measurements: Measurements, timeline: Timeline) -> Verdict:
    """The {who} delivers parts of the sound in the wrong order.

    What it shows
        Parts of {input} are in another order in {output}, or chunks start before the previous one has ended.

    Why it matters
        Words are jumbled, or overlap each other.

    Evidence
        `displaced_s` of the segment, with each place.

    Does not prove
        Which queue or timer caused it.
    """
    found = worst_fault(measurements, "displaced_s", lambda displaced_s: displaced_s >= LEFT_OUT_S, hop=place.hop)
    if isinstance(found, Verdict):
        return unless_blurred(found, place, measurements, timeline)
    displaced_s, item = found
    values = {"who": place.who, "displaced": format_seconds(displaced_s)}
    title = msg("The {who} delivers parts of the sound in the wrong order ({displaced} in total)", **values)
    if any(event.kind == "overlap" for event in item.events):
        title = msg("The {who} starts chunks before the previous one has ended ({displaced} in total)", **values)
    text = msg("{displaced} of {input} is in the wrong place: {events}", displaced=values["displaced"],
               input=place.input, events=events_in_words(item.events, place=True))  # fmt: skip
    return raised_at(
        place,
        title,
        evidence=[evidence_of(item, text)],
    )
