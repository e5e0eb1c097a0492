"""SVC008: the same piece of the reply arrives twice."""

from __future__ import annotations

from diag.core.chain import Hop, Tap
from diag.core.messages import msg
from diag.core.results import Measurements, Verdict, not_checked, raised
from diag.core.units import counted
from diag.judge.evidence import clear_if_measured, evidence_of, numbers, worst
from diag.judge.limits import TONE_ERROR_DB
from diag.judge.registry import rule


@rule("SVC008", name="duplicated-chunks", severity="warning", hop=Hop.SERVICE)
def duplicated_chunks(measurements: Measurements) -> Verdict:
    """The same piece of the reply arrives twice.

    What it shows
        An audible chunk is identical, sample for sample, to one of the three chunks before it.

    Why it matters
        Syllables are heard twice. It sounds like a stutter, and the player is blamed.

    Evidence
        `repeated_chunks` of the turn, with each place to listen to.

    Likely causes
        - A gateway or proxy sends a message again because it assumes that it was lost.
        - Two receivers on one session put their audio into one queue.

    Fix
        Connect without the gateway, and look for a second receiver of the same session.

    Does not prove
        Whether the service sent it twice, or something in between did. It is not checked if the reply is a steady tone,
        which repeats itself.
    """
    tones = worst(measurements.find("tonality_db", tap=Tap.RECEIVED), lambda value: value)
    if tones is not None and tones[0] >= TONE_ERROR_DB:
        return not_checked(msg("the reply is a steady tone; see SVC007"))
    items = measurements.find("repeated_chunks")
    found = [(value, item) for value, item in numbers(items) if value >= 1]
    if not found:
        return clear_if_measured(items, "repeated_chunks")
    count = sum(value for value, _ in found)
    return raised(
        msg("{count} of the reply came twice", count=counted(count, "chunk")),
        evidence=[
            evidence_of(
                item,
                msg(
                    "turn {turn}: {chunks} repeated, sample for sample",
                    turn=(item.turn or 0) + 1,
                    chunks=counted(value, "chunk"),
                ),
            )
            for value, item in found
        ],
        likely_cause=msg(
            "something between the service and the client sends messages again, or two receivers use one queue"
        ),
        fix=msg("connect without gateways, and look for a second receiver of the same session"),
    )
