"""Reading of clientContent messages: texts and audio of the user's turns."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from diag.emulator.closing import CLOSES
from diag.emulator.hearing import Pcm, Resampled
from diag.emulator.incoming import declared_rate_hz, decode_bytes, mapping, sequence

MAX_CONTENT_S = 120.0
"""Longer audio is accepted but ignored."""


def read_contents(content: Mapping[str, Any]) -> tuple[list[str], list[Pcm]]:
    """Return the texts and the recordings (16 kHz) in the turns of a clientContent, each in order.

    Raises
    ------
    Refused
        1007, if the turns do not have the right structure or the audio is not raw PCM.
    """
    words: list[str] = []
    sound: list[Pcm] = []
    for turn in sequence(content.get("turns")):
        for part in sequence(mapping(turn).get("parts")):
            _read_part(mapping(part), words, sound)
    return words, sound


def _read_part(part: Mapping[str, Any], words: list[str], sound: list[Pcm]) -> None:
    if isinstance(part.get("text"), str):
        words.append(part["text"])
    blob = mapping(part.get("inlineData"))
    if str(blob.get("mimeType", "")).startswith("audio/"):
        rate_hz = declared_rate_hz(blob.get("mimeType"))
        if rate_hz is None:
            raise CLOSES["invalid_argument"].refused()
        data = decode_bytes(blob.get("data", ""), "client_content.turns.parts")
        heard = data if len(data) <= 2 * rate_hz * MAX_CONTENT_S else b""
        sound.append(Resampled().feed(heard, rate_hz))
