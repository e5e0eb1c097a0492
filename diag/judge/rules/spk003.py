"""SPK003."""

from __future__ import annotations

from diag.core.chain import Hop
from diag.core.results import Measurements, Verdict
from diag.judge.registry import rule
from diag.judge.rules.devices import wrong_speed


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
        - An output that stays at another stream's rate, or a sound server that was told a wrong one.
        - A playback clock of 48 kHz for 44.1 kHz audio: 9 % too fast and high, or the reverse.

    Remedy
        Open the output at the rate it reports and resample the reply to that; close what else holds the device.

    Does not prove
        A fault of the client: it handed over the right samples. Below 1 % it is a warning, as two clocks may drift.
    """
    return wrong_speed(measurements, Hop.SPEAKER, "loudspeaker")
