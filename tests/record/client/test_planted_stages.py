"""Each planted fault does what its table says, whatever the blocks it comes in."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from diag.files.planted import TAKES, Planted
from diag.record.client.impairments import OTHER_SORTS, FromFirstSound, planted_chain

RATE_HZ = 16000
QUIET = np.zeros(800, dtype=np.float32)
RNG = np.random.default_rng(3)
NOISE = (0.2 * RNG.standard_normal(RATE_HZ)).clip(-0.9, 0.9).astype(np.float32)
NOISE[0] = 0.5
SOUND = np.concatenate((QUIET, NOISE))


def through(samples, *faults, sizes=(), rate_hz=RATE_HZ):
    chain = planted_chain([Planted(hop="player", **fault) for fault in faults], rate_hz)
    parts, place = [], 0
    for size in (*sizes, len(samples)):
        parts.append(chain.push(samples[place : place + size]))
        place += size
    return np.concatenate((*parts, chain.finish()))


def tone(hz, seconds=0.5, rate_hz=RATE_HZ):
    return (0.5 * np.sin(2 * np.pi * hz * np.arange(round(seconds * rate_hz)) / rate_hz)).astype(np.float32)


def power_at(samples, hz, rate_hz=RATE_HZ):
    spectrum = np.abs(np.fft.rfft(samples * np.hanning(len(samples)))) ** 2
    at = np.fft.rfftfreq(len(samples), 1 / rate_hz)
    return 10 * np.log10(spectrum[np.abs(at - hz) < 40].sum() / spectrum.sum() + 1e-12)


CASES: dict[str, dict[str, float | str]] = {
    "rate": {"ratio": 0.9},
    "stretch": {"ratio": 0.85},
    "low-pass": {"cutoff_hz": 2000},
    "squeeze": {"through_hz": 8000},
    "stall": {"at_s": 0.3, "for_s": 0.1},
    "skip": {"at_s": 0.3, "for_s": 0.1},
    "repeat": {"at_s": 0.3, "for_s": 0.1},
    "swap": {"at_s": 0.3, "for_s": 0.1},
    "overlap": {"at_s": 0.3, "for_s": 0.1},
    "clicks": {"at_s": 0.1, "every_s": 0.2, "count": 3},
    "clip": {"gain_db": 20},
    "imaging": {"factor": 2, "form": "linear"},
    "aliasing": {"factor": 2},
    "bytes": {"reading": "odd-byte", "at_s": 0.2},
    "silent": {},
    "level": {"gain_db": -20},
    "noise": {"level_dbfs": -30},
    "hum": {"level_dbfs": -30},
    "tone": {"level_dbfs": -20, "frequency_hz": 1000},
    "dc": {"level_dbfs": -20},
    "overdrive": {"gain_db": 20},
    "wrap": {"gain_db": 12},
    "few-bits": {"bits": 4},
    "echo": {"delay_s": 0.1, "gain_db": -3},
}


def test_every_kind_on_samples_has_a_case():
    assert set(CASES) == set(TAKES) - set(OTHER_SORTS)


@pytest.mark.parametrize("kind", sorted(CASES))
def test_every_kind_changes_the_sound(kind):
    out = through(SOUND, {"kind": kind, **CASES[kind]})
    assert out.dtype == np.float32
    assert np.abs(out).max() <= 1
    assert len(out) != len(SOUND) or not np.allclose(out, SOUND, atol=1e-3)


@pytest.mark.parametrize("kind", sorted(CASES))
@settings(max_examples=12, deadline=None)
@given(sizes=st.lists(st.integers(0, 4000), max_size=8))
def test_blocks_leave_no_seams(kind, sizes):
    fault = {"kind": kind, **CASES[kind]}
    whole, blocked = through(SOUND, fault), through(SOUND, fault, sizes=sizes)
    assert len(whole) == len(blocked)
    assert np.allclose(whole, blocked, atol=1e-5)


def test_times_count_from_the_first_sound():
    out = through(SOUND, {"kind": "silent", "at_s": 0.25, "for_s": 0.1})
    first = len(QUIET) + RATE_HZ // 4
    assert np.array_equal(out[:first], SOUND[:first])
    assert not out[first : first + RATE_HZ // 10].any()
    assert np.array_equal(out[first + RATE_HZ // 10 :], SOUND[first + RATE_HZ // 10 :])


def test_a_stall_puts_silence_in_and_loses_nothing():
    out = through(NOISE, {"kind": "stall", "at_s": 0.3, "for_s": 0.1, "every_s": 0.2, "count": 2})
    assert len(out) == len(NOISE) + 2 * RATE_HZ // 10
    kept = np.delete(out, np.r_[4800:6400, 9600:11200])
    assert np.array_equal(kept, NOISE)


@pytest.mark.parametrize(
    ("fault", "lost"),
    [
        ({"at_s": 0.3, "for_s": 0.1}, slice(4800, 6400)),
        ({"at_s": 0.0, "for_s": 0.2}, slice(0, 3200)),
        ({"at_s": 0.7}, slice(11200, None)),
    ],
)
def test_a_skip_leaves_out_the_middle_the_head_or_the_tail(fault, lost):
    assert np.array_equal(through(NOISE, {"kind": "skip", **fault}), np.delete(NOISE, lost))


def test_a_repeat_says_a_piece_twice():
    out = through(NOISE, {"kind": "repeat", "at_s": 0.3, "for_s": 0.1})
    assert np.array_equal(out, np.concatenate((NOISE[:6400], NOISE[4800:6400], NOISE[6400:])))


def test_a_swap_changes_two_pieces_and_an_overlap_speaks_them_at_once():
    swapped = through(NOISE, {"kind": "swap", "at_s": 0.3, "for_s": 0.1})
    first, second = NOISE[4800:6400], NOISE[6400:8000]
    assert np.array_equal(swapped, np.concatenate((NOISE[:4800], second, first, NOISE[8000:])))
    over = through(NOISE, {"kind": "overlap", "at_s": 0.3, "for_s": 0.1})
    assert np.allclose(over, np.concatenate((NOISE[:4800], first + second, NOISE[8000:])))


@pytest.mark.parametrize("ratio", [0.5, 0.91875, 1.5])
def test_a_wrong_rate_changes_length_and_pitch(ratio):
    out = through(tone(1000), {"kind": "rate", "ratio": ratio})
    assert len(out) == pytest.approx(RATE_HZ / 2 / ratio, abs=40)
    assert power_at(out, 1000 * ratio) > -0.1


@pytest.mark.parametrize("ratio", [0.8, 1.2])
def test_a_stretch_changes_length_and_keeps_pitch(ratio):
    out = through(tone(1000, 1.0), {"kind": "stretch", "ratio": ratio})
    assert len(out) == pytest.approx(RATE_HZ / ratio, rel=0.06)
    assert power_at(out, 1000) > -0.5


def test_imaging_mirrors_and_aliasing_folds():
    assert power_at(through(tone(1000), {"kind": "imaging", "factor": 2, "form": "repeat"}), 7000) > -20
    assert power_at(tone(1000), 7000) < -60
    assert power_at(through(tone(6000), {"kind": "aliasing", "factor": 2}), 2000) > -0.5


@pytest.mark.parametrize(
    ("fault", "change_db"), [({"kind": "level", "gain_db": -20}, -20), ({"kind": "level", "gain_db": 6}, 6)]
)
def test_a_level_is_changed_by_what_is_asked_for(fault, change_db):
    out = through(NOISE / 4, fault)
    assert 10 * math.log10(np.mean(out**2) / np.mean((NOISE / 4) ** 2)) == pytest.approx(change_db, abs=0.01)


@pytest.mark.parametrize("kind", ["noise", "hum", "tone", "dc"])
def test_what_is_added_has_the_level_that_is_asked_for(kind):
    added = through(np.zeros(RATE_HZ, dtype=np.float32), {"kind": kind, "level_dbfs": -30})
    assert 10 * math.log10(np.mean(added**2)) == pytest.approx(-30, abs=0.2)


def test_the_same_seed_draws_the_same_noise():
    one, other, third = (through(QUIET, {"kind": "noise", "level_dbfs": -30, "seed": seed}) for seed in (1, 1, 2))
    assert np.array_equal(one, other)
    assert not np.array_equal(one, third)


def test_an_echo_is_the_sound_itself_later():
    click = np.zeros(4000, dtype=np.float32)
    click[100] = 0.5
    out = through(click, {"kind": "echo", "delay_s": 0.1, "gain_db": -6})
    assert out[100] == 0.5
    assert out[1700] == pytest.approx(0.5 * 10 ** (-6 / 20))


@pytest.mark.parametrize(
    ("reading", "length"),
    [("odd-byte", 1), ("big-endian", 1), ("int16-as-float", 1), ("float32-as-int16", 2), ("mulaw", 2),
     ("stereo-as-mono", 2)],
)  # fmt: skip
def test_bytes_are_read_wrongly_and_come_as_often_as_that_gives(reading, length):
    out = through(NOISE, {"kind": "bytes", "reading": reading})
    assert len(out) == pytest.approx(length * len(NOISE), abs=1)


def test_big_endian_bytes_read_back_give_the_sound():
    out = through(NOISE, {"kind": "bytes", "reading": "big-endian"})
    back = np.rint(out * 32768).astype("<i2").astype(">i2").tobytes()
    assert np.allclose(np.frombuffer(back, dtype="<i2") / 32768, NOISE, atol=1 / 32768)


def test_a_wav_header_stands_before_every_chunk():
    out = through(NOISE, {"kind": "bytes", "reading": "wav-header", "every_s": 0.25})
    data = np.rint(out * 32768).astype("<i2").tobytes()
    assert data.count(b"RIFF") == data.count(b"WAVEfmt ") == 4
    assert len(data) == 2 * len(NOISE) + 4 * 44


def test_what_comes_before_the_first_sound_is_not_touched():
    class Doubling:
        def push(self, samples):
            return 2 * samples

        def finish(self):
            return np.ones(1, dtype=np.float32)

    stage = FromFirstSound(Doubling())
    assert np.array_equal(stage.push(QUIET), QUIET)
    assert not len(stage.finish())
    out = stage.push(SOUND)
    assert np.array_equal(out[: len(QUIET)], QUIET)
    assert np.allclose(out[len(QUIET) :], 2 * NOISE)
