"""Two runs side by side: pairs, intervals, verdicts, refusals, and the sentence."""

import functools
import importlib
from dataclasses import replace as changed
from pathlib import Path

import pytest
from approved import check
from builders import Story, build, client, replace

from diag.core.chain import Hop
from diag.core.client_config import ClientConfig
from diag.core.errors import BadInputError
from diag.core.missing import Missing, MissingCode
from diag.core.results import (
    Change,
    Finding,
    Measurement,
    Measurements,
    Reading,
    RunFinding,
    RunResult,
    Severity,
    TakeResult,
    Tier,
)  # fmt: skip
from diag.judge.comparison import compare_runs, differences, is_decided, setup_differences
from diag.judge.engine import judge_run, judge_take
from diag.measure.registry import Metric

HEALTHY = Story()
PROMPTS = ("a", "b", "c", "d", "e", "f")


def metric(name, better, tolerance=0.0):
    return Metric(name=name, unit="s", better=better, version=1, function=lambda: Reading(value=0.0), needs=(),
                  tolerance=tolerance)  # fmt: skip


@pytest.fixture(autouse=True)
def _metrics(monkeypatch):
    known = (metric("ttfa_heard_s", "lower", 0.05), metric("answered", "higher"), metric("rate_ratio", "one", 0.002),
             metric("dullness_db", "zero", 1.0), metric("tilt", "none"))  # fmt: skip
    monkeypatch.setattr(importlib.import_module("diag.judge.comparison"), "all_metrics", lambda: known)


def value(name, number, hop=None):
    missing = None if number is not None else Missing(MissingCode.NO_TURN, "no reply")
    return Measurement(metric=name, unit="s", value=number, missing=missing, segment=hop.segment if hop else None,
                       tier=Tier.EVENTS, turn=0)  # fmt: skip


def run_of(values, name="run", *, metric="ttfa_heard_s", prompts=PROMPTS, findings=(), hop=None, discarded=(), **more):
    """A run with one value a take, prompts in turn."""
    takes = tuple(
        TakeResult(
            id=f"{index + 1:04d}", prompt_names=(prompts[index % len(prompts)],), findings=(), outcomes=(),
            measurements=Measurements((value(metric, number, hop),)),
            discarded="late" if index in discarded else None,
        )
        for index, number in enumerate(values)
    )  # fmt: skip
    facts = {"config": {"send": {"batch_ms": 50}}, "environment": {"audio": "wire", "endpoint": "emulator"}}
    counted = tuple(take.id for take in takes if take.discarded is None)
    found = tuple(RunFinding(finding=item, take_ids=counted[:share], counted=len(counted)) for item, share in findings)
    return RunResult(name=name, title="", takes=takes, summary=(), findings=found, **{**facts, **more})


def fault(code="PLY001", severity=Severity.ERROR, consequence_of=None):
    return Finding(code=code, name="n", severity=severity, hop=Hop.PLAYER, title=f"{code} is there", evidence=(),
                   likely_cause="c", fix=f"repair {code}.", confidence=1.0, consequence_of=consequence_of)  # fmt: skip


def sent(run, setup):
    return changed(run, takes=tuple(changed(take, setup=setup) for take in run.takes))


def only(result):
    (found,) = result.comparisons
    return found


# --- figures


def test_a_known_difference_with_its_interval():
    a, b = run_of([1.0, 2.0, 3.0, 1.5, 2.5]), run_of([1.5, 2.5, 3.5, 2.0, 3.0])
    found = only(compare_runs(a, b, seed=1))
    assert (found.a, found.b, found.difference, found.n_pairs) == (2.0, 2.5, 0.5, 5)
    assert found.interval == (0.5, 0.5)
    assert found.verdict is Change.WORSE


def test_the_other_way_round_is_better():
    a, b = run_of([1.5, 2.5, 3.5, 2.0, 3.0]), run_of([1.0, 2.0, 3.0, 1.5, 2.5])
    assert only(compare_runs(a, b, seed=1)).verdict is Change.BETTER


def test_takes_pair_by_prompt_and_not_by_place():
    a = run_of([1, 2, 3, 4, 5, 6])
    b = run_of([6.2, 5.2, 4.2, 3.2, 2.2, 1.2], prompts=PROMPTS[::-1])
    found = only(compare_runs(a, b, seed=1))
    assert found.difference == pytest.approx(0.2)
    assert found.interval == pytest.approx((0.2, 0.2))


def test_a_discarded_take_has_no_partner():
    a, b = run_of([1, 1, 1, 1, 1, 1], discarded=(1,)), run_of([2, 9, 2, 2, 2, 2])
    found = only(compare_runs(a, b, seed=1))
    assert (found.n_pairs, found.difference) == (5, 1)


@pytest.mark.parametrize("count", [1, 4])
def test_four_pairs_are_too_few(count):
    found = only(compare_runs(run_of([1.0] * count), run_of([9.0] * count), seed=1))
    assert (found.verdict, found.interval) == (Change.TOO_FEW, None)
    assert f"{count} pair" in found.reason


def test_noise_shows_no_difference():
    a, b = run_of([1.0, 1.2, 0.9, 1.1, 1.0]), run_of([1.1, 1.0, 1.1, 1.0, 0.9])
    assert only(compare_runs(a, b, seed=1)).verdict is Change.NONE_SHOWN


def test_what_nobody_could_care_about_is_no_difference():
    a, b = run_of([1.0, 1.2, 0.9, 1.1, 1.0]), run_of([1.04, 1.24, 0.94, 1.14, 1.04])
    found = only(compare_runs(a, b, seed=1))
    assert found.interval[0] > 0
    assert found.verdict is Change.NONE_SHOWN


@pytest.mark.parametrize(
    ("name", "a", "b", "verdict"),
    [("rate_ratio", 1.0, 0.667, Change.WORSE), ("rate_ratio", 1.5, 1.0, Change.BETTER),
     ("rate_ratio", 0.5, 2.0, Change.NONE_SHOWN), ("dullness_db", 0.0, 10.0, Change.WORSE),
     ("dullness_db", -20.0, 3.0, Change.BETTER), ("answered", 1.0, 0.0, Change.WORSE)],
)  # fmt: skip
def test_better_has_the_sense_of_the_metric(name, a, b, verdict):
    assert only(compare_runs(run_of([a] * 5, metric=name), run_of([b] * 5, metric=name), seed=1)).verdict is verdict


def test_figures_that_only_explain_are_not_judged():
    assert compare_runs(run_of([1.0] * 5, metric="tilt"), run_of([2.0] * 5, metric="tilt"), seed=1).comparisons == ()


def test_missing_values_are_told_and_never_averaged_away():
    a, b = run_of([1.0] * 6), run_of([1.0, None, 1.0, None, 1.0, 1.0])
    found = only(compare_runs(a, b, seed=1))
    assert (found.verdict, found.n_pairs) == (Change.TOO_FEW, 4)
    a, b = run_of([1.0] * 7), run_of([1.0, None, 1.0, None, 1.0, 1.0, 1.0])
    assert "B has no value in 2 of 7 (no reply)" in only(compare_runs(a, b, seed=1)).reason


def test_missing_replies_count_as_a_share():
    a, b = run_of([1.0] * 10, metric="answered"), run_of([0.0] * 6 + [1.0] * 4, metric="answered")
    found = only(compare_runs(a, b, seed=1))
    assert (found.a, found.b, found.difference) == (1.0, 0.4, pytest.approx(-0.6))
    assert found.verdict is Change.WORSE
    one_missing = run_of([0.0] + [1.0] * 9, metric="answered")
    assert only(compare_runs(a, one_missing, seed=1)).verdict is Change.NONE_SHOWN


def test_the_same_seed_gives_the_same_document():
    a, b = run_of([1.0, 1.3, 0.8, 1.1, 1.9]), run_of([1.5, 1.2, 1.4, 1.0, 2.2])
    assert compare_runs(a, b, seed=5).to_json() == compare_runs(a, b, seed=5).to_json()


def test_a_run_against_itself_shows_nothing():
    run = run_of([1.0, 1.3, 0.8, 1.1, 1.9])
    result = compare_runs(run, run, seed=1)
    assert (result.verdict, result.config_diff) == (Change.NONE_SHOWN, ())
    assert result.sentence == "No difference shown between run and run."


# --- every figure and sentence


APPROVED = Path(__file__).with_name("approved_run_comparisons.txt")
UNEVEN = [1.0, 1.3, 0.8, 1.1, 1.9, 1.2, 1.4, 0.9, 1.0, 1.6, 1.1, 1.5]


def later(by_s, values=UNEVEN):
    return [None if value is None else round(value + by_s, 6) for value in values]


def asked(run, answers):
    """A run with the answer of each take beside its value."""
    takes = [
        changed(take, measurements=Measurements((*take.measurements, value("answered", answer))))
        for take, answer in zip(run.takes, answers, strict=True)
    ]
    return changed(run, takes=tuple(takes))


SETUPS = {"model": "m", "generationConfig": {"responseModalities": ["TEXT"], "temperature": 1, "topK": 2, "topP": 3}}
FAULTS = {
    "PLY001": (fault(), 12), "PLY004": (fault("PLY004", Severity.WARNING), 3), "CFG001": (fault("CFG001"), 12),
    "CFG006": (fault("CFG006"), 1), "SVC001": (fault("SVC001", Severity.INFO), 12),
}  # fmt: skip


def found_in(name, *codes, **more):
    return run_of(UNEVEN, name, findings=[FAULTS[code] for code in codes], **more)


@functools.cache
def pairs():
    """Two runs each, by what differs between them."""
    a = run_of(UNEVEN, "a")
    other = {"send": {"batch_ms": 400, "rate": None}, "play": {"x": 1}, "y": 2, "z": 3}
    return {
        "a little later": (a, run_of(later(0.049), "b")),
        "as much later as matters": (a, run_of(later(0.05), "b")),
        "much later": (a, run_of(later(0.4), "b", config=other)),
        "much sooner": (a, run_of(later(-0.4), "b")),
        "later and sooner": (a, run_of([v + (0.3 if n % 2 else -0.3) for n, v in enumerate(UNEVEN)], "b")),
        "later but for two": (a, run_of([v + (0.2 if n > 1 else -0.6) for n, v in enumerate(UNEVEN)], "b")),
        "six pairs": (run_of(UNEVEN[:6], "a"), run_of(later(0.4)[:6], "b")),
        "five pairs of one prompt": (
            run_of(UNEVEN[:5], "a", prompts=("p",)), run_of(later(0.4)[:5], "b", prompts=("p",))),
        "values missing on both sides": (
            run_of([None, *UNEVEN[1:]], "a"), run_of([*later(0.4)[:10], None, None], "b")),
        "replies that stay away": (
            asked(a, [1.0] * 12), asked(run_of([*later(0.4)[:9], *[None] * 3], "b"), [1.0] * 9 + [0.0] * 3)),
        "replies that stayed away before": (
            asked(run_of([*UNEVEN[:9], *[None] * 3], "a"), [1.0] * 9 + [0.0] * 3),
            asked(run_of(later(0.4), "b"), [1.0] * 12)),
        "even, and replies that stay away": (
            asked(run_of([1.0] * 12, "a"), [1.0] * 12),
            asked(run_of([*[1.0] * 9, *[None] * 3], "b"), [1.0] * 9 + [0.0] * 3)),
        "even, and replies that stayed away": (
            asked(run_of([*[1.0] * 9, *[None] * 3], "a"), [1.0] * 9 + [0.0] * 3),
            asked(run_of([1.0] * 12, "b"), [1.0] * 12)),
        "speed on a hop": (
            run_of([1.0] * 12, "a", metric="rate_ratio", hop=Hop.PLAYER),
            run_of([0.98 + 0.0005 * number for number in range(12)], "b", metric="rate_ratio", hop=Hop.PLAYER)),
        "treble": (
            run_of([-0.5] * 12, "a", metric="dullness_db", hop=Hop.PLAYER),
            run_of([1.4, 1.6] * 6, "b", metric="dullness_db", hop=Hop.PLAYER)),
        "no take in a": (run_of([1.0], "a", discarded=(0,)), run_of([1.0], "b")),
        "too few": (run_of([1.0] * 4, "a"), run_of([1.0] * 4, "b")),
        "equal": (a, run_of(UNEVEN, "b")),
        "both have faults": (found_in("a", "PLY001", "PLY004"), found_in("b", "PLY001", "PLY004")),
        "b has one fault more": (found_in("a", "PLY004"), found_in("b", "PLY001", "PLY004", "SVC001")),
        "b has two faults more": (a, found_in("b", "PLY001", "PLY004")),
        "b has three faults more": (a, found_in("b", "CFG006", "PLY001", "PLY004")),
        "a has two faults more": (found_in("a", "PLY001", "PLY004"), a),
        "a worse fault is gone": (found_in("a", "PLY001"), found_in("b", "PLY004")),
        "a worse fault is new": (found_in("a", "PLY004"), found_in("b", "PLY001")),
        "as bad a fault is new": (found_in("a", "CFG001", "PLY004"), found_in("b", "PLY001")),
        "information only": (found_in("a", "SVC001"), found_in("b")),
        "setups": (sent(found_in("a", "CFG001"), {"model": "m"}), sent(found_in("b"), SETUPS)),
        "setups the other way": (sent(found_in("a"), SETUPS), sent(found_in("b", "CFG006"), {"model": "n"})),
    }  # fmt: skip


@pytest.mark.parametrize("name", pairs())
def test_every_figure_and_sentence_is_as_approved(name):
    result = compare_runs(*pairs()[name], seed=1)
    lines = [f"{result.verdict.value}, {'' if is_decided(result) else 'not '}decided: {result.sentence}"]
    lines += [f"  differs: {item}" for item in (*result.config_diff, *result.setup_diff)]
    for item in result.comparisons:
        figures = ("a", "b", "difference", "interval", "n_pairs", "chance", "smallest", "noise")
        values = "; ".join(f"{field} {rounded(getattr(item, field))}" for field in figures)
        lines.append(f"  {item.metric} of {item.hop or 'the take'}: {item.verdict.value}; {values}; {item.reason}")
    check(APPROVED, name, "\n".join(lines))


def rounded(item):
    if isinstance(item, tuple):
        return f"({', '.join(map(rounded, item))})"
    return "none" if item is None else f"{round(item, 9) + 0.0:.4g}"


# --- what differs, and what must not


def test_nested_settings_are_told_by_dotted_names():
    assert differences({"a": {"b": 1, "c": 2}, "d": [1]}, {"a": {"b": 1, "c": 3}, "e": 4}) == (
        ("a.c", 2, 3), ("d", [1], None), ("e", None, 4),
    )  # fmt: skip


@pytest.mark.parametrize("field", ["audio", "endpoint"])
def test_unlike_runs_are_refused_by_field_unless_allowed(field):
    a = run_of([1.0] * 5, "a")
    b = run_of([1.0] * 5, "b", environment={"audio": "wire", "endpoint": "emulator", field: "other"})
    with pytest.raises(BadInputError, match=f"{field} .*other"):
        compare_runs(a, b, seed=1)
    assert compare_runs(a, b, seed=1, allow_different=True).environment_diff[0][0] == field


# --- the sentence


def test_a_finding_of_one_side_is_the_sentence_with_its_fix():
    a, b = run_of([1.0] * 5, "good"), run_of([1.0] * 5, "bad", findings=[(fault(), 5)])
    result = compare_runs(a, b, seed=1)
    assert result.sentence == "bad: PLY001 is there (PLY001). Fix: repair PLY001; good does not have this fault."
    assert result.verdict is Change.WORSE


def test_what_b_has_fixed_is_told_without_a_fix():
    a, b = run_of([1.0] * 5, "bad", findings=[(fault(), 5)]), run_of([1.0] * 5, "good")
    result = compare_runs(a, b, seed=1)
    assert result.sentence == "good no longer has PLY001 (PLY001 is there)."
    assert result.verdict is Change.BETTER


def test_the_sentence_says_in_how_many_takes_and_how_many_more():
    b = run_of([1.0] * 5, "bad", findings=[(fault(), 3), (fault("SVC001", Severity.WARNING), 5)])
    sentence = compare_runs(run_of([1.0] * 5, "good"), b, seed=1).sentence
    assert "(PLY001, in 3 of 5 takes)" in sentence
    assert "1 more finding" in sentence


def test_consequences_and_shared_findings_are_not_the_difference():
    shared = (fault("SVC001"), 5)
    a = run_of([1.0] * 5, "good", findings=[shared])
    b = run_of([1.0] * 5, "bad", findings=[shared, (fault("SVC002", consequence_of="SVC001"), 5)])
    result = compare_runs(a, b, seed=1)
    assert result.verdict is Change.NONE_SHOWN
    assert result.sentence == "No difference shown between good and bad; both have SVC001."


def test_faults_on_both_sides_are_both_told():
    a = run_of([1.0] * 5, "a", findings=[(fault("SND001"), 5)])
    b = run_of([1.0] * 5, "b", findings=[(fault("PLY001"), 5)])
    sentence = compare_runs(a, b, seed=1).sentence
    gone, new = (
        "b no longer has SND001 (SND001 is there).",
        "New fault of b: PLY001 is there (PLY001). Fix: repair PLY001.",
    )
    assert sentence == f"{gone} {new}"


def test_without_findings_the_figures_speak_and_the_settings_are_named():
    a = run_of([1.0] * 5, "small")
    b = run_of([1.4] * 5, "large", config={"send": {"batch_ms": 400}})
    result = compare_runs(a, b, seed=1)
    assert result.sentence.startswith("large is worse than small: time to the first sound heard 1.00 s and 1.40 s")
    assert "send.batch_ms 50 and 400" in result.sentence
    assert result.verdict is Change.WORSE


def test_too_few_takes_are_not_called_equal():
    result = compare_runs(run_of([1.0] * 2), run_of([1.0] * 2), seed=1)
    assert result.verdict is Change.TOO_FEW
    assert "Too few takes" in result.sentence


def test_a_run_without_takes_that_count_is_told():
    result = compare_runs(run_of([1.0] * 2, "a"), run_of([1.0] * 2, "b", discarded=(0, 1)), seed=1)
    assert result.sentence == "b has no counted take, so nothing can be compared."


# --- with real metrics and rules


@functools.cache
def judged(name, story, count=5):
    takes = [build(replace(story, seed=1 + number, take_id=f"{number + 1:04d}", prompt_name=PROMPTS[number])) for
             number in range(count)]  # fmt: skip
    return judge_run(name, "", [judge_take(take) for take in takes], takes[0].config, takes[0].environment)


@pytest.mark.parametrize(
    ("story", "words"),
    [
        (Story(config=client(session={}), reply_s=None), ("CFG001", 'response_modalities: ["AUDIO"]')),
        (Story(refused=(1008, "models/x-live is not found for API version v1beta, or is not supported for bidi")),
         ("CFG002", "models/x-live", "use a")),
        (Story(config=client(playback={"sample_rate_hz": 16000, "resample": False})),
         ("PLY001", "24000 Hz audio was played as 16000 Hz", "7 semitones deeper", "resample")),
    ],
)  # fmt: skip
def test_the_three_comparisons_of_the_first_release(story, words, monkeypatch):
    monkeypatch.undo()
    result = compare_runs(judged("healthy", HEALTHY), judged("other", story), seed=1)
    assert result.verdict is Change.WORSE
    assert result.sentence.startswith("other: ")
    for word in (*words, "Fix: "):
        assert word in result.sentence


def test_a_healthy_run_against_another_shows_nothing(monkeypatch):
    monkeypatch.undo()
    one = judged("one", HEALTHY)
    other = changed(judged("other", Story(leading_silence_s=0.031)), config=ClientConfig().model_dump(mode="json"))
    assert compare_runs(one, other, seed=1).verdict is Change.NONE_SHOWN


# --- setup messages


def test_fields_of_setup_messages_have_one_name_whether_their_object_is_there_or_not():
    asked = {"model": "m", "generationConfig": {"responseModalities": ["AUDIO"], "temperature": 1}}
    assert setup_differences({"model": "m"}, asked) == (
        ("generationConfig.responseModalities", None, ["AUDIO"]),
        ("generationConfig.temperature", None, 1),
    )
    bare = {"model": "m", "outputAudioTranscription": {}}
    assert setup_differences(bare, {"model": "m"}) == (("outputAudioTranscription", {}, None),)
    assert setup_differences(bare, bare) == ()


@pytest.mark.parametrize("faulty_first", [True, False])
def test_a_setup_that_is_the_cause_is_named_first_with_its_fields_and_fix(faulty_first):
    asked = {"model": "m", "generationConfig": {"responseModalities": ["AUDIO"]}}
    missing = [(fault("AAA001"), 1), (fault("CFG001"), 1)]
    bad = sent(run_of([1.0], name="old", findings=missing), {"model": "m"})
    good = sent(run_of([1.0], name="new"), asked)
    result = compare_runs(*((bad, good) if faulty_first else (good, bad)), seed=1)
    assert len(result.setup_diff) == 1
    opening, _, rest = result.sentence.partition(". ")
    assert opening.startswith("The setup messages differ: `generationConfig.responseModalities` is ")
    assert "left out in old" in opening
    assert '["AUDIO"] in new' in opening
    assert "CFG001" in rest
    assert "repair CFG001" in rest
    assert "AAA001" not in result.sentence


def test_a_setup_that_differs_elsewhere_is_listed_but_not_called_the_cause():
    bad = sent(run_of([1.0], name="old", findings=[(fault("PLY001"), 1)]), {"model": "a"})
    result = compare_runs(bad, sent(run_of([1.0], name="new"), {"model": "b"}), seed=1)
    assert result.setup_diff == (("model", "a", "b"),)
    assert "setup messages" not in result.sentence


def test_a_frame_of_ones_own_is_compared_as_it_was_sent_and_not_as_a_setting():
    a = run_of([1.0], config={"setup": {"model": "m"}, "setup_frame": None})
    b = run_of([1.0], config={"setup": None, "setup_frame": '{"setup": {"model": "m"}}'})
    result = compare_runs(sent(a, {"model": "m"}), sent(b, {"model": "m"}), seed=1)
    assert (result.config_diff, result.setup_diff) == ((), ())
