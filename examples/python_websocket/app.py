"""A small voice app without an SDK: websockets and sounddevice, two threads, the address of the service in the code.

It is healthy. Each fault of `--fault` is one that real apps have had.

    python app.py
    python app.py --fault dropped_chunks
"""

from __future__ import annotations

import argparse
import base64
import json
import os
import queue
import threading

import sounddevice as sd
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection, connect

ADDRESS = "wss://generativelanguage.googleapis.com/ws/google.ai.generativelanguage.v1beta.GenerativeService.BidiGenerateContent"
SENT_HZ, RECEIVED_HZ = 16000, 24000
BATCH_S = 0.05
LATENCY_S = 0.1
FAULTS = {
    "no_modality": "the setup does not ask for audio",
    "old_model": "the setup names a model that does not exist",
    "capture_48k": "the microphone is opened at 48 kHz, and its audio is labelled 16 kHz",
    "long_batches": "half a second is collected before it is sent",
    "dropped_chunks": "every fifth chunk of the reply is lost",
    "stereo": "the output is opened with two channels and given one",
    "goes_on": "a reply is played to its end although the user has interrupted it",
}


def setup(fault: str) -> dict[str, object]:
    """Return the first message."""
    model = "models/gemini-flash-2.0-live-001" if fault == "old_model" else "models/gemini-3.8-live"
    asked = {} if fault == "no_modality" else {"generationConfig": {"responseModalities": ["AUDIO"]}}
    return {"setup": {"model": model, **asked}}


def send(socket: ClientConnection, fault: str) -> None:
    """Send the microphone until the connection ends."""
    rate_hz = 48000 if fault == "capture_48k" else SENT_HZ
    frames = round((10 if fault == "long_batches" else 1) * BATCH_S * rate_hz)
    with sd.RawInputStream(samplerate=rate_hz, channels=1, dtype="int16", latency=LATENCY_S) as microphone:
        print("listening", flush=True)
        try:
            while True:
                pcm, _ = microphone.read(frames)
                audio = {"data": base64.b64encode(pcm).decode(), "mimeType": f"audio/pcm;rate={SENT_HZ}"}
                socket.send(json.dumps({"realtimeInput": {"audio": audio}}))
        except ConnectionClosed:
            return


def play(chunks: queue.SimpleQueue[bytes | None], fault: str) -> None:
    """Play what is received; no bytes drop what waits, and None ends it."""
    channels = 2 if fault == "stereo" else 1
    waiting = b""
    quiet = bytes(2 * channels * round(0.02 * RECEIVED_HZ))
    with sd.RawOutputStream(samplerate=RECEIVED_HZ, channels=channels, dtype="int16", latency=LATENCY_S) as speaker:
        while True:
            while not chunks.empty():
                chunk = chunks.get()
                if chunk is None:
                    return
                waiting = waiting + chunk if chunk else b""
            speaker.write(waiting[: len(quiet)].ljust(len(quiet), b"\0"))
            waiting = waiting[len(quiet) :]


def main() -> None:
    """Parse the arguments and talk until the session ends."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--fault", choices=FAULTS, default="", help="; ".join(f"{k}: {v}" for k, v in FAULTS.items()))
    fault = parser.parse_args().fault
    chunks: queue.SimpleQueue[bytes | None] = queue.SimpleQueue()
    headers = {"x-goog-api-key": os.environ["GEMINI_API_KEY"]}
    with connect(ADDRESS, additional_headers=headers, max_size=None) as socket:
        socket.send(json.dumps(setup(fault)))
        player = threading.Thread(target=play, args=(chunks, fault))
        player.start()
        count = 0
        try:
            for data in socket:
                message = json.loads(data)
                if "setupComplete" in message:
                    threading.Thread(target=send, args=(socket, fault)).start()
                content = message.get("serverContent", {})
                if content.get("interrupted") and fault != "goes_on":
                    chunks.put(b"")
                for part in content.get("modelTurn", {}).get("parts", []):
                    count += 1
                    if "inlineData" in part and not (fault == "dropped_chunks" and count % 5 == 0):
                        chunks.put(base64.b64decode(part["inlineData"]["data"]))
        finally:
            chunks.put(None)
            player.join()
    print(f"the service closed the session: {socket.close_code} {socket.close_reason}", flush=True)


if __name__ == "__main__":
    main()
