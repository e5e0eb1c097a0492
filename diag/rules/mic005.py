"""MIC005."""

from __future__ import annotations

from diag.chain import Hop
from diag.registry import rule
from diag.results import Measurements, Verdict
from diag.rules.devices import wrong_speed


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
        - A device that runs at another rate than it was opened with, or a driver that does not resample.
        - 44.1 and 48 kHz taken for each other: 8 % off.

    Remedy
        Open the device at its own rate and resample in software, or choose another device.

    Does not prove
        That the device is broken. Differences below 1 % are a warning: two clocks may drift.
    """
    return wrong_speed(measurements, Hop.MICROPHONE, "microphone")
