"""Added sound: noise, hum, tones, DC offset, reverberation or other sound in the output of a segment."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from diag.core.chain import Hop
from diag.core.messages import Message, msg
from diag.core.results import Evidence, Measurement, Measurements, Severity, Verdict
from diag.core.timeline import Timeline
from diag.core.units import counted
from diag.dsp.added_sound import (
    DC_FAIL_DBFS,
    DC_WARN_DBFS,
    HUM_FAIL_DB,
    HUM_WARN_DB,
    NOISE_FAIL_SNR_DB,
    NOISE_WARN_SNR_DB,
    TONE_FAIL_DB,
    TONE_WARN_DB,
)
from diag.dsp.copies import ROOM_WARN_DB
from diag.judge.evidence import (
    all_clear,
    blurred_by_room,
    clear_if_measured,
    events_in_words,
    evidence_of,
    number,
    raised_at,
    through_the_air,
    unless_blurred,
)
from diag.judge.limits import OTHER_SOUND_S, ROOM_BLURS_S
from diag.judge.registry import OnHop, Place, segment_rule

RINGS_S = 2.0
"""In strong reverberation, tones that last no longer in all may be the room that rings on. A device hums all the
time."""


@dataclass(frozen=True)
class _Kind:
    """One kind of added sound: its measure, its limits, and its words for a value."""

    metric: str
    warning: float
    error: float | None
    words: Callable[[float], Message]
    natural: bool = False
    """Whether sound through the air always has some of it."""
    cause: str = ""
    """Likely cause, if it is not that of the hop."""
    fix: str = ""
    """What to do, if it is not the fix of the hop."""


_KINDS = (
    _Kind(
        "other_sound_s",
        OTHER_SOUND_S,
        None,
        lambda value: msg("{value:.2f} s of sound that the input does not have", value=value),
    ),
    _Kind(
        "added_tone_db",
        TONE_WARN_DB,
        TONE_FAIL_DB,
        lambda value: msg("a steady tone ({value:.0f} dB relative to the voice)", value=value),
    ),
    _Kind(
        "added_hum_db",
        HUM_WARN_DB,
        HUM_FAIL_DB,
        lambda value: msg("mains hum ({value:.0f} dB relative to the voice)", value=value),
    ),
    _Kind(
        "added_noise_db",
        -NOISE_WARN_SNR_DB,
        -NOISE_FAIL_SNR_DB,
        lambda value: msg("noise ({value:.0f} dB relative to the voice)", value=value),
        True,
    ),
    _Kind(
        "added_dc_dbfs",
        DC_WARN_DBFS,
        DC_FAIL_DBFS,
        lambda value: msg("a DC offset ({value:.0f} dBFS)", value=value),
        cause=msg("the sound card adds an offset, or a conversion between sample formats shifts all samples"),
        fix=msg(
            "check how samples are converted between formats, and remove the offset with a high-pass filter of 20 Hz"
        ),
    ),
    _Kind(
        "reverberation_db",
        ROOM_WARN_DB,
        None,
        lambda value: msg("reverberation ({value:.0f} dB relative to the direct sound)", value=value),
        True,
    ),
)


@segment_rule(
    OnHop(
        "MIC013",
        "microphone-adds-sound",
        Hop.MICROPHONE,
        causes=(
            "noise of the room or the device, or another sound near the microphone",
            "a poor cable or power supply",
        ),
        fix="remove the source of the sound, and check cable and power supply of the microphone",
    ),
    OnHop(
        "SND016",
        "sender-adds-sound",
        Hop.SENDER,
        explained_by=("WEB008",),
        causes=("another source is mixed into what is sent", "a filter or codec adds noise"),
        fix="send only the captured sound",
    ),
    OnHop(
        "PLY014",
        "sound-added",
        Hop.PLAYER,
        explained_by=("WEB008",),
        causes=("another source is played into the same output", "a filter or codec adds noise"),
        fix="play only the reply: look for other sources in the same output, such as a thinking tone or an old reply",
    ),
    OnHop(
        "SPK012",
        "speaker-adds-sound",
        Hop.SPEAKER,
        causes=("another program plays at the same time, or the device adds noise", "a poor cable or power supply"),
        fix="end other programs that play, and check cable and power supply of the device",
    ),
    explained_by=(
        "bytes_misread",
        "played_twice",
        "distorted",
        "sound_displaced",
        "images_added",
        "aliasing_added",
        "clicks_added",
    ),
    severity="warning",
    or_severity="error",
)
def sound_added(place: Place, measurements: Measurements, timeline: Timeline) -> Verdict:
    """The {who} adds sound of its own.

    What it shows
        {output} has noise, hum, tones, a DC offset, reverberation or other sound that {input} does not have.

    Why it matters
        The voice is harder to understand, and the service may mistake the added sound for speech.

    Evidence
        `other_sound_s`, `added_tone_db`, `added_hum_db`, `added_noise_db`, `added_dc_dbfs` and `reverberation_db` of
        the segment, each against its limit.

    Does not prove
        Where it comes from. Clicks at a fixed period sound like a hum; they are then reported as the root cause. Rooms
        always add noise and reverberation, so both are information only if the sound goes through the air. In strong
        reverberation, short other sound and tones of less than 2 s are not judged.
    """
    seen = list(_seen(place, measurements))
    if not seen:
        measured = all_clear(
            clear_if_measured(measurements.find(kind.metric, hop=place.hop), kind.metric) for kind in _KINDS
        )
        return unless_blurred(measured, place, measurements, timeline)
    air = through_the_air(timeline)
    blurred = blurred_by_room(place, measurements, timeline)
    sure = [entry for entry in seen if blurred is None or not _may_be_room(*entry)]
    severities = [_severity(kind, value, air=air) for kind, value, _ in sure]
    if blurred is not None and len(sure) < len(seen) and all(item is Severity.INFO for item in severities):
        return blurred
    seen = sure
    kind, value, _ = max(seen, key=lambda entry: _severity(entry[0], entry[1], air=air).rank)
    words = kind.words(value)
    if len(seen) > 1:
        words = msg("{words} and {others}", words=words, others=counted(len(seen) - 1, "other sound"))
    return raised_at(
        place,
        msg("The {who} adds {words}", who=place.who, words=words),
        evidence=[_evidence(place, *entry) for entry in seen],
        cause=kind.cause,
        fix=kind.fix,
        severity=max(severities, key=lambda item: item.rank),
    )


def _seen(place: Place, measurements: Measurements) -> Iterator[tuple[_Kind, float, Measurement]]:
    for kind in _KINDS:
        for item in measurements.find(kind.metric, hop=place.hop):
            value = number(item)
            if value is not None and value > kind.warning:
                yield kind, value, item
                break


def _may_be_room(kind: _Kind, value: float, item: Measurement) -> bool:
    """Return whether strong reverberation can be what was measured."""
    if kind.metric == "added_tone_db":
        return bool(item.events) and sum(event.duration_s for event in item.events) < RINGS_S
    return kind.metric == "other_sound_s" and value < ROOM_BLURS_S


def _severity(kind: _Kind, value: float, *, air: bool) -> Severity:
    if air and kind.natural:
        return Severity.INFO
    return Severity.ERROR if kind.error is not None and value > kind.error else Severity.WARNING


def _evidence(place: Place, kind: _Kind, value: float, item: Measurement) -> Evidence:
    where = events_in_words(item.events, place=True)
    text = msg("{output} has {words}", output=place.output, words=kind.words(value))
    return evidence_of(item, msg("{text}: {where}", text=text, where=where) if where else text)
