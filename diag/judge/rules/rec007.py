"""REC007: the recording has mirror images, as a poor resampler leaves them."""

from __future__ import annotations

from diag.core.messages import msg
from diag.core.results import Measurements, Verdict, clear
from diag.dsp.band import IMAGING_LIMIT
from diag.judge.blind import beyond, reference_value
from diag.judge.recording import Recording
from diag.judge.registry import rule


@rule(
    "REC007",
    name="recording-images",
    severity="warning",
    scope="recording",
    explained_by=("MIC008", "SND013", "PLY005", "SPK007", "REC008"),
)
def recording_images(measurements: Measurements, recording: Recording) -> Verdict:
    """The recording has mirror images, as a poor resampler leaves them.

    What it shows
        Above half of a common sample rate there is a mirror image of the spectrum below.

    Why it matters
        Every s comes with a beep or a metallic hiss.

    Evidence
        `imaging` of the recording by itself, and of the reference if there is one.

    Likely causes
        - Samples are repeated or linearly interpolated to reach a higher rate, without a low-pass filter.

    Fix
        Use a band-limited resampler that keeps its state from chunk to chunk.

    Does not prove
        Which stage made them. Compare with a reference to find out.
    """
    segment = recording.segment
    added = None if segment is None else measurements.value("imaging", hop=segment.hop)
    own = reference_value(measurements, recording, "imaging")
    if added is not None and max(added, own or 0.0) <= IMAGING_LIMIT:
        # With the reference the phase shows whether treble is an image, or only resembles one as behind a codec.
        return clear()
    return beyond(
        measurements,
        recording,
        "imaging",
        warning=IMAGING_LIMIT,
        words=lambda value: msg(
            "The recording has mirror images from a poor resampler (correlation {value:.2f})", value=value
        ),
        cause=msg("samples are repeated or linearly interpolated to reach a higher rate"),
        fix=msg("resample with a band-limited resampler that keeps its state"),
    )
