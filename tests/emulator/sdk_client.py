"""One spoken turn with whatever google-genai is installed beside it; prints what came as one JSON line.

Run by `test_sdk_matrix.py` in environments of their own, so it may use nothing else.
"""

import asyncio
import json
import sys
import wave

from google import genai


async def main(base_url, wav, model):
    with wave.open(wav) as reader:
        rate_hz, pcm = reader.getframerate(), reader.readframes(reader.getnframes())
    client = genai.Client(api_key="any", http_options={"base_url": base_url, "api_version": "v1beta"})
    mime_type = f"audio/pcm;rate={rate_hz}"
    received, events = 0, []
    async with client.aio.live.connect(model=model, config={"response_modalities": ["AUDIO"]}) as session:
        for start in range(0, len(pcm), rate_hz // 5):
            blob = {"data": pcm[start : start + rate_hz // 5], "mime_type": mime_type}
            if not hasattr(session, "send_realtime_input"):
                await session.send(input=blob)
                continue
            try:
                await session.send_realtime_input(audio=blob)
            except TypeError:  # before the argument had that name
                await session.send_realtime_input(media=blob)
        async for message in session.receive():
            received += len(message.data or b"")
            content = message.server_content
            if content is not None:
                events += [name for name in ("generation_complete", "turn_complete") if getattr(content, name, None)]
    print(json.dumps({"version": genai.__version__, "bytes": received, "events": events}))


asyncio.run(main(*sys.argv[1:]))
