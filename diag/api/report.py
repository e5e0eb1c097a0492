"""A report of runs that are on disk: judged again from their takes, without devices and without a network."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from diag.api.options import Options
from diag.api.run import finish
from diag.core.results import Report
from diag.judge.gate import exit_code

__all__ = ["exit_code", "report_of_runs"]


def report_of_runs(folders: Sequence[str | Path], options: Options | None = None, *, processes: bool = False) -> Report:
    """Judge saved runs and write their HTML report.

    Parameters
    ----------
    folders : sequence of str or Path
        Run folders, at least one; the report bears the name of the first.
    options : Options, optional
        `out`, `embed` and `voice` are used.
    processes : bool
        As in `analyze_run`.

    Raises
    ------
    BadInputError
        If the voice is no profile, or a folder is not a run, holds no finished take, or has a damaged take.
    """
    from diag.api.analyze import analyze_run
    from diag.files.voice_profiles import load_voice

    options = options or Options()
    voice = None if options.voice is None else load_voice(options.voice)
    runs = tuple(analyze_run(folder, voice=voice, processes=processes) for folder in folders)
    name = Path(folders[0]).resolve().name + (f"-and-{len(runs) - 1}-more" if len(runs) > 1 else "")
    return finish(Report(runs=runs), options, name=name)
