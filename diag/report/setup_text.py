"""Terminal text of `diag doctor --setup`: the faults of a setup frame, and the corrected frame."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from diag.core.states import State
from diag.judge.setup_frame import FrameFault, FrameVerdict
from diag.report.sentences import plural
from diag.report.wrapping import wrapped

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
    against = f"judged for {'Vertex AI' if api_version == 'vertex' else api_version} and the models of {day}"
    count = len(verdict.faults)
    if verdict.right:
        sentence = f"{State.GOOD.shape} {source}: the setup frame is right ({against})."
    else:
        sentence = f"{State.FAILS.shape} {source}: {count} {plural(count, 'fault')} in the setup frame ({against})."
    lines = wrapped(sentence, width, later="  ")
    for fault in verdict.faults:
        lines += _fault_lines(fault, State.FAILS, width)
    for note in verdict.notes:
        lines += _fault_lines(note, State.WATCH, width)
    if not verdict.right or verdict.notes:
        lines += ["", "The corrected frame:" if not verdict.right else "The frame as the API reference spells it:"]
        lines += json.dumps(verdict.corrected, indent=2, ensure_ascii=False).splitlines()
    return "\n".join(lines)


def _fault_lines(fault: FrameFault, state: State, width: int) -> list[str]:
    place = fault.pointer or "the whole frame"
    at = f"line {fault.line}, {place}" if fault.line is not None else place
    lines = ["", *wrapped(f"{state.shape} {fault.seen}", width, later="  ")]
    for word, text in (("where", at), ("why", fault.why), ("fix", fault.fix)):
        lines += wrapped(f"  {word + ':':<7}{text}", width, later=" " * 9)
    return lines
