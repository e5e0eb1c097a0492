"""Plans of runs: which takes a run folder is to hold, which it has, which it lacks."""

from __future__ import annotations

import itertools
import platform
import sys
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from diag.api.options import MAX_TAKES, Options
from diag.core.errors import BadInputError
from diag.core.keys import HIDDEN
from diag.core.messages import msg
from diag.files.checksums import record_sums
from diag.files.prompts import Prompt, find_prompt, recorded_prompts
from diag.files.revisions import revision_of
from diag.files.run_folders import (
    SavedRun,
    create_run,
    finished_takes,
    read_run,
    read_wav,
    remove_partial_takes,
    write_beside,
)
from diag.files.scenarios import Scenario, first_problem
from diag.files.voice_profiles import RUN_FILE, load_voice, save_voice, voice_of_run
from diag.record.take_job import PromptJob, StepJob, script_of, turn_prompts

if TYPE_CHECKING:
    from diag.core.results import TakeResult
    from diag.dsp.profile import VoiceProfile

_PACKAGES = ("google-genai", "websockets", "numpy", "scipy", "sounddevice", "soxr", "aiohttp")


SELF_CHECK = "verify"
"""Name of the command that records many scenarios at once."""


@dataclass(frozen=True, kw_only=True)
class RunPlan:
    """One run folder and what it is to hold."""

    folder: Path
    name: str
    scenario: Scenario
    takes: int
    seed: int
    prompts: tuple[PromptJob, ...]
    command: str
    environment: Mapping[str, Any]
    voice: VoiceProfile | None = None

    @property
    def finished(self) -> tuple[str, ...]:
        """Ids of the takes that are there."""
        return finished_takes(self.folder)

    @property
    def script(self) -> tuple[StepJob, ...]:
        """Steps of the conversation of each take; empty without `[[turns]]`."""
        return script_of(self.scenario.turns, self.prompts)

    def prompts_of(self, number: int) -> tuple[PromptJob, ...]:
        """Return the prompts of a take, one per turn.

        With `[[turns]]` every take has all of them. Otherwise a take has one, and the takes play all in turn, so that
        runs with the same prompts pair up.
        """
        return turn_prompts(self.script) or (self.prompts[(number - 1) % len(self.prompts)],)


@dataclass(frozen=True)
class Planned:
    """One take that is to be recorded."""

    plan: RunPlan
    number: int
    take_id: str


def new_run(scenario: Scenario, options: Options, *, command: str, name: str, group: str, position: int = 0) -> RunPlan:
    """Make a run folder for a configuration.

    Raises
    ------
    BadInputError
        If a prompt is unknown or unusable, or the number of takes is not allowed.
    """
    if not 1 <= options.takes <= MAX_TAKES:
        raise BadInputError(
            "Could not plan the run",
            seen=f"--takes {options.takes}",
            allowed=f"1 to {MAX_TAKES}",
            next_step="leave it out for 5",
        )
    prompts = _prompts_for(scenario, options, own=command == SELF_CHECK)
    voice = profile_for(scenario, options)
    environment = run_environment(options)
    facts = {
        "title": scenario.title,
        "scenario": scenario.model_dump(mode="json"),
        "takes": options.takes,
        "seed": options.seed,
        "prompts": [{**vars(prompt), "path": str(prompt.path.resolve())} for prompt in prompts],
        "audio": options.audio,
        "endpoint": options.endpoint,
        "devices": dict(options.devices),
        "voice": None if voice is None else voice.name,
        "command": command,
        "group": group,
        "position": position,
        "environment": environment,
        "revision": revision_of(Path.cwd()),
    }
    folder = create_run(options.runs_dir, name, facts)
    if voice is not None:
        save_voice(voice, folder / RUN_FILE)
        record_sums(folder, [RUN_FILE])
    return RunPlan(
        folder=folder, name=name, scenario=scenario, takes=options.takes, seed=options.seed, prompts=prompts,
        command=command, environment=environment, voice=voice,
    )  # fmt: skip


def _prompts_for(scenario: Scenario, options: Options, *, own: bool) -> tuple[PromptJob, ...]:
    """Return the prompts of a run: with `[[turns]]` one for each step that speaks, in order.

    With `own`, such a conversation keeps its prompts whatever `--prompt` names for the others.
    """
    if not scenario.turns:
        return prompt_jobs(options.prompts or scenario.prompts)
    if options.prompts and not own:
        raise BadInputError(
            f"Could not plan the run of {scenario.name}",
            seen="--prompt with a configuration that has [[turns]]",
            allowed="prompts named in [[turns]]",
            next_step="leave out --prompt, or change `say` in [[turns]]",
        )
    return prompt_jobs([step.say for step in scenario.turns if step.say is not None])


def profile_for(scenario: Scenario, options: Options) -> VoiceProfile | None:
    """Return the profile that the replies of a run are compared with; None without one.

    Raises
    ------
    BadInputError
        If the file that the options or the configuration name is not a profile.
    """
    path = options.voice or scenario.voice
    return None if path is None else load_voice(path)


def resumed_runs(folder: Path, note: Callable[[str], None]) -> tuple[list[RunPlan], dict[str, Any]]:
    """Plans of a run folder and of those that were started with it, and the facts that they share.

    Parameters
    ----------
    note : callable
        Takes a sentence about each folder beside it that cannot be read; it is passed over.

    Raises
    ------
    BadInputError
        If it is not a run folder that can be gone on with.
    """
    named = read_run(folder)
    runs = {_position(named): _plan_of(named)}
    for path in sorted(folder.resolve().parent.iterdir()):
        if path == folder.resolve() or not (path / "run.json").is_file():
            continue
        try:
            run = read_run(path)
            if run.facts.get("group") != named.facts["group"]:
                continue
            plan = _plan_of(run)
            there = runs.setdefault(_position(run), plan)
            if there is not plan:
                note(msg("skipped: {folder} is a copy of {other}", folder=path, other=there.folder))
        except BadInputError as error:
            note(msg("skipped: {why}", why=str(error)))
    plans = [runs[position] for position in sorted(runs)]
    for plan in plans:
        remove_partial_takes(plan.folder)
    return plans, dict(named.facts)


def grown(plan: RunPlan, takes: int) -> RunPlan:
    """Return a plan for more takes, and note their number in the run folder, so that `--resume` knows it."""
    if takes > plan.takes:
        write_beside(plan.folder, "run.json", {**read_run(plan.folder).facts, "takes": takes})
    return replace(plan, takes=max(plan.takes, takes))


def _position(run: SavedRun) -> int:
    position = run.facts.get("position")
    return position if isinstance(position, int) else 0


def _plan_of(run: SavedRun) -> RunPlan:
    attempted = f"Could not resume {run.folder}"
    facts = run.facts
    scenario = scenario_of(run, attempted=attempted)
    try:
        for name in ("audio", "endpoint", "group", "command"):
            if not isinstance(facts[name], str):
                raise TypeError(name)
        dict(facts["devices"])
        return RunPlan(
            folder=run.folder,
            name=run.name,
            scenario=scenario,
            takes=int(facts["takes"]),
            seed=int(facts["seed"]),
            prompts=tuple(PromptJob(**{**prompt, "path": Path(prompt["path"])}) for prompt in facts["prompts"]),
            command=facts["command"],
            environment=dict(facts["environment"]),
            voice=voice_of_run(run.folder),
        )
    except (KeyError, TypeError, ValueError) as error:
        raise BadInputError(
            attempted,
            seen=f"its run.json has no plan that can be used ({str(error).strip(chr(39))})",
            allowed="a run folder that `diag run`, `compare` or `bench` made",
            next_step="start a new run",
        ) from None


def scenario_of(run: SavedRun, *, attempted: str) -> Scenario:
    """The configuration that a saved run was made of.

    Raises
    ------
    BadInputError
        If its run.json holds none, or one that this version of diag does not know.
    """
    try:
        scenario = Scenario.model_validate(run.facts["scenario"])
        sent = (scenario.client.model_dump_json(), scenario.app.model_dump_json() if scenario.app else "")
        if not any(HIDDEN in text for text in sent):
            return scenario
        seen = "its configuration held a key, which is not saved"
    except KeyError:
        seen = "its run.json has no configuration (`scenario`)"
    except ValidationError as error:
        seen = f"the configuration in its run.json cannot be used ({first_problem(error)})"
    raise BadInputError(
        attempted,
        seen=seen,
        allowed="a run folder that `diag run`, `compare` or `bench` made",
        next_step="name a TOML file, or a configuration in scenarios/",
    )


def lacking(plan: RunPlan, there: Sequence[TakeResult]) -> tuple[int, ...]:
    """Numbers of the takes, from 1, that are still to be recorded.

    A take counts for its prompt, whatever its number: one that was spoiled is repeated under another number. Takes
    that were discarded do not count.
    """
    counted = [take for take in there if take.discarded is None]
    spare = Counter(take.prompt_names for take in counted)
    wanted = [(number, tuple(prompt.name for prompt in plan.prompts_of(number))) for number in range(1, plan.takes + 1)]
    own = {take.id for take in counted}
    missing = []
    # A number whose own take counts comes first: the others are what is left for repeated ones.
    for number, names in sorted(wanted, key=lambda item: (take_name(item[0]) not in own, item[0])):
        if spare[names] > 0:
            spare[names] -= 1
        else:
            missing.append(number)
    return tuple(sorted(missing))


def take_name(number: int) -> str:
    """Id of a take by its number."""
    return f"{number:04d}"


def highest_number(plan: RunPlan) -> int:
    """The highest number that is taken, or kept for a take that was asked for."""
    there = [int(take_id) for take_id in plan.finished if take_id.isascii() and take_id.isdecimal()]
    return max(plan.takes, *there, 0)


def prompt_jobs(names: Sequence[str]) -> tuple[PromptJob, ...]:
    """Return prompts by name or path, all recorded ones where none is named, with the place of their speech.

    Raises
    ------
    BadInputError
        If one is unknown, unreadable, or holds no speech.
    """
    prompts = [find_prompt(name) for name in names] or recorded_prompts()
    return tuple(_with_speech(prompt) for prompt in prompts)


def _with_speech(prompt: Prompt) -> PromptJob:
    start_s, end_s = prompt.speech_start_s, prompt.speech_end_s
    if start_s is None or end_s is None:
        from diag.dsp.level import mono
        from diag.dsp.speech import speech_span

        clip = read_wav(prompt.path)
        span = speech_span(mono(clip.samples), clip.sample_rate_hz)
        if span is None:
            raise BadInputError(
                f"Could not use the prompt {prompt.path}",
                seen="no speech in it (silence, or a steady tone)",
                allowed="a recording of somebody speaking",
                next_step="check its level with `diag analyze`",
            )
        start_s, end_s = (frame / clip.sample_rate_hz for frame in span)
    return PromptJob(name=prompt.name, path=prompt.path, speech_start_s=start_s, speech_end_s=end_s)


def interleaved(plans: Sequence[RunPlan], missing: Mapping[Path, Sequence[int]]) -> Iterator[Planned]:
    """Missing takes of all plans in turn, every second round backwards, so that drift falls on all alike.

    Parameters
    ----------
    missing : mapping of run folder to numbers of takes
        As `lacking` gives them; a number whose take is there already, spoiled, gets a free id.
    """
    queues = [tuple(_planned(plan, missing[plan.folder])) for plan in plans]
    for index, items in enumerate(itertools.zip_longest(*queues)):
        yield from (item for item in (items if index % 2 == 0 else reversed(items)) if item is not None)


def _planned(plan: RunPlan, numbers: Sequence[int]) -> Iterator[Planned]:
    taken = set(plan.finished)
    free = itertools.count(highest_number(plan) + 1)
    for number in numbers:
        own = take_name(number)
        yield Planned(plan, number, own if own not in taken else take_name(next(free)))


def rigs_for(plans: Iterable[RunPlan], takes: int, options: Options) -> int:
    """Return how many rigs record a number of takes of these plans side by side."""
    scenarios = [plan.scenario for plan in plans]
    apps = [scenario.app for scenario in scenarios if scenario.app is not None]
    in_room = any(scenario.room is not None for scenario in scenarios)
    return options.rig_count(takes, with_app=bool(apps), in_room=in_room, alone=any(app.alone for app in apps))


def run_environment(options: Options) -> dict[str, Any]:
    """Facts about this machine and this tool that belong to every take of a run."""
    return {
        "tool_version": version("diag"),
        "python": platform.python_version(),
        "platform": platform.platform(),
        "implementation": sys.implementation.name,
        "packages": {name: version(name) for name in _PACKAGES},
        "audio": options.audio,
        "endpoint": options.endpoint,
    }
