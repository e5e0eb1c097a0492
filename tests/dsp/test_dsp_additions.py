"""What a segment adds: each fault is found with its size, and nothing else is."""

import numpy as np
import pytest
import soxr
from dsp_voices import made_voice

from diag.dsp.additions import faults, measure_additions
from diag.dsp.aligned import Piece, align_pair
from diag.dsp.distortion import Kind, few_bits_alone, sample_levels, wrapped_alone, wrapped_leaps
from diag.dsp.resample import rescale, shifted
from diag.dsp.spectrum import Sound

RATE_HZ = 24000.0


@pytest.fixture(scope="module")
def voice():
    return made_voice(seed=3, duration_s=5.0).samples.astype(np.float64)


def measured(reference, estimated, rate_hz=RATE_HZ):
    size = min(reference.size, estimated.size)
    out = (np.clip(np.round(estimated * 32768), -32768, 32767) / 32768).astype(np.float32)
    return measure_additions(align_pair(reference, out, [Piece(0, 0, size)], rate_hz))


def active_rms(samples, rate_hz=RATE_HZ):
    width = round(0.02 * rate_hz)
    power = np.square(samples[: samples.size // width * width]).reshape(-1, width).mean(axis=1)
    return np.sqrt(power[power > np.percentile(power, 95) * 10**-3.5].mean())


def below(samples, level_db):
    return active_rms(samples) * 10 ** (level_db / 20)


def low_passed(samples, corner_hz=4000.0):
    spectrum = np.fft.rfft(samples, 2 * samples.size)
    hz = np.fft.rfftfreq(2 * samples.size, 1 / RATE_HZ)
    return np.fft.irfft(spectrum / (1 + 1j * hz / corner_hz) ** 2)[: samples.size]


@pytest.mark.parametrize(
    "process",
    [
        lambda x: x,
        lambda x: -x,
        lambda x: 1.6 * x,
        low_passed,
        lambda x: x + np.random.default_rng(1).uniform(-1, 1, x.size) / 32768,
        lambda x: shifted(x, -0.37),
        lambda x: x * np.clip(np.arange(x.size) / 6000, 0, 1),
    ],
    ids=["unchanged", "polarity", "gain", "filter", "dither", "part of a sample", "fade in"],
)
def test_ordinary_processing_adds_nothing(voice, process):
    assert faults(measured(voice, process(voice))) == {}


def test_gain_of_20_db_is_a_level_and_nothing_else(voice):
    found = faults(measured(voice, 0.1 * voice))
    assert list(found) == ["level"]
    assert found["level"] == pytest.approx(-20.0, abs=0.05)


def test_drift_is_taken_out_of_a_piece(voice):
    slow, factor = rescale(voice, 1 + 20e-6)
    assert factor == pytest.approx(1 + 20e-6, abs=2e-6)
    additions = measured(voice, slow.astype(np.float64))
    assert faults(additions) == {}
    assert additions.noise.residual_db < -25.0


def test_pieces_behind_an_inserted_pause_are_moved_to_their_place(voice):
    cut, pause = 50000, 7000
    out = np.concatenate((voice[:cut], np.zeros(pause), voice[cut:])).astype(np.float32)
    pieces = [Piece(0, 0, cut), Piece(cut, cut + pause, voice.size - cut)]
    additions = measure_additions(align_pair(voice, out, pieces, RATE_HZ))
    assert faults(additions) == {}
    assert additions.level.change_db == pytest.approx(0.0, abs=0.01)


@pytest.mark.parametrize("change_db", [-20.0, -6.0, 6.0])
def test_step_of_level_has_its_time_and_size(voice, change_db):
    at = round(2.1 * RATE_HZ)
    out = 0.4 * voice
    out[at:] *= 10 ** (change_db / 20)
    found = measured(voice, out).level
    assert [step.sudden for step in found.steps] == [True]
    assert found.steps[0].change_db == pytest.approx(change_db, abs=0.3)
    assert found.steps[0].start_s == pytest.approx(2.1, abs=0.02)


def test_slow_change_of_level_is_a_fade(voice):
    ramp = np.clip((np.arange(voice.size) / RATE_HZ - 2.2) / 0.9, 0, 1)
    found = faults(measured(voice, voice * 10 ** (-15 * ramp / 20)))
    assert set(found) == {"level fade"}


def test_gain_that_goes_up_and_down_is_pumping(voice):
    wave = np.sin(2 * np.pi * 1.1 * np.arange(voice.size) / RATE_HZ)
    found = faults(measured(voice, 0.5 * voice * 10 ** (6 * wave / 20)))
    assert "pumping" in found or "level step" in found or "level fade" in found


def test_near_silence_is_an_error_of_its_own(voice):
    assert set(faults(measured(voice, voice * 0.002))) == {"near-silent"}


@pytest.mark.parametrize("snr_db", [25.0, 10.0])
def test_white_noise_has_its_signal_to_noise_ratio(voice, snr_db):
    noise = np.random.default_rng(2).standard_normal(voice.size) * below(voice, -snr_db)
    found = faults(measured(voice, voice + noise))
    assert set(found) == {"noise"}
    assert found["noise"] == pytest.approx(snr_db, abs=1.0)


def test_hum_is_told_from_noise_and_tones(voice):
    time = np.arange(voice.size) / RATE_HZ
    wave = np.sin(2 * np.pi * 60.01 * time) + 0.3 * np.sin(2 * np.pi * 180.03 * time + 1)
    additions = measured(voice, voice + wave / np.sqrt(np.mean(wave**2)) * below(voice, -18))
    assert set(faults(additions)) == {"hum"}
    assert additions.hum.mains_hz == 60.0
    assert additions.hum.relative_db == pytest.approx(-18.0, abs=1.0)


def test_steady_tone_has_its_frequency_and_level(voice):
    wave = np.sqrt(2) * np.sin(2 * np.pi * 1234 * np.arange(voice.size) / RATE_HZ)
    additions = measured(voice, voice + wave * below(voice, -25))
    assert set(faults(additions)) == {"tone"}
    assert additions.tones[0].frequency_hz == pytest.approx(1234, abs=3)
    assert additions.tones[0].relative_db == pytest.approx(-25, abs=1)


def test_tone_in_a_gap_has_its_place(voice):
    gap = round(0.6 * RATE_HZ)
    beep = 0.1 * np.sin(2 * np.pi * 660 * np.arange(gap) / RATE_HZ)
    cut = 60000
    out = np.concatenate((voice[:cut], beep, voice[cut:])).astype(np.float32)
    pieces = [Piece(0, 0, cut), Piece(cut, cut + gap, voice.size - cut)]
    tone = measure_additions(align_pair(voice, out, pieces, RATE_HZ)).tones[0]
    assert tone.frequency_hz == pytest.approx(660, abs=3)
    assert (tone.start_s, tone.end_s) == (pytest.approx(2.5, abs=0.025), pytest.approx(3.1, abs=0.025))
    assert tone.count == 1


def test_direct_current_is_measured_in_dbfs(voice):
    found = faults(measured(voice, voice + 0.02))
    assert set(found) == {"dc"}
    assert found["dc"] == pytest.approx(20 * np.log10(0.02), abs=0.3)


def test_taking_direct_current_away_adds_none(voice):
    assert faults(measured(voice + 0.02, voice)) == {}


def wrong_table(samples):
    return np.where(np.abs(samples) < 0.01, samples, 2 * samples)


@pytest.mark.parametrize(
    ("process", "kind"),
    [
        (lambda x: np.clip(x, -0.15, 0.15), Kind.CLIPPED),
        (lambda x: 0.3 * np.tanh(6 * x), Kind.OVERDRIVE),
        (lambda x: (3.5 * x + 1) % 2 - 1, Kind.WRAPPED),
        (lambda x: np.round(x * 16) / 16, Kind.FEW_BITS),
        (wrong_table, Kind.COMPANDING),
    ],
)
def test_distortion_is_named(voice, process, kind):
    assert set(faults(measured(voice, process(voice)))) - {"level"} == {kind}


def test_quantisation_says_how_many_bits(voice):
    assert measured(voice, np.round(voice * 32) / 32).distortion.detail == pytest.approx(6.0)


def test_hard_clipping_is_no_wrapped_integer(voice):
    loud = np.clip(20 * voice + 0.2 * np.random.default_rng(1).standard_normal(voice.size), -1, 1)
    assert wrapped_leaps(loud, RATE_HZ) is None


def test_wrapped_integer_is_seen_without_a_reference(voice):
    wrapping = wrapped_leaps((3.5 * voice + 1) % 2 - 1, RATE_HZ)
    over = np.abs(3.5 * voice) > 1
    assert wrapping.leaps == pytest.approx(np.abs(np.diff(over.astype(int))).sum(), rel=0.2)
    assert wrapping.first_s == pytest.approx(np.flatnonzero(over)[0] / RATE_HZ, abs=1e-4)


def test_uneven_steps_of_companding_are_not_few_bits(voice):
    coded = np.round(np.sign(voice) * np.log1p(255 * np.abs(voice)) / np.log(256) * 127) / 127
    levels = sample_levels(np.sign(coded) * (256 ** np.abs(coded) - 1) / 255)
    assert levels is not None
    assert not levels.even
    assert sample_levels(voice) is None


def test_a_rectifier_is_no_companding_table(voice):
    found = measured(voice, np.maximum(voice, 0.0)).distortion
    assert found.level_db > -20.0
    assert found.kind is Kind.OTHER


def test_decimation_without_a_filter_is_aliasing(voice):
    up, _ = rescale(voice, 2.0)
    hiss = np.random.default_rng(4).standard_normal(up.size) * np.abs(up) * 0.3
    wide = up + hiss
    back, _ = rescale(wide[::3], 3.0)
    found = measured(wide, back[: wide.size].astype(np.float64), 2 * RATE_HZ)
    assert "aliasing" in faults(found)
    assert found.aliasing.mirror_hz == 8000.0
    assert found.aliasing.gain_db == pytest.approx(0.0, abs=3.0)


def test_repeated_samples_leave_images(voice):
    up, _ = rescale(voice, 2.0)
    found = measured(up, np.repeat(voice, 2), 2 * RATE_HZ)
    assert set(faults(found)) == {"images"}
    assert found.images.mirror_hz == 12000.0


@pytest.mark.parametrize(
    ("delay_s", "level_db", "kind"), [(0.12, -10.0, "echo"), (0.4, -22.0, "echo"), (0.035, 0.0, "played twice")]
)
def test_second_copy_has_its_delay_and_level(voice, delay_s, level_db, kind):
    late = round(delay_s * RATE_HZ)
    out = voice.copy()
    out[late:] += 10 ** (level_db / 20) * voice[:-late]
    additions = measured(voice, 0.5 * out)
    assert set(faults(additions)) - {"level"} == {kind}
    assert additions.copy.delay_s == pytest.approx(delay_s, abs=0.0005)
    assert additions.copy.level_db == pytest.approx(level_db, abs=1.0)


def test_room_has_its_level_and_decay(voice):
    time = np.arange(round(0.8 * RATE_HZ)) / RATE_HZ
    tail = np.random.default_rng(5).standard_normal(time.size) * 10 ** (-3 * time / 0.5) * (time > 0.005)
    tail *= np.sqrt(10**-0.4 / np.sum(tail**2))
    size = voice.size + tail.size
    wet = np.fft.irfft(np.fft.rfft(voice, size) * np.fft.rfft(tail, size), size)[: voice.size]
    additions = measured(voice, 0.5 * (voice + wet))
    assert set(faults(additions)) - {"level"} == {"room"}
    assert additions.room.level_db == pytest.approx(-4.0, abs=1.5)
    assert additions.room.decay_s == pytest.approx(0.5, rel=0.25)


@pytest.mark.parametrize("size", [0, 1, 100, 3000])
def test_too_little_sound_is_measured_without_a_finding(size):
    samples = np.zeros(size)
    assert faults(measured(samples, samples)) == {}


def test_a_copy_that_is_only_the_period_of_distortion_does_not_hide_it(voice):
    """Overdrive of 18 dB repeats itself at the period of the voice, as a weak copy does."""
    driven = np.tanh(16 * voice) * 0.3
    found = measured(voice, driven)
    assert found.distortion.kind is Kind.OVERDRIVE
    assert found.copy is None or "echo" not in faults(found)


@pytest.mark.parametrize("bits", [3, 4, 6])
def test_few_bits_show_in_the_sample_values_alone(voice, bits):
    step = 2.0 / 2**bits
    found = few_bits_alone(Sound(voice, RATE_HZ), Sound(np.round(voice / step) * step, RATE_HZ))
    assert found.kind is Kind.FEW_BITS
    assert found.detail == pytest.approx(bits, abs=0.1)
    # A reference with the same few bits did not lose them here, and 8 bits are no fault.
    coarse = Sound(np.round(voice / step) * step, RATE_HZ)
    assert few_bits_alone(coarse, coarse) is None
    assert few_bits_alone(Sound(voice, RATE_HZ), Sound(np.round(voice * 128) / 128, RATE_HZ)) is None
    assert few_bits_alone(Sound(voice, RATE_HZ), Sound(np.sign(voice) * 1.0, RATE_HZ)) is None


def test_a_tone_in_the_last_two_seconds_is_found_although_its_level_wavers(voice):
    """A codec changes the level of a tone from frame to frame."""
    count = round(2 * RATE_HZ)
    time_s = np.arange(count) / RATE_HZ
    wavering = 1 + 0.4 * np.sin(2 * np.pi * 9 * time_s)
    out = voice.copy()
    out[-count:] += below(voice, -25) * np.sqrt(2) * wavering * np.sin(2 * np.pi * 1700 * time_s)
    found = measured(voice, out)
    assert found.tones[0].frequency_hz == pytest.approx(1700, abs=15)
    assert found.tones[0].relative_db == pytest.approx(-25, abs=3)


@pytest.mark.parametrize("over_db", [3.0, 6.0])
def test_integers_that_wrap_are_recognised_where_the_jumps_are_blurred(reply, over_db):
    def blurred(samples):
        return 0.9 * soxr.resample(soxr.resample(samples, 24000, 8000), 8000, 24000)

    own = reply.samples.astype(np.float64)
    over = own / np.abs(own).max() * 10 ** (over_db / 20)
    assert measured(own, blurred((over + 1) % 2 - 1)).distortion.kind is Kind.WRAPPED
    assert measured(own, blurred(np.clip(over, -1, 1))).distortion.kind is not Kind.WRAPPED


def test_integers_that_wrap_are_recognised_without_alignment(voice):
    smooth = low_passed(voice, 500.0)
    wrapped = ((smooth / np.abs(smooth).max() * 3.0 + 1) % 2 - 1).astype(np.float32)
    assert wrapped_alone(smooth.astype(np.float32), wrapped, RATE_HZ).kind is Kind.WRAPPED
    noise = np.random.default_rng(1).uniform(-1, 1, wrapped.size).astype(np.float32)
    assert wrapped_alone(smooth.astype(np.float32), noise, RATE_HZ) is None
    assert wrapped_alone(wrapped, wrapped, RATE_HZ) is None


def test_a_short_piece_whose_halves_lie_at_different_delays_is_aligned_all_the_same():
    noise = np.random.default_rng(5).normal(0, 0.1, round(0.7 * RATE_HZ))
    late, half = 40, noise.size // 2
    out = np.concatenate([noise[:half], np.roll(noise, late)[half:]])
    pair = align_pair(noise, out, [Piece(0, 0, noise.size)], RATE_HZ)
    assert np.isfinite(pair.reference).all()
    assert pair.reference.size == noise.size


@pytest.mark.parametrize(("gain_db", "for_s"), [(-14.0, 0.6), (-9.0, 0.8), (10.0, 0.5)])
def test_a_passing_change_of_level_has_a_beginning_and_an_end(voice, gain_db, for_s):
    """As where a navigation voice or a notification turns the sound down for a moment."""
    inside = slice(round(2.0 * RATE_HZ), round((2.0 + for_s) * RATE_HZ))
    out = 0.5 * voice
    out[inside] *= 10 ** (gain_db / 20)
    level = measured(0.5 * voice, out).level
    down, up = level.steps
    assert (down.change_db, up.change_db) == (pytest.approx(gain_db, abs=1.5), pytest.approx(-gain_db, abs=1.5))
    assert (down.start_s, up.start_s) == (pytest.approx(2.0, abs=0.1), pytest.approx(2.0 + for_s, abs=0.1))
    assert level.pumping_db < 4.0


@pytest.mark.parametrize("rate_per_s", [2.0, 3.0])
def test_a_level_that_goes_up_and_down_all_the_time_is_pumping(voice, rate_per_s):
    time_s = np.arange(voice.size) / RATE_HZ
    out = voice * 10 ** (-10 * (0.5 + 0.5 * np.sin(2 * np.pi * rate_per_s * time_s)) / 20)
    level = measured(voice, out).level
    assert level.steps == ()
    assert level.pumping_db > 4.0
