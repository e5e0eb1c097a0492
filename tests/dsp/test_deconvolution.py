import numpy as np
import pytest

from diag.dsp.deconvolution import impulse_response


@pytest.mark.parametrize("kind", [np.float32, np.float64])
def test_delay_gain_and_reflection_stand_in_the_response(kind):
    known = np.random.default_rng(1).standard_normal(4000).astype(kind)
    recording = np.zeros(4200, dtype=kind)
    recording[37:4037] += 0.8 * known
    recording[120:4120] -= 0.3 * known
    response = impulse_response(known, recording, 8400)
    assert np.argsort(np.abs(response))[::-1][:2].tolist() == [37, 120]
    # The regularisation takes the same share from both.
    assert 0.3 < response[37] < 0.5
    assert response[120] / response[37] == pytest.approx(-0.3 / 0.8, abs=0.03)
    assert np.abs(np.delete(response, (37, 120))).max() < 0.05


def test_frequencies_that_the_known_signal_lacks_stay_quiet_in_the_response():
    tone = np.sin(2 * np.pi * 0.05 * np.arange(4000))
    noise = 1e-4 * np.random.default_rng(2).standard_normal(4000)
    response = impulse_response(tone, noise, 8000)
    assert np.abs(response).max() < 1e-4
