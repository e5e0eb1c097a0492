"""Limits and words of rules on segments, from measures that are given, where whole takes seldom lead to them."""

import pytest

from diag.core.chain import Hop, Segment, Tap
from diag.core.missing import Missing, MissingCode
from diag.core.results import Measurement, Measurements, Severity, SoundEvent, Status, Tier
from diag.core.timeline import Event, EventName, Timeline
from diag.judge.registry import Place, all_rules

RULES = {rule.code: rule for rule in all_rules()}
QUIET = Timeline(())


def item(metric, value, *, hop=None, tap=None, turn=0, events=(), code=MissingCode.SILENT, confidence=None):
    missing = Missing(code, "why not") if value is None else None
    return Measurement(metric=metric, unit="s", value=value, missing=missing, tier=Tier.WAVEFORM, turn=turn,
                       segment=hop.segment if hop else None, tap=tap, events=events, confidence=confidence)  # fmt: skip


def event(kind, at_s=1.25, duration_s=0.5, **more):
    return SoundEvent(kind=kind, reference_s=1.0, estimated_s=at_s, duration_s=duration_s, **more)


def judged(code, *items, timeline=QUIET, segment=None):
    rule = RULES[code]
    place = Place(segment or rule.on.hop.segment, rule.on, "`in`", "`out`", 24000, 24000)
    given = {"environment": {}, "place": place, "measurements": Measurements(items), "timeline": timeline}
    return rule.function(**{need: given[need] for need in rule.needs})


def told(verdict):
    if verdict.status is not Status.RAISED:
        return verdict.reason or verdict.status.value
    return [verdict.title, *(entry.text for entry in verdict.evidence)]


# --- a second copy


def copy(level_db, *events):
    return item("second_copy_db", level_db, hop=Hop.PLAYER, events=events)


@pytest.mark.parametrize(
    ("events", "title", "when"),
    [
        ((event("second copy", duration_s=0.15),), "delivers the sound twice, the second time", "150 ms later, at"),
        ((event("second copy", duration_s=-0.15),), "delivers the sound twice, the first time", "150 ms earlier, at"),
        ((event("echo", duration_s=0.15),), "adds an echo of the sound", "150 ms later, at"),
        ((), "delivers the sound twice, the second time", "at"),
    ],
)  # fmt: skip
def test_a_second_copy_is_told_with_its_delay_and_level(events, title, when):
    found = [words.replace("−", "-") for words in told(judged("PLY012", copy(-9.0, *events)))]
    how = f"{when} -9 dB relative to the first"
    assert found == [f"The player {title} {how}", f"`out` has a second copy of the sound, {how}"]


@pytest.mark.parametrize(
    ("level_db", "severity"),
    [(-26.0, None), (-25.9, Severity.WARNING), (-12.0, Severity.WARNING), (-11.9, Severity.ERROR)],
)
def test_a_loud_second_copy_is_an_error(level_db, severity):
    assert judged("PLY012", copy(level_db)).severity is severity


@pytest.mark.parametrize(
    ("level_db", "overlaps", "lost_s", "reason"),
    [
        (-9.0, 2, 0.0, None),
        (-9.0, 3, 0.0, "many chunks overlap, which looks the same"),
        (-19.9, 0, 9.0, None),
        (-20.1, 0, 0.49, None),
        (-20.1, 0, 0.5, "much of the sound is missing, and what is left in other places looks like a faint copy"),
    ],
)
def test_what_overlaps_or_is_missing_may_look_like_a_copy(level_db, overlaps, lost_s, reason):
    moved = (*[event("overlap")] * overlaps, event("swapped"), event("swapped"))
    of_turns = [
        item("displaced_s", 0.3, hop=Hop.PLAYER, events=moved),
        item("displaced_s", 0.0, hop=Hop.PLAYER, turn=1),
    ]
    of_turns += [item("skipped_s", lost_s / 2, hop=Hop.PLAYER, turn=turn) for turn in (0, 1)]
    found = judged("PLY012", copy(level_db), *of_turns)
    assert found.reason == reason


# --- lost and displaced sound


@pytest.mark.parametrize(
    ("values", "title", "texts"),
    [
        ({"skipped_s": 0.01}, "loses 10 ms of the sound in the middle",
         ["10 ms of `in` is missing within `out`: 500 ms at 1.25 s"]),
        ({"head_lost_s": 0.03}, "loses 30 ms of the sound at the beginning",
         ["30 ms of `in` is missing at the beginning of `out`"]),
        ({"tail_lost_s": 0.03}, "loses 30 ms of the sound at the end",
         ["30 ms of `in` is missing at the end of `out`"]),
        ({"skipped_s": 0.2, "tail_lost_s": 0.3}, "loses 500 ms of the sound in the middle and at the end",
         ["200 ms of `in` is missing within `out`: 500 ms at 1.25 s", "300 ms of `in` is missing at the end of `out`"]),
        ({"skipped_s": 0.0099, "head_lost_s": 0.0299, "tail_lost_s": 0.0299}, None, None),
    ],
)  # fmt: skip
def test_lost_sound_is_told_with_where_it_is_missing(values, title, texts):
    items = [item(metric, values.get(metric, 0.0), hop=Hop.PLAYER, events=(event("skip"),))
             for metric in ("skipped_s", "head_lost_s", "tail_lost_s")]  # fmt: skip
    found = judged("PLY011", item("rate_ratio", 1.0, hop=Hop.PLAYER), *items)
    assert told(found) == ("clear" if title is None else [f"The player {title}", *texts])


def test_what_is_lost_of_a_reply_that_was_interrupted_is_not_judged_behind_the_client():
    stop = Timeline((Event(t_s=3.0, name=EventName.INTERRUPTED, source="service"),))
    merged = Segment(Tap.RECEIVED, Tap.HEARD)
    lost = [item(metric, 0.3, hop=Hop.PLAYER) for metric in ("skipped_s", "head_lost_s", "tail_lost_s")]
    assert told(judged("PLY011", *lost, timeline=stop, segment=merged)) == "the reply was interrupted"
    assert judged("PLY011", *lost, timeline=stop).status is Status.RAISED
    assert judged("SND008", item("skipped_s", 0.3, hop=Hop.SENDER), timeline=stop).status is Status.RAISED
    wrong = item("rate_ratio", 0.5, hop=Hop.PLAYER)
    assert told(judged("PLY011", wrong, *lost)) == "the speed is wrong"


@pytest.mark.parametrize(
    ("displaced_s", "kinds", "title"),
    [
        (0.0099, ("swapped",), None),
        (0.01, ("swapped",), "delivers parts of the sound in the wrong order (10 ms in total)"),
        (0.3, ("swapped", "overlap"), "starts chunks before the previous one has ended (300 ms in total)"),
    ],
)
def test_displaced_sound_is_told_as_disorder_or_as_overlap(displaced_s, kinds, title):
    events = tuple(event(kind) for kind in kinds)
    found = told(judged("PLY019", item("displaced_s", displaced_s, hop=Hop.PLAYER, events=events)))
    if title is None:
        assert found == "clear"
    else:
        assert found[0] == f"The player {title}"
        assert found[1].endswith(
            "of `in` is in the wrong place: " + ", ".join(f"{kind} at 1.25 s for 500 ms" for kind in kinds)
        )


# --- misread bytes


def ends(metric, first, last):
    return item(metric, first, tap=Tap.RECEIVED), item(metric, last, tap=Tap.PLAYED)


HEALTHY = (
    *ends("flatness", 0.01, 0.01), *ends("equal_pairs", 0.1, 0.1), *ends("misread_s", 0.0, 0.0),
    item("rate_ratio", 1.0, hop=Hop.PLAYER), item("imaging", 0.0, hop=Hop.PLAYER),
    item("other_sound_s", 0.0, hop=Hop.PLAYER),
)  # fmt: skip


def misread(*changed):
    places = {(one.metric, one.tap) for one in changed}
    return judged("PLY009", *changed, *(one for one in HEALTHY if (one.metric, one.tap) not in places))


@pytest.mark.parametrize(
    ("before", "after", "ratio", "raised"),
    [(0.01, 0.16, 1.0, False), (0.01, 0.161, 1.0, True), (0.01, 0.06, None, False), (0.01, 0.061, None, True),
     (0.2, 0.34, 1.0, False), (0.2, 0.36, 1.0, True)],
)  # fmt: skip
def test_sound_that_turns_into_noise_is_misread(before, after, ratio, raised):
    speed = item("rate_ratio", ratio, hop=Hop.PLAYER, code=MissingCode.NO_MATCH)
    found = misread(*ends("flatness", before, after), speed)
    if raised:
        assert told(found) == ["The player turns the sound into noise, as misread bytes do",
                               f"spectral flatness is {before:.3f} in `in` and {after:.3f} in `out`"]  # fmt: skip
    else:
        assert found.status is (Status.CLEAR if ratio else Status.NOT_CHECKED)


@pytest.mark.parametrize(("before", "after", "raised"), [(0.1, 0.6, False), (0.1, 0.61, True), (0.3, 0.7, False)])
def test_samples_in_pairs_are_two_channels_read_as_one(before, after, raised):
    found = misread(*ends("equal_pairs", before, after))
    assert (found.status is Status.RAISED) is raised
    if raised:
        assert told(found) == [
            "The player reads two channels as one: the samples come in pairs",
            "10 % of the samples come in equal pairs in `in`, 61 % in `out`",
        ]
        assert found.fix == "mix the two channels down to one, or take one of them"
        assert found.likely_cause == "stereo is read as mono"


def test_pairs_at_the_right_speed_with_the_voice_are_a_poor_resampler():
    followed = [item(name, 0.0, hop=Hop.PLAYER) for name in ("head_lost_s", "tail_lost_s", "skipped_s")]
    assert misread(*ends("equal_pairs", 0.1, 0.9), *followed).status is Status.CLEAR


@pytest.mark.parametrize(
    ("ratio", "images", "raised"),
    [
        (0.5, 0.5, True),
        (0.504, 0.5, True),
        (0.496, 0.5, True),
        (0.5051, 0.5, False),
        (0.4949, 0.5, False),
        (0.5, 0.1, False),
    ],
)
def test_half_the_speed_with_mirror_images_is_two_channels_read_as_one(ratio, images, raised):
    found = misread(item("rate_ratio", ratio, hop=Hop.PLAYER), item("imaging", images, hop=Hop.PLAYER))
    expected = [
        "The player reads two channels as one: half the speed", "half the speed",
        "mirror images (correlation 0.50) above what `in` reaches at this speed",
    ]  # fmt: skip
    assert (told(found) == expected) is raised


def test_a_part_at_half_the_speed_is_told_with_its_time():
    events = (event("other sound"), event("at half the speed", 2.5))
    assert told(misread(item("other_sound_s", 0.6, hop=Hop.PLAYER, events=events))) == [
        "The player reads two channels as one: from 2.50 s on, half the speed", "from 2.50 s on, half the speed",
    ]  # fmt: skip


def test_bytes_that_were_misread_before_are_no_fault_of_the_segment():
    def bytes_of(tap):
        return item("misread_s", 2.0, tap=tap, events=(event("Big-endian"),))

    assert told(misread(bytes_of(Tap.PLAYED))) == [
        "The player reads the bytes of the sound wrongly: big-endian", "in `out` from 1.25 s on: Big-endian",
    ]  # fmt: skip
    assert misread(bytes_of(Tap.PLAYED), bytes_of(Tap.RECEIVED)).status is Status.CLEAR


# --- silence


def peaks(*pairs, code=MissingCode.SILENT):
    items = []
    for turn, (first, last) in enumerate(pairs):
        items += [item("peak_dbfs", first, tap=Tap.RECEIVED, turn=turn)]
        items += [] if last == "none" else [item("peak_dbfs", last, tap=Tap.PLAYED, turn=turn, code=code)]
    return told(judged("PLY006", *items))


@pytest.mark.parametrize(
    ("pairs", "expected"),
    [
        ([(-10.0, -60.1)], ["A reply was received but the client played nothing",
                            "turn 1: `in` peaks at −10 dBFS, `out` peaks at −60 dBFS"]),
        ([(-10.0, -60.0)], ["A reply was received but the client played nothing",
                            "turn 1: `in` peaks at −10 dBFS, `out` peaks at −60 dBFS"]),
        ([(-10.0, -59.9)], "clear"),
        ([(-60.0, -90.0)], "nothing audible went in: `in` is silent or was not recorded"),
        ([(-10.0, None)], ["A reply was received but the client played nothing",
                           "turn 1: `in` peaks at −10 dBFS, `out` was never started"]),
        ([(-10.0, -20.0), (-12.0, -80.0), (-13.0, -81.0)],
         ["A reply was received but the client played nothing (2 of 3 turns)",
          "turn 2: `in` peaks at −12 dBFS, `out` peaks at −80 dBFS"]),
        ([(-10.0, "none")], "there is no recording of `out`"),
        ([(-10.0, -20.0), (-12.0, "none")], "there is no recording of `out` in turn 2"),
    ],
)  # fmt: skip
def test_an_output_below_minus_60_dbfs_is_silent(pairs, expected):
    found = peaks(*pairs)
    plain = [words.replace("-", "−") for words in found] if isinstance(found, list) else found
    assert plain == expected


def test_what_was_not_recorded_is_not_called_silent():
    assert peaks((-10.0, None), code=MissingCode.NO_RECORDING) == "there is no recording of `out`"


@pytest.mark.parametrize(("hears", "raised"), [(0.01, True), (None, False)])
def test_a_silent_loudspeaker_needs_an_ear_that_hears_the_mouth(hears, raised):
    events = tuple(
        Event(t_s=t_s, name=name, source="audio", data=data)
        for t_s, name, data in (
            (0.0, EventName.STREAMS_OPENED, {"devices": {"speaker": "Box"}}),
            (0.1, EventName.CALIBRATED, {"port": "mouth", "delay_s": hears}),
        )
    )
    items = (item("peak_dbfs", -10.0, tap=Tap.PLAYED), item("peak_dbfs", -80.0, tap=Tap.HEARD))
    found = told(judged("SPK001", *items, timeline=Timeline(events)))
    if raised:
        assert found[0] == "The reply was played but nothing came out of the loudspeaker (Box)"
        assert found[-1] == "the ear works: it heard the calibration burst of the mouth"
    else:
        assert found == "the ear heard neither the mouth nor the loudspeaker, so the ear itself may be dead"
    assert len(told(judged("SPK001", *items))) == 2
