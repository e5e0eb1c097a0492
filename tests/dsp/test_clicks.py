import numpy as np
import pytest
import soxr
from dsp_voices import padded

from diag.dsp.clicks import MOST_HIDDEN, added_clicks, clicks
from diag.dsp.rate import match_clips
from diag.dsp.spectrum import Sound

RANDOM = np.random.default_rng(21)


def added(original, copy):
    found = match_clips(original, copy)
    return added_clicks(original, copy, found.track, found.rate_ratio)


def with_click(sound, place, share):
    hurt = sound.samples.copy()
    hurt[place] += share * np.abs(hurt).max()
    return Sound(hurt, sound.rate_hz)


@pytest.mark.parametrize("rate_hz", [24000, 48000])
def test_a_small_click_is_found_against_the_original(replies, rate_hz):
    for name in ("hearing_you_well", "sunny_in_seoul"):
        sound = replies[name]
        place = int(np.argmax(np.abs(sound.samples))) + 37
        out = padded(with_click(sound, place, 0.1))
        out = Sound(soxr.resample(out.samples, 24000, rate_hz), float(rate_hz)) if rate_hz != 24000 else out
        frames = added(sound, out).frames
        assert frames.size == 1, name
        assert frames[0] / rate_hz == pytest.approx(place / 24000 + 0.3, abs=0.001), name


def test_healthy_copies_have_no_added_clicks(replies):
    for name, sound in replies.items():
        copies = {
            "resampled": Sound(soxr.resample(padded(sound).samples, 24000, 48000), 48000.0),
            "quiet": Sound(np.round(padded(sound).samples * 3277).astype(np.float32) / np.float32(32768), 24000.0),
        }
        for kind, copy in copies.items():
            assert added(sound, copy).count == 0, (name, kind)


def test_clicks_of_the_original_are_not_the_hops(reply):
    own = with_click(reply, int(np.argmax(np.abs(reply.samples))) + 37, 0.4)
    assert added(own, padded(own)).count == 0


def test_nothing_has_no_clicks():
    assert clicks(np.zeros(0, np.float32), 24000).count == 0
    assert clicks(np.ones(3, np.float32), 24000).count == 0


def test_where_noise_would_hide_a_click_it_is_said(reply):
    noise = np.random.default_rng(4).standard_normal(reply.samples.size).astype(np.float32)
    peak = float(np.abs(reply.samples).max())
    hidden = [added(reply, Sound(reply.samples + share * peak * noise, reply.rate_hz)).hidden_share
              for share in (0.0, 0.001, 0.05)]  # fmt: skip
    assert hidden[:2] == [0.0, 0.0]
    assert hidden[2] > MOST_HIDDEN


@pytest.mark.parametrize("length_ms", [0.5, 1.0, 3.0])
def test_short_bursts_of_foreign_samples_are_found_against_the_original(reply, length_ms):
    """As headers between chunks are, which are played as samples."""
    random, hurt = np.random.default_rng(6), reply.samples.copy()
    places, size = np.arange(4000, hurt.size - 4000, 4800), round(length_ms * 0.001 * reply.rate_hz)
    for place in places:
        hurt[place : place + size] = 0.6 * random.uniform(-1, 1, size)
    frames = added(reply, Sound(hurt, reply.rate_hz)).frames
    assert frames.size == pytest.approx(places.size, abs=1)


def test_sound_that_is_missing_for_a_moment_is_no_burst(reply):
    hurt = reply.samples.copy()
    for place in np.arange(4000, hurt.size - 4000, 4800):
        hurt[place : place + 60] *= 1 - np.float32(0.7) * np.hanning(60).astype(np.float32)
    # At one of the places a single pulse of the voice is lost, which is a click.
    assert added(reply, Sound(hurt, reply.rate_hz)).count <= 1
