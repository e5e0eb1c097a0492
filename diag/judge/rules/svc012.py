"""SVC012: the reply starts with silence."""

from __future__ import annotations

from diag.core.chain import Hop
from diag.core.messages import msg
from diag.core.results import Measurements, Verdict, raised
from diag.core.units import format_seconds
from diag.judge.evidence import evidence_of, worst_fault
from diag.judge.registry import rule

LIMIT_S = 0.15


@rule("SVC012", name="leading-silence", severity="info", hop=Hop.SERVICE)
def leading_silence(measurements: Measurements) -> Verdict:
    """The reply starts with silence.

    What it shows
        The first audible sample of the reply comes more than 150 ms after its first byte.

    Why it matters
        The caller waits longer by this time, and a smaller buffer cannot make up for it.

    Evidence
        `leading_silence_s`.

    Likely causes
        - The voice starts this way; some voices start with a breath.

    Fix
        Let the player skip silence at the start of a reply.

    Does not prove
        A fault: it is information for apps in which every millisecond counts.
    """
    found = worst_fault(measurements, "leading_silence_s", lambda silence_s: silence_s > LIMIT_S)
    if isinstance(found, Verdict):
        return found
    silence_s, item = found
    text = msg("{silence_s} from the first byte to the first audible sample", silence_s=format_seconds(silence_s))
    return raised(
        msg("The reply starts with silence: {text}", text=text),
        evidence=[evidence_of(item, text)],
        likely_cause=msg("the voice starts this way"),
        fix=msg("let the player skip silence at the start of a reply"),
    )
