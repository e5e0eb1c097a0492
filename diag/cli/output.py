"""Show the result of a command as text or JSON, and return its exit code."""

from __future__ import annotations

import json
import os
import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

import click

from diag.core.errors import CannotMeasureError
from diag.core.keys import without_keys, without_secrets
from diag.core.plain_text import json_safe, visible
from diag.report.language import tr

if TYPE_CHECKING:
    from diag.core.results import Report

MAX_WIDTH = 110
LARGE_BYTES = 100_000_000
"""From here on, the space that runs take is told."""


def show_report(report: Report, *, as_json: bool, fail_on: str) -> int:
    """Show a report. With `as_json` the JSON goes to standard output and the text to standard error.

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
    _tell_size(report)
    return int(code)


def _tell_size(report: Report) -> None:
    from diag.files.run_shelf import size_of_runs

    size_bytes = size_of_runs([Path(run.folder) for run in report.runs if run.folder])
    if size_bytes >= LARGE_BYTES:
        words = tr("These runs take {size_mb:.0f} MB; `diag runs prune` removes recordings of old ones.")
        _echo(words.format(size_mb=size_bytes / 1e6), err=True)


def show_json(document: Any) -> None:
    """Print one JSON document on standard output, without keys."""
    _echo(json_safe(json.dumps(without_secrets(document), ensure_ascii=False, allow_nan=False)))


def show_text(text: str, *, err: bool = False) -> None:
    """Print text without keys and control characters, with colour on a terminal unless `NO_COLOR` is set."""
    from diag.report.terminal import coloured

    stream = sys.stderr if err else sys.stdout
    wanted = _is_terminal(stream) and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"
    safe = visible(without_keys(text))
    _echo(coloured(safe) if wanted else safe, err=err)


def terminal_width(*, err: bool = False) -> int:
    """Return the width of the text: that of the terminal, at most 110 columns; 100 in a pipe."""
    stream = sys.stderr if err else sys.stdout
    return min(shutil.get_terminal_size((80, 24)).columns, MAX_WIDTH) if _is_terminal(stream) else 100


def _is_terminal(stream: TextIO | None) -> bool:
    return stream is not None and stream.isatty()


def _echo(text: str, *, err: bool = False) -> None:
    """Write a line of output.

    Raises
    ------
    CannotMeasureError
        If standard output is closed or cannot be written. A closed standard error is ignored.
    """
    stream: TextIO | None = sys.stderr if err else sys.stdout
    attempted, next_step = "Could not write the output", "send it to a file or a program that takes it"
    if stream is None:
        if err:
            return
        raise CannotMeasureError(attempted, seen="standard output is closed", next_step=next_step)
    try:
        click.echo(text, err=err)
    except BrokenPipeError:
        # The reading program has closed the pipe. The exit code still says how the command ended.
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
    except OSError as error:
        # Python would complain about the rest of the output when it shuts down.
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
        raise CannotMeasureError(attempted, seen=error.strerror or str(error), next_step=next_step) from None
