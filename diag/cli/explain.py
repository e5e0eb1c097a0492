"""`diag explain`."""

from __future__ import annotations

import click

from diag.cli.help_examples import Worded
from diag.cli.options import json_option, lang_option


@click.command(
    "explain",
    cls=Worded,
    short_help="Explain a finding, a measure, a word, or what you hear: meaning, causes and fix.",
    examples=(
        "diag explain",
        "diag explain PLY001",
        "diag explain dull",
        "diag explain treble lost",
        "diag explain rate_ratio --json",
    ),
)
@click.argument("words", metavar="[CODE|MEASURE|WORDS]", nargs=-1)
@lang_option
@json_option
def command(words: tuple[str, ...], *, as_json: bool) -> int:
    """Explain a finding, a measure, a word of diag, or what you hear.

    For a finding: what it shows, why it matters, its evidence, likely causes, the fix, and what it does not prove. For
    a measure: what it measures, and when it has no value. For what you hear, such as dull, slow, late, silent,
    chopped, robotic or echo: the findings that can cause it, and commands that tell them apart.

    Without an argument, all findings are listed. With --json, all measures are listed too.
    """
    from diag.cli.output import show_json, show_text, terminal_width
    from diag.report.manual import contents, explain, explanation, overview

    name = " ".join(words)
    if as_json:
        show_json(explanation(name) if words else contents())
    else:
        show_text(explain(name, terminal_width()) if words else overview(terminal_width()))
    return 0
