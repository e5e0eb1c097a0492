"""Fields of the Live API's setup message: names, types, allowed values, and the two spellings of a name.

The emulator and the judgement of setup frames both read this table. Names are those of the SDK (google-genai 3.4) and
of the API's reference; types are those of its protobuf messages, in their JSON form.
"""

from __future__ import annotations

import functools
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

OPAQUE_KEYS = frozenset(
    {"args", "response", "parameters", "parametersJsonSchema", "responseSchema", "responseJsonSchema", "labels"}
)
"""Keys whose values belong to the user: arguments, results and schemas keep the spelling of their keys."""
ALPHA_ONLY = frozenset({"proactivity", "enableAffectiveDialog"})
"""Fields that the Developer API knows only in v1alpha."""
CLIENT_MESSAGES = ("setup", "clientContent", "realtimeInput", "toolResponse", "contextUpdate")
"""Kinds of messages that a client may send. Each message has exactly one of them."""

LONGEST_DETECTION_MS = 600_000
"""Longest padding and silence that automatic activity detection accepts (assumed: the real limit is not published)."""


class Kind(StrEnum):
    """Type of a field; the value is the type's name in the words of the service."""

    TEXT = "TYPE_STRING"
    WHOLE = "TYPE_INT32"
    NUMBER = "TYPE_FLOAT"
    FLAG = "TYPE_BOOL"
    CHOICE = "TYPE_ENUM"
    TABLE = "TYPE_MESSAGE"
    ANY = ""
    """Not checked."""


@dataclass(frozen=True, kw_only=True)
class Field:
    """One field of the setup.

    Parameters
    ----------
    many : bool
        The field is a list of such values.
    choices : tuple of str
        Values of a CHOICE.
    fields : mapping
        Fields of a TABLE by their names in camelCase; an empty one is not checked further.
    """

    kind: Kind = Kind.ANY
    many: bool = False
    choices: tuple[str, ...] = ()
    fields: Mapping[str, Field] = field(default_factory=dict)

    def accepts(self, value: object) -> bool:
        """Return whether a single value has this type; null is the same as leaving the field out.

        The rules are those of protobuf's JSON form: numbers may be written as text, but not the other way round.
        """
        if value is None or self.kind is Kind.ANY:
            return True
        if self.kind is Kind.TABLE:
            return isinstance(value, Mapping)
        if self.kind is Kind.FLAG:
            return isinstance(value, bool)
        if self.kind is Kind.TEXT:
            return isinstance(value, str)
        if self.kind is Kind.CHOICE:
            return isinstance(value, str) and value in self.choices
        return _is_number(value, whole=self.kind is Kind.WHOLE)


def _is_number(value: object, *, whole: bool) -> bool:
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return False
    try:
        number = float(value)
    except (ValueError, OverflowError):
        return False
    return not whole or number.is_integer()


@functools.lru_cache(maxsize=4096)
def camel(key: str) -> str:
    """Return a key in camelCase: `mime_type` and `mimeType` both give `mimeType`."""
    head, *tail = key.split("_")
    return head + "".join(part[:1].upper() + part[1:] for part in tail) if tail and head else key


@functools.lru_cache(maxsize=4096)
def snake(key: str) -> str:
    """Return a key in snake_case, as the real service's error messages spell it."""
    return "".join("_" + letter.lower() if letter.isupper() else letter for letter in key)


def _any(*names: str) -> dict[str, Field]:
    return dict.fromkeys(names, Field())


def _of(kind: Kind, *names: str, many: bool = False) -> dict[str, Field]:
    return dict.fromkeys(names, Field(kind=kind, many=many))


def _table(*parts: Mapping[str, Field], many: bool = False) -> Field:
    return Field(kind=Kind.TABLE, many=many, fields={name: inner for part in parts for name, inner in part.items()})


def _choice(prefix: str, *choices: str) -> Field:
    return Field(kind=Kind.CHOICE, choices=(f"{prefix}_UNSPECIFIED", *choices))


_SPEECH = _table(
    _of(Kind.TEXT, "languageCode"),
    _any("multiSpeakerVoiceConfig"),
    {
        "voiceConfig": _table(
            {"prebuiltVoiceConfig": _table(_of(Kind.TEXT, "voiceName"))},
            _any("customVoiceConfig", "replicatedVoiceConfig", "voice"),
        )
    },
)
_GENERATION = _table(
    _any(
        "audioTranscriptionConfig",
        "imageConfig",
        "modelSelectionConfig",
        "responseFormat",
        "responseJsonSchema",
        # Its values depend on the model, so they are checked together with the model.
        "responseModalities",
        "responseSchema",
        "routingConfig",
    ),
    _of(
        Kind.FLAG,
        "audioTimestamp",
        "enableAffectiveDialog",
        "enableEnhancedCivicAnswers",
        "responseLogprobs",
    ),
    _of(Kind.WHOLE, "candidateCount", "logprobs", "maxOutputTokens", "seed"),
    _of(Kind.NUMBER, "frequencyPenalty", "presencePenalty", "temperature", "topK", "topP"),
    _of(Kind.TEXT, "responseMimeType"),
    _of(Kind.TEXT, "stopSequences", many=True),
    {
        "mediaResolution": _choice(
            "MEDIA_RESOLUTION", "MEDIA_RESOLUTION_LOW", "MEDIA_RESOLUTION_MEDIUM", "MEDIA_RESOLUTION_HIGH"
        ),
        "speechConfig": _SPEECH,
        "thinkingConfig": _table(
            _of(Kind.FLAG, "includeThoughts"),
            _of(Kind.WHOLE, "thinkingBudget"),
            {
                "thinkingLevel": _choice(
                    "THINKING_LEVEL", "MINIMAL", "LOW", "MEDIUM", "HIGH", "XHIGH", "THINKING_LEVEL_MINIMAL"
                )
            },
        ),
        "translationConfig": _table(_of(Kind.FLAG, "echoTargetLanguage"), _of(Kind.TEXT, "targetLanguageCode")),
    },
)
_TRANSCRIPTION = _table(
    _any(
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
)
_DETECTION = _table(
    _of(Kind.FLAG, "disabled"),
    _of(Kind.WHOLE, "prefixPaddingMs", "silenceDurationMs"),
    {
        "startOfSpeechSensitivity": _choice("START_SENSITIVITY", "START_SENSITIVITY_HIGH", "START_SENSITIVITY_LOW"),
        "endOfSpeechSensitivity": _choice("END_SENSITIVITY", "END_SENSITIVITY_HIGH", "END_SENSITIVITY_LOW"),
    },
)

SETUP = _table(
    _of(Kind.TEXT, "model"),
    _of(Kind.FLAG, "explicitVadSignal"),
    _any("avatarConfig", "safetySettings", "labels"),
    {
        "generationConfig": _GENERATION,
        "systemInstruction": _table(_any("parts"), _of(Kind.TEXT, "role")),
        "tools": _table(
            _any(
                "codeExecution",
                "computerUse",
                "enterpriseWebSearch",
                "exaAiSearch",
                "fileSearch",
                "functionDeclarations",
                "googleMaps",
                "googleSearch",
                "googleSearchRetrieval",
                "mcpServers",
                "parallelAiSearch",
                "retrieval",
                "urlContext",
            ),
            many=True,
        ),
        "realtimeInputConfig": _table(
            _of(Kind.FLAG, "interimTranscriptTimestampEnabled"),
            {
                "automaticActivityDetection": _DETECTION,
                "activityHandling": _choice("ACTIVITY_HANDLING", "START_OF_ACTIVITY_INTERRUPTS", "NO_INTERRUPTION"),
                "turnCoverage": _choice(
                    "TURN_COVERAGE",
                    "TURN_INCLUDES_ONLY_ACTIVITY",
                    "TURN_INCLUDES_ALL_INPUT",
                    "TURN_INCLUDES_AUDIO_ACTIVITY_AND_ALL_VIDEO",
                ),
            },
        ),
        "sessionResumption": _table(_of(Kind.TEXT, "handle"), _of(Kind.FLAG, "transparent")),
        "contextWindowCompression": _table(
            _of(Kind.WHOLE, "triggerTokens"), {"slidingWindow": _table(_of(Kind.WHOLE, "targetTokens"))}
        ),
        "inputAudioTranscription": _TRANSCRIPTION,
        "outputAudioTranscription": _TRANSCRIPTION,
        "proactivity": _table(_of(Kind.FLAG, "proactiveAudio", "proactiveVideo")),
        "historyConfig": _table(_of(Kind.FLAG, "initialHistoryInClientContent")),
    },
)
"""The setup message."""


def known_places() -> Iterator[tuple[str, ...]]:
    """Return the path of every known field, as ("generationConfig", "responseModalities"); short paths first."""
    level: list[tuple[tuple[str, ...], Field]] = [((), SETUP)]
    while level:
        below = [((*path, name), inner) for path, outer in level for name, inner in outer.fields.items()]
        yield from (path for path, _ in below)
        level = below


def canonical(value: object) -> Any:
    """Return the same JSON with camelCase keys, except below `OPAQUE_KEYS`."""
    if isinstance(value, Mapping):
        result = {}
        for key, inner in value.items():
            name = camel(str(key))
            result[name] = inner if name in OPAQUE_KEYS else canonical(inner)
        return result
    if isinstance(value, list | tuple):
        return [canonical(item) for item in value]
    return value
