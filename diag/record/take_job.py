"""Description of one take to be recorded, as it is sent to a worker process."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from diag.core.client_config import ClientConfig
from diag.files.scenarios import Faults
from diag.files.turn_script import BETWEEN_TURNS_S, ScriptedStep
from diag.record.app.command import CommandJob
from diag.record.app.page import PageJob
from diag.record.live.genai import Endpoint


@dataclass(frozen=True, kw_only=True)
class PromptJob:
    """A prompt to play: its file, and where speech begins and ends in it (seconds from the start of the file)."""

    name: str
    path: Path
    speech_start_s: float
    speech_end_s: float


@dataclass(frozen=True, kw_only=True)
class StepJob:
    """One step of a conversation: what the user does, with the prompt if the step speaks."""

    step: ScriptedStep
    prompt: PromptJob | None = None


@dataclass(frozen=True, kw_only=True)
class AppJob:
    """The user's app as the client of a take.

    Parameters
    ----------
    client : CommandJob or PageJob
        The program to run, or the page to open.
    ready_within_s : float
        How long to wait until the app listens.
    """

    client: CommandJob | PageJob
    ready_within_s: float = 30.0


@dataclass(frozen=True, kw_only=True)
class RoomJob:
    """The acoustics that a virtual rig gets for a take.

    Parameters
    ----------
    path : Path
        File with the impulse responses (`diag.files.rooms.read_responses`).
    echo_db : float or None
        Level that the path from speaker to microphone is set to; None for that of the file.
    noise_dbfs : float or None
        RMS level of the background noise; None for none.
    """

    path: Path
    echo_db: float | None = None
    noise_dbfs: float | None = None


@dataclass(frozen=True, kw_only=True)
class TakeJob:
    """Everything that a worker needs to record one take.

    Parameters
    ----------
    run_dir : Path
        The take is saved in `run_dir/takes/<id>`.
    take_id : str
        Number of the take with four digits, for example "0001".
    scenario : str
        Name of the scenario; only displayed.
    config : ClientConfig
        The client under test.
    faults : Faults
        Faults to plant in the client and on the ports.
    endpoint : Endpoint
        Address of the Live API.
    prompts : tuple of PromptJob
        Prompts to play, one per turn, in order.
    script : tuple of StepJob
        Steps of the conversation; empty if the prompts are played one after the other.
    seed : int
        Seed of the take's random choices.
    environment : mapping
        Facts about the run that are saved with the take; JSON-ready.
    app : AppJob or None
        The user's app that is the client of this take; None for diag's own client.
    room : RoomJob or None
        Acoustics of the rig; None for one in which nothing is changed on the way.
    """

    run_dir: Path
    take_id: str
    scenario: str
    config: ClientConfig
    faults: Faults
    endpoint: Endpoint
    prompts: tuple[PromptJob, ...]
    seed: int
    environment: Mapping[str, Any] = field(default_factory=dict)
    app: AppJob | None = None
    room: RoomJob | None = None
    script: tuple[StepJob, ...] = ()

    @property
    def steps(self) -> tuple[StepJob, ...]:
        """Steps of the conversation, each with the prompt that it speaks."""
        return self.script or tuple(
            StepJob(step=ScriptedStep(say=prompt.name, after_s=BETWEEN_TURNS_S if index else 0.0), prompt=prompt)
            for index, prompt in enumerate(self.prompts)
        )


def script_of(steps: Sequence[ScriptedStep], prompts: Sequence[PromptJob]) -> tuple[StepJob, ...]:
    """Return the steps of a conversation with their prompts, given those of the steps that speak, in order."""
    spoken = iter(prompts)
    return tuple(StepJob(step=step, prompt=next(spoken) if step.say is not None else None) for step in steps)


def turn_prompts(script: Sequence[StepJob]) -> tuple[PromptJob, ...]:
    """Return the prompts of the steps that begin a turn."""
    return tuple(item.prompt for item in script if item.step.is_turn and item.prompt is not None)
