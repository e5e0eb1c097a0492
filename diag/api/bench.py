"""`diag bench`, the release gate: is the product fit to ship, compared with its last accepted release."""

from __future__ import annotations

import time
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from diag.api.earlier import (
    MARK,
    Held,
    baseline_of,
    earlier_versions,
    held_against,
    keep_baseline,
    surroundings_of,
)
from diag.api.options import AUTO_TAKES, Options, Progress, Quiet
from diag.api.run import execute, finish, planned_or_resumed
from diag.core.errors import BadInputError
from diag.core.messages import Message, fixed_text, msg
from diag.core.release import Decision, Earlier, Limit, Product, Reason, Release, Weight
from diag.core.results import Report, RunComparison, RunResult
from diag.files.baselines import Baseline
from diag.files.scenario_folders import built_in_folder, checkout_root, own_folder
from diag.files.scenarios import Scenario, find_scenario, read_scenario
from diag.files.suites import Suite, find_suite, read_suite

if TYPE_CHECKING:
    from diag.api.run_plan import RunPlan

REPORT_NAME = "bench"
STAND_IN = "healthy"
"""The product if none is named: diag's own client."""
TAKES = 20
"""Takes of each product. They show a change of 100 ms if single takes vary by up to 40 ms (`make statistics`)."""


def bench(
    options: Options | None = None,
    progress: Progress | None = None,
    *,
    configurations: Sequence[str] = (),
    given: Collection[str] = (),
    fail_on: str | None = None,
    against: str | None = None,
    update_baseline: bool = False,
    self_check: bool = True,
) -> Report:
    """Record takes of the products, and decide whether they should be released.

    Parameters
    ----------
    options : Options
    configurations : sequence of str
        Products: names or paths of configurations. Empty for those of the nearest `diag.toml`; without one for the
        user's own `scenarios/` folder, and without that for diag's own client as a stand-in.
    given : collection of str
        Names of the fields of `options` that replace those of the suite.
    fail_on : {"error", "warning", "never"} or None
        Lowest severity that blocks; None for that of the suite.
    against : str or None
        A revision of the repository, or the folder of a saved run, of which takes are recorded now, in turn with those
        of the products. None for the baseline.
    update_baseline : bool
        Keep the takes as the baseline of later releases, unless a finding or a limit blocks this one.
    self_check : bool
        Check diag's own detectors afterwards.

    Returns
    -------
    Report
        `release` has the decision, and `comparisons` those with the earlier releases.

    Raises
    ------
    BadInputError, CannotMeasureError
        As in `diag.api.run.run`; BadInputError too for a suite or a baseline that cannot be used.
    """
    options, progress = options or Options(), progress or Quiet()
    start_s = time.perf_counter()
    suite = None if configurations else _suite(progress)
    if not options.resume:
        options = _with_suite(options, suite, given)
    wanted = [] if options.resume else _products(configurations, suite, progress)
    # A damaged baseline is reported before takes are spent.
    for scenario, _ in wanted:
        if against is None and not update_baseline:
            baseline_of(_baselines(suite), scenario.name)
    with _old_and_new(against, wanted) as scenarios:
        plans, options = planned_or_resumed(
            None if options.resume else scenarios, options, progress, command="bench"
        )  # fmt: skip
        if options.resume and not _belong_to(suite, plans, progress):
            if suite is not None:
                progress.note(msg("the run is not of this suite's configurations: it is judged without its limits"))
            suite = None
        gate = _Gate(
            limits=_limits(suite),
            accepted=suite.suite.accept if suite else (),
            fail_on=fail_on or (suite.suite.fail_on if suite else "error"),
            baselines=_baselines(suite),
            update=update_baseline,
            options=options,
        )
        results, judged = _recorded(plans, options, progress, gate)
    recorded_s = time.perf_counter() - start_s
    checked = None
    if self_check:
        from diag.api.self_check import check_detectors

        progress.note(msg("self-check: built-in faults"))
        checked = check_detectors()
    products = tuple(product for product, _ in judged)
    if update_baseline:
        products = tuple(_kept(product, plans, results, gate, progress) for product in products)
    release = Release(
        products=products,
        stand_in=not options.resume
        and suite is None
        and [item.name for item, _ in wanted] == [STAND_IN]
        and not configurations,
        self_check=checked,
        seconds=round(time.perf_counter() - start_s, 1),
        stages_s={"product": round(recorded_s, 1), "self-check": checked.seconds if checked else 0.0},
        command=" ".join(["diag bench", *configurations, *(["--against", against] if against else [])]),
    )
    comparisons = tuple(comparison for _, comparison in judged if comparison is not None)
    return finish(Report(runs=tuple(results), comparisons=comparisons, release=release), options, name=REPORT_NAME)


@dataclass(frozen=True, kw_only=True)
class _Gate:
    """What products are judged by."""

    limits: tuple[Limit, ...]
    accepted: tuple[str, ...]
    fail_on: str
    baselines: Path
    update: bool
    options: Options


# --- what is tested ---------------------------------------------------------------------------------------------


def _suite(progress: Progress) -> Suite | None:
    path = find_suite()
    if path is None:
        return None
    from diag.measure.registry import all_metrics

    progress.note(msg("suite {path}", path=path))
    return read_suite(path, metrics=sorted({item.name for item in all_metrics()}))


def _with_suite(options: Options, suite: Suite | None, given: Collection[str]) -> Options:
    """Return the options with the suite's values, except where the options were given by the user."""
    table = suite.suite if suite is not None else None
    chosen: dict[str, Any] = {
        "takes": TAKES if table is None or table.takes == "auto" else table.takes,
        "auto": table is not None and table.takes == "auto",
        "prompts": () if suite is None or table is None else suite.paths(table.prompts),
        "audio": options.audio if table is None else table.audio,
        "endpoint": options.endpoint if table is None else table.endpoint,
    }
    if "takes" in given:
        given = {*given, "auto"}
    return replace(options, **{name: value for name, value in chosen.items() if name not in given})


def _products(
    configurations: Sequence[str], suite: Suite | None, progress: Progress
) -> list[tuple[Scenario, Path | None]]:
    """Return the products and their files; None in place of the file of a built-in configuration."""
    names = list(configurations)
    if not names and suite is not None:
        names = list(suite.paths(suite.suite.configurations))
    own = own_folder()
    if not names and own is not None and any(own.glob("*.toml")):
        progress.note(msg("the products are the configurations in {folder}", folder=own))
        names = [str(path) for path in sorted(own.glob("*.toml"))]
    if not names:
        return [(read_scenario(built_in_folder() / f"{STAND_IN}.toml"), None)]
    found = {}
    for name in names:
        path = Path(name)
        found[name] = (find_scenario(name), path.resolve() if path.is_file() else None)
    scenarios = [scenario.name for scenario, _ in found.values()]
    twice = next((name for name in scenarios if scenarios.count(name) > 1), None)
    if twice is not None:
        raise BadInputError(
            "Could not run the bench",
            seen=f"two configurations are called {twice}",
            allowed="files with different names, because each has a baseline of its own",
            next_step="rename one of the files",
        )
    return list(found.values())


def _belong_to(suite: Suite | None, plans: Sequence[RunPlan], progress: Progress) -> bool:
    """Return whether the runs gone on with are of the suite's configurations: then its limits hold for them."""
    if suite is None:
        return False
    names = {scenario.name for scenario, _ in _products((), suite, progress)}
    return all((_version_of(plan.name) or plan.name) in names for plan in plans)


def _baselines(suite: Suite | None) -> Path:
    return suite.baselines if suite else (checkout_root() or Path()) / "reports" / "baselines"


def _limits(suite: Suite | None) -> tuple[Limit, ...]:
    tables = suite.limits if suite is not None else ()
    return tuple(
        Limit(**table.model_dump(exclude={"level"}), blocks=table.level == "error") for table in tables
    )  # fmt: skip


@contextmanager
def _old_and_new(against: str | None, wanted: Sequence[tuple[Scenario, Path | None]]) -> Iterator[list[Scenario]]:
    """Give the configurations to record: the products, and their earlier versions if those are recorded too."""
    with ExitStack() as stack:
        old = [] if against is None else stack.enter_context(earlier_versions(against, wanted))
        yield [*old, *(scenario for scenario, _ in wanted)]


# --- recording and judging --------------------------------------------------------------------------------------


def _recorded(
    plans: list[RunPlan], options: Options, progress: Progress, gate: _Gate
) -> tuple[list[RunResult], list[tuple[Product, RunComparison | None]]]:
    """Return the runs and the decisions; with `auto`, record until every decision is made or the last look is over."""
    from diag.api.run_plan import grown

    looks = AUTO_TAKES if options.auto else (options.takes,)
    for takes in looks:
        if options.auto:
            plans[:] = [grown(plan, takes) for plan in plans]
        results = execute(plans, options, progress)
        judged = _judged(plans, results, gate, looks=len(looks))
        if all(product.decision is not Decision.TOO_LITTLE_EVIDENCE for product, _ in judged):
            break
    return results, judged


def _judged(
    plans: Sequence[RunPlan], results: Sequence[RunResult], gate: _Gate, *, looks: int
) -> list[tuple[Product, RunComparison | None]]:
    from diag.judge.release import judge_product

    fresh = {name: run for run in results if (name := _version_of(run.name)) is not None}
    plan_of = {plan.name: plan for plan in plans}
    new = [run for run in results if _version_of(run.name) is None]
    judged = []
    for run in new:
        held = None if gate.update else _held(run, fresh, plan_of[run.name], gate)
        judged.append(
            judge_product(
                run,
                asked=plan_of[run.name].takes,
                earlier=None if held is None else held.earlier,
                before=None if held is None else held.before,
                limits=gate.limits,
                accepted=gate.accepted,
                fail_on=gate.fail_on,
                decisions=len(new) * looks,
                seed=gate.options.seed,
            )
        )
    return judged


def _version_of(name: str) -> str | None:
    """Return the name of the product that a run is an earlier version of; None for a product itself."""
    product, mark, _ = name.partition(MARK)
    return product if mark else None


def _held(run: RunResult, fresh: Mapping[str, RunResult], plan: RunPlan, gate: _Gate) -> Held | None:
    if run.name in fresh:
        before = fresh[run.name]
        what = msg("{version} (recorded in turn with it)", version=before.name.partition(MARK)[2])
        earlier = Earlier(what=what, takes=len(before.counted), tool_version=before.tool_version)
        return Held(earlier, before)
    baseline = baseline_of(gate.baselines, run.name)
    return None if baseline is None else held_against(baseline, surroundings_of(plan, gate.options.devices))


def _kept(
    product: Product, plans: Sequence[RunPlan], results: Sequence[RunResult], gate: _Gate, progress: Progress
) -> Product:
    """Keep a product as its baseline, and return it with what changed as notes; a blocked one is not kept."""
    from diag.judge.release import NO_BASELINE

    if product.decision is not Decision.SHIP:
        text = msg("The baseline was not changed: {decision}.", decision=fixed_text(product.decision.words))
        reason = Reason(weight=Weight.NOTE, text=text)
        return replace(product, reasons=(*product.reasons, reason))
    (plan,) = (plan for plan in plans if plan.name == product.name)
    (run,) = (run for run in results if run.name == product.name)
    surroundings = surroundings_of(plan, gate.options.devices)
    notes = [*_what_changed(run, baseline_of(gate.baselines, run.name), surroundings, gate)]
    path = keep_baseline(gate.baselines, run, surroundings)
    progress.note(msg("baseline {path} ({size_kb:.0f} kB); commit it", path=path, size_kb=path.stat().st_size / 1000))
    kept = [Reason(weight=Weight.NOTE, text=msg("Kept as the baseline of later releases: {path}.", path=path))]
    others = [item for item in product.reasons if item != NO_BASELINE]
    return replace(product, reasons=(*others, *kept, *notes))


def _what_changed(
    run: RunResult, old: Baseline | None, surroundings: Mapping[str, str], gate: _Gate
) -> Iterator[Reason]:
    """Give what a new baseline changes, and why."""
    from diag.core.results import Change
    from diag.judge.comparison import compare_runs
    from diag.judge.release import change_in_words

    if old is None:
        yield Reason(weight=Weight.NOTE, text=msg("It is the first baseline."))
        return
    held = held_against(old, surroundings)
    comparison = compare_runs(held.before, run, seed=gate.options.seed, allow_different=True)
    for name, then, now in (*held.earlier.refused, *held.earlier.flagged):
        yield Reason(weight=Weight.NOTE, text=_changed(name, then, now))
    for name, a, b in comparison.config_diff:
        yield Reason(weight=Weight.NOTE, text=_changed(name, a, b))
    changed = [item for item in comparison.comparisons if item.verdict in (Change.WORSE, Change.BETTER)]
    for item in changed:
        change = change_in_words(item, msg("the one before"))
        text = msg("Baseline: {change}", change=change)
        yield Reason(weight=Weight.NOTE, text=text, metric=item.metric)
    if not changed:
        yield Reason(weight=Weight.NOTE, text=msg("Baseline: no measure differs from the one before."))


def _changed(name: str, then: object, now: object) -> Message:
    return msg("Baseline: {name} was {then} and is {now}.", name=fixed_text(name), then=then, now=now)
