"""Profiles of voices: made from recordings, kept in files, used for verdicts."""

import json

import numpy as np
import pytest
import soundfile as sf
import soxr
from dsp_voices import KORE

from diag.api.analyze import analyze, analyze_all
from diag.api.voice import make_voice
from diag.core.clip import Clip
from diag.core.errors import BadInputError
from diag.core.results import Severity, Tier
from diag.dsp.spectrum import Sound
from diag.files.audio_files import read_wav
from diag.files.voice_profiles import default_path, load_voice, save_voice
from diag.measure.voice_making import voice_from_sounds
from diag.report.voice_text import made_document, made_text, profile_text


def lost_above(samples, rate_hz, edge_hz, gain_db):
    spectrum = np.fft.rfft(samples)
    spectrum[np.fft.rfftfreq(samples.size, 1 / rate_hz) > edge_hz] *= 10 ** (gain_db / 20)
    return np.fft.irfft(spectrum, samples.size).astype(np.float32)


HELD_OUT = ("take_the_express", "can_you_hear_me")


@pytest.fixture(scope="module")
def sounds(scenarios):
    clips = {name.split("/")[1]: read_wav(scenarios / f"{name}.wav") for name in KORE}
    return {name: Sound(clip.samples, float(clip.sample_rate_hz)) for name, clip in clips.items()}


@pytest.fixture(scope="module")
def made(sounds):
    return voice_from_sounds({name: sound for name, sound in sounds.items() if name not in HELD_OUT}, "Kore")


@pytest.fixture(scope="module")
def others_words(sounds):
    return Sound(np.concatenate([sounds[name].samples for name in HELD_OUT]), 24000.0)


@pytest.fixture
def folder(tmp_path, sounds):
    for name, sound in sounds.items():
        sf.write(tmp_path / f"{name}.wav", sound.samples, int(sound.rate_hz), subtype="FLOAT")
    return tmp_path


# --- making


def test_a_profile_is_made_of_recordings_that_agree(sounds):
    made = voice_from_sounds(sounds, "Kore")
    assert made.left_out == ()
    assert made.profile.name == "Kore"
    assert made.profile.duration_s == pytest.approx(sum(item.speech_s for item in made.recordings))
    assert made.profile.speed_spread < 0.04
    assert made.profile.treble_spread_db < 4
    assert "Its pieces agree within" in profile_text(made.profile)


@pytest.mark.parametrize(
    ("change", "word"),
    [
        (lambda x: soxr.resample(x, 2, 3), "slower than the others|another voice|reaches only"),
        (lambda x: lost_above(x, 24000, 3000, -14), "less treble than the others"),
        (lambda x: lost_above(x, 24000, 4000, -90), "reaches only 4"),
        (lambda x: x * 0, "has only 0.0 s of speech"),
    ],
)
def test_a_recording_that_does_not_fit_the_others_is_named(sounds, change, word):
    odd = {**sounds, "odd": Sound(change(sounds["hearing_you_well"].samples).astype(np.float32), 24000.0)}
    made = voice_from_sounds(odd, "Kore")
    assert [item.name for item in made.left_out] == ["odd"]
    assert made.left_out[0].left_out
    assert any(part in made.left_out[0].left_out for part in word.split("|"))
    assert "odd" not in made.profile.recordings


def test_another_voice_is_named(sounds, scenarios):
    clip = read_wav(scenarios / "replies" / "ko_room_is_booked.wav")
    made = voice_from_sounds({**sounds, "other": Sound(clip.samples, float(clip.sample_rate_hz))}, "Kore")
    assert [item.name for item in made.left_out] == ["other"]
    assert "voice" in made.left_out[0].left_out


def test_recordings_that_do_not_agree_make_no_profile(sounds, others_words):
    joined = np.concatenate([sounds[name].samples for name in ("hearing_you_well", "say_it_again")])
    slow, fast = soxr.resample(joined, 100, 112), soxr.resample(np.tile(joined, 2), 112, 100)
    mixed = {"a": others_words, "b": Sound(slow, 24000.0), "c": Sound(fast, 24000.0)}
    with pytest.raises(BadInputError, match=r"do not fit the others: .*; use only recordings"):
        voice_from_sounds(mixed, "Kore")


def test_too_little_speech_makes_no_profile(sounds):
    with pytest.raises(BadInputError, match="at least 8 s"):
        voice_from_sounds({"a": sounds["say_it_again"]}, "Kore")


def test_what_was_made_is_said(made, tmp_path):
    text = made_text(made, tmp_path / "kore.voice.json")
    assert "holds the voice Kore" in text.replace("\n  ", " ")
    assert "from 3 recordings" in text.replace("\n  ", " ")
    assert "little speech" in text
    assert "too short to be compared" in text
    assert "made from hearing_you_well" in profile_text(made.profile)
    document = json.loads(json.dumps(made_document(made, tmp_path / "x")))
    assert document["name"] == "Kore"
    assert [item["left_out"] for item in document["recordings"]] == [None] * 3


# --- files


def test_profiles_are_kept_in_small_files(made, tmp_path):
    path = save_voice(made.profile, tmp_path / "kore.voice.json")
    assert path.stat().st_size < 200_000
    assert load_voice(path).recordings == made.profile.recordings
    assert [item.name for item in tmp_path.iterdir()] == ["kore.voice.json"]


def test_a_profile_is_replaced_whole(made, tmp_path):
    (tmp_path / "k.voice.json").write_text("old")
    save_voice(made.profile, tmp_path / "k.voice.json")
    assert load_voice(tmp_path / "k.voice.json").name == "Kore"


@pytest.mark.parametrize("name", ["", "missing/k.voice.json"])
def test_where_no_profile_can_be_saved(made, tmp_path, name):
    with pytest.raises(BadInputError, match="Could not save the voice profile"):
        save_voice(made.profile, tmp_path / name)


@pytest.mark.parametrize(
    ("content", "word"),
    [
        (b"", "not JSON"),
        (b"{}", "not a voice profile"),
        (b"RIFF\xff\xfe", "not text"),
        (b'{"voice_profile": 3}', "newer diag"),
        (b" " * 2_000_001, "2000000 bytes"),
    ],
)
def test_files_that_are_no_profiles(tmp_path, content, word):
    (tmp_path / "k.voice.json").write_bytes(content)
    with pytest.raises(BadInputError, match=word):
        load_voice(tmp_path / "k.voice.json")


def test_paths_that_are_no_profiles(tmp_path):
    with pytest.raises(BadInputError, match="it is a folder"):
        load_voice(tmp_path)
    with pytest.raises(BadInputError, match="no such file"):
        load_voice(tmp_path / "k.voice.json")


@pytest.mark.parametrize(("name", "file"), [("Kore", "kore"), ("My Voice/2", "my-voice-2"), ("..", "voice")])
def test_default_files(name, file):
    assert str(default_path(name)) == f"{file}.voice.json"


# --- using


def of_profile(result, metric):
    return next(item for item in result.measurements.find(metric) if item.tier is Tier.PROFILE)


def test_other_words_of_the_voice_are_good(made, others_words):
    result = analyze(others_words.samples, 24000, voice=made.profile)
    assert result.findings == ()
    assert result.sentence == "the recording has the speed and treble of the voice Kore."
    assert of_profile(result, "rate_ratio").value == pytest.approx(1, abs=0.04)
    assert result.to_frame()["tier"].eq("profile").sum() == 4


def test_a_slow_one_is_told_with_its_tier(made, others_words):
    result = analyze(others_words.samples, 16000, voice=made.profile)
    (told,) = result.findings
    assert told.code == "REC013"
    assert told.severity is Severity.ERROR
    assert "% slower and deeper than the profile of the voice Kore" in told.title
    assert of_profile(result, "dullness_db").value is None
    assert "has to be repaired first" in of_profile(result, "dullness_db").reason


def test_a_dull_one_is_told_with_its_bands(made, others_words):
    result = analyze(lost_above(others_words.samples, 24000, 6500, -25), 24000, voice=made.profile)
    (told,) = result.findings
    assert told.code == "REC012"
    assert "has less treble than the profile of the voice Kore: " in told.title
    assert "9 to 10.8 kHz" in told.title


def test_what_the_reference_explains_is_a_consequence(made, others_words):
    slow = analyze(others_words.samples, 16000, reference=_clip(others_words), voice=made.profile)
    assert [(item.code, item.consequence_of) for item in slow.findings] == [("PLY001", None), ("REC013", "PLY001")]
    copy = analyze(others_words.samples, 24000, reference=_clip(others_words), voice=made.profile)
    assert copy.sentence.endswith("nothing missing or added; has the speed and treble of the voice Kore.")


def test_another_voice_is_not_measured(made, scenarios):
    result = analyze(scenarios / "replies" / "ko_sunny_in_seoul.wav", voice=made.profile)
    assert of_profile(result, "dullness_db").value is None


def test_without_a_profile_the_reason_is_given(others_words):
    result = analyze(others_words.samples, 24000)
    assert {item.reason for item in result.measurements.find("dullness_db")} == {"no profile of the voice was given"}


def test_files_and_folders(made, folder):
    path = save_voice(made.profile, folder / "kore.voice.json")
    results = analyze_all([folder], voice=path)
    assert [result.failed for result in results] == [False] * 5
    assert {result.voice for result in results} == {"Kore"}
    assert make_voice([folder], name="Again").profile.recordings == tuple(sorted(made_names(folder)))


def made_names(folder):
    return [path.name for path in folder.glob("*.wav")]


def _clip(sound):
    return Clip(samples=sound.samples, sample_rate_hz=int(sound.rate_hz))
