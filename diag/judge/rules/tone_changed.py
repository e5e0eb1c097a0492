"""Tone colour: a segment that weakens or boosts a band of the voice."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from diag.core.chain import Hop
from diag.core.messages import msg
from diag.core.results import Measurements, Severity, Verdict
from diag.dsp.tone_colour import TONE_WARN_DB
from diag.judge.evidence import DEVICE_HOPS, evidence_of, raised_at, worst_fault
from diag.judge.limits import OWN_AUDIO, passes_unchanged
from diag.judge.registry import OnHop, Place, segment_rule
from diag.measure.metrics.added_sound import COMB

_COMB = "the sound is mixed with itself a few milliseconds later, as by two paths to the same output"


@segment_rule(
    OnHop(
        "MIC019",
        "microphone-colours-sound",
        Hop.MICROPHONE,
        severity="warning",
        or_severity="info",
        causes=("the microphone, its distance and the room", "noise suppression or an equaliser of the system"),
        fix="move the microphone closer, and switch off effects of the device and the system",
    ),
    OnHop(
        "SND023",
        "sender-colours-sound",
        Hop.SENDER,
        explained_by=("WEB007", "WEB008"),
        severity="warning",
        causes=("a filter, an equaliser or noise suppression before sending", _COMB),
        fix="send the samples as they were captured: remove filters, and connect the microphone only once",
    ),
    OnHop(
        "PLY020",
        "player-colours-sound",
        Hop.PLAYER,
        explained_by=("WEB008",),
        severity="warning",
        causes=("a filter or an equaliser in the player", _COMB),
        fix="connect the source to the output once and directly, without filters between them",
    ),
    OnHop(
        "SPK018",
        "speaker-colours-sound",
        Hop.SPEAKER,
        severity="warning",
        or_severity="info",
        causes=("the loudspeaker and the room", "an equaliser or sound effect of the device or the sound server"),
        fix="switch off equalisers and sound effects of the device and the sound server",
    ),
    explained_by=(
        "bytes_misread", "distorted", "played_twice", "treble_lost", "images_added", "aliasing_added", "time_stretched",
    ),
)  # fmt: skip
def tone_changed(place: Place, measurements: Measurements, environment: Mapping[str, Any]) -> Verdict:
    """The {who} changes the tone colour.

    What it shows
        One band between 0.4 and 2.8 kHz is at least 7 dB weaker or stronger in {output}, relative to the other bands,
        than in {input}; or the sound is mixed with itself 1.5 to 18 ms later, which takes out narrow bands at equal
        distances (a comb filter).

    Why it matters
        The voice sounds thin, hollow or nasal. Vowels become harder to tell apart.

    Evidence
        `tone_change_db` of the segment, with the band or the delay.

    Does not prove
        Which filter caused it. Loudspeakers, microphones and rooms colour every sound, so sound through the air is
        reported as information only.
    """
    found = worst_fault(
        measurements, "tone_change_db", lambda change_db: abs(change_db) >= TONE_WARN_DB, badness=abs, hop=place.hop
    )
    if isinstance(found, Verdict):
        return found
    change_db, item = found
    comb_s = item.events[0].duration_s if item.events and item.events[0].kind == COMB else 0.0
    band = item.events[0].kind if item.events else ""
    if comb_s:
        band = msg("every {spacing_hz:.0f} Hz", spacing_hz=1.0 / comb_s)
    if change_db > 0:
        change = msg("{size_db:.0f} dB more sound {band}", size_db=change_db, band=band)
    else:
        change = msg("{size_db:.0f} dB less sound {band}", size_db=-change_db, band=band)
    natural = place.hop in DEVICE_HOPS and not passes_unchanged(environment, OWN_AUDIO)
    text = msg("{output} has {change} than {input}, next to the other bands", output=place.output, change=change,
               input=place.input)  # fmt: skip
    if comb_s:
        text = msg("{text}: it is mixed with itself {delay_ms:.1f} ms later", text=text, delay_ms=1000.0 * comb_s)
    return raised_at(
        place,
        msg("The {who} changes the tone colour: {change}", who=place.who, change=change),
        evidence=[evidence_of(item, text)],
        cause=place.on.causes[1] if comb_s and _COMB in place.on.causes else "",
        severity=Severity.INFO if natural else Severity.WARNING,
    )
