"""`diag run`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from diag.cli.help_examples import Worded
from diag.cli.options import options_from, resume_option, take_options


@click.command(
    "run",
    cls=Worded,
    names_configs=True,
    short_help="Record takes of one configuration, and report what is wrong.",
    examples=(
        "diag run healthy",
        "diag run my_app.toml --prompt question.wav --takes 20",
        "diag run healthy --audio system --endpoint gemini",
        "diag run my_app.toml --voice kore.voice.json",
        "diag run --resume reports/runs/20261122-140500-healthy-7f3a",
    ),
)
@click.argument("config", required=False)
@take_options
@resume_option
def command(config: str | None, *, resume: Path | None, as_json: bool, fail_on: str, **given: Any) -> int:
    """Record takes of one configuration, and report what is wrong.

    CONFIG is a TOML file, one of the names below, or the folder of a saved run. The configuration of a saved run is
    recorded again.

    Exit code 1 means that an error was found. Exit code 4 means that no error was found, but that something was not
    shown to be right; the output says what.
    """
    if config is None and resume is None:
        raise click.UsageError("no CONFIG given, as in `diag run healthy`")
    from diag.api.run import run
    from diag.cli.output import show_report
    from diag.cli.progress import TerminalProgress

    with TerminalProgress() as progress:
        report = run(config if config is not None else str(resume), options_from({**given, "resume": resume}), progress)
    return show_report(report, as_json=as_json, fail_on=fail_on)
