"""Messages of the server: JSON with camelCase keys and standard base64; false and null values are left out."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping, Sequence
from typing import Any

_ENCODED = json.JSONEncoder(separators=(",", ":"), ensure_ascii=False).encode

TOKENS_PER_SECOND = 25
"""Tokens per second of audio, in both directions."""
TOKENS_PER_WORD = 1.3
"""Tokens per word of text, roughly."""


def encoded(message: Mapping[str, Any]) -> bytes:
    """Return a message as the payload of a binary frame."""
    return _ENCODED(message).encode()


def setup_complete(session_id: str) -> bytes:
    """Return the reply to the setup; the Developer API sends it empty, Vertex with a session id."""
    return encoded({"setupComplete": {"sessionId": session_id} if session_id else {}})


def audio(pcm: bytes, mime_type: str) -> bytes:
    """Return a message with one audio chunk; it is joined from bytes because it is the only large message."""
    return b"".join(
        (
            b'{"serverContent":{"modelTurn":{"role":"model","parts":[{"inlineData":{"mimeType":"',
            mime_type.encode(),
            b'","data":"',
            base64.b64encode(pcm),
            b'"}}]}}}',
        )
    )


def audio_with_transcript(payload: bytes, words: str) -> bytes:
    """Return an audio chunk with a piece of the transcript in the same serverContent.

    Parameters
    ----------
    payload : bytes
        Message from `audio`.
    """
    return b"".join((payload[:-2], b',"outputTranscription":', encoded({"text": words}), payload[-2:]))


def audio_and_interrupted(payload: bytes) -> bytes:
    """Return an audio chunk with `interrupted` in the same serverContent.

    Parameters
    ----------
    payload : bytes
        Message from `audio`.
    """
    return b"".join((payload[:-2], b',"interrupted":true', payload[-2:]))


def server_content(**fields: object) -> bytes:
    """Return a serverContent message with the given fields."""
    return encoded({"serverContent": fields})


def text(words: str) -> bytes:
    """Return a message with one text part of the reply."""
    return server_content(modelTurn={"role": "model", "parts": [{"text": words}]})


def thought(words: str) -> bytes:
    """Return a message with a summary of the model's thoughts, which is not part of its reply."""
    return server_content(modelTurn={"role": "model", "parts": [{"text": words, "thought": True}]})


def turn_complete(usage: Mapping[str, Any] | None, **fields: object) -> bytes:
    """Return turnComplete with the usage so far (None to leave it out) and further fields of serverContent."""
    message: dict[str, Any] = {"serverContent": {"turnComplete": True, **fields}}
    if usage:
        message["usageMetadata"] = usage
    return encoded(message)


def usage_metadata(heard_s: float, spoken_s: float, *, written: str = "", vertex: bool) -> dict[str, Any]:
    """Return usageMetadata with token counts; counts of zero are left out.

    Parameters
    ----------
    heard_s, spoken_s : float
        Seconds of audio from the client and in the reply.
    written : str
        The reply if it is text.
    vertex : bool
        Name the counts of the reply `candidates…`, as Vertex does, and not `response…`.
    """
    prompt = round(heard_s * TOKENS_PER_SECOND)
    spoken, text = round(spoken_s * TOKENS_PER_SECOND), round(len(written.split()) * TOKENS_PER_WORD)
    name = "candidates" if vertex else "response"
    usage: dict[str, Any] = {
        "promptTokenCount": prompt,
        f"{name}TokenCount": spoken + text,
        "totalTokenCount": prompt + spoken + text,
        "promptTokensDetails": _details(AUDIO=prompt),
        f"{name}TokensDetails": _details(AUDIO=spoken, TEXT=text),
    }
    return {key: value for key, value in usage.items() if value}


def _details(**counts: int) -> list[dict[str, Any]]:
    return [{"modality": modality, "tokenCount": count} for modality, count in counts.items() if count]


def tool_call(calls: Sequence[Mapping[str, Any]]) -> bytes:
    """Return a toolCall message with the functions to call."""
    return encoded({"toolCall": {"functionCalls": list(calls)}})


def seconds(value_s: float) -> str:
    """Return a duration in the form of protobuf's JSON, for example `50s` or `1.2s`."""
    return f"{value_s:.3f}".rstrip("0").rstrip(".") + "s"
