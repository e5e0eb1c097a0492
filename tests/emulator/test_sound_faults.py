"""Each fault of sound does to the samples what it says, and nothing else; seen by a raw client."""

from __future__ import annotations

import numpy as np
import pytest


def spectrum_db(samples: np.ndarray, low_hz: float, high_hz: float) -> float:
    power = np.abs(np.fft.rfft(samples.astype(float))) ** 2
    frequency_hz = np.fft.rfftfreq(len(samples), 1 / 24000)
    return 10 * np.log10(power[(frequency_hz >= low_hz) & (frequency_hz < high_hz)].sum() + 1e-9)


def test_dull_takes_the_treble_alone(turn, reply) -> None:
    got = turn({"kind": "dull", "cutoff_hz": 1500})
    assert spectrum_db(got.audio, 1700, 4000) < spectrum_db(reply, 1700, 4000) - 30
    assert spectrum_db(got.audio, 100, 1300) == pytest.approx(spectrum_db(reply, 100, 1300), abs=0.3)


def test_tilt_falls_by_the_octave(turn, reply) -> None:
    got = turn({"kind": "dull", "cutoff_hz": None, "tilt_db_per_octave": -12})
    assert spectrum_db(reply, 1900, 2100) - spectrum_db(got.audio, 1900, 2100) == pytest.approx(12, abs=1)


def test_tone(turn) -> None:
    got = turn({"kind": "tone", "frequency_hz": 700, "level_dbfs": -20})
    samples = got.audio / 32768
    assert 20 * np.log10(np.sqrt(np.mean(samples**2))) == pytest.approx(-20, abs=0.1)
    assert spectrum_db(got.audio, 690, 710) > spectrum_db(got.audio, 800, 11000) + 30


def test_clip_reaches_full_scale(turn, reply) -> None:
    got = turn({"kind": "clip", "gain_db": 20})
    assert (np.abs(got.audio.astype(int)) >= 32767).mean() > 0.05
    assert (np.abs(reply.astype(int)) >= 32767).mean() < 0.01


def test_glitches_are_gaps_or_clicks(turn, reply) -> None:
    gaps = turn({"kind": "glitch", "form": "gap", "count": 3, "length_ms": 40}).audio
    clicks = turn({"kind": "glitch", "form": "click", "count": 3}).audio
    assert 960 <= ((gaps == 0) & (reply != 0)).sum() <= 2880
    assert 2 <= (clicks != reply).sum() <= 6


def test_lead_silence(turn, reply) -> None:
    got = turn({"kind": "lead_silence", "silence_s": 0.5})
    assert not got.audio[:12000].any()
    assert np.array_equal(got.audio[12000:], reply)


def test_rate_label_and_content_rate(turn, reply) -> None:
    label = turn({"kind": "rate_label", "declared_hz": 16000})
    assert label.mime_types == {"audio/pcm;rate=16000"}
    assert np.array_equal(label.audio, reply)
    assert turn({"kind": "rate_label", "declared_hz": 0}).mime_types == {"audio/pcm"}
    content = turn({"kind": "content_rate", "content_hz": 16000})
    assert content.mime_types == {"audio/pcm;rate=24000"}
    assert len(content.audio) / len(reply) == pytest.approx(2 / 3, abs=0.001)
