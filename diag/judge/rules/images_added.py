"""Imaging: mirror images of the voice in the output of a segment."""

from __future__ import annotations

from diag.core.chain import Hop
from diag.core.messages import msg
from diag.core.results import Measurements, Verdict
from diag.dsp.band import IMAGING_LIMIT
from diag.judge.evidence import LostTreble, evidence_of, lost_treble, raised_at, worst_fault
from diag.judge.limits import TREBLE_ERROR_DB
from diag.judge.registry import OnHop, Place, segment_rule

_CAUSES = (
    "samples are repeated or linearly interpolated to reach a higher rate, without a low-pass filter",
    "a resampler with a very short filter",
)
_FIX = "use a band-limited resampler that keeps its state (soxr, libsamplerate, the browser's own)"
_DEVICE_FIX = "open the device at the sample rate of the sound, or set the sound server to a better resampler"


@segment_rule(
    OnHop(
        "MIC008",
        "microphone-imaging",
        Hop.MICROPHONE,
        causes=_CAUSES,
        fix=_DEVICE_FIX,
    ),
    OnHop("SND013", "sender-imaging", Hop.SENDER, causes=_CAUSES, fix=_FIX),
    OnHop("PLY005", "imaging", Hop.PLAYER, explained_by=("SVC007", "WEB003"), causes=_CAUSES, fix=_FIX),
    OnHop("SPK007", "speaker-imaging", Hop.SPEAKER, causes=_CAUSES, fix=_DEVICE_FIX),
    explained_by=("bytes_misread", "distorted", "clipping_added"),
    severity="warning",
)
def images_added(place: Place, measurements: Measurements) -> Verdict:
    """The {who} adds mirror images of the voice.

    What it shows
        Above half of a common sample rate, {output} has a mirror image of the spectrum below, and {input} has none.

    Why it matters
        Every s comes with a beep or a metallic hiss.

    Evidence
        `imaging` of the segment: the correlation with the mirror image that it adds. Clean audio stays below 0.15.

    Does not prove
        That it can be heard: images at high frequencies are faint. If the voice also lost treble because a poor
        resampler came from a lower rate, the lost treble is reported as a consequence. Clipped sound has harmonics
        above half the sample rate of the input, which resemble images. They are a consequence of the clipping.
    """
    found = worst_fault(measurements, "imaging", lambda value: value > IMAGING_LIMIT, hop=place.hop)
    if isinstance(found, Verdict):
        return found
    value, item = found
    text = msg(
        "mirror correlation {value:.2f} added in {output}; the limit is {limit}",
        value=value,
        output=place.output,
        limit=IMAGING_LIMIT,
    )
    evidence, fix = [evidence_of(item, text)], ""
    lost = lost_treble(measurements, place.hop)
    if isinstance(lost, LostTreble) and lost.loss_db >= TREBLE_ERROR_DB:
        # A better resampler does not bring back what a lower sample rate took away before it.
        evidence.append(lost.evidence(place))
        fix = msg("{fix}; also find what lowers the sample rate before it, and keep the rate", fix=place.on.fix)
    return raised_at(
        place,
        msg("The {who} adds mirror images of the voice, as a poor resampler does", who=place.who),
        evidence=evidence,
        fix=fix,
    )
