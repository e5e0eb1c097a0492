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
    short_help="Two configurations or saved runs: what differs, and why.",
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

    Takes of A and B alternate, so that a slow minute hits both. A and B are each a TOML file, one of the names
    below, or the folder of a saved run. Findings of either, or a measure of B that is worse, end with exit code
    1; too few takes to tell, with 4.
    """
    from diag.api.compare import compare
    from diag.cli.output import show_report
    from diag.cli.progress import TerminalProgress

    with TerminalProgress() as progress:
        report = compare(a, b, options_from(given), progress)
    return show_report(report, as_json=as_json, fail_on=fail_on)
