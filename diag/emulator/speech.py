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
from diag.emulator.named_voices import SPEAKERS, replies_in, sentences_in
from diag.emulator.replies import REPLY_RATE_HZ, Pcm, Prompt, Reply

RAW_MIME = f"audio/L16;codec=pcm;rate={REPLY_RATE_HZ}"
WAV_MIME = "audio/wav"
NO_SAMPLING = ("temperature", "topP", "topK")
"""Sampling settings that the 3.8 speech models refuse."""
STREAM_CHUNK_S = 0.5


class Unwilling(Exception):  # noqa: N818 (an answer, not an error)
    """Raised to refuse a request with HTTP 400 and this message."""


def generated(bank: Bank, model: Model, request: Mapping[str, Any], form: str = "") -> list[dict[str, Any]]:
    """Return the whole response as a list of one message.

    Parameters
    ----------
    form : str
        Form of the answer, as in the fault `SpeechAnswer`; empty for the usual one.
    request : mapping
        Body of the call, with camelCase keys.

    Raises
    ------
    Unwilling
        If the model does not accept a modality or a setting, or there is no text.
    """
    text, voice = _asked(model, request)
    if "AUDIO" not in model.modalities or form == "text":
        return [_response(model, {"text": f"You said: {text}"}, 0.0)]
    if form == "blocked":
        return [{"candidates": [{"finishReason": "OTHER", "index": 0}], "modelVersion": model.name}]
    pcm = _speech(bank, text, voice)
    whole = model.whole_wav or form in ("wav", "wav_as_pcm")
    data, mime_type = (
        (_wav(pcm), RAW_MIME if form == "wav_as_pcm" else WAV_MIME) if whole else (pcm.tobytes(), RAW_MIME)
    )
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
    voice = str(mapping(voice_config.get("prebuiltVoiceConfig")).get("voiceName", ""))
    if voice and voice.casefold() not in SPEAKERS:
        raise Unwilling(f"Voice name {voice} is not supported. Allowed voice names are: {', '.join(sorted(SPEAKERS))}")
    return text, voice


def _speech(bank: Bank, text: str, voice: str) -> Pcm:
    """Return the recording of these words in this voice; without one, another sentence in the same voice.

    It is chosen by a checksum of the words. Without a voice, recorded prompts count too.
    """
    words = re.findall(r"\w+", text.casefold())
    own = (*sentences_in(bank.replies, voice), *replies_in(bank.replies, voice))
    recorded: list[Reply | Prompt] = [
        *own,
        *(prompt for prompt in bank.prompts if not voice and prompt.sample_rate_hz == REPLY_RATE_HZ),
    ]
    for known in recorded:
        spoken = re.findall(r"\w+", known.text.casefold())
        # The text may be wrapped in an instruction: "Say cheerfully: …".
        if spoken and words[-len(spoken) :] == spoken:
            return known.pcm
    spare = sentences_in(bank.replies, voice)
    return spare[zlib.crc32(f"{voice} {' '.join(words)}".encode()) % len(spare)].pcm


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
