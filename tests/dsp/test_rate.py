import numpy as np
import pytest
import soxr
from dsp_voices import made_voice, padded
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmarks.time_stretch import stretched
from diag.dsp.pitch_scale import spectral_candidates
from diag.dsp.rate import match_clips
from diag.dsp.spectrum import Sound

RATIOS = (1 / 3, 0.5, 2 / 3, 0.91875, 1.0, 1.0884, 1.5, 2.0, 3.0)
VOICE = made_voice(3, 4.0)
RANDOM = np.random.default_rng(11)


def played_at(sound, ratio):
    """The sound as it comes out when its samples are played `ratio` times too fast."""
    if ratio == 1.0:
        return sound
    return Sound(soxr.resample(sound.samples, sound.rate_hz, sound.rate_hz / ratio, "VHQ"), sound.rate_hz)


def noisy(sound, snr_db):
    level = np.std(sound.samples) * 10 ** (-snr_db / 20)
    noise = level * RANDOM.standard_normal(sound.samples.size)
    return Sound(sound.samples + noise.astype(np.float32), sound.rate_hz)


@pytest.mark.parametrize("ratio", RATIOS)
def test_speed_of_a_made_voice(ratio):
    found = match_clips(VOICE, padded(played_at(VOICE, ratio)))
    assert found.rate_ratio == pytest.approx(ratio, rel=2e-4)
    assert found.time_ratio == pytest.approx(ratio, rel=2e-4)
    assert found.confidence > 0.9


@pytest.mark.parametrize("ratio", RATIOS)
def test_speed_of_recorded_replies_in_noise(replies, ratio):
    for name in ("hearing_you_well", "ko_room_is_booked"):
        found = match_clips(replies[name], noisy(padded(played_at(replies[name], ratio)), 30))
        assert found.rate_ratio == pytest.approx(ratio, rel=1e-3), name


@pytest.mark.parametrize("ratio", [0.5, 2 / 3, 1.0, 1.5, 2.0])
def test_speed_through_a_telephone_band_with_echoes(reply, ratio):
    """The edges of two low-passed spectra must not lock on each other (seen without masks: 44 % right at 1.5)."""
    out = padded(played_at(reply, ratio))
    spectrum = np.fft.rfft(out.samples)
    spectrum[np.fft.rfftfreq(out.samples.size, 1 / out.rate_hz) > 3400] = 0
    narrow = np.fft.irfft(spectrum, out.samples.size)
    for delay_s, gain_db in ((0.023, -8), (0.061, -12)):
        late = round(delay_s * out.rate_hz)
        narrow[late:] += 10 ** (gain_db / 20) * narrow[:-late]
    found = match_clips(reply, noisy(Sound(narrow.astype(np.float32), out.rate_hz), 25))
    assert found.rate_ratio == pytest.approx(ratio, rel=1e-3)


def test_spectra_alone_tell_the_speed(reply):
    for ratio in (2 / 3, 1.5):
        best = spectral_candidates(reply.spectrum, played_at(reply, ratio).spectrum)[0]
        assert best.ratio == pytest.approx(ratio, rel=0.01)
        assert best.fit > 0.6


def test_samples_without_resampling_show_the_ratio_of_the_rates(reply):
    """24 kHz samples handed to a 16 kHz stream; 48 kHz capture labelled 16 kHz."""
    assert match_clips(reply, Sound(reply.samples, 16000.0)).rate_ratio == pytest.approx(2 / 3, rel=1e-5)
    wide = Sound(soxr.resample(reply.samples, 24000, 48000), 48000.0)
    assert match_clips(wide, Sound(wide.samples, 16000.0)).rate_ratio == pytest.approx(1 / 3, rel=1e-5)


@pytest.mark.parametrize("ppm", [-1000, -200, 20, 50, 200, 1000])
def test_drift_of_two_clocks(ppm):
    voice = made_voice(4, 10.0)
    rate_hz = 24000
    out = soxr.resample(voice.samples, rate_hz * 1_000_000, (1_000_000 - ppm) * rate_hz, "VHQ")
    found = match_clips(voice, padded(Sound(out, rate_hz)))
    expected = 1e6 * (1_000_000 / (1_000_000 - ppm) - 1)
    assert 1e6 * (found.rate_ratio - 1) == pytest.approx(expected, abs=1)


def test_other_text_of_the_same_voice_is_refused(replies):
    pairs = [
        ("ko_hearing_you_well", "ko_room_is_booked"),
        ("sunny_in_seoul", "so_be_it"),
        ("say_it_again", "hearing_you_well"),
    ]
    for one, other in pairs:
        found = match_clips(replies[one], replies[other])
        assert found.rate_ratio is None
        assert found.missing.text


def test_real_voices_are_told_apart_and_found(speech):
    names = [name for name in speech if name.startswith("neural_tts_turn")]
    clips = [speech[name] for name in names]
    for index, clip in enumerate(clips):
        assert match_clips(clip, clips[index - 1]).rate_ratio is None
        assert match_clips(clip, padded(played_at(clip, 2 / 3))).rate_ratio == pytest.approx(2 / 3, rel=1e-3)


def longer(sound, factor):
    return Sound(stretched(sound.samples, sound.rate_hz, factor).astype(np.float32), sound.rate_hz)


@pytest.mark.parametrize("factor", [0.8, 1.25])
def test_time_without_pitch_and_pitch_without_time(replies, factor):
    reply = replies["sunny_in_seoul"]
    slow = longer(reply, factor)
    found = match_clips(reply, padded(slow))
    assert found.rate_ratio == pytest.approx(1.0, abs=0.02)
    assert found.time_ratio == pytest.approx(1 / factor, rel=0.03)
    pitched = played_at(slow, factor)
    found = match_clips(reply, padded(pitched))
    assert found.rate_ratio == pytest.approx(factor, rel=0.02)
    assert found.time_ratio == pytest.approx(1.0, abs=0.03)


@pytest.mark.parametrize("factor", [0.95, 1.05])
def test_a_small_stretch_is_not_a_row_of_skips_or_repeats(replies, factor):
    """Steps of whole pitch periods leave long stretches of waveform that agree at speed 1."""
    reply = replies["sunny_in_seoul"]
    found = match_clips(reply, padded(longer(reply, factor)))
    assert found.track is None
    assert found.rate_ratio == pytest.approx(1.0, abs=0.005)
    assert found.time_ratio == pytest.approx(1 / factor, rel=0.01)


@pytest.mark.parametrize("put_in", [True, False])
def test_chunks_that_stall_or_are_lost_in_a_row_are_no_stretch(replies, put_in):
    reply = replies["sunny_in_seoul"]
    chunk, every = round(0.02 * reply.rate_hz), round(0.6 * reply.rate_hz)
    parts = [reply.samples[start : start + every] for start in range(0, reply.samples.size, every)]
    silence = np.zeros(chunk, np.float32)
    out = np.concatenate([np.concatenate((part, silence)) if put_in else part[:-chunk] for part in parts])
    found = match_clips(reply, padded(Sound(out, reply.rate_hz)))
    assert found.rate_ratio == pytest.approx(1.0, abs=1e-3)
    assert found.time_ratio == found.rate_ratio
    assert found.track is not None


@pytest.mark.parametrize("ratio", [0.5, 1.088, 2.0])
def test_one_second_of_speech_in_a_telephone_band_is_enough(replies, ratio):
    for name in ("hearing_you_well", "sunny_in_seoul"):
        sound = replies[name]
        start = int(np.argmax(np.convolve(sound.samples**2, np.ones(24000), mode="valid")))
        second = Sound(sound.samples[start : start + 24000], sound.rate_hz)
        out = padded(played_at(second, ratio))
        spectrum = np.fft.rfft(out.samples)
        spectrum[np.fft.rfftfreq(out.samples.size, 1 / out.rate_hz) > 3400] = 0
        narrow = Sound(np.fft.irfft(spectrum, out.samples.size).astype(np.float32), out.rate_hz)
        assert match_clips(second, noisy(narrow, 25)).rate_ratio == pytest.approx(ratio, rel=5e-3), name


@pytest.mark.parametrize(
    "samples",
    [
        np.zeros(0),
        np.ones(1),
        np.zeros(24000),
        np.full(24000, 0.3),
        np.sin(2 * np.pi * 440 * np.arange(48000) / 24000),
        np.random.default_rng(1).uniform(-1, 1, 48000),
    ],
    ids=["empty", "one", "silence", "dc", "tone", "noise"],
)
def test_what_is_no_copy_gives_a_reason(samples):
    other = Sound(samples.astype(np.float32), 24000.0)
    for pair in ((VOICE, other), (other, VOICE)):
        found = match_clips(*pair)
        assert found.rate_ratio is None
        assert found.missing.text


@settings(max_examples=8, deadline=None, derandomize=True)
@given(
    gain_db=st.floats(-40, 6), before=st.floats(0, 0.8), sign=st.sampled_from([-1, 1]),
    rate=st.sampled_from([16000, 22050, 44100, 48000]), ratio=st.sampled_from([2 / 3, 1.0]),
)  # fmt: skip
def test_speed_holds_under_gain_padding_polarity_and_container(gain_db, before, sign, rate, ratio):
    out = padded(played_at(VOICE, ratio), before)
    samples = soxr.resample(out.samples, out.rate_hz, rate) * np.float32(sign * 10 ** (gain_db / 20))
    found = match_clips(VOICE, Sound(np.round(samples * 32768).astype(np.float32) / np.float32(32768), rate))
    assert found.rate_ratio == pytest.approx(ratio, rel=1e-3)
    assert found.polarity == sign
