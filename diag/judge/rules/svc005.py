"""SVC005: the reply is already dull when it arrives."""

from __future__ import annotations

from operator import neg

from diag.core.chain import Hop, Tap
from diag.core.observed_client import ObservedClient
from diag.core.results import Measurements, Verdict, not_checked, raised
from diag.core.units import LIVE_OUTPUT_RATE_HZ
from diag.judge.evidence import evidence_of, received_rate_hz, worst_fault
from diag.judge.limits import EDGE_ERROR_HZ
from diag.judge.registry import rule


@rule("SVC005", name="reply-dull", severity="warning", hop=Hop.SERVICE)
def reply_dull(measurements: Measurements, observed: ObservedClient) -> Verdict:
    """The reply is already dull when it arrives.

    What it shows
        `received` has nothing above 8.2 kHz although its sample rate allows 12 kHz.

    Why it matters
        The voice sounds muffled, and no player can restore the treble.

    Evidence
        `bandwidth_hz` of the reply by itself. There is no reference to compare it with.

    Likely causes
        - The model's voice has little treble; another model or voice may have more.
        - A gateway or proxy resamples to a lower rate.

    Fix
        Try another voice or model, and connect without gateways.

    Does not prove
        A fault: some voices are like this, so it is only a suspicion.
    """
    rate_hz = received_rate_hz(observed)
    if rate_hz < LIVE_OUTPUT_RATE_HZ:
        return not_checked(f"a reply of {rate_hz} Hz has no more treble than that; see SVC010")
    found = worst_fault(
        measurements, "bandwidth_hz", lambda edge_hz: edge_hz < EDGE_ERROR_HZ, badness=neg, tap=Tap.RECEIVED
    )
    if isinstance(found, Verdict):
        return found
    edge_hz, item = found
    text = f"nothing above {edge_hz / 1000:.1f} kHz in audio of {rate_hz} Hz"
    return raised(
        f"The reply is already dull when it arrives: {text}",
        evidence=[evidence_of(item, text)],
        likely_cause="the voice has little treble, or a stage before the client runs at 16 kHz",
        fix="try another voice or model, and connect without gateways",
        confidence=0.6,
    )
