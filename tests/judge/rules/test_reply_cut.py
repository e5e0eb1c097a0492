import pytest
from builders import Story, build, replace
from fault_cases import event

from diag.core.results import Status
from diag.judge.engine import judge_take


def check(over_s):
    """What SVC006 says of a reply whose wait was over at this time; its chunks come from 1.9 s to 3.6 s."""
    story = replace(Story(), extra=(event(over_s, "reply_wait_over", turn=0, waited_s=1.0),))
    (found,) = (item for item in judge_take(build(story)).outcomes if item.code == "SVC006")
    return found


def test_a_reply_that_stops_long_before_the_wait_is_over_broke_off():
    assert check(30.0).status is Status.RAISED


@pytest.mark.parametrize("over_s", [2.5, 3.0, 4.0])
def test_a_reply_that_still_goes_on_when_the_wait_is_over_did_not_break_off(over_s):
    found = check(over_s)
    assert found.status is Status.NOT_CHECKED
    assert "still went on" in found.reason
