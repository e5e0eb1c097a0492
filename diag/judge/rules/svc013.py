"""SVC013: the reply is so quiet that hardly anyone can hear it."""

from __future__ import annotations

from diag.core.chain import Hop, Tap
from diag.core.messages import msg
from diag.core.results import Evidence, Measurements, Verdict, raised
from diag.judge.evidence import clear_if_measured, numbers
from diag.judge.limits import NEAR_SILENT_DBFS
from diag.judge.registry import rule


@rule("SVC013", name="near-silent-reply", severity="error", hop=Hop.SERVICE)
def near_silent_reply(measurements: Measurements) -> Verdict:
    """The reply is so quiet that hardly anyone can hear it.

    What it shows
        Audio of a reply was received, but its loudest sample is at -40 dBFS or below.

    Why it matters
        The caller hears nothing, although all messages of the reply arrived.

    Evidence
        `peak_dbfs` of the reply on `received`.

    Likely causes
        - The model produced nearly silent audio: replies with a mean amplitude of 18 of 32767 were seen.
        - A translation model was given no target language, so it answers with zeros.
        - A gateway turns the sound down.

    Fix
        Ask again, and report it to the service if it happens often.

    Does not prove
        That the model is at fault, if there is a gateway in between.
    """
    items = measurements.find("peak_dbfs", tap=Tap.RECEIVED)
    found = numbers(items)
    quiet = [(level_dbfs, item) for level_dbfs, item in found if level_dbfs <= NEAR_SILENT_DBFS]
    if not quiet:
        return clear_if_measured(items, "peak_dbfs")
    level_dbfs, item = quiet[0]
    several = msg(" ({count} of {all} replies)", count=len(quiet), all=len(found)) if len(found) > 1 else ""
    text = msg("the loudest sample of the reply is at {level_dbfs:.0f} dBFS", level_dbfs=level_dbfs)
    return raised(
        msg("The reply is nearly silent: {text}{several}", text=text, several=several),
        evidence=[Evidence(text=text, metric="peak_dbfs", turn=item.turn)],
        likely_cause=msg("the model produced nearly silent audio, or a gateway turns the sound down"),
        fix=msg("ask again, and report it to the service if it happens often"),
    )
