"""What the server says: JSON in camelCase, standard base64, nothing that is false or null."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping, Sequence
from typing import Any

_ENCODED = json.JSONEncoder(separators=(",", ":"), ensure_ascii=False).encode

TOKENS_PER_SECOND = 25
"""Of audio, in and out."""
TOKENS_PER_WORD = 1.3
"""Of text, roughly."""


def encoded(message: Mapping[str, Any]) -> bytes:
    """A message as the payload of a binary frame."""
    return _ENCODED(message).encode()


def setup_complete(session_id: str) -> bytes:
    """Reply to the setup; the Developer API sends it empty, Vertex with a session id."""
    return encoded({"setupComplete": {"sessionId": session_id} if session_id else {}})


def audio(pcm: bytes, mime_type: str) -> bytes:
    """One chunk of the reply; built by hand because it is the only large message."""
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
    """A chunk of the reply with a piece of its transcript in the same serverContent.

    Parameters
    ----------
    payload : bytes
        As `audio` gives it.
    """
    return b"".join((payload[:-2], b',"outputTranscription":', encoded({"text": words}), payload[-2:]))


def audio_and_interrupted(payload: bytes) -> bytes:
    """A chunk of the reply with `interrupted` in the same serverContent.

    Parameters
    ----------
    payload : bytes
        As `audio` gives it.
    """
    return b"".join((payload[:-2], b',"interrupted":true', payload[-2:]))


def server_content(**fields: object) -> bytes:
    """A serverContent with the given fields."""
    return encoded({"serverContent": fields})


def text(words: str) -> bytes:
    """One text part of the reply."""
    return server_content(modelTurn={"role": "model", "parts": [{"text": words}]})


def thought(words: str) -> bytes:
    """A summary of what the model thinks, which is not part of its reply."""
    return server_content(modelTurn={"role": "model", "parts": [{"text": words, "thought": True}]})


def turn_complete(usage: Mapping[str, Any] | None, **fields: object) -> bytes:
    """The end of the model's turn, with the usage so far."""
    message: dict[str, Any] = {"serverContent": {"turnComplete": True, **fields}}
    if usage:
        message["usageMetadata"] = usage
    return encoded(message)


def usage_metadata(heard_s: float, spoken_s: float, *, written: str = "", vertex: bool) -> dict[str, Any]:
    """Token counts; Vertex calls those of the reply `candidates`. What is nothing is left out.

    Parameters
    ----------
    written : str
        The reply, where it is text.
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
    """Functions that the model wants called."""
    return encoded({"toolCall": {"functionCalls": list(calls)}})


def seconds(value_s: float) -> str:
    """A duration as protobuf's JSON writes it: `50s`, `1.2s`."""
    return f"{value_s:.3f}".rstrip("0").rstrip(".") + "s"
