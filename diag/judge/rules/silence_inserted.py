"""Inserted silence: stalls and dropouts in the output of a segment."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from diag.core.chain import Hop
from diag.core.observed_client import ObservedClient
from diag.core.results import Evidence, Measurements, Verdict, clear, not_checked, raised
from diag.core.timeline import EventName, Timeline
from diag.core.units import format_seconds
from diag.judge.evidence import events_in_words, total
from diag.judge.limits import LOSSY_OWN_AUDIO, SILENCE_INSERTED_S
from diag.judge.registry import OnHop, Place, segment_rule


@segment_rule(
    OnHop(
        code="MIC004",
        name="microphone-dropouts",
        severity="warning",
        hop=Hop.MICROPHONE,
        who="microphone",
        explained_by=("MIC009", "MIC017", "MIC014", "MIC018", "MIC015"),
        causes=(
            "the input overflows because the program reads it too slowly, for example with slow work in the callback",
            "a wireless headset is at the edge of its range, or shares its link with playback",
        ),
        fix="do nothing but copy in the input callback, open the input with more latency, or use a wired microphone",
        why="Words go missing, and the service may mistake the gap for the end of the turn.",
    ),
    OnHop(
        code="SND011",
        name="sender-gaps",
        severity="warning",
        hop=Hop.SENDER,
        who="sender",
        explained_by=("SND003", "SND021", "SND017", "SND019", "SND018"),
        causes=(
            "the sender runs late and fills the gap with silence",
            "a voice activity gate closes in the middle of words",
        ),
        fix="send what the microphone delivers without a gate, and keep slow work out of the sending loop",
        why="Words go missing, and the service may mistake the gap for the end of the turn.",
    ),
    OnHop(
        code="PLY003",
        name="underruns",
        severity="warning",
        hop=Hop.PLAYER,
        who="player",
        explained_by=("SVC004", "PLY001", "ENV004", "PLY009", "PLY012", "PLY015", "PLY019", "PLY016"),
        causes=(
            "the reply arrives too unevenly for the player's buffer (see SVC004)",
            "the player gets its audio too late because of a blocked event loop or a slow decoder",
        ),
        fix="buffer more audio before playing starts, and keep slow work out of the player's thread",
        why="Words are cut in two, and callers mistake longer gaps for a dropped call.",
    ),
    OnHop(
        code="SPK004",
        name="device-underruns",
        severity="warning",
        hop=Hop.SPEAKER,
        who="loudspeaker",
        explained_by=("SPK008", "SPK016", "SPK013", "SPK017", "SPK014"),
        causes=(
            "the playback buffer cannot be kept filled: it is too small, or the machine is too busy",
            "a wireless loudspeaker (Bluetooth, casting) that loses packets",
        ),
        fix="open the output with more latency, end other programs, or use a wired loudspeaker",
        why="The listener hears gaps and clicks although the client plays the voice without a gap.",
    ),
)
def silence_inserted(
    place: Place,
    measurements: Measurements,
    observed: ObservedClient,
    timeline: Timeline,
    environment: Mapping[str, Any],
) -> Verdict:
    """The {who} inserts silence.

    What it shows
        {output} has at least 10 ms of silence that {input} does not have.

    Why it matters
        Words are cut in two.

    Evidence
        `inserted_silence_s` and `dropout_count` of the segment, with each place to listen to; the underruns
        that the player itself reported.

    Does not prove
        Why the sound came late. With diag's own virtual devices it is not raised for microphone and loudspeaker,
        because the measuring tool would be to blame (ENV004).
    """
    found = total(measurements, place.hop, "inserted_silence_s")
    if isinstance(found, str):
        return not_checked(found)
    silence_s, item = found
    if silence_s < SILENCE_INSERTED_S:
        return clear()
    if place.hop in (Hop.MICROPHONE, Hop.SPEAKER) and environment.get("audio") in LOSSY_OWN_AUDIO:
        return not_checked("these are diag's own virtual devices; see ENV004")
    count = measurements.value("dropout_count", hop=place.hop, turn=item.turn)
    times = f" in {count:.0f} place{'s' if count > 1 else ''}" if count else ""
    where = f": {events_in_words(item.events)}" if item.events else ""
    text = f"{format_seconds(silence_s)} of silence{times} in {place.output} that {place.input} does not have{where}"
    evidence = [Evidence(text=text, metric="inserted_silence_s", turn=item.turn, spots=item.spots)]
    fix = place.on.fix
    if place.hop is Hop.PLAYER and timeline.events:
        noted = len(timeline.named(EventName.UNDERRUN))
        evidence.append(Evidence(text=f"the player itself reported {noted} underrun{'' if noted == 1 else 's'}"))
    if place.hop is Hop.PLAYER and observed.prebuffer_s is not None:
        fix = (
            f"raise `prebuffer_ms` in [playback] above {observed.prebuffer_s * 1000:.0f}, and keep slow work out "
            "of the player's thread"
        )
    return raised(
        f"The {place.who} inserts {format_seconds(silence_s)} of silence{times}",
        evidence=evidence,
        likely_cause=place.on.causes[0],
        fix=fix,
    )
