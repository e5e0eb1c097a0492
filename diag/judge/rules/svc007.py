"""SVC007."""

from __future__ import annotations

from diag.core.chain import Hop, Tap
from diag.core.results import Evidence, Measurements, Verdict, clear, not_checked, raised
from diag.judge.evidence import why_not, worst
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
    items = measurements.find("tonality_db", tap=Tap.RECEIVED)
    found = worst(items, lambda value: value)
    if found is None:
        return not_checked(why_not(items, "tonality_db"))
    value, item = found
    if value < TONE_ERROR_DB:
        return clear()
    text = f"one frequency is {value:.0f} dB louder than its neighbours; speech stays below 30 dB"
    return raised(
        "The service answered with a steady tone in place of speech",
        evidence=[Evidence(text=text, metric="tonality_db", turn=item.turn, spots=item.spots)],
        likely_cause="the model produced a stuck tone",
        fix="detect the tone in the client, stop playing, and ask again in a new session",
    )
