"""Two recordings compared: what differs, which one is better, and what was not compared."""

import re

import numpy as np
import pytest
import scipy.signal
import soundfile as sf

from diag.api.compare_recordings import are_recordings, compare_recordings
from diag.core.errors import BadInputError, ExitCode
from diag.judge.recording_comparison import RecordingChange
from diag.report.language import speaking
from diag.report.recording_compare_text import comparison_exit_code, comparison_text

RATE_HZ = 24000


@pytest.fixture(scope="module")
def reply(scenarios):
    return sf.read(scenarios / "replies" / "sunny_in_seoul.wav", dtype="float32")[0]


def dull(samples):
    return scipy.signal.sosfilt(scipy.signal.butter(6, 5000, fs=RATE_HZ, output="sos"), samples)


def noisy(samples):
    return samples + 0.02 * np.random.default_rng(3).standard_normal(samples.size)


def very_noisy(samples):
    return samples + 0.1 * np.random.default_rng(3).standard_normal(samples.size)


def stalled(samples):
    place = 40_000 + int(np.argmax(np.abs(samples[40_000:60_000])))
    return np.concatenate((samples[:place], np.zeros(9600), samples[place:]))


def repeated(samples):
    return np.concatenate((samples[:48_000], samples[36_000:]))


def cut(samples):
    return samples[:-20_000]


def quiet(samples):
    return 0.1 * samples


@pytest.fixture
def compare(tmp_path):
    def run(a, b, reference=None):
        for name, samples in (("a.wav", a), ("b.wav", b), ("r.wav", reference)):
            if samples is not None:
                sf.write(tmp_path / name, samples, RATE_HZ)
        against = None if reference is None else tmp_path / "r.wav"
        return compare_recordings(tmp_path / "a.wav", tmp_path / "b.wav", reference=against)

    return run


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        (dull, "has lost treble above 5 kHz"),
        (noisy, "has noise that"),
        (very_noisy, "has noise that"),
        (stalled, "has 400 ms of silence that"),
        (repeated, "repeats 500 ms of the sound"),
    ],
)
def test_the_recording_with_the_fault_is_worse_on_either_side(compare, reply, fault, words):
    worse = compare(reply, fault(reply))
    assert worse.verdict is RecordingChange.WORSE
    assert worse.sentence.startswith(f"b.wav {words}")
    assert worse.sentence.endswith("a.wav is better")
    assert comparison_exit_code(worse) is ExitCode.FAILED
    better = compare(fault(reply), reply)
    assert better.verdict is RecordingChange.BETTER
    assert better.sentence.startswith(f"a.wav {words}")


@pytest.mark.parametrize(
    ("fault", "words"), [(quiet, "b.wav is 20 dB quieter than a.wav"), (cut, "b.wav lacks 8[0-9]{2} ms of sound")]
)
def test_what_does_not_show_which_one_is_right_is_told_without_a_winner(compare, reply, fault, words):
    found = compare(reply, fault(reply))
    assert found.verdict is RecordingChange.DIFFERENT
    assert [item.worse for item in found.differences] == [""]

    assert re.match(words, found.sentence)
    assert "which one is right cannot be told" in found.sentence
    assert comparison_exit_code(found) is ExitCode.TOO_LITTLE_EVIDENCE


def test_with_a_reference_the_one_that_is_no_copy_of_it_is_worse(compare, reply):
    found = compare(cut(reply), reply, reference=reply)
    assert found.verdict is RecordingChange.BETTER
    assert found.sentence.startswith("a.wav: The player or loudspeaker loses")
    assert "[PLY011]" in found.sentence


def test_no_difference_is_claimed_only_where_all_was_compared(compare, reply):
    same = compare(reply, scipy.signal.resample_poly(scipy.signal.resample_poly(0.9 * reply, 2, 1), 1, 2))
    assert same.verdict is RecordingChange.NONE_FOUND
    assert same.sentence == "no difference that can be heard was found between a.wav and b.wav"
    assert same.not_compared == ()
    assert comparison_exit_code(same) is ExitCode.GOOD


def test_other_words_are_compared_only_in_what_each_shows_by_itself(compare, reply, scenarios):
    other = sf.read(scenarios / "prompts" / "train_with_a_pause.wav", dtype="float32")[0]
    found = compare(reply, other)
    assert not found.matched
    assert "do not hold the same sound" in found.sentence
    assert "no difference that can be heard" not in found.sentence
    assert any("speed" in words for words in found.not_compared)
    assert comparison_exit_code(found) is ExitCode.TOO_LITTLE_EVIDENCE


def test_measures_that_differ_are_listed_with_both_values(compare, reply):
    found = compare(reply, dull(reply))
    edge = next(item for item in found.measures if item.metric == "bandwidth_hz")
    assert edge.a > edge.b
    assert edge.worse == "b"
    assert edge.difference == pytest.approx(edge.b - edge.a)
    assert abs(edge.difference) > edge.noise
    text = comparison_text(found, ExitCode.FAILED, width=100)
    assert text.startswith("▲ WORSE  b.wav has lost treble")
    assert "\nA:\n" in text
    assert "\nB:\n" in text


@pytest.mark.parametrize(
    ("sides", "answer"),
    [
        (("a.wav", "b.wav"), True),
        (("a.wav", "notes"), True),
        (("healthy", "c.toml"), False),
        (("c.toml", "run"), False),
    ],
)
def test_what_is_compared_is_told_by_what_it_is(tmp_path, monkeypatch, reply, sides, answer):
    monkeypatch.chdir(tmp_path)
    sf.write("a.wav", reply[:9000], RATE_HZ)
    sf.write("notes", reply[:9000], RATE_HZ, format="WAV")
    (tmp_path / "c.toml").write_text("[send]\n")
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "run.json").write_text("{}")
    assert are_recordings(*sides) is answer


@pytest.mark.parametrize("other", ["c.toml", "healthy", "run"])
def test_a_recording_and_something_else_are_not_compared(tmp_path, monkeypatch, other):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "run.json").write_text("{}")
    with pytest.raises(BadInputError, match=r"a\.wav is a recording"):
        are_recordings("a.wav", other)
    with pytest.raises(BadInputError, match="it is a folder, but not a saved run"):
        are_recordings("a.wav", str(tmp_path))


def with_a_thinking_tone(samples):
    """Cut the sound in three places, and play a tone there with silence around it."""
    tone = 0.1 * np.sin(2 * np.pi * 660 * np.arange(7200) / RATE_HZ)
    gap = np.concatenate((np.zeros(4800), tone, np.zeros(8400)))
    parts = np.split(samples, [31_200, 62_400, 93_600])
    return np.concatenate([piece for part in parts for piece in (part, gap)][:-1])


def test_what_each_side_explains_by_the_other_is_not_left_out_on_both(compare, reply):
    for pair in ((reply, with_a_thinking_tone(reply)), (with_a_thinking_tone(reply), reply)):
        found = compare(*pair)
        assert found.verdict is not RecordingChange.NONE_FOUND
        assert found.differences


def test_a_comparison_in_korean_has_the_figures_of_the_english_one(compare, reply):
    comparison = compare(reply, dull(stalled(reply)))
    english = comparison_text(comparison, ExitCode.FAILED, width=2000)
    with speaking("ko"):
        korean = comparison_text(comparison, ExitCode.FAILED, width=2000)
    first = korean.splitlines()[0]
    assert re.findall("[a-z]{5,}", re.sub(r"`[^`]*`", "", first)) == []
    assert re.search("[가-힣]", first)
    figures = re.compile(r"\d+(?:\.\d+)? (?:dB|ms|kHz)")
    assert set(figures.findall(english.splitlines()[0])) <= set(figures.findall(korean))
