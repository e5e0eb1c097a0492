"""Values that rules read from measurements, and the words that they make of them."""

import pytest

from diag.core.chain import Hop, Segment, Tap
from diag.core.missing import Missing, MissingCode
from diag.core.observed_client import ObservedClient
from diag.core.results import Measurement, Measurements, SoundEvent, Spot, Status, Tier, clear, not_checked
from diag.core.take import Turn
from diag.core.timeline import Event, EventName, Timeline
from diag.judge.evidence import (
    WrongRate,
    added,
    all_clear,
    bands_in_words,
    blurred_by_room,
    changed_sound,
    clear_if_added_measured,
    clear_if_measured,
    events_in_words,
    has_the_voice,
    in_mid_sentence,
    last_lines,
    lost_treble,
    misread_bytes,
    misread_evidence,
    rate_by_pace,
    received_rate_hz,
    sampling_of_bands,
    sampling_that_would_do_it,
    setting,
    snapped_hz,
    stretch_of,
    through_the_air,
    times_in_words,
    turn_of,
    unanswered,
    unless_blurred,
    worst,
    worst_fault,
    wrong_rate,
    wrongly_decoded,
)
from diag.judge.registry import OnHop, Place

ABSENT = Missing(MissingCode.SILENT, "it was not to be heard")
SEGMENT = Hop.PLAYER.segment


def item(metric="dullness_db", value=1.0, *, turn=0, events=(), tap=None, segment=SEGMENT, confidence=None):
    return Measurement(metric=metric, unit="dB", value=value, missing=ABSENT if value is None else None,
                       tier=Tier.WAVEFORM, turn=turn, segment=None if tap else segment, tap=tap, events=events,
                       confidence=confidence)  # fmt: skip


def of(*items):
    return Measurements(items)


def place(hop=Hop.PLAYER, input_rate_hz=16000):
    on = OnHop("PLY001", "x", hop, causes=("a", "b"), fix="repair it")
    return Place(hop.segment, on, "`received`", "`played`", input_rate_hz, 24000)


def event(kind="stall", at_s=1.4, duration_s=0.35, **more):
    return SoundEvent(kind=kind, reference_s=9.0, estimated_s=at_s, duration_s=duration_s, **more)


# --- values


def test_the_worst_value_is_that_of_the_largest_badness():
    items = [item(value=2.0), item(value=None), item(value=(9.0,)), item(value=-3.0)]
    assert worst(items, float) == (2.0, items[0])
    assert worst(items, abs) == (-3.0, items[3])
    assert worst(items[1:3], float) is None


def test_the_worst_value_is_a_fault_beyond_the_limit():
    measured = of(item(value=2.0), item(value=4.0, turn=1))
    value, found = worst_fault(measured, "dullness_db", lambda value: value > 3)
    assert (value, found.turn) == (4.0, 1)
    assert worst_fault(measured, "dullness_db", lambda value: value > 4) == clear()
    low = worst_fault(measured, "dullness_db", lambda value: value < 3, badness=lambda value: -value)
    assert low == (2.0, measured.items[0])
    assert worst_fault(measured, "dullness_db", bool, hop=Hop.SPEAKER).reason == "dullness_db was not measured"


def test_a_turn_without_a_value_may_hide_the_fault():
    assert clear_if_measured([item(), item()], "x") == clear()
    assert clear_if_measured([item(), item(value=None)], "x").reason == "x: it was not to be heard"
    assert clear_if_measured([], "x").reason == "x was not measured"


def test_the_first_check_that_is_not_clear_counts():
    first, second = not_checked("first"), not_checked("second")
    assert all_clear([clear(), first, second]) is first
    assert all_clear([clear()]) == all_clear([]) == clear()


def opened(channels):
    return Timeline((Event(t_s=0.0, name=EventName.STREAMS_OPENED, source="audio", data={"ear_channels": channels}),))


def test_an_ear_with_one_channel_hears_through_the_air():
    assert [through_the_air(timeline) for timeline in (opened(1), opened(2), Timeline(()))] == [True, False, False]


@pytest.mark.parametrize(
    ("hop", "channels", "room_db", "changed_s", "blurred"),
    [
        (Hop.MICROPHONE, 1, -8.0, 0.0, True),
        (Hop.SPEAKER, 1, -8.0, 0.499, True),
        (Hop.SPEAKER, 1, -8.0, 0.5, False),
        (Hop.SPEAKER, 1, -8.1, 0.0, False),
        (Hop.SPEAKER, 1, None, 0.0, False),
        (Hop.SPEAKER, 2, -3.0, 0.0, False),
        (Hop.PLAYER, 1, -3.0, 0.0, False),
    ],
)
def test_strong_reverberation_hides_short_changes_of_devices(hop, channels, room_db, changed_s, blurred):
    measured = of(item("reverberation_db", room_db, segment=hop.segment))
    found = blurred_by_room(place(hop), measured, opened(channels), changed_s)
    assert (found is not None) is blurred
    if blurred:
        assert found.reason == (
            "the room's reverberation (-8 dB relative to the direct sound) is too strong to tell short or faint "
            "changes from it"
        )
        assert unless_blurred(clear(), place(hop), measured, opened(channels)).reason == found.reason
    other = not_checked("why")
    assert unless_blurred(other, place(hop), measured, opened(channels)) is other
    if not blurred and changed_s == 0.0:
        assert unless_blurred(clear(), place(hop), measured, opened(channels)) == clear()


def test_turns_are_counted_from_one():
    assert [turn_of(item(turn=number)) for number in (None, 0, 1)] == ["turn 1", "turn 1", "turn 2"]


def test_a_setting_is_read_by_its_names_in_either_spelling():
    observed = ObservedClient(setup={"generation_config": {"temperature": 1}})
    assert setting(observed, "generationConfig", "temperature") == 1
    assert setting(observed, "generationConfig", "temperature", "deeper") is None
    assert setting(observed, "model") is None
    assert setting(ObservedClient(setup=None), "model") is None


@pytest.mark.parametrize(
    ("answers", "silent"),
    [((1.0, 1.0), []), ((1.0, 0.0), [1]), ((0.0, None), [0]), ((1.0, None), None), ((None, None), None), ((), [])],
)
def test_turns_without_an_answer_are_told_unless_one_is_not_known(answers, silent):
    turns = [Turn(index=number, prompt_name="p", start_s=0, end_s=9) for number in range(len(answers))]
    measured = of(*(item("answered", value, turn=number) for number, value in enumerate(answers)))
    found = unanswered(measured, turns)
    assert (None if found is None else [turn.index for turn in found]) == silent


# --- speed


@pytest.mark.parametrize(
    ("ratio", "by_time", "found"),
    [
        (1.005, 1.005, None),
        (1.0051, 1.0051, False),
        (0.9949, 0.9949, False),
        (1.0099, 1.0099, False),
        (1.0101, 1.0101, True),
        (0.9899, 0.9899, True),
        (1.1, None, True),
        (1.1, 1.1 * 1.0099, True),
        (1.1, 1.1 * 1.0101, None),
        (1.1, 1.1 * 0.9899, None),
        (0.5, 0.5, True),
    ],
)
def test_a_speed_is_wrong_if_pitch_and_time_agree_on_it(ratio, by_time, found):
    measured = of(item("rate_ratio", ratio), item("time_ratio", by_time))
    wrong = wrong_rate(measured, Hop.PLAYER)
    assert (None if wrong is None else wrong.error) is found
    stretched = by_time is not None and abs(by_time / ratio - 1) > 0.0101 - 1e-9
    assert (stretch_of(measured, item("rate_ratio", ratio)) is not None) is stretched


def test_the_speed_furthest_from_one_counts_whether_slower_or_faster():
    measured = of(item("rate_ratio", 1.5), item("rate_ratio", 0.6, turn=1), item("rate_ratio", None, turn=2))
    assert wrong_rate(measured, Hop.PLAYER).ratio == 0.6
    assert wrong_rate(of(item("rate_ratio", None)), Hop.PLAYER) == "rate_ratio: it was not to be heard"
    assert stretch_of(measured, item("rate_ratio", None)) is None


def test_a_wrong_speed_is_told_with_its_match():
    words = "`played` runs at 0.6667 times the speed of `received`"
    assert WrongRate(2 / 3, item()).evidence(place()).text == words
    assert WrongRate(2 / 3, item(confidence=0.925)).evidence(place()).text == f"{words} (match 0.93 of 1)"


@pytest.mark.parametrize(
    ("rate_hz", "snapped"), [(16079.0, 16000), (16081.0, 16081), (15921.0, 16000), (15919.0, 15919), (96100, 96000)]
)
def test_a_rate_within_half_a_percent_of_a_common_one_is_that(rate_hz, snapped):
    assert snapped_hz(rate_hz) == snapped


@pytest.mark.parametrize(
    ("ratio", "rate_hz"),
    [(3.0, 48000), (3.044, 48000), (3.046, None), (2.956, 48000), (2.954, None), (1.0, None), (1.0149, None),
     (0.5, 8000), (1.2, None), (2.0, 32000)],
)  # fmt: skip
def test_a_pace_is_explained_by_a_common_rate_within_one_and_a_half_percent(ratio, rate_hz):
    assert rate_by_pace(ratio, 16000) == rate_hz


@pytest.mark.parametrize(
    ("ratio", "words"),
    [
        (2 / 3, "1.5 times as long and 7 semitones deeper"),
        (0.5, "2 times as long and 12 semitones deeper"),
        (2.0, "2 times as fast and 12 semitones higher"),
        (1.0, "1 times as fast and 0 semitones higher"),
        (1.0655, "1.07 times as fast and 1 semitones higher"),
        (1.0659, "1.07 times as fast and 1.1 semitones higher"),
        (1.0530, "1.05 times as fast and 0.9 semitones higher"),
        (0.9, "1.11 times as long and 1.8 semitones deeper"),
    ],
)
def test_a_wrong_rate_is_told_by_how_it_sounds(ratio, words):
    assert changed_sound(ratio) == words


@pytest.mark.parametrize(
    ("types", "where", "rate_hz"),
    [(("audio/pcm;rate=16000", "audio/pcm;rate=8000"), None, 16000), (("audio/pcm",), None, 24000), ((), None, 24000),
     (None, None, 24000), (None, 16000, 16000), (None, 0, 24000), (("audio/pcm;rate=8000",), 16000, 8000)],
)  # fmt: skip
def test_the_rate_received_is_what_the_service_declared_or_that_of_the_input(types, where, rate_hz):
    observed = ObservedClient(setup=None, received_mime_types=types)
    assert received_rate_hz(observed, None if where is None else place(input_rate_hz=where)) == rate_hz


# --- treble


BANDS = (0.0, 1.0, 4.0, 9.0, 14.0, None)


def test_bands_that_lost_treble_are_named():
    assert bands_in_words((2.9, 3.0, None, 12.4), 3.0) == "5 to 7 kHz 3 dB, 9 to 10.8 kHz 12 dB"
    assert bands_in_words((), 3.0) == bands_in_words((2.9,), 3.0) == ""


@pytest.mark.parametrize(("loss_db", "found"), [(2.9, False), (3.0, True)])
def test_treble_is_lost_from_three_decibels_on(loss_db, found):
    measured = of(item(value=loss_db), item("dullness_bands_db", BANDS))
    assert (lost_treble(measured, Hop.PLAYER) is not None) is found


def test_lost_treble_is_told_with_the_bands_of_its_turn_or_without_them():
    measured = of(item(value=4.0), item(value=14.0, turn=1), item("dullness_bands_db", (9.0,) * 6),
                  item("dullness_bands_db", BANDS, turn=1))  # fmt: skip
    found = lost_treble(measured, Hop.PLAYER)
    assert found.words == bands_in_words(BANDS, 3.0)
    assert found.evidence(place()).text == f"`played` has 14.0 dB less treble than `received`: {found.words}"
    assert lost_treble(of(item(value=14.4)), Hop.PLAYER).words == "above 3.5 kHz 14 dB"
    assert lost_treble(of(item(value=None)), Hop.PLAYER) == "dullness_db: it was not to be heard"


@pytest.mark.parametrize(
    ("bands_db", "rate_hz"),
    [
        ((2.1, 15.1, 15.1, 15.1), 8000),
        ((2.0, 2.1, 15.1, 15.1), 12000),
        ((2.0, 2.0, 2.1, 15.0), None),
        ((2.0, 2.0, 2.1, 15.1), 16000),
        ((0.0, 0.0, 0.0, 15.0), 22050),
        ((0.0, 0.0, 0.0, 14.9), None),
        ((0.0, 20.0, 15.0, 20.0), None),
        ((2.0, 2.0), None),
        ((0.0, 20.0, 20.0, None), 12000),
        ((None, 20.0, 20.0), None),
        ((), None),
    ],
)
def test_bands_that_are_gone_tell_a_sample_rate(bands_db, rate_hz):
    assert sampling_of_bands(bands_db) == rate_hz


def test_the_first_turn_that_tells_a_sample_rate_counts():
    measured = of(item("dullness_bands_db", None), item("dullness_bands_db", (0.0, 0.0, 0.0, 0.0), turn=1),
                  item("dullness_bands_db", (0.0, 20.0, 20.0, 20.0), turn=2),
                  item("dullness_bands_db", (20.0, 20.0, 20.0, 20.0), turn=3))  # fmt: skip
    assert sampling_that_would_do_it(measured, Hop.PLAYER) == 12000
    assert sampling_that_would_do_it(of(item("dullness_bands_db", None)), Hop.PLAYER) is None


# --- bytes


FOLLOWED = tuple(item(name, 0.015) for name in ("other_sound_s", "head_lost_s", "tail_lost_s", "skipped_s"))


@pytest.mark.parametrize(
    ("changed", "kind", "voice"),
    [({}, None, True), ({"skipped_s": 0.0151}, None, False), ({"skipped_s": None}, None, False),
     ({"skipped_s": 9.0}, "few bits", True), ({"skipped_s": 9.0}, "wrapped", True),
     ({"skipped_s": 9.0}, "clipped", False)],
)  # fmt: skip
def test_noise_holds_the_voice_if_it_follows_the_input_or_has_few_bits(changed, kind, voice):
    parts = [item(one.metric, changed.get(one.metric, one.value)) for one in FOLLOWED]
    bent = [] if kind is None else [item("distortion_db", -5.0, events=(event(kind),))]
    assert has_the_voice(of(*parts, *bent), Hop.PLAYER) is voice


MISREAD = item("misread_s", 2.0, tap=Tap.PLAYED, events=(event("Big-endian"),))


@pytest.mark.parametrize(("distortion_db", "found"), [(-19.9, True), (-60.0, False), (None, False)])
def test_samples_are_wrongly_decoded_if_they_follow_the_input_and_are_distorted(distortion_db, found):
    measured = of(MISREAD, *FOLLOWED, item("distortion_db", distortion_db))
    assert (wrongly_decoded(measured, place()) is MISREAD) is found
    assert wrongly_decoded(of(*FOLLOWED, item("distortion_db", distortion_db)), place()) is None
    assert wrongly_decoded(of(MISREAD, item("distortion_db", distortion_db)), place()) is None


def test_misread_bytes_are_the_longest_on_a_tap_with_a_place():
    longer = item("misread_s", 3.0, tap=Tap.PLAYED, turn=1, events=(event("x"),))
    elsewhere = item("misread_s", 9.0, tap=Tap.HEARD, events=(event("x"),))
    nowhere, none = item("misread_s", 9.0, tap=Tap.PLAYED), item("misread_s", 0.0, tap=Tap.PLAYED, events=(event("x"),))
    assert misread_bytes(of(MISREAD, longer, elsewhere, nowhere, none), Tap.PLAYED) is longer
    assert misread_bytes(of(elsewhere, nowhere, none), Tap.PLAYED) is None


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ({}, "in `played` from 1.40 s on: Big-endian"),
        ({"count": 2}, "in `played` from 1.40 s on, 2 times: Big-endian"),
        ({"period_s": 0.04}, "in `played` from 1.40 s on, every 40 ms: Big-endian"),
        ({"count": 3, "period_s": 1.5}, "in `played` from 1.40 s on, 3 times, every 1.50 s: Big-endian"),
    ],
)
def test_misread_bytes_are_told_with_their_place_and_period(more, words):
    own = item("misread_s", 2.0, tap=Tap.PLAYED, events=(event("Big-endian", **more), event("later", 5.0)))
    assert misread_evidence(own, "`played`").text == words


# --- increases


def levels(first, last):
    return of(*(item("flatness", value, turn=number, tap=tap)
                for tap, values in ((SEGMENT.first, first), (SEGMENT.last, last))
                for number, value in enumerate(values)))  # fmt: skip


def test_the_largest_increase_of_all_turns_counts():
    for measured, more in ((levels((0.1, 0.2), (0.3, 0.5)), 0.3), (levels((None, 0.2), (9.0, 0.25)), 0.05)):
        found = added(measured, place(), "flatness")
        assert not isinstance(found, str)
        assert (found[0], found[1], found[2].turn) == (pytest.approx(more), 0.2, 1)


def test_an_increase_needs_both_ends():
    assert added(levels((None,), (9.0,)), place(), "flatness") == "flatness: it was not to be heard"
    assert added(levels((), ()), place(), "flatness") == "flatness was not measured"
    assert clear_if_added_measured(levels((0.1,), (0.2,)), place(), "flatness") == clear()
    for sides in (((), (0.2,)), ((0.1,), ()), ((None,), (0.2,)), ((0.1,), (None,))):
        assert clear_if_added_measured(levels(*sides), place(), "flatness").status is Status.NOT_CHECKED


# --- words


@pytest.mark.parametrize(
    ("count", "words"),
    [
        (0, ""),
        (1, "350 ms at 1.00 s"),
        (2, "350 ms at 1.00 s, 350 ms at 2.00 s"),
        (5, ", ".join(f"350 ms at {at}.00 s" for at in range(1, 6))),
        (7, ", ".join(f"350 ms at {at}.00 s" for at in range(1, 6)) + ", and 2 more"),
    ],
)
def test_five_events_are_named_and_the_rest_is_counted(count, words):
    assert events_in_words([event(at_s=1.0 + number) for number in range(count)]) == words


@pytest.mark.parametrize(
    ("own", "words"),
    [
        (event("overlap"), "overlap at 1.40 s for 350 ms"),
        (event("overlap", level_db=-12.4), "overlap at 1.40 s for 350 ms (-12 dB)"),
        (event("tone", duration_s=0.0), "tone at 1.40 s"),
        (event("tone", duration_s=0.0, level_db=3.0), "tone at 1.40 s (+3 dB)"),
        (event("seams", duration_s=0.1, count=8, period_s=0.04), "8 gaps of 12.5 ms, one every 40 ms from 1.40 s on"),
        (event("seams", count=8), "seams at 1.40 s for 350 ms"),
        (event("seams", count=1, period_s=0.04), "seams at 1.40 s for 350 ms"),
    ],
)
def test_an_event_is_told_with_its_kind_place_length_and_level(own, words):
    assert events_in_words([own], place=True) == words


def spot(middle_s):
    return Spot(Tap.HEARD, middle_s - 0.25, middle_s + 0.25)


@pytest.mark.parametrize(
    ("middles_s", "words"),
    [
        ((), ""),
        ((1.4,), "at 1.40 s"),
        ((1.4, 1.401, 2.0), "at 1.40 s, 2.00 s"),
        ((1, 2, 3, 4, 5), "at 1.00 s, 2.00 s, 3.00 s, 4.00 s, 5.00 s"),
        ((1, 2, 3, 4, 5, 6), "at 1.00 s, 2.00 s, 3.00 s, 4.00 s, 5.00 s and 1 more"),
    ],
)
def test_places_are_told_by_their_middles_each_once(middles_s, words):
    assert times_in_words([spot(middle_s) for middle_s in middles_s]) == words


def test_texts_behind_a_colon_begin_small_and_last_lines_are_joined():
    assert in_mid_sentence("Big Endian") == "big Endian"
    assert in_mid_sentence("") == ""
    assert [line.text for line in last_lines({"last_lines": ["a", 2]})] == ["last lines of its output: a ⏎ 2"]
    assert last_lines({"last_lines": None}) == last_lines({}) == []


def test_a_segment_between_other_taps_is_no_place_of_a_hop():
    assert of(item(segment=Segment(Tap.PROMPT, Tap.HEARD))).find("dullness_db", hop=Hop.PLAYER) == ()
