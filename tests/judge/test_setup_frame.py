"""Judgement of setup frames, and its agreement with what the emulator does with the same frames."""

from __future__ import annotations

import copy
import datetime
import json
from pathlib import Path

import pytest
from approved import check
from hypothesis import given, settings
from hypothesis import strategies as st

from diag.core.live_catalogue import MODELS
from diag.core.live_setup import SETUP, Field, Kind, camel, known_places, snake
from diag.core.located_json import LocatedJson, read_located_json
from diag.emulator.closing import Refused
from diag.emulator.incoming import read_frame
from diag.emulator.settings import EmulatorSettings
from diag.emulator.setup import read_setup
from diag.judge.setup_frame import NotAFrameError, Problem, judge_frame

TODAY = datetime.date(2026, 11, 26)
SEEDS_DAY = datetime.date(2025, 9, 19)
RIGHT = {
    "setup": {
        "model": "models/gemini-3.8-live",
        "generationConfig": {
            "responseModalities": ["AUDIO"],
            "temperature": 0.7,
            "speechConfig": {"voiceConfig": {"prebuiltVoiceConfig": {"voiceName": "Kore"}}, "languageCode": "en-US"},
        },
        "systemInstruction": {"parts": [{"text": "Be brief."}]},
        "outputAudioTranscription": {},
        "realtimeInputConfig": {"automaticActivityDetection": {"silenceDurationMs": 500}},
    }
}


def judged(frame, *, day=TODAY, version="v1beta", vertex=False):
    text = frame if isinstance(frame, str) else json.dumps(frame, indent=2)
    return judge_frame(read_located_json(text), day=day, version=version, vertex=vertex)


def emulator_verdict(frame, *, day=TODAY, version="v1beta", vertex=False):
    """What is wrong with a frame for the emulator; None if a session opens and gives audio (or is meant for text)."""
    settings = EmulatorSettings(as_of=day.isoformat())
    try:
        setup = read_setup(read_frame(json.dumps(frame)), settings, version=version, vertex=vertex)
    except Refused as refusal:
        return f"{refusal.code} {refusal.reason}"
    if setup.modality == "NONE":
        return "silent"
    return "unanswered" if setup.unanswered else None


def changed(path, value, *, frame=RIGHT):
    frame = copy.deepcopy(frame)
    table = frame
    for name in path[:-1]:
        table = table.setdefault(name, {})
    if value is None:
        del table[path[-1]]
    else:
        table[path[-1]] = value
    return frame


def test_right_frame_has_no_faults_and_is_its_own_correction():
    verdict = judged(RIGHT)
    assert verdict.right
    assert verdict.notes == ()
    assert verdict.corrected == RIGHT


GENERATION, MODEL = ("setup", "generationConfig"), ("setup", "model")
PLANTED = [
    # (what is changed, fault, pointer, in the emulator's words)
    (changed((*GENERATION, "responseModalities"), None), Problem.MISSING_MODALITY, "/setup/generationConfig", "silent"),
    (changed((*GENERATION, "responseModalities"), []), Problem.MISSING_MODALITY,
     "/setup/generationConfig/responseModalities", "silent"),
    (changed((*GENERATION, "responseModalities"), ["TEXT"]), Problem.MODALITY,
     "/setup/generationConfig/responseModalities", "response modalities (TEXT)"),
    (changed((*GENERATION, "responseModalities"), ["AUDIO", "TEXT"]), Problem.MODALITY,
     "/setup/generationConfig/responseModalities", "invalid argument"),
    (changed((*GENERATION, "responseModalities"), ["SPEECH"]), Problem.WRONG_VALUE,
     "/setup/generationConfig/responseModalities", "invalid argument"),
    (changed((*GENERATION, "responseModalities"), 1), Problem.WRONG_TYPE,
     "/setup/generationConfig/responseModalities", "invalid argument"),
    (changed(("setup", "responseModalities"), ["AUDIO"], frame=changed((*GENERATION, "responseModalities"), None)),
     Problem.WRONG_PLACE, "/setup/responseModalities", 'Unknown name "response_modalities" at \'setup\''),
    (changed(("generationConfig",), {"responseModalities": ["AUDIO"]}, frame=changed(GENERATION, None)),
     Problem.WRONG_PLACE, "/generationConfig", 'Unknown name "generation_config"'),
    (changed(("setup", "voiceName"), "Kore"), Problem.WRONG_PLACE, "/setup/voiceName", 'Unknown name "voice_name"'),
    (changed(("setup", "inputaudiotranscription"), {}), Problem.WRONG_CASE, "/setup/inputaudiotranscription",
     'Unknown name "inputaudiotranscription"'),
    (changed((*GENERATION, "Temperature"), 1, frame=changed((*GENERATION, "temperature"), None)), Problem.WRONG_CASE,
     "/setup/generationConfig/Temperature", 'Unknown name "_temperature"'),
    (changed(("setup", "systemInstructions"), {"parts": []}, frame=changed(("setup", "systemInstruction"), None)),
     Problem.UNKNOWN_FIELD, "/setup/systemInstructions", 'Unknown name "system_instructions"'),
    (changed((*GENERATION, "sampleRateHertz"), 16000), Problem.UNKNOWN_FIELD,
     "/setup/generationConfig/sampleRateHertz", 'Unknown name "sample_rate_hertz"'),
    (changed((*GENERATION, "temperature"), "hot"), Problem.WRONG_TYPE, "/setup/generationConfig/temperature",
     "Invalid value at 'setup.generation_config.temperature'"),
    (changed((*GENERATION, "speechConfig"), "Kore"), Problem.WRONG_TYPE, "/setup/generationConfig/speechConfig",
     "invalid argument"),
    (changed(("setup", "outputAudioTranscription"), True), Problem.WRONG_TYPE, "/setup/outputAudioTranscription",
     "invalid argument"),
    (changed(MODEL, ["models/gemini-3.8-live"]), Problem.WRONG_TYPE, "/setup/model", "invalid argument"),
    (changed(("setup", "realtimeInputConfig", "activityHandling"), "NEVER"), Problem.WRONG_VALUE,
     "/setup/realtimeInputConfig/activityHandling", "Invalid value at 'setup.realtime_input_config.activity_handling'"),
    (changed(("setup", "realtimeInputConfig", "automaticActivityDetection", "silenceDurationMs"), -1),
     Problem.WRONG_VALUE, "/setup/realtimeInputConfig/automaticActivityDetection/silenceDurationMs",
     "invalid argument"),
    (changed((*GENERATION, "thinkingConfig"), {"thinkingLevel": "LOW"}), Problem.UNSUPPORTED,
     "/setup/generationConfig/thinkingConfig/thinkingLevel", "Thinking level is not supported"),
    (changed(MODEL, "models/gemini-3.8-live-extended-thinking"), Problem.UNSUPPORTED, "/setup/generationConfig",
     "requires a thinking level"),
    (changed(("setup", "proactivity"), {"proactiveAudio": True}), Problem.API_VERSION, "/setup/proactivity",
     'Unknown name "proactivity"'),
    (changed(MODEL, "gemini-3.8-live"), Problem.MODEL, "/setup/model", "is not found"),
    (changed(MODEL, "models/gemini-3.8-live/"), Problem.MODEL, "/setup/model", "is not found"),
    (changed(MODEL, "models/gemini-2.0-flash-exp"), Problem.MODEL, "/setup/model", "is not found"),
    (changed(MODEL, "models/gemini-flash-2.0-live-001"), Problem.MODEL, "/setup/model", "is not found"),
    (changed(MODEL, "models/gemini-2.5-flash"), Problem.MODEL, "/setup/model", "is not found"),
    (changed(MODEL, "models/gemini-live-2.5-flash"), Problem.MODEL, "/setup/model", "is not found"),
    (changed(MODEL, None), Problem.MODEL, "/setup", "invalid argument"),
    ({"config": RIGHT["setup"]}, Problem.WRAPPER, "/config", 'Unknown name "config"'),
    (RIGHT["setup"], Problem.WRAPPER, "", 'Unknown name "model"'),
    ({"Setup": RIGHT["setup"]}, Problem.WRONG_CASE, "/Setup", 'Unknown name "_setup"'),
    ({**RIGHT, "clientContent": {}}, Problem.WRAPPER, "/clientContent", "invalid argument"),
    ({**RIGHT, "apiKey": "x"}, Problem.UNKNOWN_FIELD, "/apiKey", 'Unknown name "api_key"'),
]  # fmt: skip


@pytest.mark.parametrize(("frame", "problem", "pointer", "words"), PLANTED)
def test_a_planted_mistake_is_named_by_the_judgement_and_by_the_emulator(frame, problem, pointer, words):
    verdict = judged(frame)
    assert [(fault.problem, fault.pointer) for fault in verdict.faults] == [(problem, pointer)]
    assert words in emulator_verdict(frame)
    assert judged(verdict.corrected).right
    assert emulator_verdict(verdict.corrected) is None


# --- every word


APPROVED = Path(__file__).with_name("approved_frames.txt")
LEVEL_LOW = changed((*GENERATION, "thinkingConfig"), {"thinkingLevel": "LOW"})
CHARACTER = changed(("setup", "proactivity"), {"proactiveAudio": False}, frame=changed(
    (*GENERATION, "enableAffectiveDialog"), True, frame=changed((*GENERATION, "thinkingConfig"), {"thinkingBudget": 9})
))  # fmt: skip
SNAKE = {"setup": {"model": "models/gemini-3.8-live", "generation_config": {"response_modalities": ["audio"]},
                   "outputAudioTranscription": {}, "input_audio_transcription": {}}}  # fmt: skip
MORE = [
    {"setup": None}, {"setup": 3}, {"setup": ["x"]}, {"setup": {}}, {**RIGHT, "sample_rate": 1, "temperature": 1},
    changed(("setup", "bogus"), 1), changed(("setup", "modle"), "x"), changed(("setup", "mime_type"), "audio/pcm"),
    changed(("setup", "generation_config"), {"temperature": 1}), changed((*GENERATION, "temperatur"), 1), SNAKE,
    changed((*GENERATION, "topp"), 1), changed((*GENERATION, "responseModalities"), ["audio"]),
    changed((*GENERATION, "responseModalities"), ["TEXT", "TEXT"]),
    changed((*GENERATION, "responseModalities"), [1]), changed((*GENERATION, "thinkingConfig"), {"thinkingBudget": 9}),
    changed(("setup", "tools"), {"functionDeclarations": []}), changed(("setup", "tools"), [1, {"googleSearch": {}}]),
    changed(("setup", "sessionResumption"), False), changed(("setup", "contextWindowCompression"), True),
    changed(("setup", "realtimeInputConfig", "automaticActivityDetection"), False),
    changed(("setup", "realtimeInputConfig", "automaticActivityDetection"), {"disabled": "TRUE"}),
    changed(("setup", "realtimeInputConfig", "automaticActivityDetection"), {"prefixPaddingMs": 2.6}),
    changed(("setup", "realtimeInputConfig", "activityHandling"), "no interruption"),
    changed((*GENERATION, "speechConfig"), {"languageCode": 7, "voiceConfig": "Kore"}),
    changed(("setup", "systemInstruction"), "Be brief."), changed(("setup", "systemInstruction"), "x" * 61),
    *(changed(("setup", "realtimeInputConfig", "automaticActivityDetection"), {name: value})
      for name in ("silenceDurationMs", "prefixPaddingMs") for value in (0, 60_000, 60_001, -1, 1e6)),
]  # fmt: skip
NAMES = [
    "",
    7,
    "m",
    " models/gemini-3.8-live ",
    "models/GEMINI-3.8-LIVE",
    "gemini-3.8-live/",
    *(f"models/{model.name}" for model in MODELS),
    *(f"publishers/google/models/{model.name}" for model in MODELS),
]
PLACES = {
    "today": {}, "of Vertex AI": {"vertex": True}, "in v1alpha": {"version": "v1alpha"}, "in v1": {"version": "v1"},
    "on the seed's day": {"day": SEEDS_DAY}, "before all": {"day": datetime.date(2020, 1, 1)},
}  # fmt: skip
VALUES = (1, -1, 2.5, "x", "", "true", "LOW", True, False, [], {}, ["x"], {"x": 1}, "y" * 70)


def in_words(verdict):
    lines = [
        f"{'note' if item.note else 'fault'} {item.problem.value} at {item.pointer or 'the top'}, line {item.line}: "
        f"{item.seen}; {item.why}; {item.fix}"
        for item in (*verdict.faults, *verdict.notes)
    ]
    return "\n".join([*lines, f"corrected {json.dumps(verdict.corrected)}"])


def test_every_mistake_is_in_words_that_were_approved():
    frames = [*(frame for frame, *_ in PLANTED), *MORE]
    texts = [f"{json.dumps(frame)}\n{in_words(judged(frame))}" for frame in frames]
    check(APPROVED, "mistakes", "\n".join(texts), exact=True)


@pytest.mark.parametrize("place", PLACES)
def test_every_model_and_what_it_does_not_take_is_in_words_that_were_approved(place):
    texts = []
    for name in NAMES:
        told = []
        for frame in (RIGHT, LEVEL_LOW, CHARACTER):
            verdict = judged(changed(MODEL, name, frame=frame), **PLACES[place])
            told += [
                f"  {item.problem.value}: {item.why}; {item.fix}"[:180] for item in (*verdict.faults, *verdict.notes)
            ]
            told.append(f"  corrected model {verdict.corrected['setup'].get('model')}")
        texts.append("\n".join([repr(name), *dict.fromkeys(told)]))
    check(APPROVED, f"models {place}", "\n".join(texts), exact=True)


def test_a_value_of_every_wrong_type_is_in_words_that_were_approved():
    lines = []
    for path in known_places():
        told = {}
        for value in VALUES:
            verdict = judged(changed(("setup", *path), value), version="v1alpha")
            text = (
                "; ".join(f"{item.problem.value}: {item.fix}" for item in (*verdict.faults, *verdict.notes)) or "right"
            )
            told.setdefault(text, []).append(json.dumps(value)[:9])
        lines += [f"{'.'.join(path)}", *(f"  {', '.join(values)}: {text}" for text, values in told.items())]
    check(APPROVED, "values", "\n".join(lines), exact=True)


@pytest.mark.parametrize(
    ("value", "fix"),
    [(599_999.5, "write `silenceDurationMs`: 600000"), (600_000.5, "remove it, or write a whole number"),
     (-599_999.7, "write `silenceDurationMs`: -600000"), (-600_000.5, "remove it, or write a whole number")],
)  # fmt: skip
def test_a_fraction_is_rounded_where_the_whole_number_is_possible(value, fix):
    frame = changed(("setup", "realtimeInputConfig", "automaticActivityDetection"), {"silenceDurationMs": value})
    assert fix in [fault.fix for fault in judged(frame).faults]


def test_one_modality_in_place_of_a_list_is_served_and_noted():
    frame = changed((*GENERATION, "responseModalities"), "audio")
    verdict = judged(frame)
    assert verdict.right
    assert [note.problem for note in verdict.notes] == [Problem.WRONG_TYPE]
    assert verdict.corrected == RIGHT
    assert emulator_verdict(frame) is None


def test_frame_of_the_seed_lacks_the_modality_on_its_own_day_and_the_model_is_retired_today():
    frame = {"setup": {"model": "models/gemini-2.0-flash-exp"}}
    (fault,) = judged(frame, day=SEEDS_DAY).faults
    assert (fault.problem, fault.line, fault.pointer) == (Problem.MISSING_MODALITY, 2, "/setup")
    assert '["AUDIO"]' in fault.fix
    problems = [fault.problem for fault in judged(frame).faults]
    assert problems == [Problem.MISSING_MODALITY, Problem.MODEL]
    corrected = judged(frame, day=SEEDS_DAY).corrected
    assert corrected == {
        "setup": {"model": "models/gemini-2.0-flash-exp", "generationConfig": {"responseModalities": ["AUDIO"]}}
    }


def test_model_that_never_existed_is_corrected_to_the_one_with_the_same_words():
    frame = changed(MODEL, "models/gemini-flash-2.0-live-001")
    verdict = judged(frame, day=SEEDS_DAY)
    assert verdict.corrected["setup"]["model"] == "models/gemini-2.0-flash-live-001"
    assert "same words in another order" in verdict.faults[0].why


def test_settings_follow_a_corrected_model_as_notes():
    frame = changed((*GENERATION, "thinkingConfig"), {"thinkingBudget": 0})
    frame["setup"]["model"] = "models/gemini-live-2.5-flash-preview"
    verdict = judged(frame, version="v1")
    assert [fault.problem for fault in verdict.faults] == [Problem.MODEL]
    assert [note.problem for note in verdict.notes] == [Problem.CHANGED_WITH_MODEL]
    assert judged(verdict.corrected, version="v1").right


def test_setting_that_a_model_neither_takes_nor_refuses_is_a_fault():
    frame = changed((*GENERATION, "enableAffectiveDialog"), True)
    frame["setup"]["model"] = "models/gemini-3.1-flash-live-preview"
    (fault,) = judged(frame, version="v1alpha").faults
    assert fault.problem is Problem.UNSUPPORTED
    assert "never answers" in fault.why
    assert emulator_verdict(frame, version="v1alpha") == "unanswered"


def test_both_spellings_are_right_and_a_mixture_is_noted():
    def spelt(value, spelling):
        if not isinstance(value, dict):
            return value
        return {spelling(key): spelt(inner, spelling) for key, inner in value.items()}

    assert judged(spelt(RIGHT, snake)) == judged(RIGHT)
    mixed = spelt(RIGHT, snake)
    mixed["setup"]["generationConfig"] = mixed["setup"].pop("generation_config")
    verdict = judged(mixed)
    assert verdict.right
    assert [note.problem for note in verdict.notes] == [Problem.MIXED_SPELLING]
    assert verdict.notes[0].pointer == "/setup/generationConfig"


def test_a_field_given_twice_is_a_fault_in_either_form():
    text = '{"setup": {\n"model": "models/x",\n"model": "models/gemini-3.8-live",\n"generationConfig": {}}}'
    twice = [fault for fault in judged(text).faults if fault.problem is Problem.SET_TWICE]
    assert [(fault.pointer, fault.line) for fault in twice] == [("/setup/model", 3)]
    both = changed(("setup", "generation_config"), {"response_modalities": ["TEXT"]})
    assert Problem.SET_TWICE in {fault.problem for fault in judged(both).faults}


@pytest.mark.parametrize(
    "frame", ["3", "[]", '"x"', "{}", '{"realtimeInput": {}}', '{"hello": 1}', '{"a": {"b": 1}, "c": 2}', "null"]
)
def test_what_has_nothing_of_a_setup_is_not_a_frame(frame):
    with pytest.raises(NotAFrameError):
        judged(frame)


@pytest.mark.parametrize("text", ["", "{", "{'setup': {}}", '{"setup": {},}', "[" * 100_000, "setup"])
def test_what_is_not_json_is_refused(text):
    with pytest.raises(ValueError, match=r".+"):
        read_located_json(text)


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-9, 9)
    | st.floats(allow_nan=False, allow_infinity=False, width=16)
    | st.text(max_size=4),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=8,
)


@given(JSON)
def test_every_part_of_a_json_text_has_its_line(value):
    located = read_located_json(json.dumps(value, indent=1))
    assert located.value == value
    lines = json.dumps(value, indent=1).splitlines()

    def check(part, pointer):
        line = lines[located.lines[pointer] - 1]
        members = part.items() if isinstance(part, dict) else enumerate(part) if isinstance(part, list) else ()
        for name, inner in members:
            place = f"{pointer}/{str(name).replace('~', '~0').replace('/', '~1')}"
            if isinstance(part, dict):
                assert json.dumps(name) in lines[located.lines[place] - 1]
            check(inner, place)
        assert line

    check(value, "")


def values_of(field: Field) -> st.SearchStrategy:
    """Right values, and now and then a wrong one."""
    right = {
        Kind.TEXT: st.sampled_from(["", "en-US", "x"]),
        Kind.WHOLE: st.integers(0, 1000) | st.sampled_from(["5", 20.0]),
        Kind.NUMBER: st.floats(0, 1) | st.just("0.5"),
        Kind.FLAG: st.booleans(),
        Kind.ANY: st.just({}) | st.just([]),
    }
    if field.kind is Kind.CHOICE:
        one = st.sampled_from(field.choices)
    elif field.kind is Kind.TABLE:
        one = tables_of(field)
    else:
        one = right[field.kind]
    good = st.lists(one, max_size=2) if field.many else one
    return st.integers(0, 60).flatmap(lambda number: JSON if number == 0 else good)


def tables_of(field: Field) -> st.SearchStrategy:
    known = {name: values_of(inner) for name, inner in field.fields.items() if name != "responseModalities"}
    names = st.sets(st.sampled_from(sorted(known)), max_size=3)
    table = names.flatmap(lambda chosen: st.fixed_dictionaries({name: known[name] for name in sorted(chosen)}))
    stray = st.sampled_from(
        ["", "", "", "", "", "", "", "", "", "", "", "", "Model", "responseModalities", "bogus", "sample_rate", "topp"]
    )
    return st.tuples(table, stray, st.booleans()).map(
        lambda made: {
            **{(snake if made[2] else camel)(name): value for name, value in made[0].items()},
            **({made[1]: ["AUDIO"]} if made[1] else {}),
        }
    )


SERVED = [f"models/{model.name}" for model in MODELS if model.live and model.served(TODAY) and model.versions]
FRAMES = st.builds(
    lambda setup, model, modalities: {
        "setup": {
            **setup,
            **({"model": model} if model is not None else {}),
            **(
                {"generationConfig": {**setup["generationConfig"], "responseModalities": modalities}}
                if modalities is not None and isinstance(setup.get("generationConfig"), dict)
                else {"generationConfig": {"responseModalities": modalities}}
                if modalities is not None and not setup.keys() & {"generationConfig", "generation_config"}
                else {}
            ),
        }
    },
    tables_of(SETUP),
    st.sampled_from([*SERVED * 12, *(f"models/{model.name}" for model in MODELS), None, "", "gemini-3.8-live", "m"]),
    st.sampled_from(
        [["AUDIO"], ["AUDIO"], ["AUDIO"], ["TEXT"], ["AUDIO", "TEXT"], [], ["audio"], "audio", "text", None]
    ),
)


@settings(max_examples=400, deadline=None)
@given(FRAMES, st.sampled_from(["v1", "v1beta", "v1alpha", "v1alpha"]), st.sampled_from([TODAY, TODAY, SEEDS_DAY]))
def test_judgement_and_emulator_agree_and_the_corrected_frame_is_right(frame, version, day):
    verdict = judge_frame(LocatedJson(value=frame), day=day, version=version)
    emulated = emulator_verdict(frame, version=version, day=day)
    if all(fault.problem is Problem.SET_TWICE for fault in verdict.faults):
        assert emulated is None, [frame, emulated]
    else:
        assert emulated is not None, [frame, verdict.faults]
    again = judge_frame(LocatedJson(value=verdict.corrected), day=day, version=version)
    served = any(version in model.versions and model.live and model.served(day) for model in MODELS)
    assert again.right or not served, [frame, again.faults]
    assert emulator_verdict(verdict.corrected, version=version, day=day) is None or not served
