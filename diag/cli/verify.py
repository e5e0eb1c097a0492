"""`diag verify`."""

from __future__ import annotations

from pathlib import Path

import click

from diag.cli.help_examples import Worded, use_one_thread
from diag.cli.options import json_option


@click.command(
    "verify",
    cls=Worded,
    short_help="Check the files of a saved run, and derive its numbers again.",
    examples=(
        "diag verify reports/runs/20261122-140500-healthy-7f3a",
        "diag verify reports/runs/20261122-140500-healthy-7f3a --report release.html",
    ),
)
@click.argument("folder", metavar="RUN", type=click.Path(path_type=Path))
@click.option(
    "--report",
    "page",
    type=click.Path(path_type=Path),
    default=None,
    metavar="PAGE",
    help="Report that shows this run.  [default: the one with the name of the run, if it is there]",
)
@json_option
def command(folder: Path, *, page: Path | None, as_json: bool) -> int:
    """Check the files of a saved run against their checksums, and derive every number again.

    RUN is the folder of a saved run. Its takes are judged again from recordings and events, and every number in
    result.json and in the report is compared with the derived one. Nothing is written.

    Exit code 1 means that a file was changed, or that a number does not follow from the recordings. Exit code 4 means
    that something could not be verified, for example a run that was recorded without checksums.
    """
    use_one_thread()
    from diag.api.verify import verify_run
    from diag.cli.output import show_json, show_text, terminal_width
    from diag.cli.progress import TerminalProgress
    from diag.report.verify_text import verification_text

    with TerminalProgress() as progress:
        result = verify_run(folder, progress, page=page)
    text = verification_text(
        result.folder, takes=result.takes, files=result.files, numbers=result.numbers,
        problems=[(item.place, item.text) for item in result.problems], unproven=result.unproven,
        width=terminal_width(err=as_json),
    )  # fmt: skip
    show_text(text, err=as_json)
    if as_json:
        show_json(result.to_json())
    return int(result.exit_code)
