import tomllib
from pathlib import Path

import numpy as np
import pytest
import soundfile
import soxr
import webrtcvad

from diag.core.errors import BadInputError
from diag.files.prompts import find_prompt, load_prompts

SCENARIOS = Path(__file__).resolve().parents[2] / "scenarios"
PROMPTS = tomllib.loads((SCENARIOS / "prompts/prompts.toml").read_text(encoding="utf-8"))["prompt"]
REPLIES = tomllib.loads((SCENARIOS / "replies/replies.toml").read_text(encoding="utf-8"))["reply"]
VOICES = [
    *(pytest.param("prompts", entry, id=entry["name"]) for entry in PROMPTS),
    *(pytest.param("replies", entry, id=entry["name"]) for entry in REPLIES),
]
THRESHOLD = 10 ** (-60 / 20)


def read(folder, entry):
    return soundfile.read(SCENARIOS / folder / entry["file"], dtype="float64")


def power_spectrum(samples):
    frames = np.lib.stride_tricks.sliding_window_view(samples, 1024)[::512] * np.hanning(1024)
    return (np.abs(np.fft.rfft(frames, axis=1)) ** 2).mean(axis=0)


@pytest.mark.parametrize(("folder", "entry"), VOICES)
def test_bounds_are_those_of_the_recording(folder, entry):
    samples, rate_hz = read(folder, entry)
    loud = np.flatnonzero(np.abs(samples) > THRESHOLD)
    start_s = entry["speech_start_s" if folder == "prompts" else "first_audible_s"]
    assert start_s == pytest.approx(loud[0] / rate_hz, abs=1e-6)
    assert entry["speech_end_s"] == pytest.approx((loud[-1] + 1) / rate_hz, abs=1e-6)


@pytest.mark.parametrize(("folder", "entry"), VOICES)
def test_bounds_do_not_depend_on_the_threshold(folder, entry):
    samples, rate_hz = read(folder, entry)
    spans = [np.flatnonzero(np.abs(samples) > 10 ** (level_dbfs / 20))[[0, -1]] for level_dbfs in (-45, -80)]
    assert np.abs(spans[0] - spans[1]).max() < 0.008 * rate_hz


@pytest.mark.parametrize(("folder", "entry"), VOICES)
def test_recordings_are_clean_mono_pcm16(folder, entry):
    info = soundfile.info(SCENARIOS / folder / entry["file"])
    samples, rate_hz = read(folder, entry)
    assert (info.channels, info.subtype, rate_hz) == (1, "PCM_16", 24000)
    assert 10 ** (-15 / 20) < np.abs(samples).max() < 10 ** (-3 / 20)
    frames = samples[: len(samples) // 480 * 480].reshape(-1, 480)
    power = (frames**2).mean(axis=1)
    assert -26 <= 10 * np.log10(power[power > power.max() / 1000].mean()) <= -20
    silence = np.abs(samples) < THRESHOLD
    assert silence[: int(0.025 * rate_hz)].all()
    assert silence[-int(0.15 * rate_hz) :].all()


@pytest.mark.parametrize("entry", REPLIES, ids=lambda entry: entry["name"])
def test_replies_have_treble(entry):
    samples, _ = read("replies", entry)
    power = power_spectrum(samples)
    hz = np.fft.rfftfreq(1024, 1 / 24000)
    quantisation = power_spectrum(np.random.default_rng(0).uniform(-0.5, 0.5, len(samples)) / 32768)
    for low_hz, high_hz in ((7000, 9000), (9000, 10000), (10000, 10800)):
        band = (hz >= low_hz) & (hz < high_hz)
        assert 10 * np.log10(power[band].mean() / quantisation[band].mean()) > 25


@pytest.mark.parametrize(("folder", "entry"), VOICES)
def test_a_speech_detector_hears_one_utterance(folder, entry):
    samples, rate_hz = read(folder, entry)
    pcm = np.rint(soxr.resample(samples, rate_hz, 16000) * 32767).astype("<i2")
    detector = webrtcvad.Vad(2)
    heard = np.flatnonzero(
        [detector.is_speech(pcm[i : i + 320].tobytes(), 16000) for i in range(0, len(pcm) - 319, 320)]
    )
    start_s = entry["speech_start_s" if folder == "prompts" else "first_audible_s"]
    assert abs(heard[0] * 0.02 - start_s) < 0.06
    assert -0.06 < (heard[-1] + 1) * 0.02 - entry["speech_end_s"] < 0.15
    assert (np.diff(heard).max() - 1) * 0.02 < 0.45


def test_the_set_of_prompts_covers_what_it_should():
    languages = {entry["language"][:2] for entry in PROMPTS}
    lengths_s = [entry["speech_end_s"] - entry["speech_start_s"] for entry in PROMPTS]
    assert len(PROMPTS) >= 6
    assert languages == {"en", "ko"}
    assert len({entry["voice"] for entry in PROMPTS}) >= 4
    assert min(lengths_s) < 0.6
    assert max(lengths_s) > 5
    assert len({entry["name"] for entry in PROMPTS}) == len(PROMPTS)


def test_one_prompt_pauses_for_less_than_the_end_of_a_turn():
    pauses = {}
    for entry in PROMPTS:
        samples, rate_hz = read("prompts", entry)
        loud = np.flatnonzero(np.abs(samples) > 10 ** (-50 / 20))
        pauses[entry["name"]] = np.diff(loud).max() / rate_hz
    assert 0.3 < pauses["train_with_a_pause"] < 0.45


def test_every_prompt_has_a_reply_in_its_language_and_one_asks_back():
    for prompt in (item for item in PROMPTS if not item.get("back_channel")):
        replies = [reply for reply in REPLIES if prompt["name"] in reply.get("answers", ())]
        assert replies
        assert all(reply["language"][:2] == prompt["language"][:2] for reply in replies)
    assert sum(reply.get("kind") == "ask_back" for reply in REPLIES) == 1


def test_recordings_stay_small():
    files = [*SCENARIOS.glob("prompts/*.wav"), *SCENARIOS.glob("replies/*.wav")]
    assert {path.name for path in files} == {entry["file"] for entry in (*PROMPTS, *REPLIES)}
    assert sum(path.stat().st_size for path in files) < 4_000_000


def test_load_prompts_gives_what_the_table_says():
    prompts = load_prompts(SCENARIOS / "prompts")
    assert [prompt.name for prompt in prompts] == [entry["name"] for entry in PROMPTS]
    assert prompts[0].speech_end_s == PROMPTS[0]["speech_end_s"]
    assert all(prompt.path.is_file() for prompt in prompts)


def test_find_prompt_by_name_and_by_path(tmp_path):
    assert find_prompt("yes").text == "Yes."
    own = tmp_path / "mine.wav"
    own.write_bytes(b"RIFF")
    prompt = find_prompt(str(own))
    assert (prompt.name, prompt.speech_start_s, prompt.speech_end_s) == ("mine", None, None)


def test_an_unknown_prompt_is_answered_with_the_nearest():
    with pytest.raises(BadInputError, match=r"did you mean `table_for_six`\?") as caught:
        find_prompt("table_for_sux")
    assert caught.value.exit_code == 2
    with pytest.raises(BadInputError, match="no such file"):
        find_prompt("missing/mine.wav")


@pytest.mark.parametrize(
    ("text", "seen"),
    [
        ("[[prompt]\n", "Expected"),
        ("", "prompt"),
        ('[[prompt]]\nname = "a"\n', "missing or wrong field"),
        (
            '[[prompt]]\nname="a"\nfile="a.wav"\ntext=""\nlanguage=""\nspeech_start_s=2\nspeech_end_s=1\n',
            "speech_start_s = 2.0",
        ),
        (
            '[[prompt]]\nname="a"\nfile="a.wav"\ntext=""\nlanguage=""\nspeech_start_s=0.1\nspeech_end_s=1\n',
            "no file",
        ),
    ],
    ids=["toml", "empty", "fields", "bounds", "file"],
)
def test_a_broken_table_is_one_sentence(tmp_path, text, seen):
    (tmp_path / "prompts.toml").write_text(text, encoding="utf-8")
    with pytest.raises(BadInputError, match=seen):
        load_prompts(tmp_path)
