"""Judgement of a setup frame, the first message of a Live session: its faults and the corrected frame.

The known fields, their types and the models come from `diag.core`, which the emulator reads too.
"""

from __future__ import annotations

import copy
import datetime
import difflib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from functools import reduce
from typing import Any

from diag.core.live_catalogue import (
    BIDI,
    MODELS,
    Model,
    entry,
    fate,
    find,
    known_voice,
    listing,
    similar_voices,
)
from diag.core.live_setup import (
    ALPHA_ONLY,
    CLIENT_MESSAGES,
    LONGEST_DETECTION_MS,
    SETUP,
    Field,
    Kind,
    camel,
    known_places,
)
from diag.core.located_json import LocatedJson, child_pointer
from diag.core.messages import msg
from diag.core.units import LIVE_INPUT_RATE_HZ, LIVE_OUTPUT_RATE_HZ
from diag.judge.live_models import bare, nearest, what_is_known

Path = tuple[str, ...]

_GENERATION: Path = ("generationConfig",)
_MODALITIES: Path = (*_GENERATION, "responseModalities")
_LEVEL: Path = (*_GENERATION, "thinkingConfig", "thinkingLevel")
_BUDGET: Path = (*_GENERATION, "thinkingConfig", "thinkingBudget")
_AFFECTIVE: Path = (*_GENERATION, "enableAffectiveDialog")
_PROACTIVE: Path = ("proactivity", "proactiveAudio")
_VOICE: Path = (*_GENERATION, "speechConfig", "voiceConfig", "prebuiltVoiceConfig", "voiceName")
_DETECTION: Path = ("realtimeInputConfig", "automaticActivityDetection")
_LOW_LEVELS = ("MINIMAL", "THINKING_LEVEL_MINIMAL")
_NO_VALUE = object()
_KINDS = {
    Kind.TEXT: msg("text in quotes"),
    Kind.WHOLE: msg("a whole number"),
    Kind.NUMBER: msg("a number"),
    Kind.FLAG: msg("true or false"),
    Kind.TABLE: msg("an object in braces"),
}
_WHEN_TRUE: Mapping[str, dict[str, Any]] = {"proactivity": {"proactiveAudio": True}}
_WHEN_FALSE: Mapping[str, dict[str, Any]] = {"automaticActivityDetection": {"disabled": True}}
_FROM_TEXT: Mapping[str, tuple[str, ...]] = {
    "speechConfig": ("voiceConfig", "prebuiltVoiceConfig", "voiceName"),
    "voiceConfig": ("prebuiltVoiceConfig", "voiceName"),
    "prebuiltVoiceConfig": ("voiceName",),
}


class NotAFrameError(ValueError):
    """The JSON is not a setup frame, not even a faulty one."""


class Problem(StrEnum):
    """Kinds of faults in a frame."""

    WRAPPER = "wrapper"
    UNKNOWN_FIELD = "unknown_field"
    WRONG_CASE = "wrong_case"
    WRONG_PLACE = "wrong_place"
    WRONG_TYPE = "wrong_type"
    WRONG_VALUE = "wrong_value"
    SET_TWICE = "set_twice"
    MODEL = "model"
    MISSING_MODALITY = "missing_modality"
    MODALITY = "modality"
    UNSUPPORTED = "unsupported_setting"
    API_VERSION = "api_version"
    MIXED_SPELLING = "mixed_spelling"
    CHANGED_WITH_MODEL = "changed_with_model"


@dataclass(frozen=True, kw_only=True)
class FrameFault:
    """One fault of a frame, or a note about it.

    Parameters
    ----------
    pointer : str
        JSON pointer of the place; for something missing, of the object that lacks it.
    line : int or None
        Line in the text of the frame, from 1; None if the frame was not read from text.
    seen, why, fix : str
        What is there, what follows from it, and what to do.
    note : bool
        The service accepts it; it is only worth knowing.
    """

    problem: Problem
    pointer: str
    line: int | None = None
    seen: str
    why: str
    fix: str
    note: bool = False

    def to_json(self) -> dict[str, Any]:
        """Return one JSON object."""
        return {
            "problem": self.problem.value,
            "pointer": self.pointer,
            "line": self.line,
            "seen": self.seen,
            "why": self.why,
            "fix": self.fix,
        }


@dataclass(frozen=True, kw_only=True)
class FrameVerdict:
    """The judgement of one frame.

    Parameters
    ----------
    faults : tuple of FrameFault
        With any of these, no session opens, or no audio comes.
    notes : tuple of FrameFault
        What the service accepts, but is worth knowing.
    corrected : dict
        The frame without its faults, with all names in camelCase.
    """

    faults: tuple[FrameFault, ...]
    notes: tuple[FrameFault, ...]
    corrected: dict[str, Any]

    @property
    def right(self) -> bool:
        """Whether the frame has no faults."""
        return not self.faults


def judge_frame(
    frame: LocatedJson, *, day: datetime.date, version: str = "v1beta", vertex: bool = False
) -> FrameVerdict:
    """Return the faults of a setup frame, and the corrected frame.

    Parameters
    ----------
    frame : LocatedJson
        The frame; without line numbers if it was not read from text.
    day : datetime.date
        Day whose models are served.
    version : str
        API version of the address that the frame is sent to.
    vertex : bool
        The address is one of Vertex AI.

    Raises
    ------
    NotAFrameError
        If it is no JSON object, or has nothing of a setup in it.
    """
    return _Judge(frame, day=day, version=version, vertex=vertex).verdict()


def field_faults(setup: Mapping[str, Any], *, version: str) -> tuple[FrameFault, ...]:
    """Return the faults of a setup's fields and values that do not depend on the model or the day."""
    judge = _Judge(LocatedJson(value={"setup": setup}), day=datetime.date.min, version=version, vertex=False)
    judge.judge_fields()
    return tuple(fault for fault in judge.faults if not fault.note)


def setting_faults(setup: Mapping[str, Any], *, version: str) -> tuple[FrameFault, ...]:
    """Return the settings of a setup that its model does not take; none if the model is not in the catalogue."""
    judge = _Judge(LocatedJson(value={"setup": setup}), day=datetime.date.min, version=version, vertex=False)
    judge.judge_settings()
    return tuple(fault for fault in judge.faults if fault.problem is Problem.UNSUPPORTED)


class _Judge:
    """Faults found so far, and the corrected setup that is being built."""

    def __init__(self, frame: LocatedJson, *, day: datetime.date, version: str, vertex: bool) -> None:
        self.faults: list[FrameFault] = []
        self._frame = frame
        self._day, self._version, self._vertex = day, version, vertex
        self._alpha = vertex or version == "v1alpha"
        self._setup: dict[str, Any] = {}
        self._origin: dict[Path, str] = {}
        self._moved: list[tuple[Path, object, str]] = []
        self._spellings: dict[str, str] = {}

    def verdict(self) -> FrameVerdict:
        self.judge_fields()
        model = self._judge_model()
        if model is not None:
            self._judge_modality(model)
            self._judge_thinking(model)
            self._judge_character(model)
        self._judge_voice()
        self._judge_durations()
        ordered = sorted(self.faults, key=lambda fault: (fault.problem is Problem.CHANGED_WITH_MODEL, fault.line or 0))
        return FrameVerdict(
            faults=tuple(fault for fault in ordered if not fault.note),
            notes=tuple(fault for fault in ordered if fault.note),
            corrected={"setup": self._setup},
        )

    def judge_settings(self) -> None:
        """Judge what depends on the model, for the model that the frame names, whether it is served or not."""
        self.judge_fields()
        model = self._asked_model()
        if model is not None:
            self._judge_thinking(model)
            self._judge_character(model)

    def judge_fields(self) -> None:
        """Judge names, places and types, and build the corrected setup from what is left."""
        setup, pointer = self._unwrapped()
        for repeated in self._frame.repeated:
            self._add(
                Problem.SET_TWICE,
                repeated,
                msg("`{name}` is given twice in one object", name=_last(repeated)),
                msg("which of the two values counts depends on the reader"),
                msg("keep one of them"),
            )
        self._origin[()] = pointer
        self._setup = self._table(setup, SETUP.fields, (), pointer)
        for path, value, origin in self._moved:
            self._put(path, self._value(value, _field_at(path), path, origin), origin)
        self._note_mixed_spelling()

    # --- the wrapper ------------------------------------------------------------------------------------------

    def _unwrapped(self) -> tuple[Mapping[str, Any], str]:
        """Return the content of the setup and its pointer."""
        frame = self._frame.value
        if not isinstance(frame, Mapping):
            raise NotAFrameError(f"it is {_described(frame)}, not an object")
        named = {camel(str(key)): str(key) for key in frame}
        if "setup" in named:
            self._judge_neighbours(frame, named["setup"])
            return self._content(frame[named["setup"]], f"/{named['setup']}")
        alike = next((key for key in frame if str(key).lower() == "setup"), None)
        if alike is not None:
            self._add(
                Problem.WRONG_CASE,
                f"/{alike}",
                msg("`{alike}` in place of `setup`", alike=alike),
                msg("names of fields are case-sensitive: the service knows no such message"),
                msg("write `setup`"),
            )
            return self._content(frame[alike], f"/{alike}")
        if set(named) & set(SETUP.fields):
            self._add(
                Problem.WRAPPER,
                "",
                msg('the fields of the setup are not inside `{{"setup": …}}`'),
                msg("the service takes each of them for the name of a message, and knows no such message"),
                msg('write {{"setup": {{ … }}}} around them'),
            )
            return frame, ""
        if set(named) & set(CLIENT_MESSAGES):
            raise NotAFrameError(f"it is a `{next(iter(frame))}` message, not the setup")
        if len(frame) == 1:
            key, inner = next(iter(frame.items()))
            if isinstance(inner, Mapping) and {camel(str(name)) for name in inner} & set(SETUP.fields):
                self._add(
                    Problem.WRAPPER,
                    f"/{key}",
                    msg("the setup is inside `{key}`, not inside `setup`", key=key),
                    msg("the service knows no such message"),
                    msg("write `setup` in place of `{key}`", key=key),
                )
                return inner, child_pointer("", str(key))
        raise NotAFrameError("it has no `setup`, and none of the setup's fields")

    def _content(self, value: object, pointer: str) -> tuple[Mapping[str, Any], str]:
        if value is None:
            return {}, pointer
        if not isinstance(value, Mapping):
            self._add(
                Problem.WRONG_TYPE,
                pointer,
                msg("`setup` is {what}", what=_described(value)),
                msg("the service refuses the setup"),
                msg("write an object in braces"),
            )
            return {}, pointer
        return value, pointer

    def _judge_neighbours(self, frame: Mapping[str, Any], own: str) -> None:
        """Judge what is beside `setup` in the frame."""
        places = _places()
        for key, value in frame.items():
            name, pointer = camel(str(key)), child_pointer("", str(key))
            if key == own:
                continue
            if name in CLIENT_MESSAGES:
                self._add(
                    Problem.WRAPPER,
                    pointer,
                    msg("`{key}` is beside `setup` in one message", key=key),
                    msg("a message has exactly one kind: the service refuses this one"),
                    msg("send `{key}` in a message of its own, after setupComplete has come", key=key),
                )
            elif _plain(str(key)) in places:
                path = places[_plain(str(key))]
                self._moved.append((path, value, pointer))
                self._add(
                    Problem.WRONG_PLACE,
                    pointer,
                    msg("`{key}` is beside `setup`", key=key),
                    msg("the service takes it for the name of a message, and knows no such message"),
                    msg("move it to {place}", place=_dotted(path)),
                )
            else:
                self._add(
                    Problem.UNKNOWN_FIELD,
                    pointer,
                    msg("`{key}` beside `setup` is not known", key=key),
                    msg("the service refuses a message with a name that it does not know"),
                    msg("remove it"),
                )

    # --- names and types --------------------------------------------------------------------------------------

    def _table(self, table: Mapping[str, Any], fields: Mapping[str, Field], path: Path, pointer: str) -> dict[str, Any]:
        kept: dict[str, Any] = {}
        for key, value in table.items():
            name, place = camel(str(key)), child_pointer(pointer, str(key))
            if name not in fields:
                found = self._named_otherwise(str(key), fields, path, place, value)
                if found is None:
                    continue
                name = found
            elif name in ALPHA_ONLY and not self._alpha:
                self._add(
                    Problem.API_VERSION,
                    place,
                    msg("`{key}` is a field of API version v1alpha", key=key),
                    msg("version {version} refuses it as an unknown name", version=self._version),
                    msg("connect to the address of v1alpha, or remove it"),
                )
                continue
            else:
                self._spelt(str(key), place)
            if name in kept:
                self._add(
                    Problem.SET_TWICE,
                    place,
                    msg("`{name}` is given in two spellings", name=name),
                    msg("which of the two values counts is not defined"),
                    msg("keep one of them"),
                )
            inner = (*path, name)
            self._origin[inner] = place
            result = self._value(value, fields[name], inner, place)
            if result is not _NO_VALUE:
                kept[name] = result
        return kept

    def _named_otherwise(
        self, key: str, fields: Mapping[str, Field], path: Path, place: str, value: object
    ) -> str | None:
        """Judge a name that is not known here. Return the field of this table that is meant, if there is one."""
        alike = next((name for name in fields if _plain(name) == _plain(key)), None)
        why = msg("the service refuses a setup with a name that it does not know at this place")
        if alike is not None:
            self._add(
                Problem.WRONG_CASE,
                place,
                msg("`{key}` in place of `{alike}`", key=key, alike=alike),
                msg("names of fields are case-sensitive: {why}", why=why),
                msg("write `{alike}`", alike=alike),
            )
            return alike
        elsewhere = _places().get(_plain(key))
        if elsewhere is not None and elsewhere[:-1] != path:
            self._moved.append((elsewhere, value, place))
            self._add(
                Problem.WRONG_PLACE,
                place,
                msg("`{key}` is at the wrong place, in {place}", key=key, place=_dotted(path)),
                why,
                msg("move it to {place}", place=_dotted(elsewhere)),
            )
            return None
        if any(word in key.lower() for word in ("rate", "hertz", "mimetype", "mime_type")):
            self._add(
                Problem.UNKNOWN_FIELD,
                place,
                msg("`{key}`: the setup has no sample rates", key=key),
                msg(
                    "{why}. Rates are not negotiated: input is declared with each chunk, and output always "
                    "has {live_output_rate_hz} Hz",
                    why=why,
                    live_output_rate_hz=LIVE_OUTPUT_RATE_HZ,
                ),
                msg(
                    "remove it, and send chunks as `audio/pcm;rate={live_input_rate_hz}` (the rate that they "
                    "really have)",
                    live_input_rate_hz=LIVE_INPUT_RATE_HZ,
                ),
            )
            return None
        close = difflib.get_close_matches(camel(key), fields, n=1, cutoff=0.8)
        if close and close[0] not in {camel(name) for name in _keys_at(self._frame.value, place)}:
            self._add(
                Problem.UNKNOWN_FIELD,
                place,
                msg("`{key}` is not known", key=key),
                why,
                msg("did you mean `{close}`?", close=close[0]),
            )
            return close[0]
        self._add(Problem.UNKNOWN_FIELD, place, msg("`{key}` is not known", key=key), why, msg("remove it"))
        return None

    def _value(self, value: object, field: Field, path: Path, pointer: str) -> Any:
        """Judge the type of a value. Return the value for the corrected frame, or `_NO_VALUE` to leave it out."""
        if value is None:
            return _NO_VALUE
        if isinstance(value, list) and field.kind is not Kind.ANY:
            if field.many:
                kept = [
                    self._single(item, field, path, child_pointer(pointer, number)) for number, item in enumerate(value)
                ]
                return [item for item in kept if item is not _NO_VALUE]
            self._add(
                Problem.WRONG_TYPE,
                pointer,
                msg("`{name}` is a list", name=path[-1]),
                msg("the service accepts a single value here, and refuses the setup"),
                msg("write {kind} without the brackets", kind=_KINDS.get(field.kind, msg("one value"))),
            )
            first = value[0] if value else None
            return first if first is not None and field.accepts(first) else _NO_VALUE
        return self._single(value, field, path, pointer)

    def _single(self, value: object, field: Field, path: Path, pointer: str) -> Any:
        if not field.accepts(value):
            return self._wrong_type(value, field, path, pointer)
        if isinstance(value, Mapping) and field.fields:
            return self._table(value, field.fields, path, pointer)
        return copy.deepcopy(value)

    def _wrong_type(self, value: object, field: Field, path: Path, pointer: str) -> Any:
        name = path[-1]
        better = _repaired(value, field, name)
        if field.kind is Kind.CHOICE:
            problem, wanted = Problem.WRONG_VALUE, msg("one of {choices}", choices=", ".join(field.choices[1:]))
        else:
            problem, wanted = Problem.WRONG_TYPE, _KINDS[field.kind]
        fix = (
            msg("remove it, or write {wanted}", wanted=wanted)
            if better is _NO_VALUE
            else msg("write `{name}`: {value}", name=name, value=json.dumps(better))
        )
        self._add(
            problem,
            pointer,
            msg("`{name}` is {what}", name=name, what=_described(value)),
            msg("the service expects {wanted} here, and refuses the setup", wanted=wanted),
            fix,
        )
        return better

    def _spelt(self, key: str, pointer: str) -> None:
        if key != key.lower() or "_" in key:
            self._spellings[pointer] = "snake_case" if "_" in key else "camelCase"

    def _note_mixed_spelling(self) -> None:
        kinds = list(self._spellings.values())
        if len(set(kinds)) < 2 or any(fault.problem is Problem.SET_TWICE for fault in self.faults):
            return
        rarer = min(("snake_case", "camelCase"), key=kinds.count)
        pointer = next(place for place, kind in self._spellings.items() if kind == rarer)
        self._add(
            Problem.MIXED_SPELLING,
            pointer,
            msg("`{name}` is in {rarer}, most other names are not", name=_last(pointer), rarer=rarer),
            msg("the service accepts both spellings, but a copy of a setting in the other spelling is easily missed"),
            msg("use camelCase for all names, as the API reference does"),
            note=True,
        )

    # --- what depends on the model ----------------------------------------------------------------------------

    def _judge_model(self) -> Model | None:
        """Return the model that the corrected frame asks for; None if no model is served at all."""
        name = self._setup.get("model")
        pointer = self._origin.get(("model",), self._origin[()])
        if isinstance(name, str) and (model := self._find(name)) is not None:
            return model
        fitting = self._spelt_rightly(name) if isinstance(name, str) else None
        if fitting is not None:
            self._add(
                Problem.MODEL,
                pointer,
                msg("the model is named {value}", value=json.dumps(name)),
                msg("the service knows a model by its resource name only, and answers that this one is not found"),
                msg("write {value}", value=json.dumps(fitting)),
            )
        else:
            served = self._served()
            if not served:
                self._add(
                    Problem.MODEL,
                    pointer,
                    msg("the model is {value}", value=json.dumps(name)),
                    msg("no Live model was served by {address} on {day}", address=self._address(), day=self._day),
                    msg("choose another day or API version"),
                )
                return None
            fitting = nearest(name, served)[0] if isinstance(name, str) and name else served[-1]
            self._add(Problem.MODEL, pointer, *self._why_not_found(name, nearest(name or fitting, served)))
        self._setup = {"model": fitting, **{key: item for key, item in self._setup.items() if key != "model"}}
        return self._find(fitting)

    def _why_not_found(self, name: object, near: Sequence[str]) -> tuple[str, str, str]:
        either = _or([json.dumps(item) for item in near])
        if not isinstance(name, str) or not name:
            return (
                msg("no model is named"),
                msg("the service refuses a setup without a model"),
                msg("add `model`: {either}", either=either),
            )
        known = entry(name)
        if known is None:
            words = what_is_known(name, [], self._version)
        elif not known.live:
            words = msg("it is not a Live model")
        elif self._day < known.served_from:
            words = msg("it is served from {served_from} on", served_from=known.served_from)
        elif not known.served(self._day):
            words = msg("it is retired: {fate}", fate=fate(known))
        elif self._vertex:
            words = msg("Vertex AI does not serve it under this name")
        elif not known.versions:
            words = msg("it is a Vertex AI name, which the Gemini Developer API does not know")
        else:
            words = msg("it is served by API version {versions} only", versions=" and ".join(known.versions))
        return (
            msg("the model {model} is not served by {address}", model=json.dumps(name), address=self._address()),
            msg(
                '{words}. The service closes the session with 1008, "… is not found for API version '
                '{version}, or is not supported for bidiGenerateContent"',
                words=words,
                version=self._version,
            ),
            msg("use {either}", either=either),
        )

    def _address(self) -> str:
        return "Vertex AI" if self._vertex else msg("API version {version}", version=self._version)

    def _served(self) -> list[str]:
        """Return the resource names of the models that hold conversations, oldest first."""
        if self._vertex:
            return [
                f"publishers/google/models/{model.name}"
                for model in MODELS
                if model.vertex and model.live and model.served(self._day)
            ]
        listed = [
            item["name"]
            for item in listing(version=self._version, day=self._day)
            if BIDI in item["supportedGenerationMethods"]
        ]
        talking = [name for name in listed if (model := entry(name)) is not None and not model.transcribes]
        return talking or listed

    def _find(self, name: str) -> Model | None:
        return find(name, version=self._version, day=self._day, vertex=self._vertex)

    def _spelt_rightly(self, name: str) -> str | None:
        """Return the right resource name of a served model that is written in a wrong form."""
        last = bare(name.strip().rstrip("/")).lower()
        right = f"{'publishers/google/models' if self._vertex else 'models'}/{last}"
        return right if right != name and self._find(right) is not None else None

    def _judge_modality(self, model: Model) -> None:
        asked = self._asked_modalities(model)
        if asked:
            self._fit_modality(model, asked, self._origin.get(_MODALITIES) or self._origin[()])

    def _asked_modalities(self, model: Model) -> list[Any]:
        """Return the list of modalities that is asked for; empty if there was none and a list has been put there."""
        value = self._get(_MODALITIES)
        pointer = self._origin.get(_MODALITIES)
        wanted = list(model.modalities[:1])
        if value is None or value == []:
            if model.modalities != ("TEXT",):
                self._add(
                    Problem.MISSING_MODALITY,
                    pointer or self._origin.get(_GENERATION) or self._origin[()],
                    msg("the setup asks for no audio: `responseModalities` is missing")
                    if value is None
                    else msg("the setup asks for no audio: `responseModalities` is empty"),
                    msg(
                        "what the service then does is not defined: a session may open without an error and give "
                        "text or nothing at all, so the user hears nothing (CFG001)"
                    ),
                    msg('add `responseModalities`: ["AUDIO"] to generationConfig'),
                )
                self._put(_MODALITIES, ["AUDIO"], "")
            return []
        pointer = pointer or self._origin[()]
        if isinstance(value, str):
            # Google's first web console for the Live API wrote "audio", and so do many pages made after it.
            self._add(
                Problem.WRONG_TYPE,
                pointer,
                msg("`responseModalities` is {value}", value=json.dumps(value)),
                msg("the service takes one value for a list of one"),
                msg("write {value}", value=json.dumps([value.upper()])),
                note=True,
            )
            value = [value.upper()]
            self._put(_MODALITIES, value, "")
        if not isinstance(value, list):
            self._add(
                Problem.WRONG_TYPE,
                pointer,
                msg("`responseModalities` is {what}", what=_described(value)),
                msg("the service expects a list here, and refuses the setup"),
                msg("write {value}", value=json.dumps(wanted)),
            )
            self._put(_MODALITIES, wanted, "")
            return []
        return value

    def _fit_modality(self, model: Model, value: Sequence[Any], pointer: str) -> None:
        """Correct a list of modalities to one that the model has."""
        wanted = list(model.modalities[:1])
        asked = [str(item).upper() for item in value]
        if len(asked) > 1:
            self._put(_MODALITIES, wanted, "")
            also: str = ""
            if wanted == ["AUDIO"] and "TEXT" in asked:
                also = msg(" and, for the words, `outputAudioTranscription`: {{}} beside generationConfig")
                self._setup.setdefault("outputAudioTranscription", {})
            self._add(
                Problem.MODALITY,
                pointer,
                msg("`responseModalities` asks for {modalities} at once", modalities=", ".join(asked)),
                msg("a session has one modality: the service refuses the setup"),
                msg("write {value}{also}", value=json.dumps(wanted), also=also),
            )
        elif asked[0] not in model.modalities:
            known = asked[0] in ("AUDIO", "TEXT")
            why = (
                msg("{name} answers with {modalities} only", name=model.name, modalities=_or(model.modalities))
                if known
                else msg("there is no such modality")
            )
            self._put(_MODALITIES, wanted, "")
            self._add(
                Problem.MODALITY if known else Problem.WRONG_VALUE,
                pointer,
                msg("`responseModalities` asks for {value}", value=json.dumps(value[0])),
                msg("{why}: the service refuses the setup", why=why),
                msg("write {value}", value=json.dumps(wanted)),
            )
        else:
            if asked != value:
                self._put(_MODALITIES, asked, "")
                self._add(
                    Problem.MIXED_SPELLING,
                    pointer,
                    msg("`responseModalities` is {value}", value=json.dumps(value)),
                    msg("the service takes small letters too, but its reference has capitals"),
                    msg("write {value}", value=json.dumps(asked)),
                    note=True,
                )
            if asked == ["TEXT"]:
                self._add(
                    Problem.MODALITY,
                    pointer,
                    msg("`responseModalities` asks for text"),
                    msg("the session gives no audio"),
                    msg('for a voice, write ["AUDIO"]'),
                    note=True,
                )

    def _judge_thinking(self, model: Model) -> None:
        level, budget = self._get(_LEVEL), self._get(_BUDGET)
        if model.thinking == "required" and (level is None or str(level) in _LOW_LEVELS):
            seen = msg("no `thinkingLevel` is set") if level is None else msg("`thinkingLevel` is {level}", level=level)
            why = msg("{name} requires a thinking level above MINIMAL", name=model.name)
            self._unsupported(model, _LEVEL, seen, why, msg('write `thinkingLevel`: "LOW"'))
            self._put(_LEVEL, "LOW", "")
        elif level is not None and model.thinking in ("budget", "none"):
            other = msg(", or use `thinkingBudget`") if model.thinking == "budget" else ""
            why = msg("{name} takes no thinking level", name=model.name)
            self._unsupported(model, _LEVEL, msg("`thinkingLevel` is set"), why, msg("remove it{other}", other=other))
            self._drop(_LEVEL)
        if budget is not None and model.thinking == "none":
            why = msg("{name} takes no thinking budget", name=model.name)
            self._unsupported(model, _BUDGET, msg("`thinkingBudget` is set"), why, msg("remove it"))
            self._drop(_BUDGET)

    def _judge_character(self, model: Model) -> None:
        after = msg("never answers such a setup") if model.mute_setups else msg("refuses the setup")
        if self._get(_AFFECTIVE) and not model.affective:
            why = msg("{name} does not have it: the service {after}", name=model.name, after=after)
            self._unsupported(model, _AFFECTIVE, msg("affective dialog is switched on"), why, msg("remove it"))
            self._drop(_AFFECTIVE)
        proactive = self._get(_PROACTIVE)
        if proactive is not None and model.proactive == "none":
            why = msg("{name} does not have it: the service {after}", name=model.name, after=after)
            self._unsupported(model, _PROACTIVE, msg("`proactiveAudio` is set"), why, msg("remove `proactivity`"))
            self._drop(_PROACTIVE)
        elif proactive is False and model.proactive == "on":
            why = msg("{name} accepts only true here: the service {after}", name=model.name, after=after)
            self._unsupported(model, _PROACTIVE, msg("`proactiveAudio` is false"), why, msg("remove `proactivity`"))
            self._drop(_PROACTIVE)

    def _judge_voice(self) -> None:
        name = self._get(_VOICE)
        if not isinstance(name, str) or not name or known_voice(name):
            return
        near = " or ".join(similar_voices(name))
        why = (
            "no prebuilt voice of this name is known: the service closes the session with 1007, "
            f"\"Requested voice api_name '{name}' is not available for model …\""
        )
        self._add(Problem.WRONG_VALUE, self._pointer(_VOICE), f"`voiceName` is {json.dumps(name)}", why,
                  f"use {near}, or remove it")  # fmt: skip
        self._drop(_VOICE)

    def _judge_durations(self) -> None:
        for name in ("prefixPaddingMs", "silenceDurationMs"):
            value = self._get((*_DETECTION, name))
            if value is not None and not 0 <= float(value) <= LONGEST_DETECTION_MS:
                self._add(
                    Problem.WRONG_VALUE,
                    self._origin[(*_DETECTION, name)],
                    msg("`{name}` is {value}", name=name, value=value),
                    msg("the service refuses a duration outside its range"),
                    msg("write 0 to {longest_detection_ms}", longest_detection_ms=LONGEST_DETECTION_MS),
                )
                self._drop((*_DETECTION, name))

    def _unsupported(self, model: Model, path: Path, seen: str, why: str, fix: str) -> None:
        """Note a setting that the model does not take.

        If the corrected frame has another model than the frame, this is no fault of the frame, but a change that the
        other model makes necessary.
        """
        asked = self._asked_model()
        pointer = self._pointer(path)
        if asked is not None and asked.name == model.name:
            self._add(Problem.UNSUPPORTED, pointer, seen, why, fix)
        else:
            self._add(
                Problem.CHANGED_WITH_MODEL,
                pointer,
                seen,
                msg("{why}; the corrected frame asks for this model", why=why),
                fix,
                note=True,
            )

    def _pointer(self, path: Path) -> str:
        """Return where a value of the corrected setup, or else the nearest table around it, stood in the frame."""
        return next(self._origin[path[:end]] for end in range(len(path), -1, -1) if path[:end] in self._origin)

    def _asked_model(self) -> Model | None:
        """Return the catalogue's entry of the model that the frame itself names, served or not."""
        origin = self._origin.get(("model",))
        name = _at(self._frame.value, origin) if origin else None
        return entry(name.strip().rstrip("/").lower()) if isinstance(name, str) else None

    # --- the corrected setup ----------------------------------------------------------------------------------

    def _get(self, path: Path) -> Any:
        value: Any = self._setup
        for name in path:
            value = value.get(name) if isinstance(value, Mapping) else None
        return value

    def _put(self, path: Path, value: object, origin: str) -> None:
        """Set a value of the corrected setup; with an origin, only if the place is still free."""
        table = self._setup
        for name in path[:-1]:
            inner = table.setdefault(name, {})
            if not isinstance(inner, dict):
                return
            table = inner
        if value is _NO_VALUE or (origin and path[-1] in table):
            return
        if origin:
            self._origin[path] = origin
        table[path[-1]] = value

    def _drop(self, path: Path) -> None:
        """Remove a value of the corrected setup, and the tables that are empty without it."""
        *tables, name = path
        for end in range(len(tables), 0, -1):
            table = self._get(tuple(tables[:end]))
            if isinstance(table, dict):
                table.pop(name, None)
                if table:
                    return
            name = tables[end - 1]
        self._setup.pop(name, None)

    def _add(self, problem: Problem, pointer: str, seen: str, why: str, fix: str, *, note: bool = False) -> None:
        fault = FrameFault(problem=problem, pointer=pointer, seen=seen, why=why, fix=fix, note=note)
        self.faults.append(replace(fault, line=_line_of(self._frame.lines, pointer)))


def _repaired(value: object, field: Field, name: str) -> Any:  # noqa: PLR0911 (one per type)
    """Return a value of the right type that says the same; `_NO_VALUE` if there is none."""
    if field.kind is Kind.TABLE:
        if isinstance(value, str) and name == "systemInstruction":
            return {"parts": [{"text": value}]}
        if isinstance(value, str) and name in _FROM_TEXT:
            nested: Any = value
            for inner in reversed(_FROM_TEXT[name]):
                nested = {inner: nested}
            return nested
        if value is True:
            return dict(_WHEN_TRUE.get(name, {}))
        return dict(_WHEN_FALSE[name]) if value is False and name in _WHEN_FALSE else _NO_VALUE
    if field.kind is Kind.FLAG:
        words: dict[object, bool] = {"true": True, "false": False, 1: True, 0: False}
        key = value.lower() if isinstance(value, str) else value
        return words.get(key, _NO_VALUE) if isinstance(key, str | int) else _NO_VALUE
    if field.kind is Kind.CHOICE and isinstance(value, str):
        wanted = value.upper().replace("-", "_").replace(" ", "_")
        endings = [choice for choice in field.choices if choice == wanted or choice.endswith(f"_{wanted}")]
        return endings[0] if endings and wanted else _NO_VALUE
    if field.kind is Kind.TEXT and isinstance(value, int | float) and not isinstance(value, bool):
        return str(value)
    if field.kind is Kind.WHOLE and isinstance(value, float) and abs(value) < LONGEST_DETECTION_MS:
        return round(value)
    return _NO_VALUE


def _or(items: Sequence[str]) -> str:
    return reduce(lambda names, other: msg("{names} or {other}", names=names, other=other), items)


def _places() -> dict[str, Path]:
    """Return the shortest path of each field's plain name."""
    found: dict[str, Path] = {}
    for path in known_places():
        found.setdefault(_plain(path[-1]), path)
    return found


def _plain(name: str) -> str:
    return name.lower().replace("_", "").replace("-", "")


def _field_at(path: Path) -> Field:
    field = SETUP
    for name in path:
        field = field.fields[name]
    return field


def _dotted(path: Path) -> str:
    return ".".join(("setup", *path))


def _last(pointer: str) -> str:
    return pointer.rpartition("/")[2].replace("~1", "/").replace("~0", "~")


def _line_of(lines: Mapping[str, int], pointer: str) -> int | None:
    """Return the line of a place, or of the nearest one around it that has a line."""
    while pointer not in lines and pointer:
        pointer = pointer.rpartition("/")[0]
    return lines.get(pointer)


def _at(value: Any, pointer: str) -> Any:
    """Return the value at a JSON pointer; None if there is none."""
    for part in pointer.split("/")[1:]:
        name = part.replace("~1", "/").replace("~0", "~")
        if isinstance(value, Mapping):
            value = value.get(name)
        elif isinstance(value, list) and name.isdecimal() and int(name) < len(value):
            value = value[int(name)]
        else:
            return None
    return value


def _keys_at(value: Any, pointer: str) -> list[str]:
    """Return the keys of the object that holds the value at a pointer."""
    table = _at(value, pointer.rpartition("/")[0])
    return [str(key) for key in table] if isinstance(table, Mapping) else []


def _described(value: object) -> str:
    """Return a value in few words: texts in full if short, others by their type."""
    if isinstance(value, Mapping):
        return msg("an object")
    if isinstance(value, list):
        return msg("a list")
    if isinstance(value, str) and len(value) > 60:
        return msg("a text")
    return json.dumps(value, ensure_ascii=False)
