import numpy as np
import pytest
from dsp_voices import made_voice

from diag.dsp.rate import match_clips
from diag.dsp.rumble import alike_below_voice, without_rumble
from diag.dsp.segment import compare_segment
from diag.dsp.spectrum import Sound


def with_rumble(sound, level):
    time = np.arange(sound.samples.size) / sound.rate_hz
    rumble = level * (0.6 + np.sin(2 * np.pi * 13.0 * time) + 0.5 * np.sin(2 * np.pi * 41.0 * time))
    return Sound((sound.samples + rumble).astype(np.float32), sound.rate_hz)


@pytest.mark.parametrize("lost", [True, False], ids=["lost", "added"])
def test_a_copy_whose_rumble_differs_is_still_one_whole_copy(lost):
    voice = made_voice()
    pair = (with_rumble(voice, 0.05), voice) if lost else (voice, with_rumble(voice, 0.05))
    found = match_clips(*pair)
    assert found.rate_ratio == pytest.approx(1.0, abs=1e-4)
    assert found.track is not None
    whole = compare_segment(*pair)
    assert len(whole.pieces) == 1
    assert whole.events == ()


def test_sounds_with_the_same_rumble_are_left_as_they_are():
    voice = with_rumble(made_voice(), 0.05)
    softer = Sound(voice.samples * np.float32(0.5), voice.rate_hz)
    assert alike_below_voice(voice, softer) == (voice, softer)


def test_rumble_is_removed_and_the_voice_is_left():
    time = np.arange(48000) / 24000
    voice, rumble = np.sin(2 * np.pi * 150 * time), np.sin(2 * np.pi * 30 * time) + 0.2
    lifted = without_rumble(Sound((0.1 * (voice + rumble)).astype(np.float32), 24000.0)).samples
    inside = slice(6000, -6000)
    np.testing.assert_allclose(lifted[inside], 0.1 * voice[inside], atol=0.002)
