"""What metrics keep of a clip or a pair."""

import gc
from dataclasses import replace

import numpy as np
import pytest
from builders import speech

from diag.core.clip import Clip
from diag.core.missing import MissingCode
from diag.measure.metrics import sounds
from diag.measure.metrics.sounds import compared, input_time_s, match, of_pair, speed, spliced


def clip():
    return Clip(samples=np.zeros(8, np.float32), sample_rate_hz=8000)


def test_results_of_a_pair_are_kept_for_that_pair_alone():
    one, other, estimated = clip(), clip(), clip()
    assert of_pair(one, estimated, "x", lambda: 1) == 1
    assert of_pair(one, estimated, "x", lambda: 2) == 1
    assert of_pair(other, estimated, "x", lambda: 3) == 3
    assert of_pair(one, estimated, "y", lambda: 4) == 4


def test_a_reference_made_where_an_earlier_one_lay_does_not_get_its_results():
    estimated, kept = clip(), len(sounds._pairs)
    for number in range(50):
        # Each reference may lie where the one before lay: what was kept of that is gone with it.
        assert of_pair(clip(), estimated, "x", lambda number=number: number) == number
    gc.collect()
    assert len(sounds._pairs) <= kept


# --- pairs


RATE_HZ = 24000
VOICE = speech(4.0, 5, RATE_HZ)


def test_a_speed_at_which_no_piece_is_found_is_not_believed(monkeypatch):
    """Gaps of 3 ms at every chunk, sent over Opus, were measured as a speed of 0.986."""
    estimated = Clip(samples=np.concatenate((np.zeros(2400, np.float32), VOICE)), sample_rate_hz=RATE_HZ)
    reference = Clip(samples=VOICE, sample_rate_hz=RATE_HZ)
    right = sounds.match_clips(sounds.sound(reference), sounds.sound(estimated))
    monkeypatch.setattr(sounds, "match_clips", lambda *_: replace(right, rate_ratio=0.93, time_ratio=0.93))
    monkeypatch.setattr(sounds, "once_for_content", lambda _key, _clips, compute: compute())
    assert match(reference, estimated).rate_ratio is None
    assert speed(reference, estimated).by_pitch == pytest.approx(1.0, abs=1e-4)


def voice(samples=VOICE, rate_hz=RATE_HZ):
    return Clip(samples=np.asarray(samples, dtype=np.float32), sample_rate_hz=rate_hz)


TORN = np.concatenate((VOICE[:30000], np.zeros(12000), VOICE[30000:60000], VOICE[66000:]))


def many_pieces():
    """A copy that no single delay track fits: pieces in another order, with other speech between them."""
    other = 0.5 * speech(1.0, 99, RATE_HZ)
    return np.concatenate((VOICE[48000:72000], other, VOICE[:24000], other[::-1], VOICE[72000:]))


def test_pieces_are_compared_whatever_lies_between_them():
    found = compared(voice(), voice(many_pieces()))
    assert found.rate_ratio == pytest.approx(1.0, abs=1e-4)
    assert sum(piece.reference_end_s - piece.reference_start_s for piece in found.pieces) == pytest.approx(3.0, abs=0.2)


def test_other_speech_is_not_compared():
    found = compared(voice(), voice(speech(4.0, 77, RATE_HZ)))
    assert found.code is MissingCode.NO_MATCH


def test_a_pair_that_one_track_fits_is_spliced_as_it_is():
    reference, estimated = voice(), voice(TORN)
    assert spliced(reference, estimated) == (reference, estimated)


def test_of_a_pair_that_no_track_fits_the_parts_that_correspond_are_left():
    reference, estimated = voice(), voice(many_pieces())
    own, other = spliced(reference, estimated)
    if match(reference, estimated).track is None:
        assert own.duration_s == pytest.approx(other.duration_s, abs=0.01)
        assert own.duration_s < 3.2
        size = min(own.frames, other.frames)
        assert np.corrcoef(own.samples[:size], other.samples[:size])[0, 1] > 0.9
    assert spliced(reference, estimated) == (own, other)


@pytest.mark.parametrize(("rate_hz", "ratio"), [(24000, 1.0), (16000, 2 / 3), (48000, 2.0)])
def test_the_speed_of_a_copy_is_that_of_its_sample_rate(rate_hz, ratio):
    found = speed(voice(), voice(VOICE, rate_hz))
    assert (found.by_pitch, found.by_time) == pytest.approx((ratio, ratio), rel=1e-3)
    assert found.confidence > 0.9


def test_the_speed_does_not_hang_on_what_is_put_in_or_left_out():
    found = speed(voice(), voice(TORN))
    assert (found.by_pitch, found.by_time) == pytest.approx((1.0, 1.0), rel=1e-3)


def test_the_speed_of_other_speech_is_not_known():
    assert speed(voice(), voice(speech(4.0, 77, RATE_HZ))).code is MissingCode.NO_MATCH


def test_a_time_of_the_output_is_told_as_one_of_the_input():
    reference, estimated = voice(), voice(TORN)
    assert input_time_s(reference, estimated, 1.0) == pytest.approx(1.0, abs=0.01)
    # In silence that was put in, it is the time at which the input is interrupted.
    assert input_time_s(reference, estimated, 1.5) == pytest.approx(1.25, abs=0.02)
    assert input_time_s(reference, estimated, 2.5) == pytest.approx(2.0, abs=0.01)
    assert input_time_s(reference, estimated, 3.5) == pytest.approx(3.25, abs=0.01)
