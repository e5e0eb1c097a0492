import asyncio
import contextlib

import numpy as np

from diag.record.audio.ports import PortPlan
from diag.record.audio.tape import Mouth
from diag.record.prompt_feeder import feed_without_devices


def test_the_prompt_reaches_the_client_whole_without_devices():
    mouth, captured = Mouth(48000), []
    tone = (0.5 * np.sin(2 * np.pi * 440 * np.arange(4800) / 48000)).astype(np.float32)
    plan = PortPlan(
        mouth=mouth.pull, microphone=lambda block, t_s, device_s: captured.append(block.copy()), speaker=None,
        ear=None, microphone_rate_hz=48000, speaker_rate_hz=24000,
    )  # fmt: skip

    async def scenario():
        mouth.say(tone)
        task = asyncio.create_task(feed_without_devices(plan))
        while mouth.busy:
            await asyncio.sleep(0.01)
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task

    asyncio.run(scenario())
    heard = np.concatenate(captured)[:, 0]
    assert (heard[: len(tone)] == tone).all()
