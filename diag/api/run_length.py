"""How long takes usually need: what is announced before a run, and again while it is recorded if it was too little."""

from __future__ import annotations

import heapq
from collections.abc import Collection, Sequence
from functools import cache
from typing import TYPE_CHECKING

from diag.files.scenario_folders import REPLIES_TABLE, folders_with
from diag.files.turn_script import BETWEEN_TURNS_S

if TYPE_CHECKING:
    from diag.api.options import Options
    from diag.api.run_plan import Planned

START_S = 2.5
"""Usual time until the first take begins and from the last take to the report: processes, devices, judging."""
AROUND_PROMPTS_S = 2.5
"""Usual length of a take without its turns: streams that open, calibration, the session's end."""
AROUND_REPLY_S = 0.55
"""Usual time between prompt and reply, and from there to the next turn, in which the service does nothing."""
ANSWERED_AFTER_S = 0.75
"""Usual time from the end of the speech until a service answers: it waits for silence, then it thinks."""
REPLY_S = 3.7
"""Usual length of a reply."""
JUDGED_S, JUDGED_IN_A_ROOM_S = 0.5, 1.2
"""Usual time in which a take is judged. One process judges all, while others are recorded."""


def usual_s(planned: Sequence[Planned], rigs: int, options: Options) -> float:
    """Return how long takes usually need on so many rigs, with what is before and after them.

    Parameters
    ----------
    planned : sequence of Planned
        At least one.
    rigs : int
        Takes side by side.
    """
    return START_S + takes_s([take_s(item, options) for item in planned], [0.0] * rigs, judging_s(planned))


def takes_s(lengths_s: Sequence[float], free_s: Sequence[float], judged_s: float) -> float:
    """Return how long takes need. Each begins on the rig that is free first.

    Parameters
    ----------
    lengths_s : sequence of float
        Length of each take that has not begun, in their order.
    free_s : sequence of float
        When each rig will be free: 0 for one that is. At least one.
    judged_s : float
        How long the judging of all takes needs. It begins when the first take ends.
    """
    rigs = list(free_s)
    heapq.heapify(rigs)
    first_s = min(
        [*(time_s for time_s in rigs if time_s), *(rigs[0] + length_s for length_s in lengths_s)], default=0.0
    )
    for length_s in lengths_s:
        heapq.heapreplace(rigs, rigs[0] + length_s)
    return max(*rigs, first_s + judged_s)


def take_s(item: Planned, options: Options) -> float:
    """Return how long a take usually is: its prompts, pauses and replies, and what is around them."""
    if options.endpoint == "emulator":
        ends_s, answered_after_s = _reply_ends_s(), _answered_after_s(item)
    else:
        ends_s, answered_after_s = {}, ANSWERED_AFTER_S
    turns_s = sum(
        prompt.speech_end_s + answered_after_s + ends_s.get(prompt.name, REPLY_S) + AROUND_REPLY_S
        for prompt in item.plan.prompts_of(item.number)
    )
    steps = [job.step for job in item.plan.script if not job.step.during_reply]
    return AROUND_PROMPTS_S + turns_s + sum(step.after_s - BETWEEN_TURNS_S + (step.for_s or 0.0) for step in steps)


def judging_s(planned: Collection[Planned]) -> float:
    """Return how long the judging of takes usually needs."""
    return sum(JUDGED_S if item.plan.scenario.room is None else JUDGED_IN_A_ROOM_S for item in planned)


@cache
def _reply_ends_s() -> dict[str, float]:
    """Return how long the emulator's replies to known prompts are; nothing is known of another service's."""
    from diag.emulator.replies import reply_ends_s

    return reply_ends_s(folders_with(REPLIES_TABLE)[0] / REPLIES_TABLE.parent)


def _answered_after_s(item: Planned) -> float:
    from diag.emulator.answering import usual_wait_s
    from diag.emulator.settings import read_settings

    return usual_wait_s(read_settings(item.plan.scenario.emulator))
