"""Takes, runs and recordings on disk: what goes in comes out, and what is unusable is refused in one sentence."""

import contextlib
import errno
import json
import os
import struct
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import soundfile as sf
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from diag.core.chain import Tap
from diag.core.client_config import ClientConfig
from diag.core.clip import Clip, clip_from_pcm16
from diag.core.errors import BadInputError, CannotMeasureError
from diag.core.keys import without_secrets
from diag.core.results import SCHEMA_VERSION
from diag.core.take import Take, Turn
from diag.core.timeline import Event, Timeline
from diag.files import audio_files as recordings
from diag.files import run_folders as store
from diag.files.whole_files import write_flushed

SINE = (0.5 * np.sin(np.arange(4800) / 10)).astype(np.float32)
MODIFIED = {"deadline": None, "suppress_health_check": [HealthCheck.function_scoped_fixture]}


def take_of(clips, take_id="0001", **changes):
    facts = {
        "id": take_id,
        "scenario": "any",
        "config": ClientConfig(),
        "environment": {"audio": "wire", "versions": {"diag": "0"}},
        "seed": 7,
        "clips": clips,
        "timeline": Timeline((Event(t_s=0.0, name="take_started", source="harness", data={"perf_counter_s": 12.5}),)),
        "turns": (),
    }
    return Take(**{**facts, **changes})


def refusal(call, *parts):
    with pytest.raises(BadInputError) as caught:
        call()
    sentence = str(caught.value)
    assert "\n" not in sentence
    assert sentence.endswith((".", "?"))
    for part in parts:
        assert part in sentence
    return sentence


# --- recordings


@pytest.mark.parametrize(
    ("subtype", "tolerance"),
    [("PCM_U8", 1 / 127), ("PCM_16", 1 / 32767), ("PCM_24", 1e-6), ("FLOAT", 0), ("DOUBLE", 1e-7), ("ULAW", 0.02)],
)
@pytest.mark.parametrize("channels", [1, 2, 6])
def test_every_sample_format_and_channel_count_is_read(tmp_path, subtype, tolerance, channels):
    samples = SINE if channels == 1 else np.stack([SINE] * channels, axis=1)
    sf.write(tmp_path / "a.wav", samples, 22050, subtype=subtype)
    clip = store.read_wav(tmp_path / "a.wav")
    assert (clip.sample_rate_hz, clip.channels, clip.frames) == (22050, channels, 4800)
    assert np.abs(clip.samples - samples).max() <= tolerance


@pytest.mark.parametrize("kind", ["flac", "ogg"])
def test_other_containers_are_read(tmp_path, kind):
    sf.write(tmp_path / f"a.{kind}", SINE, 48000)
    assert store.read_wav(tmp_path / f"a.{kind}").frames == 4800


def test_missing_file_is_refused_with_a_near_name(tmp_path):
    sf.write(tmp_path / "prompt.wav", SINE, 16000)
    refusal(lambda: store.read_wav(tmp_path / "promt.wav"), "no such file", "did you mean", "prompt.wav")


def test_folder_is_refused(tmp_path):
    refusal(lambda: store.read_wav(tmp_path), "folder")


def test_pipe_is_refused_without_waiting_for_it(tmp_path):
    os.mkfifo(tmp_path / "pipe.wav")
    refusal(lambda: store.read_wav(tmp_path / "pipe.wav"), "pipe or a device")


def test_empty_file_is_refused(tmp_path):
    (tmp_path / "a.wav").touch()
    refusal(lambda: store.read_wav(tmp_path / "a.wav"), "empty")


@pytest.mark.parametrize("content", [b"not a wave file at all", b"RIFF\x00", b"\x00" * 64, b"ID3\x04" + b"\x01" * 99])
def test_what_is_not_audio_is_refused(tmp_path, content):
    (tmp_path / "a.wav").write_bytes(content)
    refusal(lambda: store.read_wav(tmp_path / "a.wav"), "not audio", "s16le:24000")


@pytest.mark.parametrize("kept", [20, 44, 45, 2000, 9643])
def test_cut_wav_is_refused(tmp_path, kept):
    sf.write(tmp_path / "a.wav", SINE, 16000, subtype="PCM_16")
    whole = (tmp_path / "a.wav").read_bytes()
    assert len(whole) == 9644
    (tmp_path / "a.wav").write_bytes(whole[:kept])
    refusal(lambda: store.read_wav(tmp_path / "a.wav"), "cut off")


def test_cut_flac_is_refused(tmp_path):
    noise = np.random.default_rng(1).uniform(-0.5, 0.5, 48000).astype(np.float32)
    sf.write(tmp_path / "a.flac", noise, 48000)
    whole = (tmp_path / "a.flac").read_bytes()
    (tmp_path / "a.flac").write_bytes(whole[: len(whole) // 2])
    refusal(lambda: store.read_wav(tmp_path / "a.flac"))


def test_header_without_frames_is_refused(tmp_path):
    sf.write(tmp_path / "a.wav", np.zeros(0, np.float32), 16000)
    refusal(lambda: store.read_wav(tmp_path / "a.wav"), "0 frames")


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_samples_that_are_not_finite_are_refused_with_their_place(tmp_path, bad):
    samples = SINE.copy()
    samples[2400] = bad
    sf.write(tmp_path / "a.wav", samples, 16000, subtype="FLOAT")
    refusal(lambda: store.read_wav(tmp_path / "a.wav"), "1 samples are not finite", "0.150 s")


def test_too_long_a_recording_is_refused_before_it_is_read(tmp_path, monkeypatch):
    monkeypatch.setattr(recordings, "MAX_SAMPLES", 4000)
    monkeypatch.setattr(sf, "read", lambda *_, **__: pytest.fail("it was read"))
    sf.write(tmp_path / "a.wav", SINE, 16000)
    refusal(lambda: store.read_wav(tmp_path / "a.wav"), "at most 4000 samples")


@pytest.mark.parametrize("rate_hz", [1, 3999, 400_000])
def test_odd_sample_rates_are_refused(tmp_path, rate_hz):
    sf.write(tmp_path / "a.wav", SINE, rate_hz)
    refusal(lambda: store.read_wav(tmp_path / "a.wav"), f"{rate_hz} Hz")


@pytest.mark.parametrize("announced", [0xFFFFFFFF, 0x7FFFFFFF])
def test_streamed_wav_of_open_length_is_read(tmp_path, announced):
    header = b"RIFF\xff\xff\xff\xffWAVEfmt " + struct.pack("<IHHIIHH", 16, 1, 1, 16000, 32000, 2, 16)
    pcm = (SINE * 32767).astype("<i2").tobytes()
    (tmp_path / "a.wav").write_bytes(header + b"data" + struct.pack("<I", announced) + pcm)
    assert store.read_wav(tmp_path / "a.wav").frames == 4800


@settings(max_examples=60, **MODIFIED)
@given(content=st.binary(max_size=200), riff=st.booleans())
def test_any_bytes_give_a_clip_or_one_sentence(tmp_path, content, riff):
    (tmp_path / "a.wav").write_bytes((b"RIFF\x24\x00\x00\x00WAVEfmt " if riff else b"") + content)
    with contextlib.suppress(BadInputError):
        assert store.read_wav(tmp_path / "a.wav").frames > 0


@pytest.mark.parametrize(
    ("spec", "dtype", "scale", "offset"),
    [("s16le:24000", "<i2", 32768, 0), ("s16be:24000", ">i2", 32768, 0), ("f32le:24000", "<f4", 1, 0),
     ("u8:24000", "u1", 128, 128)],
)  # fmt: skip
def test_headerless_pcm_is_read(tmp_path, spec, dtype, scale, offset):
    (tmp_path / "a.pcm").write_bytes((SINE * scale * 0.99 + offset).astype(dtype).tobytes())
    clip = store.read_raw(tmp_path / "a.pcm", spec)
    assert clip.sample_rate_hz == 24000
    assert np.abs(clip.samples - SINE * 0.99).max() <= 1 / scale * (scale > 1) + 1e-6


def test_headerless_stereo_is_read(tmp_path):
    (tmp_path / "a.pcm").write_bytes(np.array([1, 2, 3, 4], "<i2").tobytes())
    clip = store.read_raw(tmp_path / "a.pcm", "s16le:16000:2")
    assert (clip.samples * 32768).tolist() == [[1, 2], [3, 4]]


@pytest.mark.parametrize("spec", ["", "s16le", "s16le:", "s16le:fast", "pcm:24000", "s16le:24000:2:2", "s16le:-1"])
def test_unknown_raw_formats_are_refused(tmp_path, spec):
    (tmp_path / "a.pcm").write_bytes(b"\x00\x00")
    refusal(lambda: store.read_raw(tmp_path / "a.pcm", spec), "s16le:24000")


@pytest.mark.parametrize("spec", ["s16le:0", "s16le:24000:0", "s16le:24000:2", "f32le:24000"])
def test_raw_formats_that_do_not_fit_the_file_are_refused(tmp_path, spec):
    (tmp_path / "a.pcm").write_bytes(b"\x00\x00")
    refusal(lambda: store.read_raw(tmp_path / "a.pcm", spec))


# --- takes


finite = st.floats(-2, 2, width=32)


def holds_no_key(value):
    """Whether nothing in it is called or looks like a key, which is hidden when a take is written."""
    return without_secrets(value) == value


pcm = st.binary(max_size=400).map(lambda data: data[: len(data) // 2 * 2])
json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)  # fmt: skip


@st.composite
def takes(draw):
    clips = {}
    for tap in draw(st.sets(st.sampled_from(list(Tap)))):
        start_s = draw(st.none() | st.floats(-10, 1e6))
        rate_hz = draw(st.sampled_from([8000, 16000, 24000, 44100, 48000]))
        if tap in (Tap.SENT, Tap.RECEIVED):
            clips[tap] = clip_from_pcm16(draw(pcm), rate_hz, start_s=start_s)
        else:
            shape = draw(st.sampled_from([(0,), (5,), (0, 2), (7, 2)]))
            samples = draw(arrays(np.float32, shape, elements=finite))
            clips[tap] = Clip(samples=samples, sample_rate_hz=rate_hz, start_s=start_s)
    names = st.text(min_size=1, max_size=12).filter(holds_no_key)
    events = st.builds(
        Event, t_s=st.floats(-1, 1e6), name=names, source=names,
        data=st.dictionaries(st.text(max_size=8), json_values, max_size=3).filter(holds_no_key),
    )  # fmt: skip
    span = st.tuples(st.integers(0, 10**9), st.integers(0, 10**9))
    turns = st.builds(
        Turn, index=st.integers(0, 9), prompt_name=names, start_s=st.floats(0, 1e6), end_s=st.floats(0, 1e6),
        speech_start_s=st.none() | st.floats(0, 1e6), speech_end_s=st.none() | st.floats(0, 1e6),
        prompt_spans=st.dictionaries(st.sampled_from(list(Tap)), span),
        reply_spans=st.dictionaries(st.sampled_from(list(Tap)), span),
    )  # fmt: skip
    return take_of(
        clips,
        seed=draw(st.integers(0, 2**63)),
        environment=draw(st.dictionaries(st.text(max_size=8), json_values, max_size=3).filter(holds_no_key)),
        timeline=Timeline(tuple(draw(st.lists(events, max_size=4)))),
        turns=tuple(draw(st.lists(turns, max_size=2))),
    )


def facts_of(take):
    return (
        take.id, take.scenario, take.config, dict(take.environment), take.seed, take.timeline, take.turns,
        {tap: (clip.sample_rate_hz, clip.start_s, clip.samples.shape) for tap, clip in take.clips.items()},
    )  # fmt: skip


@settings(max_examples=60, **MODIFIED)
@given(take=takes())
def test_a_take_comes_back_as_it_was(tmp_path_factory, take):
    folder = store.write_take(tmp_path_factory.mktemp("run"), take)
    back = store.read_take(folder)
    assert facts_of(back) == facts_of(take)
    for tap, clip in take.clips.items():
        assert np.array_equal(back.clips[tap].samples, clip.samples)


def test_numpy_numbers_in_events_are_written_as_plain_ones(tmp_path):
    event = Event(t_s=0.0, name="stamps", source="audio", data={"t_s": np.arange(3.0), "n": np.int64(4), "s": {"b"}})
    back = store.read_take(store.write_take(tmp_path, take_of({}, timeline=Timeline((event,)))))
    assert dict(back.timeline.events[0].data) == {"t_s": [0.0, 1.0, 2.0], "n": 4, "s": ["b"]}


def test_a_take_is_never_overwritten(tmp_path):
    store.write_take(tmp_path, take_of({}))
    refusal(lambda: store.write_take(tmp_path, take_of({})), "exists already")


def test_finished_takes_leave_out_what_is_not_whole(tmp_path):
    store.write_take(tmp_path, take_of({}, "0002"))
    store.write_take(tmp_path, take_of({}, "0001"))
    (tmp_path / "takes" / ".0003.partial-1-ab").mkdir()
    (tmp_path / "takes" / ".0003.partial-1-ab" / "take.json").write_text("{}")
    (tmp_path / "takes" / "0004").mkdir()
    assert store.finished_takes(tmp_path) == ("0001", "0002")
    assert store.remove_partial_takes(tmp_path) == 1
    assert not list((tmp_path / "takes").glob(".*"))


def test_a_full_disk_is_told_for_what_is_written_beside_a_take(tmp_path, monkeypatch):
    def full(path, data, **_):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("diag.files.whole_files.write_flushed", full)
    with pytest.raises(CannotMeasureError, match=r"Could not save .*truth\.json: the disk is full"):
        store.write_beside(tmp_path, "truth.json", {"lines": []})
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(("number", "words"), [(errno.ENOSPC, "the disk is full"), (errno.EACCES, "Permission denied")])
@pytest.mark.parametrize("after", [0, 1, 2])
def test_a_failing_disk_leaves_one_sentence_and_no_half_take(tmp_path, monkeypatch, number, words, after):
    flushed = []

    def fsync(handle):
        flushed.append(handle)
        if len(flushed) > after:
            raise OSError(number, os.strerror(number))

    monkeypatch.setattr(os, "fsync", fsync)
    clip = Clip(samples=SINE, sample_rate_hz=16000)
    with pytest.raises(CannotMeasureError) as caught:
        store.write_take(tmp_path, take_of({Tap.PROMPT: clip}))
    assert words in str(caught.value)
    assert list((tmp_path / "takes").iterdir()) == []


def test_a_really_full_device_is_told(tmp_path):
    with pytest.raises(CannotMeasureError, match="disk is full"), store._disk("Could not save"):
        write_flushed(Path("/dev/full"), b"x" * 100_000)


@pytest.mark.parametrize("name", ["take.json", "timeline.jsonl", "prompt.wav"])
@pytest.mark.parametrize("damage", [lambda data: data[: len(data) // 2], lambda data: b"\xff" + data, lambda _: None])
def test_a_damaged_take_is_refused_in_one_sentence(tmp_path, name, damage):
    folder = store.write_take(tmp_path, take_of({Tap.PROMPT: Clip(samples=SINE, sample_rate_hz=16000)}))
    data = damage((folder / name).read_bytes())
    (folder / name).unlink()
    if data is not None:
        (folder / name).write_bytes(data)
    refusal(lambda: store.read_take(folder), name)


@pytest.mark.parametrize("content", ["[]", "{}", '{"schema_version": 1}', '{"schema_version": 1, "clips": 3}', "3"])
def test_a_take_file_of_another_shape_is_refused(tmp_path, content):
    (tmp_path / "take.json").write_text(content)
    refusal(lambda: store.read_take(tmp_path), "take.json")


@pytest.mark.parametrize("name", ["take.json", "run.json"])
def test_a_newer_schema_is_refused_by_name(tmp_path, name):
    content = {"schema_version": SCHEMA_VERSION + 1, "tool_version": "9.9", "name": "x"}
    (tmp_path / name).write_text(json.dumps(content))
    call = store.read_take if name == "take.json" else store.read_run
    refusal(lambda: call(tmp_path), name, f"schema version {SCHEMA_VERSION + 1}", "diag 9.9", "update diag")


def test_facts_that_an_older_writer_did_not_know_take_their_defaults(tmp_path):
    folder = store.write_take(tmp_path, take_of({}))
    facts = json.loads((folder / "take.json").read_text())
    del facts["config"]["turn"]
    (folder / "take.json").write_text(json.dumps(facts))
    assert store.read_take(folder).config == ClientConfig()


# --- runs


def test_a_run_comes_back(tmp_path):
    folder = store.create_run(tmp_path / "runs", "healthy", {"title": "All well", "takes": 5})
    store.write_take(folder, take_of({}))
    run = store.read_run(folder)
    assert (run.name, run.facts["title"], run.take_ids) == ("healthy", "All well", ("0001",))
    assert run.take("0001").seed == 7


def test_a_run_does_not_say_where_the_home_of_its_user_is(monkeypatch, tmp_path):
    monkeypatch.setenv("HOME", str(tmp_path / "anna"))
    facts = {"prompts": [{"path": f"{tmp_path}/anna/voice/hello.wav"}], "title": "~", "takes": 5}
    folder = store.create_run(tmp_path / "runs", "healthy", facts)
    assert "anna" not in (folder / "run.json").read_text()
    assert {name: store.read_run(folder).facts[name] for name in facts} == facts


def test_runs_of_the_same_second_do_not_collide(tmp_path):
    folders = {store.create_run(tmp_path, "healthy", {}) for _ in range(50)}
    assert len(folders) == 50


@pytest.mark.parametrize("name", ["../../etc", "a b/c", "", "…", "x" * 300])
def test_any_name_makes_a_folder_inside(tmp_path, name):
    assert store.create_run(tmp_path, name, {}).parent == tmp_path


@pytest.mark.parametrize("content", [None, "", "{", "[]", '{"schema_version": "1"}', '{"schema_version": 1}'])
def test_what_is_not_a_run_is_refused(tmp_path, content):
    if content is not None:
        (tmp_path / "run.json").write_text(content)
    refusal(lambda: store.read_run(tmp_path), "run.json")


def test_a_folder_that_cannot_be_made_is_told(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(CannotMeasureError):
        store.create_run(tmp_path / "file" / "runs", "healthy", {})


# --- keys


def test_keys_never_reach_a_file(tmp_path, monkeypatch):
    key, other = 'secret"key-0123456789', "AIzaSyA1234567890abcdefghijklmnopqrstuv"
    monkeypatch.setenv("GEMINI_API_KEY", key)
    event = Event(t_s=0.0, name="x", source="client", data={"detail": f"refused {key}", "other": other})
    take = take_of({}, environment={"note": key}, timeline=Timeline((event,)))
    folder = store.create_run(tmp_path, "healthy", {"note": f"{key} auth_tokens/abcdef0123456789"})
    store.write_take(folder, take)
    written = [path.read_text() for path in folder.rglob("*.json*")]
    assert len(written) == 3
    for text in written:
        assert "0123456789" not in text
        assert "AIza" not in text
    assert json.loads((folder / "takes/0001/take.json").read_text())["environment"] == {"note": "(key hidden)"}


def test_a_new_run_removes_what_killed_processes_left_and_nothing_else(tmp_path):
    done = subprocess.run([sys.executable, "-c", "import os; print(os.getpid())"], capture_output=True, check=True)
    runs = tmp_path / "runs"
    old = store.create_run(runs, "old", {})
    left = [
        old / f"takes/.0001.partial-{int(done.stdout)}-abc123",
        old / f".run.json.partial-{int(done.stdout)}-abc123",
        tmp_path / f".report.html.partial-{int(done.stdout)}-abc123",
    ]
    kept = [old / f"takes/.0002.partial-{os.getpid()}-abc123", tmp_path / ".notes"]
    for path in (left[0], kept[0]):
        path.mkdir()
    for path in (*left[1:], kept[1]):
        path.write_text("")
    store.create_run(runs, "new", {})
    assert not [path for path in left if path.exists()]
    assert all(path.exists() for path in kept)


def test_runs_are_private_to_their_user(tmp_path):
    run = store.create_run(tmp_path / "runs", "mine", {})
    folder = store.write_take(run, take_of({Tap.PROMPT: Clip(samples=SINE, sample_rate_hz=16000)}))
    modes = {path.relative_to(run).as_posix(): path.stat().st_mode & 0o777 for path in (run, *run.rglob("*"))}
    assert folder.is_dir()
    assert {mode for path, mode in modes.items() if (run / path).is_dir()} == {0o700}
    assert {mode for path, mode in modes.items() if (run / path).is_file()} == {0o600}


@pytest.mark.parametrize(
    "change",
    [
        lambda facts: facts["turns"][0]["prompt_spans"].update(prompt=[0, 1e308]),
        lambda facts: facts["turns"][0]["prompt_spans"].update(prompt=[-5, 10]),
        lambda facts: facts["turns"][0].update(start_s=1e308),
        lambda facts: facts["turns"][0].update(end_s=float("inf")),
        lambda facts: facts["turns"][0].update(speech_start_s="now"),
        lambda facts: facts["turns"][0].update(prompt_name="\ud800"),
        lambda facts: facts["clips"]["prompt"].update(start_s=float("nan")),
        lambda facts: facts["clips"].update({"../../escaped": {"frames": 1, "start_s": 0}}),
        lambda facts: facts.update(turns=[[[]]]),
        lambda facts: facts.update(seed=10**400),
        lambda facts: facts.update(environment=[1]),
        lambda facts: facts.update(environment={"a": json.loads("[" * 90 + "]" * 90)}),
    ],
)
def test_a_take_from_elsewhere_is_checked_on_reading(tmp_path, change):
    turn = Turn(index=0, prompt_name="x", start_s=0.0, end_s=1.0, prompt_spans={Tap.PROMPT: (0, 10)})
    take = replace(take_of({Tap.PROMPT: Clip(samples=SINE, sample_rate_hz=16000)}), turns=(turn,))
    folder = store.write_take(store.create_run(tmp_path, "x", {}), take)
    assert store.read_take(folder).turns[0].prompt_spans == {Tap.PROMPT: (0, 10)}
    facts = json.loads((folder / "take.json").read_text())
    change(facts)
    (folder / "take.json").write_text(json.dumps(facts))
    with pytest.raises(BadInputError, match=r"take\.json is damaged"):
        store.read_take(folder)


def test_the_id_of_a_take_is_the_name_of_its_folder_whatever_the_file_says(tmp_path):
    take = take_of({Tap.PROMPT: Clip(samples=SINE, sample_rate_hz=16000)})
    folder = store.write_take(store.create_run(tmp_path, "x", {}), take)
    facts = json.loads((folder / "take.json").read_text())
    (folder / "take.json").write_text(json.dumps({**facts, "id": "../../escaped"}))
    assert store.read_take(folder).id == folder.name
