"""PLY001."""

from __future__ import annotations

from diag.core.chain import Hop
from diag.core.client_config import ClientConfig
from diag.core.results import Evidence, Measurements, Severity, Verdict, clear, not_checked, raised
from diag.core.timeline import Timeline
from diag.judge.registry import rule
from diag.judge.rules.figures import WrongRate, changed_sound, received_rate_hz, snapped_hz, wrong_rate


@rule("PLY001", name="playback-rate-mismatch", severity="error", or_severity="warning", hop=Hop.PLAYER)
def playback_rate_mismatch(measurements: Measurements, timeline: Timeline, config: ClientConfig) -> Verdict:
    """The reply is played at another sample rate than it has.

    What it shows
        `played` is the received voice at another speed and pitch.

    Why it matters
        24 kHz audio played as 16 kHz is half as long again and a fifth deeper: a slow, dull voice that is taken for a
        fault of the model. As 48 kHz it is twice as fast, an octave up.

    Evidence
        `rate_ratio` of the player hop, by pitch and by time; the rate that the service declared; the player's own rate.

    Likely causes
        - The output stream is opened at the input's 16 kHz (or the device's rate) and gets the 24 kHz audio as it is.
        - The rate in the MIME type is ignored, or a resampler is told a wrong rate.

    Remedy
        Open the output stream at the rate of the received audio, or resample from that rate to the stream's.

    Does not prove
        Which line of the player is wrong. Differences below 1 % are a warning: a clock may drift. Time stretched
        without a change of pitch (a jitter buffer) is not this fault.
    """
    found = wrong_rate(measurements, Hop.PLAYER)
    if not isinstance(found, WrongRate):
        return clear() if found is None else not_checked(found)
    declared = received_rate_hz(timeline)
    played_as = snapped_hz(declared * found.ratio)
    playback = config.playback
    if playback.resample:
        remedy = f"tell the player's resampler that its input is {declared} Hz"
    else:
        remedy = (
            f"open the output stream at {declared} Hz (`sample_rate_hz = {declared}` in [playback]), or resample from "
            f"{declared} to {playback.sample_rate_hz} Hz (`resample = true` in [playback])"
        )
    return raised(
        f"{declared} Hz audio was played as {played_as} Hz: {changed_sound(found.ratio)}",
        evidence=[
            found.evidence,
            Evidence(text=f"received as {declared} Hz, played by a stream of {playback.sample_rate_hz} Hz"),
        ],
        likely_cause=f"the output stream runs at {playback.sample_rate_hz} Hz and gets {declared} Hz audio unchanged"
        if not playback.resample
        else "the player's resampler works with a wrong rate",
        remedy=remedy,
        severity=Severity.ERROR if found.error else Severity.WARNING,
    )
