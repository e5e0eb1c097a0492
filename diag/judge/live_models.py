"""Known Live models by name, as of 2026-11, and the models with the most similar names."""

from __future__ import annotations

import datetime
import difflib
import re
from collections.abc import Iterable, Sequence

from diag.core.live_catalogue import MODELS, fate
from diag.core.messages import msg

DEFAULT_MODEL = "models/gemini-3.8-live"
_AS_OF = datetime.date(2026, 11, 1)
RETIRED = {
    model.name: fate(model)
    for model in MODELS
    if model.live and model.versions and model.served_until is not None and model.served_until <= _AS_OF
}
VERTEX_ONLY = frozenset(model.name for model in MODELS if model.live and not model.versions)
NEVER_LIVE = frozenset(model.name for model in MODELS if not model.live) | {"gemini-2.5-pro", "gemini-2.0-flash"}
_SPECIALISTS = frozenset({"transcribe", "translate", "robotics"})
"""Words in the names of Live models that do not hold conversations. They are suggested only if the model asked for has
such a word too."""
EVER_LIVE = tuple(model.name for model in MODELS if model.live)


def bare(model: str) -> str:
    """Return the name after the last slash."""
    return model.rsplit("/", 1)[-1]


def what_is_known(model: str, served: Sequence[str] | None, api_version: str) -> str:
    """Return why a model name may not be found, in words, judged by the name and the model list."""
    name = bare(model)
    versions = served_in(model)
    twin = next((other for other in [*map(bare, served or ()), *EVER_LIVE] if _words(other) == _words(name)), None)
    for applies, words in (
        (
            versions and api_version and api_version not in versions,
            msg(
                "it is served in API version {versions}, and the client asked for {api_version}",
                versions=" and ".join(versions),
                api_version=api_version,
            ),
        ),
        (
            name in {bare(item) for item in served or ()},
            msg("the model list has it, but it is not served by this API version or method"),
        ),
        (name in RETIRED, msg("it is retired: {fate}", fate=RETIRED.get(name))),
        (
            name in VERTEX_ONLY or "publishers/" in model,
            msg("it is a Vertex AI name, which the Gemini Developer API does not know"),
        ),
        (name in NEVER_LIVE or re.search(r"tts|embedding|imagen", name), msg("it is not a Live model")),
        (
            name in EVER_LIVE,
            msg(
                "it is a known Live model, but is not served for API version {api_version} to this key now",
                api_version=api_version,
            ),
        ),
        (twin, msg("no model of this name is known; {twin} has the same words in another order", twin=twin)),
    ):
        if applies:
            return words
    return msg("no model of this name is known")


def right_spelling(model: str, served: Sequence[str], api_version: str) -> str | None:
    """Return the resource name of a model that is served and was asked for in a wrong form; None if it was not.

    Such forms are a name without `models/` or with it twice, with capitals or spaces, or with the path of Vertex AI.
    """
    right = f"models/{bare(model.strip().rstrip('/')).lower()}"
    is_served = right in served if served else api_version in served_in(right)
    return right if is_served and right != model else None


def served_in(model: str) -> tuple[str, ...]:
    """Return the versions of the Developer API that serve a Live model, as far as is known; empty if none does."""
    name = bare(model)
    return next((known.versions for known in MODELS if known.live and known.name == name and name not in RETIRED), ())


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
        return msg(
            "keep sending until the service has received about 1 s of silence: `audioStreamEnd` does not end a turn on "
            "this model"
        )
    if name.startswith("gemini-3.1"):
        return msg("keep sending about 1 s of silence: `audioStreamEnd` may not end a turn on this model")
    return msg(
        "send `audioStreamEnd` when the microphone is switched off, or about 1 s of silence (on the 3.8 models only "
        "silence ends the turn)"
    )
