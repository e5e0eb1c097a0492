"""Speech from text (`generateContent` with AUDIO), so that reference voices can be made with the emulator too."""

from __future__ import annotations

import base64
import io
import re
import wave
import zlib
from collections.abc import Mapping
from typing import Any

from diag.core.live_catalogue import Model
from diag.emulator.bank import Bank
from diag.emulator.incoming import mapping, sequence
from diag.emulator.messages import usage_metadata
from diag.emulator.replies import REPLY_RATE_HZ, Pcm, Prompt, Reply

RAW_MIME = f"audio/L16;codec=pcm;rate={REPLY_RATE_HZ}"
WAV_MIME = "audio/wav"
NO_SAMPLING = ("temperature", "topP", "topK")
"""Sampling settings that the 3.8 speech models refuse."""
STREAM_CHUNK_S = 0.5


class Unwilling(Exception):  # noqa: N818 (an answer, not an error)
    """Raised to refuse a request with HTTP 400 and this message."""


def generated(bank: Bank, model: Model, request: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return the whole response as a list of one message.

    Parameters
    ----------
    request : mapping
        Body of the call, with camelCase keys.

    Raises
    ------
    Unwilling
        If the model does not accept a modality or a setting, or there is no text.
    """
    text, voice = _asked(model, request)
    if "AUDIO" not in model.modalities:
        return [_response(model, {"text": f"You said: {text}"}, 0.0)]
    pcm = _speech(bank, text, voice)
    data, mime_type = (_wav(pcm), WAV_MIME) if model.whole_wav else (pcm.tobytes(), RAW_MIME)
    return [_response(model, _inline(data, mime_type), len(pcm) / REPLY_RATE_HZ)]


def streamed(bank: Bank, model: Model, request: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return the response as several messages; speech is raw PCM for every model.

    Parameters and errors are those of `generated`.
    """
    text, voice = _asked(model, request)
    if "AUDIO" not in model.modalities:
        return generated(bank, model, request)
    data = _speech(bank, text, voice).tobytes()
    size = round(STREAM_CHUNK_S * REPLY_RATE_HZ) * 2
    return [
        _response(model, _inline(data[start : start + size], RAW_MIME), len(data) / 2 / REPLY_RATE_HZ)
        for start in range(0, len(data), size)
    ]


def _asked(model: Model, request: Mapping[str, Any]) -> tuple[str, str]:
    generation = mapping(request.get("generationConfig"))
    modalities = tuple(str(modality).upper() for modality in sequence(generation.get("responseModalities"))) or (
        "TEXT",
    )
    if modalities[0] not in model.modalities:
        raise Unwilling(
            f"The requested combination of response modalities ({', '.join(modalities)}) is not supported by the "
            f"model. models/{model.name}"
        )
    if model.whole_wav and any(generation.get(name) is not None for name in NO_SAMPLING):
        raise Unwilling("Request contains an invalid argument.")
    parts = [
        mapping(part) for turn in sequence(request.get("contents")) for part in sequence(mapping(turn).get("parts"))
    ]
    text = " ".join(str(part["text"]) for part in parts if isinstance(part.get("text"), str)).strip()
    if not text:
        raise Unwilling("Request contains an invalid argument.")
    voice_config = mapping(mapping(generation.get("speechConfig")).get("voiceConfig"))
    return text, str(mapping(voice_config.get("prebuiltVoiceConfig")).get("voiceName", ""))


def _speech(bank: Bank, text: str, voice: str) -> Pcm:
    """Return the recording of these words; without one, a reply chosen by a checksum of the words and the voice."""
    words = re.findall(r"\w+", text.casefold())
    recorded: list[Reply | Prompt] = [
        *bank.replies,
        *(prompt for prompt in bank.prompts if prompt.sample_rate_hz == REPLY_RATE_HZ),
    ]
    for known in recorded:
        spoken = re.findall(r"\w+", known.text.casefold())
        # The text may be wrapped in an instruction: "Say cheerfully: …".
        if spoken and words[-len(spoken) :] == spoken:
            return known.pcm
    return bank.replies[zlib.crc32(f"{voice} {' '.join(words)}".encode()) % len(bank.replies)].pcm


def _inline(data: bytes, mime_type: str) -> dict[str, Any]:
    return {"inlineData": {"mimeType": mime_type, "data": base64.b64encode(data).decode()}}


def _response(model: Model, part: Mapping[str, Any], spoken_s: float) -> dict[str, Any]:
    return {
        "candidates": [{"content": {"role": "model", "parts": [part]}, "finishReason": "STOP", "index": 0}],
        "usageMetadata": usage_metadata(0.0, spoken_s, vertex=True),
        "modelVersion": model.name,
    }


def _wav(pcm: Pcm) -> bytes:
    file = io.BytesIO()
    with wave.open(file, "wb") as writer:
        writer.setnchannels(1)
        writer.setsampwidth(2)
        writer.setframerate(REPLY_RATE_HZ)
        writer.writeframes(pcm.tobytes())
    return file.getvalue()
