import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from diag.dsp.clicks import clicks

RATE_HZ = 24000


def vowel(hz=130.0, seconds=1.0):
    time = np.arange(round(seconds * RATE_HZ)) / RATE_HZ
    return (0.2 * sum(np.cos(2 * np.pi * hz * n * time + n) / n for n in range(1, 20))).astype(np.float32)


@settings(max_examples=30, deadline=None, derandomize=True)
@given(
    place=st.integers(2000, 20000),
    share=st.floats(0.25, 1.0),
    sign=st.sampled_from([-1, 1]),
    gain_db=st.floats(-30, 0),
    kind=st.sampled_from(["impulse", "step"]),
)
def test_one_wrong_sample_and_a_step_are_found_at_any_gain(place, share, sign, gain_db, kind):
    samples = vowel()
    height = np.float32(sign * share * np.abs(samples).max())
    if kind == "impulse":
        samples[place] += height
    else:
        samples[place:] += np.float32(1.6) * height * np.exp(-np.arange(samples.size - place) / 100).astype(np.float32)
    ((found,),) = (clicks(samples * np.float32(10 ** (gain_db / 20)), RATE_HZ).frames,)
    assert abs(found - place) <= 3


@pytest.mark.parametrize("length_ms", [3, 20])
def test_a_burst_of_noise_is_no_click(length_ms):
    random = np.random.default_rng(4)
    for _ in range(20):
        samples = vowel()
        place, size = int(random.integers(2000, 20000)), length_ms * RATE_HZ // 1000
        samples[place : place + size] += 0.3 * random.standard_normal(size).astype(np.float32)
        assert clicks(samples, RATE_HZ).count == 0


def test_pulses_in_rows_are_no_clicks():
    samples = 0.05 * vowel(90.0)
    samples[:: RATE_HZ // 90] += 0.3
    assert clicks(samples, RATE_HZ).count == 0


def test_the_release_of_a_plosive_is_no_click_but_a_leap_above_it_is():
    """Soft sound, one steep sample, and a burst that goes on for milliseconds."""
    random = np.random.default_rng(9)
    found = []
    for height in (1.0, 6.0):
        samples = 0.004 * random.standard_normal(24000)
        burst = 0.03 * random.standard_normal(480) * np.exp(-np.arange(480) / 240)
        samples[12000:12480] += burst
        samples[12000] = 0.25 * height
        found.append(clicks(samples.astype(np.float32), 24000.0).count)
    assert found == [0, 1]
