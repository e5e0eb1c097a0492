"""How a command hands over its result: JSON or text, then the exit code."""

from __future__ import annotations

import json
import os
import shutil
import sys
from typing import TYPE_CHECKING, Any

import click

from diag.core.keys import without_keys

if TYPE_CHECKING:
    from diag.core.results import Report

MAX_WIDTH = 110


def show_report(report: Report, *, as_json: bool, fail_on: str) -> int:
    """Show a report; with `as_json` the document goes to standard output and the text to standard error.

    Returns
    -------
    int
        The exit code.
    """
    from diag.api.report import exit_code
    from diag.report.terminal import report_text

    code = exit_code(report, fail_on)
    show_text(report_text(report, code, width=terminal_width(err=as_json)), err=as_json)
    if as_json:
        show_json(report.to_json())
    return int(code)


def show_json(document: Any) -> None:
    """Print one JSON document on standard output."""
    _echo(json.dumps(document, ensure_ascii=False, allow_nan=False))


def show_text(text: str, *, err: bool = False) -> None:
    """Print text, with colour where a person sees it and `NO_COLOR` is not set."""
    from diag.report.terminal import coloured

    stream = sys.stderr if err else sys.stdout
    wanted = stream.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"
    _echo(coloured(text) if wanted else text, err=err)


def terminal_width(*, err: bool = False) -> int:
    """Columns to fill: the terminal's, at most 110; 100 in a pipe."""
    stream = sys.stderr if err else sys.stdout
    return min(shutil.get_terminal_size((80, 24)).columns, MAX_WIDTH) if stream.isatty() else 100


def _echo(text: str, *, err: bool = False) -> None:
    try:
        click.echo(without_keys(text), err=err)
    except BrokenPipeError:
        # The reader has had enough: the exit code still tells how it went.
        stream = sys.stderr if err else sys.stdout
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
