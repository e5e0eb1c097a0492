"""`diag run`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click
from click.core import ParameterSource

from diag.cli.help_examples import Worded
from diag.cli.options import app_options, lang_option, options_from, resume_option, take_options

QUICK_PROMPT = "thanks"
"""The prompt with the shortest reply."""


@click.command(
    "run",
    cls=Worded,
    names_configs=True,
    short_help="Record takes of one configuration, and report what is wrong.",
    examples=(
        "diag run healthy",
        "diag run my_app.toml --quick",
        "diag run my_app.toml --prompt question.wav --takes 20",
        "diag run healthy --audio system --endpoint gemini",
        'diag run --app "python my_client.py" --follow',
        "diag run my_app.toml --voice kore.voice.json",
        "diag run --resume reports/runs/20261122-140500-healthy-7f3a",
    ),
)
@click.argument("config", required=False)
@take_options
@lang_option
@app_options
@resume_option
@click.option("--quick", is_flag=True, help="One take with one short prompt, for a first look in a few seconds.")
def command(config: str | None, *, resume: Path | None, quick: bool, as_json: bool, fail_on: str, **given: Any) -> int:
    """Record takes of one configuration, and report what is wrong.

    CONFIG is a TOML file, one of the names below, or the folder of a saved run. The configuration of a saved run is
    recorded again. With --app, CONFIG may be left out.

    Exit code 1 means that an error was found. Exit code 4 means that no error was found, but that something was not
    shown to be right; the output says what.
    """
    if config is None and resume is None and given["app"] is None:
        raise click.UsageError("no CONFIG given, as in `diag run healthy`")
    if quick:
        given = _quick(given, resume)
    from diag.api.run import run
    from diag.cli.output import show_report
    from diag.cli.progress import TerminalProgress

    with TerminalProgress() as progress:
        report = run(config or str(resume or ""), options_from({**given, "resume": resume}), progress)
    return show_report(report, as_json=as_json, fail_on=fail_on)


def _quick(given: dict[str, Any], resume: Path | None) -> dict[str, Any]:
    """Return the options of a quick run: one take, and one short prompt if none is named."""
    typed = click.get_current_context().get_parameter_source("takes") is ParameterSource.COMMANDLINE
    if typed or resume is not None:
        raise click.UsageError(f"--quick and {'--takes' if typed else '--resume'} exclude each other")
    return {**given, "takes": 1, "prompts": given["prompts"] or (QUICK_PROMPT,)}
