"""`diag bench`."""

from __future__ import annotations

from typing import Any

import click

from diag.cli.help_examples import Worded
from diag.cli.options import app_options, options_from, resume_option, take_options


@click.command(
    "bench",
    cls=Worded,
    names_configs=True,
    short_help="Test diag itself: every scenario must give its expected findings.",
    examples=(
        "diag bench",
        "diag bench healthy playback_16k --takes 3",
        "diag bench --audio wire --json > bench.json",
        "diag bench faults --audio wire --takes 1",
        "git bisect run diag bench my_app.toml --bisect",
    ),
)
@click.argument("scenarios", nargs=-1, metavar="[SCENARIO]...")
@take_options
@app_options
@resume_option
@click.option(
    "--save-baseline", is_flag=True, help="Save the latencies of this run, so that later runs are compared with them."
)
@click.option(
    "--bisect",
    is_flag=True,
    help="For `git bisect run`: exit with 125, which skips the commit, if it could not be measured or judged.",
)
def command(
    scenarios: tuple[str, ...], *, save_baseline: bool, bisect: bool, as_json: bool, fail_on: str, **given: Any
) -> int:
    """Test diag itself: every scenario must give its expected findings, and no others.

    Without SCENARIO, all scenarios in the nearest folder scenarios/ run. If there is no such folder, all scenarios
    that come with diag run. SCENARIO may be a folder of scenarios: `faults` has one for each finding. The report is
    bench.html in the output folder.

    Exit code 1 means that a scenario gave other findings, or that a latency became worse than the baseline. Exit code
    4 means that fewer takes count than were asked for.
    """
    # `bisect` is looked at where every ending becomes an exit code, because errors must skip the commit too.
    del bisect
    from diag.api.bench import bench
    from diag.cli.output import show_report
    from diag.cli.progress import TerminalProgress

    with TerminalProgress() as progress:
        report = bench(options_from(given), progress, scenarios=scenarios, save_baseline=save_baseline)
    return show_report(report, as_json=as_json, fail_on=fail_on)
