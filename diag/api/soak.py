"""`diag soak`: one long conversation on one rig, and what changes over its time."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from diag.api.options import Options, Progress, Quiet
from diag.core.endurance import SoakResult, SoakTurn
from diag.core.errors import BadInputError, CannotMeasureError
from diag.core.units import format_seconds
from diag.files.scenarios import Scenario, find_scenario
from diag.judge.endurance import SoakSummary, soak_summary
from diag.record.live.genai import Endpoint, endpoint_from_name

TOLD_EVERY_S = 60.0
"""Interval at which a long session reports its progress."""


def soak(
    config: str, minutes: float, options: Options | None = None, progress: Progress | None = None
) -> tuple[SoakResult, SoakSummary, Path]:
    """Hold one conversation for a long time, and write the report.

    Parameters
    ----------
    minutes : float
        How long.

    Returns
    -------
    tuple of SoakResult, SoakSummary, Path
        What was recorded, what it shows, and the HTML report.

    Raises
    ------
    BadInputError
        If the configuration or an option cannot be used.
    CannotMeasureError
        If there is no audio, no service, or no turn took place.
    """
    from diag.api.run_plan import prompt_jobs
    from diag.record.audio.rigs import open_farm
    from diag.record.soak_recorder import SoakJob, record_soak
    from diag.record.take_workers import load_workers
    from diag.report.endurance import write_soak

    options, progress = options or Options(), progress or Quiet()
    scenario = without_app(find_scenario(config), "soak")
    prompts = prompt_jobs(options.prompts or scenario.prompts)
    progress.started(title=f"{scenario.name}, one session", takes=1, about_s=60.0 * minutes)
    last_s = 0.0

    def on_turn(turn: SoakTurn) -> None:
        nonlocal last_s
        if turn.t_s - last_s >= TOLD_EVERY_S:
            last_s = turn.t_s
            wait = "no reply" if turn.first_byte_s is None else f"first byte after {format_seconds(turn.first_byte_s)}"
            memory = "" if turn.memory_mb is None else f", memory {turn.memory_mb:.0f} MB"
            progress.note(f"  {turn.t_s / 60:.0f} min: {wait}{memory}")

    with ExitStack() as stack:
        load_workers()  # in the background
        farm = stack.enter_context(open_farm(options.audio, rigs=1, devices=options.devices))
        endpoint = stack.enter_context(endpoint_for(scenario, options))
        job = SoakJob(
            config=scenario.client,
            faults=scenario.faults,
            endpoint=endpoint,
            prompts=prompts,
            seconds=60.0 * minutes,
        )
        turns, connections, rates_hz, stopped = record_soak(job, farm.rigs[0], on_turn)
    if not turns:
        raise CannotMeasureError(
            f"Could not hold a long session with {scenario.name}",
            seen=stopped or "no turn took place",
            allowed="a session in which prompts can be spoken",
            next_step=f"find out why with `diag run {config}`",
        )
    result = SoakResult(
        name=scenario.name, minutes=minutes, audio=options.audio, endpoint=options.endpoint, turns=turns,
        connections=connections, rates_hz=rates_hz, stopped=stopped,
    )  # fmt: skip
    summary = soak_summary(result)
    return result, summary, write_soak(result, summary, options.reports_dir)


def without_app(scenario: Scenario, command: str) -> Scenario:
    """Return a configuration that diag's own client can be tested with.

    Raises
    ------
    BadInputError
        If its client is the user's own app.
    """
    if scenario.app is not None:
        raise BadInputError(
            f"Could not use {scenario.name} with `diag {command}`",
            seen="a configuration with [app]",
            allowed="a configuration of diag's own client",
            next_step="remove [app]; `diag proxy` records long sessions of an app",
        )
    return scenario


@contextmanager
def endpoint_for(scenario: Scenario, options: Options) -> Iterator[Endpoint]:
    """Give the address of the service; an emulator with the scenario's settings runs meanwhile if that is asked for."""
    from diag.emulator.embedded import EmbeddedEmulator

    if options.endpoint != "emulator":
        yield endpoint_from_name(options.endpoint)
        return
    with EmbeddedEmulator() as emulator:
        base_url = emulator.register(scenario.emulator, seed=options.seed)
        yield Endpoint(kind="emulator", base_url=base_url, ca_file=str(emulator.ca_file))
