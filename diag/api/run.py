"""Runs and comparisons: plans takes, hands them to workers, judges what comes back. Wiring only."""

from __future__ import annotations

import contextlib
import difflib
import math
import os
import secrets
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Literal, Protocol

from diag.core.client_config import Scenario, read_scenario
from diag.core.errors import BadInputError, CannotMeasureError
from diag.core.results import Report, RunResult, TakeResult
from diag.files.prompts import project_folder

if TYPE_CHECKING:
    from diag.api.run_plan import RunPlan

REPORTS = Path("reports")
RUNS = "runs"
"""Folder of the run folders, below that of the reports."""
RIGS_PER_CORE = 2
"""A take mostly waits; two a core were seen without a late callback on a two-core machine."""
SESSIONS_AT_A_REAL_SERVICE = 1
"""Low tiers allow about three sessions at once, and those that others hold open count."""
START_S = 5.0
TAKE_S = 11.0
"""Usual length of a take: calibration, a prompt of some seconds, a reply of some seconds."""


class Progress(Protocol):
    """Told by conductors what happens; a terminal shows it."""

    def started(self, *, title: str, takes: int, about_s: float | None) -> None:
        """Takes are about to be recorded."""

    def take_done(self, *, run: str, take: str, line: str, discarded: str | None) -> None:
        """A take was recorded and judged; `line` is one plain sentence."""

    def note(self, text: str) -> None:
        """Something worth knowing."""


class Quiet:
    """A progress that shows nothing, for use from Python."""

    def started(self, *, title: str, takes: int, about_s: float | None) -> None: ...

    def take_done(self, *, run: str, take: str, line: str, discarded: str | None) -> None: ...

    def note(self, text: str) -> None: ...


@dataclass(frozen=True, kw_only=True)
class Options:
    """What to run, on what, and where the results go.

    Parameters
    ----------
    takes : int
        Takes of each configuration, >= 1.
    prompts : tuple of str
        Names or paths; empty for the configuration's own, else all.
    audio : str
        "virtual", "wire" or "system".
    endpoint : str
        "emulator", "gemini" or a URL.
    out : Path or None
        Folder for runs and reports; None for `reports/`.
    seed : int
        Seed of all random choices.
    rigs : int or None
        How many takes are recorded side by side; None to choose by cores, one at a time at a real service.
    devices : mapping
        Port to device name, for "system".
    embed : str
        How much audio the report holds: "evidence", "all" or "none".
    resume : Path or None
        A run folder to go on with.
    """

    takes: int = 5
    prompts: tuple[str, ...] = ()
    audio: str = "virtual"
    endpoint: str = "emulator"
    out: Path | None = None
    seed: int = 0
    rigs: int | None = None
    devices: Mapping[str, str] = field(default_factory=dict)
    embed: Literal["evidence", "all", "none"] = "evidence"
    resume: Path | None = None

    def rig_count(self, takes: int) -> int:
        """How many rigs serve a number of takes."""
        if self.audio == "system":
            return 1
        usual = RIGS_PER_CORE * (os.cpu_count() or 1) if self.endpoint == "emulator" else SESSIONS_AT_A_REAL_SERVICE
        wanted = self.rigs or usual
        return max(1, min(wanted, takes))

    @property
    def reports_dir(self) -> Path:
        """Folder of the reports."""
        return self.out or REPORTS

    @property
    def runs_dir(self) -> Path:
        """Folder of the run folders."""
        return self.reports_dir / RUNS


def find_scenario(name_or_path: str) -> Scenario:
    """A configuration by path, or by name from `scenarios/`.

    Raises
    ------
    BadInputError
        If there is none of that name, or it cannot be read.
    """
    path = Path(name_or_path)
    if path.suffix == ".toml" or path.is_file():
        return read_scenario(path)
    folder = project_folder()
    known = sorted(file.stem for file in folder.glob("*.toml"))
    if name_or_path in known:
        return read_scenario(folder / f"{name_or_path}.toml")
    close = difflib.get_close_matches(name_or_path, known, n=1)
    raise BadInputError(
        f"Could not find the configuration `{name_or_path}`",
        seen="no such file and no such name in scenarios/",
        allowed=f"a path to a TOML file, a saved run, or one of {', '.join(known)}",
        next_step=f"did you mean `{close[0]}`?" if close else "choose one of these",
    )


def is_saved_run(config: str) -> bool:
    """Whether a CONFIG names a run folder."""
    return (Path(config) / "run.json").is_file()


def run(config: str, options: Options | None = None, progress: Progress | None = None) -> Report:
    """Record and judge takes of one configuration, and write the report.

    Parameters
    ----------
    config : str
        Path of a TOML file, name of one in `scenarios/`, or a saved run (its configuration is run again).

    Raises
    ------
    BadInputError
        If the configuration, a prompt or an option cannot be used.
    CannotMeasureError
        If there is no audio, no connection or no key; nothing was measured.
    """
    options, progress = options or Options(), progress or Quiet()
    resumed = options.resume is not None and Path(config).resolve() == options.resume.resolve()
    wanted = None if resumed else [_scenario_of(config)]
    plans, options = planned_or_resumed(wanted, options, progress, command="run")
    results = execute(plans, options, progress)
    return finish(Report(runs=tuple(results)), options, name=plans[0].folder.name)


def compare(a: str, b: str, options: Options | None = None, progress: Progress | None = None) -> Report:
    """Record takes of two configurations interleaved (or read two saved runs) and say what differs and why.

    Raises
    ------
    BadInputError, CannotMeasureError
        As in `run`; BadInputError too where two runs must not be compared.
    """
    from diag.api.analyze import analyze_run
    from diag.judge.comparison import compare_runs

    options, progress = options or Options(), progress or Quiet()
    fresh = [find_scenario(config) for config in (a, b) if not is_saved_run(config)]
    plans, options = planned_or_resumed(fresh, options, progress, command="compare")
    recorded = iter(execute(plans, options, progress))
    results = [analyze_run(Path(config)) if is_saved_run(config) else next(recorded) for config in (a, b)]
    comparison = compare_runs(results[0], results[1], seed=options.seed)
    report = Report(runs=tuple(results), comparisons=(comparison,), verdict=comparison.sentence)
    return finish(report, options, name=f"compare-{results[0].name}-{results[1].name}")


def _scenario_of(config: str) -> Scenario:
    if not is_saved_run(config):
        return find_scenario(config)
    from diag.api.run_plan import scenario_of
    from diag.files.run_folders import read_run

    return scenario_of(read_run(Path(config)), attempted=f"Could not run {config} again")


def planned_or_resumed(
    scenarios: Sequence[Scenario] | None, options: Options, progress: Progress, *, command: str
) -> tuple[list[RunPlan], Options]:
    """New run folders for configurations, or those that are gone on with; and the options that they were made with.

    Parameters
    ----------
    scenarios : sequence of Scenario or None
        What was asked for; None for whatever the runs to go on with hold.
    """
    from diag.api.run_plan import new_run
    from diag.emulator.settings import read_settings
    from diag.record.live.genai import endpoint_from_name

    if options.resume is not None:
        return _resumed(scenarios, options, options.resume, progress, command)
    scenarios = scenarios or ()
    # A missing key, a bad URL or setting is told before anything is made on disk.
    if options.endpoint != "emulator":
        endpoint_from_name(options.endpoint)
    else:
        for scenario in scenarios:
            read_settings(scenario.emulator, attempted=f"Could not use [emulator] of {scenario.name}")
    group = secrets.token_hex(6)
    names = _distinct_names(scenarios)
    return [
        new_run(scenario, options, command=command, name=name, group=group, position=position)
        for position, (scenario, name) in enumerate(zip(scenarios, names, strict=True))
    ], options


def _resumed(
    scenarios: Sequence[Scenario] | None, options: Options, folder: Path, progress: Progress, command: str
) -> tuple[list[RunPlan], Options]:
    from diag.api.run_plan import resumed_runs

    plans, facts = resumed_runs(folder, progress.note)
    made, names = plans[0].command, [plan.name for plan in plans]
    if made != command:
        raise BadInputError(
            f"Could not go on with {folder} by `diag {command}`",
            seen=f"`diag {made}` made it",
            allowed=f"a run folder that `diag {command}` made",
            next_step=f"`diag {made}{'' if made == 'bench' else ' ' + ' '.join(names)} --resume {folder}`",
        )
    if scenarios is not None and names != _distinct_names(scenarios):
        raise BadInputError(
            f"Could not go on with {folder} as {' and '.join(_distinct_names(scenarios))}",
            seen=f"it belongs to {' and '.join(names)}",
            allowed=f"a run folder that `diag {command}` made of the same configurations",
            next_step="name the configurations that it was made of, in their order, or leave out `--resume`",
        )
    kept = {key: facts[key] for key in ("audio", "endpoint", "devices", "seed", "takes")}
    return plans, replace(options, **kept, out=options.out or _home_of(folder))


def _home_of(folder: Path) -> Path:
    """Folder of the reports of a run folder."""
    runs = folder.resolve().parent
    home, here = runs.parent if runs.name == RUNS else runs, Path.cwd()
    return home.relative_to(here) if home.is_relative_to(here) else home


def _distinct_names(scenarios: Sequence[Scenario]) -> list[str]:
    """Names of runs; a configuration compared with itself (an A/A test of the noise) gets numbers."""
    names = [scenario.name for scenario in scenarios]
    return [
        name if names.count(name) == 1 else f"{name}-{names[:index].count(name) + 1}"
        for index, name in enumerate(names)
    ]


def execute(plans: Sequence[RunPlan], options: Options, progress: Progress) -> list[RunResult]:
    """Record what the plans still lack, judge all of it, and give one result a plan."""
    from diag.api.run_plan import interleaved, lacking
    from diag.judge.engine import judge_run

    takes = {plan.folder: _judged(plan, progress) for plan in plans}
    missing = {plan.folder: lacking(plan, takes[plan.folder]) for plan in plans}
    count = sum(map(len, missing.values()))
    if count:
        from diag.api.take_dispatch import record_all

        title = " and ".join(plan.name for plan in plans) if len(plans) < 4 else f"{len(plans)} configurations"
        rigs = options.rig_count(count)
        progress.started(title=title, takes=count, about_s=START_S + TAKE_S * math.ceil(count / rigs))
        with _told_what_was_kept(plans, progress):
            for folder, recorded in record_all(interleaved(plans, missing), options, progress).items():
                takes[folder] += recorded
    results = []
    for plan in plans:
        result = judge_run(
            plan.name,
            plan.scenario.title,
            sorted(takes[plan.folder], key=lambda take: take.id),
            plan.scenario.client,
            dict(plan.environment),
        )
        results.append(replace(result, folder=str(plan.folder)))
    return results


def _judged(plan: RunPlan, progress: Progress) -> list[TakeResult]:
    """Takes that a run has already; one that cannot be read is named, and recorded again under another number."""
    from diag.files.run_folders import read_take
    from diag.judge.engine import judge_take

    found = []
    for take_id in plan.finished:
        try:
            found.append(judge_take(read_take(plan.folder / "takes" / take_id)))
        except BadInputError as error:
            progress.note(f"passed over: {error}")
    return found


@contextlib.contextmanager
def _told_what_was_kept(plans: Sequence[RunPlan], progress: Progress) -> Iterator[None]:
    try:
        yield
    except (KeyboardInterrupt, CannotMeasureError):
        kept = sum(len(plan.finished) for plan in plans)
        if kept:
            from diag.report.sentences import plural

            takes = plural(kept, "take")
            progress.note(
                f"kept {kept} finished {takes}; `diag {plans[0].command} … --resume {plans[0].folder}` records the rest"
            )
        raise


def finish(report: Report, options: Options, *, name: str) -> Report:
    """Write the HTML report, and give the document with its verdict and the report's path."""
    from diag.files.saved_takes import SavedTakes
    from diag.report.build import build_report
    from diag.report.sentences import verdict_line

    first = verdict_line(report)
    report = replace(report, verdict=f"{first.word}  {first.sentence}")
    takes = {
        run.folder: SavedTakes(Path(run.folder), [take.id for take in run.takes]) for run in report.runs if run.folder
    }
    path = options.reports_dir / f"{name}.html"
    build_report(report, takes, path, embed=options.embed)
    return replace(report, report=str(path))
