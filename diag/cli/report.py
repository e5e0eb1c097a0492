"""`diag report`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from diag.cli.help_examples import Worded
from diag.cli.options import (
    embed_option,
    fail_on_option,
    format_options,
    json_option,
    lang_option,
    options_from,
    out_option,
    voice_option,
)


@click.command(
    "report",
    cls=Worded,
    short_help="Judge saved runs again, and write one HTML report.",
    examples=(
        "diag report reports/runs/20261122-140500-healthy-7f3a",
        "diag report reports/runs/* --embed all",
        "diag report reports/runs/20261122-140500-healthy-7f3a --format junit --format markdown",
        "diag report reports/runs/20261122-140500-healthy-7f3a --voice kore.voice.json",
    ),
)
@click.argument("folders", nargs=-1, required=True, metavar="RUN...", type=click.Path(path_type=Path))
@voice_option
@out_option
@embed_option
@format_options
@lang_option
@json_option
@fail_on_option
def command(folders: tuple[Path, ...], *, as_json: bool, fail_on: str, **given: Any) -> int:
    """Judge saved runs again, and write one HTML file that needs no network.

    RUN is the folder of a saved run. Nothing is recorded, so no device and no network is used.
    """
    from diag.api.report import report_of_runs
    from diag.cli.output import show_report

    report = report_of_runs(folders, options_from(given), processes=True)
    return show_report(report, as_json=as_json, fail_on=fail_on)
