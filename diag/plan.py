"""Plans of runs: which takes a run folder is to hold, which it has, which it lacks."""

from __future__ import annotations

import itertools
import platform
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from diag.config import Scenario
from diag.errors import BadInputError
from diag.jobs import PromptJob
from diag.prompts import PROMPTS_FOLDER, Prompt, find_prompt, load_prompts, project_folder
from diag.store import create_run, finished_takes, read_run, read_wav, remove_partial_takes

if TYPE_CHECKING:
    from diag.conduct import Options

MAX_TAKES = 10_000
_PACKAGES = ("google-genai", "websockets", "numpy", "scipy", "sounddevice", "soxr", "aiohttp")


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

    @property
    def finished(self) -> tuple[str, ...]:
        """Ids of the takes that are there."""
        return finished_takes(self.folder)

    @property
    def missing(self) -> tuple[int, ...]:
        """Numbers of the takes, from 1, that are not there yet."""
        there = {int(take_id) for take_id in self.finished}
        return tuple(number for number in range(1, self.takes + 1) if number not in there)

    def prompt_of(self, number: int) -> PromptJob:
        """Prompt of a take: all in turn, so that runs with the same prompts pair up."""
        return self.prompts[(number - 1) % len(self.prompts)]


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
    prompts = prompt_jobs(options.prompts or scenario.prompts)
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
        "command": command,
        "group": group,
        "position": position,
        "environment": environment,
    }
    folder = create_run(options.reports_dir / "runs", name, facts)
    return RunPlan(
        folder=folder, name=name, scenario=scenario, takes=options.takes, seed=options.seed, prompts=prompts,
        command=command, environment=environment,
    )  # fmt: skip


def resumed_runs(folder: Path) -> tuple[list[RunPlan], dict[str, Any]]:
    """Plans of a run folder and of those that were started with it, and the facts that they share.

    Raises
    ------
    BadInputError
        If it is not a run folder that can be gone on with.
    """
    facts = read_run(folder).facts
    if "scenario" not in facts or "group" not in facts:
        raise BadInputError(
            f"Could not go on with {folder}",
            seen="a run folder without a plan",
            allowed="a run folder that `diag run`, `compare` or `bench` made",
            next_step="start a new run",
        )
    siblings = sorted(
        (
            run
            for path in folder.resolve().parent.iterdir()
            if (path / "run.json").is_file() and (run := read_run(path))
        ),
        key=lambda run: int(run.facts.get("position", 0)),
    )
    plans = []
    for run in siblings:
        if run.facts.get("group") == facts["group"]:
            remove_partial_takes(run.folder)
            plans.append(_plan_of(run.folder, run.name, run.facts))
    return plans, dict(facts)


def _plan_of(folder: Path, name: str, facts: Mapping[str, Any]) -> RunPlan:
    return RunPlan(
        folder=folder,
        name=name,
        scenario=Scenario.model_validate(facts["scenario"]),
        takes=int(facts["takes"]),
        seed=int(facts["seed"]),
        prompts=tuple(PromptJob(**{**prompt, "path": Path(prompt["path"])}) for prompt in facts["prompts"]),
        command=str(facts["command"]),
        environment=dict(facts["environment"]),
    )


def prompt_jobs(names: Sequence[str]) -> tuple[PromptJob, ...]:
    """Prompts by name or path, all of the project's where none is named, with the place of their speech.

    Raises
    ------
    BadInputError
        If one is unknown, unreadable, or holds no speech.
    """
    prompts = [find_prompt(name) for name in names] or load_prompts(project_folder() / PROMPTS_FOLDER)
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


def interleaved(plans: Sequence[RunPlan]) -> Iterator[Planned]:
    """Missing takes of all plans in turn, every second round backwards, so that drift falls on all alike."""
    rounds = itertools.zip_longest(*(plan.missing for plan in plans))
    for index, numbers in enumerate(rounds):
        pairs = list(zip(plans, numbers, strict=True))
        for plan, number in pairs if index % 2 == 0 else reversed(pairs):
            if number is not None:
                yield Planned(plan, number, f"{number:04d}")


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
