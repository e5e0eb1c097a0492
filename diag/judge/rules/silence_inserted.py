"""Inserted silence: stalls and dropouts in the output of a segment."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from diag.core.chain import Hop
from diag.core.messages import msg
from diag.core.observed_client import ObservedClient
from diag.core.results import Evidence, Measurement, Measurements, Verdict, not_checked, raised
from diag.core.timeline import EventName, Timeline
from diag.core.units import counted, format_seconds
from diag.judge.evidence import DEVICE_HOPS, blurred_by_room, events_in_words, evidence_of, unless_blurred, worst_fault
from diag.judge.limits import LOSSY_OWN_AUDIO, SILENCE_INSERTED_S, passes_unchanged
from diag.judge.registry import OnHop, Place, segment_rule


@segment_rule(
    OnHop(
        "MIC004",
        "microphone-dropouts",
        Hop.MICROPHONE,
        causes=(
            "the input overflows because the program reads it too slowly, for example with slow work in the callback",
            "a wireless headset is at the edge of its range, or shares its link with playback",
        ),
        fix="do nothing but copy in the input callback, open the input with more latency, or use a wired microphone",
        why="Words go missing, and the service may mistake the gap for the end of the turn.",
    ),
    OnHop(
        "SND011",
        "sender-gaps",
        Hop.SENDER,
        explained_by=("WEB007", "WEB008"),
        causes=(
            "the sender runs late and fills the gap with silence",
            "a voice activity gate closes in the middle of words",
        ),
        fix="send what the microphone delivers without a gate, and keep slow work out of the sending loop",
        why="Words go missing, and the service may mistake the gap for the end of the turn.",
    ),
    OnHop(
        "PLY003",
        "underruns",
        Hop.PLAYER,
        explained_by=("SVC004", "PLY001", "WEB010", "ENV004", "WEB008"),
        causes=(
            "the reply arrives too unevenly for the player's buffer (see SVC004)",
            "the player gets its audio too late because of a blocked event loop or a slow decoder",
        ),
        fix="buffer more audio before playing starts, and keep slow work out of the player's thread",
        why="Words are cut in two, and callers mistake longer gaps for a dropped call.",
    ),
    OnHop(
        "SPK004",
        "device-underruns",
        Hop.SPEAKER,
        causes=(
            "the playback buffer cannot be kept filled: it is too small, or the machine is too busy",
            "a wireless loudspeaker (Bluetooth, casting) that loses packets",
        ),
        fix="open the output with more latency, end other programs, or use a wired loudspeaker",
        why="The listener hears gaps and clicks although the client plays the voice without a gap.",
    ),
    explained_by=("bytes_misread", "played_twice", "distorted", "sound_displaced", "aliasing_added"),
    severity="warning",
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
    found = worst_fault(
        measurements, "inserted_silence_s", lambda silence_s: silence_s >= SILENCE_INSERTED_S, hop=place.hop
    )
    if isinstance(found, Verdict):
        return unless_blurred(found, place, measurements, timeline)
    silence_s, item = found
    if place.hop in DEVICE_HOPS and passes_unchanged(environment, LOSSY_OWN_AUDIO):
        return not_checked(msg("these are diag's own virtual devices; see ENV004"))
    blurred = blurred_by_room(place, measurements, timeline, silence_s)
    if blurred is not None:
        return blurred
    count = measurements.value("dropout_count", hop=place.hop, turn=item.turn)
    text = msg(
        "{output} has {silence_s} of silence that {input} does not have",
        output=place.output,
        silence_s=format_seconds(silence_s),
        input=place.input,
    )
    where = msg("{text}: {events}", text=text, events=events_in_words(item.events)) if item.events else text
    evidence = [evidence_of(item, where)]
    cause, fix = place.on.causes[0], place.on.fix
    if place.hop is Hop.PLAYER and observed.prebuffer_s is not None:
        noted = len(timeline.named(EventName.UNDERRUN))
        evidence.append(
            Evidence(
                text=msg("the player itself reported {underruns}", underruns=counted(noted, "underrun"))
                if noted
                else msg("the player itself reported no underrun")
            )
        )
        fix = msg(
            "raise `prebuffer_ms` in [playback] above {prebuffer_ms:.0f}, and keep slow work out "
            "of the player's thread",
            prebuffer_ms=observed.prebuffer_s * 1000,
        )
    period_s = _period_s(item)
    if period_s is not None and place.hop in (Hop.SENDER, Hop.PLAYER) and not timeline.named(EventName.UNDERRUN):
        cause = msg(
            "there is a gap every {period_s}, which uneven delivery does not cause: each chunk is filled up with "
            "silence, or the stream starts anew for it",
            period_s=format_seconds(period_s),
        )
        fix = msg(
            "keep one stream open, put the chunks end to end into one buffer, and do not fill the last block of a "
            "chunk up with zeros"
        )
    return raised(
        msg(
            "The {who} inserts {silence_s} of silence in {places}",
            who=place.who,
            silence_s=format_seconds(silence_s),
            places=counted(count, "place"),
        )
        if count
        else msg("The {who} inserts {silence_s} of silence", who=place.who, silence_s=format_seconds(silence_s)),
        evidence=evidence,
        likely_cause=cause,
        fix=fix,
    )


def _period_s(item: Measurement) -> float | None:
    """Return the time from gap to gap if most of the silence is in one series of gaps at every chunk, else None."""
    series = max((event for event in item.events if event.period_s), key=lambda event: event.duration_s, default=None)
    if series is None or series.duration_s < sum(event.duration_s for event in item.events) / 2:
        return None
    return series.period_s
