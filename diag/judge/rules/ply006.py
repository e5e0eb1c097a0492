"""PLY006."""

from __future__ import annotations

from diag.core.chain import Hop, Tap
from diag.core.results import Evidence, Measurements, Verdict, clear, not_checked, raised
from diag.core.take import Turn
from diag.judge.registry import rule
from diag.judge.rules.figures import carries_sound


@rule("PLY006", name="player-silent", severity="error", hop=Hop.PLAYER)
def player_silent(measurements: Measurements, turns: tuple[Turn, ...]) -> Verdict:
    """A reply was received, and the client played nothing.

    What it shows
        `received` holds an audible reply; in `played` the same turn is silent or was never begun.

    Why it matters
        The service answered, and the caller hears nothing.

    Evidence
        `answered`; the loudest sample of the turn on `played`.

    Likely causes
        - The audio is not handed on: only `.text` is read, the queue is not connected, volume or gain is zero.
        - The output was never started, as in a browser before the first click.

    Remedy
        Hand the data of every audio part to the output stream, and start that stream.

    Does not prove
        Where in the player it is lost.
    """
    answered = [turn for turn in turns if measurements.value("answered", turn=turn.index) == 1.0]
    if not answered:
        return not_checked("no audible reply was received")
    silent = [turn for turn in answered if not carries_sound(measurements, Tap.PLAYED, turn)]
    if not silent:
        return clear()
    return raised(
        f"The client played nothing of {len(silent)} of {len(answered)} replies that it received",
        evidence=[
            Evidence(
                text=f"turn {turn.index + 1}: an audible reply in `received`, silence in `played`", turn=turn.index
            )
            for turn in silent
        ],
        likely_cause="received audio is not handed to the output stream, or that stream does not run",
        remedy="hand the data of every audio part to the output stream, and start the stream before the first reply",
    )
