"""What is told of sounds that a segment adds, one or several, by wire and in a room."""

import pytest

from diag.core.chain import Hop
from diag.core.results import Measurement, Measurements, Severity, SoundEvent, Status, Tier
from diag.core.timeline import Event, EventName, Timeline
from diag.judge.registry import Place, all_rules

RULES = {rule.hop: rule for rule in all_rules() if rule.code in ("PLY014", "SPK012")}
HEALTHY = {"other_sound_s": 0.0, "added_tone_db": -100.0, "added_hum_db": -100.0, "added_noise_db": -60.0,
           "added_dc_dbfs": -90.0, "reverberation_db": -40.0}  # fmt: skip
BY_WIRE = Timeline(())
IN_A_ROOM = Timeline((Event(t_s=0, name=EventName.STREAMS_OPENED, source="audio", data={"ear_channels": 1}),))


def judged(values, *, hop=Hop.PLAYER, timeline=BY_WIRE, events=()):
    items = tuple(
        Measurement(metric=metric, unit="dB", value=value, missing=None, tier=Tier.WAVEFORM, turn=0,
                    segment=hop.segment, events=events if metric in values else ())
        for metric, value in {**HEALTHY, **values}.items()
    )  # fmt: skip
    rule = RULES[hop]
    place = Place(hop.segment, rule.on, "`in`", "`out`", 24000, 24000)
    return rule.function(place=place, measurements=Measurements(items), timeline=timeline)


@pytest.mark.parametrize(
    ("values", "severity", "words"),
    [
        ({"other_sound_s": 0.06}, None, None),
        ({"other_sound_s": 0.061}, Severity.WARNING, "adds 0.06 s of sound that the input does not have"),
        ({"other_sound_s": 90.0}, Severity.WARNING, "adds 90.00 s of sound that the input does not have"),
        ({"added_tone_db": -45.0}, None, None),
        ({"added_tone_db": -44.9}, Severity.WARNING, "adds a steady tone (−45 dB relative to the voice)"),
        ({"added_tone_db": -25.0}, Severity.WARNING, "adds a steady tone (−25 dB relative to the voice)"),
        ({"added_tone_db": -24.9}, Severity.ERROR, "adds a steady tone (−25 dB relative to the voice)"),
        ({"added_hum_db": -40.0}, None, None),
        ({"added_hum_db": -39.0}, Severity.WARNING, "adds mains hum (−39 dB relative to the voice)"),
        ({"added_hum_db": -19.9}, Severity.ERROR, "adds mains hum (−20 dB relative to the voice)"),
        ({"added_noise_db": -30.0}, None, None),
        ({"added_noise_db": -29.0}, Severity.WARNING, "adds noise (−29 dB relative to the voice)"),
        ({"added_noise_db": -19.9}, Severity.ERROR, "adds noise (−20 dB relative to the voice)"),
        ({"reverberation_db": -10.0}, None, None),
        ({"reverberation_db": -9.0}, Severity.WARNING, "adds reverberation (−9 dB relative to the direct sound)"),
        ({"added_hum_db": -30.0, "added_tone_db": -30.0}, Severity.WARNING,
         "adds a steady tone (−30 dB relative to the voice) and 1 other sound"),
        ({"added_tone_db": -30.0, "added_noise_db": -10.0, "added_dc_dbfs": -20.0}, Severity.ERROR,
         "adds noise (−10 dB relative to the voice) and 2 other sounds"),
    ],
)  # fmt: skip
def test_each_kind_is_judged_by_its_limits_and_the_worst_is_named_first(values, severity, words):
    found = judged(values)
    assert found.severity is severity
    if words is None:
        assert found.status is Status.CLEAR
    else:
        assert found.title.replace("-", "−") == f"The player {words}".replace("-", "−")
        assert len(found.evidence) == len(values)


def test_an_offset_has_a_cause_of_its_own():
    offset, hum = judged({"added_dc_dbfs": -20.0}), judged({"added_hum_db": -30.0})
    assert "adds an offset" in offset.likely_cause
    assert "high-pass filter of 20 Hz" in offset.fix
    assert hum.likely_cause == RULES[Hop.PLAYER].on.causes[0]
    assert hum.fix == RULES[Hop.PLAYER].on.fix


def test_evidence_names_the_places():
    event = SoundEvent(kind="tone of 440 Hz", reference_s=1.0, estimated_s=1.25, duration_s=0.5)
    (entry,) = judged({"added_tone_db": -30.0}, events=(event,)).evidence
    assert entry.text.replace("−", "-") == (
        "`out` has a steady tone (-30 dB relative to the voice): tone of 440 Hz at 1.25 s for 500 ms"
    )


@pytest.mark.parametrize(
    ("values", "severity"),
    [
        ({"added_noise_db": -10.0}, Severity.INFO),
        ({"reverberation_db": -9.0}, Severity.INFO),
        ({"added_noise_db": -10.0, "added_hum_db": -30.0}, Severity.WARNING),
        ({"added_hum_db": -10.0}, Severity.ERROR),
    ],
)
def test_a_room_always_adds_noise_and_reverberation(values, severity):
    assert judged(values, hop=Hop.SPEAKER, timeline=IN_A_ROOM).severity is severity


STRONG = {"reverberation_db": -5.0}


@pytest.mark.parametrize(
    ("values", "tone_s", "severity"),
    [
        ({"other_sound_s": 0.49}, 0.0, None),
        ({"other_sound_s": 0.51}, 0.0, Severity.WARNING),
        ({"added_tone_db": -10.0}, 1.99, None),
        ({"added_tone_db": -10.0}, 2.0, Severity.ERROR),
        ({"added_tone_db": -10.0}, 0.0, Severity.ERROR),
        ({"added_tone_db": -10.0, "added_hum_db": -30.0}, 1.0, Severity.WARNING),
        ({}, 0.0, Severity.INFO),
    ],
)
def test_short_sounds_in_strong_reverberation_may_be_the_room(values, tone_s, severity):
    parts = (tone_s / 2, tone_s / 2) if tone_s else ()
    events = tuple(SoundEvent(kind="x", reference_s=0, estimated_s=0, duration_s=part_s) for part_s in parts)
    found = judged({**STRONG, **values}, hop=Hop.SPEAKER, timeline=IN_A_ROOM, events=events)
    assert found.severity is severity
    if severity is None:
        assert found.status is Status.NOT_CHECKED
        assert "reverberation (-5 dB" in found.reason
