"""Known fields of the setup message. Like the real service, the emulator refuses a setup with an unknown field."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from diag.emulator.closing import unknown_name
from diag.emulator.incoming import snake

Fields = Mapping[str, "Fields | None"]

ALPHA_ONLY = frozenset({"proactivity", "enableAffectiveDialog"})
"""Fields that the Developer API knows only in v1alpha."""


def _plain(*names: str) -> dict[str, Fields | None]:
    return dict.fromkeys(names)


_SPEECH: Fields = {
    **_plain("languageCode", "multiSpeakerVoiceConfig"),
    "voiceConfig": _plain("prebuiltVoiceConfig", "customVoiceConfig", "replicatedVoiceConfig", "voice"),
}

_GENERATION: Fields = {
    **_plain(
        "audioTimestamp",
        "audioTranscriptionConfig",
        "candidateCount",
        "enableAffectiveDialog",
        "enableEnhancedCivicAnswers",
        "frequencyPenalty",
        "imageConfig",
        "logprobs",
        "maxOutputTokens",
        "mediaResolution",
        "modelSelectionConfig",
        "presencePenalty",
        "responseFormat",
        "responseJsonSchema",
        "responseLogprobs",
        "responseMimeType",
        "responseModalities",
        "responseSchema",
        "routingConfig",
        "seed",
        "stopSequences",
        "temperature",
        "topK",
        "topP",
    ),
    "speechConfig": _SPEECH,
    "thinkingConfig": _plain("includeThoughts", "thinkingBudget", "thinkingLevel"),
    "translationConfig": _plain("echoTargetLanguage", "targetLanguageCode"),
}

_TRANSCRIPTION: Fields = _plain(
    "languageCode",
    "languageCodes",
    "languageAuto",
    "languageHints",
    "customVocabulary",
    "adaptationPhrases",
    "wordTimestamp",
    "diarization",
    "mode",
    "sourceText",
)

SETUP: Fields = {
    **_plain("model", "systemInstruction", "tools", "explicitVadSignal", "avatarConfig", "safetySettings", "labels"),
    "generationConfig": _GENERATION,
    "realtimeInputConfig": {
        **_plain("activityHandling", "turnCoverage", "interimTranscriptTimestampEnabled"),
        "automaticActivityDetection": _plain(
            "disabled", "startOfSpeechSensitivity", "endOfSpeechSensitivity", "prefixPaddingMs", "silenceDurationMs"
        ),
    },
    "sessionResumption": _plain("handle", "transparent"),
    "contextWindowCompression": {**_plain("triggerTokens"), "slidingWindow": _plain("targetTokens")},
    "inputAudioTranscription": _TRANSCRIPTION,
    "outputAudioTranscription": _TRANSCRIPTION,
    "proactivity": _plain("proactiveAudio", "proactiveVideo"),
    "historyConfig": _plain("initialHistoryInClientContent"),
}


def check_fields(setup: Mapping[str, Any], *, alpha: bool) -> None:
    """Check that all fields of a setup are known.

    Parameters
    ----------
    alpha : bool
        Accept the fields of v1alpha (for v1alpha itself and for Vertex).

    Raises
    ------
    Refused
        1007 at the first unknown field, with its name and place.
    """
    _check(setup, SETUP, "setup", alpha=alpha)


def _check(value: object, fields: Fields, place: str, *, alpha: bool) -> None:
    if not isinstance(value, Mapping):
        return
    for name, inner in value.items():
        if name not in fields or (name in ALPHA_ONLY and not alpha):
            raise unknown_name(snake(str(name))[:60], place).refused()
        known = fields[name]
        if known is not None:
            _check(inner, known, f"{place}.{snake(name)}", alpha=alpha)
