"""A take with any subset of its taps gives the same findings, as far as they can still be seen.

Of every finding of the whole take, each subset keeps it, reports it on a merged segment under the client's code, or
says why it could not be checked. No other finding appears, except as the consequence of one of these: clipping that is
heard through two hops may also be heard as clicks.
"""

import itertools

import pytest
from builders import build, replace
from fault_cases import CAPTURED_48K, FAULT_CASES, HEALTHY, MUTE, NO_MODALITY, PLAYED_16K, refused, through
from segment_faults import HOPS, SEGMENT_FAULTS

import diag.measure.engine
from diag.core.chain import Tap
from diag.core.results import Status
from diag.judge.engine import judge_take
from diag.judge.registry import all_rules

RULES = {rule.code: rule for rule in all_rules()}
BY_NAME = {case.name: case.story for case in FAULT_CASES}
ON_HOPS = {fault.name: fault for fault in SEGMENT_FAULTS}
ON_HOP = {
    f"{name} on the {hop.value}": ON_HOPS[name].story(hop, 2)
    for number, name in enumerate(ON_HOPS)
    for hop in (HOPS[number % 4], HOPS[(number + 2) % 4])
}
SCENARIOS = {
    "healthy": HEALTHY,
    "dull_player": replace(HEALTHY, play=through(8000, 24000)),
    "playback_16k": replace(HEALTHY, config=PLAYED_16K),
    "send_48k_as_16k": replace(HEALTHY, config=CAPTURED_48K),
    "missing_audio_modality": replace(MUTE, config=NO_MODALITY),
    "silent_turn": MUTE,
    "slow_service": replace(HEALTHY, service_delay_s=3.5),
    "speaker_off": replace(HEALTHY, speaker_connected=False),
    "wrong_model": refused(1008, "models/gemini-x is not found for API version v1beta, or is not supported for bidi"),
    "endpoint_down": replace(HEALTHY, unreachable=("tcp", "refused", ())),
    "reply_at_16k": BY_NAME["a reply labelled 16 kHz"],
    "bursts": BY_NAME["bursts make the player run dry"],
    "broken_line": BY_NAME["the line breaks"],
    "echo": BY_NAME["an echo in the microphone"],
    "harness": BY_NAME["a late callback"],
    **ON_HOP,
}
SUBSETS = [taps for size in range(len(Tap)) for taps in itertools.combinations(Tap, size)]
ENDS = {Tap.PROMPT, Tap.SENT, Tap.RECEIVED, Tap.HEARD}
"""Both ends of both sides: what lies between them is judged as one."""
ONE_SIDE = [
    taps
    for taps in SUBSETS
    for side in ({*Tap} - {Tap.CAPTURED, Tap.SENT}, {*Tap} - {Tap.PLAYED, Tap.HEARD})
    if set(taps) >= side
]


@pytest.fixture
def _same_cuts(monkeypatch):
    """Give every subset the same cut of a tap, so that what was worked out of it is not worked out again."""
    cut, kept = diag.measure.engine._cut, {}

    def once(take, tap, turn):
        key = take.clips.get(tap), tap, None if turn is None else turn.index
        if key not in kept:
            kept[key] = cut(take, tap, turn)
        return kept[key]

    monkeypatch.setattr(diag.measure.engine, "_cut", once)


def with_taps(take, taps):
    return replace(take, clips={tap: clip for tap, clip in take.clips.items() if tap in taps})


WITHOUT_THE_INPUT = {"SND022": "SND001"}
"""The same fault, suspected from the output alone."""


def moved_from(finding, before):
    """Return whether a finding is one of the whole take, reported on merged hops under the client's code."""
    if finding.code in WITHOUT_THE_INPUT:
        return any(item.code == WITHOUT_THE_INPUT[finding.code] for item in before)
    if finding.segment is None or not finding.segment.merged:
        return False
    stated = any("are judged as one" in item.text or "is judged as one" in item.text for item in finding.evidence)
    detector = RULES[finding.code].function
    same = [
        item
        for item in before
        if RULES[item.code].function is detector
        and item.segment
        and set(item.segment.hops) <= set(finding.segment.hops)
    ]
    return stated and bool(same)


@pytest.mark.usefixtures("_same_cuts")
@pytest.mark.parametrize("name", SCENARIOS)
def test_no_subset_of_taps_makes_up_a_finding_or_loses_one_without_a_reason(name):
    take = build(SCENARIOS[name])
    whole = judge_take(take)
    before = {item.code: item for item in whole.findings}
    for taps in SUBSETS if name not in ON_HOP else ONE_SIDE:
        if not set(taps) <= set(take.clips):
            continue
        result = judge_take(with_taps(take, taps))
        recorded = ", ".join(taps) or "none"
        outcomes = {item.code: item for item in result.outcomes}
        moved = {item.code for item in result.findings if moved_from(item, whole.findings)}
        for item in result.findings:
            known = before.get(item.code)
            follows = item.consequence_of is not None and item.consequence_of in {*before, *moved}
            assert known is not None or item.code in moved or follows, (recorded, item.code, item.title)
            if known is not None and known.segment == item.segment:
                assert (item.severity, item.title) == (known.severity, known.title), recorded
        for code in before.keys() - {item.code for item in result.findings}:
            outcome = outcomes[code]
            assert outcome.status is Status.NOT_CHECKED, (recorded, code, outcome)
            assert outcome.reason, (recorded, code)
        assert result.discarded in (whole.discarded, None), recorded
        assert bool(result.not_shown) or set(taps) >= ENDS, recorded
        assert not [item for item in result.outcomes if item.status is Status.CRASHED], recorded
