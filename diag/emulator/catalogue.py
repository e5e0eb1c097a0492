"""Which models were served when, in which API versions, and what each takes.

Dates without a source are marked in the table's comments; `docs/emulator.md` lists what is not known.
"""

from __future__ import annotations

import datetime
from dataclasses import dataclass
from typing import Any, Literal

BIDI = "bidiGenerateContent"
GENERATE = "generateContent"
ALL_VERSIONS = ("v1", "v1beta", "v1alpha")
PREVIEW_VERSIONS = ("v1beta", "v1alpha")


@dataclass(frozen=True, kw_only=True)
class Model:
    """One model of the catalogue.

    Parameters
    ----------
    served_from, served_until : datetime.date
        First day served, first day not served any more (None: no shutdown date known).
    versions : tuple of str
        API versions of the Developer API that serve it; empty for a model of Vertex alone.
    vertex : bool
        Served on Vertex.
    modalities : tuple of str
        Response modalities that it takes.
    thinking : str
        "budget", "level", "required" (a level must be given) or "none" (neither is allowed).
    media_chunks : bool
        Still takes the deprecated `mediaChunks`.
    affective : bool
        Takes affective dialog.
    proactive : str
        Which settings of proactive audio it takes: "either", "on" (off is an error) or "none".
    tools : str
        "blocking" (unless a declaration says otherwise), "only_blocking" or "non_blocking" (unless it says otherwise).
    transcribes : bool
        Writes down what it hears and answers nothing.
    whole_wav : bool
        Speech from text comes as a WAV file, not as raw PCM.
    stream_end : bool
        `audioStreamEnd` ends the turn; else audio must go on until the detector hears silence.
    mute_setups : bool
        A setup with affective dialog or proactive audio is never answered, and never refused either.
    scheduling : bool
        Takes `scheduling` in function responses.
    fills : bool
        Speaks filler while it thinks on, and says by interactionStatus when it is done.
    """

    name: str
    served_from: datetime.date
    served_until: datetime.date | None = None
    versions: tuple[str, ...] = PREVIEW_VERSIONS
    vertex: bool = False
    modalities: tuple[str, ...] = ("AUDIO",)
    thinking: Literal["budget", "level", "required", "none"] = "budget"
    media_chunks: bool = True
    affective: bool = False
    proactive: Literal["either", "on", "none"] = "none"
    tools: Literal["blocking", "only_blocking", "non_blocking"] = "blocking"
    transcribes: bool = False
    methods: tuple[str, ...] = (BIDI,)
    input_token_limit: int = 131072
    whole_wav: bool = False
    fills: bool = False
    stream_end: bool = True
    mute_setups: bool = False
    scheduling: bool = True

    def served(self, day: datetime.date) -> bool:
        """Whether it is served on that day."""
        return self.served_from <= day and (self.served_until is None or day < self.served_until)


def _day(text: str) -> datetime.date:
    return datetime.date.fromisoformat(text)


_BOTH = ("AUDIO", "TEXT")
_TTS = (GENERATE,)
_NATIVE: dict[str, Any] = {"affective": True, "proactive": "either"}
_NEWEST: dict[str, Any] = {"proactive": "on", "tools": "non_blocking", "stream_end": False}

MODELS: tuple[Model, ...] = (
    # Shutdown day not published; it was refused by April 2026.
    Model(
        name="gemini-2.0-flash-exp",
        served_from=_day("2024-12-11"),
        served_until=_day("2026-04-01"),
        modalities=_BOTH,
        vertex=True,
        methods=(GENERATE, BIDI),
        input_token_limit=1048576,
    ),
    Model(
        name="gemini-2.0-flash-live-001",
        served_from=_day("2025-04-09"),
        served_until=_day("2025-12-09"),
        modalities=_BOTH,
    ),
    Model(
        name="gemini-live-2.5-flash-preview",
        served_from=_day("2025-06-17"),
        served_until=_day("2025-12-09"),
        modalities=_BOTH,
        vertex=True,
    ),
    # First day taken as that of their announcement in May 2025.
    Model(
        name="gemini-2.5-flash-preview-native-audio-dialog",
        served_from=_day("2025-05-20"),
        served_until=_day("2025-10-20"),
        **_NATIVE,
    ),
    Model(
        name="gemini-2.5-flash-exp-native-audio-thinking-dialog",
        served_from=_day("2025-05-20"),
        served_until=_day("2025-10-20"),
        **_NATIVE,
    ),
    # First days of the three that follow taken from their names: the first of that month.
    Model(name="gemini-2.5-flash-native-audio-preview-09-2025", served_from=_day("2025-09-01"), **_NATIVE),
    Model(name="gemini-2.5-flash-native-audio-preview-12-2025", served_from=_day("2025-12-01"), **_NATIVE),
    Model(name="gemini-2.5-flash-native-audio-latest", served_from=_day("2025-12-01"), **_NATIVE),
    Model(
        name="gemini-3.1-flash-live-preview",
        served_from=_day("2026-03-01"),
        thinking="level",
        media_chunks=False,
        tools="only_blocking",
        mute_setups=True,
    ),
    Model(
        name="gemini-3.5-transcribe-live",
        served_from=_day("2026-08-26"),
        versions=ALL_VERSIONS,
        modalities=("TEXT",),
        thinking="none",
        media_chunks=False,
        transcribes=True,
    ),
    Model(
        name="gemini-3.5-live-translate-preview",
        served_from=_day("2026-09-01"),
        thinking="none",
        media_chunks=False,
    ),
    Model(
        name="gemini-robotics-er-2-streaming-preview",
        served_from=_day("2026-09-01"),
        modalities=_BOTH,
        thinking="level",
        media_chunks=False,
    ),
    Model(
        name="gemini-3.8-live",
        served_from=_day("2026-09-15"),
        versions=ALL_VERSIONS,
        thinking="none",
        media_chunks=False,
        **_NEWEST,
    ),
    Model(
        name="gemini-3.8-live-extended-thinking",
        served_from=_day("2026-09-15"),
        versions=ALL_VERSIONS,
        thinking="required",
        fills=True,
        scheduling=False,
        media_chunks=False,
        **_NEWEST,
    ),
    Model(
        name="gemini-2.0-flash-live-preview-04-09",
        served_from=_day("2025-04-09"),
        served_until=_day("2025-12-09"),
        versions=(),
        vertex=True,
        modalities=_BOTH,
    ),
    Model(name="gemini-live-2.5-flash", served_from=_day("2025-06-17"), versions=(), vertex=True, modalities=_BOTH),
    Model(
        name="gemini-live-2.5-flash-native-audio",
        served_from=_day("2025-12-01"),
        versions=(),
        vertex=True,
        **_NATIVE,
    ),
    # Known names that were never Live models, so that a list shows what a list would.
    Model(
        name="gemini-2.0-flash-001",
        served_from=_day("2025-02-05"),
        versions=ALL_VERSIONS,
        vertex=True,
        modalities=("TEXT",),
        methods=_TTS,
        input_token_limit=1048576,
    ),
    Model(
        name="gemini-2.5-flash",
        served_from=_day("2025-06-17"),
        versions=ALL_VERSIONS,
        vertex=True,
        modalities=("TEXT",),
        methods=_TTS,
        input_token_limit=1048576,
    ),
    Model(
        name="gemini-2.5-flash-preview-tts",
        served_from=_day("2025-05-20"),
        served_until=_day("2026-12-18"),
        methods=_TTS,
        input_token_limit=8192,
    ),
    Model(
        name="gemini-2.5-pro-preview-tts",
        served_from=_day("2025-05-20"),
        served_until=_day("2026-12-18"),
        methods=_TTS,
        input_token_limit=8192,
    ),
    Model(
        name="gemini-3.1-flash-tts-preview",
        served_from=_day("2026-03-01"),
        served_until=_day("2026-12-18"),
        methods=_TTS,
        input_token_limit=8192,
    ),
    # First day taken as that of the Live models of the same generation.
    Model(
        name="gemini-3.8-flash-tts",
        served_from=_day("2026-09-15"),
        versions=ALL_VERSIONS,
        methods=_TTS,
        input_token_limit=8192,
        whole_wav=True,
    ),
    Model(
        name="gemini-3.8-flash-lite-tts",
        served_from=_day("2026-09-15"),
        versions=ALL_VERSIONS,
        methods=_TTS,
        input_token_limit=8192,
        whole_wav=True,
    ),
    Model(name="gemini-2.5-flash-tts", served_from=_day("2025-09-01"), versions=(), vertex=True, methods=_TTS),
    Model(name="gemini-2.5-pro-tts", served_from=_day("2025-09-01"), versions=(), vertex=True, methods=_TTS),
)


def find(
    name: str,
    *,
    version: str,
    day: datetime.date,
    vertex: bool,
    method: str = BIDI,
    withheld: tuple[str, ...] = (),
) -> Model | None:
    """The model of that resource name, if that API version serves it for that method on that day.

    Parameters
    ----------
    withheld : tuple of str
        Models that this key does not get: lists differ by key and project.
    name : str
        As in the request: `models/M` on the Developer API; `publishers/google/models/M`, also below
        `projects/P/locations/L/`, on Vertex.
    """
    wanted = short_name(name, vertex=vertex)
    for model in MODELS:
        known = model.vertex if vertex else version in model.versions
        if model.name == wanted and known and method in model.methods and model.served(day):
            return None if model.name in withheld else model
    return None


def short_name(name: str, *, vertex: bool) -> str | None:
    """The model's own name within a resource name; None where the platform does not take such a name."""
    parts = name.split("/")
    if not vertex:
        return parts[1] if len(parts) == 2 and parts[0] == "models" else None
    if len(parts) == 8 and parts[0] == "projects" and parts[2] == "locations":
        parts = parts[4:]
    if len(parts) == 4 and parts[:3] == ["publishers", "google", "models"]:
        return parts[3]
    return None


def without_project(name: str) -> str:
    """Return a model's resource name without the project that Firebase puts before it, as in `projects/P/models/M`."""
    parts = name.split("/")
    return "/".join(parts[2:]) if len(parts) == 4 and (parts[0], parts[2]) == ("projects", "models") else name


def listing(*, version: str, day: datetime.date, withheld: tuple[str, ...] = ()) -> list[dict[str, Any]]:
    """The models that `GET /{version}/models` shows on that day."""
    return [
        {
            "name": f"models/{model.name}",
            "version": "001",
            "displayName": model.name.replace("-", " ").title(),
            "inputTokenLimit": model.input_token_limit,
            "outputTokenLimit": 8192,
            "supportedGenerationMethods": list(model.methods),
        }
        for model in MODELS
        if version in model.versions and model.served(day) and model.name not in withheld
    ]
