"""One spoken turn with a function call through Google's Agent Development Kit; prints what came as one JSON line.

Run by `test_sdk_matrix.py` in an environment of its own, so it may use nothing else.
"""

import asyncio
import json
import sys
import wave

from google.adk.agents import Agent, LiveRequestQueue
from google.adk.agents.run_config import RunConfig, StreamingMode
from google.adk.runners import InMemoryRunner
from google.genai import types


def get_weather(city: str) -> dict:
    """Weather of a city."""
    return {"city": city, "sky": "blue"}


async def speak(queue, pcm, rate_hz):
    for start in range(0, len(pcm), rate_hz // 5):
        data = pcm[start : start + rate_hz // 5]
        queue.send_realtime(types.Blob(data=data, mime_type=f"audio/pcm;rate={rate_hz}"))
        await asyncio.sleep(0.01)


async def main(wav, model):
    with wave.open(wav) as reader:
        rate_hz, pcm = reader.getframerate(), reader.readframes(reader.getnframes())
    runner = InMemoryRunner(agent=Agent(name="a", model=model, tools=[get_weather]), app_name="x")
    session = await runner.session_service.create_session(app_name="x", user_id="u")
    queue = LiveRequestQueue()
    speaking = asyncio.create_task(speak(queue, pcm, rate_hz))
    config = RunConfig(response_modalities=["AUDIO"], streaming_mode=StreamingMode.BIDI)
    received, events = 0, []
    live = runner.run_live(user_id="u", session_id=session.id, live_request_queue=queue, run_config=config)
    async with asyncio.timeout(30):
        async for event in live:
            for part in event.content.parts if event.content and event.content.parts else ():
                received += len(part.inline_data.data) if part.inline_data else 0
                events += [f"call {part.function_call.name}"] if part.function_call else []
            if event.turn_complete:
                break
    await speaking
    queue.close()
    print(json.dumps({"bytes": received, "events": events}))


asyncio.run(main(*sys.argv[1:]))
