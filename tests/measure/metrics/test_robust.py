"""What must hold for every measure of sound, whatever the level, place, polarity, format, rate or channels.

Measures are taken from the registry: a new one is held to the same, and says here in which unit it may move.
"""

import warnings

import numpy as np
import pytest
import soxr
from builders import speech
from hypothesis import given, settings
from hypothesis import strategies as st

from diag.core.clip import Clip
from diag.core.results import Reading
from diag.dsp import spectrum as spectra
from diag.measure.engine import measure_clip, measure_pair
from diag.measure.metrics.sounds import sound
from diag.measure.registry import MetricKind, all_metrics

RATE_HZ = 24000
ALONE = {item.name + "@tap": item for item in all_metrics() if item.kind is MetricKind.TAP}
PAIR = {item.name + "@segment": item for item in all_metrics() if item.kind is MetricKind.SEGMENT}
LEVELS = {"level_lufs@tap", "peak_dbfs@tap", "dc_dbfs@tap"}
RATE_BOUND = {"bandwidth_hz@tap", "imaging@tap", "imaging@segment", "equal_pairs@tap", "flatness@tap"}
"""What a container of another rate must change: how far up content can reach, and what neighbouring samples are."""
VOICES = {seed: 0.4 * speech(3.2, seed, RATE_HZ) for seed in (11, 12, 13)}

MAY_MOVE = {
    "rate_ratio@segment": 2e-4, "time_ratio@segment": 2e-4, "drift_ppm@segment": 60.0, "hop_delay_s@segment": 1e-4,
    "imaging@segment": 0.2, "inserted_silence_s@segment": 0.002, "dropout_count@segment": 0.1,
    "skipped_s@segment": 0.002, "repeated_s@segment": 0.002, "dullness_db@segment": 0.3, "click_rate_hz@segment": 0.2,
    "bandwidth_hz@tap": 400.0, "tilt_db_per_octave@tap": 0.3, "centroid_hz@tap": 60.0, "imaging@tap": 0.2,
    "clipping_rate_hz@tap": 0.35, "click_rate_hz@tap": 0.35, "dropout_count@tap": 0.1, "flatness@tap": 0.02,
    "equal_pairs@tap": 0.06, "tonality_db@tap": 6.0, "level_lufs@tap": 0.6, "peak_dbfs@tap": 0.5, "dc_dbfs@tap": 1.0,
}  # fmt: skip
"""How far a value may move; a measure that is not named here may move by 5 % of its value and 0.05.

Loudness moves by its own definition: its blocks of 400 ms hold a share of the padding. Images are told by a
correlation, which in 3 s of a healthy voice comes and goes by chance up to 0.2, and is a fault above 0.22. Tonality of
speech comes and goes below 15 dB, and is a fault above 30 dB.
"""


FAINTEST_ADDED_DB = -50.0
"""What a segment adds is compared from here up: below lies the rounding of 16 bits and of resamplers, which no rule
reads."""
ADDED = ("added_noise_db@", "added_hum_db@", "added_tone_db@", "distortion_db@", "aliasing_db@", "second_copy_db@",
         "reverberation_db@")  # fmt: skip


def clip(samples, rate_hz=RATE_HZ):
    return Clip(samples=np.asarray(samples, dtype=np.float32), sample_rate_hz=rate_hz, start_s=0.0)


def readings(estimated, reference):
    found = {name: item.function(estimated) for name, item in ALONE.items()}
    return found | {name: item.function(reference, estimated) for name, item in PAIR.items()}


def values(reading):
    return reading.value if isinstance(reading.value, tuple) else (reading.value,)


def same(name, before, after, shift=0.0):
    __tracebackhide__ = True
    assert (before.value is None) == (after.value is None), (name, before, after)
    for old, new in zip(values(before), values(after), strict=True):
        if old is None or new is None:
            assert old is new, (name, before, after)
        elif name.startswith(ADDED):
            assert max(new, FAINTEST_ADDED_DB) == pytest.approx(max(old, FAINTEST_ADDED_DB), abs=1.0), name
        else:
            assert new == pytest.approx(old + shift, abs=MAY_MOVE.get(name, 0.05 + 0.05 * abs(old))), name


@pytest.fixture(scope="module")
def untouched():
    return {seed: readings(clip(voice), clip(voice)) for seed, voice in VOICES.items()}


CHANGES = st.fixed_dictionaries(
    {
        "seed": st.sampled_from(sorted(VOICES)),
        "gain_db": st.floats(-40, 6),
        "sign": st.sampled_from([1, -1]),
        "format": st.sampled_from(["float", "s24", "s16"]),
        "before_s": st.floats(0, 0.6),
        "after_s": st.floats(0, 0.6),
        "channels": st.sampled_from([1, 2]),
    }
)


def written_as(samples, name):
    """As a file of this sample format would give it back."""
    if name == "float":
        return samples.astype(np.float32)
    scale = {"s16": 2.0**15, "s24": 2.0**23}[name]
    return (np.clip(np.rint(samples * scale), -scale, scale - 1) / scale).astype(np.float32)


@given(CHANGES)
@settings(max_examples=16)
def test_what_is_measured_does_not_hang_on_how_it_was_recorded(untouched, change):
    voice = VOICES[change["seed"]]
    padded = np.concatenate([np.zeros(round(change["before_s"] * RATE_HZ)), voice,
                             np.zeros(round(change["after_s"] * RATE_HZ))])  # fmt: skip
    moved = written_as(change["sign"] * 10 ** (change["gain_db"] / 20) * padded, change["format"])
    if change["channels"] == 2:
        moved = np.stack((moved, moved), axis=1)
    longer = padded.size / voice.size
    for name, after in readings(clip(moved), clip(voice)).items():
        before, shift = untouched[change["seed"]][name], 0.0
        if name in ("level_lufs@tap", "peak_dbfs@tap", "level_change_db@segment"):
            shift = change["gain_db"]
        if name == "level_lufs@tap" and before.value + shift < -60.0:
            # The loudness of BS.1770 leaves out blocks below -70 LUFS.
            continue
        noisy = change["format"] == "s16" and change["gain_db"] < -30
        if name == "dc_dbfs@tap" or (name in RATE_BOUND | {"tonality_db@tap"} and noisy):
            # Padding thins a mean out; and below -45 dBFS the noise of 16 bits lies above a voice's treble and fills
            # the gaps that a steady tone would stand out of.
            continue
        if name.startswith(ADDED) and change["format"] == "s16" and change["gain_db"] < -20:
            # The rounding of 16 bits is noise that the segment did add.
            continue
        if name == "hop_delay_s@segment":
            shift = round(change["before_s"] * RATE_HZ) / RATE_HZ
        if name in ("clipping_rate_hz@tap", "click_rate_hz@tap") and before.value:
            shift = before.value / longer - before.value
        same(name, before, after, shift)


@pytest.mark.parametrize("rate_hz", [16000, 24000, 44100, 48000])
@pytest.mark.parametrize("seed", sorted(VOICES))
def test_what_is_measured_does_not_hang_on_the_container(untouched, rate_hz, seed):
    voice = VOICES[seed]
    moved = voice if rate_hz == RATE_HZ else soxr.resample(voice, RATE_HZ, rate_hz, quality="VHQ")
    found = readings(clip(moved, rate_hz), clip(voice))
    if rate_hz >= RATE_HZ:
        narrower = set()
    else:
        # 8 kHz of content say less of treble: bands that are not there, a tilt and a centroid of the rest.
        narrower = {"dullness_bands_db@segment", "dullness_db@segment", "tilt_db_per_octave@tap", "centroid_hz@tap"}
    for name, after in found.items():
        if name in RATE_BOUND | narrower | {"dc_dbfs@tap"}:
            assert (after.value is None) == (untouched[seed][name].value is None), name
        else:
            same(name, untouched[seed][name], after)
    edge = found["bandwidth_hz@tap"].value
    assert edge == pytest.approx(min(untouched[seed]["bandwidth_hz@tap"].value, rate_hz / 2), rel=0.06)
    assert found["imaging@tap"].value < 0.22
    assert found["flatness@tap"].value < 0.1
    assert found["equal_pairs@tap"].value < 0.2


TIME = np.arange(2 * RATE_HZ) / RATE_HZ
ODD = {
    "silence": lambda size, _: np.zeros(size),
    "dither": lambda size, rng: rng.integers(-1, 2, size) / 32768.0,
    "direct current": lambda size, _: np.full(size, 0.5),
    "full direct current": lambda size, _: np.ones(size),
    "full-scale noise": lambda size, rng: rng.uniform(-1, 1, size),
    "pure tone": lambda size, _: np.sin(2 * np.pi * 1000.0 * np.arange(size) / RATE_HZ),
    "low tone": lambda size, _: 0.5 * np.sin(2 * np.pi * 20.0 * np.arange(size) / RATE_HZ),
    "square wave": lambda size, _: np.sign(np.sin(2 * np.pi * 300.0 * np.arange(size) / RATE_HZ) + 1e-9),
    "one impulse": lambda size, _: np.where(np.arange(size) == size // 2, 1.0, 0.0),
    "faintest": lambda size, rng: 1e-30 * rng.standard_normal(size),
    "far above full scale": lambda size, rng: 1e6 * rng.standard_normal(size),
}
SIZES = (0, 1, 2, 3, 7, 64, 500, 959, 960, 961, 7200, 2 * RATE_HZ)


@pytest.mark.parametrize("name", ODD)
@pytest.mark.parametrize("size", SIZES)
def test_odd_sounds_give_a_finite_value_or_a_reason_and_no_word_on_the_console(name, size, capfd):
    voice = clip(VOICES[11])
    odd = clip(ODD[name](size, np.random.default_rng(size)))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for key, item in ALONE.items():
            told(key, item.function(odd))
        for key, item in PAIR.items():
            for reference, estimated in ((voice, odd), (odd, voice), (odd, odd)):
                told(key, item.function(reference, estimated))
    assert capfd.readouterr() == ("", "")


def told(key, reading):
    assert isinstance(reading, Reading), key
    if reading.value is None:
        assert reading.missing.text, key
    else:
        assert all(value is None or np.isfinite(value) for value in values(reading)), (key, reading)


@pytest.mark.parametrize("name", ["silence", "dither", "full-scale noise", "pure tone", "direct current"])
def test_what_is_no_copy_of_a_voice_has_no_speed(name):
    odd = clip(ODD[name](2 * RATE_HZ, np.random.default_rng(5)))
    for item in (
        PAIR["rate_ratio@segment"],
        PAIR["time_ratio@segment"],
        PAIR["drift_ppm@segment"],
        PAIR["skipped_s@segment"],
    ):
        assert item.function(clip(VOICES[12]), odd).value is None, item.name


@given(st.lists(st.sampled_from([0.0, 1.0, -1.0, 0.5, 1e-9, -3e-5, 1e4]), max_size=200), st.integers(4000, 48000))
@settings(max_examples=40)
def test_any_few_samples_at_any_rate_are_borne(samples, rate_hz):
    odd = clip(samples, rate_hz)
    for key, item in ALONE.items():
        told(key, item.function(odd))
    for key, item in PAIR.items():
        told(key, item.function(odd, clip(samples[::-1], rate_hz)))


def test_one_spectrum_a_clip_is_worked_out_once_for_all_measures(monkeypatch):
    seen = []
    short_time_power = spectra.short_time_power

    def counted(samples, rate_hz):
        seen.append(samples)
        return short_time_power(samples, rate_hz)

    monkeypatch.setattr(spectra, "short_time_power", counted)
    reference, estimated = clip(VOICES[11]), clip(np.concatenate((np.zeros(1000), VOICES[11])))
    measure_clip(estimated)
    assert len(seen) == 1
    measure_pair(reference, estimated)
    # Lost treble looks at windows of its own, cut where the copy's sound stands.
    for whole in (reference, estimated):
        assert sum(samples is sound(whole).samples for samples in seen) == 1
