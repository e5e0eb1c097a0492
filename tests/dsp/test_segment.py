import numpy as np
import pytest
import soxr

from diag.dsp.segment import compare_segment
from diag.dsp.segment_events import EventKind
from diag.dsp.spectrum import Sound

RATE = 24000


@pytest.fixture(scope="module")
def voice(replies):
    """Two recorded replies one after the other, 8 s."""
    parts = (replies["hearing_you_well"].samples, replies["sunny_in_seoul"].samples)
    return Sound(np.concatenate(parts), float(RATE))


@pytest.fixture(scope="module")
def other_voice(replies):
    return Sound(replies["ko_sunny_in_seoul"].samples, float(RATE))


def at(seconds):
    return round(seconds * RATE)


def loudest(sound, length_s=0.4, begin_s=1.2, end_s=6.5):
    """The loudest stretch of a length, in seconds."""
    power = np.convolve(np.square(sound.samples, dtype=np.float64), np.ones(at(length_s)), mode="valid")
    return begin_s + int(np.argmax(power[at(begin_s) : at(end_s - length_s)])) / RATE


def compared(reference, samples, rate=RATE, **more):
    return compare_segment(reference, Sound(np.asarray(samples, dtype=np.float32), float(rate)), **more)


def sixteen_bit(samples):
    return np.round(np.clip(samples, -1, 1) * 32767) / 32768


def kinds(found):
    return [event.kind for event in found.events]


def only(found, kind):
    assert kinds(found) == [kind], found.events
    return found.events[0]


def stalled(samples, place_s, length_s):
    return np.concatenate((samples[: at(place_s)], np.zeros(at(length_s)), samples[at(place_s) :]))


def skipped(samples, place_s, length_s):
    return np.concatenate((samples[: at(place_s)], samples[at(place_s + length_s) :]))


def repeated(samples, place_s, length_s):
    return np.concatenate((samples[: at(place_s)], samples[at(place_s - length_s) :]))


def test_an_exact_copy_is_one_piece_without_events(voice):
    found = compared(voice, voice.samples)
    assert found.reason is None
    assert found.events == ()
    assert len(found.pieces) == 1
    assert found.found_share == 1.0
    assert found.rate_ratio == pytest.approx(1.0, abs=1e-7)
    assert found.pieces[0].delay_s * RATE == pytest.approx(0.0, abs=0.05)
    assert found.pieces[0].confidence > 0.99


@pytest.mark.parametrize("gain_db", [-55.0, -20.0, 6.0])
@pytest.mark.parametrize("polarity", [1, -1])
def test_level_and_polarity_are_no_events(voice, gain_db, polarity):
    found = compared(voice, sixteen_bit(polarity * voice.samples * 10 ** (gain_db / 20)))
    assert found.events == ()
    assert found.polarity == polarity
    assert found.found_share > 0.95


@pytest.mark.parametrize("length_s", [0.003, 0.02, 0.2, 0.7, 3.0])
@pytest.mark.parametrize("shift_s", [0.0, 0.11])
def test_a_stall_is_found_with_its_place_and_size(voice, length_s, shift_s):
    place_s = loudest(voice) + 0.1 + shift_s
    event = only(compared(voice, stalled(voice.samples, place_s, length_s)), EventKind.STALL)
    assert event.duration_s == pytest.approx(length_s, abs=0.0003)
    assert event.estimated_s == pytest.approx(place_s, abs=0.002)
    assert event.reference_s == pytest.approx(place_s, abs=0.002)


@pytest.mark.parametrize("length_s", [0.003, 0.02, 0.2, 1.0])
def test_a_skip_is_found_with_its_place_and_size(voice, length_s):
    place_s = loudest(voice) + 0.1
    event = only(compared(voice, skipped(voice.samples, place_s, length_s)), EventKind.SKIP)
    assert event.duration_s == pytest.approx(length_s, abs=0.0003)
    assert event.estimated_s == pytest.approx(place_s, abs=0.005)


@pytest.mark.parametrize("length_s", [0.003, 0.02, 0.2, 1.0])
def test_a_repeat_is_found_with_its_place_and_size(voice, length_s):
    place_s = loudest(voice) + 0.3
    event = only(compared(voice, repeated(voice.samples, place_s, length_s)), EventKind.REPEAT)
    assert event.duration_s == pytest.approx(length_s, abs=0.0003)
    assert event.estimated_s == pytest.approx(place_s, abs=0.01)
    assert event.reference_s == pytest.approx(place_s - length_s, abs=0.01)


def test_the_totals_are_sums_of_their_events(voice):
    place_s = loudest(voice)
    broken = stalled(skipped(voice.samples, place_s, 0.08), place_s + 0.3, 0.5)
    found = compared(voice, broken)
    assert found.inserted_silence_s == pytest.approx(0.5, abs=0.001)
    assert found.skipped_s == pytest.approx(0.08, abs=0.001)
    assert found.repeated_s == found.head_lost_s == found.tail_lost_s == found.other_sound_s == 0.0


def test_silence_in_place_of_sound_is_a_dropout_and_delays_nothing(voice):
    place_s = loudest(voice) + 0.1
    broken = voice.samples.copy()
    broken[at(place_s) : at(place_s + 0.15)] = 0.0
    found = compared(voice, broken)
    assert set(kinds(found)) == {EventKind.DROPOUT}
    assert found.inserted_silence_s == pytest.approx(0.15, abs=0.01)
    assert found.pieces[0].delay_s == pytest.approx(found.pieces[-1].delay_s, abs=1e-4)


def test_comfort_noise_put_in_is_a_stall_and_a_tone_is_other_sound(voice):
    place_s, length_s = loudest(voice) + 0.1, 0.4
    noise = 0.003 * np.random.default_rng(1).standard_normal(at(length_s))
    tone = 0.2 * np.sin(2 * np.pi * 600 * np.arange(at(length_s)) / RATE)
    for filled, kind in ((noise, EventKind.STALL), (tone, EventKind.OTHER_SOUND)):
        broken = np.concatenate((voice.samples[: at(place_s)], filled, voice.samples[at(place_s) :]))
        event = only(compared(voice, broken), kind)
        assert event.duration_s == pytest.approx(length_s, abs=0.005)


def test_a_skip_filled_with_other_sound_is_both(voice, other_voice):
    place_s, length_s = loudest(voice), 0.5
    start_s = loudest(other_voice, 0.5, 0.2, 2.8)
    filled = other_voice.samples[at(start_s) : at(start_s + 0.3)]
    broken = np.concatenate((voice.samples[: at(place_s)], filled, voice.samples[at(place_s + length_s) :]))
    found = compared(voice, broken)
    assert found.skipped_s == pytest.approx(length_s, abs=0.03)
    assert found.other_sound_s == pytest.approx(0.3, abs=0.03)
    assert found.inserted_silence_s == 0.0


@pytest.mark.parametrize("length_s", [0.5, 1.5])
def test_lost_ends_are_measured_from_the_ends_of_the_reference(voice, length_s):
    head = only(compared(voice, voice.samples[at(length_s) :]), EventKind.HEAD_LOST)
    assert head.duration_s == pytest.approx(length_s, abs=0.005)
    assert head.estimated_s == 0.0
    first = voice.samples[: at(2.8)]
    cut = Sound(first, float(RATE))
    tail = only(compared(cut, first[: -at(length_s)]), EventKind.TAIL_LOST)
    assert tail.duration_s == pytest.approx(length_s, abs=0.005)


def test_delay_before_and_silence_behind_are_no_events(voice):
    padded = np.concatenate((np.zeros(at(1.3)), voice.samples, np.zeros(at(0.8))))
    found = compared(voice, padded)
    assert found.events == ()
    assert found.pieces[0].delay_s == pytest.approx(1.3, abs=1e-4)


def test_other_speech_before_and_behind_is_other_sound(voice, other_voice):
    found = compared(voice, np.concatenate((other_voice.samples, voice.samples, other_voice.samples)))
    assert set(kinds(found)) == {EventKind.OTHER_SOUND}
    assert found.events[0].estimated_s < 1.0
    assert found.events[-1].estimated_s > 12.0
    assert all(event.level_db > -40.0 for event in found.events)


def test_everything_twice_is_one_repeat(voice):
    found = compared(voice, np.concatenate((voice.samples, voice.samples)))
    event = only(found, EventKind.REPEAT)
    assert event.duration_s == pytest.approx(voice.duration_s, rel=0.05)
    assert event.estimated_s == pytest.approx(voice.duration_s, abs=0.3)


def test_chunks_out_of_order_are_swapped_and_nothing_is_lost(voice):
    a, b, c, d = (at(seconds) for seconds in (2.5, 3.0, 3.5, 4.0))
    x = voice.samples
    found = compared(voice, np.concatenate((x[:a], x[b:c], x[a:b], x[c:d], x[d:])))
    event = only(found, EventKind.SWAPPED)
    assert event.duration_s == pytest.approx(0.5, abs=0.01)
    assert found.skipped_s == found.repeated_s == 0.0


@pytest.mark.parametrize(("chunk_s", "gap_s"), [(0.2, 0.006), (0.06, 0.004), (0.02, 0.005)])
def test_gaps_at_every_chunk_are_seams_with_their_period(voice, chunk_s, gap_s):
    size = at(chunk_s)
    chunks = [voice.samples[first : first + size] for first in range(0, voice.samples.size, size)]
    silence = np.zeros(at(gap_s), dtype=np.float32)
    found = compared(voice, np.concatenate([part for chunk in chunks for part in (chunk, silence)]))
    seams = [event for event in found.events if event.kind is EventKind.SEAMS]
    assert len(seams) == 1
    assert seams[0].period_s == pytest.approx(chunk_s, rel=0.05)
    assert seams[0].duration_s / seams[0].count == pytest.approx(gap_s, rel=0.3)


@pytest.mark.parametrize("delay_s", [0.035, 0.12, 0.4])
@pytest.mark.parametrize("level_db", [0.0, -8.0])
def test_a_second_copy_on_top_has_its_delay_and_level(voice, delay_s, level_db):
    size = voice.samples.size + at(delay_s)
    mixed = np.zeros(size)
    mixed[: voice.samples.size] += voice.samples
    mixed[at(delay_s) :] += voice.samples * 10 ** (level_db / 20)
    event = only(compared(voice, 0.5 * mixed), EventKind.SECOND_COPY)
    assert event.duration_s == pytest.approx(delay_s, abs=0.001)
    assert event.level_db == pytest.approx(level_db, abs=0.5)


def test_chunks_that_start_before_the_last_one_ended_are_overlaps(voice):
    chunk, hop = at(0.2), at(0.14)
    first, last = at(0.5), at(2.5)
    x = voice.samples[first:last]
    mixed = np.zeros(x.size)
    for number, start in enumerate(range(0, x.size, chunk)):
        part = x[start : start + chunk]
        mixed[number * hop : number * hop + part.size] += part
    found = compared(Sound(x, float(RATE)), mixed[: 9 * hop + chunk])
    overlaps = [event for event in found.events if event.kind is EventKind.OVERLAP]
    assert len(overlaps) >= 5
    assert np.median([event.duration_s for event in overlaps]) == pytest.approx(0.06, abs=0.001)
    assert found.repeated_s == 0.0


@pytest.mark.parametrize("snr_db", [20.0, 6.0])
def test_breaks_are_found_in_noise(voice, snr_db):
    place_s = loudest(voice) + 0.2
    broken = stalled(voice.samples, place_s, 0.3)
    level = float(np.std(voice.samples)) * 10 ** (-snr_db / 20)
    found = compared(voice, broken + level * np.random.default_rng(2).standard_normal(broken.size))
    event = only(found, EventKind.STALL)
    assert event.duration_s == pytest.approx(0.3, abs=0.001)


def test_hum_and_an_offset_are_no_events(voice):
    time_s = np.arange(voice.samples.size) / RATE
    hum = 0.25 * float(np.std(voice.samples)) * np.sqrt(2) * np.sin(2 * np.pi * 50 * time_s)
    found = compared(voice, voice.samples + hum + 0.03)
    assert found.events == ()
    assert found.found_share > 0.95


@pytest.mark.parametrize("rate", [8000, 16000, 44100, 48000])
def test_rates_may_differ(voice, rate):
    place_s = loudest(voice) + 0.1
    out = soxr.resample(stalled(voice.samples, place_s, 0.25).astype(np.float64), RATE, rate)
    event = only(compared(voice, out, rate), EventKind.STALL)
    assert event.duration_s == pytest.approx(0.25, abs=0.001)
    assert event.estimated_s == pytest.approx(place_s, abs=0.003)


@pytest.mark.parametrize(("taken_hz", "ratio"), [(16000, 2 / 3), (48000, 2.0), (24000 * (1 + 60e-6), 1 + 60e-6)])
def test_a_wrong_speed_is_found_and_so_is_what_happened_besides(voice, taken_hz, ratio):
    place_s = loudest(voice) + 0.1
    found = compared(voice, stalled(voice.samples, place_s, 0.8), taken_hz)
    assert found.rate_ratio == pytest.approx(ratio, rel=3e-6)
    event = only(found, EventKind.STALL)
    assert event.duration_s == pytest.approx(0.8 / ratio, rel=0.002)
    assert event.estimated_s == pytest.approx(place_s / ratio, rel=0.002)
    assert event.reference_s == pytest.approx(place_s, abs=0.005)


def test_a_speed_that_is_known_is_taken(voice):
    found = compared(voice, voice.samples, 16000, rate_ratio=2 / 3)
    assert found.rate_ratio == pytest.approx(2 / 3, rel=1e-6)
    assert found.events == ()


def test_other_text_is_not_found(voice, other_voice):
    found = compared(voice, other_voice.samples)
    assert found.rate_ratio is None
    assert found.found_share == 0.0
    assert "nothing of the reference" in str(found.reason)


def test_silence_and_scraps_have_a_reason(voice):
    assert "silent" in str(compared(Sound(np.zeros(RATE, np.float32), float(RATE)), voice.samples).reason)
    assert compared(voice, np.zeros(RATE)).reason is not None
    assert "shorter" in str(compared(voice, voice.samples[:100]).reason)


def test_a_skip_of_silence_in_a_pause_shows_as_a_change_of_delay(voice):
    samples = voice.samples.copy()
    samples[at(2.6) : at(3.1)] = 0.0
    reference = Sound(samples, float(RATE))
    event = only(compared(reference, skipped(samples, 2.7, 0.2)), EventKind.SKIP)
    assert event.duration_s == pytest.approx(0.2, abs=0.0005)
    assert abs(event.reference_s - 2.7) <= event.uncertain_s + 0.01


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_many_breaks_are_all_found(voice, seed):
    random = np.random.default_rng(seed)
    reference = voice
    active = np.flatnonzero(np.convolve(np.abs(reference.samples), np.ones(240) / 240, mode="same") > 0.02)
    places, planted, copy = [], [], []
    for place in np.sort(random.choice(active, 40, replace=False)):
        if (not places or place - places[-1] > at(0.5)) and at(0.4) < place < at(7.3):
            places.append(int(place))
    reached = 0
    for number, place in enumerate(places):
        length = at(float(random.uniform(0.01, 0.15)))
        copy.append(reference.samples[reached:place])
        if number % 2:
            copy.append(np.zeros(length, dtype=np.float32))
        reached = place if number % 2 else place + length
        planted.append((EventKind.STALL if number % 2 else EventKind.SKIP, length / RATE))
    copy.append(reference.samples[reached:])
    found = compared(reference, np.concatenate(copy))
    total = {kind: sum(length for own, length in planted if own is kind) for kind in (EventKind.STALL, EventKind.SKIP)}
    assert len(found.events) == len(planted)
    assert found.inserted_silence_s == pytest.approx(total[EventKind.STALL], abs=0.002)
    assert found.skipped_s == pytest.approx(total[EventKind.SKIP], abs=0.002)


def test_a_window_ends_with_its_pieces(voice, other_voice):
    found = compared(voice, np.concatenate((other_voice.samples, voice.samples, other_voice.samples)), window=True)
    assert found.events == ()
