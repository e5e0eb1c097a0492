"""How long takes usually need: what is announced before a run, and again when fewer are recorded at a time."""

from __future__ import annotations

import heapq
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from diag.files.scenario_folders import REPLIES_TABLE, folders_with

if TYPE_CHECKING:
    from diag.api.options import Options
    from diag.api.run_plan import Planned

START_S = 2.5
"""Usual time until the first take begins and from the last take to the report: processes, devices, judging."""
AROUND_PROMPTS_S = 2.5
"""Usual length of a take without its turns: streams that open, calibration, the session's end."""
AROUND_REPLY_S = 1.3
"""Usual time from the end of a prompt to its reply, and from there to the next turn."""
REPLY_S = 3.7
"""Usual length of a reply."""
JUDGED_S, JUDGED_IN_A_ROOM_S = 0.5, 1.2
"""Usual time in which a take is judged. One process judges all, while others are recorded."""


def usual_s(planned: Sequence[Planned], rigs: int, reply_ends_s: Mapping[str, float]) -> float:
    """Return how long takes usually need on so many rigs, with what is before and after them."""
    return START_S + takes_s(planned, rigs, reply_ends_s)


def takes_s(planned: Sequence[Planned], rigs: int, reply_ends_s: Mapping[str, float]) -> float:
    """Return how long takes usually need on so many rigs.

    Each take begins on the rig that is free first. It is no less than the first take and the judging of all.

    Parameters
    ----------
    planned : sequence of Planned
        At least one.
    rigs : int
        Takes side by side.
    reply_ends_s : mapping
        Names of prompts to the length of the reply, where it is known (`reply_ends_s`).
    """
    lengths_s = [
        AROUND_PROMPTS_S
        + sum(
            prompt.speech_end_s + AROUND_REPLY_S + reply_ends_s.get(prompt.name, REPLY_S)
            for prompt in item.plan.prompts_of(item.number)
        )
        for item in planned
    ]
    judged_s = sum(JUDGED_S if item.plan.scenario.room is None else JUDGED_IN_A_ROOM_S for item in planned)
    free_s = [0.0] * rigs
    for length_s in lengths_s:
        heapq.heapreplace(free_s, free_s[0] + length_s)
    return max(*free_s, min(lengths_s) + judged_s)


def reply_ends_s(options: Options) -> dict[str, float]:
    """Return how long the emulator's replies to known prompts are; nothing is known of another service's."""
    if options.endpoint != "emulator":
        return {}
    from diag.emulator.replies import reply_ends_s as emulated_s

    return emulated_s(folders_with(REPLIES_TABLE)[0] / REPLIES_TABLE.parent)
