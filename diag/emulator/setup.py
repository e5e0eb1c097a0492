"""Reading of the setup message: what it asks for, and whether the real service would accept it."""

from __future__ import annotations

import datetime
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from diag.core.live_catalogue import Model, find, known_voice, without_project
from diag.core.live_setup import CLIENT_MESSAGES, LONGEST_DETECTION_MS, snake
from diag.emulator.closing import (
    CLOSES,
    Ending,
    Refused,
    modality_unsupported,
    model_not_found,
    unknown_name,
    voice_unavailable,
)
from diag.emulator.fields import check_fields
from diag.emulator.incoming import mapping, sequence
from diag.emulator.settings import EmulatorSettings

NEW_LIST_CALL = datetime.date(2026, 1, 1)
"""From about this day on, the refusal of a model names `ModelService.ListModels`, before it `ListModels`."""


@dataclass(frozen=True, kw_only=True)
class Setup:
    """Those parts of the client's setup that change the behaviour of the emulator.

    Parameters
    ----------
    modality : str
        "AUDIO", "TEXT", or "NONE" if the client names no modality and the model then stays silent.
    resumable : bool
        The client asked for resumption handles.
    handle : str or None
        Handle of the session to resume; None for a new session.
    """

    model: Model
    modality: str
    voice: str = ""
    language: str = ""
    manual_activity: bool = False
    silence_ms: int
    prefix_padding_ms: int
    start_sensitivity: str = "HIGH"
    end_sensitivity: str = "HIGH"
    interruptible: bool = True
    input_transcription: bool = False
    output_transcription: bool = False
    resumable: bool = False
    handle: str | None = None
    compression: bool = False
    initial_history: bool = False
    voice_activity: bool = False
    thoughts: bool = False
    transparent: bool = False
    functions: tuple[Mapping[str, Any], ...] = ()
    unanswered: bool = False
    """The service never sends setupComplete for this setup."""


def read_setup(
    message: Mapping[str, Any], settings: EmulatorSettings, *, version: str, vertex: bool, firebase: bool = False
) -> Setup:
    """Return what the first message of a session asks for.

    Parameters
    ----------
    message : mapping
        The message, with camelCase keys.
    version : str
        API version in the path.
    vertex : bool
        The path is one of Vertex AI.
    firebase : bool
        Model names have Firebase's form.

    Raises
    ------
    Refused
        If the real service would refuse the setup; with the real service's close code and reason.
    """
    setup = _only_setup(message)
    name = setup.get("model")
    if not isinstance(name, str) or not name:
        raise CLOSES["invalid_argument"].refused()
    if firebase and not vertex:
        name = without_project(name)
    model = find(name, version=version, day=settings.date, vertex=vertex, withheld=settings.withheld_models)
    if model is None:
        raise model_not_found(name[:200], version, early=settings.date < NEW_LIST_CALL).refused()
    check_fields(setup, alpha=vertex or version == "v1alpha")
    generation = mapping(setup.get("generationConfig"))
    _check_thinking(generation, model)
    unanswered = _check_character(setup, generation, model)
    speech = mapping(generation.get("speechConfig"))
    voice = mapping(mapping(speech.get("voiceConfig")).get("prebuiltVoiceConfig"))
    voice_name = str(voice.get("voiceName") or "")
    if voice_name and known_voice(voice_name) is None:
        raise voice_unavailable(voice_name[:60], name).refused()
    realtime = mapping(setup.get("realtimeInputConfig"))
    detection = mapping(realtime.get("automaticActivityDetection"))
    resumption = setup.get("sessionResumption")
    functions = [
        declaration
        for tool in sequence(setup.get("tools"))
        for declaration in sequence(mapping(tool).get("functionDeclarations"))
        if isinstance(declaration, Mapping) and isinstance(declaration.get("name"), str)
    ]
    return Setup(
        model=model,
        modality=_modality(generation, model, name, settings),
        voice=voice_name,
        language=str(speech.get("languageCode", "")),
        manual_activity=bool(detection.get("disabled", False)),
        silence_ms=min(
            _milliseconds(detection, "silenceDurationMs", settings.silence_ms),
            settings.silence_at_most_ms or model.longest_silence_ms or LONGEST_DETECTION_MS,
        ),
        prefix_padding_ms=_milliseconds(detection, "prefixPaddingMs", settings.prefix_padding_ms),
        start_sensitivity=_sensitivity(detection, "startOfSpeechSensitivity", "START", vertex=vertex),
        end_sensitivity=_sensitivity(detection, "endOfSpeechSensitivity", "END", vertex=vertex),
        # A model that only transcribes is not interrupted, as the last sentence would be lost.
        interruptible=realtime.get("activityHandling") != "NO_INTERRUPTION" and not model.transcribes,
        input_transcription=setup.get("inputAudioTranscription") is not None,
        output_transcription=setup.get("outputAudioTranscription") is not None,
        resumable=resumption is not None,
        handle=_handle(resumption),
        compression=setup.get("contextWindowCompression") is not None,
        initial_history=bool(mapping(setup.get("historyConfig")).get("initialHistoryInClientContent", False)),
        voice_activity=bool(setup.get("explicitVadSignal", False)) or settings.voice_activity,
        thoughts=model.thinking != "none"
        and bool(mapping(generation.get("thinkingConfig")).get("includeThoughts", False)),
        transparent=bool(mapping(resumption).get("transparent", False)),
        functions=tuple(functions),
        unanswered=unanswered,
    )


def _only_setup(message: Mapping[str, Any]) -> Mapping[str, Any]:
    for name in message:
        if name not in CLIENT_MESSAGES:
            raise unknown_name(snake(name)[:60], "").refused()
    if list(message) != ["setup"]:
        raise CLOSES["invalid_argument"].refused()
    return mapping(message["setup"])


def _check_thinking(generation: Mapping[str, Any], model: Model) -> None:
    """Refuse a thinking configuration that the model does not accept.

    Models 2.5 accept a budget, 3.1 a level, 3.8 neither; 3.8 with extended thinking requires a level above MINIMAL.
    """
    thinking = mapping(generation.get("thinkingConfig"))
    level, budget = thinking.get("thinkingLevel"), thinking.get("thinkingBudget")
    if model.thinking == "required" and level is None:
        raise CLOSES["thinking_level_missing"].refused()
    least = str(level).upper() in ("MINIMAL", "THINKING_LEVEL_MINIMAL")
    if level is not None and (model.thinking in ("budget", "none") or (model.thinking == "required" and least)):
        raise CLOSES["thinking_level"].refused()
    if model.thinking == "none" and budget is not None:
        raise CLOSES["invalid_argument"].refused()


def _check_character(setup: Mapping[str, Any], generation: Mapping[str, Any], model: Model) -> bool:
    """Refuse settings of affective dialog and proactive audio that the model does not accept.

    Models 2.5 accept both, 3.1 neither; 3.8 accepts no affective dialog, and proactive audio only if switched on.

    Returns
    -------
    bool
        True if the model does not refuse such a setup but never answers it.
    """
    proactive = mapping(setup.get("proactivity")).get("proactiveAudio")
    allowed = {"either": True, "on": proactive is None or proactive is True, "none": proactive is None}
    if (generation.get("enableAffectiveDialog") and not model.affective) or not allowed[model.proactive]:
        if model.mute_setups:
            return True
        raise CLOSES["invalid_argument"].refused()
    return False


def _modality(generation: Mapping[str, Any], model: Model, name: str, settings: EmulatorSettings) -> str:
    asked = generation.get("responseModalities")
    if asked is None or asked == []:
        if settings.omitted_modality == "rejected":
            raise CLOSES["invalid_argument"].refused()
        if model.modalities == ("TEXT",):
            return "TEXT"
        return {"silent": "NONE", "text": "TEXT", "audio": "AUDIO"}[settings.omitted_modality]
    listed = [asked] if isinstance(asked, str) else sequence(asked)
    modalities = tuple(str(modality).upper() for modality in listed)
    if len(modalities) > 1 or modalities[0] not in ("AUDIO", "TEXT"):
        raise CLOSES["invalid_argument"].refused()
    if modalities[0] not in model.modalities:
        raise _unsupported(name, modalities, settings)
    return modalities[0]


def _unsupported(name: str, modalities: tuple[str, ...], settings: EmulatorSettings) -> Refused:
    endings: dict[str, Ending] = {
        "combination": modality_unsupported(name, modalities),
        "voices": CLOSES["text_on_audio_model"],
        "internal": CLOSES["internal"],
    }
    kind = settings.text_on_audio_model if modalities == ("TEXT",) else "combination"
    return endings[kind].refused()


def _milliseconds(detection: Mapping[str, Any], key: str, default: int) -> int:
    value = detection.get(key)
    if value is None:
        return default
    # `check_fields` has let only whole numbers pass, which may be written as text.
    if not 0 <= float(value) <= LONGEST_DETECTION_MS:
        raise CLOSES["invalid_argument"].refused()
    return int(float(value))


def _sensitivity(detection: Mapping[str, Any], key: str, prefix: str, *, vertex: bool) -> str:
    """Return "HIGH" or "LOW"; unspecified means HIGH on the Developer API and LOW on Vertex (docstrings of the SDK)."""
    value = detection.get(key) or f"{prefix}_SENSITIVITY_UNSPECIFIED"
    default = "LOW" if vertex else "HIGH"
    names = {
        f"{prefix}_SENSITIVITY_UNSPECIFIED": default,
        f"{prefix}_SENSITIVITY_HIGH": "HIGH",
        f"{prefix}_SENSITIVITY_LOW": "LOW",
    }
    if not isinstance(value, str) or value not in names:
        raise CLOSES["invalid_argument"].refused()
    return names[value]


def _handle(resumption: object) -> str | None:
    handle = mapping(resumption).get("handle")
    return handle if isinstance(handle, str) and handle else None
