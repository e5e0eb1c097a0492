"""SVC007: the service answered with a steady tone."""

from __future__ import annotations

from diag.core.chain import Hop, Tap
from diag.core.messages import msg
from diag.core.results import Measurements, Verdict, raised
from diag.judge.evidence import evidence_of, worst_fault
from diag.judge.limits import TONE_ERROR_DB
from diag.judge.registry import rule


@rule("SVC007", name="sustained-tone", severity="error", hop=Hop.SERVICE)
def sustained_tone(measurements: Measurements) -> Verdict:
    """The service answered with a steady tone.

    What it shows
        In `received`, one frequency is at least 45 dB louder than its neighbours throughout the reply.

    Why it matters
        Callers hear a beep for seconds instead of an answer.

    Evidence
        `tonality_db` of the reply. Speech stays below 30 dB.

    Likely causes
        - The model produced a stuck tone.

    Fix
        Detect the tone in the client, stop playing, and ask again in a new session.

    Does not prove
        That the model is at fault, if there is a gateway in between.
    """
    found = worst_fault(measurements, "tonality_db", lambda level_db: level_db >= TONE_ERROR_DB, tap=Tap.RECEIVED)
    if isinstance(found, Verdict):
        return found
    value, item = found
    text = msg("one frequency is {value:.0f} dB louder than its neighbours; speech stays below 30 dB", value=value)
    return raised(
        msg("The service answered with a steady tone in place of speech"),
        evidence=[evidence_of(item, text)],
        likely_cause=msg("the model produced a stuck tone"),
        fix=msg("detect the tone in the client, stop playing, and ask again in a new session"),
    )
