"""A faint second copy is not believed where much of the sound is missing."""

import pytest

from diag.core.chain import Segment, Tap
from diag.core.results import Measurement, Measurements, Status, Tier
from diag.judge.registry import Place, all_rules

REPLY = Segment(Tap.RECEIVED, Tap.PLAYED)


def verdict(level_db, lost_s):
    (rule,) = (item for item in all_rules() if item.code == "PLY012")
    place = Place(segment=REPLY, on=rule.on, input="`received`", output="`played`")
    values = {"second_copy_db": level_db, "skipped_s": lost_s, "displaced_s": 0.0}
    items = tuple(
        Measurement(metric=name, unit="", value=value, missing=None, tier=Tier.WAVEFORM, segment=REPLY)
        for name, value in values.items()
    )
    return rule.function(place=place, measurements=Measurements(items))


@pytest.mark.parametrize(
    ("level_db", "lost_s", "status"),
    [
        (-25.0, 1.9, Status.NOT_CHECKED),
        (-25.0, 0.1, Status.RAISED),
        (-15.0, 1.9, Status.RAISED),
        (-6.0, 1.9, Status.RAISED),
        (-40.0, 1.9, Status.CLEAR),
    ],
)
def test_a_faint_copy_of_a_sound_with_large_losses_is_not_judged(level_db, lost_s, status):
    assert verdict(level_db, lost_s).status is status
