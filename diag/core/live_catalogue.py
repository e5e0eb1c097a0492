"""Catalogue of the Live API's models: when each was served, in which API versions, and which settings it accepts.

Comments in the table mark dates without a source. `docs/emulator.md` lists what is not known.
"""

from __future__ import annotations

import datetime
import difflib
from dataclasses import dataclass
from typing import Any, Literal

from diag.core.messages import msg

BIDI = "bidiGenerateContent"
GENERATE = "generateContent"
ALL_VERSIONS = ("v1", "v1beta", "v1alpha")
PREVIEW_VERSIONS = ("v1beta", "v1alpha")


HIGH_VOICES = (
    "Achernar", "Aoede", "Autonoe", "Callirrhoe", "Despina", "Erinome", "Gacrux", "Kore", "Laomedeia", "Leda",
    "Pulcherrima", "Sulafat", "Vindemiatrix", "Zephyr",
)  # fmt: skip
LOW_VOICES = (
    "Achird", "Algenib", "Algieba", "Alnilam", "Charon", "Enceladus", "Fenrir", "Iapetus", "Orus", "Puck",
    "Rasalgethi", "Sadachbia", "Sadaltager", "Schedar", "Umbriel", "Zubenelgenubi",
)  # fmt: skip
"""The service's prebuilt voices, female and male, as of November 2026."""


@dataclass(frozen=True, kw_only=True)
class Model:
    """One model of the catalogue.

    Parameters
    ----------
    served_from, served_until : datetime.date
        First day on which the model is served, and first day on which it is not (None if no shutdown date is known).
    shutdown_published : bool
        The day of `served_until` was published; otherwise it is the day by which the model was seen to be gone.
    versions : tuple of str
        Versions of the Developer API that serve it; empty for a model that only Vertex serves.
    vertex : bool
        Vertex serves it.
    modalities : tuple of str
        Response modalities that it accepts.
    thinking : str
        Thinking configuration that it accepts: "budget", "level", "required" (a level must be given) or "none".
    media_chunks : bool
        Accepts the deprecated `mediaChunks`.
    affective : bool
        Accepts affective dialog.
    proactive : str
        Values of proactive audio that it accepts: "either", "on" (off is refused) or "none".
    tools : str
        How it calls functions: "blocking" or "non_blocking" (unless a declaration says otherwise), or "only_blocking".
    transcribes : bool
        Only transcribes audio and gives no replies.
    methods : tuple of str
        API methods that it supports.
    whole_wav : bool
        Sends speech from text as a WAV file, not as raw PCM.
    stream_end : bool
        `audioStreamEnd` ends the turn; otherwise the client must send audio until the detector finds silence.
    longest_silence_ms : int or None
        A longer `silenceDurationMs` is accepted but not used; None if every value is.
    mute_setups : bool
        Neither answers nor refuses a setup with affective dialog or proactive audio.
    scheduling : bool
        Accepts `scheduling` in function responses.
    fills : bool
        Speaks filler while it is thinking, and reports with interactionStatus when it has finished.
    """

    name: str
    served_from: datetime.date
    served_until: datetime.date | None = None
    shutdown_published: bool = True
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
    longest_silence_ms: int | None = None
    mute_setups: bool = False
    scheduling: bool = True

    @property
    def live(self) -> bool:
        """Whether the model holds Live sessions."""
        return BIDI in self.methods

    def served(self, day: datetime.date) -> bool:
        """Return whether the model is served on this day."""
        return self.served_from <= day and (self.served_until is None or day < self.served_until)


def _day(text: str) -> datetime.date:
    return datetime.date.fromisoformat(text)


_BOTH = ("AUDIO", "TEXT")
_TTS = (GENERATE,)
_NATIVE: dict[str, Any] = {"affective": True, "proactive": "either"}
_NEWEST: dict[str, Any] = {"proactive": "on", "tools": "non_blocking", "stream_end": False}

MODELS: tuple[Model, ...] = (
    Model(
        name="gemini-2.0-flash-exp",
        served_from=_day("2024-12-11"),
        served_until=_day("2026-04-01"),
        shutdown_published=False,
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
    # The first day of the next two is assumed to be that of their announcement in May 2025.
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
    # The first days of the next three are assumed from their names: the first of the month.
    Model(name="gemini-2.5-flash-native-audio-preview-09-2025", served_from=_day("2025-09-01"), **_NATIVE),
    Model(name="gemini-2.5-flash-native-audio-preview-12-2025", served_from=_day("2025-12-01"), **_NATIVE),
    Model(name="gemini-2.5-flash-native-audio-latest", served_from=_day("2025-12-01"), **_NATIVE),
    Model(
        name="gemini-3.1-flash-live-preview",
        served_from=_day("2026-03-01"),
        thinking="level",
        media_chunks=False,
        tools="only_blocking",
        # Turns were seen to end after about 2 s with 6000 in the setup.
        longest_silence_ms=2000,
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
    # Models without Live sessions, so that the list of models looks like the real one.
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
    # The first day is assumed to be that of the Live models of the same generation.
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
    """Return the model with this resource name; None if this API version does not serve it for this method and day.

    Parameters
    ----------
    name : str
        Resource name as in the request: `models/M` on the Developer API, `publishers/google/models/M` on Vertex,
        there also after `projects/P/locations/L/`.
    withheld : tuple of str
        Models that are not served for the client's key (the real list differs by key and project).
    """
    wanted = short_name(name, vertex=vertex)
    for model in MODELS:
        known = model.vertex if vertex else version in model.versions
        if model.name == wanted and known and method in model.methods and model.served(day):
            return None if model.name in withheld else model
    return None


def entry(name: str) -> Model | None:
    """Return the entry of a model by the last part of its name, served or not; None if the catalogue has none."""
    wanted = name.rsplit("/", 1)[-1]
    return next((model for model in MODELS if model.name == wanted), None)


def known_voice(name: str) -> str | None:
    """Return a prebuilt voice's name as the service spells it, from any letter case; None if there is none."""
    return next((voice for voice in HIGH_VOICES + LOW_VOICES if voice.casefold() == name.strip().casefold()), None)


def similar_voices(name: str) -> list[str]:
    """Return up to three prebuilt voices whose names are most similar; common ones if none is."""
    # A name of another service of Google ends with the voice: `en-US-Chirp3-HD-Kore`.
    last = known_voice(name.rpartition("-")[2])
    near = difflib.get_close_matches(name.strip().title(), HIGH_VOICES + LOW_VOICES, n=3)
    return [last] if last else near or ["Kore", "Aoede", "Puck"]


def fate(model: Model) -> str:
    """Return in words what has become of a model that is no longer served; empty without a shutdown date."""
    if model.served_until is None:
        return ""
    day = model.served_until
    month = f"{day:%B} {day.year}"
    if not model.shutdown_published:
        return msg("it was gone by {month}", month=month)
    return msg("it was shut down on {day} {month}", day=day.day, month=month)


def short_name(name: str, *, vertex: bool) -> str | None:
    """Return the model's short name from a resource name; None if the platform does not accept such a name."""
    parts = name.split("/")
    if not vertex:
        return parts[1] if len(parts) == 2 and parts[0] == "models" else None
    if len(parts) == 8 and parts[0] == "projects" and parts[2] == "locations":
        parts = parts[4:]
    if len(parts) == 4 and parts[:3] == ["publishers", "google", "models"]:
        return parts[3]
    return None


def without_project(name: str) -> str:
    """Return `models/M` for `projects/P/models/M`, the form of Firebase's Developer API; other names unchanged."""
    parts = name.split("/")
    return "/".join(parts[2:]) if len(parts) == 4 and (parts[0], parts[2]) == ("projects", "models") else name


def listing(*, version: str, day: datetime.date, withheld: tuple[str, ...] = ()) -> list[dict[str, Any]]:
    """Return the models that `GET /{version}/models` lists on this day, ready for JSON."""
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
