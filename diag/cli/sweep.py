"""`diag sweep`."""

from __future__ import annotations

from typing import Any

import click

from diag.cli.help_examples import Worded
from diag.cli.options import options_from, take_options


@click.command(
    "sweep",
    cls=Worded,
    names_configs=True,
    short_help="Find the settings with the least latency that do not underrun.",
    examples=(
        "diag sweep my_app.toml --vary playback.prebuffer_ms=20..400",
        "diag sweep healthy --vary send.batch_ms=10,20,50,100 --vary playback.prebuffer_ms=20..400",
        "diag sweep reports/runs/20261122-140500-healthy-7f3a --vary playback.prebuffer_ms=0..500:10",
    ),
)
@click.argument("config")
@click.option("--vary", multiple=True, required=True, metavar="KEY=VALUES",
              help="A setting of the client and its values: 10,20,50, or for playback.prebuffer_ms a range as 20..400 "
              "or 20..400:10. Can be repeated.")  # fmt: skip
@click.option("--no-check", is_flag=True, help="Do not record takes with the best settings.")
@take_options
def command(config: str, *, vary: tuple[str, ...], no_check: bool, as_json: bool, fail_on: str, **given: Any) -> int:
    """Find the settings with the least heard latency that do not underrun.

    CONFIG is a TOML file, one of the names below, or the folder of a saved run. Takes are recorded for each combination
    of settings. The player's buffer needs none: what each buffer would have done is forecast from the times at which
    the audio arrived. Takes with the best settings then check the forecast.

    Exit code 1 means that all settings underrun, or that the check did.
    """
    del fail_on
    from diag.api.sweep import exit_code, sweep
    from diag.cli.output import show_json, show_text, terminal_width
    from diag.cli.progress import TerminalProgress
    from diag.report.sweep_text import sweep_text

    with TerminalProgress() as progress:
        found = sweep(config, vary, options_from(given), progress, check=not no_check)
    show_text(sweep_text(found, width=terminal_width(err=as_json)), err=as_json)
    if as_json:
        show_json(found.to_json())
    return int(exit_code(found))
