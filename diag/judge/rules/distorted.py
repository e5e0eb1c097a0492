"""Distortion: a segment that is nonlinear, wraps integers around or loses bits."""

from __future__ import annotations

from diag.core.chain import Hop
from diag.core.results import Evidence, Measurements, Severity, Verdict, clear, not_checked, raised
from diag.dsp.distortion import DISTORTION_FAIL_DB, DISTORTION_WARN_DB
from diag.judge.evidence import added, why_not, worst
from diag.judge.limits import FLAT_TOPS_HZ
from diag.judge.registry import OnHop, Place, segment_rule


@segment_rule(
    OnHop(
        code="MIC014",
        name="microphone-distorted",
        severity="warning",
        or_severity="error",
        hop=Hop.MICROPHONE,
        who="microphone",
        explained_by=("MIC009",),
        causes=(
            "an overdriven input, or a device that processes the voice",
            "samples with few bits, such as over a telephone line",
        ),
        fix="turn the input gain down, and switch voice processing off",
    ),
    OnHop(
        code="SND017",
        name="sender-distorted",
        severity="warning",
        or_severity="error",
        hop=Hop.SENDER,
        who="sender",
        explained_by=("SND003",),
        causes=(
            "a gain with a limiter before sending, or integers that overflow",
            "a wrong companding table, or too few bits",
        ),
        fix="convert floats to integers with saturation, and send 16-bit PCM without companding",
    ),
    OnHop(
        code="PLY015",
        name="distorted",
        severity="warning",
        or_severity="error",
        hop=Hop.PLAYER,
        who="player",
        explained_by=("PLY009",),
        causes=(
            "a gain with a limiter in the player, or integers that overflow",
            "a wrong companding table, or too few bits",
        ),
        fix="divide integers by 32768 to make floats, keep the gain at 1 or below, and clip instead of wrapping",
    ),
    OnHop(
        code="SPK013",
        name="speaker-distorted",
        severity="warning",
        or_severity="error",
        hop=Hop.SPEAKER,
        who="loudspeaker",
        explained_by=("SPK008",),
        causes=("an overdriven output, or a device that processes the voice", "a loudspeaker at its limit"),
        fix="turn the volume down, and switch sound effects off",
    ),
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
        that overflow), few bits, companding (a wrong table).

    Does not prove
        Which stage caused it, if the kind is not known.
    """
    items = measurements.find("distortion_db", hop=place.hop)
    found = worst(items, lambda value: value)
    if found is None:
        return not_checked(why_not(items, "distortion_db"))
    level_db, item = found
    if level_db <= DISTORTION_WARN_DB:
        return clear()
    kind = item.events[0].kind if item.events else "other"
    tops = added(measurements, place, "clipping_rate_hz")
    if kind in _CLIPPED and not isinstance(tops, str) and tops[0] > FLAT_TOPS_HZ:
        return not_checked("the sound is clipped, which is a finding of its own")
    said = _KINDS.get(kind, "distorts the sound")
    text = f"distortion of {place.output} against {place.input}: {level_db:.0f} dB relative to the voice ({kind})"
    return raised(
        f"The {place.who} {said}",
        evidence=[Evidence(text=text, metric="distortion_db", turn=item.turn, spots=item.spots)],
        likely_cause=place.on.causes[0],
        fix=place.on.fix,
        severity=Severity.ERROR if level_db > DISTORTION_FAIL_DB else Severity.WARNING,
    )


_CLIPPED = ("clipped", "companding", "other")
"""Kinds of distortion that clipping explains; without clipping they are reported as distortion."""
_KINDS = {
    "clipped": "clips the peaks of the waveform",
    "overdrive": "overdrives the sound",
    "wrapped": "lets integers overflow: peaks of the waveform wrap around to the opposite sign",
    "few bits": "reduces the samples to too few bits",
    "companding": "decodes the samples with a wrong companding table (mu-law or A-law)",
}
