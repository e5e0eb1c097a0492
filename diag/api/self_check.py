"""`diag verify --self`: does diag find its own built-in faults."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence

import numpy as np

from diag.api.options import Options, Progress, Quiet
from diag.api.run import execute, finish, planned_or_resumed
from diag.api.run_plan import SELF_CHECK
from diag.core.clip import Clip
from diag.core.errors import BadInputError
from diag.core.release import KnownAnswer, SelfCheck
from diag.core.results import Bench, BenchRow, Report, RunResult, Severity
from diag.files.scenario_folders import built_in_folder, group_files, suite_files
from diag.files.scenarios import Scenario, find_scenarios, read_scenario

REPORT_NAME = "self-check"
FAULTS = "faults"
"""Folder of the built-in faults, one for each finding."""
RECORDINGS = ("hearing_you_well", "sunny_in_seoul", "take_the_express")
"""Recorded replies: faults are planted into the first, and nothing may be found in any of them."""


def check_detectors() -> SelfCheck:
    """Return whether the detectors find each built-in fault of the player, and nothing in faultless recordings.

    Each fault is planted into a recorded reply at the rate of the player, and the result is judged against the reply,
    as `diag analyze --reference` does. No device and no network is used.
    """
    start_s = time.perf_counter()
    return SelfCheck(answers=tuple(_answers()), seconds=round(time.perf_counter() - start_s, 1))


def _answers() -> Iterator[KnownAnswer]:
    from diag.api.analyze import analyze
    from diag.files.audio_files import read_wav
    from diag.judge.registry import Scope, all_rules
    from diag.record.client.impairments import planted_chain
    from diag.record.client.resampler import resample

    replies = [read_wav(built_in_folder() / "replies" / f"{name}.wav") for name in RECORDINGS]
    for name, reply in zip(RECORDINGS, replies, strict=True):
        found = analyze(reply, reference=reply).findings
        codes = tuple(item.code for item in found if item.severity is not Severity.INFO)
        yield KnownAnswer(name=name, title="A faultless recording", expected=(), found=codes)
    seen = {rule.code for rule in all_rules() if rule.scope is Scope.SEGMENT}
    for scenario in map(read_scenario, group_files(FAULTS)):
        # Other faults of the player are seen in events or in turns, which a recording by itself does not have.
        planted = scenario.faults.on("player")
        if not planted or len(planted) < len(scenario.faults.planted) or not set(scenario.expect.findings) <= seen:
            continue
        rate_hz = scenario.client.playback.sample_rate_hz
        right = Clip(samples=resample(replies[0].samples, replies[0].sample_rate_hz, rate_hz), sample_rate_hz=rate_hz)
        chain = planted_chain(planted, rate_hz)
        wrong = np.concatenate((chain.push(right.samples), chain.finish()))
        found = analyze(Clip(samples=wrong, sample_rate_hz=rate_hz), reference=right).findings
        roots = tuple(item.code for item in found if item.consequence_of is None and item.severity is not Severity.INFO)
        yield KnownAnswer(
            name=scenario.name, title=scenario.title, expected=scenario.expect.findings, found=roots
        )  # fmt: skip


def check_scenarios(
    options: Options | None = None, progress: Progress | None = None, *, scenarios: Sequence[str] = ()
) -> Report:
    """Record scenarios side by side and compare the findings of each with those that are expected.

    Parameters
    ----------
    scenarios : sequence of str
        Names or paths of configurations or of folders of them, as "faults"; empty for all of the user's own
        `scenarios/` folder, or all built-in ones.

    Returns
    -------
    Report
        `bench` has a row for each scenario.

    Raises
    ------
    BadInputError, CannotMeasureError
        As in `diag.api.run.run`.
    """
    options, progress = options or Options(), progress or Quiet()
    start_s = time.perf_counter()
    chosen = find_scenarios(scenarios) or (None if options.resume else _all_scenarios(progress))
    plans, options = planned_or_resumed(chosen, options, progress, command=SELF_CHECK)
    results = execute(plans, options, progress)
    rows = [row_of(plan.scenario, result, asked=plan.takes) for plan, result in zip(plans, results, strict=True)]
    made = Bench(
        rows=tuple(rows),
        seconds=round(time.perf_counter() - start_s, 1),
        command="diag verify --self --scenarios",
    )
    return finish(Report(runs=tuple(results), bench=made), options, name=REPORT_NAME)


def _all_scenarios(progress: Progress) -> list[Scenario]:
    files = suite_files()
    if not files:
        raise BadInputError(
            "Could not run the scenarios",
            seen="no configuration in scenarios/",
            allowed="TOML files as described in docs/configuration.md",
            next_step="restore scenarios/, or install diag again",
        )
    if files[0].parent != built_in_folder():
        progress.note(f"running the configurations in {files[0].parent}")
    return sorted(map(read_scenario, files), key=lambda scenario: bool(scenario.expect.findings))


def row_of(scenario: Scenario, result: RunResult, *, asked: int) -> BenchRow:
    """Return one run compared with its scenario's expectations.

    It is as expected when every counted take shows each expected root finding and no take shows another one of
    severity warning or error (information counts where it is expected); consequences must be announced by the scenario
    too. A scenario that expects nothing passes only if every hop was shown to be right. Besides, as many takes must
    count as were asked for: what was discarded may hide anything.
    """
    expected, allowed = set(scenario.expect.findings), set(scenario.expect.consequences)
    counted = result.counted
    of_weight = [
        item for item in result.findings if item.finding.severity is not Severity.INFO or item.finding.code in expected
    ]
    roots = {item.finding.code: item for item in of_weight if item.finding.consequence_of is None}
    others = {item.finding.code for item in of_weight if item.finding.consequence_of is not None}
    everywhere = all(len(roots[code].take_ids) == len(counted) for code in expected if code in roots)
    shown = bool(expected) or not result.not_shown
    as_expected = set(roots) == expected and everywhere and others <= allowed and shown if counted else None
    return BenchRow(
        scenario=scenario.name,
        title=scenario.title,
        shows=scenario.shows,
        expected=tuple(sorted(expected)),
        consequences=tuple(sorted(others)),
        found=tuple(sorted(roots)),
        counts={code: (len(item.take_ids), len(counted)) for code, item in roots.items()},
        takes=len(counted),
        asked=asked,
        discarded=len(result.takes) - len(counted),
        as_expected=as_expected,
        folder=result.folder,
    )
