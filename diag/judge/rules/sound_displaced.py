"""Order: a segment that delivers parts of the sound in the wrong order."""

from __future__ import annotations

from diag.core.chain import Hop
from diag.core.results import Evidence, Measurements, Verdict, clear, not_checked, raised
from diag.core.units import format_seconds
from diag.judge.evidence import events_in_words, why_not, worst
from diag.judge.limits import LEFT_OUT_S
from diag.judge.registry import OnHop, Place, segment_rule


@segment_rule(
    OnHop(
        code="MIC018",
        name="microphone-disorders-sound",
        severity="error",
        hop=Hop.MICROPHONE,
        who="microphone",
        explained_by=("MIC009", "MIC017"),
        causes=("buffers of the device are delivered out of order", "the driver is restarted during the sound"),
        fix="choose another device or driver",
    ),
    OnHop(
        code="SND019",
        name="sender-disorders-sound",
        severity="error",
        hop=Hop.SENDER,
        who="sender",
        explained_by=("SND003", "SND021"),
        causes=(
            "chunks are sent by several tasks, so that some overtake others",
            "chunks are placed by a timer that is too fast",
        ),
        fix="send all chunks from one queue, in the order of capture",
    ),
    OnHop(
        code="PLY019",
        name="player-disorders-sound",
        severity="error",
        hop=Hop.PLAYER,
        who="player",
        explained_by=("PLY009", "PLY012"),
        causes=(
            "chunks are started by a timer that is too fast, so that each starts before the previous one has ended",
            "chunks are played by several tasks, so that some overtake others",
        ),
        fix="start each chunk at the end of the one before (nextStartTime += duration), from one queue in order",
    ),
    OnHop(
        code="SPK017",
        name="speaker-disorders-sound",
        severity="error",
        hop=Hop.SPEAKER,
        who="loudspeaker",
        explained_by=("SPK008", "SPK016"),
        causes=("buffers of the device are played out of order", "the driver is restarted during the sound"),
        fix="choose another device or driver",
    ),
)
def sound_displaced(place: Place, measurements: Measurements) -> Verdict:
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
    items = measurements.find("displaced_s", hop=place.hop)
    found = worst(items, lambda value: value)
    if found is None:
        return not_checked(why_not(items, "displaced_s"))
    displaced_s, item = found
    if displaced_s < LEFT_OUT_S:
        return clear()
    overlap = any(event.kind == "overlap" for event in item.events)
    what = (
        "starts chunks before the previous one has ended"
        if overlap
        else "delivers parts of the sound in the wrong order"
    )
    text = (
        f"{format_seconds(displaced_s)} of {place.input} in the wrong place: {events_in_words(item.events, place=True)}"
    )
    return raised(
        f"The {place.who} {what} ({format_seconds(displaced_s)})",
        evidence=[Evidence(text=text, metric="displaced_s", turn=item.turn, spots=item.spots)],
        likely_cause=place.on.causes[0],
        fix=place.on.fix,
    )
