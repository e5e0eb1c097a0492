"""`diag explain`."""

from __future__ import annotations

import click

from diag.cli.help_examples import Worded
from diag.cli.options import json_option


@click.command(
    "explain",
    cls=Worded,
    short_help="Explain a finding or a measure: meaning, causes and fix.",
    examples=(
        "diag explain",
        "diag explain PLY001",
        "diag explain rate_ratio --json",
    ),
)
@click.argument("name", metavar="[CODE|MEASURE]", required=False)
@json_option
def command(name: str | None, *, as_json: bool) -> int:
    """Explain a finding or a measure.

    For a finding: what it shows, why it matters, its evidence, likely causes, the fix, and what it does not prove. For
    a measure: what it measures, and when it has no value.

    Without an argument, all findings are listed. With --json, all measures are listed too.
    """
    from diag.cli.output import show_json, show_text, terminal_width
    from diag.report.manual import contents, explain, explanation, overview

    if as_json:
        show_json(contents() if name is None else explanation(name))
    else:
        show_text(overview(terminal_width()) if name is None else explain(name))
    return 0
