"""The ear without a network: where speech begins and ends, rates, recognition."""

from __future__ import annotations

import numpy as np
import pytest
from emulator_sounds import babble
from hypothesis import given, settings
from hypothesis import strategies as st

from diag.core.units import LIVE_INPUT_RATE_HZ
from diag.emulator.hearing import Endpointer, Heard, Resampled
from diag.emulator.recognition import Recogniser, needed
from diag.emulator.replies import Prompt

SPEECH_S = (0.05, 1.65)


def quiet(seconds: float, rate_hz: int = LIVE_INPUT_RATE_HZ) -> np.ndarray:
    return np.zeros(round(seconds * rate_hz), dtype=np.int16)


def listen(pcm: np.ndarray, *, rate_hz: int = LIVE_INPUT_RATE_HZ, blob: int = 1600, **options) -> list[Heard]:
    endpointer, ears = Endpointer(**options), Resampled()
    data = pcm.astype("<i2").tobytes()
    heard: list[Heard] = []
    for start in range(0, len(data), blob):
        heard += endpointer.feed(ears.feed(data[start : start + blob], rate_hz))
    return heard


@pytest.mark.parametrize("rate_hz", [8000, 16000, 22050, 24000, 44100, 48000])
def test_speech_is_found_at_any_declared_rate(rate_hz: int) -> None:
    pcm = np.concatenate((quiet(0.5, rate_hz), babble(11, 1.6, rate_hz), quiet(1.0, rate_hz)))
    begin, end = listen(pcm, rate_hz=rate_hz)
    assert (begin.kind, end.kind) == ("speech_start", "speech_end")
    assert begin.audio_s == pytest.approx(0.5 + SPEECH_S[0], abs=0.08)
    assert end.audio_s == pytest.approx(0.5 + SPEECH_S[1], abs=0.08)


@pytest.mark.parametrize("silence_ms", [200, 500, 1200])
def test_turn_ends_after_the_silence_that_was_asked_for(silence_ms: int) -> None:
    endpointer = Endpointer(silence_ms=silence_ms)
    pcm = np.concatenate((babble(11, 1.6, LIVE_INPUT_RATE_HZ), quiet(2.0)))
    for start in range(0, len(pcm), 160):
        heard = endpointer.feed(pcm[start : start + 160])
        if heard and heard[0].kind == "speech_end":
            silence_s = endpointer.audio_s - heard[0].audio_s
            assert silence_s == pytest.approx(silence_ms / 1000, abs=0.02)
            return
    raise AssertionError("the turn did not end")


def test_a_pause_splits_a_turn_only_if_it_is_longer_than_the_silence() -> None:
    pcm = np.concatenate(
        (babble(11, 1.0, LIVE_INPUT_RATE_HZ), quiet(0.4), babble(12, 1.0, LIVE_INPUT_RATE_HZ), quiet(1.5))
    )
    assert [event.kind for event in listen(pcm, silence_ms=800)] == ["speech_start", "speech_end"]
    assert [event.kind for event in listen(pcm, silence_ms=300)] == ["speech_start", "speech_end"] * 2


def test_neither_silence_nor_faint_noise_nor_a_click_is_speech() -> None:
    rng = np.random.default_rng(1)
    noise = rng.normal(0, 10, 32000).astype(np.int16)
    click = quiet(1.0).copy()
    click[8000:8020] = 20000
    for pcm in (quiet(2.0), noise, click):
        assert listen(pcm) == []


def test_low_start_sensitivity_leaves_faint_speech_unheard() -> None:
    faint = (babble(11, 1.6, LIVE_INPUT_RATE_HZ) * 0.012).astype(np.int16)
    pcm = np.concatenate((faint, quiet(1.0)))
    assert listen(pcm, start_sensitivity="HIGH")
    assert listen(pcm, start_sensitivity="LOW") == []


def test_prefix_padding_asks_for_that_much_speech() -> None:
    short = np.concatenate((quiet(0.3), babble(11, 0.2, LIVE_INPUT_RATE_HZ), quiet(1.0)))
    assert listen(short, prefix_padding_ms=40)
    assert listen(short, prefix_padding_ms=400) == []


def test_marks_replace_the_detector() -> None:
    endpointer = Endpointer(manual=True)
    assert endpointer.feed(babble(11, 1.6, LIVE_INPUT_RATE_HZ)) == []
    (begin,) = endpointer.start()
    assert endpointer.start() == []
    endpointer.feed(quiet(3.0))
    (end,) = endpointer.end()
    assert end.audio_s - begin.audio_s == pytest.approx(3.0)
    assert len(end.utterance) == 48000
    assert endpointer.end() == []


def test_stream_end_ends_what_was_begun_and_nothing_else() -> None:
    endpointer = Endpointer()
    assert endpointer.end() == []
    endpointer.feed(babble(11, 1.6, LIVE_INPUT_RATE_HZ))
    (end,) = endpointer.end()
    assert end.audio_s == pytest.approx(SPEECH_S[1], abs=0.08)


@settings(max_examples=20, deadline=None)
@given(st.integers(1, 9000))
def test_how_audio_is_cut_into_blobs_does_not_matter(samples: int) -> None:
    pcm = np.concatenate((quiet(0.2), babble(11, 1.0, LIVE_INPUT_RATE_HZ), quiet(0.8)))
    whole, cut = listen(pcm, blob=len(pcm) * 2), listen(pcm, blob=2 * samples)
    assert [(event.kind, event.audio_s) for event in cut] == [(event.kind, event.audio_s) for event in whole]


@settings(max_examples=50, deadline=None)
@given(st.lists(st.tuples(st.binary(max_size=3000), st.integers(1000, 192000)), max_size=6))
def test_any_bytes_at_any_rates_are_taken(blobs: list[tuple[bytes, int]]) -> None:
    endpointer, ears = Endpointer(), Resampled()
    for data, rate_hz in blobs:
        endpointer.feed(ears.feed(data, rate_hz))
    endpointer.end()


def prompts() -> tuple[Prompt, ...]:
    return tuple(
        Prompt(name=str(seed), pcm=babble(seed, 1.6, 24000), sample_rate_hz=24000, text="", language="")
        for seed in (11, 12, 13)
    )


def recognised(pcm: np.ndarray, rate_hz: int = LIVE_INPUT_RATE_HZ) -> str | None:
    padded = np.concatenate((quiet(0.3, rate_hz), pcm, quiet(1.0, rate_hz)))
    heard = listen(padded, rate_hz=rate_hz)
    found = [Recogniser(prompts()).recognise(event.utterance)[0] for event in heard if event.utterance is not None]
    return found[0].name if found and found[0] is not None else None


@pytest.mark.parametrize("seed", [11, 12, 13])
@pytest.mark.parametrize("rate_hz", [8000, 16000, 48000])
def test_known_prompts_are_recognised_at_any_declared_rate(seed: int, rate_hz: int) -> None:
    assert recognised(babble(seed, 1.6, rate_hz), rate_hz) == str(seed)


def test_quiet_noisy_and_faded_prompts_are_recognised() -> None:
    pcm = babble(12, 1.6, LIVE_INPUT_RATE_HZ).astype(float)
    noise = np.random.default_rng(3).normal(0, 400, len(pcm))
    for altered in (pcm * 0.05, pcm + noise, pcm * np.linspace(1, 0.3, len(pcm))):
        assert recognised(np.clip(altered, -32768, 32767).astype(np.int16)) == "12"


def test_what_a_person_would_not_understand_is_not_recognised() -> None:
    spoken = babble(12, 1.6, 48000)
    assert recognised(spoken) is None  # 48 kHz labelled 16 kHz
    assert recognised(babble(12, 1.6, LIVE_INPUT_RATE_HZ), 24000) is None  # 16 kHz labelled 24 kHz
    assert recognised(babble(12, 1.6, LIVE_INPUT_RATE_HZ).byteswap()) is None
    assert recognised(np.repeat(babble(12, 1.6, LIVE_INPUT_RATE_HZ), 2)) is None  # stereo taken for mono
    assert recognised(babble(99, 1.6, LIVE_INPUT_RATE_HZ)) is None  # a stranger


def test_short_likenesses_must_be_closer() -> None:
    assert needed(0.0) > needed(0.5) > needed(1.5) == needed(10.0)


def test_very_long_speech_is_not_looked_at() -> None:
    recogniser = Recogniser(prompts())
    assert recogniser.recognise(np.tile(babble(11, 1.6, LIVE_INPUT_RATE_HZ), 20)) == (None, 0.0)
    assert recogniser.recognise(quiet(0.01)) == (None, 0.0)
    assert Recogniser(()).recognise(babble(11, 1.6, LIVE_INPUT_RATE_HZ)) == (None, 0.0)
