"""What is known of Live models by name, as of 2026-11 (from the service's model pages and public threads)."""

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
"""Words of Live models that do not hold conversations; named only to those who asked for one."""
EVER_LIVE = (
    *RETIRED, *sorted(VERTEX_ONLY), "gemini-2.5-flash-native-audio-preview-09-2025",
    "gemini-2.5-flash-native-audio-preview-12-2025", "gemini-2.5-flash-native-audio-latest",
    "gemini-3.1-flash-live-preview", "gemini-3.8-live", "gemini-3.8-live-extended-thinking",
)  # fmt: skip


def bare(model: str) -> str:
    """The name without what stands before the last slash."""
    return model.rsplit("/", 1)[-1]


def what_is_known(model: str, served: Sequence[str] | None, api_version: str) -> str:
    """Why a model name may not be found, in words, as far as its name and the model list tell."""
    name = bare(model)
    twin = next((other for other in [*map(bare, served or ()), *EVER_LIVE] if _words(other) == _words(name)), None)
    for applies, words in (
        (
            name in {bare(item) for item in served or ()},
            "the model list has it, so this API version or this method does not serve it",
        ),
        (name in RETIRED, f"it is retired: {RETIRED.get(name)}"),
        (
            name in VERTEX_ONLY or "publishers/" in model,
            "it is a name of Vertex AI, which the Gemini Developer API does not know",
        ),
        (name in NEVER_LIVE or re.search(r"tts|embedding|imagen", name), "it is not a Live model"),
        (
            name in EVER_LIVE,
            f"it is known as a Live model, but not served for API version {api_version} to this key now",
        ),
        (twin, f"no model of that name was ever known; it has the words of {twin} in another order"),
    ):
        if applies:
            return words
    return "no model of that name was ever known"


def nearest(model: str, served: Iterable[str], count: int = 3) -> list[str]:
    """Served models by likeness of their names, the order of words left aside."""
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

    `audioStreamEnd` ends no turn on the 3.8 models, and reports differ on 3.1 (public issue threads of 2026).
    """
    name = (model or "").rpartition("/")[2]
    if name.startswith("gemini-3.8"):
        return "go on sending about 1 s of silence after the speech: `audioStreamEnd` ends no turn on this model"
    if name.startswith("gemini-3.1"):
        return "go on sending about 1 s of silence: whether `audioStreamEnd` ends a turn on this model is doubtful"
    return (
        "send `audioStreamEnd` when the microphone is switched off, or about 1 s of silence (on the 3.8 models only "
        "silence ends the turn)"
    )
