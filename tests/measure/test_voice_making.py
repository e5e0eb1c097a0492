"""Profiles of voices: made from recordings, kept in files, used for verdicts."""

import json
from types import SimpleNamespace

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
from diag.measure import voice_making
from diag.measure.voice_making import Given, usual_measures, voice_from_sounds
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


# --- what is decided from figures that are given


def heard(speech_s=5.0, edge_hz=11000.0, **more):
    return Given(name="a", speech_s=speech_s, edge_hz=edge_hz, **more)


OTHERS = (
    heard(edge_hz=10000.0),
    heard(edge_hz=11000.0),
    heard(edge_hz=11400.0),
    heard(1.9, 3000.0),
    heard(edge_hz=None),
)


@pytest.mark.parametrize(
    ("item", "words"),
    [
        (heard(0.49), "has only 0.5 s of speech"),
        (heard(0.5), ""),
        (heard(1.99, 2000.0), ""),
        (heard(2.0, 2000.0), "reaches only 2.0 kHz, the others 11.0 kHz and more"),
        (heard(5.0, 9350.0), ""),
        (heard(5.0, 9349.0), "reaches only 9.3 kHz, the others 11.0 kHz and more"),
        (heard(5.0, None), ""),
    ],
)
def test_a_recording_is_useless_if_it_is_short_or_narrow(item, words):
    assert voice_making._useless(item, OTHERS) == words


@pytest.mark.parametrize(
    ("edge_hz", "words"), [(9691.0, ""), (9689.0, "reaches only 9.7 kHz, the others 11.4 kHz and more")]
)
def test_a_recording_may_end_above_the_highest_band(edge_hz, words):
    assert voice_making._useless(heard(5.0, edge_hz), [heard(edge_hz=20000.0)]) == words
    assert voice_making._useless(heard(5.0, edge_hz), [heard(1.0)]) == ""


@pytest.mark.parametrize(
    ("speed", "treble_db", "apart_db", "words"),
    [
        (1.0, 0.0, 0.8, ""),
        (1.0, 0.0, 0.81, "sounds like another voice than the others"),
        (1.059, 0.0, 0.0, ""),
        (1.061, 0.0, 0.0, "is 6 % faster than the others"),
        (0.88, 9.0, 0.0, "is 12 % slower than the others"),
        (0.941, 6.0, 0.0, ""),
        (None, 6.1, 0.0, "has 6 dB less treble than the others"),
        (None, -7.6, 0.0, "has 8 dB more treble than the others"),
        (None, None, 0.0, ""),
    ],
)
def test_a_recording_is_odd_by_its_voice_its_speed_or_its_treble(speed, treble_db, apart_db, words):
    seen = voice_making._Seen(heard(speed=speed, treble_db=treble_db), apart_db)
    assert voice_making._odd(seen) == words


@pytest.mark.parametrize(
    ("speech", "words"),
    [((4.0, 4.0), None), ((4.0, 3.9), "7.9 s of speech in 2 usable recordings"),
     ((7.9,), "7.9 s of speech in 1 usable recording"), ((), "0.0 s of speech in 0 usable recordings")],
)  # fmt: skip
def test_a_profile_needs_eight_seconds(speech, words):
    if words is None:
        voice_making._check_enough("Kore", speech)
        return
    with pytest.raises(BadInputError) as raised:
        voice_making._check_enough("Kore", speech)
    assert str(raised.value).startswith(f"Could not make a profile of the voice Kore: {words}; ")
    assert "at least 8 s, better 30 s" in str(raised.value)


def test_of_many_that_do_not_agree_three_are_named():
    odd = {name: f"is odd {name}" for name in "abcd"}
    told = str(voice_making._disagreement("Kore", odd, list("abcdef")))
    assert ": 4 of 6 recordings do not fit the others: a is odd a; b is odd b; c is odd c; " in told
    assert "is odd d" not in told


@pytest.mark.parametrize(("values", "mean"), [((3.0, 4.0), 12.5**0.5), ((3.0,), None), ((), None), ((-2.0, 2.0), 2.0)])
def test_a_spread_needs_two_values(values, mean):
    assert voice_making._root_mean_square(values) == (None if mean is None else pytest.approx(mean))


def talking(seconds, rate_hz=8000.0, seed=1):
    return Sound(np.random.default_rng(seed).standard_normal(round(seconds * rate_hz)).astype(np.float32) / 5, rate_hz)


def test_recordings_are_cut_into_pieces_of_six_seconds_and_short_rests_wait_for_the_next():
    # 13 s are two pieces and 1 s, which 4 s of the next recording fill up to one of 5 s; 3 s are left.
    lengths = [piece.duration_s for piece in voice_making._pieces([talking(13.0), talking(4.0), talking(3.0)]).values()]
    assert lengths == pytest.approx([6.0, 6.0, 5.0, 3.0])
    assert list(voice_making._pieces([talking(1.9)])) == []
    both = voice_making._pieces([talking(3.0), talking(3.0, 16000.0)])
    assert [piece.duration_s for piece in both.values()] == pytest.approx([3.0, 3.0])


@pytest.mark.parametrize(("count", "kept"), [(24, 24), (25, 13), (49, 17)])
def test_of_many_pieces_each_second_or_third_is_kept(count, kept):
    pieces = voice_making._pieces([talking(6.0, seed=number) for number in range(count)])
    assert list(pieces) == [str(number) for number in range(kept)]


def test_what_is_usual_of_a_voice_was_measured_in_all_of_its_recordings(monkeypatch):
    def item(metric, value, tier=Tier.BLIND):
        return SimpleNamespace(metric=metric, value=value, tier=tier)

    measured = iter([
        [item("flatness", 0.3), item("imaging", 0.1), item("bands", (1.0,)), item("speed", 1.0, Tier.PROFILE)],
        [item("flatness", 0.1), item("imaging", None)], [item("flatness", 0.9), item("imaging", 0.2)],
    ])  # fmt: skip
    monkeypatch.setattr(voice_making, "measure_clip", lambda _clip: next(measured))
    (usual,) = usual_measures([None, None, None])
    assert (usual.metric, usual.middle, usual.low, usual.high) == ("flatness", 0.3, 0.1, 0.9)


@pytest.mark.parametrize(
    ("lengths_s", "compared"), [((5.0, 4.1), [True, True]), ((5.0, 3.9), [False, True]), ((9.0, 1.9), [False, False])]
)
def test_a_recording_is_compared_with_at_least_four_seconds_of_others(monkeypatch, lengths_s, compared):
    sounds = {str(n): talking(length_s, seed=n) for n, length_s in enumerate(lengths_s)}
    given = {label: heard(length_s) for (label, _), length_s in zip(sounds.items(), lengths_s, strict=True)}
    monkeypatch.setattr(voice_making, "speed_against_profile", lambda *_: SimpleNamespace(ratio=1.1, apart_db=0.3))
    monkeypatch.setattr(voice_making, "treble_against_profile", lambda *_: SimpleNamespace(mean_db=2.0))
    found = voice_making._against_others(sounds, given)
    told = [(item.given.speed, item.given.treble_db, item.apart_db) for item in found.values()]
    assert told == [(1.1, 2.0, 0.3) if one else (None, None, 0.0) for one in compared]


def test_without_a_speed_the_distance_from_the_others_counts(monkeypatch):
    sounds = {str(n): talking(5.0, seed=n) for n in range(2)}
    monkeypatch.setattr(voice_making, "speed_against_profile", lambda *_: None)
    monkeypatch.setattr(voice_making, "treble_against_profile", lambda *_: None)
    monkeypatch.setattr(voice_making, "distance_from_profile_db", lambda *_: 0.9)
    found = voice_making._against_others(sounds, dict.fromkeys(sounds, heard()))
    assert [(item.given.speed, item.given.treble_db, item.apart_db) for item in found.values()] == [
        (None, None, 0.9)
    ] * 2
