"""SND003."""

from __future__ import annotations

from diag.core.chain import Hop
from diag.core.results import Measurements, Status, Verdict
from diag.judge.registry import rule
from diag.judge.rules.added import added_fault


@rule("SND003", name="send-format", severity="error", hop=Hop.SENDER)
def send_format(measurements: Measurements) -> Verdict:
    """What is sent is not the captured sound in the declared format.

    What it shows
        `captured` is speech; `sent` has the flat spectrum of noise, or its samples come in equal pairs.

    Why it matters
        The service hears noise, or speech at half the speed, and raises no error.

    Evidence
        `flatness` and `equal_pairs` at both ends of the sender hop.

    Likely causes
        - Big-endian samples, floats sent as integers, or a byte lost on the way.
        - Stereo sent as mono.

    Remedy
        Send little-endian signed 16-bit mono.

    Does not prove
        Which of them it is, beyond noise (byte order) and pairs (two channels).
    """
    noise = added_fault(
        measurements,
        Hop.SENDER,
        "flatness",
        limit=0.1,
        words=lambda value: f"The client sends noise in place of speech (spectral flatness up by {value:.2f})",
        likely_cause="samples in the wrong byte order or format, or a byte lost on the way",
        remedy="send little-endian signed 16-bit mono",
    )
    if noise.status is Status.RAISED:
        return noise
    return added_fault(
        measurements,
        Hop.SENDER,
        "equal_pairs",
        limit=0.5,
        words=lambda value: f"The client sends two channels as one: {value:.0%} of the samples come in pairs",
        likely_cause="a stereo capture is sent as mono, sample by sample",
        remedy="mix the capture down to mono, or take one channel, before sending",
    )
