"""What metrics keep of a clip or a pair."""

import gc
from collections import OrderedDict
from dataclasses import replace

import numpy as np
import pytest
from builders import speech

from diag.core.clip import Clip
from diag.core.missing import Missing, MissingCode
from diag.dsp import phase
from diag.dsp.aligned import Piece
from diag.dsp.rate import Match, match_clips
from diag.dsp.resample import rescale
from diag.dsp.segment import SegmentComparison, SegmentPiece
from diag.dsp.segment_events import Event, EventKind
from diag.dsp.spectrum import Sound
from diag.dsp.track import DelayTrack
from diag.files.audio_files import read_wav
from diag.measure.metrics import sounds
from diag.measure.metrics.sounds import (
    Speed,
    Tracked,
    additions,
    compared,
    input_time_s,
    match,
    of_pair,
    once_for_content,
    speed,
    spliced,
    tracked,
    with_phase_of,
)
from diag.measure.reasons import STRETCHED, wrong_speed


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
    right = match_clips(sounds.sound(reference), sounds.sound(estimated))
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


def test_a_time_of_a_slower_output_is_told_as_one_of_the_input():
    reference, estimated = voice(), voice(VOICE, 16000)
    assert input_time_s(reference, estimated, 3.0) == pytest.approx(2.0, abs=0.01)


def test_a_time_of_what_cannot_be_compared_stays_as_it_is():
    assert input_time_s(voice(), voice(speech(4.0, 77, RATE_HZ)), 1.5) == 1.5


# --- what is decided from a match and a comparison, which are given


TRACK = DelayTrack((), 1.0)
NOTHING = Missing(MissingCode.NO_MATCH, "nothing in common")


def matched(rate_ratio=None, time_ratio=None, track=None, missing=None):
    return Match(rate_ratio, time_ratio, 0.75, track, None, polarity=-1, missing=missing)


def piece(reference_s, estimated_s, length_s=1.0, confidence=0.9):
    return SegmentPiece(
        reference_s, reference_s + length_s, estimated_s, estimated_s + length_s, estimated_s - reference_s, confidence
    )


WHOLE = piece(0.0, 0.0)


def result(rate_ratio=1.0, pieces=(WHOLE,), kinds=(), found_share=0.8, reason=None, *, event_s=0.04):
    events = tuple(Event(kind, 0.5, 0.5, event_s) for kind in kinds)
    return SegmentComparison(rate_ratio, None, 1, pieces, events, found_share, reason)


@pytest.fixture
def given(monkeypatch):
    """Give the match and the comparison of a pair, whose clips do not matter then."""

    def give(found, comparison=None):
        monkeypatch.setattr(sounds, "match", lambda *_: found)
        monkeypatch.setattr(sounds, "_comparison", lambda *_: comparison)
        return clip(), clip()

    return give


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        (matched(0.5, 0.5, TRACK), Tracked(0.5, TRACK, 0.75, -1)),
        (matched(0.5, 0.5), STRETCHED),
        (matched(missing=NOTHING), NOTHING),
    ],
)
def test_delays_are_followed_where_there_is_a_track(given, found, expected):
    assert tracked(*given(found)) == expected


@pytest.mark.parametrize(
    ("kinds", "stretched"),
    [
        ([EventKind.SKIP] * 3, False),
        ([EventKind.SKIP] * 4, True),
        ([EventKind.SKIP, EventKind.REPEAT] * 2, True),
        ([EventKind.STALL] * 9, False),
        ([EventKind.SKIP] * 3 + [EventKind.TAIL_LOST] * 4, False),
        ([EventKind.SKIP] * 4 + [EventKind.OVERLAP] * 4, False),
        ([EventKind.SKIP] * 5 + [EventKind.OVERLAP] * 4, True),
    ],
)
def test_a_copy_without_a_track_and_with_many_odd_events_is_stretched(given, kinds, stretched):
    comparison = result(kinds=kinds)
    assert compared(*given(matched(1.2, 1.2), comparison)) == (STRETCHED if stretched else comparison)
    assert compared(*given(matched(1.2, 1.2, TRACK), comparison)) == comparison
    assert compared(*given(matched(missing=NOTHING), comparison)) == comparison


def test_skips_that_are_longer_than_those_of_a_stretched_copy_are_compared(given):
    comparison = result(kinds=[EventKind.SKIP] * 4, event_s=0.041)
    assert compared(*given(matched(1.2, 1.2), comparison)) == comparison


def test_five_long_skips_are_not_taken_for_a_stretch(scenarios):
    own = read_wav(scenarios / "replies" / "say_it_again.wav")
    rate_hz, lengths_s = own.sample_rate_hz, (0.02, 0.035, 0.05, 0.07, 0.09)
    kept = np.ones(own.samples.shape[0], dtype=bool)
    places_s = np.random.default_rng(2).choice(np.arange(0.3, own.duration_s - 0.4, 0.3), 5, replace=False)
    for at_s, length_s in zip(np.sort(places_s), lengths_s, strict=True):
        kept[round(at_s * rate_hz) : round((at_s + length_s) * rate_hz)] = False
    copy = Clip(samples=own.samples[kept], sample_rate_hz=rate_hz)

    found = compared(own, copy)

    assert isinstance(found, SegmentComparison)
    assert [event.kind for event in found.events] == [EventKind.SKIP] * 5
    assert [event.duration_s for event in found.events] == pytest.approx(lengths_s, abs=0.001)


@pytest.mark.parametrize(
    ("missing", "reason", "expected"),
    [
        (NOTHING, "other words", NOTHING),
        (None, "other words", Missing(MissingCode.NO_MATCH, "other words")),
        (None, None, Missing(MissingCode.NO_MATCH, "nothing of the input was found")),
    ],
)
def test_why_a_pair_is_not_compared_is_told(given, missing, reason, expected):
    assert compared(*given(matched(missing=missing), result(None, (), reason=reason))) == expected


@pytest.mark.parametrize(
    ("found", "comparison", "expected"),
    [
        (matched(0.5, 0.6, TRACK), result(), Speed(0.5, 0.6, 0.75)),
        (matched(0.5, None, TRACK), result(), Speed(0.5, 0.5, 0.75)),
        (matched(0.5, 0.6), result(0.7), Speed(0.7, 0.7, 0.8)),
        (matched(0.5, 0.6), result(0.7, kinds=[EventKind.SKIP] * 4), Speed(0.5, 0.6, 0.75)),
        (matched(0.5, None), result(0.7, kinds=[EventKind.SKIP] * 4), STRETCHED),
        (matched(missing=NOTHING), result(None, ()), NOTHING),
    ],
)
def test_the_speed_is_that_of_the_track_then_of_the_pieces_then_of_pitch_and_time(given, found, comparison, expected):
    assert speed(*given(found, comparison)) == expected


@pytest.mark.parametrize(
    ("at_s", "expected_s"),
    [(0.0, 0.75), (0.5, 1.0), (1.0, 1.25), (1.5, 1.5), (1.75, 1.5), (2.0, 4.0), (2.5, 4.25), (9.0, 4.5)],
)
def test_times_of_the_output_are_told_by_the_piece_that_plays(given, at_s, expected_s):
    reference, estimated = given(matched(0.5, 0.5, TRACK), result(0.5, (piece(1.0, 0.5), piece(4.0, 2.0))))
    assert input_time_s(reference, estimated, at_s) == expected_s


def test_no_time_of_the_input_is_before_its_beginning(given):
    for pieces, expected_s in (((piece(0.0, 2.0),), 0.0), ((), 0.5)):
        reference, estimated = given(matched(1.0, 1.0, TRACK), result(1.0, pieces))
        assert input_time_s(reference, estimated, 0.5) == expected_s


@pytest.mark.parametrize(
    ("known", "results", "tried", "kept"),
    [
        (None, (result(), result()), [None], 0),
        (1.0051, (result(), result()), [1.0051], 0),
        (0.9949, (result(), result()), [0.9949], 0),
        (1.0049, (result(), result(found_share=0.9)), [None], 0),
        (0.9951, (result(kinds=[EventKind.SKIP]), result(found_share=0.9)), [None, 0.9951], 1),
        (1.0, (result(pieces=(piece(0, 0), piece(2, 2))), result(found_share=0.7)), [None, 1.0], 0),
        (1.0, (result(None, (piece(0, 0),)), result(found_share=0.81)), [None, 1.0], 1),
        (1.0, (result(kinds=[EventKind.SKIP] * 2), result(kinds=[EventKind.SKIP])), [None, 1.0], 1),
        (1.0, (result(kinds=[EventKind.SKIP]), result(kinds=[EventKind.SKIP] * 2)), [None, 1.0], 0),
    ],
)
def test_a_speed_near_one_is_used_only_if_more_is_found_by_it(monkeypatch, known, results, tried, kept):
    asked, left = [], iter(results)

    def compare(_own, _other, *, rate_ratio=None):
        asked.append(rate_ratio)
        return next(left)

    monkeypatch.setattr(sounds, "compare_segment", compare)
    assert sounds._comparison_at(clip(), clip(), known) is results[kept]
    assert asked == tried


@pytest.mark.parametrize(("found", "known"), [(matched(0.9, 0.9, TRACK), 0.9), (matched(0.9, 0.9), None)])
def test_pieces_are_searched_at_the_speed_of_the_match_where_it_has_a_track(monkeypatch, found, known):
    asked = []
    for name in ("match", "_matched"):
        monkeypatch.setattr(sounds, name, lambda *_: found, raising=False)
    monkeypatch.setattr(sounds, "_comparison_at", lambda _reference, _estimated, speed: asked.append(speed))
    sounds._comparison(voice([known or 0.0]), voice([0.1]))
    assert asked == [known]


@pytest.mark.parametrize(
    ("ratios", "agreements", "turned"),
    [
        ((1.005, None), (0.99,), True),
        ((1.0051, None), (0.5,), False),
        ((0.9949, None), (0.5,), False),
        ((1.0, None), (0.991,), False),
        ((1.0, None), (0.5, 0.995), False),
        ((1.0, None), (0.995, 0.5), True),
        ((None, 1.0), (0.5,), True),
        ((None, 1.2), (0.5,), False),
        ((None, None), (0.5,), False),
        ((1.0, None), (), True),
    ],
)
def test_a_phase_is_only_looked_for_at_the_same_speed_where_waveforms_differ(
    monkeypatch, given, ratios, agreements, turned
):
    pieces = tuple(piece(3.0 * place, 1.0, 1.0 + place, one) for place, one in enumerate(agreements))
    reference, estimated = given(matched(ratios[1]), result(ratios[0], pieces))
    monkeypatch.setattr(phase, "with_phase_of", lambda *_: np.ones(8, np.float32))
    found = with_phase_of(reference, estimated)
    assert bool(found.samples.all()) is turned
    assert turned or found is reference


def test_a_reference_whose_phase_was_not_turned_is_used_itself(monkeypatch, given):
    reference, estimated = given(matched(1.0), result(1.0, (piece(0, 0, confidence=0.5),)))
    monkeypatch.setattr(phase, "with_phase_of", lambda *_: None)
    assert with_phase_of(reference, estimated) is reference


@pytest.mark.parametrize(("ratio", "measured"), [(1.005, True), (1.0051, False), (0.9951, True), (0.9949, False)])
def test_additions_are_measured_at_the_same_speed_only(monkeypatch, given, ratio, measured):
    monkeypatch.setattr(sounds, "_additions", lambda *_: "measured")
    found = additions(*given(matched(), result(ratio)))
    assert found == ("measured" if measured else wrong_speed(ratio))


# --- parts that correspond, joined


def test_pieces_are_joined_with_short_fades():
    ones = voice(np.ones(RATE_HZ))
    found = result(pieces=(piece(0.1, 0.2, 0.3), piece(0.5, 0.6, 0.0199), piece(0.6, 0.7, 0.021)))
    own, other = sounds._splice(ones, voice(np.ones(2 * RATE_HZ), 2 * RATE_HZ), found)
    assert (own.frames, own.sample_rate_hz) == (round(0.321 * RATE_HZ), RATE_HZ)
    assert (other.frames, other.sample_rate_hz) == (round(0.642 * RATE_HZ), 2 * RATE_HZ)
    ramp = np.linspace(0, 1, 120)
    np.testing.assert_allclose(own.samples[:120], ramp, atol=1e-6)
    np.testing.assert_allclose(own.samples[7080:7200], ramp[::-1], atol=1e-6)
    np.testing.assert_array_equal(own.samples[120:7080], 1.0)
    np.testing.assert_allclose(own.samples[7200:7320], ramp, atol=1e-6)


def test_short_pieces_alone_are_not_joined():
    ones = voice(np.ones(RATE_HZ))
    assert sounds._splice(ones, ones, result(pieces=(piece(0.1, 0.2, 0.0199),))) == (ones, ones)


def test_a_part_shorter_than_two_fades_fades_to_its_middle():
    faded = sounds._faded(voice(np.ones(10)), 0.0, 1.0)
    assert faded.tolist() == [0, 0.25, 0.5, 0.75, 1, 1, 0.75, 0.5, 0.25, 0]


# --- results kept by content


def test_results_are_kept_for_clips_with_the_same_samples_at_the_same_rate(monkeypatch):
    monkeypatch.setattr(sounds, "_by_content", OrderedDict())
    monkeypatch.setattr(sounds, "_MOST_KEPT", 3)
    computed = []

    def kept(key, *clips):
        def compute():
            computed.append(key)
            return len(computed)

        return once_for_content(key, clips, compute)

    first, other_rate, two_sides = voice(np.ones(8)), voice(np.ones(8), 8000), voice(np.ones((4, 2)))
    assert [kept("x", item) for item in (first, voice(np.ones(8)), other_rate, two_sides)] == [1, 1, 2, 3]
    assert [kept("x", first), kept("y", first)] == [1, 4]
    # The result that was kept first is the first to go.
    assert [kept("y", first), kept("x", two_sides), kept("x", other_rate), kept("x", first)] == [4, 3, 2, 5]


# --- copies that one loud second tells apart


LONG = speech(6.0, 8, RATE_HZ)


def differs(heard, delay=0, reference=LONG, rate_hz=float(RATE_HZ), own_hz=float(RATE_HZ)):
    return sounds._clearly_differs(Sound(reference, own_hz), np.asarray(heard, np.float32), delay, rate_hz)


def with_noise(rest_db):
    """The reference with noise, relative to its power within the loudest second."""
    loudest = max(range(6), key=lambda place: float(np.square(LONG[place * RATE_HZ : (place + 1) * RATE_HZ]).sum()))
    inside = LONG[loudest * RATE_HZ + 1200 : (loudest + 1) * RATE_HZ - 1200]
    noise = np.random.default_rng(4).choice([-1.0, 1.0], LONG.size)
    return LONG + noise * 10 ** (rest_db / 20) * np.sqrt(np.square(inside).mean())


@pytest.mark.parametrize(
    ("heard", "delay", "answer"),
    [
        (LONG, 0, False),
        (LONG, 1, True),
        (LONG, -1, True),
        (0.1 * LONG, 0, False),
        (-LONG, 0, True),
        (speech(6.0, 9, RATE_HZ), 0, True),
        (np.concatenate((np.zeros(500), LONG)), 500, False),
        (with_noise(-52.5), 0, False),
        (with_noise(-51.5), 0, True),
    ],
)
def test_one_loud_second_shows_that_a_copy_is_not_plain(heard, delay, answer):
    assert differs(heard, delay) is answer


def test_what_is_not_heard_or_short_cannot_be_told_by_one_second():
    other = speech(6.0, 9, RATE_HZ)
    assert not differs(other[:RATE_HZ], 0)
    assert not differs(other, -6 * RATE_HZ)
    assert not differs(other, 0, reference=LONG[: 5 * RATE_HZ - 1])
    assert differs(other, 0, reference=LONG[: 5 * RATE_HZ])
    assert not differs(other, 0, rate_hz=RATE_HZ * 1.001)


@pytest.mark.parametrize("rate_hz", [8000, 16000, 48000])
def test_one_loud_second_is_compared_at_the_rate_of_the_copy(rate_hz):
    copy = rescale(LONG, rate_hz / RATE_HZ)[0]
    late = np.concatenate((np.zeros(100, np.float32), copy))
    assert not differs(late, 100, rate_hz=float(rate_hz))
    assert differs(late, 102, rate_hz=float(rate_hz))


@pytest.mark.parametrize(
    ("starts", "found"),
    [([(0, 300)], True), ([(0, 301)], True), ([(0, 299)], True), ([(0, 302)], False), ([(0, 300), (9, 310)], True),
     ([(0, 300), (9, 311)], False)],
)  # fmt: skip
def test_a_plain_copy_is_recognised_within_one_sample_of_its_delay(starts, found):
    heard = np.concatenate((np.zeros(300, np.float32), 0.5 * LONG))
    pieces = [Piece(own, other, 1000) for own, other in starts]
    plain = sounds._plain_copy(Sound(LONG, float(RATE_HZ)), heard, pieces, float(RATE_HZ))
    assert (plain is not None) is found
    assert plain is None or plain.level.change_db == pytest.approx(-6.02, abs=0.01)


def test_a_plain_copy_at_another_rate_is_recognised():
    heard = rescale(LONG, 2.0)[0]
    plain = sounds._plain_copy(Sound(LONG, float(RATE_HZ)), heard, [Piece(0, 0, 1000)], 2.0 * RATE_HZ)
    assert plain is not None
