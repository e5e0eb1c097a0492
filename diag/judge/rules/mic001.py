"""MIC001."""

from __future__ import annotations

from diag.core.chain import Hop, Tap
from diag.core.results import Evidence, Measurements, Verdict, clear, not_checked, raised
from diag.core.take import Turn
from diag.judge.registry import rule
from diag.judge.rules.figures import carries_sound, peak


@rule("MIC001", name="microphone-silent", severity="error", hop=Hop.MICROPHONE)
def microphone_silent(measurements: Measurements, turns: tuple[Turn, ...]) -> Verdict:
    """The prompt was spoken, and the microphone heard nothing.

    What it shows
        While the prompt spoke, the loudest captured sample stayed below -60 dBFS.

    Why it matters
        The session is fine and nobody answers: the service was sent silence.

    Evidence
        The loudest sample of the prompt on `prompt` and on `captured`.

    Likely causes
        - The microphone is muted, or the wrong one; the system did not grant access to it.
        - The loudspeaker that speaks the prompt does not reach it.

    Remedy
        Choose the right microphone, unmute it and grant access to it; `diag devices` lists and calibrates.

    Does not prove
        Which of them it is.
    """
    spoken = [turn for turn in turns if carries_sound(measurements, Tap.PROMPT, turn)]
    levels = [(turn, level) for turn in spoken if (level := peak(measurements, Tap.CAPTURED, turn)) is not None]
    if not levels:
        return not_checked("no prompt was spoken and captured")
    silent = [(turn, level) for turn, level in levels if not carries_sound(measurements, Tap.CAPTURED, turn)]
    if not silent:
        return clear()
    turn, level = silent[0]
    return raised(
        "The prompt was spoken and the microphone heard nothing",
        evidence=[
            Evidence(
                text=f"turn {turn.index + 1}: `prompt` peaks at {peak(measurements, Tap.PROMPT, turn):.0f} dBFS, "
                f"`captured` at {level:.0f} dBFS",
                metric="peak_dbfs",
                turn=turn.index,
            )
        ],
        likely_cause="the microphone is muted, not granted, or another one than is spoken to",
        remedy="choose the right microphone, unmute it and grant access to it (`diag devices` lists them)",
    )
