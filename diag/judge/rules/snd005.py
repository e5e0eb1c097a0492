"""SND005: the client sends audio faster or slower than real time."""

from __future__ import annotations

from diag.core.chain import Hop
from diag.core.messages import msg
from diag.core.observed_client import ObservedClient
from diag.core.results import Measurements, Verdict, not_checked, raised
from diag.core.units import LIVE_INPUT_RATE_HZ
from diag.judge.evidence import (
    WrongRate,
    all_clear,
    clear_if_measured,
    evidence_of,
    rate_by_pace,
    worst_fault,
    wrong_rate,
)
from diag.judge.registry import rule

LIMIT = 0.05


@rule(
    "SND005",
    name="send-pacing",
    severity="warning",
    hop=Hop.SENDER,
    explained_by=("SND003", "SND008", "SND020", "MIC005", "MIC016"),
)
def send_pacing(measurements: Measurements, observed: ObservedClient) -> Verdict:
    """The client sends audio faster or slower than real time.

    What it shows
        Over a turn, the client sent more than 5 % more or less than one second of audio per second.

    Why it matters
        If audio is sent too slowly, the speech reaches the service later and later. If it is sent too fast, the service
        sees the turn end too early, and a long turn overflows its buffers.

    Evidence
        `realtime_ratio`: seconds of audio sent per second.

    Likely causes
        - A timer drifts because it sleeps 50 ms after each send, or it sends one batch per tick no matter how much
          audio was captured.
        - A file is sent as fast as the connection allows.

    Fix
        Send each batch as soon as the microphone has delivered it. Pace a file by the clock, not by fixed sleeps.

    Does not prove
        Where time is lost. It is not checked if the declared sample rate is wrong, because the figure is then wrong
        too.
    """
    speed = wrong_rate(measurements, Hop.SENDER)
    if isinstance(speed, WrongRate):
        return not_checked(msg("the declared rate is wrong; see SND001"))
    if isinstance(speed, str) and measurements.find("rate_ratio", hop=Hop.SENDER):
        return not_checked(msg("it was not measured whether the declared rate is right ({speed})", speed=speed))
    found = worst_fault(
        measurements, "realtime_ratio", lambda ratio: abs(ratio - 1) > LIMIT, badness=lambda ratio: abs(ratio - 1)
    )
    if isinstance(found, Verdict):
        if isinstance(speed, str):
            return found
        return all_clear((found, clear_if_measured(measurements.find("rate_ratio", hop=Hop.SENDER), "rate_ratio")))
    ratio, item = found
    # Without a recording of the prompt, only the pace itself can show that the declared rate is wrong.
    if isinstance(speed, str) and rate_by_pace(ratio, observed.sent_rate_hz or LIVE_INPUT_RATE_HZ) is not None:
        return not_checked(msg("the declared rate seems to be wrong; see SND022"))
    text = msg("{ratio:.2f} s of audio were sent per second; it should be 1", ratio=ratio)
    return raised(
        msg("The client sends {percent:.0f} % faster than real time", percent=100 * (ratio - 1))
        if ratio > 1
        else msg("The client sends {percent:.0f} % slower than real time", percent=100 * (1 - ratio)),
        evidence=[evidence_of(item, text)],
        likely_cause=msg("a timer paces the batches instead of the microphone")
        if ratio < 1
        else msg("audio is sent as fast as the connection allows"),
        fix=msg("send each batch as soon as the microphone has filled it, and pace files by the clock"),
    )
