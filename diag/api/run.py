"""Runs and comparisons: plans takes, hands them to workers, judges what comes back. Wiring only."""

from __future__ import annotations

import contextlib
import secrets
import shutil
import sys
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from diag.api.options import RUNS, Options, Progress, Quiet
from diag.core.errors import BadInputError, CannotMeasureError
from diag.core.keys import HIDDEN
from diag.core.messages import msg
from diag.core.results import Report, RunResult, TakeResult
from diag.core.units import counted
from diag.files.scenarios import AppConfig, RoomConfig, Scenario, find_scenario, read_turns, scenario_from_mapping

if TYPE_CHECKING:
    from diag.api.run_plan import RunPlan
    from diag.dsp.profile import VoiceProfile
    from diag.files.rooms import Room


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
    if options.auto:
        raise BadInputError(
            "Could not record until a comparison decides",
            seen="--takes auto, and nothing to compare with",
            allowed="auto for `diag compare` and `diag bench`",
            next_step="write a number, as --takes 20",
        )
    resumed = options.resume is not None and Path(config).resolve() == options.resume.resolve()
    wanted = None if resumed else [_scenario_of(config, options)]
    plans, options = planned_or_resumed(wanted, options, progress, command="run")
    results = execute(plans, options, progress)
    return finish(Report(runs=tuple(results)), options, name=plans[0].folder.name)


def _scenario_of(config: str, options: Options) -> Scenario:
    if not config and options.app is not None:
        return app_scenario(options.app)
    if not is_saved_run(config):
        return find_scenario(config)
    from diag.api.run_plan import scenario_of
    from diag.files.run_folders import read_run
    from diag.files.voice_profiles import RUN_FILE

    scenario = scenario_of(read_run(Path(config)), attempted=f"Could not run {config} again")
    own = Path(config).resolve() / RUN_FILE
    # The profile that the run was judged against is copied into its folder, and the original may be gone.
    return scenario.model_copy(update={"voice": str(own)}) if own.is_file() else scenario


def app_scenario(app: str) -> Scenario:
    """Return the configuration of an app that is tested without one: a page if it begins like an address.

    Raises
    ------
    BadInputError
        If the command or the address cannot be used.
    """
    is_page = app.startswith(("http://", "https://", "file://"))
    table = {"url" if is_page else "command": app, "directory": str(Path.cwd())}
    title = f"The page {app}" if is_page else f"The app `{app}`"
    return scenario_from_mapping("app", {"title": title, "app": table}, attempted=f"Could not use the app `{app}`")


def _with_app(scenario: Scenario, options: Options) -> Scenario:
    """Return a configuration with the app of the options, if there is one; check that its command exists."""
    if options.app is not None:
        scenario = scenario.model_copy(update={"app": app_scenario(options.app).app})
    if scenario.app is not None:
        check_app(scenario.name, scenario.app, options)
    return scenario


def _in_room(scenario: Scenario, options: Options) -> Scenario:
    """Return a configuration with the room of the options, if there is one; check that the room can be used.

    Raises
    ------
    BadInputError
        If the audio is not virtual, there is no such room, or its file cannot be used.
    """
    from diag.files.rooms import find_room, read_responses

    if options.room is not None:
        scenario = scenario.model_copy(update={"room": RoomConfig(name=options.room)})
    if scenario.room is None:
        return scenario
    if options.audio != "virtual":
        raise BadInputError(
            f"Could not put {scenario.name} into the room {scenario.room.name}",
            seen=f"--audio {options.audio}",
            allowed="--audio virtual, which has devices whose acoustics can be changed",
            next_step="add `--audio virtual`, or leave the room out",
        )
    room = find_room(scenario.room.name)
    read_responses(room.path)
    return scenario.model_copy(update={"room": scenario.room.model_copy(update={"name": _absolute(room)})})


def _absolute(room: Room) -> str:
    """Return what names a room from any folder: its name, or the path of a file that has none."""
    return room.name if room.title or room.noise_dbfs is not None else str(room.path)


def check_app(name: str, app: AppConfig, options: Options) -> None:
    """Check that an app can be started.

    Raises
    ------
    BadInputError
        If its folder or its program does not exist, or the audio has no devices for programs.
    """
    attempted = f"Could not run the app of {name}"
    directory = app.directory or Path.cwd()
    if not directory.is_dir():
        raise BadInputError(attempted, seen=f"no folder {directory}", next_step="correct `directory` in [app]")
    if app.url is not None:
        _check_browser(attempted)
    program = app.words[0] if app.words else None
    if program is not None and not _is_there(program, directory):
        raise BadInputError(
            attempted,
            seen=f"there is no program `{program}`",
            allowed="the name of a program on the PATH, or a path to one",
            next_step="correct `serve` in [app]" if app.url is not None else "correct `command` in [app], or `--app`",
        )
    if options.audio == "wire":
        raise BadInputError(
            attempted,
            seen="`--audio wire`, which has no devices that a program could open",
            allowed="--audio virtual, --audio system",
            next_step="leave `--audio` out",
        )


def _is_there(program: str, directory: Path) -> bool:
    if "/" in program:
        return (directory / program).is_file()
    from diag.record.app.environment import search_path

    return shutil.which(program, path=search_path()) is not None


def _check_browser(attempted: str) -> None:
    """Check that pages can be opened.

    Raises
    ------
    CannotMeasureError
        If there is no Chromium, or Playwright is not installed or cannot run.
    """
    import subprocess
    from importlib.util import find_spec

    from diag.record.app.page_host import browser_path

    if find_spec("playwright") is None:
        raise CannotMeasureError(
            attempted,
            seen="Playwright is not installed, which drives the browser",
            next_step="install it with `pip install 'diag[page]'`",
        )
    if browser_path() is None:
        raise CannotMeasureError(
            attempted,
            seen="there is no Chromium here",
            allowed="chromium or google-chrome on the PATH",
            next_step="install it with `sudo apt-get install chromium`",
        )
    tried = subprocess.run(
        [sys.executable, "-m", "playwright", "--version"], capture_output=True, text=True, check=False
    )
    if tried.returncode != 0:
        last = (tried.stderr.strip().splitlines() or [f"exit code {tried.returncode}"])[-1]
        raise CannotMeasureError(
            attempted,
            seen=f"Playwright, which drives the browser, does not start: {last}",
            next_step="install the library it names (`sudo apt-get install libatomic1` brings libatomic.so.1)",
        )


def planned_or_resumed(
    scenarios: Sequence[Scenario] | None, options: Options, progress: Progress, *, command: str
) -> tuple[list[RunPlan], Options]:
    """New run folders for configurations, or those that are gone on with; and the options that they were made with.

    Parameters
    ----------
    scenarios : sequence of Scenario or None
        What was asked for; None for whatever the runs to go on with hold.
    """
    if options.cluster is None:
        from diag.record.take_workers import load_workers

        load_workers()  # takes a second and a half, in the background
    from diag.api.run_plan import new_run, profile_for
    from diag.emulator.settings import read_settings
    from diag.record.live.genai import endpoint_from_name

    if options.resume is not None:
        return _resumed(scenarios, options, options.resume, progress, command)
    scenarios = [
        _in_room(_with_app(_with_turns(_on_day(scenario, options), options), options), options)
        for scenario in scenarios or ()
    ]
    # A missing key, a bad URL or setting is told before anything is made on disk.
    if options.endpoint != "emulator":
        endpoint_from_name(options.endpoint)
    else:
        for scenario in scenarios:
            read_settings(scenario.emulator, attempted=f"Could not use [emulator] of {scenario.name}")
    scenarios = [_asking_for_voice(scenario, profile_for(scenario, options), progress) for scenario in scenarios]
    group = secrets.token_hex(6)
    names = _distinct_names(scenarios)
    return [
        new_run(scenario, options, command=command, name=name, group=group, position=position)
        for position, (scenario, name) in enumerate(zip(scenarios, names, strict=True))
    ], options


def _with_turns(scenario: Scenario, options: Options) -> Scenario:
    """Return a configuration with the conversation of the options, if there is one.

    Raises
    ------
    BadInputError
        If the file of the conversation cannot be used.
    """
    if options.turns is not None:
        scenario = scenario.model_copy(update={"turns": read_turns(options.turns), "prompts": ()})
    return scenario


def _on_day(scenario: Scenario, options: Options) -> Scenario:
    """Return the configuration with the emulator's day replaced by that of the options, if they have one."""
    if options.as_of is None:
        return scenario
    if options.endpoint != "emulator":
        raise BadInputError(
            "Could not use --as-of",
            seen=f"--as-of with --endpoint {options.endpoint}",
            allowed="--as-of with the emulator: a real service serves the models of today",
            next_step="leave --as-of out",
        )
    return scenario.model_copy(update={"emulator": {**scenario.emulator, "as_of": options.as_of}})


def _asking_for_voice(scenario: Scenario, voice: VoiceProfile | None, progress: Progress) -> Scenario:
    """Return a scenario whose session asks for the voice of a profile that a speech service spoke.

    A session that names a voice of its own keeps it, so that a wrong one is found. A setup frame is sent as it is.
    """
    session = scenario.client.session
    own = session.voice is not None or scenario.client.raw_frame is not None
    if voice is None or voice.source is None or own:
        return scenario
    progress.note(
        msg(
            "{name} names no voice: its session asks for {voice}, as the profile",
            name=scenario.name,
            voice=voice.source.voice,
        )
    )
    client = scenario.client.model_copy(update={"session": session.model_copy(update={"voice": voice.source.voice})})
    return scenario.model_copy(update={"client": client})


def _resumed(
    scenarios: Sequence[Scenario] | None, options: Options, folder: Path, progress: Progress, command: str
) -> tuple[list[RunPlan], Options]:
    from diag.api.run_plan import resumed_runs

    plans, facts = resumed_runs(folder, progress.note)
    made, names = plans[0].command, [plan.name for plan in plans]
    if made != command:
        raise BadInputError(
            f"Could not resume {folder} with `diag {command}`",
            seen=f"it was made by `diag {made}`",
            allowed=f"a run folder that `diag {command}` made",
            next_step=f"`diag {made}{'' if made == 'bench' else ' ' + ' '.join(names)} --resume {folder}`",
        )
    if scenarios is not None and names != _distinct_names(scenarios):
        raise BadInputError(
            f"Could not resume {folder} as {' and '.join(_distinct_names(scenarios))}",
            seen=f"it is a run of {' and '.join(names)}",
            allowed=f"a run folder that `diag {command}` made with the same configurations",
            next_step="name the configurations that it was made with, in their order, or leave out `--resume`",
        )
    kept = {key: facts[key] for key in ("audio", "endpoint", "devices", "seed", "takes")}
    if HIDDEN in kept["endpoint"]:
        if options.endpoint == "emulator":
            raise BadInputError(
                f"Could not resume {folder}",
                seen="the address of its endpoint held a key, which is not saved",
                next_step="name the address again with `--endpoint URL`",
            )
        kept["endpoint"] = options.endpoint
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
    from diag.api.run_length import usual_s
    from diag.api.run_plan import interleaved, lacking, rigs_for
    from diag.judge.engine import judge_run

    takes = {plan.folder: _judged(plan, progress) for plan in plans}
    missing = {plan.folder: lacking(plan, takes[plan.folder]) for plan in plans}
    count = sum(map(len, missing.values()))
    if count:
        title = " and ".join(plan.name for plan in plans) if len(plans) < 4 else f"{len(plans)} configurations"
        rigs = rigs_for(plans, count, options)
        planned = list(interleaved(plans, missing))
        with _told_what_was_kept(plans, progress):
            progress.started(title=title, takes=count, about_s=usual_s(planned, rigs, options))
            from diag.api.take_dispatch import record_all

            for folder, recorded in record_all(planned, options, progress).items():
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
        named = None if plan.voice is None else plan.voice.name
        results.append(replace(result, folder=str(plan.folder), voice=named))
    return results


def _judged(plan: RunPlan, progress: Progress) -> list[TakeResult]:
    """Takes that a run has already; one that cannot be read is named, and recorded again under another number."""
    from diag.api.judged_takes import judged_take

    found = []
    for take_id in plan.finished:
        try:
            found.append(judged_take(plan.folder / "takes" / take_id, plan.voice))
        except BadInputError as error:
            progress.note(msg("skipped: {why}", why=str(error)))
    return found


@contextlib.contextmanager
def _told_what_was_kept(plans: Sequence[RunPlan], progress: Progress) -> Iterator[None]:
    try:
        yield
    except KeyboardInterrupt:
        raise KeyboardInterrupt(_kept(plans) or "No take was finished, so nothing was kept.") from None
    except CannotMeasureError:
        if kept := _kept(plans):
            progress.note(kept)
        raise


def _kept(plans: Sequence[RunPlan]) -> str:
    """Return how many takes of a run that ended early are on the disk, and how to go on; empty if there is none."""
    kept = sum(len(plan.finished) for plan in plans)
    if not kept:
        return ""
    command = f"diag {plans[0].command} … --resume {plans[0].folder}"
    if kept == 1:
        return msg("{n} finished take is on the disk; `{command}` records the rest.", n=kept, command=command)
    return msg("{n} finished takes are on the disk; `{command}` records the rest.", n=kept, command=command)


def _check_still_there(run: RunResult) -> None:
    """Check that the takes of a run are on the disk, where the report reads them.

    Raises
    ------
    CannotMeasureError
        If one is missing, because its folder was removed meanwhile.
    """
    if run.folder is None:
        return
    gone = sum(not (Path(run.folder) / "takes" / take.id / "take.json").is_file() for take in run.takes)
    if gone:
        raise CannotMeasureError(
            f"Could not write the report of {run.folder}",
            seen=f"{gone} of {counted(len(run.takes), 'take')} {'is' if gone == 1 else 'are'} no longer on the disk",
            next_step="run again, and leave the folder in place until the run ends",
        )


def finish(report: Report, options: Options, *, name: str) -> Report:
    """Write the HTML report and the other formats, and give the document with its verdict and the paths."""
    from diag.files.run_folders import file_name_of
    from diag.files.saved_takes import SavedTakes
    from diag.files.voice_profiles import load_voice, voice_of_run
    from diag.report.build import build_report
    from diag.report.exports import write_export
    from diag.report.language import speaking
    from diag.report.sentences import verdict_of

    for run in report.runs:
        _check_still_there(run)
    with speaking("en"):
        report = replace(report, verdict=verdict_of(report))
    takes = {
        run.folder: SavedTakes(Path(run.folder), [take.id for take in run.takes]) for run in report.runs if run.folder
    }
    given = None if options.voice is None else load_voice(options.voice)
    found = {folder: given or voice_of_run(folder) for folder in takes}
    voices = {folder: voice for folder, voice in found.items() if voice is not None}
    path = options.reports_dir / f"{file_name_of(name, most=200)}.html"
    build_report(report, takes, path, embed=options.embed, voices=voices)
    exports = []
    for name_of_format in options.formats:
        link = options.link or path.name
        stem = path.with_name(path.name.removesuffix(".html"))
        with speaking("en"):
            written = write_export(name_of_format, report, stem, takes=takes, link=link, fail_on=options.fail_on)
        exports.append(str(written))
    return replace(report, report=str(path), exports=tuple(exports))
