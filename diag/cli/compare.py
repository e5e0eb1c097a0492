"""`diag compare`."""

from __future__ import annotations

from typing import Any

import click

from diag.cli.help_examples import Worded
from diag.cli.options import options_from, resume_option, take_options


@click.command(
    "compare",
    cls=Worded,
    names_configs=True,
    short_help="Compare two configurations or saved runs: what differs, and why.",
    examples=(
        "diag compare healthy playback_16k",
        "diag compare old.toml new.toml --takes 20",
        "diag compare reports/runs/monday reports/runs/friday",
    ),
)
@click.argument("a")
@click.argument("b")
@take_options
@resume_option
def command(a: str, b: str, *, as_json: bool, fail_on: str, **given: Any) -> int:
    """Compare two configurations, or two saved runs: what differs, by how much, and why.

    A and B are each a TOML file, one of the names below, or the folder of a saved run. Takes of A and B are recorded
    in turn, so that a busy minute affects both.

    Exit code 1 means that an error was found in A or B, or that a measure of B is worse. Exit code 4 means that there
    are too few takes to decide, or that something was not shown to be right.
    """
    from diag.api.compare import compare
    from diag.cli.output import show_report
    from diag.cli.progress import TerminalProgress

    with TerminalProgress() as progress:
        report = compare(a, b, options_from(given), progress)
    return show_report(report, as_json=as_json, fail_on=fail_on)
