"""A copy with something added is no faithful one: clicks, flat tops, mirror images, also with a reference."""

import numpy as np
import pytest
from builders import resampled, speech

from diag.api.analyze import analyze
from diag.core.clip import Clip
from diag.core.results import Severity

RECEIVED = speech(3.0, 4, 24000)
REFERENCE = Clip(samples=RECEIVED, sample_rate_hz=24000)
WHOLE = resampled(RECEIVED, 24000, 48000)


def clicked():
    out = WHOLE.copy()
    out[np.arange(20000, 130000, 15000)] += np.float32(0.5) * np.abs(WHOLE).max()
    return out


def clipped():
    limit = np.abs(WHOLE).max() / 4
    return np.clip(WHOLE, -limit, limit)


def held():
    return np.repeat(resampled(RECEIVED, 24000, 16000), 3)


def broken():
    return np.concatenate([WHOLE[:60000], np.zeros(2400, np.float32), WHOLE[60000:]])


def remarks(samples):
    return analyze(Clip(samples=samples, sample_rate_hz=48000), reference=REFERENCE).remarks


@pytest.mark.parametrize(
    ("samples", "metric"), [(clicked(), "click_rate_hz"), (clipped(), "clipping_rate_hz"), (held(), "imaging")]
)
def test_what_a_copy_adds_is_told(samples, metric):
    found = {item.metric: item for item in remarks(samples)}
    assert found[metric].severity is Severity.WARNING


def test_a_faithful_copy_adds_nothing():
    assert remarks(WHOLE) == ()


@pytest.mark.parametrize(("samples", "metric"), [(broken(), "inserted_silence_s"), (clipped(), "clipping_rate_hz")])
def test_clicks_of_breaks_and_flat_tops_are_not_told_twice(samples, metric):
    named = [item.metric for item in remarks(samples)]
    assert metric in named
    assert "click_rate_hz" not in named
