"""`diag explain`."""

from __future__ import annotations

import click

from diag.cli.worded import Worded


@click.command(
    "explain",
    cls=Worded,
    short_help="What a finding means, why it matters, how to mend it.",
    examples=(
        "diag explain",
        "diag explain PLY001",
    ),
)
@click.argument("code", required=False)
def command(code: str | None) -> int:
    """Say what a finding means, why it matters and how to mend it.

    Without CODE all findings are listed.
    """
    from diag.cli.show import show_text, terminal_width
    from diag.manual import explain, overview

    show_text(overview(terminal_width()) if code is None else explain(code))
    return 0
