"""Added sound: noise, hum, tones, DC offset, reverberation or other sound in the output of a segment."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from diag.core.chain import Hop
from diag.core.results import Evidence, Measurement, Measurements, Severity, Verdict, clear, not_checked, raised
from diag.core.timeline import EventName, Timeline
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
from diag.judge.evidence import events_in_words, number, why_not
from diag.judge.limits import OTHER_SOUND_S
from diag.judge.registry import OnHop, Place, segment_rule


@dataclass(frozen=True)
class _Kind:
    """One kind of added sound: its measure, its limits, and its words with `{}` for the value."""

    metric: str
    warning: float
    error: float | None
    words: str
    natural: bool = False
    """Whether sound through the air always has some of it."""


_KINDS = (
    _Kind("other_sound_s", OTHER_SOUND_S, None, "{:.2f} s of sound that the input does not have"),
    _Kind("added_tone_db", TONE_WARN_DB, TONE_FAIL_DB, "a steady tone ({:.0f} dB relative to the voice)"),
    _Kind("added_hum_db", HUM_WARN_DB, HUM_FAIL_DB, "mains hum ({:.0f} dB relative to the voice)"),
    _Kind("added_noise_db", -NOISE_WARN_SNR_DB, -NOISE_FAIL_SNR_DB, "noise ({:.0f} dB relative to the voice)", True),
    _Kind("added_dc_dbfs", DC_WARN_DBFS, DC_FAIL_DBFS, "a DC offset ({:.0f} dBFS)"),
    _Kind("reverberation_db", ROOM_WARN_DB, None, "reverberation ({:.0f} dB relative to the direct sound)", True),
)


@segment_rule(
    OnHop(
        code="MIC013",
        name="microphone-adds-sound",
        severity="warning",
        or_severity="error",
        hop=Hop.MICROPHONE,
        who="microphone",
        explained_by=("MIC009", "MIC017", "MIC014", "MIC018", "MIC008", "MIC015", "MIC007"),
        causes=(
            "noise of the room or the device, or another sound near the microphone",
            "a poor cable or power supply",
        ),
        fix="remove the source of the sound, and check cable and power supply of the microphone",
    ),
    OnHop(
        code="SND016",
        name="sender-adds-sound",
        severity="warning",
        or_severity="error",
        hop=Hop.SENDER,
        who="sender",
        explained_by=("SND003", "SND021", "SND017", "SND019", "SND013", "SND018", "SND012"),
        causes=("another source is mixed into what is sent", "a filter or codec adds noise"),
        fix="send only the captured sound",
    ),
    OnHop(
        code="PLY014",
        name="sound-added",
        severity="warning",
        or_severity="error",
        hop=Hop.PLAYER,
        who="player",
        explained_by=("PLY009", "PLY012", "PLY015", "PLY019", "PLY005", "PLY016", "PLY004"),
        causes=("another source is played into the same output", "a filter or codec adds noise"),
        fix="play only the reply: look for other sources in the same output, such as a thinking tone or an old reply",
    ),
    OnHop(
        code="SPK012",
        name="speaker-adds-sound",
        severity="warning",
        or_severity="error",
        hop=Hop.SPEAKER,
        who="loudspeaker",
        explained_by=("SPK008", "SPK016", "SPK013", "SPK017", "SPK007", "SPK014", "SPK006"),
        causes=("another program plays at the same time, or the device adds noise", "a poor cable or power supply"),
        fix="end other programs that play, and check cable and power supply of the device",
    ),
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
        always add noise and reverberation, so both are information only if the sound goes through the air.
    """
    seen = list(_seen(place, measurements))
    missing = [kind for kind in _KINDS if not any(True for item in measurements.find(kind.metric, hop=place.hop)
                                                  if number(item) is not None)]  # fmt: skip
    if not seen:
        if not missing:
            return clear()
        return not_checked(why_not(measurements.find(missing[0].metric, hop=place.hop), missing[0].metric))
    air = _through_the_air(timeline)
    severities = [_severity(kind, value, air=air) for kind, value, _ in seen]
    kind, value, _ = max(seen, key=lambda entry: _severity(entry[0], entry[1], air=air).rank)
    also = f" and {counted(len(seen) - 1, 'other sound')}" if len(seen) > 1 else ""
    return raised(
        f"The {place.who} adds {kind.words.format(value)}{also}",
        evidence=[_evidence(place, *entry) for entry in seen],
        likely_cause=place.on.causes[0],
        fix=place.on.fix,
        severity=max(severities, key=lambda item: item.rank),
    )


def _seen(place: Place, measurements: Measurements) -> Iterator[tuple[_Kind, float, Measurement]]:
    for kind in _KINDS:
        for item in measurements.find(kind.metric, hop=place.hop):
            value = number(item)
            if value is not None and value > kind.warning:
                yield kind, value, item
                break


def _severity(kind: _Kind, value: float, *, air: bool) -> Severity:
    if air and kind.natural:
        return Severity.INFO
    return Severity.ERROR if kind.error is not None and value > kind.error else Severity.WARNING


def _evidence(place: Place, kind: _Kind, value: float, item: Measurement) -> Evidence:
    where = events_in_words(item.events, place=True)
    text = f"{place.output} has {kind.words.format(value)}{f': {where}' if where else ''}"
    return Evidence(text=text, metric=kind.metric, turn=item.turn, spots=item.spots)


def _through_the_air(timeline: Timeline) -> bool:
    opened = timeline.first(EventName.STREAMS_OPENED)
    return opened is not None and opened.data.get("ear_channels") == 1
