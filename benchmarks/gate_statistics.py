"""How often a comparison and the release gate are wrong, and what they can show: `make statistics`.

Releases are simulated: takes of eight prompts with their own latencies, a spread from take to take, outliers, takes
without a reply, and warnings that appear by chance. `A/A` compares two releases of the same thing, where every "worse"
is a false alarm. Power compares a release with one that answers later.

    python -m benchmarks.gate_statistics --releases 1000
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from diag.core.chain import Hop
from diag.core.missing import Missing, MissingCode
from diag.core.release import Decision, Earlier
from diag.core.results import (
    Change,
    Finding,
    Measurement,
    Measurements,
    RuleOutcome,
    RunFinding,
    RunResult,
    Severity,
    Status,
    TakeResult,
    Tier,
)
from diag.judge.difference import LEVEL
from diag.judge.release import judge_product

PROMPTS = tuple(f"prompt {number}" for number in range(1, 9))
SPREADS_S = (0.02, 0.04, 0.25)
"""Spread of the latency from take to take: the simulated service, a steady service, a service under load."""
REGRESSIONS_S = (0.05, 0.10, 0.20)
COUNTS = (5, 10, 20)
OUTLIERS, OUTLIER_S = 0.02, 0.6
FAILURES = 0.005
WARNINGS = 0.03


@dataclass(frozen=True)
class Service:
    """What a simulated release is drawn from.

    Parameters
    ----------
    spread_s : float
        Standard deviation of the latency of one take.
    later_s : float
        How much later it answers than the release before.
    loss : float
        Probability that a take has no reply.
    """

    spread_s: float
    later_s: float = 0.0
    loss: float = FAILURES


def simulated(service: Service, takes: int, rng: np.random.Generator, prompts_s: np.ndarray) -> RunResult:
    """Return a run as the recorder and the rules would have made it."""
    results, warned = [], []
    for index in range(takes):
        prompt = index % len(PROMPTS)
        take_id = f"{index + 1:04d}"
        # Log-normal, as latencies are, with the mean zero and the wanted spread.
        shape = 0.5
        tail = rng.lognormal(0.0, shape) - np.exp(shape**2 / 2)
        noise_s = service.spread_s * tail / np.sqrt((np.exp(shape**2) - 1) * np.exp(shape**2))
        noise_s += OUTLIER_S if rng.random() < OUTLIERS else 0.0
        answered = rng.random() >= service.loss
        results.append(_take(take_id, PROMPTS[prompt], prompts_s[prompt] + noise_s + service.later_s, answered, rng))
        if rng.random() < WARNINGS:
            warned.append(take_id)
    findings: tuple[RunFinding, ...] = ()
    if warned:
        warning = Finding(code="MIC004", name="dropouts", severity=Severity.WARNING, hop=Hop.MICROPHONE,
                          title="Gaps", evidence=(), likely_cause="", fix="", confidence=1.0)  # fmt: skip
        findings = (RunFinding(finding=warning, take_ids=tuple(warned), counted=takes),)
    return RunResult(
        name="app", title="", config={}, environment={"audio": "virtual", "endpoint": "emulator"},
        takes=tuple(results), summary=(), findings=findings,
    )  # fmt: skip


def _take(take_id: str, prompt: str, wait_s: float, answered: bool, rng: np.random.Generator) -> TakeResult:
    silent = None if answered else Missing(MissingCode.NO_TURN, "no reply")

    def value(metric: str, unit: str, number: float, hop: Hop | None = None) -> Measurement:
        kept = answered or metric == "answered"
        return Measurement(metric=metric, unit=unit, value=number if kept else None, missing=None if kept else silent,
                           tier=Tier.EVENTS, turn=0, segment=hop.segment if hop else None)  # fmt: skip

    measured = [
        value("answered", "1", float(answered)),
        value("ttfb_s", "s", wait_s - 0.10 + rng.normal(0, 0.002)),
        value("ttfa_received_s", "s", wait_s - 0.07 + rng.normal(0, 0.002)),
        value("ttfa_heard_s", "s", wait_s + rng.normal(0, 0.004)),
        value("service_delay_s", "s", wait_s - 0.12 + rng.normal(0, 0.003)),
        value("playout_delay_s", "s", 0.06 + rng.normal(0, 0.008)),
    ]
    for hop in (Hop.MICROPHONE, Hop.SENDER, Hop.PLAYER, Hop.SPEAKER):
        measured += [
            value("rate_ratio", "1", 1 + rng.normal(0, 1e-5), hop),
            value("dullness_db", "dB", rng.normal(0, 0.2), hop),
            value("dropout_count", "1", float(rng.poisson(0.05)), hop),
        ]
    outcome = RuleOutcome(code="PLY001", name="rate", status=Status.CLEAR)
    return TakeResult(id=take_id, prompt_names=(prompt,), measurements=Measurements(tuple(measured)), findings=(),
                      outcomes=(outcome,))  # fmt: skip


def pairs(
    service: Service, takes: int, count: int, seed: int, *, spread_s: float
) -> Iterator[tuple[RunResult, RunResult, int]]:  # fmt: skip
    """Give pairs of runs: the release before, and one drawn from `service`."""
    for number in range(count):
        rng = np.random.default_rng([seed, number])
        prompts_s = rng.uniform(0.6, 1.4, len(PROMPTS))
        yield simulated(Service(spread_s), takes, rng, prompts_s), simulated(service, takes, rng, prompts_s), number


def rates(service: Service, takes: int, count: int, seed: int, *, spread_s: float) -> tuple[float, float, float]:
    """Return the shares of releases with a metric that is called worse, that are blocked, and that are undecided."""
    worse = blocked = undecided = 0
    earlier = Earlier(what="the baseline", takes=takes)
    for before, after, number in pairs(service, takes, count, seed, spread_s=spread_s):
        product, comparison = judge_product(after, asked=takes, earlier=earlier, before=before, seed=number)
        assert comparison is not None
        worse += any(item.verdict is Change.WORSE for item in comparison.comparisons)
        blocked += product.decision is Decision.DO_NOT_SHIP
        undecided += product.decision is Decision.TOO_LITTLE_EVIDENCE
    return worse / count, blocked / count, undecided / count


def main() -> int:
    """Print the tables; return 1 if a rate of false alarms is above its nominal level, or the power is too small."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--releases", type=int, default=1000, help="simulated releases for false alarms")
    parser.add_argument("--trials", type=int, default=200, help="simulated releases for each cell of the power table")
    parser.add_argument("--spread-ms", type=float, nargs="+", default=[1000 * item for item in SPREADS_S])
    parser.add_argument("--takes", type=int, nargs="+", default=COUNTS, help="takes of a release")
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    missed, spreads_s = False, [item / 1000 for item in given.spread_ms]
    print(f"False alarms in {given.releases} A/A releases per row; nominal level {LEVEL:.0%}")
    print("spread of a take | takes | a metric worse | gate: do not ship | gate: too little evidence")
    for spread_s in spreads_s if given.releases else ():
        for takes in given.takes:
            found = rates(Service(spread_s), takes, given.releases, given.seed, spread_s=spread_s)
            missed |= max(found[:2]) > LEVEL
            print(f"{spread_s * 1000:>13.0f} ms | {takes:>5} | {found[0]:>14.1%} | {found[1]:>17.1%} | {found[2]:.1%}",
                  flush=True)  # fmt: skip
    print(f"\nPower: share of {given.trials} later releases that the gate blocks")
    print("spread of a take | takes | " + " | ".join(f"+{later_s * 1000:.0f} ms" for later_s in REGRESSIONS_S))
    for spread_s in spreads_s if given.trials else ():
        for takes in given.takes:
            shares = [
                rates(Service(spread_s, later_s), takes, given.trials, given.seed + 1, spread_s=spread_s)[1]
                for later_s in REGRESSIONS_S
            ]
            missed |= spread_s <= SPREADS_S[1] and takes == COUNTS[-1] and shares[1] < 0.95
            print(f"{spread_s * 1000:>13.0f} ms | {takes:>5} | " + " | ".join(f"{share:6.1%}" for share in shares),
                  flush=True)  # fmt: skip
    return int(missed)


if __name__ == "__main__":
    sys.exit(main())
