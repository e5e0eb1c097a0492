"""Distortion: a segment that is nonlinear, wraps integers around or loses bits."""

from __future__ import annotations

from diag.core.chain import Hop
from diag.core.messages import msg
from diag.core.results import Measurements, Severity, Verdict, not_checked
from diag.dsp.distortion import DISTORTION_FAIL_DB, DISTORTION_WARN_DB
from diag.judge.evidence import (
    added,
    evidence_of,
    in_mid_sentence,
    misread_evidence,
    raised_at,
    worst_fault,
    wrongly_decoded,
)
from diag.judge.limits import FLAT_TOPS_HZ
from diag.judge.registry import OnHop, Place, segment_rule


@segment_rule(
    OnHop(
        "MIC014",
        "microphone-distorted",
        Hop.MICROPHONE,
        causes=(
            "an overdriven input, or a device that processes the voice",
            "samples with few bits, such as over a telephone line",
        ),
        fix="turn the input gain down, and switch voice processing off",
    ),
    OnHop(
        "SND017",
        "sender-distorted",
        Hop.SENDER,
        causes=(
            "a gain with a limiter before sending, or integers that overflow",
            "a wrong companding table, or too few bits",
        ),
        fix="convert floats to integers with saturation, and send 16-bit PCM without companding",
    ),
    OnHop(
        "PLY015",
        "distorted",
        Hop.PLAYER,
        causes=(
            "a gain with a limiter in the player, or integers that overflow",
            "a wrong companding table, or too few bits",
        ),
        fix="divide integers by 32768 to make floats, keep the gain at 1 or below, and clip instead of wrapping",
    ),
    OnHop(
        "SPK013",
        "speaker-distorted",
        Hop.SPEAKER,
        causes=("an overdriven output, or a device that processes the voice", "a loudspeaker at its limit"),
        fix="turn the volume down, and switch sound effects off",
    ),
    explained_by=("bytes_misread",),
    severity="warning",
    or_severity="error",
)
def distorted(place: Place, measurements: Measurements) -> Verdict:
    """The {who} distorts the sound.

    What it shows
        The segment is not linear: plotted against the samples of {input}, those of {output} lie on a curve that bends,
        jumps or has steps.

    Why it matters
        The voice sounds harsh, crackles or hisses.

    Evidence
        `distortion_db` of the segment, and its kind if it can be recognised: clipped, overdrive, wrapped (integers
        that overflow), few bits, companding (a wrong table). If the samples show which table is wrong, `misread_s` of
        {output} names it.

    Does not prove
        Which stage caused it, if the kind is not known.
    """
    found = worst_fault(measurements, "distortion_db", lambda level_db: level_db > DISTORTION_WARN_DB, hop=place.hop)
    if isinstance(found, Verdict):
        return found
    level_db, item = found
    kind = item.events[0].kind if item.events else "other"
    tops = added(measurements, place, "clipping_rate_hz")
    if kind in _CLIPPED and not isinstance(tops, str) and tops[0] > FLAT_TOPS_HZ:
        return not_checked("the sound is clipped, which is a finding of its own")
    decoded = wrongly_decoded(measurements, place)
    shown = "companding" if decoded is not None else kind
    text = f"distortion of {place.output} against {place.input}: {level_db:.0f} dB relative to the voice ({shown})"
    severity = Severity.ERROR if level_db > DISTORTION_FAIL_DB else Severity.WARNING
    if decoded is not None:
        return raised_at(
            place,
            f"The {place.who} distorts the sound: {in_mid_sentence(decoded.events[0].kind)}",
            evidence=[evidence_of(item, text), misread_evidence(decoded, place.output)],
            cause=msg("samples are decoded with a wrong companding table (mu-law or A-law)"),
            fix=msg("decode mu-law and A-law with the tables of ITU-T G.711"),
            severity=severity,
        )
    return raised_at(
        place,
        f"The {place.who} {_KINDS.get(kind, 'distorts the sound')}",
        evidence=[evidence_of(item, text)],
        severity=severity,
    )


_CLIPPED = ("clipped", "other")
"""Kinds of distortion that clipping explains; without clipping they are reported as distortion."""
_KINDS = {
    "clipped": "clips the peaks of the waveform",
    "overdrive": "overdrives the sound",
    "wrapped": "lets integers overflow: peaks of the waveform wrap around to the opposite sign",
    "few bits": "reduces the samples to too few bits",
    "companding": "decodes the samples with a wrong companding table (mu-law or A-law)",
}
