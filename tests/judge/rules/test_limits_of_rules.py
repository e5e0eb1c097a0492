"""From which value on each rule reports a finding, and with what words, against approved texts.

A rule is a black box here. The measurements of a healthy take are given to it, with one value changed. The value from
which on the verdict is another is searched by halving. Then a second value is changed too. The texts that a person has
read and approved say what was found, as in "inserted_silence_s: from 0.01 s on a warning".
"""

import functools
import math
import re
from dataclasses import dataclass
from dataclasses import replace as changed
from itertools import pairwise
from pathlib import Path

import pytest
from approved import check
from builders import Story, build
from fault_cases import PAGE, event, replace

from diag.core.chain import Hop, Tap
from diag.core.missing import Missing, MissingCode
from diag.core.observed_client import observed_client
from diag.core.results import Measurement, Measurements, SoundEvent, Spot, Status, Tier
from diag.dsp.segment_events import EventKind
from diag.judge.recording import Recording
from diag.judge.registry import Place, Rule, Scope, all_rules
from diag.measure.engine import measure_pair, measure_take
from diag.measure.registry import MetricKind, all_metrics

APPROVED = Path(__file__).with_name("approved_limits.txt")
ABSENT = Missing(MissingCode.SILENT, "it was not to be heard")
SIZES = sorted(step * 10.0**power for power in range(-4, 5) for step in (1, 2, 5))
NEAR_ONE = [1 + sign * size for size in (0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2) for sign in (-1, 1)]
LADDER = sorted({*SIZES, *NEAR_ONE})
LADDERS = {
    "dB": sorted({0.0, *(sign * size for size in SIZES if 0.1 <= size <= 100 for sign in (-1, 1))}),
    "ppm": sorted({0.0, *(sign * size for size in SIZES if size >= 1 for sign in (-1, 1))}),
}  # fmt: skip
"""Values that are tried before the limits are searched between them."""
SECOND_VALUES = (-60.0, -20.0, 0.0, 0.3, 5.0, 40.0)
TOGETHER = {"rate_ratio": ("time_ratio",), "added_noise_db": ("distortion_db",)}
ORDINARY = {"added_noise_db": -45.0, "distortion_db": -45.0}
"""Measures that change together if the fault is real: the speed changes pitch and time. What is ordinary is not as
clean as what is synthesised."""
KINDS = {
    "inserted_silence_s": EventKind.STALL, "skipped_s": EventKind.SKIP, "repeated_s": EventKind.REPEAT,
    "head_lost_s": EventKind.HEAD_LOST, "tail_lost_s": EventKind.TAIL_LOST, "displaced_s": EventKind.SWAPPED,
    "other_sound_s": EventKind.OTHER_SOUND, "second_copy_db": EventKind.SECOND_COPY, "misread_s": "Big-endian",
    "tone_change_db": "below 300 Hz", "distortion_db": "Overdrive", "level_change_db": "level",
}  # fmt: skip
SPOTS = (Spot(Tap.HEARD, 1.0, 1.1), Spot(Tap.HEARD, 2.0, 2.1))
GRANTED = {"echoCancellation": True, "noiseSuppression": True, "autoGainControl": True}
ON_A_PAGE = (
    event(0.1, "page_opened", url="http://localhost/", secure=True, media=True),
    event(0.2, "page_microphone", asked={"audio": True}, granted=GRANTED),
    event(0.2, "page_script_processor", frames=1024),
    event(0.2, "page_context", **PAGE),
)


@dataclass(frozen=True)
class Situation:
    """What a rule is given: the measurements of what is healthy, by metric, and the rest."""

    given: dict
    healthy: dict


@functools.cache
def healthy_take():
    take = build(Story(seed=3))
    measured = measure_take(take, all_metrics(), None)
    return take, by_metric(
        with_value(item, ORDINARY[item.metric]) if item.metric in ORDINARY else item for item in measured
    )


def by_metric(items):
    kept = {}
    for item in items:
        kept.setdefault(item.metric, []).append(item)
    return {metric: tuple(items) for metric, items in kept.items()}


def in_take(story):
    take, measured = healthy_take()
    take = take if story is None else build(story)
    given = {
        "timeline": take.timeline, "observed": observed_client(take.timeline, take.config), "turns": take.turns,
        "environment": take.environment, "voice": None,
    }  # fmt: skip
    return Situation(given, measured)


@functools.cache
def situation(name):
    """What rules are given in a take of one of `SITUATIONS`."""
    story = Story(seed=3)
    known = in_take(None)
    if name == "of which only the wire was seen":
        seen = {
            metric: tuple(item for item in items if item.segment is None and item.tap in (None, Tap.SENT, Tap.RECEIVED))
            for metric, items in known.healthy.items()
        }
        return Situation(known.given, seen)
    if name == "of unknown speed":
        unknown = {
            metric: tuple(with_value(item, None) for item in items) if metric in ("rate_ratio", "time_ratio") else items
            for metric, items in known.healthy.items()
        }
        return Situation(known.given, unknown)
    return in_take(
        {
            "by wire": None,
            "through the air": replace(story, ear_channels=1),
            "by the user's devices": replace(story, audio="system"),
            "on a web page": replace(story, extra=ON_A_PAGE),
        }[name]
    )


@functools.cache
def recording():
    take, _ = healthy_take()
    clip = take.clips[Tap.RECEIVED]
    alone = [changed(item, segment=None, tap=None) for item in measure_pair(clip, clip, metrics=all_metrics())]
    given = {"recording": Recording(name="reply.wav", sample_rate_hz=24000)}
    return Situation(given, by_metric(item for item in alone if item.metric in RECORDING_METRICS))


RECORDING_METRICS = {item.name for item in all_metrics() if item.kind is MetricKind.TAP}
UNITS = {item.name: item.unit for item in all_metrics()}


@dataclass(frozen=True)
class Watched(Measurements):
    """Measurements by metric that note what a rule looks for."""

    kept: dict
    looked: set

    def find(self, metric, *, turn=None, hop=None, tap=None):
        self.looked.add((metric, hop, tap))
        found = self.kept.get(metric, ())
        return tuple(item for item in found if fits(item, hop, tap) and turn in (None, item.turn))


def judged(rule, where, values, looked):
    """The verdict of a rule where some measures, by (metric, hop, tap), have other values."""
    kept = dict(where.healthy)
    for (metric, hop, tap), value in values.items():
        items = kept.get(metric, ())
        if not any(fits(item, hop, tap) for item in items):
            items = (*items, new_item(metric, hop, tap))
        kept[metric] = tuple(with_value(item, value) if fits(item, hop, tap) else item for item in items)
    arguments = {**where.given, "measurements": Watched((), kept, looked)}
    if rule.on is not None:
        arguments["place"] = Place(rule.on.hop.segment, rule.on, "`in`", "`out`", 24000, 24000)
    return rule.function(**{need: arguments[need] for need in rule.needs})


def fits(item, hop, tap):
    return hop in (None, item.hop) and tap in (None, item.tap)


def new_item(metric, hop, tap):
    segment = None if hop is None or hop is Hop.SERVICE else hop.segment
    return Measurement(metric=metric, unit=UNITS.get(metric, ""), value=0.0, missing=None, tier=Tier.WAVEFORM, turn=0,
                       segment=segment, tap=tap)  # fmt: skip


def with_value(item, value):
    if value is None:
        return changed(item, value=None, missing=ABSENT, events=())
    events = ()
    if item.metric in KINDS:
        events = (SoundEvent(kind=KINDS[item.metric], reference_s=1.5, estimated_s=1.75, duration_s=abs(value)),)
    if isinstance(item.value, tuple) or item.metric.endswith("bands_db"):
        value = tuple(value * share for share in (0.1, 0.2, 0.4, 0.6, 0.8, 1.0))
    spots = SPOTS if item.metric == "click_rate_hz" else ()
    return changed(item, value=value, missing=None, events=events, spots=spots)


def key_of(verdict):
    severity = "" if verdict.severity is None else f" {verdict.severity.value}"
    reason = "" if verdict.status is Status.RAISED else (verdict.reason or "")
    return f"{verdict.status.value}{severity}{', discarded' if verdict.discard else ''}", reason.partition("(")[0]


def words_of(verdict):
    if verdict.status is not Status.RAISED:
        return verdict.reason or ""
    return "; ".join([verdict.title, *(item.text for item in verdict.evidence)])


def advice_of(verdict):
    return f"{verdict.likely_cause}; {verdict.fix}; confidence {verdict.confidence:g}"


def regions(verdict_at, ladder):
    """The parts of a ladder with one verdict each: their first value, whether it belongs to it, verdict, and a middle.

    The first value of all is minus infinity.
    """
    verdicts = [(value, key_of(verdict_at(value))) for value in ladder]
    starts = [(-math.inf, True, verdicts[0][1])]
    for (low, before), (high, after) in pairwise(verdicts):
        if after != before:
            starts.append((*border(verdict_at, low, high, after), after))
    ends = [start for start, _, _ in starts[1:]] + [math.inf]
    return [
        (start, included, key, middle(start, end, ladder))
        for (start, included, key), end in zip(starts, ends, strict=True)
    ]


def border(verdict_at, low, high, after):
    while (half := (low + high) / 2) not in (low, high):
        low, high = (low, half) if key_of(verdict_at(half)) == after else (half, high)
    plain = float(f"{high:.9g}")
    return plain, key_of(verdict_at(plain)) == after


def middle(begin, end, ladder):
    if math.isinf(begin):
        begin = ladder[0]
    if math.isinf(end):
        end = ladder[-1] if begin <= 0 else min(ladder[-1], begin * 2.37)
    return float(f"{begin + 0.37 * (end - begin):.3g}")


@dataclass(frozen=True)
class Box:
    """A rule in one situation, what it looked for, and what was told of it."""

    rule: Rule
    where: Situation
    looked: set
    told: set

    def at(self, values):
        return judged(self.rule, self.where, values, self.looked)

    def is_new(self, verdict, words):
        """Whether these words of a verdict were not told yet; they are from now on."""
        known = (key_of(verdict), words) in self.told
        self.told.add((key_of(verdict), words))
        return not known


def limits_in_words(rule, where, *, whole, pairs):
    """Every limit of a rule; if asked for, also its words beyond it, and what second measures change."""
    box = Box(rule, where, set(), set())
    start = box.at({})
    box.is_new(start, words_of(start))
    lines = [f"healthy: {key_of(start)[0]} {words_of(start)}".rstrip()]
    seen, raised = set(), []
    while left := sorted(box.looked - seen, key=str):
        seen |= set(left)
        for one in left:
            lines += limits_of(box, one, raised, whole=whole)
    for one, value in raised if pairs else ():
        for other in sorted(box.looked - {one}, key=str):
            for second in (None, *(value for value in SECOND_VALUES if value >= ladder_of(other)[0])):
                verdict = box.at({**together(one, value), **together(other, second)})
                if box.is_new(verdict, shape_of(verdict)):
                    lines.append(f"{name_of(one)} {value} and {name_of(other)} {second}: {key_of(verdict)[0]}")
                    lines.append(f"    {words_of(verdict)}")
    return "\n".join(lines)


def limits_of(box, one, raised, *, whole):
    lines = []
    for begin, included, key, at in regions(lambda value: box.at(together(one, value)), ladder_of(one)):
        verdict = box.at(together(one, at))
        begins = "below" if math.isinf(begin) else f"{'from' if included else 'above'} {begin:.9g}"
        lines.append(f"  {begins}: {key[0]}")
        box.is_new(verdict, shape_of(verdict))
        if box.is_new(verdict, words_of(verdict)) and whole:
            lines.append(f"    at {at:g}: {words_of(verdict)}")
            if verdict.status is Status.RAISED:
                raised.append((one, at))
                if box.is_new(verdict, advice_of(verdict)):
                    lines.append(f"      {advice_of(verdict)}")
    absent = box.at({one: None})
    if box.is_new(absent, words_of(absent)) and whole:
        lines.append(f"  absent: {key_of(absent)[0]} {words_of(absent)}")
        raised.append((one, None))
    return [name_of(one), *lines] if len(lines) > 1 else []


def ladder_of(one):
    return LADDERS.get(UNITS[one[0]][:3].removesuffix("F"), LADDER)


def shape_of(verdict):
    return re.sub(r"[−+-]?\d[\d.]*", "#", words_of(verdict))


def together(one, value):
    metric, hop, tap = one
    return {one: value, **{(other, hop, tap): value for other in TOGETHER.get(metric, ())}}


def name_of(one):
    metric, hop, tap = one
    return " ".join(filter(None, (metric, hop and f"of {hop.value}", tap and f"of {tap.value}")))


RULES = {rule.code: rule for rule in all_rules() if "measurements" in rule.needs}
SITUATIONS = (
    "by wire",
    "through the air",
    "by the user's devices",
    "on a web page",
    "of unknown speed",
    "of which only the wire was seen",
)
NEEDED = {"by wire": "measurements", "through the air": "timeline", "by the user's devices": "environment",
          "on a web page": "observed"}  # fmt: skip
ALIKE = ("by the user's devices", "on a web page", "of which only the wire was seen")
"""Situations in which two measures together make no other difference than by wire."""
OF_TAKES = ("on a web page", "of which only the wire was seen")
"""Situations that make no difference to a segment."""
FIRST_OF_DETECTOR = {rule.function: rule.code for rule in reversed(all_rules())}


@pytest.mark.parametrize("code", RULES)
def test_the_limits_of_a_rule_are_as_approved(code):
    rule = RULES[code]
    whole = FIRST_OF_DETECTOR[rule.function] == code
    if rule.scope is Scope.RECORDING:
        check(APPROVED, code, limits_in_words(rule, recording(), whole=True, pairs=True), exact=True)
        return
    told = {}
    for name in SITUATIONS if whole else SITUATIONS[:1]:
        if NEEDED.get(name, "measurements") not in rule.needs or (rule.on and name in OF_TAKES):
            continue
        text = limits_in_words(rule, situation(name), whole=whole, pairs=whole and name not in ALIKE)
        if text not in told.values():
            told[name] = text
    check(APPROVED, code, "\n".join(f"{name}\n{text}" for name, text in told.items()), exact=True)
