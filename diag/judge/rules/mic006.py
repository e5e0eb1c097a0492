"""MIC006."""

from __future__ import annotations

from diag.core.chain import Hop
from diag.core.results import Evidence, Measurements, Verdict, clear, not_checked, raised
from diag.judge.evidence import why_not, worst
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
    distinct = [item for item in items if item.confidence == 1.0]
    found = worst(distinct, lambda value: value)
    if found is None:
        return clear() if any(item.reason is None for item in items) else not_checked(why_not(items, "echo_db"))
    level_db, item = found
    if level_db <= LIMIT_DB:
        return clear()
    text = f"`captured` contains an echo {-level_db:.0f} dB below what was played"
    return raised(
        f"The microphone picks up the reply: {text}",
        evidence=[Evidence(text=text, metric="echo_db", turn=item.turn, spots=item.spots)],
        likely_cause="loudspeaker and microphone are in one room, without echo cancellation",
        fix="use headphones or the platform's echo canceller, or do not send audio while the reply plays",
    )
