"""Rules of turn-taking on conversations whose every moment is known.

.venv/bin/python benchmarks/turn_taking.py [--conversations 200] [--seed 1]

The conversations are replayed timelines with synthetic sound (`tests/talks.py`), not recordings of devices. For each
rule, conversations with its fault are drawn, and healthy ones for all. A conversation counts as right if the rule is
raised, and no other rule of turn-taking. Measured delays are compared with the drawn ones.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests"))

from talks import Step, Talk, build_talk

from diag.core.results import Measurements
from diag.judge.engine import judge_take
from diag.judge.registry import all_rules
from diag.measure.registry import Group, all_metrics

RULES = tuple(rule for rule in all_rules() if rule.code.startswith("TRN") or rule.code == "PLY010")
METRICS = tuple(metric for metric in all_metrics() if metric.group is Group.TURNS)
MAY_FOLLOW = {"PLY010": {"TRN002"}}
"""Findings that are a consequence of the planted fault."""

Drawn = Callable[[np.random.Generator], Talk]


def healthy(draw: np.random.Generator) -> Talk:
    """Return a conversation without a fault: prompts, barge-ins, back-channels and noises."""
    steps = [Step(length_s=float(draw.choice((0.6, 1.2, 2.4))))]
    for _ in range(draw.integers(1, 4)):
        kind = draw.choice(("prompt", "barge_in", "back_channel", "noise"))
        at_s = float(draw.uniform(0.3, 2.4))
        if kind == "prompt":
            steps.append(Step(length_s=float(draw.choice((0.6, 1.2, 2.4)))))
        elif kind == "barge_in":
            steps.append(Step("barge_in", float(draw.choice((0.6, 1.2, 2.4))), at_s=at_s, interrupts=True))
        else:
            steps += [Step(str(kind), 0.6, at_s=at_s), Step(length_s=1.2)]
    return Talk(
        steps=tuple(steps),
        seed=int(draw.integers(1000)),
        reply_s=float(draw.choice((3.6, 4.8))),
        detect_s=float(draw.uniform(0.08, 0.7)),
        flush_s=float(draw.uniform(0.01, 0.15)),
        end_of_turn_s=float(draw.uniform(0.3, 0.9)),
        reports_activity=bool(draw.random() < 0.5),
        think_s=float(draw.uniform(0.2, 0.5)),
        pace=float(draw.uniform(1.0, 4.0)),
    )


def _with_barge_in(draw: np.random.Generator, **changes: object) -> Talk:
    at_s = float(draw.uniform(0.3, 1.2))
    interrupts = bool(changes.pop("interrupts", True))
    steps = (Step(), Step("barge_in", float(draw.choice((0.6, 1.2, 2.4))), at_s=at_s, interrupts=interrupts), Step())
    return replace(healthy(draw), steps=steps, reply_s=4.8, **changes)  # type: ignore[arg-type]


def _false(draw: np.random.Generator) -> Talk:
    cause = draw.choice(("nothing", "back_channel", "noise"))
    if cause == "nothing":
        return replace(healthy(draw), steps=(Step(), Step()), own_interruption_s=float(draw.uniform(0.3, 2.6)))
    at_s = float(draw.uniform(1.0, 2.0))
    return replace(healthy(draw), steps=(Step(), Step(str(cause), 0.6, at_s=at_s, interrupts=True), Step()))


FAULTS: dict[str, Drawn] = {
    "TRN001": lambda draw: _with_barge_in(draw, interrupts=False),
    "TRN002": lambda draw: _with_barge_in(draw, detect_s=float(draw.uniform(1.2, 2.2))),
    "TRN003": _false,
    "TRN004": lambda draw: replace(healthy(draw), end_of_turn_s=float(draw.uniform(1.6, 3.0)), reports_activity=True),
    "TRN005": lambda draw: replace(
        healthy(draw), steps=(Step(length_s=2.4), Step()), early_s=float(draw.uniform(0.15, 1.0))
    ),
    "PLY010": lambda draw: _with_barge_in(
        draw, detect_s=float(draw.uniform(0.08, 0.4)), flush_s=float(draw.uniform(0.4, 2.5))
    ),
}


def findings_of(talk: Talk) -> tuple[set[str], Measurements]:
    """Return the codes that are raised on a conversation, and its measurements."""
    result = judge_take(build_talk(talk), metrics=METRICS, rules=RULES)
    return {item.code for item in result.findings}, result.measurements


def main() -> int:
    """Print one line per rule, and the errors of the measured delays."""
    parser = argparse.ArgumentParser(description="Rules of turn-taking on conversations with known moments.")
    parser.add_argument("--conversations", type=int, default=200)
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    errors: list[float] = []
    print("| conversations | right | wrong | other rules raised |\n|---|---|---|---|")
    for code, drawn in {"healthy": healthy, **FAULTS}.items():
        right, others = 0, []
        for number in range(given.conversations):
            talk = drawn(np.random.default_rng((given.seed, sum(map(ord, code)), number)))
            found, measured = findings_of(talk)
            extra = found - {code} - MAY_FOLLOW.get(code, set())
            right += (code in found or code == "healthy") and not extra
            others += sorted(extra)
            errors += _errors(talk, measured)
        wrong = given.conversations - right
        print(f"| {code} | {right} of {given.conversations} | {wrong} | {', '.join(others) or '-'} |", flush=True)
    worst = np.percentile(np.abs(errors), 95) if errors else float("nan")
    print(f"\nBarge-in to silence: {len(errors)} measured, p95 of the error {1000 * worst:.1f} ms")
    return 0


def _errors(talk: Talk, measured: Measurements) -> list[float]:
    """Return measured minus true time from the user's first word to silence, of barge-ins that interrupted."""
    truth_s = talk.detect_s + talk.flush_s
    barge_ins = [step for step in talk.steps if step.kind == "barge_in"]
    if not all(step.interrupts and (step.at_s or 0.0) + truth_s < talk.reply_s for step in barge_ins):
        return []
    values = [item.value for item in measured.find("barge_in_delay_s") if isinstance(item.value, float)]
    return [value - truth_s for value in values]


if __name__ == "__main__":
    sys.exit(main())
