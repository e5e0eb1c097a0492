"""A client that stops sending while a reply plays, and then sends what waited (SND005)."""

import pytest
from builders import Story, build, replace

from diag.core.results import Severity
from diag.core.timeline import EventName, Timeline
from diag.judge.engine import judge_take


def sent_with(pauses, *, catch_up=True, batch_ms=50):
    """A take whose batches after each of the times wait for a while."""
    take = build(Story())
    first = take.timeline.first(EventName.BATCH_SENT)
    others = [item for item in take.timeline if item.name != EventName.BATCH_SENT]
    speaking = take.timeline.named(EventName.BATCH_SENT)
    frames, length_s = round(16 * batch_ms), batch_ms / 1000
    more = []
    for index in range(round(8.0 / length_s)):
        full_s = speaking[-1].t_s + (index + 1) * length_s
        at_s = full_s
        for start_s, for_s in pauses:
            begin_s = speaking[-1].t_s + start_s
            if begin_s < full_s <= begin_s + for_s:
                at_s = begin_s + for_s
        if at_s == full_s or catch_up:
            place = {"start_frame": 160000 + index * frames, "captured_end_frame": 10**7 + index}
            more.append(replace(first, t_s=at_s, data={**first.data, **place, "frames": frames}))
    events = sorted((*others, *speaking, *more), key=lambda item: item.t_s)
    return replace(take, timeline=Timeline(tuple(events)))


def found_in(take):
    return [item for item in judge_take(take, metrics=None).findings if item.code == "SND005"]


@pytest.mark.parametrize("pauses", [((0.5, 0.8), (2.0, 0.9)), ((0.2, 0.8), (1.2, 0.9), (2.4, 0.8), (3.6, 1.5))])
@pytest.mark.parametrize("batch_ms", [20, 50, 100])
def test_pauses_with_what_waited_sent_after_them_are_found(pauses, batch_ms):
    (found,) = found_in(sent_with(pauses, batch_ms=batch_ms))
    assert found.severity is Severity.WARNING
    assert f"{len(pauses)} pauses" in found.evidence[0].text
    assert ("for up to 1." in found.title) == (pauses[-1][1] > 1)
    assert "event loop" in found.likely_cause


@pytest.mark.parametrize(
    "take",
    [
        sent_with(()),
        sent_with(((1.0, 2.5),)),
        sent_with(((0.5, 0.7), (2.0, 0.9)), catch_up=False),
        sent_with(((0.5, 0.3), (1.5, 0.3), (2.5, 0.4))),
        sent_with((), batch_ms=1000),
    ],
    ids=["even", "one pause", "nothing is sent on purpose", "short pauses", "long batches"],
)
def test_other_ways_of_sending_do_not_stall(take):
    assert found_in(take) == []
