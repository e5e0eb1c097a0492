"""Where parts of a long reference are searched for, with matches that are given."""

import numpy as np
import pytest

from diag.core.audio_reader import reader_of
from diag.core.chain import Segment, Tap
from diag.core.clip import Clip
from diag.core.missing import Missing, MissingCode
from diag.core.results import Measurement, Measurements, Tier
from diag.dsp.joins import Stretch as Followed
from diag.dsp.rate import Match, no_match
from diag.dsp.track import DelayTrack
from diag.measure import long_recording, long_reference
from diag.measure.long_reference import ENDED, Place, find_place
from diag.measure.part_events import Stretch
from diag.measure.pooling import Part
from diag.measure.registry import MetricKind, all_metrics

HZ = 1000
SEGMENT = Segment(Tap.RECEIVED, Tap.HEARD)
OTHER = Missing(MissingCode.NO_MATCH, "nothing in common")
NOTHING = no_match(OTHER)


def sounding(*spans, seconds=300.0):
    """A recording that is silent but for these spans of seconds."""
    samples = np.zeros(round(seconds * HZ), np.float32)
    noise = np.random.default_rng(1).standard_normal(samples.size).astype(np.float32) / 5
    for first_s, last_s in spans:
        first, last = round(first_s * HZ), round(last_s * HZ)
        samples[first:last] = noise[first:last]
    return reader_of(Clip(samples=samples, sample_rate_hz=HZ))


def matched(ratio=1.0, delays_s=(0.5,), time_ratio=None):
    stretches = tuple(Followed(float(n), n + 1.0, delay_s, 0.9) for n, delay_s in enumerate(delays_s))
    return Match(ratio, time_ratio or ratio, 0.75, DelayTrack(stretches, 1.0) if delays_s else None, None)


def clip(start_s=0.0, seconds=10.0, level=0.2):
    samples = level * np.random.default_rng(2).standard_normal(round(seconds * HZ)).astype(np.float32)
    return Clip(samples=samples, sample_rate_hz=HZ, start_s=start_s)


@pytest.fixture
def searched(monkeypatch):
    """Start and end of each pair that was matched; what is found is given."""
    seen = []

    def give(*found):
        left = iter(found)

        def match(known, excerpt):
            seen.append(tuple(round(value, 3) for part in (known, excerpt)
                              for value in (part.start_s, part.start_s + part.duration_s)))  # fmt: skip
            return next(left, NOTHING)

        monkeypatch.setattr(long_reference, "match", match)
        return seen

    return give


def test_a_place_maps_times_of_the_reference_to_the_recording():
    assert Place(0.5, 3.0, 1.0).there_s(7.0) == 20.0


# --- the place of the whole


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        ([matched()], 1),
        ([NOTHING, matched()], 2),
        ([NOTHING, NOTHING, NOTHING, matched()], 4),
    ],
)
def test_a_reference_is_searched_near_the_first_sound_then_further_then_everywhere(searched, found, expected):
    seen = searched(*found)
    # The reference begins to sound at 5 s, the recording at 30 s.
    place = find_place(sounding((5.0, 60.0)), sounding((30.0, 200.0)))
    assert len(seen) == expected
    assert {pair[:2] for pair in seen} == {seen[0][:2]}
    assert seen[0][:2] == pytest.approx((4.0, 24.0), abs=0.1)
    begin_s = seen[0][2]
    assert begin_s == pytest.approx(29.0, abs=0.1)
    windows = [(begin_s, begin_s + 25.0), (begin_s, begin_s + 90.0), (0.0, 90.0), (60.0, 150.0)]
    assert [pair[2:] for pair in seen] == [pytest.approx(window, abs=1e-6) for window in windows[:expected]]
    assert place.ratio == 1.0
    assert place.delay_s == pytest.approx(windows[expected - 1][0] + 0.5 - seen[0][0])
    assert place.confidence == 0.75


def test_the_search_ends_with_the_recording_and_the_first_reason_is_told(searched):
    seen = searched(NOTHING, no_match(Missing(MissingCode.TOO_SHORT, "too short")))
    assert find_place(sounding((5.0, 60.0), seconds=70.0), sounding((30.0, 200.0), seconds=250.0)) == OTHER
    assert [pair[2:] for pair in seen[2:]] == [
        (0.0, 90.0),
        (60.0, 150.0),
        (120.0, 210.0),
        (180.0, 250.0),
        (240.0, 250.0),
    ]


def test_silence_has_no_place(searched):
    searched()
    sound, silence = sounding((5.0, 60.0)), sounding()
    assert find_place(silence, sound) == Missing(MissingCode.SILENT, "the input is silent")
    assert find_place(sound, silence) == Missing(MissingCode.SILENT, "the output is silent")


@pytest.mark.parametrize(
    ("sound_s", "seconds", "found"), [(1.5, 300.0, False), (2.5, 300.0, True), (1.5, 10.0, True), (0.8, 10.0, False)]
)
def test_first_sound_is_two_seconds_or_a_tenth_of_a_short_recording(sound_s, seconds, found):
    assert (long_reference._first_sound(sounding((3.0, 3.0 + sound_s), seconds=seconds)) is not None) is found


@pytest.mark.parametrize(("begins_s", "start_s", "end_s"), [(0.4, 0.0, 20.0), (5.0, 4.0, 24.0), (50.0, 49.0, 60.0)])
def test_a_probe_begins_one_second_before_the_sound(begins_s, start_s, end_s):
    probe = long_reference._first_sound(sounding((begins_s, 60.0), seconds=60.0))
    assert (probe.start_s, probe.start_s + probe.duration_s) == pytest.approx((start_s, end_s), abs=0.06)


@pytest.mark.parametrize(
    ("found", "stretch", "delay_s", "ratio"),
    [
        (matched(1.0, (0.5, 0.7)), -1, 100.0 + 0.7 - 20.0, 1.0),
        (matched(1.0, (0.5, 0.7)), 0, 100.0 + 0.5 - 20.0, 1.0),
        (matched(0.5, (0.5,)), -1, 50.0 + 0.5 - 20.0, 0.5),
        (matched(1.0, (), 1.25), -1, 125.0 - 20.0, 1.25),
    ],
)
def test_a_place_follows_from_one_stretch_of_the_track(found, stretch, delay_s, ratio):
    place = long_reference._place(found, clip(20.0), clip(100.0), stretch)
    assert (place.delay_s, place.ratio, place.confidence) == (pytest.approx(delay_s), ratio, 0.75)


# --- the place of a part


PLACE = Place(1.0, 2.0, 1.0)


def test_a_part_is_searched_one_second_around_its_place_and_then_twenty(searched):
    seen = searched(NOTHING, matched(1.0, (0.5, 0.7)))
    stretch, place = long_reference._follow(sounding((0.0, 300.0)), PLACE, clip(60.0), exact=False)
    assert [pair[2:] for pair in seen] == [(61.0, 73.0), (42.0, 92.0)]
    # It begins 0.5 s after the beginning of what was searched, and ends with the last stretch.
    assert stretch == Stretch(60.0, 70.0, pytest.approx(42.5), pytest.approx(52.7), followed=True, exact=True)
    assert place == Place(1.0, pytest.approx(42.0 + 0.7 - 60.0), 0.75)


def test_a_part_that_is_stretched_is_not_followed_by_waveform(searched):
    searched(matched(1.0, (), 1.0))
    stretch, _ = long_reference._follow(sounding((0.0, 300.0)), PLACE, clip(60.0), exact=True)
    assert (stretch.followed, stretch.exact) == (False, False)


@pytest.mark.parametrize("exact", [True, False])
def test_a_part_that_is_not_found_has_the_place_that_was_predicted(searched, exact):
    seen = searched()
    recording = sounding((0.0, 300.0))
    expected = Stretch(60.0, 70.0, 62.0, 72.0, followed=False, exact=exact)
    assert long_reference._follow(recording, PLACE, clip(60.0), exact=exact) == (expected, PLACE)
    assert len(seen) == 2
    assert long_reference._follow(recording, PLACE, clip(60.0, level=0.0), exact=exact) == (expected, PLACE)
    assert len(seen) == 2
    after = Place(1.0, 260.0, 1.0)
    stretch, _ = long_reference._follow(recording, after, clip(60.0), exact=exact)
    assert (stretch.there_begin_s, len(seen)) == (320.0, 2)


@pytest.mark.parametrize(
    ("before_end_s", "last", "span_s"),
    [(None, False, (61.0, 72.0)), (None, True, (61.0, 73.0)), (61.5, False, (61.5, 72.0)), (65.0, False, (62.0, 72.0))],
)
def test_an_excerpt_begins_where_the_part_before_ends(before_end_s, last, span_s):
    own = Stretch(60.0, 70.0, 62.0, 72.0, followed=True, exact=True)
    before = None if before_end_s is None else Stretch(50.0, 60.0, 52.0, before_end_s, followed=True, exact=True)
    found = long_reference._own_excerpt(sounding(), own, before, last=last)
    assert (found.start_s, found.start_s + found.duration_s) == span_s


@pytest.mark.parametrize(
    ("begin_s", "end_s", "span_s"),
    [(-5.0, 3.0, (0.0, 3.0)), (8.0, 99.0, (8.0, 10.0)), (5.0, 4.0, (5.0, 5.0)), (12.0, 15.0, (10.0, 10.0))],
)
def test_what_is_cut_out_lies_within_the_recording(begin_s, end_s, span_s):
    found = long_reference._cut(sounding(seconds=10.0), begin_s, end_s)
    assert (found.start_s, found.start_s + found.duration_s) == span_s


# --- what is lost


def measured(metric, value, missing=None):
    return Measurement(metric=metric, unit="s", value=value, missing=missing, tier=Tier.WAVEFORM, segment=SEGMENT)


@pytest.mark.parametrize(
    ("code", "sound_s", "lost"),
    [(MissingCode.NO_MATCH, 1.0, True), (MissingCode.SILENT, 1.0, True), (MissingCode.TOO_SHORT, 1.0, True),
     (MissingCode.ENDED, 1.0, False), (MissingCode.NO_MATCH, 0.0, False), (None, 1.0, False)],
)  # fmt: skip
def test_a_part_with_sound_of_which_nothing_is_found_is_lost(code, sound_s, lost):
    reason = None if code is None else Missing(code, "why")
    items = (measured("skipped_s", 0.5 if code is None else None, reason), measured("rate_ratio", None, OTHER))
    part = Part(start_s=0, end_s=9, sound_s=sound_s, loud_dbfs=-20, measurements=Measurements(items))
    assert long_reference._lost(part) is lost


def test_after_the_end_of_the_recording_all_sound_is_lost_at_the_end():
    samples = np.concatenate((np.zeros(2 * HZ), clip(seconds=3.0).samples, np.zeros(HZ)))
    known = Clip(samples=samples, sample_rate_hz=HZ, start_s=60.0)
    unmeasured = Measurements((measured("tail_lost_s", None, ENDED), measured("skipped_s", None, ENDED)))
    tail, other = long_reference._all_lost(unmeasured, known)
    assert other == measured("skipped_s", None, ENDED)
    (event,) = tail.events
    assert (tail.value, tail.missing) == (pytest.approx(3.0, abs=0.1), None)
    assert (event.kind, event.duration_s, event.estimated_s) == ("tail lost", tail.value, 0.0)
    assert event.reference_s == pytest.approx(2.0, abs=0.05)
    silent, _ = long_reference._all_lost(unmeasured, Clip(samples=np.zeros(HZ), sample_rate_hz=HZ, start_s=60.0))
    assert (silent.value, silent.events) == (0.0, ())


# --- what is measured of the whole


@pytest.fixture
def planned(monkeypatch):
    """Names of the measures of each pass over a recording, its tap, and the progress that it reports."""
    passes = []

    def against(_reference, _recording, metrics, *, segment, progress):
        passes.append((segment, {item.kind for item in metrics}, len(metrics)))
        progress(1.0, 9.0)
        return ()

    def alone(_audio, metrics, *, tap, progress, **_):
        passes.append((tap, {item.kind for item in metrics}, len(metrics)))
        progress(2.0, 9.0)
        return ()

    monkeypatch.setattr(long_recording, "measure_against", against)
    monkeypatch.setattr(long_recording, "measure_alone", alone)
    monkeypatch.setattr(long_recording, "pooled", lambda *_: Measurements(()))
    return passes


def test_the_input_the_output_and_both_together_are_measured_each_by_its_own_measures(planned):
    told = []
    segment = Segment(Tap.RECEIVED, Tap.HEARD)
    long_recording.measure_long(
        sounding(seconds=7.0), sounding(seconds=5.0), segment=segment,
        progress=lambda done_s, of_s: told.append((done_s, of_s)),
    )  # fmt: skip
    every = all_metrics()
    of_output = [item for item in every if item.kind is MetricKind.TAP and Tap.HEARD in item.taps]
    of_input = [item for item in every if item.compared and Tap.RECEIVED in item.taps]
    of_both = [item for item in every if item.kind is MetricKind.SEGMENT]
    assert planned == [
        (segment, {MetricKind.SEGMENT}, len(of_both)),
        (Tap.RECEIVED, {MetricKind.TAP}, len(of_input)),
        (Tap.HEARD, {MetricKind.TAP}, len(of_output)),
    ]
    assert told == [(1.0, 17.0), (7.0, 17.0), (12.0, 17.0)]


@pytest.mark.parametrize("tap", [None, Tap.SENT])
def test_a_recording_by_itself_is_measured_by_the_measures_of_its_tap(planned, tap):
    long_recording.measure_long(sounding(seconds=7.0), tap=tap, progress=lambda *_: None)
    fitting = [item for item in all_metrics() if item.kind is MetricKind.TAP and tap in (None, *item.taps)]
    assert planned == [(tap, {MetricKind.TAP}, len(fitting))]
