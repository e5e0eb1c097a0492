"""`diag load`: growing numbers of sessions side by side, and what that does to latency and failures."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from diag.api.options import Options, Progress, Quiet
from diag.api.soak import endpoint_for, without_app
from diag.core.endurance import LoadResult, LoadStep
from diag.core.errors import BadInputError
from diag.core.units import counted
from diag.files.scenarios import find_scenario
from diag.judge.endurance import LoadSummary, load_summary

MOST_SESSIONS = 200
"""Sessions at once that one process holds in real time."""


def load(
    config: str,
    sessions: Sequence[int],
    options: Options | None = None,
    progress: Progress | None = None,
    *,
    rounds: int = 1,
    budget: int | None = None,
) -> tuple[LoadResult, LoadSummary, Path]:
    """Hold growing numbers of sessions side by side, without devices, and write the report.

    Parameters
    ----------
    sessions : sequence of int
        Numbers of sessions at once, one step after the other.
    rounds : int
        How often each step is repeated.
    budget : int or None
        Most sessions that may be opened at a real service; needed there, because sessions cost money.

    Raises
    ------
    BadInputError
        If the configuration or an option cannot be used, or the budget is missing or too small.
    CannotMeasureError
        If the service cannot be used.
    """
    from diag.api.run_plan import prompt_jobs
    from diag.dsp.level import mono
    from diag.files.run_folders import read_wav
    from diag.record.load_sessions import LoadJob, step_runner
    from diag.report.endurance import write_load

    options, progress = options or Options(), progress or Quiet()
    scenario = without_app(find_scenario(config), "load")
    _check(sessions, rounds, budget, options)
    (prompt, *_) = prompt_jobs(options.prompts or scenario.prompts)
    clip = read_wav(prompt.path)
    progress.started(
        title=f"{scenario.name}, {' then '.join(map(str, sessions))} sessions", takes=len(sessions), about_s=None
    )
    steps = []
    with step_runner() as run_step, endpoint_for(scenario, options) as endpoint:
        job = LoadJob(
            config=scenario.client,
            endpoint=endpoint,
            prompt=mono(clip.samples),
            rate_hz=clip.sample_rate_hz,
            speech_end_s=prompt.speech_end_s,
        )
        for count in sessions:
            results = [item for _ in range(rounds) for item in run_step(job, count).results]
            steps.append(LoadStep(sessions=count, results=tuple(results)))
            answered = sum(item.first_byte_s is not None for item in results)
            progress.note(f"  {counted(count, 'session')}: {answered} of {len(results)} answered")
    result = LoadResult(name=scenario.name, endpoint=options.endpoint, steps=tuple(steps))
    summary = load_summary(result)
    return result, summary, write_load(result, summary, options.reports_dir)


def _check(sessions: Sequence[int], rounds: int, budget: int | None, options: Options) -> None:
    attempted = "Could not plan the load"
    wrong = [count for count in sessions if not 1 <= count <= MOST_SESSIONS]
    if wrong or not sessions:
        raise BadInputError(
            attempted,
            seen=f"--sessions {','.join(map(str, sessions))}",
            allowed=f"numbers from 1 to {MOST_SESSIONS}, as 1,5,20",
            next_step="write for example --sessions 1,5,20",
        )
    total = sum(sessions) * rounds
    if options.endpoint != "emulator" and (budget is None or budget < total):
        raise BadInputError(
            attempted,
            seen=f"{counted(total, 'session')} at {options.endpoint}"
            + (" without --budget" if budget is None else f" with --budget {budget}"),
            allowed="at a real service, a budget that covers all sessions: they cost money and count against quotas",
            next_step=f"add --budget {total}, or use the emulator",
        )
