"""Sound of a reply with its faults; cached for each reply and each combination of faults."""

from __future__ import annotations

import asyncio
import functools
import random
from typing import Any

from diag.emulator.degrade import SOUND_FAULTS, spoiled
from diag.emulator.replies import REPLY_RATE_HZ, Reply
from diag.emulator.speaking import Voice


async def voice_for(reply: Reply, active: list[tuple[Any, random.Random]]) -> Voice:
    """Return the sound of a reply with the faults of sound in `active`.

    Faults are applied on a thread, because this may take tens of milliseconds.
    """
    sound = tuple((fault, rng.random()) for fault, rng in active if isinstance(fault, SOUND_FAULTS))
    if not sound:
        return _plain(reply)
    return await asyncio.get_running_loop().run_in_executor(None, spoiled, _plain(reply), sound)


@functools.lru_cache(maxsize=64)
def _plain(reply: Reply) -> Voice:
    return Voice(
        pcm=reply.pcm,
        text=reply.text,
        first_audible_frame=round(reply.first_audible_s * REPLY_RATE_HZ),
        speech_end_frame=round(reply.speech_end_s * REPLY_RATE_HZ),
    )
