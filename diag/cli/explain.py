"""`diag explain`."""

from __future__ import annotations

import click

from diag.cli.help_examples import Worded
from diag.cli.options import json_option


@click.command(
    "explain",
    cls=Worded,
    short_help="What a finding or a measure means, why it matters, how to mend it.",
    examples=(
        "diag explain",
        "diag explain PLY001",
        "diag explain rate_ratio --json",
    ),
)
@click.argument("name", metavar="[CODE|MEASURE]", required=False)
@json_option
def command(name: str | None, *, as_json: bool) -> int:
    """Say what a finding means, why it matters and how to mend it, or what a measure measures.

    Without CODE all findings are listed; with --json all measures too.
    """
    from diag.cli.output import show_json, show_text, terminal_width
    from diag.report.manual import contents, explain, explanation, overview

    if as_json:
        show_json(contents() if name is None else explanation(name))
    else:
        show_text(overview(terminal_width()) if name is None else explain(name))
    return 0
