"""In a room with strong reverberation, short changes on a device's hop are not judged, and long ones are."""

import pytest

from diag.core.chain import Segment, Tap
from diag.core.results import Measurement, Measurements, Severity, SoundEvent, Status, Tier
from diag.core.timeline import Event, EventName, Timeline
from diag.judge.registry import Place, all_rules

ROOM = Timeline((Event(t_s=0.0, name=EventName.STREAMS_OPENED, source="audio", data={"ear_channels": 1}),))
PATH = Segment(Tap.PROMPT, Tap.CAPTURED)
CABLE = Timeline((Event(t_s=0.0, name=EventName.STREAMS_OPENED, source="audio", data={"ear_channels": 2}),))


def measured(metric, value, events=()):
    return Measurement(
        metric=metric, unit="", value=value, missing=None, tier=Tier.WAVEFORM, segment=PATH, events=events
    )


def verdict(code, reverberation_db, timeline, **values):
    (rule,) = (item for item in all_rules() if item.code == code)
    items = [measured("reverberation_db", reverberation_db), *(measured(*item) for item in values.items())]
    place = Place(segment=PATH, on=rule.on, input="`prompt`", output="`captured`")
    given = {
        "place": place,
        "measurements": Measurements(tuple(items)),
        "timeline": timeline,
        "environment": {},
        "observed": None,
    }
    return rule.function(**{name: given[name] for name in rule.needs})


SHORT = [
    ("MIC010", {"skipped_s": 0.3, "head_lost_s": 0.0, "tail_lost_s": 0.0}),
    ("MIC011", {"repeated_s": 0.08}),
    ("MIC004", {"inserted_silence_s": 0.1}),
    ("MIC007", {"click_rate_hz": 1.5}),
    ("MIC013", {"other_sound_s": 0.1}),
]


@pytest.mark.parametrize(("code", "values"), SHORT)
def test_short_changes_are_not_judged_in_strong_reverberation(code, values):
    found = verdict(code, -1.0, ROOM, **values)
    assert found.status is Status.NOT_CHECKED
    assert "reverberation (-1 dB" in found.reason


@pytest.mark.parametrize(("code", "values"), SHORT)
def test_they_are_found_in_weak_reverberation_and_over_a_cable(code, values):
    assert verdict(code, -20.0, ROOM, **values).severity is not Severity.INFO
    assert verdict(code, -20.0, ROOM, **values).status is Status.RAISED
    assert verdict(code, -1.0, CABLE, **values).status is Status.RAISED


NOTHING = [
    ("MIC010", {"skipped_s": 0.0, "head_lost_s": 0.0, "tail_lost_s": 0.0}),
    ("MIC011", {"repeated_s": 0.0}),
    ("MIC004", {"inserted_silence_s": 0.0}),
    ("MIC007", {"click_rate_hz": 0.0}),
    ("MIC018", {"displaced_s": 0.0}),
    ("MIC015", {"aliasing_db": -60.0}),
]


@pytest.mark.parametrize(("code", "values"), NOTHING)
def test_nothing_found_is_no_proof_in_strong_reverberation(code, values):
    assert verdict(code, -1.0, ROOM, **values).status is Status.NOT_CHECKED
    assert verdict(code, -20.0, ROOM, **values).status is Status.CLEAR
    assert verdict(code, -1.0, CABLE, **values).status is Status.CLEAR


@pytest.mark.parametrize(("code", "values"), SHORT)
def test_long_changes_are_found_in_strong_reverberation_too(code, values):
    long = {name: 10.0 * value for name, value in values.items()}
    found = verdict(code, -1.0, ROOM, **long)
    assert found.status is Status.RAISED
    assert found.severity is not Severity.INFO


def tone_lasting(lasts_s, reverberation_db):
    event = SoundEvent(kind="tone", reference_s=1.0, estimated_s=1.0, duration_s=lasts_s)
    (rule,) = (item for item in all_rules() if item.code == "MIC013")
    place = Place(segment=PATH, on=rule.on, input="`prompt`", output="`captured`")
    items = (measured("added_tone_db", 0.0, (event,)), measured("reverberation_db", reverberation_db))
    return rule.function(place=place, measurements=Measurements(items), timeline=ROOM)


def test_a_room_rings_for_a_moment_and_a_device_all_the_time():
    assert tone_lasting(1.0, -1.0).status is Status.NOT_CHECKED
    assert tone_lasting(4.0, -1.0).severity is Severity.ERROR


def test_a_short_tone_without_strong_reverberation_is_no_room():
    assert tone_lasting(1.0, -20.0).severity is Severity.ERROR


def test_single_clicks_are_not_told_from_the_noise_of_a_room():
    assert verdict("MIC007", -20.0, ROOM, click_rate_hz=0.4).status is Status.NOT_CHECKED
    assert verdict("MIC007", -20.0, CABLE, click_rate_hz=0.4).status is Status.RAISED
