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
        One frequency of `received` stands at least 45 dB above its surroundings through the whole reply.

    Why it matters
        Callers hear a beep instead of an answer, for seconds.

    Evidence
        `tonality_db` of the reply; speech stays below 30.

    Likely causes
        - A degenerate output of the model.

    Fix
        Detect it, stop playing, and ask again in a new session.

    Does not prove
        That the model is at fault where a gateway lies in between.
    """
    items = measurements.find("tonality_db", tap=Tap.RECEIVED)
    found = worst(items, lambda value: value)
    if found is None:
        return not_checked(why_not(items, "tonality_db"))
    value, item = found
    if value < TONE_ERROR_DB:
        return clear()
    text = f"one frequency stands {value:.0f} dB above its surroundings; speech stays below 30 dB"
    return raised(
        "The service answered with a steady tone in place of speech",
        evidence=[Evidence(text=text, metric="tonality_db", turn=item.turn, spots=item.spots)],
        likely_cause="a degenerate output of the model",
        fix="stop playing when a tone lasts, and ask again in a new session",
    )
