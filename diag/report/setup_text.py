"""Terminal text of `diag doctor --setup`: the faults of a setup frame, and the corrected frame."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from diag.core.states import State
from diag.judge.setup_frame import FrameFault, FrameVerdict
from diag.report.language import ntr, tr
from diag.report.localised import in_words
from diag.report.wrapping import padded, wrapped

if TYPE_CHECKING:
    import datetime


def setup_text(verdict: FrameVerdict, *, source: str, api_version: str, day: datetime.date, width: int = 80) -> str:
    """Return the text: one sentence, then each fault with its place, reason and fix, then the corrected frame.

    Parameters
    ----------
    source : str
        Where the frame was read from.
    api_version, day
        What it was judged for.
    width : int
        Width in columns.
    """
    against = tr("judged for {api} and the models of {day}").format(
        api="Vertex AI" if api_version == "vertex" else api_version, day=day
    )
    count = len(verdict.faults)
    if verdict.right:
        shape, words = State.GOOD.shape, tr("the setup frame is right ({against}).")
    else:
        words = ntr("{n} fault in the setup frame ({against}).", "{n} faults in the setup frame ({against}).", count)
        shape = State.FAILS.shape
    sentence = f"{shape} {source}: {words.format(n=count, against=against)}"
    lines = wrapped(sentence, width, later="  ")
    for fault in verdict.faults:
        lines += _fault_lines(fault, State.FAILS, width)
    for note in verdict.notes:
        lines += _fault_lines(note, State.WATCH, width)
    if not verdict.right or verdict.notes:
        lines += ["", tr("The frame as the API reference spells it:") if verdict.right else tr("The corrected frame:")]
        lines += json.dumps(verdict.corrected, indent=2, ensure_ascii=False).splitlines()
    return "\n".join(lines)


def _fault_lines(fault: FrameFault, state: State, width: int) -> list[str]:
    place = fault.pointer or tr("the whole frame")
    at = tr("line {line}, {place}").format(line=fault.line, place=place) if fault.line is not None else place
    lines = ["", *wrapped(f"{state.shape} {in_words(fault.seen)}", width, later="  ")]
    for word, text in ((tr("where"), at), (tr("why"), fault.why), (tr("fix"), fault.fix)):
        lines += wrapped(f"  {padded(f'{word}:', 7)}{in_words(text)}", width, later=" " * 9)
    return lines
