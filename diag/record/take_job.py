"""A take as a job: a plain description in, a take folder out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from diag.core.client_config import ClientConfig
from diag.files.scenarios import Faults
from diag.record.live.genai import Endpoint


@dataclass(frozen=True, kw_only=True)
class PromptJob:
    """A prompt to be spoken: where it lies, and where its speech stands in the file (seconds from its start)."""

    name: str
    path: Path
    speech_start_s: float
    speech_end_s: float


@dataclass(frozen=True, kw_only=True)
class TakeJob:
    """All that a worker needs to record one take.

    Parameters
    ----------
    run_dir : Path
        The take becomes `run_dir/takes/<id>`.
    take_id : str
        "0001" and so on.
    scenario : str
        For people; nothing depends on it.
    config : ClientConfig
        The client under test.
    faults : Faults
        What the harness plants.
    endpoint : Endpoint
        Where the Live API is.
    prompts : tuple of PromptJob
        One turn each, in order.
    seed : int
        Seed of the take's random choices.
    environment : mapping
        Facts of the run that go into the take, JSON-ready.
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
