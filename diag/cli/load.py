"""`diag load`."""

from __future__ import annotations

from typing import Any

import click

from diag.cli.help_examples import Worded
from diag.cli.options import (
    Numbers,
    Whole,
    endpoint_option,
    json_option,
    lang_option,
    options_from,
    out_option,
    prompt_option,
    seed_option,
)


@click.command(
    "load",
    cls=Worded,
    names_configs=True,
    short_help="Hold more and more sessions at once, and show what the load does.",
    examples=(
        "diag load healthy --sessions 1,5,20",
        "diag load my_app.toml --sessions 1,2,3 --endpoint gemini --budget 6",
    ),
)
@click.argument("config")
@click.option("--sessions", type=Numbers(), default="1,5,20", show_default=True, metavar="N,N,…",
              help="Numbers of sessions at once, one step after the other.")  # fmt: skip
@click.option("--rounds", type=Whole(1, 100), default=1, show_default=True, metavar="N",
              help="How often each step is repeated.")  # fmt: skip
@click.option("--budget", type=Whole(1, 10_000), default=None, metavar="N",
              help="Most sessions to open at a real service, which needs it.")  # fmt: skip
@prompt_option
@endpoint_option
@out_option
@seed_option
@lang_option
@json_option
def command(
    config: str, *, sessions: tuple[int, ...], rounds: int, budget: int | None, as_json: bool, **given: Any
) -> int:
    """Hold more and more sessions at once, and show what the load does to the wait and to failures.

    No devices are used: every session sends one prompt in real time and waits for the first audio. Sessions in which
    diag itself sent late are counted and not used.

    Exit code 1 means that sessions failed, or that the wait grows with the load.
    """
    from diag.api.load import load
    from diag.cli.output import show_json, show_text
    from diag.cli.progress import TerminalProgress
    from diag.report.endurance import endurance_text, exit_code_of, load_lines

    with TerminalProgress() as progress:
        result, summary, page = load(config, sessions, options_from(given), progress, rounds=rounds, budget=budget)
    show_text(endurance_text(load_lines(summary), summary.problems, summary.not_shown, page), err=as_json)
    if as_json:
        show_json({**result.to_json(), "report": str(page)})
    return exit_code_of(summary)
