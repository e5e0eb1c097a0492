import numpy as np
import pytest
import soxr
from dsp_voices import padded
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import signal

from diag.core.clip import Clip
from diag.dsp.band import content_edge, imaging
from diag.dsp.dullness import BANDS_HZ, treble_loss
from diag.dsp.rate import match_clips
from diag.dsp.spectrum import Sound
from diag.measure.metrics.band import bandwidth

RANDOM = np.random.default_rng(8)


def filtered(sound, gain_db_of):
    spectrum = np.fft.rfft(sound.samples)
    gain = 10 ** (gain_db_of(np.fft.rfftfreq(sound.samples.size, 1 / sound.rate_hz)) / 20)
    return Sound(np.fft.irfft(spectrum * gain, sound.samples.size).astype(np.float32), sound.rate_hz)


def sixteen_bit(sound):
    return Sound(np.round(sound.samples * 32768).astype(np.float32) / np.float32(32768), sound.rate_hz)


def loss(reference, estimated):
    found = match_clips(reference, estimated)
    return treble_loss(reference, estimated, found.track.stretches, found.rate_ratio)


@pytest.mark.parametrize("step_db", [-3, -6, -12, -18])
def test_a_step_reads_as_itself_in_every_band(replies, step_db):
    for sound in list(replies.values())[:4]:
        shelf = filtered(sound, lambda hz: np.where(hz > 3000, step_db, 0.0))
        for value in loss(sound, sixteen_bit(padded(shelf))).bands_db:
            assert value == pytest.approx(-step_db, abs=0.5)


def test_a_low_pass_takes_the_upper_bands_only(reply):
    low = filtered(reply, lambda hz: np.where(hz > 6000, -80.0, 0.0))
    first, second, third, fourth = loss(reply, padded(low)).bands_db
    assert first == pytest.approx(0, abs=0.3)
    assert 0 < second < 20
    assert third > 30
    assert fourth > 30


def test_healthy_resampling_loses_nothing(replies):
    for name, sound in replies.items():
        wide = soxr.resample(sound.samples, 24000, 48000, "HQ")
        back = Sound(soxr.resample(wide, 48000, 24000, "HQ"), 24000.0)
        for copy in (Sound(wide, 48000.0), back):
            for value in loss(sound, sixteen_bit(padded(copy))).bands_db:
                assert value == pytest.approx(0, abs=0.3), name


@settings(max_examples=10, deadline=None, derandomize=True)
@given(gain_db=st.floats(-20, 3), late=st.floats(0.0, 0.9))
def test_level_and_delay_do_not_change_the_loss(gain_db, late):
    from dsp_voices import made_voice

    voice = made_voice(12)
    shelf = filtered(voice, lambda hz: np.where(hz > 3000, -6.0, 0.0))
    copy = padded(shelf, late)
    result = loss(voice, sixteen_bit(Sound(copy.samples * np.float32(10 ** (gain_db / 20)), copy.rate_hz)))
    assert [value for value in result.bands_db if value is not None] == pytest.approx([6.0] * 4, abs=0.5)


def test_bands_above_the_lower_rate_are_not_compared(reply):
    narrow = Sound(soxr.resample(reply.samples, 24000, 16000), 16000.0)
    bands = loss(reply, padded(narrow)).bands_db
    assert [value is None for value in bands] == [False, False, True, True]
    assert bands[0] == pytest.approx(0, abs=0.3)
    assert len(bands) == len(BANDS_HZ)


@pytest.mark.parametrize("stage_hz", [8000, 11025, 12000, 16000])
@pytest.mark.parametrize("container_hz", [24000, 48000])
def test_edge_of_a_narrow_stage(replies, stage_hz, container_hz):
    for name in ("hearing_you_well", "ko_weather", "say_it_again"):
        if name not in replies:
            continue
        narrow = soxr.resample(replies[name].samples, 24000, stage_hz, "HQ")
        wide = Sound(soxr.resample(narrow, stage_hz, container_hz, "HQ"), float(container_hz))
        assert content_edge(sixteen_bit(wide).spectrum) == pytest.approx(stage_hz / 2, rel=0.06), name


@pytest.mark.parametrize("stage_hz", [8000, 11025, 12000])
def test_bandwidth_tells_the_limit_of_a_stage_not_where_its_filter_starts(reply, stage_hz):
    narrow = soxr.resample(reply.samples, 24000, stage_hz, "HQ")
    wide = sixteen_bit(Sound(soxr.resample(narrow, stage_hz, 24000, "HQ"), 24000.0))
    measured = bandwidth(Clip(samples=wide.samples, sample_rate_hz=24000)).value
    assert measured == pytest.approx(stage_hz / 2, rel=0.015)


def test_wide_voices_are_not_called_narrow(replies):
    for name, sound in replies.items():
        assert content_edge(sound.spectrum) > 10000, name


def test_edge_holds_under_gain(reply):
    narrow = soxr.resample(soxr.resample(reply.samples, 24000, 16000), 16000, 24000)
    for gain_db in (-20, 0):
        quiet = sixteen_bit(Sound(narrow * np.float32(10 ** (gain_db / 20)), 24000.0))
        assert content_edge(quiet.spectrum) == pytest.approx(8000, rel=0.06)


@pytest.mark.parametrize("stage_hz", [8000, 16000])
def test_naive_resampling_leaves_images_and_proper_does_not(replies, stage_hz):
    for name, sound in replies.items():
        narrow = soxr.resample(sound.samples, 24000, stage_hz)
        places = np.arange(int(narrow.size * 24000 / stage_hz) - 4) * stage_hz / 24000
        naive = {
            "linear": np.interp(places, np.arange(narrow.size), narrow),
            "hold": narrow[places.astype(int)],
        }
        for kind, samples in naive.items():
            found = imaging(sixteen_bit(Sound(samples.astype(np.float32), 24000.0)).spectrum)
            assert found.weighed > 0.3, (name, kind)
        proper = Sound(soxr.resample(narrow, stage_hz, 24000), 24000.0)
        for clean in (sound, proper):
            assert imaging(sixteen_bit(clean).spectrum).weighed < 0.22, name


def test_images_are_named_by_their_mirror(reply):
    narrow = soxr.resample(reply.samples, 24000, 16000)
    places = np.arange(int(narrow.size * 1.5) - 4) / 1.5
    linear = Sound(np.interp(places, np.arange(narrow.size), narrow).astype(np.float32), 24000.0)
    assert imaging(linear.spectrum).mirror_hz == 8000


@pytest.mark.parametrize("size", [0, 1, 100])
def test_too_little_sound_has_no_edge(size):
    spectrum = Sound(np.ones(size, dtype=np.float32), 24000.0).spectrum
    assert content_edge(spectrum) is None
    assert imaging(spectrum) is None


def chunkwise(samples, start_hz, container_hz):
    """Straight lines inside chunks of 20 ms, each stretched from its first to its last sample."""
    size = start_hz // 50
    places = np.linspace(0, size - 1, container_hz // 50)
    chunks = samples[: samples.size // size * size].reshape(-1, size)
    return np.concatenate([np.interp(places, np.arange(size), chunk) for chunk in chunks])


@pytest.mark.parametrize(("start_hz", "container_hz"), [(8000, 24000), (8000, 48000), (16000, 24000)])
def test_images_of_chunkwise_interpolation_are_seen_and_of_a_good_resampler_not(replies, start_hz, container_hz):
    for name in ("sunny_in_seoul", "take_the_express", "table_is_booked"):
        narrow = soxr.resample(replies[name].samples, 24000, start_hz, "HQ")
        poor = Sound(chunkwise(narrow, start_hz, container_hz).astype(np.float32), float(container_hz))
        good = Sound(soxr.resample(narrow, start_hz, container_hz, "HQ"), float(container_hz))
        assert imaging(sixteen_bit(poor).spectrum).weighed > 0.22, name
        assert imaging(sixteen_bit(good).spectrum).weighed < 0.15, name


def test_repeated_samples_from_16_to_24_khz_are_mirrored_about_8_khz(replies):
    """They are mirrored about 4 kHz too, but weaker than the voice's own sound there."""
    for name in ("hearing_you_well", "sunny_in_seoul", "table_is_booked"):
        narrow = soxr.resample(replies[name].samples, 24000, 16000, "HQ")
        held = narrow[(np.arange(narrow.size * 3 // 2) * 2) // 3]
        assert imaging(sixteen_bit(Sound(held, 24000.0)).spectrum).mirror_hz == 8000.0, name


def resampled_by_polyphase(samples, start_hz, container_hz):
    """The resampler of scipy with its default filter, whose images fade out over a tenth of the old band."""
    common = int(np.gcd(start_hz, container_hz))
    return signal.resample_poly(samples, container_hz // common, start_hz // common)


@pytest.mark.parametrize(("start_hz", "container_hz"), [(8000, 24000), (16000, 24000), (16000, 48000), (24000, 44100)])
def test_faint_images_of_a_proper_resampler_are_seen_but_not_reported(replies, start_hz, container_hz):
    seen = 0
    for name in ("sunny_in_seoul", "take_the_express", "table_is_booked"):
        narrow = soxr.resample(replies[name].samples, 24000, start_hz, "HQ")
        out = resampled_by_polyphase(narrow, start_hz, container_hz).astype(np.float32)
        found = imaging(sixteen_bit(Sound(out, float(container_hz))).spectrum)
        assert found.weighed < 0.1, name
        assert found.correlation <= 0.22 or found.gain_db < -30.0, name
        seen += found.correlation > 0.22
    assert seen > 0 or start_hz == 24000


def played_in_chunks(samples, start_hz, container_hz, chunk_s):
    """Straight lines inside each chunk, as a browser plays buffers of a lower rate one after the other."""
    size = round(chunk_s * start_hz)
    chunks = [samples[first : first + size] for first in range(0, samples.size, size)]
    places = [np.arange(chunk.size * container_hz // start_hz) * start_hz / container_hz for chunk in chunks]
    return np.concatenate([np.interp(at, np.arange(c.size), c) for at, c in zip(places, chunks, strict=True)])


@pytest.mark.parametrize("container_hz", [44100, 48000])
def test_images_of_buffers_that_are_interpolated_one_by_one_are_reported_with_their_level(replies, container_hz):
    for name in ("sunny_in_seoul", "take_the_express", "table_is_booked"):
        out = played_in_chunks(replies[name].samples, 24000, container_hz, 0.04).astype(np.float32)
        found = imaging(sixteen_bit(Sound(out, float(container_hz))).spectrum)
        assert found.weighed > 0.22, name
        assert found.mirror_hz == 12000.0, name
        assert -60.0 < found.level_db < -15.0, name


@pytest.mark.parametrize(("gain_db", "reported"), [(-12.0, True), (-35.0, False)])
def test_the_gain_of_an_image_is_told_and_weighed(gain_db, reported):
    """Noise that comes and goes, 300 Hz to 7 kHz, whose part from 4.5 kHz is mirrored about 8 kHz at a known gain."""
    random = np.random.default_rng(5)
    time = np.arange(3 * 24000) / 24000
    spectrum = np.fft.rfft(random.standard_normal(time.size) * (np.sin(2 * np.pi * 2.3 * time) > 0))
    hz = np.fft.rfftfreq(time.size, 1 / 24000)
    spectrum[(hz < 300) | (hz > 7000)] = 0
    upper = np.fft.rfft(np.fft.irfft(spectrum * (hz > 4500)) * 2 * np.cos(2 * np.pi * 16000 * time))
    image = np.fft.irfft(upper * (hz > 8000))
    samples = 0.05 * (np.fft.irfft(spectrum) + 10 ** (gain_db / 20) * image)
    found = imaging(Sound(samples.astype(np.float32), 24000.0).spectrum)
    assert found.mirror_hz == 8000.0
    assert found.correlation > 0.9
    assert found.gain_db == pytest.approx(gain_db, abs=0.5)
    # 2.5 of the 3.7 kHz that the voice is measured over: equal density, so the level lies 1.7 dB lower.
    assert found.level_db == pytest.approx(gain_db + 10 * np.log10(2.5 / 3.7), abs=0.5)
    assert (found.weighed > 0.9) is reported
