"""Commands whose help ends with examples."""

from __future__ import annotations

from typing import Any

import click


class Worded(click.Command):
    """A command with examples under its options.

    Parameters
    ----------
    examples : tuple of str
        Whole command lines.
    """

    def __init__(self, *args: Any, examples: tuple[str, ...] = (), **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.examples = examples

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command, with what libraries log sent to the log file."""
        from diag.logbook import send_logs_to_file

        send_logs_to_file()
        return super().invoke(ctx)

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        write_examples(formatter, self.examples)


def write_examples(formatter: click.HelpFormatter, examples: tuple[str, ...]) -> None:
    """Write examples, one a line, as they are."""
    with formatter.section("Examples"):
        for example in examples:
            formatter.write(f"{' ' * formatter.current_indent}{example}\n")
