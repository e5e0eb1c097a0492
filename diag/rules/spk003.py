"""SPK003."""

from __future__ import annotations

from diag.chain import Hop
from diag.registry import rule
from diag.results import Measurements, Verdict
from diag.rules.devices import wrong_speed


@rule("SPK003", name="speaker-rate", severity="error", or_severity="warning", hop=Hop.SPEAKER)
def speaker_rate(measurements: Measurements) -> Verdict:
    """The playback device plays at another speed than it was given.

    What it shows
        At their declared rates, `heard` runs slower or faster than `played`.

    Why it matters
        The voice is too slow or too fast although the client is right.

    Evidence
        `rate_ratio` of the speaker hop, by pitch and by time.

    Likely causes
        - A device that runs at another rate than it was opened with, or a driver that does not resample.
        - 44.1 and 48 kHz taken for each other: 8 % off.

    Remedy
        Open the device at its own rate and resample in software, or choose another device.

    Does not prove
        That the device is broken. Differences below 1 % are a warning: two clocks may drift.
    """
    return wrong_speed(measurements, Hop.SPEAKER, "loudspeaker")
