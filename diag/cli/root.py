"""The command `diag`: finds its subcommands, imports each only when it is called, and shows the first steps."""

from __future__ import annotations

import difflib
import importlib
from typing import Any

import click

from diag import __version__
from diag.cli.help_examples import write_examples
from diag.core.errors import BadInputError

COMMANDS = (
    "doctor", "devices", "run", "compare", "init", "bench", "sweep", "soak", "load", "analyze", "voice", "report",
    "history", "runs", "verify", "explain", "serve", "proxy",
)  # fmt: skip
"""Subcommands in the order in which help lists them; each is `command` in the module of its name in `diag.cli`."""

FIRST_STEPS = """\
diag doctor                          check that this machine can measure; no key is needed
diag run healthy                     record 5 takes against a simulated service and judge them
diag compare healthy playback_16k    compare two configurations: what differs, and why
diag --help                          list all commands
"""


class LazyGroup(click.Group):
    """Command group that imports a subcommand only when it is called."""

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
        """Return the subcommand and its arguments.

        Raises
        ------
        BadInputError
            If there is no command of that name.
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
              help="Print the version.")  # fmt: skip
@click.pass_context
def diag(ctx: click.Context, /, **_options: Any) -> None:
    """Find out what is wrong with a voice conversation on the Gemini Live API, and where.

    diag plays a recorded prompt through a microphone, a client, the Live API, a player and a loudspeaker. It records
    the audio between each of them, and reports each fault with the part that causes it.

    `diag run CONFIG` plays the settings of your client through a client of its own. With `--app` it starts your own
    app instead. `diag proxy` and `diag serve` judge the sessions of any other client.

    \b
    Exit codes:
      0    measured, and no error found
      1    measured, and an error found
      2    wrong use, or a file that cannot be used
      3    could not measure: no connection, no key or no device
      4    no error found, but something was not shown to be right
      70   a bug in diag
      130  stopped by you
    """  # noqa: D301 - click needs the backspace itself: it keeps the lines of the list as they are
    if ctx.invoked_subcommand is None:
        click.echo(FIRST_STEPS, nl=False)
