"""The accuracy table: faults are planted as they say, events are matched, and the page counts them right."""

import numpy as np
import pytest

from benchmarks.accuracy import breaks, page, planted
from benchmarks.accuracy.trials import FAULTS_OF, SIZES, Group, Record, Task, tasks
from diag.core.results import SoundEvent
from diag.dsp.segment_events import EventKind
from diag.judge.registry import all_rules

HZ = 16000
EVERY = [(group, name) for group, faults in FAULTS_OF.items() for name in faults]


def speech_like(seed=1, seconds=5.0):
    random = np.random.default_rng(seed)
    time = np.arange(round(seconds * HZ)) / HZ
    voice = sum(np.sin(2 * np.pi * 130 * k * time) / k for k in range(1, 40))
    x = voice * (0.55 + 0.45 * np.sin(2 * np.pi * 3 * time)) + 0.05 * random.standard_normal(time.size)
    return 0.5 * x / np.abs(x).max()


@pytest.mark.parametrize(("group", "name"), EVERY)
def test_a_fault_names_codes_of_the_catalogue_and_changes_the_sound(group, name):
    fault = FAULTS_OF[group][name]
    assert set(fault.codes) <= {rule.code for rule in all_rules()}
    assert fault.stated in fault.strengths
    x = speech_like()
    made = fault.make(x, HZ, fault.strengths[-1], np.random.default_rng(2))
    again = fault.make(x, HZ, fault.strengths[-1], np.random.default_rng(2))
    assert np.array_equal(made.samples, again.samples)
    assert made.samples.size != x.size or not np.allclose(made.samples, x, atol=1e-3)
    assert fault.size is None or made.size is not None


def test_a_full_table_holds_the_small_one():
    assert set(tasks(SIZES["small"])) < set(tasks(SIZES["full"]))


def test_events_are_matched_by_kind_place_and_size():
    made = (breaks.Break(EventKind.STALL, 1.0, 0.1, True), breaks.Break(EventKind.SKIP, 2.0, 0.3, True))
    event = SoundEvent(kind="stall", reference_s=1.0, estimated_s=1.01, duration_s=0.1005)
    odd = SoundEvent(kind="repeat", reference_s=3.0, estimated_s=3.0, duration_s=0.02)
    pairs, left = breaks.matched(made, (event, odd))
    assert pairs == [(made[0], event), (made[1], None)]
    assert left == [odd]
    assert breaks.exact(*pairs[0])
    assert not breaks.exact(*pairs[1])
    assert not breaks.exact(made[0], SoundEvent(kind="stall", reference_s=1.0, estimated_s=1.0, duration_s=0.102))


def record(group, name, strength=0.0, codes=(), background="clean", **more):
    given = {"errors": codes, "good": not codes} | more
    return Record(Task(group, name, strength, background), "v", "s", 5.0, codes, **given)


def test_the_page_counts_what_was_called_good_and_what_was_named_first():
    fault = planted.FAULTS["one stall"]
    records = [
        record(Group.PAIR, "one stall", 0.1, ("PLY003",), size=0.1, measured=0.101),
        record(Group.PAIR, "one stall", 0.1, ("PLY003",), size=0.1, measured=0.3),
        record(Group.PAIR, "one stall", 0.1, ("PLY011", "PLY003"), size=0.1, measured=0.1),
        record(Group.PAIR, "one stall", 0.1),
        record(Group.PAIR, "one stall", fault.strengths[0]),
        record(Group.HEALTHY_PAIR, "dither", codes=("PLY014",), errors=(), events=("stall",)),
        record(Group.HEALTHY_PAIR, "dither"),
        record(Group.UNRELATED, "other words", good=False),
    ]
    assert [page.wrong_good(item) for item in records] == [False, False, False, True, *[False] * 4]
    text = page.written(records, voices="1 voice", command="make accuracy", seed=0, minutes=1.0)
    assert (
        "| stated faults with the reference, clean: first finding, and size right | ≥ 95 % | 25.0 % (1 of 4) |" in text
    )
    assert "| faults, breaks and other words called good | 0 | 1 of 5 |" in text
    assert "| healthy, with the reference: warnings of 1,000 | ≤ 5 | 500.0 (1 of 2) |" in text
    assert "| one stall (with the reference) | 4 | 2 | PLY011 1, called good 1 |" in text
    assert "| false events in time on healthy speech | 0 | 1 in 0.00 h |" in text


def test_noise_that_is_the_background_is_not_another_finding():
    over = record(Group.PAIR, "one stall", 0.1, ("PLY014", "PLY003"), background="noise at 20 dB")
    assert page.first(over)
    assert not page.first(record(Group.PAIR, "one stall", 0.1, ("PLY014", "PLY003")))
