"""Known Live models by name, as of 2026-11 (from the service's model pages and public threads)."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Sequence

RETIRED = {
    "gemini-2.0-flash-exp": "it was the first Live model and was gone by April 2026",
    "gemini-2.0-flash-live-001": "it was shut down on 9 December 2025",
    "gemini-live-2.5-flash-preview": "it was shut down on 9 December 2025",
    "gemini-2.5-flash-preview-native-audio-dialog": "it was shut down on 20 October 2025",
    "gemini-2.5-flash-exp-native-audio-thinking-dialog": "it was shut down on 20 October 2025",
}
VERTEX_ONLY = frozenset(
    {"gemini-2.0-flash-live-preview-04-09", "gemini-live-2.5-flash", "gemini-live-2.5-flash-native-audio"}
)
NEVER_LIVE = frozenset({"gemini-2.5-flash", "gemini-2.5-pro", "gemini-2.0-flash", "gemini-2.0-flash-001"})
_SPECIALISTS = frozenset({"transcribe", "translate", "robotics"})
"""Words in the names of Live models that do not hold conversations. They are suggested only if the model asked for has
such a word too."""
EVER_LIVE = (
    *RETIRED, *sorted(VERTEX_ONLY), "gemini-2.5-flash-native-audio-preview-09-2025",
    "gemini-2.5-flash-native-audio-preview-12-2025", "gemini-2.5-flash-native-audio-latest",
    "gemini-3.1-flash-live-preview", "gemini-3.8-live", "gemini-3.8-live-extended-thinking",
)  # fmt: skip


def bare(model: str) -> str:
    """Return the name after the last slash."""
    return model.rsplit("/", 1)[-1]


def what_is_known(model: str, served: Sequence[str] | None, api_version: str) -> str:
    """Return why a model name may not be found, in words, judged by the name and the model list."""
    name = bare(model)
    twin = next((other for other in [*map(bare, served or ()), *EVER_LIVE] if _words(other) == _words(name)), None)
    for applies, words in (
        (
            name in {bare(item) for item in served or ()},
            "the model list has it, but it is not served by this API version or method",
        ),
        (name in RETIRED, f"it is retired: {RETIRED.get(name)}"),
        (
            name in VERTEX_ONLY or "publishers/" in model,
            "it is a Vertex AI name, which the Gemini Developer API does not know",
        ),
        (name in NEVER_LIVE or re.search(r"tts|embedding|imagen", name), "it is not a Live model"),
        (
            name in EVER_LIVE,
            f"it is a known Live model, but is not served for API version {api_version} to this key now",
        ),
        (twin, f"no model of this name is known; {twin} has the same words in another order"),
    ):
        if applies:
            return words
    return "no model of this name is known"


def nearest(model: str, served: Iterable[str], count: int = 3) -> list[str]:
    """Return the served models with the most similar names, whatever the order of their words."""
    name = bare(model)

    def likeness(other: str) -> float:
        mine, theirs = _words(name), _words(bare(other))
        shared = len(set(mine) & set(theirs)) / max(len(set(mine) | set(theirs)), 1)
        special = len(_SPECIALISTS & set(theirs) - set(mine))
        return shared + difflib.SequenceMatcher(None, name, bare(other)).ratio() - special

    return sorted(served, key=lambda other: (-likeness(other), other))[:count]


def _words(name: str) -> list[str]:
    return sorted(name.split("-"))


def end_of_turn_advice(model: str | None) -> str:
    """Return what a client must send after the speech so that the turn ends.

    `audioStreamEnd` does not end a turn on the 3.8 models, and reports differ for 3.1 (public issue threads of 2026).
    """
    name = (model or "").rpartition("/")[2]
    if name.startswith("gemini-3.8"):
        return (
            "keep sending until the service has received about 1 s of silence: `audioStreamEnd` does not end a turn on "
            "this model"
        )
    if name.startswith("gemini-3.1"):
        return "keep sending about 1 s of silence: `audioStreamEnd` may not end a turn on this model"
    return (
        "send `audioStreamEnd` when the microphone is switched off, or about 1 s of silence (on the 3.8 models only "
        "silence ends the turn)"
    )
