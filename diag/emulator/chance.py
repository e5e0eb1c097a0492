"""Random choices of the emulator: which faults act, and random delays.

Each random generator is seeded with the profile's seed, the session, the turn and the place of the fault in the list.
So the same seed gives the same session again.
"""

from __future__ import annotations

import random
from typing import Any

from diag.emulator.faults import Drawn, GoAway, Http, Placed, Quota, SlowInterrupt, SlowPong, SlowSetup, SpeechAnswer

Z95 = 1.6448536269514722
"""95th percentile of the standard normal distribution."""


def draw(delay: float | Drawn, rng: random.Random) -> float:
    """Return one delay in seconds: the given one, or a random one from the given distribution."""
    if not isinstance(delay, Drawn):
        return delay
    if delay.distribution == "uniform":
        return rng.uniform(delay.low_s, delay.high_s)
    # Half of the draws lie below low_s, 95 % below high_s.
    return float(delay.low_s * (delay.high_s / delay.low_s) ** (rng.gauss(0.0, 1.0) / Z95))


def usual(delay: float | Drawn) -> float:
    """Return a delay in seconds, or the median of one that is drawn."""
    if not isinstance(delay, Drawn):
        return delay
    return (delay.low_s + delay.high_s) / 2 if delay.distribution == "uniform" else delay.low_s


def generator(seed: int, *place: int) -> random.Random:
    """Return the random generator of one place (session, turn, fault); its numbers do not depend on other places."""
    return random.Random(":".join(str(part) for part in (seed, *place)))


def applies_to_turns(fault: object) -> bool:
    """Return whether a fault acts in turns and is noted when the turn begins.

    The other faults act at their own moment, and are noted then.
    """
    return not isinstance(fault, Http | GoAway | SlowInterrupt | SlowPong | Quota | SlowSetup | SpeechAnswer | Placed)


def draw_faults(faults: tuple[Any, ...], *, seed: int, session: int, turn: int = 0) -> list[tuple[Any, random.Random]]:
    """Return the faults that act in this session (turn 0) or this turn, each with its own random generator."""
    chosen = []
    for index, fault in enumerate(faults):
        if fault.sessions and session not in fault.sessions:
            continue
        if turn and fault.turns and turn not in fault.turns:
            continue
        rng = generator(seed, session, turn, index)
        if rng.random() < fault.probability:
            chosen.append((fault, rng))
    return chosen
