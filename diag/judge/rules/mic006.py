"""MIC006: the microphone picks up the reply."""

from __future__ import annotations

from operator import itemgetter

from diag.core.chain import Hop
from diag.core.results import Measurements, Verdict, not_checked, raised
from diag.judge.evidence import clear_if_measured, evidence_of, numbers
from diag.judge.registry import rule

LIMIT_DB = -40.0


@rule("MIC006", name="echo", severity="warning", hop=Hop.MICROPHONE)
def echo(measurements: Measurements) -> Verdict:
    """The microphone picks up the reply.

    What it shows
        `captured` contains an echo of what was played, less than 40 dB below it.

    Why it matters
        The service mistakes the echo for the caller and interrupts or answers itself.

    Evidence
        `echo_db`, if an echo stands out from the noise.

    Likely causes
        - Loudspeaker and microphone are in one room, without echo cancellation.
        - The client captures the system's own output.

    Fix
        Use headphones or the platform's echo canceller, or do not send audio while the reply plays.

    Does not prove
        That the service was disturbed in this take.
    """
    items = measurements.find("echo_db")
    loud = [(value, item) for value, item in numbers(items) if value > LIMIT_DB]
    found = max(((value, item) for value, item in loud if item.confidence == 1.0), default=None, key=itemgetter(0))
    if found is None:
        # Without a distinct echo the value is the highest level that an undetected echo could have.
        return not_checked("an echo could be hidden by other sound") if loud else clear_if_measured(items, "echo_db")
    level_db, item = found
    text = f"`captured` contains an echo {-level_db:.0f} dB below what was played"
    return raised(
        f"The microphone picks up the reply: {text}",
        evidence=[evidence_of(item, text)],
        likely_cause="loudspeaker and microphone are in one room, without echo cancellation",
        fix="use headphones or the platform's echo canceller, or do not send audio while the reply plays",
    )
