"""`diag bench`."""

from __future__ import annotations

from typing import Any

import click

from diag.cli.help_examples import Worded
from diag.cli.options import options_from, resume_option, take_options


@click.command(
    "bench",
    cls=Worded,
    names_configs=True,
    short_help="The release suite: every scenario must show what it says.",
    examples=(
        "diag bench",
        "diag bench healthy playback_16k --takes 3",
        "diag bench --audio wire --json > bench.json",
    ),
)
@click.argument("scenarios", nargs=-1, metavar="[SCENARIO]...")
@take_options
@resume_option
@click.option("--save-baseline", is_flag=True, help="Keep this run's figures, for later ones to be held against.")
def command(scenarios: tuple[str, ...], *, save_baseline: bool, as_json: bool, fail_on: str, **given: Any) -> int:
    """Run the release suite: every scenario must show what it says, and nothing else.

    Name scenarios to run only those; else all in the nearest folder scenarios/ run, or all that come with diag. The
    report is bench.html in the output folder.
    """
    from diag.api.bench import bench
    from diag.cli.output import show_report
    from diag.cli.progress import TerminalProgress

    with TerminalProgress() as progress:
        report = bench(options_from(given), progress, scenarios=scenarios, save_baseline=save_baseline)
    return show_report(report, as_json=as_json, fail_on=fail_on)
