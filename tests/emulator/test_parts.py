"""Parsers, tables and schedules of the emulator, without a network."""

from __future__ import annotations

import base64
import datetime
import itertools
import json
import random
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel

from diag.core.errors import BadInputError
from diag.core.live_catalogue import MODELS, find, listing, short_name
from diag.core.live_setup import camel, canonical, snake
from diag.emulator.chance import draw
from diag.emulator.closing import CLOSES, REASON_BYTES, Refused, cut, model_not_found
from diag.emulator.delivery import oversized, with_chunk_faults, with_ending_faults
from diag.emulator.faults import Burst, Drawn, DropChunk, DuplicateChunk, Jitter, Pause, ReorderChunks, Slow
from diag.emulator.incoming import declared_rate_hz, decode_bytes, read_frame
from diag.emulator.paths import credential, parse_target
from diag.emulator.replies import read_pcm16, read_prompts, read_replies, reply_ends_s
from diag.emulator.settings import EmulatorSettings, read_settings
from diag.emulator.setup import read_setup
from diag.emulator.speaking import Step, Voice, audio_steps, playback_end_s, transcript_steps, with_ending
from diag.emulator.specs import read_faults, with_faults
from diag.emulator.tools import calls_for

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=12), inner, max_size=4),
    max_leaves=12,
)


def code_of(judge: Callable[[], object]) -> int | None:
    """Close code of a refusal; None where there is none. Whatever else is raised is a failure."""
    try:
        judge()
    except Refused as refusal:
        return refusal.code
    return None


@given(st.binary(max_size=200), st.booleans(), st.booleans())
def test_both_base64_alphabets(data: bytes, urlsafe: bool, padded: bool) -> None:
    text = (base64.urlsafe_b64encode if urlsafe else base64.b64encode)(data).decode()
    assert decode_bytes(text if padded else text.rstrip("="), "x") == data


@given(st.text(max_size=40) | st.none() | st.integers())
def test_what_is_no_base64_is_refused_and_nothing_else_happens(value: object) -> None:
    assert code_of(lambda: decode_bytes(value, "place")) in (None, 1007)


def test_keys_in_either_spelling_but_not_those_of_the_user() -> None:
    message = {
        "tool_response": {"function_responses": [{"response": {"some_key": {"inner_key": 1}}, "will_continue": 1}]}
    }
    (response,) = canonical(message)["toolResponse"]["functionResponses"]
    assert response == {"response": {"some_key": {"inner_key": 1}}, "willContinue": 1}


@given(st.from_regex(r"[a-z]{1,6}(_[a-z]{1,6}){0,3}", fullmatch=True))
def test_snake_and_camel_are_inverses(name: str) -> None:
    assert snake(camel(name)) == name
    assert camel(camel(name)) == camel(name)


@given(JSON)
def test_any_json_is_read_or_refused(value: object) -> None:
    assert code_of(lambda: read_frame(json.dumps(value))) in (None, 1007)


@pytest.mark.parametrize("data", ["[" * 100_000, '{"a":' * 50_000, b"\xff\xfe", "", "NaN", '"x"', "1" * 10_000])
def test_hostile_json_is_refused(data: str | bytes) -> None:
    with pytest.raises(Refused):
        read_frame(data)


@given(JSON)
def test_any_setup_is_judged_without_a_crash(value: object) -> None:
    setup = {"model": "models/gemini-3.8-live", "generationConfig": value, "realtimeInputConfig": value, "tools": value}
    for message in ({"setup": value}, {"setup": setup}):
        judged = canonical(message)
        code = code_of(lambda judged=judged: read_setup(judged, EmulatorSettings(), version="v1alpha", vertex=False))
        assert code in (None, 1007, 1008)


@pytest.mark.parametrize(
    ("mime_type", "rate_hz"),
    [
        ("audio/pcm;rate=16000", 16000),
        ("audio/pcm; rate=48000", 48000),
        ("AUDIO/PCM;RATE=8000", 8000),
        ("audio/l16;codec=pcm;rate=24000", 24000),
        ("audio/pcm", 16000),
        ("audio/pcm;bitrate=8000", 16000),
        (' audio/pcm ; rate = "8000"', 8000),
        ("audio/pcm;rate=0", None),
        ("audio/pcm;rate=x", None),
        ("audio/pcm;rate=²", None),
        ("audio/pcm;rate=99999999999", None),
        ("audio/ogg", None),
        (None, None),
    ],
)
def test_declared_rates(mime_type: str | None, rate_hz: int | None) -> None:
    assert declared_rate_hz(mime_type) == rate_hz


@given(st.text(max_size=300))
def test_reasons_fit_and_stay_whole(reason: str) -> None:
    data = cut(reason)
    assert len(data) <= REASON_BYTES
    data.decode()
    assert len(data) >= min(len(reason.encode("utf-8", "replace")), REASON_BYTES - 3)


def test_known_reasons_are_cut_where_the_service_cuts_them() -> None:
    assert cut(CLOSES["go_away_ignored"].reason).endswith(b"once the session durat")
    name = "models/gemini-3.1-flash-live-preview"
    assert len(cut(model_not_found(name, "v1", early=False).reason)) == REASON_BYTES


@pytest.mark.parametrize(
    ("raw", "kind", "profile"),
    [
        ("//ws/google.ai.generativelanguage.v1beta.GenerativeService.BidiGenerateContent?key=a", "live", ""),
        ("/profile/ab-1//ws/google.ai.generativelanguage.v1.GenerativeService.BidiGenerateContent", "live", "ab-1"),
        ("/x/profile/p/ws/google.cloud.aiplatform.v1.LlmBidiService/BidiGenerateContent", "live", "p"),
        ("/profile/p/v1beta/models?pageSize=3", "models", "p"),
        ("/v1/models/gemini-3.8-live", "models", ""),
        ("/v1beta/models/m:generateContent", "call", ""),
        ("/profile/p/my/path", "other", "p"),
        ("", "other", ""),
        ("/profile/p/v1beta1/projects/a/locations/b/publishers/google/models/m:generateContent", "call", "p"),
    ],
)
def test_targets(raw: str, kind: str, profile: str) -> None:
    target = parse_target(raw)
    assert (target.kind, target.profile) == (kind, profile)


@given(st.text(max_size=60))
def test_any_target_is_parsed(raw: str) -> None:
    parse_target(raw)
    credential(raw, {})


def test_catalogue_dates() -> None:
    seed, today = datetime.date(2025, 9, 19), datetime.date(2026, 11, 22)

    def served(name: str, day: datetime.date, version: str = "v1beta") -> bool:
        return find(f"models/{name}", version=version, day=day, vertex=False) is not None

    assert served("gemini-2.0-flash-exp", seed)
    assert not served("gemini-2.0-flash-exp", today)
    assert not served("gemini-flash-2.0-live-001", seed)
    assert served("gemini-2.0-flash-live-001", datetime.date(2025, 12, 8))
    assert not served("gemini-2.0-flash-live-001", datetime.date(2025, 12, 9))
    assert served("gemini-3.8-live", today)
    assert not served("gemini-3.8-live", datetime.date(2026, 9, 14))
    assert not served("gemini-2.5-flash", today)
    assert not served("gemini-3.1-flash-live-preview", today, "v1")
    assert {entry["name"] for entry in listing(version="v1", day=seed)} == {
        "models/gemini-2.0-flash-001",
        "models/gemini-2.5-flash",
    }


def test_catalogue_is_in_order() -> None:
    assert len({model.name for model in MODELS}) == len(MODELS)
    for model in MODELS:
        assert model.served_until is None or model.served_from < model.served_until
        assert model.versions or model.vertex


@pytest.mark.parametrize(
    ("name", "vertex", "short"),
    [
        ("models/m", False, "m"),
        ("m", False, None),
        ("models/publishers/google/models/m", False, None),
        ("publishers/google/models/m", True, "m"),
        ("projects/p/locations/l/publishers/google/models/m", True, "m"),
        ("models/m", True, None),
    ],
)
def test_resource_names(name: str, vertex: bool, short: str | None) -> None:
    assert short_name(name, vertex=vertex) == short


def voice(frames: int = 24000) -> Voice:
    return Voice(pcm=np.arange(frames).astype(np.int16), text="one two three four five six seven")


def sent(steps: list[Step]) -> list[int]:
    return [step.index for step in steps if step.kind == "chunk"]


@given(st.integers(1, 50_000), st.integers(1, 9600), st.floats(0.1, 20))
def test_chunks_cover_the_reply_at_the_pace(frames: int, chunk_frames: int, pace: float) -> None:
    steps = audio_steps(voice(frames), chunk_frames=max(chunk_frames, frames // 100), pace=pace)
    assert sum(step.frames for step in steps) == frames
    assert [step.start_frame for step in steps] == list(np.cumsum([0] + [step.frames for step in steps[:-1]]))
    for step in steps:
        assert step.at_s == pytest.approx(step.start_frame / 24000 / pace)


@given(st.floats(0.3, 5.0))
def test_turn_completes_when_playback_is_over(pace: float) -> None:
    steps = with_ending(audio_steps(voice(), chunk_frames=2400, pace=pace), None)
    generated, completed = steps[-2:]
    assert generated.at_s == steps[-3].at_s
    assert completed.at_s == pytest.approx(max(1.0, 0.9 / pace + 0.1))
    assert playback_end_s([]) == 0.0


def test_transcript_is_whole_and_spread() -> None:
    chunks = audio_steps(voice(), chunk_frames=2400, pace=1.0)
    steps = transcript_steps("one two three four five six seven", chunks)
    assert "".join(step.data["text"] for step in steps) == "one two three four five six seven"
    assert [step.at_s for step in steps] == pytest.approx([0.0, 0.3, 0.6])
    assert transcript_steps("", chunks) == []


KIND: dict[str, type[BaseModel]] = {"Slow": Slow, "Pause": Pause, "Burst": Burst, "Jitter": Jitter}


@given(st.sampled_from(sorted(KIND)), st.integers(0, 2**31))
def test_faults_of_time_lose_nothing_and_keep_the_order(name: str, seed: int) -> None:
    fault = KIND[name].model_validate({"kind": name.lower()})
    steps = with_chunk_faults(audio_steps(voice(), chunk_frames=1200, pace=2.0), [(fault, random.Random(seed))])
    assert sent(steps) == list(range(20))
    assert all(a.at_s <= b.at_s for a, b in itertools.pairwise(steps))
    assert with_ending_faults(with_ending(steps, None), [])[-1].kind == "turn_complete"


@given(st.integers(0, 2**31), st.floats(0.05, 0.95))
def test_faults_of_chunks_by_lot(seed: int, share: float) -> None:
    chunks = audio_steps(voice(), chunk_frames=1200, pace=2.0)

    def chunks_of(kind: type[BaseModel], name: str) -> list[int]:
        fault = kind.model_validate({"kind": name, "share": share})
        return sent(with_chunk_faults(chunks, [(fault, random.Random(seed))]))

    assert set(chunks_of(DuplicateChunk, "duplicate_chunk")) == set(range(20))
    assert chunks_of(DropChunk, "drop_chunk") == sorted(chunks_of(DropChunk, "drop_chunk"))
    assert sorted(chunks_of(ReorderChunks, "reorder_chunks")) == list(range(20))


@pytest.mark.parametrize("distribution", ["uniform", "lognormal"])
def test_drawn_delays_have_their_stated_shape(distribution: str) -> None:
    drawn = Drawn.model_validate({"distribution": distribution, "low_s": 1.0, "high_s": 3.0})
    rng = random.Random(1)
    values = np.array([draw(drawn, rng) for _ in range(4000)])
    if distribution == "uniform":
        assert (values.min(), values.max()) == pytest.approx((1.0, 3.0), abs=0.01)
    else:
        assert (np.median(values), np.percentile(values, 95)) == pytest.approx((1.0, 3.0), rel=0.06)


def test_oversized_is_exactly_that_large_and_good_json() -> None:
    assert len(oversized(1_200_000)) == 1_200_000
    assert json.loads(oversized(500))["serverContent"]


def test_specs_of_the_command_line() -> None:
    assert read_faults(
        [
            "close,named=quota,turns=2+3,probability=0.5",
            "slow_first_audio,delay_s=lognormal:1.5:3",
            'close,reason="a, b"',
            "stall",
        ]
    ) == [
        {"kind": "close", "named": "quota", "turns": [2, 3], "probability": 0.5},
        {"kind": "slow_first_audio", "delay_s": {"distribution": "lognormal", "low_s": "1.5", "high_s": "3"}},
        {"kind": "close", "reason": "a, b"},
        {"kind": "stall"},
    ]
    settings = read_settings(with_faults({"faults": [{"kind": "stall"}]}, ["silent_turn"]))
    assert [fault.kind for fault in settings.faults] == ["stall", "silent_turn"]


@pytest.mark.parametrize(
    "spec",
    [
        "nonsense",
        "close,code",
        "close,code=99999",
        "pause,for=3",
        "",
        "slow_first_audio,delay_s=uniform:4:1",
        "close,named=x",
    ],
)
def test_bad_specs_are_explained(spec: str) -> None:
    with pytest.raises(BadInputError, match="Could not read the fault"):
        read_faults([spec])


@pytest.mark.parametrize(
    "values", [{"as_of": "someday"}, {"faults": [{"kind": "x"}]}, {"faults": 3}, {"think_s": -1}, {"x": 1}]
)
def test_bad_settings_are_explained(values: dict) -> None:
    with pytest.raises(BadInputError, match="Could not use the emulator's settings"):
        read_settings(values)


def test_dates_may_be_toml_dates() -> None:
    assert read_settings({"as_of": datetime.date(2025, 9, 19)}).date == datetime.date(2025, 9, 19)


@pytest.mark.parametrize(
    "table",
    ["", "reply = 3", "[[reply]]\ntext = 'x'", "[[reply]]\nname = 'missing'", "[[reply]]\nname = 'broken'", "a = ["],
)
def test_bad_banks_are_explained(tmp_path: Path, table: str) -> None:
    (tmp_path / "replies.toml").write_text(table, encoding="utf-8")
    (tmp_path / "broken.wav").write_bytes(b"RIFF")
    with pytest.raises(BadInputError):
        read_replies(tmp_path)


@pytest.mark.parametrize("line", ["speech_end_s = 'x'", "first_audible_s = true", "answers = 3", "answers = 'yes'"])
@pytest.mark.parametrize("read", [read_replies, reply_ends_s])
def test_times_that_are_no_numbers_and_answers_that_are_no_list_are_explained(tmp_path: Path, read, line: str) -> None:
    (tmp_path / "replies.toml").write_text(f"[[reply]]\nname = 'first'\n{line}", encoding="utf-8")
    with pytest.raises(BadInputError, match="of first is not a number, or its `answers` is not a list"):
        read(tmp_path)


def test_no_bank_is_explained(tmp_path: Path) -> None:
    with pytest.raises(BadInputError, match=r"replies\.toml"):
        read_replies(tmp_path)
    assert read_prompts(tmp_path) == ()
    with pytest.raises(BadInputError, match="Could not read the recording"):
        read_pcm16(tmp_path / "none.wav")


def test_calls_have_arguments_of_the_declared_types() -> None:
    schema = {
        "type": "object",
        "properties": {
            "on": {"type": "BOOLEAN"},
            "list": {"type": "ARRAY", "items": {"type": "NUMBER"}},
            "choice": {"type": "STRING", "enum": ["b", "c"]},
            "odd": 3,
        },
    }
    (call,) = calls_for([{"name": "f", "parametersJsonSchema": schema}])
    assert call["args"] == {"on": True, "list": [1.5], "choice": "b", "odd": None}
    assert calls_for([{"name": "g"}])[0]["args"] == {}
