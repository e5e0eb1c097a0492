"""Distortion: a segment that is nonlinear, wraps integers around or loses bits."""

from __future__ import annotations

from collections.abc import Callable

from diag.core.chain import Hop
from diag.core.messages import Message, fixed_text, msg
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
        return not_checked(msg("the sound is clipped, which is a finding of its own"))
    decoded = wrongly_decoded(measurements, place)
    shown = "companding" if decoded is not None else kind
    text = msg("distortion of {output} against {input}: {level_db:.0f} dB relative to the voice ({kind})",
               output=place.output, input=place.input, level_db=level_db, kind=fixed_text(shown))  # fmt: skip
    severity = Severity.ERROR if level_db > DISTORTION_FAIL_DB else Severity.WARNING
    if decoded is not None:
        return raised_at(
            place,
            msg("The {who} distorts the sound: {kind}", who=place.who, kind=in_mid_sentence(decoded.events[0].kind)),
            evidence=[evidence_of(item, text), misread_evidence(decoded, place.output)],
            cause=msg("samples are decoded with a wrong companding table (mu-law or A-law)"),
            fix=msg("decode mu-law and A-law with the tables of ITU-T G.711"),
            severity=severity,
        )
    return raised_at(
        place,
        _KINDS.get(kind, _distorts)(place.who),
        evidence=[evidence_of(item, text)],
        severity=severity,
    )


_CLIPPED = ("clipped", "other")
"""Kinds of distortion that clipping explains; without clipping they are reported as distortion."""
_KINDS: dict[str, Callable[[str], Message]] = {
    "clipped": lambda who: msg("The {who} clips the peaks of the waveform", who=who),
    "overdrive": lambda who: msg("The {who} overdrives the sound", who=who),
    "wrapped": lambda who: msg(
        "The {who} lets integers overflow: peaks of the waveform wrap around to the opposite sign", who=who
    ),
    "few bits": lambda who: msg("The {who} reduces the samples to too few bits", who=who),
    "companding": lambda who: msg(
        "The {who} decodes the samples with a wrong companding table (mu-law or A-law)", who=who
    ),
}
"""Titles by kind of distortion."""


def _distorts(who: str) -> Message:
    return msg("The {who} distorts the sound", who=who)
