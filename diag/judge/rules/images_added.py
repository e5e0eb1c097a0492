"""Imaging: mirror images of the voice in the output of a segment."""

from __future__ import annotations

from diag.core.chain import Hop
from diag.core.results import Evidence, Measurements, Verdict, clear, not_checked, raised
from diag.dsp.band import IMAGING_LIMIT
from diag.judge.evidence import why_not, worst
from diag.judge.registry import OnHop, Place, segment_rule

_CAUSES = (
    "samples are repeated or linearly interpolated to reach a higher rate, without a low-pass filter",
    "a resampler with a very short filter",
)
_FIX = "use a band-limited resampler that keeps its state (soxr, libsamplerate, the browser's own)"
_DEVICE_FIX = "open the device at the sample rate of the sound, or set the sound server to a better resampler"


@segment_rule(
    OnHop(
        code="MIC008",
        name="microphone-imaging",
        severity="warning",
        hop=Hop.MICROPHONE,
        who="microphone",
        explained_by=("MIC009", "MIC014"),
        causes=_CAUSES,
        fix=_DEVICE_FIX,
    ),
    OnHop(
        code="SND013",
        name="sender-imaging",
        severity="warning",
        hop=Hop.SENDER,
        who="sender",
        explained_by=("SND003", "SND017"),
        causes=_CAUSES,
        fix=_FIX,
    ),
    OnHop(
        code="PLY005",
        name="imaging",
        severity="warning",
        hop=Hop.PLAYER,
        who="player",
        explained_by=("SVC007", "PLY009", "PLY015"),
        causes=_CAUSES,
        fix=_FIX,
    ),
    OnHop(
        code="SPK007",
        name="speaker-imaging",
        severity="warning",
        hop=Hop.SPEAKER,
        who="loudspeaker",
        explained_by=("SPK008", "SPK013"),
        causes=_CAUSES,
        fix=_DEVICE_FIX,
    ),
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
        resampler came from a lower rate, the lost treble is reported as a consequence.
    """
    items = measurements.find("imaging", hop=place.hop)
    found = worst(items, lambda value: value)
    if found is None:
        return not_checked(why_not(items, "imaging"))
    value, item = found
    if value <= IMAGING_LIMIT:
        return clear()
    text = f"mirror correlation {value:.2f} added in {place.output}; the limit is {IMAGING_LIMIT}"
    return raised(
        f"The {place.who} adds mirror images of the voice, as a poor resampler does",
        evidence=[Evidence(text=text, metric="imaging", turn=item.turn, spots=item.spots)],
        likely_cause=place.on.causes[0],
        fix=place.on.fix,
    )
