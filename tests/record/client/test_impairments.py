import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from diag.record.client.impairments import Squeeze

NOISE = np.random.default_rng(0).standard_normal(12000).astype(np.float32)


def squeezed(samples, sizes, *, rate_hz=24000, through_hz=8000):
    stage = Squeeze(rate_hz, through_hz)
    parts, place = [], 0
    for size in [*sizes, len(samples)]:
        parts.append(stage.push(samples[place : place + size]))
        place += size
    return np.concatenate([*parts, stage.finish()])


def level_db(samples, low_hz, high_hz, rate_hz=24000):
    power = np.abs(np.fft.rfft(samples * np.hanning(len(samples)))) ** 2
    hz = np.fft.rfftfreq(len(samples), 1 / rate_hz)
    return 10 * np.log10(power[(hz >= low_hz) & (hz < high_hz)].mean())


def test_what_a_lower_sample_rate_can_hold_stays_and_the_rest_goes():
    out = squeezed(NOISE, [])
    assert abs(level_db(out, 100, 3500) - level_db(NOISE, 100, 3500)) < 0.1
    assert level_db(out, 4050, 12000) < level_db(NOISE, 4050, 12000) - 70


@given(st.lists(st.integers(0, 5000), max_size=12))
def test_chunks_leave_no_seams(sizes):
    assert np.allclose(squeezed(NOISE, sizes), squeezed(NOISE, []), atol=1e-6)


def test_nothing_is_moved_or_lost():
    out = squeezed(NOISE, [480] * 10)
    assert len(out) == len(NOISE)
    click = np.zeros(4800, dtype=np.float32)
    click[2400] = 1
    assert np.argmax(np.abs(squeezed(click, []))) == 2400


def test_it_holds_back_a_few_milliseconds_only():
    stage = Squeeze(24000, 8000)
    assert 4800 - len(stage.push(NOISE[:4800])) < 240


def test_a_rate_that_is_no_lower_changes_nothing():
    assert np.array_equal(squeezed(NOISE, [100, 7], through_hz=24000), NOISE)
