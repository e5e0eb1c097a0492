"""`diag soak`."""

from __future__ import annotations

from typing import Any

import click

from diag.cli.help_examples import Worded
from diag.cli.options import (
    audio_option,
    device_option,
    endpoint_option,
    json_option,
    lang_option,
    options_from,
    out_option,
    prompt_option,
    seed_option,
)


@click.command(
    "soak",
    cls=Worded,
    names_configs=True,
    short_help="Hold one long session, and show what changes over time.",
    examples=("diag soak healthy --minutes 30", "diag soak my_app.toml --minutes 12 --audio wire --json > soak.json"),
)
@click.argument("config")
@click.option("--minutes", type=click.FloatRange(0.2, 600), default=30.0, show_default=True, metavar="N",
              help="Length of the session.")  # fmt: skip
@prompt_option
@audio_option
@device_option
@endpoint_option
@out_option
@seed_option
@lang_option
@json_option
def command(config: str, *, minutes: float, as_json: bool, **given: Any) -> int:
    """Hold one long session, and show what changes over time.

    Prompts are spoken one after the other. The report shows the wait for each reply, memory, clock drift and gaps over
    time. When the service sends goAway or ends the connection, the session is resumed on a new one.

    Exit code 1 means that something is wrong: the wait or the memory grows, a connection was lost, a reply is missing.
    """
    from diag.api.soak import soak
    from diag.cli.output import show_json, show_text
    from diag.cli.progress import TerminalProgress
    from diag.report.endurance import endurance_text, exit_code_of, soak_lines

    with TerminalProgress() as progress:
        result, summary, page = soak(config, minutes, options_from(given), progress)
    text = endurance_text(soak_lines(result, summary), summary.problems, summary.not_shown, page)
    show_text(text, err=as_json)
    if as_json:
        show_json({**result.to_json(), "report": str(page)})
    return exit_code_of(summary)
