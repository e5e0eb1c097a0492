"""`diag` itself: finds subcommands, each imported only when it is called, and tells a newcomer where to start."""

from __future__ import annotations

import difflib
import importlib
from typing import Any

import click

from diag import __version__
from diag.cli.help_examples import write_examples
from diag.core.errors import BadInputError

COMMANDS = ("doctor", "devices", "run", "compare", "bench", "analyze", "voice", "report", "explain", "serve")
"""Subcommands in the order in which help lists them; each is `command` in the module of its name in `diag.cli`."""

FIRST_STEPS = """\
diag doctor                          is this machine ready? no key is needed
diag run healthy                     5 takes against a simulated service, without key or sound card
diag compare healthy playback_16k    two configurations: what differs, and why
diag --help                          all commands; `diag run healthy --endpoint gemini` is the real service
"""


class LazyGroup(click.Group):
    """A group whose subcommands are imported when they are asked for."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        command: click.Command = importlib.import_module(f"diag.cli.{cmd_name}").command
        return command

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        write_examples(formatter, ("diag doctor", "diag run healthy", "diag compare healthy playback_16k"))

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the subcommand.

        Raises
        ------
        BadInputError
            If there is none of that name.
        """
        if args and not args[0].startswith("-") and args[0] not in COMMANDS:
            close = difflib.get_close_matches(args[0], COMMANDS, n=1)
            raise BadInputError(
                f"Could not run `diag {args[0]}`",
                seen="there is no such command",
                allowed=", ".join(COMMANDS),
                next_step=f"did you mean `diag {close[0]}`?" if close else "see `diag --help`",
            )
        return super().resolve_command(ctx, args)


def _tell_version(ctx: click.Context, _parameter: click.Parameter, asked: bool) -> None:
    if asked:
        click.echo(f"diag {__version__}")
        ctx.exit()


@click.group(
    cls=LazyGroup,
    invoke_without_command=True,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
@click.option("--version", is_flag=True, is_eager=True, expose_value=False, callback=_tell_version,
              help="Print the version and stop.")  # fmt: skip
@click.pass_context
def diag(ctx: click.Context, /, **_options: Any) -> None:
    """Find out what is wrong with a voice conversation on the Gemini Live API, and whose fault it is.

    A recorded prompt goes through microphone, sender, service, player and loudspeaker; every joint is recorded, and
    each fault is named where it happens.

    Exit codes: 0 measured and nothing found, 1 measured and something found, 2 wrong use or a bad file, 3 could not
    measure, 4 too little evidence to decide, 70 a bug of ours, 130 stopped by you.
    """
    if ctx.invoked_subcommand is None:
        click.echo(FIRST_STEPS, nl=False)
