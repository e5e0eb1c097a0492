"""Commands whose help ends with examples."""

from __future__ import annotations

import os
from typing import Any

import click


class Worded(click.Command):
    """A command with examples under its options.

    Parameters
    ----------
    examples : tuple of str
        Whole command lines.
    names_configs : bool
        Whether help lists the configurations and prompts that are there by name.
    """

    def __init__(self, *args: Any, examples: tuple[str, ...] = (), names_configs: bool = False, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.examples = examples
        self.names_configs = names_configs

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command, with what libraries log sent to the log file."""
        from diag.files.log import send_logs_to_file

        send_logs_to_file()
        return super().invoke(ctx)

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        if self.names_configs:
            _write_names(formatter)
        write_examples(formatter, self.examples)


def use_one_thread() -> None:
    """Keep numpy from sharing small products among threads: on a busy machine they wait for each other.

    To be called before numpy is imported; what the user has set stays.
    """
    for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
        os.environ.setdefault(name, "1")


def write_examples(formatter: click.HelpFormatter, examples: tuple[str, ...]) -> None:
    """Write examples, one a line, as they are."""
    with formatter.section("Examples"):
        for example in examples:
            formatter.write(f"{' ' * formatter.current_indent}{example}\n")


def _write_names(formatter: click.HelpFormatter) -> None:
    from diag.files.prompts import PROMPTS_FOLDER, PROMPTS_TABLE, load_prompts, project_folder

    folder = project_folder()
    if not (folder / PROMPTS_FOLDER / PROMPTS_TABLE).is_file():
        return
    with formatter.section("Configurations by name"):
        formatter.write_text(", ".join(sorted(path.stem for path in folder.glob("*.toml"))))
    with formatter.section("Prompts by name"):
        formatter.write_text(", ".join(prompt.name for prompt in load_prompts(folder / PROMPTS_FOLDER)))
