"""What is analysed of an input file: how short it may be, and what is said of how it was read."""

import numpy as np
import pytest
import soundfile

from diag.api.input_files import SHORTEST_RECORDING_S, sources_of
from diag.core.errors import BadInputError

RATE_HZ = 16000
TONE = (0.4 * np.sin(np.arange(RATE_HZ) / 9.0)).astype(np.float32)


@pytest.mark.parametrize("frames", [1, 2, round(SHORTEST_RECORDING_S * RATE_HZ) - 1])
def test_what_is_too_short_to_judge_is_refused(tmp_path, frames):
    soundfile.write(tmp_path / "mine.wav", TONE[:frames], RATE_HZ)
    for given in (tmp_path / "mine.wav", TONE[:frames]):
        with pytest.raises(BadInputError, match=rf"{frames} samples? .*too short to judge; allowed: at least 20 ms"):
            sources_of(given, RATE_HZ)


def test_the_shortest_that_is_allowed_is_taken(tmp_path):
    frames = round(SHORTEST_RECORDING_S * RATE_HZ)
    assert sources_of(TONE[:frames], RATE_HZ)[0].audio.frames == frames


@pytest.mark.parametrize("channels", [1, 2])
def test_how_a_file_was_read_is_noted_for_each_channel(tmp_path, channels):
    integers = np.round(32768 * np.stack((TONE, TONE[::-1] * 0.5), axis=1)[:, :channels])
    soundfile.write(tmp_path / "mine.wav", integers, RATE_HZ, subtype="FLOAT")
    sources = sources_of(tmp_path / "mine.wav")
    assert len(sources) == channels
    assert all("not divided by 32768" in source.note for source in sources)
    assert all(np.abs(source.clip.samples).max() < 1 for source in sources)
