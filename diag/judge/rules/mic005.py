"""MIC005."""

from __future__ import annotations

from diag.core.chain import Hop
from diag.core.results import Measurements, Verdict
from diag.judge.registry import rule
from diag.judge.rules.devices import wrong_speed


@rule("MIC005", name="microphone-rate", severity="error", or_severity="warning", hop=Hop.MICROPHONE)
def microphone_rate(measurements: Measurements) -> Verdict:
    """The microphone delivers the prompt at another speed.

    What it shows
        At their declared rates, `captured` runs slower or faster than `prompt`.

    Why it matters
        Everything behind it hears a voice that is too deep or too high, and understands less.

    Evidence
        `rate_ratio` of the microphone hop, by pitch and by time.

    Likely causes
        - A capture device that runs at its own rate whatever it was opened at, behind a driver that does not resample.
        - 44.1 kHz taken for 48 kHz: 8 % too slow and deep, or the reverse.

    Remedy
        Ask the device for the rate that it has, and resample what it delivers; or take another microphone.

    Does not prove
        That the microphone is broken. Less than 1 % is a warning only, for two clocks may drift apart.
    """
    return wrong_speed(measurements, Hop.MICROPHONE, "microphone")
