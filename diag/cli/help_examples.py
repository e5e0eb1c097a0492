"""Command class whose help ends with examples."""

from __future__ import annotations

import os
from typing import Any

import click


class Worded(click.Command):
    """Command whose help shows examples below the options.

    Parameters
    ----------
    examples : tuple of str
        Complete command lines.
    names_configs : bool
        Whether the help lists the names of configurations and prompts.
    """

    def __init__(self, *args: Any, examples: tuple[str, ...] = (), names_configs: bool = False, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.examples = examples
        self.names_configs = names_configs

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command. Log lines of libraries go to the log file."""
        from diag.files.log import send_logs_to_file

        send_logs_to_file()
        return super().invoke(ctx)

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        if self.names_configs:
            _write_names(formatter)
        write_examples(formatter, self.examples)


def use_one_thread() -> None:
    """Limit linear algebra to one thread, unless the user has set a number.

    Small products gain nothing from threads, and on a busy machine the threads wait for each other. This must be called
    before numpy is imported.
    """
    for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
        os.environ.setdefault(name, "1")


def write_examples(formatter: click.HelpFormatter, examples: tuple[str, ...]) -> None:
    """Write examples, one per line, without wrapping them."""
    with formatter.section("Examples"):
        for example in examples:
            formatter.write(f"{' ' * formatter.current_indent}{example}\n")


def _write_names(formatter: click.HelpFormatter) -> None:
    from diag.api.names import configuration_names, prompt_names

    for title, names in (("Configurations by name", configuration_names()), ("Prompts by name", prompt_names())):
        if names:
            with formatter.section(title):
                formatter.write_text(", ".join(names))
